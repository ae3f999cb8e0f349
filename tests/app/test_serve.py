"""The app's own process: it says what does not fit before it serves, and keeps uploads in memory."""

from __future__ import annotations

import json
import signal
import socket
import sys
from urllib.parse import urlsplit

import pytest

from app import serve
from blendgan.explorer_options import ExplorerOptions, dumps
from stylegan2.errors import InputError, RecipeError, UnknownWeights


def test_the_device_is_settled_once(pico_files):
    said = serve.checked(dumps(ExplorerOptions(tuple(pico_files), device="auto")))
    assert json.loads(said)["device"] in ("cpu", "cuda")
    assert json.loads(said)["models"] == pico_files
    with pytest.raises(InputError, match="found 'toaster'"):
        serve.checked(dumps(ExplorerOptions(tuple(pico_files), device="toaster")))
    with pytest.raises(UnknownWeights, match="nothing.pkl"):
        serve.checked(dumps(ExplorerOptions((pico_files[0], "nothing.pkl"))))


def test_what_the_user_can_mend_is_one_line(monkeypatch, capsys):
    def refuse(options):
        raise RecipeError("two\nlines")

    monkeypatch.setattr(serve, "checked", refuse)
    monkeypatch.setattr(serve, "end_with_input", lambda: None)
    monkeypatch.setattr(serve.signal, "signal", lambda *words: None)
    monkeypatch.setattr(sys, "argv", ["serve.py", "run", "main.py", "--", "{}"])
    with pytest.raises(SystemExit) as ended:
        serve.main()
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", "blendgan: two lines\n")


def test_large_uploads_stay_in_memory(monkeypatch):
    parsers = pytest.importorskip("starlette.formparsers", reason="this Streamlit has another server")
    monkeypatch.setattr(parsers.MultiPartParser, "spool_max_size", 1)
    serve.keep_uploads_in_memory()
    from tempfile import SpooledTemporaryFile

    with SpooledTemporaryFile(max_size=parsers.MultiPartParser.spool_max_size) as file:  # as Starlette makes it
        file.write(bytes(3 << 20))
        assert not file._rolled


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as SIGINT")
def test_ctrl_c_ends_command_and_server(pico_files, tmp_path):
    pytest.importorskip("playwright", reason="the module that starts it drives a browser too")
    from benchmarks.browser import explorer

    with explorer(*pico_files[:2], folder=tmp_path) as one:
        place = urlsplit(one.url)
        socket.create_connection((place.hostname, place.port), timeout=5).close()
        one.process.send_signal(signal.SIGINT)
        assert one.process.wait(20) == 130
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((place.hostname, place.port), timeout=5)
