"""`blendgan explore` as a command: one line and exit 2 before anything is served, and the app's own exit code."""

from __future__ import annotations

import socket
import sys

import pytest

from blendgan import explorer
from blendgan.cli import explore, main


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["portraits"], "models: found 1, expected BASE and TRANSFER, or none for the shipped models"),
        (["--address", "8.8.8.8"], "address: 8.8.8.8 is not of this machine; expected localhost or one that is"),
    ],
)
def test_what_cannot_be_is_one_line(words, line, capsys):
    pytest.importorskip("streamlit", reason="the explorer needs the extra `app`")
    assert main.run(["explore", "--no-browser", *words]) == 2
    assert capsys.readouterr() == ("", f"blendgan: {line}\n")


def test_models_that_cannot_be_read_are_told_by_the_process_that_would_serve(capfd):
    pytest.importorskip("streamlit", reason="the explorer needs the extra `app`")
    assert main.run(["explore", "--no-browser", "portraits", "none.pkl"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("blendgan: none.pkl: neither an existing file nor a shipped name")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "exit_code", "line"),
    [
        ("", 0, ""),
        ("import sys; sys.exit(5)", 5, ""),
        (
            "import os; os.kill(os.getpid(), 9)",
            2,
            "blendgan: explorer: its process was ended by signal 9; perhaps the memory was full\n",
        ),
    ],
)
def test_the_exit_code_is_the_processes(monkeypatch, capsys, code, exit_code, line):
    monkeypatch.setattr(explorer, "require_streamlit", lambda: None)
    monkeypatch.setattr(explorer, "command", lambda *words: [sys.executable, "-c", code])
    assert main.run(["explore", "--no-browser"]) == exit_code
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize(("flags", "screen", "opened"), [([], True, 1), ([], False, 0), (["--no-browser"], True, 0)])
@pytest.mark.parametrize("address", ["localhost", "0.0.0.0"])
def test_the_address_is_told_and_opened_where_there_is_a_screen(monkeypatch, capsys, flags, screen, opened, address):
    serve = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); s.accept()"
    launched: list[str] = []
    monkeypatch.setattr(explorer, "require_streamlit", lambda: None)
    monkeypatch.setattr(explorer, "command", lambda _, __, port: [sys.executable, "-c", serve, str(port)])
    monkeypatch.setattr(explore, "_has_screen", lambda: screen)
    monkeypatch.setattr(explore.click, "launch", launched.append)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert main.run(["explore", *flags, "--port", str(port), "--address", address]) == 0
    out, err = capsys.readouterr()
    assert out == f"The explorer is at http://localhost:{port} (Ctrl-C ends it)\n"
    assert ("other machines can reach it" in err and "HTTPS only" in err) == (address == "0.0.0.0")
    assert launched == [f"http://localhost:{port}"] * opened
