"""A port that is free, and a process that answers, and is gone when its block is left, or when ours dies."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from blendgan import explorer_process
from blendgan.explorer_process import answers, free_port, running
from stylegan2.errors import InputError

LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    sys.stdin.read()
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@contextmanager
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_asked_for_must_be_free():
    with taken() as port, pytest.raises(InputError) as caught:
        free_port("127.0.0.1", port)
    assert str(caught.value) == (
        f"port {port}: is taken at 127.0.0.1; choose another one, or leave --port out for the next free one"
    )
    assert free_port("127.0.0.1", port) == port  # a moment after it was left
    with taken() as port, pytest.raises(InputError, match=f"port {port}: is taken at localhost"):
        free_port("localhost", port)  # which has an address of IPv6 too


def test_the_next_free_port_is_found(monkeypatch):
    with taken() as port:
        monkeypatch.setattr(explorer_process, "FIRST_PORT", port)
        assert port < free_port("127.0.0.1") < port + explorer_process.PORTS
        monkeypatch.setattr(explorer_process, "PORTS", 1)
        with pytest.raises(InputError, match=f"ports {port} to {port}: all are taken"):
            free_port("127.0.0.1")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("8.8.8.8", "address: 8.8.8.8 is not of this machine; expected localhost or one that is"),
        ("a..b", "address: found 'a..b', expected localhost or an address of this machine"),
    ],
)
def test_an_address_must_be_of_this_machine(address, message):
    with pytest.raises(InputError) as caught:
        free_port(address)
    assert str(caught.value) == message


def test_a_port_that_needs_more_rights(monkeypatch):
    monkeypatch.setattr(explorer_process, "_state", lambda *words: errno.EACCES)  # whoever runs the tests may have them
    with pytest.raises(InputError, match="port 80: this user may not listen there"):
        free_port("127.0.0.1", 80)


def test_a_process_answers_and_is_gone_with_its_block():
    port = free_port("127.0.0.1")
    with running([sys.executable, "-c", LISTEN, str(port)]) as process:
        assert answers(process, "127.0.0.1", port)
    assert process.poll() is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_one_that_ends_at_once_does_not_answer():
    with running([sys.executable, "-c", "import sys; sys.exit(7)"]) as process:
        assert not answers(process, "127.0.0.1", free_port("127.0.0.1"))
        assert process.returncode == 7


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that a process can ignore")
def test_one_that_does_not_listen_is_killed(monkeypatch):
    monkeypatch.setattr(explorer_process, "GRACE_S", 0.2)
    with running([sys.executable, "-c", STUBBORN]) as process:
        time.sleep(0.5)  # until it ignores
    assert process.returncode == -9


def test_an_error_on_the_way_ends_it_too():
    with pytest.raises(ZeroDivisionError), running([sys.executable, "-c", "input()"]) as process:
        raise ZeroDivisionError
    assert process.poll() is not None


def test_it_ends_when_the_one_that_started_it_is_killed(tmp_path):
    """Its standard input ends then; what it does about it is tested with the app's own program."""
    port = free_port("127.0.0.1")
    code = f"""
import sys, time
from blendgan.explorer_process import answers, running
with running([sys.executable, "-c", {LISTEN!r}, "{port}"]) as process:
    print(answers(process, "127.0.0.1", {port}), flush=True)
    time.sleep(60)
"""
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None and starter.stdout.readline() == "True\n"
    starter.kill()
    starter.wait()
    starter.stdout.close()
    for _ in range(50):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.1)
    pytest.fail("it still listens")
