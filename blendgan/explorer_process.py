"""The app's process: a free port for it, its start, when it answers, and its end, which is never later than ours."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stylegan2.errors import InputError

FIRST_PORT, PORTS = 8501, 100  # Streamlit's own, and the next ones
NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # such as IPv6's localhost on a machine without IPv6
POLL_S = 0.1
GRACE_S = 3.0  # to end by itself: a picture that is being drawn takes a second, a projection longer than anyone waits

Process = subprocess.Popen[bytes]


def free_port(address: str, wanted: int | None = None) -> int:
    """Return `wanted`, or else the first port from 8501 on that nobody listens on. Raises InputError."""
    if wanted is not None:
        if not _is_free(address, wanted):
            raise InputError(
                f"port {wanted}: is taken at {address}; choose another one, or leave --port out for the next free one"
            )
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        if _is_free(address, port):
            return port
    raise InputError(f"ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1}: all are taken at {address}; choose a --port")


@contextmanager
def running(command: Sequence[str]) -> Iterator[Process]:
    """Run the app's process until the block is left, whichever way.

    It reads its standard input, and ends when that does: so also when this process dies without a word. What Streamlit
    says on starting is dropped, errors go to our stderr.
    """
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        _end(process)


def answers(process: Process, host: str, port: int) -> bool:
    """Wait until the process takes connections; False where it ended instead."""
    while process.poll() is None:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(POLL_S)
        else:
            return process.poll() is None
    return False


def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_free(address: str, port: int) -> bool:
    """Whether every address that the name stands for takes a listener. Raises InputError where none is ours."""
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"address: found {address!r}, expected localhost or an address of this machine") from error
    states = [_state(family, place) for family, _, _, _, place in found]
    if set(states) <= {*NOT_HERE}:
        raise InputError(f"address: {address} is not of this machine; expected localhost or one that is")
    if errno.EACCES in states:
        raise InputError(f"port {port}: this user may not listen there; choose one from 1024 on")
    return errno.EADDRINUSE not in states


def _state(family: int, place: tuple[object, ...]) -> int:
    """0 where a listener can be put, else why not."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            if (
                os.name == "posix"
            ):  # a port that was left a moment ago is free; on Windows this would take it from others
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(place)
    except OSError as error:
        return error.errno or errno.EADDRINUSE
    return 0
