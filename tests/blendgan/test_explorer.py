"""What `blendgan explore` starts: models that fit, a Streamlit that is new enough, the app wherever it lies."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from blendgan import explorer
from blendgan.explorer_options import ExplorerOptions, read
from stylegan2.errors import InputError, ShapeMismatch, UnknownWeights

ROOT = Path(__file__).resolve().parent.parent.parent


def test_without_models_all_shipped_ones_are_offered_the_pair_first():
    assert explorer.offered(()) == ("portraits", "paintings", "cartoons")
    assert explorer.offered(("a.pkl", "b.pkl", "c.pkl")) == ("a.pkl", "b.pkl", "c.pkl")
    with pytest.raises(InputError) as caught:
        explorer.offered(("a.pkl",))
    assert str(caught.value) == "models: found 1, expected BASE and TRANSFER, or none for the shipped models"


def test_models_are_opened_and_blended_before_anything_starts(tmp_path, pico):
    usual = pico().config
    for name, config in (("a", usual), ("b", usual), ("other", replace(usual, channels=(8, 6, 5)))):
        pico(0, config).save(tmp_path / f"{name}.safetensors")
    a, b, other = (str(tmp_path / f"{name}.safetensors") for name in ("a", "b", "other"))
    explorer.check_models((a, b, other))  # what is offered besides need not fit these two
    with pytest.raises(ShapeMismatch, match=r"do not fit: .*channels: BASE has \(8, 6, 4\)"):
        explorer.check_models((a, other))
    with pytest.raises(UnknownWeights, match="neither an existing file nor a shipped name"):
        explorer.check_models((a, b, str(tmp_path / "none.pkl")))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "streamlit: not installed; the explorer needs Streamlit 1.60 or newer: pip install 'blendgan[app]'"),
        ("1.59.2", "streamlit: found 1.59.2; the explorer needs Streamlit 1.60 or newer: pip install 'blendgan[app]'"),
        ("1.60.0", None),
        ("1.67.0", None),
        ("2.0.0rc1", None),
    ],
)
def test_streamlit_must_be_new_enough(monkeypatch, found, message):
    def version(name):
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)
    if message is None:
        explorer.require_streamlit()
        return
    with pytest.raises(InputError) as caught:
        explorer.require_streamlit()
    assert str(caught.value) == message


def test_the_command_line_says_all_and_keeps_the_protection():
    options = ExplorerOptions(("ä b.pkl", "--c.pkl"), threads=2, device="cpu", max_upload_mb=5)
    python, program, run, page, *flags, dashes, said = explorer.command(options, "0.0.0.0", 8600)
    assert (python, run, dashes) == (sys.executable, "run", "--")
    assert Path(program).name == "serve.py" and Path(page).name == "main.py" and Path(page).is_file()
    assert {
        "--server.address=0.0.0.0",
        "--browser.serverAddress=localhost",
        "--server.port=8600",
        "--server.maxUploadSize=5",
        "--browser.gatherUsageStats=false",
        "--server.enableXsrfProtection=true",
    } <= set(flags)
    assert read([said]) == options


def test_every_flag_is_one_that_streamlit_has():
    config = pytest.importorskip("streamlit.config", reason="the explorer needs the extra `app`")
    known = set(config.get_config_options())
    flags = explorer.command(ExplorerOptions(), "localhost", 8501)[4:-2]
    assert {flag.partition("=")[0].removeprefix("--") for flag in flags} <= known


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("localhost", "http://localhost:8501"),
        ("0.0.0.0", "http://localhost:8501"),
        ("::", "http://localhost:8501"),
        ("::1", "http://[::1]:8501"),
        ("192.168.1.5", "http://192.168.1.5:8501"),
    ],
)
def test_the_address_that_a_browser_opens(address, url):
    assert explorer.url_of(address, 8501) == url


def test_the_app_of_a_wheel_comes_first(monkeypatch, tmp_path):
    bundled, checkout = tmp_path / "bundled", tmp_path / "checkout"
    monkeypatch.setattr(explorer, "PLACES", (bundled, checkout))
    with pytest.raises(InputError, match="serve.py is in none of"):
        explorer.find_app()
    for place in (checkout, bundled):
        place.mkdir()
        (place / "serve.py").touch()
        assert explorer.find_app() == place


@pytest.mark.slow
def test_a_wheel_has_all_of_the_app_and_finds_it(tmp_path):
    pytest.importorskip("hatchling", reason="a wheel is built with hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.removeprefix("blendgan/_bundled/") for name in archive.namelist()}
        archive.extractall(tmp_path / "site")
    files = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "app").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {"app/serve.py", "app/parts/curve.js", "app/parts/curve.css", "app/parts/curve.html"} <= files <= packed
    code = "import json; from blendgan.explorer import find_app; print(json.dumps(str(find_app())))"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "site", check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(told) == str(tmp_path / "site/blendgan/_bundled/app")
