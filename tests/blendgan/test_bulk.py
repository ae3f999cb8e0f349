"""toonify over folders: by one process, by several, by Ray; interrupted, resumed, with failures."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from blendgan.bulk import FAILURES
from blendgan.cli.main import run
from blendgan.journal import NAME
from stylegan2.errors import InputError

Run = Callable[..., int]


@pytest.fixture(scope="module")
def words(pico_pair: list[str]) -> list[str]:
    """What every command line here says: pico models, aligned pictures, one step, one thread."""
    return [*pico_pair, "--swap-res", "8", "--aligned", "--steps", "1", "--threads", "1"]


@pytest.fixture
def photos(tmp_path: Path, write_pictures: Callable[[Path, int, int], Path]) -> Path:
    """Three pictures, one of them in a folder below, and a fourth that is none."""
    folder = write_pictures(tmp_path / "photos", 3, 32)
    (folder / "below").mkdir()
    (folder / "2.png").rename(folder / "below" / "0.png")
    (folder / "broken.jpg").write_text("no picture")
    return folder


def alive_of_group(group: int) -> list[str]:
    """The processes of a group, but for those that have ended and wait for their parent to notice; on Linux."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _, _, fields = stat.read_text().rpartition(")")
            state, _, belongs = fields.split()[:3]
            found += [stat.parent.name] if int(belongs) == group and state != "Z" else []
    return found


def results(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.toon.*")}


def test_a_folder_keeps_its_folders_and_names_what_fails(
    photos: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["toonify", str(photos), *words, "--outdir", str(out)]) == 3
    said = capsys.readouterr()
    assert said.out == f"done 3, skipped 0, failed 1; see {out / FAILURES}\n"
    assert "broken.jpg: not a picture that can be read" in said.err
    assert sorted(results(out)) == sorted(
        f"{name}.toon.{kind}" for name in ("0", "1", "below/0") for kind in ("png", "strip.png", "npz")
    )
    assert (out / FAILURES).read_text().startswith(f"{photos / 'broken.jpg'}\tnot a picture")
    assert not list(out.rglob("*.part"))


def test_the_next_run_does_what_is_not_done(
    photos: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    line = ["toonify", str(photos), *words, "--outdir", str(out), "--no-metadata"]

    def tally(*more: str) -> str:
        run([*line, *more])
        return capsys.readouterr().out.split(";")[0].strip()

    assert tally() == "done 3, skipped 0, failed 1"
    before = results(out)
    assert tally() == "done 0, skipped 3, failed 1"
    (photos / "broken.jpg").unlink()
    assert tally() == "done 0, skipped 3, failed 0"
    assert not (out / FAILURES).exists()
    (out / "0.toon.png").write_bytes(b"another program's")  # a result that is not what was written
    (out / "1.toon.strip.png").unlink()
    assert tally() == "done 2, skipped 1, failed 0"
    assert results(out) == before
    (photos / "0.png").write_bytes((photos / "1.png").read_bytes())  # another photo: its latents are replaced as well
    assert tally() == "done 1, skipped 2, failed 0"
    assert results(out)["0.toon.npz"] == before["1.toon.npz"]
    assert tally("--force") == "done 3, skipped 0, failed 0"
    line[line.index("8")] = "4"  # another recipe
    assert tally() == "done 3, skipped 0, failed 0"
    assert results(out)["1.toon.png"] != before["1.toon.png"]


def test_latents_of_another_run_are_refused_and_those_of_an_interrupted_one_replaced(
    photos: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (photos / "broken.jpg").unlink()
    (out / "0.toon.npz").write_bytes(b"mine")
    (out / "1.toon.npz").write_bytes(b"half of an interrupted run")
    (out / ".1.toon.png.01234567.part").write_bytes(b"half")
    (out / NAME).write_text('\n{"picture": "1.toon.png", "photo": "1.png", "state": "begun"}\n{"picture": "0.to')
    assert run(["toonify", str(photos), *words, "--outdir", str(out)]) == 3
    assert "0.png: " in (error := capsys.readouterr().err) and "another latent is there already" in error
    assert (out / "0.toon.npz").read_bytes() == b"mine"
    assert (out / "1.toon.png").exists() and not list(out.glob("*.part"))
    entries = [json.loads(line) for line in (out / NAME).read_text().splitlines()[3:]]
    assert {(e["picture"], e["state"]) for e in entries} >= {("0.toon.png", "failed"), ("1.toon.png", "done")}


def test_photos_of_one_stem_both_get_results(
    words: list[str], tmp_path: Path, write_pictures: Callable[[Path, int, int], Path]
) -> None:
    folder = write_pictures(tmp_path / "photos", 1, 32)
    (folder / "0.webp").write_bytes((folder / "0.png").read_bytes())
    assert run(["toonify", str(folder / "*"), *words, "--quiet"]) == 0
    assert {"0.png.toon.png", "0.webp.toon.png"} <= set(results(folder))


@pytest.mark.slow
def test_workers_draw_the_same_bytes(photos: Path, words: list[str], tmp_path: Path) -> None:
    for name, more in (("one", []), ("two", ["--workers", "2"])):
        assert run(["toonify", str(photos), *words, "--quiet", "--outdir", str(tmp_path / name), *more]) == 3
    assert results(tmp_path / "one") == results(tmp_path / "two")


def test_usage(photos: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more, said in (
        (["--address", "auto"], "say --engine ray as well"),
        (["-o", "x.png"], "-o names one result, 4 photos are given"),
        (["--workers", "0"], "0 is not in the range"),
    ):
        assert run(["toonify", str(photos), *words, *more]) == 2
        assert said in capsys.readouterr().err
    assert run(["toonify", str(tmp_path / "*.jpg"), *words]) == 2
    assert "found no pictures by this pattern" in capsys.readouterr().err


def is_noted_done(out: Path) -> bool:
    """Whether a photo's end is in the journal: its picture is there a moment before, and would be made again."""
    return (out / NAME).is_file() and '"done"' in (out / NAME).read_text()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_ends_the_workers_and_the_next_run_goes_on(words: list[str], tmp_path: Path, write_pictures) -> None:  # type: ignore[no-untyped-def]
    photos, out = write_pictures(tmp_path / "photos", 12, 32), tmp_path / "out"
    slow = [word if word != "1" else "100" for word in words[:-2]]
    line = [sys.executable, "-m", "blendgan", "toonify", str(photos), *slow, "--workers", "2", "--outdir", str(out)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        until = time.monotonic() + 300
        while not is_noted_done(out) and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error.strip()) == (130, "blendgan: interrupted")
    until = time.monotonic() + 20
    while (left := alive_of_group(process.pid)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left
    assert not list(out.glob("*.part"))
    done = len(list(out.glob("*.toon.png")))
    assert 1 <= done < 12
    ended = subprocess.run(line, capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("failed 0\n") and "done 12, skipped 0" not in ended.stdout
    assert len(list(out.glob("*.toon.png"))) == 12


# ---- Ray ------------------------------------------------------------------------------------------------------


def test_without_ray_one_line_says_what_to_install(
    photos: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(["toonify", str(photos), *words, "--engine", "ray"]) == 2
    error = capsys.readouterr().err
    assert "pip install 'blendgan[bulk]'" in error and len(error.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own, of what it will change
def test_ray_loses_nothing_when_workers_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="pip install 'blendgan[bulk]'")
    from blendgan.ray_engine import LOST, RayEngine

    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, str(Path(__file__).parents[2])]))
    crew_work = importlib.import_module("crew_work")
    items = ["a", "once", "bad", "kill", "b", "c"]
    engine = RayEngine(partial(crew_work.open_work, tmp_path), workers=2)
    ended = list(engine(items, len(items)))  # type: ignore[arg-type]
    assert sorted(item for item, _ in ended) == sorted(items)
    assert dict(ended) == {"a": "", "once": "", "bad": "bad cannot be done", "kill": LOST, "b": "", "c": ""}
    tries = {item: len(list(tmp_path.glob(f"{item}.*"))) for item in items}
    assert tries["once"] == 2 and tries["kill"] == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_draws_the_same_bytes_and_says_no_more(photos: Path, words: list[str], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="pip install 'blendgan[bulk]'")
    line = [sys.executable, "-m", "blendgan", "toonify", str(photos), *words, "--outdir"]
    plain = subprocess.run([*line, str(tmp_path / "one")], capture_output=True, text=True, check=False)
    ray = [*line, str(tmp_path / "two"), "--engine", "ray", "--workers", "1"]
    by_ray = subprocess.run(ray, capture_output=True, text=True, check=False)
    assert results(tmp_path / "one") == results(tmp_path / "two")
    assert (by_ray.returncode, by_ray.stderr) == (plain.returncode, plain.stderr) and plain.returncode == 3
    assert by_ray.stdout == plain.stdout.replace(f"{tmp_path / 'one'}", f"{tmp_path / 'two'}")


def test_a_ray_that_does_not_answer_is_one_line() -> None:
    from blendgan.ray_engine import require_answer

    require_answer("auto")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        require_answer(address)
    with pytest.raises(InputError, match=f"ray: nobody answers at {address} "):
        require_answer(address)
    for odd in ("here", "here:", ":80", "here:x"):
        with pytest.raises(InputError, match="expected HOST:PORT, or auto"):
            require_answer(odd)
    with pytest.raises(InputError, match="nobody answers"):
        require_answer("127.0.0.1:70000")
