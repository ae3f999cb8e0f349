"""`blendgan dni sweep`: wiring, files, exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from blendgan.cli import main


@pytest.fixture
def words(networks, smoother, smooth_pictures, tmp_path):
    """A command line on two smoothers and four pictures."""
    pair = networks(a=smoother(0.0), b=smoother(1.6))
    folder = smooth_pictures(tmp_path / "pictures", 4)
    names = [network.name for network in pair]
    return ["dni", "sweep", *map(str, names), "--images", str(folder), "--noise", "20", "--device", "cpu"]


def test_tables_and_pictures(words, tmp_path, capsys):
    out = tmp_path / "out"
    assert main.run([*words, "--outdir", str(out)]) == 0
    said = capsys.readouterr().out
    assert "a → b, noise 20" in said
    assert "│ 0.05 │" in said
    assert "best" in said
    assert "no barrier: the networks interpolate" in said
    assert str(out / "sweep.png") in said
    with Image.open(out / "sweep.png") as chart, Image.open(out / "sweep-strip.png") as strip:
        assert chart.size == (720, 400)
        assert strip.width > 8 * 128
        assert np.asarray(strip).std() > 20
    assert sorted(path.name for path in out.iterdir()) == ["sweep-strip.png", "sweep.jsonl", "sweep.png"]


def test_the_same_command_the_same_bytes(words, tmp_path, capsys):
    said = []
    for name in ("one", "two", "two"):
        assert main.run([*words, "--json", "--outdir", str(tmp_path / name)]) == 0
        captured = capsys.readouterr()
        said.append(captured.out)
    assert said[0] == said[1] == said[2]
    lines = len((tmp_path / "two" / "sweep.jsonl").read_text(encoding="utf-8").splitlines())
    assert captured.err == f"blendgan: went on from {lines - 1} measurements that --outdir held\n"
    for name in ("sweep.png", "sweep-strip.png", "sweep.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    curve = json.loads(said[0])["curves"][0]
    assert len(curve["points"]) == 21
    assert curve["best"] >= curve["points"][0]["value"]
    assert "line" in curve["verdict"]


def test_a_journal_of_other_settings_is_one_line_and_force_begins_anew(words, tmp_path, capsys):
    out = ["--outdir", str(tmp_path / "out")]
    assert main.run([*words, *out]) == 0
    capsys.readouterr()
    assert main.run([*words, *out, "--metric", "ssim"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "found metric psnr, expected metric ssim; choose another --outdir, or begin anew with --force" in err
    assert main.run([*words, *out, "--metric", "ssim", "--force"]) == 0
    assert "SSIM" in capsys.readouterr().out


def test_mistakes_are_one_line(words, tmp_path, capsys):
    for more, said in (
        (["--noise", "a,b"], "'a,b': expected standard deviations"),
        (["--noise", "300"], "noise: found 300, expected a standard deviation from 0 to 255"),
        (["--metric", "fid"], "'fid' is not one of"),
        (
            ["--metric", "lpips", "--vgg", str(tmp_path / "no.pth")],
            "or give it by --vgg FILE, or ask for psnr or ssim\n",
        ),
        (["--crop", "1"], "crop: found 1 px, expected at least 8; choose more, or 0 for whole pictures"),
        (["--images", str(tmp_path)], ""),
    ):
        assert main.run([*words, "--outdir", str(tmp_path / "bad"), *more]) == (0 if not said else 2)
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == (1 if said else 0)


@pytest.mark.parametrize(("more", "words_after"), [([], "command"), (["--force"], "command without --force")])
def test_ctrl_c_says_how_it_goes_on(words, tmp_path, capsys, monkeypatch, more, words_after):
    def interrupted(request, watch):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("blendgan.dni.sweep_report.find", interrupted)
        assert main.run([*words, "--outdir", str(tmp_path / "out"), *more]) == 130
    assert capsys.readouterr().err == f"\nblendgan: interrupted; the same {words_after} goes on from here\n"


def test_no_level_for_a_denoiser(words, tmp_path, capsys):
    without = [word for word in words if word not in ("--noise", "20")]
    assert main.run([*without, "--outdir", str(tmp_path / "out")]) == 2
    assert "noise: found none" in capsys.readouterr().err
    assert not (tmp_path / "out" / "sweep.png").exists()


def test_what_a_sweep_drew_is_no_picture_of_the_next(words, tmp_path, capsys):
    out = tmp_path / "pictures"
    said = []
    for _ in range(2):
        assert main.run([*words, "--json", "--outdir", str(out)]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert len(json.loads(said[0])["pictures"]) == 4
