"""`--repair` of dni blend and dni run, which make one network, and `dni correlation --images`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.cli import main
from blendgan.dni.network_files import open_network
from blendgan.dni.repair import statistics
from blendgan.dni.repair_pictures import repair_pictures
from blendgan.restoration.recognition import recognise


@pytest.fixture
def pair(networks, dncnn):
    return [network.name for network in networks(a=dncnn(0), b=dncnn(1))]


@pytest.fixture
def folder(smooth_pictures, tmp_path):
    return smooth_pictures(tmp_path / "pictures", 3)


def run(*words) -> int:
    return main.run(["dni", *map(str, words)])


def test_a_repaired_blend_has_the_mix_of_the_parents_statistics(pair, folder, tmp_path, capsys):
    out = tmp_path / "mixed.pth"
    assert run("blend", *pair, "--alpha", 0.25, "--repair", folder, "--noise", 20, "-o", out) == 0
    assert "REPAIR: the activations of 3 layers restored; conv.3 left as it was" in capsys.readouterr().out
    given = repair_pictures(folder).given(1, 1, 20)
    of_a, of_b, mixed = (statistics(recognise(open_network(name).tensors, "x"), given) for name in (*pair, out))
    for layer, now in mixed.items():
        target = 0.75 * of_a[layer].deviation + 0.25 * of_b[layer].deviation
        torch.testing.assert_close(now.deviation, target, rtol=1e-5, atol=1e-6)
    assert run("blend", *pair, "--alpha", 0.25, "-o", tmp_path / "plain.pth") == 0
    plain = open_network(tmp_path / "plain.pth").tensors
    assert not torch.equal(plain["conv.1.weight"], open_network(out).tensors["conv.1.weight"])


def test_run_mends_as_blend_does(pair, folder, tmp_path):
    repair = ["--alpha", 0.5, "--repair", folder, "--noise", 20]
    assert run("blend", *pair, *repair, "-o", tmp_path / "mixed.safetensors") == 0
    words = {"mended": [*pair, *repair], "written": [tmp_path / "mixed.safetensors"], "plain": [*pair, "--alpha", 0.5]}
    pictures = {}
    for name, networks in words.items():
        out = tmp_path / f"{name}.png"
        assert run("run", *networks[:2], *([folder / "p0.png"]), *networks[2:], "-o", out, "--device", "cpu") == 0
        with Image.open(out) as picture:
            pictures[name] = np.asarray(picture).astype(int)
            if name == "mended":
                assert "repair" in json.dumps(picture.text)
    assert abs(pictures["mended"] - pictures["written"]).max() <= 1
    assert abs(pictures["mended"] - pictures["plain"]).max() > 5


def test_at_the_ends_repair_changes_nothing(pair, folder, tmp_path):
    for name, more in (("plain", []), ("mended", ["--repair", folder, "--noise", 20])):
        assert run("blend", *pair, "--alpha", 1, *more, "-o", tmp_path / f"{name}.safetensors") == 0
    plain, mended = (open_network(tmp_path / f"{name}.safetensors").tensors for name in ("plain", "mended"))
    assert all(torch.equal(plain[name], mended[name]) for name in plain)


def test_what_repair_needs(pair, folder, tmp_path, capsys):
    out = ["-o", tmp_path / "mixed.pth"]
    for more, said in (
        (["--noise", 20], "noise: found without --repair DIR"),
        (["--repair", folder], "noise: found none, expected a standard deviation of 255"),
        (["--repair", folder, "--noise", "20,30"], "noise: found 2 levels, expected one"),
    ):
        assert run("blend", *pair, "--alpha", 0.5, *more, *out) == 2
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1
    assert not (tmp_path / "mixed.pth").exists()


def test_correlation_tells_the_barrier(networks, smoother, folder, capsys):
    names = [one.name for one in networks(a=smoother(0.9), b=smoother(0.5), c=smoother(0.9, turned=True))]
    assert run("correlation", *names, "--images", folder, "--noise", 20) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "a → b, noise 20: no barrier: the networks interpolate" in said
    assert "a → c, noise 20: a barrier as high as the input" in said
    assert run("correlation", *names, "--images", folder, "--noise", 20, "--json") == 0
    curves = json.loads(capsys.readouterr().out)["barriers"]["curves"]
    assert [curve["barrier"]["verdict"] for curve in curves] == ["interpolates", "no common ground"]
    assert run("correlation", *names, "--noise", 20) == 2
    assert "--noise goes with --images DIR" in capsys.readouterr().err
