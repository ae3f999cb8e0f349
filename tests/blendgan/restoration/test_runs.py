"""From files to files: what the picture says of its making, which form it has, and each bad input in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from blendgan.cli.main import run
from blendgan.dni.mixing import interpolate
from blendgan.dni.network_files import open_network
from blendgan.restoration.recognition import recognise
from blendgan.restoration.runs import prepare
from blendgan.restoration.tiles import restore


@pytest.fixture
def files(tmp_path, compact, dncnn, picture, monkeypatch):
    """A folder to stand in, with networks a, b, c (compact x2), grey.safetensors, stranger.safetensors, photo.png."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate("abc"):
        save_file(compact(seed), f"{name}.safetensors")
    save_file(dncnn(0), "grey.safetensors")
    save_file({"embed.weight": torch.zeros(3, 4), "head.weight": torch.zeros(4, 4)}, "stranger.safetensors")
    Image.fromarray(picture(24, 40)).save("photo.png")
    Image.fromarray(np.repeat(np.linspace(0, 255, 40).astype(np.uint8)[None], 24, axis=0)).save("mask.png")
    return tmp_path


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def said(path):
    with Image.open(path) as image:
        image.load()
        return json.loads(image.text["blendgan"])


def test_one_network(files, compact, picture, capsys):
    assert run(["dni", "run", "a.safetensors", "photo.png"]) == 0
    out, err = capsys.readouterr()
    assert out == "photo.restored.png\n"
    assert err == "compact super-resolution network x2 of 2 convolutions of 4 channels\n"
    assert np.array_equal(pixels("photo.restored.png"), restore(recognise(compact(0), "a"), picture(24, 40)))
    papers = said("photo.restored.png")
    assert papers["command"] == "dni run"
    fingerprint = open_network("a.safetensors").fingerprint
    assert papers["networks"] == [{"name": "a.safetensors", "fingerprint": fingerprint, "weight": 1.0}]
    assert papers["photo"]["name"] == "photo.png" and len(papers["photo"]["sha256"]) == 64
    assert str(files) not in json.dumps(papers)


@pytest.mark.parametrize(
    ("names", "words", "weights"),
    [("ab", ["--alpha", "0.3"], (0.7, 0.3)), ("abc", ["--weights", ".5,.3,.2"], (0.5, 0.3, 0.2)),
     ("ab", ["--alpha", "0"], (1, 0)), ("ab", ["--alpha", "1"], (0, 1))],
)  # fmt: skip
def test_several_networks(files, compact, picture, names, words, weights):
    networks = [f"{name}.safetensors" for name in names]
    assert run(["dni", "run", *networks, "photo.png", *words, "-o", "new/out.png", "--quiet"]) == 0
    mixed = interpolate([compact(seed) for seed in range(len(names))], weights)
    assert np.array_equal(pixels("new/out.png"), restore(recognise(mixed, "m"), picture(24, 40)))
    assert [one["weight"] for one in said("new/out.png")["networks"]] == pytest.approx(list(weights))


def test_quiet_and_without_metadata(files, capsys):
    assert run(["dni", "run", "a.safetensors", "photo.png", "--quiet", "--no-metadata"]) == 0
    assert capsys.readouterr() == ("", "")
    with Image.open("photo.restored.png") as image:
        image.load()
        assert image.text == {}


def test_a_mask_and_what_is_said_of_it(files):
    line = ["dni", "run", "a.safetensors", "b.safetensors", "photo.png", "--mask", "mask.png"]
    assert run([*line, "--alphas", "0=.1,128=.5,255=.9", "--in", "features", "-o", "features.png"]) == 0
    assert run([*line, "--alpha", ".7", "-o", "output.png"]) == 0
    papers = said("features.png")
    assert papers["alphas"] == [{"grey": g, "alpha": a} for g, a in ((0, 0.1), (128, 0.5), (255, 0.9))]
    assert papers["in"] == "features" and papers["mask"]["file"] == "mask.png"
    assert [sorted(one) for one in papers["networks"]] == [["fingerprint", "name"]] * 2
    assert said("output.png")["alphas"] == [{"grey": 0, "alpha": 0.0}, {"grey": 255, "alpha": 0.7}]
    assert not np.array_equal(pixels("features.png"), pixels("output.png"))


def test_a_photo_keeps_its_transparency_profile_and_exif(files, picture):
    alpha = np.linspace(0, 255, 40).astype(np.uint8)[None].repeat(24, 0)
    image = Image.fromarray(np.dstack([picture(24, 40), alpha]))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "turned"  # stored lying on its side
    profile = b"\0" * 16 + b"RGB " + b"\0" * 108
    image.save("turned.png", exif=exif, icc_profile=profile)
    assert run(["dni", "run", "a.safetensors", "turned.png", "--quiet"]) == 0
    with Image.open("turned.restored.png") as restored:
        assert (restored.size, restored.mode) == ((48, 80), "RGBA")
        assert restored.getexif()[0x0112] == 1 and restored.getexif()[0x010E] == "turned"
        assert restored.info["icc_profile"] == profile
        rows = np.array(restored)[..., 3].mean(axis=1)
    assert (np.diff(rows) > 0).all()
    assert run(["dni", "run", "a.safetensors", "turned.png", "--quiet", "-o", "out.jpg", "--no-metadata"]) == 0
    with Image.open("out.jpg") as restored:
        assert restored.mode == "RGB" and restored.info["icc_profile"] == profile and not restored.getexif()


@pytest.mark.parametrize("network", ["a", "grey"])
def test_a_grey_photo_stays_grey(files, picture, network):
    Image.fromarray(picture(24, 40)[..., 0]).save("grey.png")
    assert run(["dni", "run", f"{network}.safetensors", "grey.png", "--quiet"]) == 0
    with Image.open("grey.restored.png") as restored:
        assert restored.mode == "L"


def test_sixteen_bits_are_read_as_eight(files, picture):
    grey = picture(24, 40)[..., 0]
    Image.fromarray(grey).save("eight.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save("sixteen.png")
    for name in ("eight", "sixteen"):
        assert run(["dni", "run", "grey.safetensors", f"{name}.png", "--quiet"]) == 0
    assert np.array_equal(pixels("eight.restored.png"), pixels("sixteen.restored.png"))


def test_jpeg_carries_its_papers_beside_it(files):
    assert run(["dni", "run", "a.safetensors", "photo.png", "-o", "out.jpg", "--quiet"]) == 0
    assert json.loads(json.loads((files / "out.json").read_text())["blendgan"])["command"] == "dni run"


def test_a_run_is_watched_tile_by_tile(files):
    from blendgan.restoration.mixtures import plain_shares

    work = prepare([open_network("a.safetensors")], files / "photo.png", plain_shares(1, None, None), tile=16)
    events = list(work.tiles())
    assert [done.index for done in events] == list(range(1, work.total + 1)) and work.total == 6
    assert not (files / "photo.restored.png").exists()
    assert work.write() == files / "photo.restored.png"


PAIR = ("a.safetensors", "b.safetensors", "photo.png")
BAD = [
    (("photo.png",), "found 'photo.png' alone, expected NETWORK... IMAGE"),
    (("a.safetensors", "nowhere.png"), "nowhere.png: no such file; expected a picture"),
    (("a.safetensors", "a.safetensors"), "a.safetensors: not a picture that can be read"),
    (("nowhere.pth", "photo.png"), "nowhere.pth"),
    (("photo.png", "photo.png"), "photo.png"),
    (("stranger.safetensors", "photo.png"), "stranger.safetensors: found the tensors embed.weight, head.weight"),
    (("a.safetensors", "grey.safetensors", "photo.png", "--alpha", ".5"), "body.0.bias: missing in grey.safetensors"),
    (("a.safetensors", "photo.png", "--alpha", ".5"), "alpha: found one network, expected two or more"),
    (("a.safetensors", "photo.png", "--weights", "1"), "weights: found one network, expected two or more"),
    (("a.safetensors", "photo.png", "--mask", "mask.png"), "mask: found 1 network, expected two"),
    (("a.safetensors", "b.safetensors", "c.safetensors", "photo.png", "--alpha", ".5"), "--alpha: for two networks"),
    (("a.safetensors", "b.safetensors", "c.safetensors", "photo.png", "--mask", "mask.png"), "mask: found 3 networks"),
    (PAIR, "shares: found none for 2 networks; give --alpha"),
    ((*PAIR, "--alpha", "1.5"), "--alpha: found 1.5"),
    ((*PAIR, "--weights", ".5,.6"), "weights: found 0.5, 0.6 (sum 1.1)"),
    ((*PAIR, "--mask", "mask.png", "--weights", ".5,.5"), "weights: found with a mask"),
    ((*PAIR, "--mask", "mask.png", "--alpha", ".5", "--alphas", "0,1"), "alpha: found with --alphas"),
    ((*PAIR, "--mask", "mask.png", "--alpha", "1.5"), "alphas: found 1.5, expected shares"),
    ((*PAIR, "--mask", "mask.png", "--alphas", "x"), "alphas: found 'x', expected numbers"),
    ((*PAIR, "--alpha", ".5", "--alphas", "0,1"), "--alphas goes with --mask"),
    ((*PAIR, "--alpha", ".5", "--in", "features"), "--in goes with --mask"),
    ((*PAIR, "--mask", "nowhere.png"), "mask: found no file 'nowhere.png', expected a grey picture's file"),
    ((*PAIR, "--mask", "square.png"), "square.png: found a mask of 9 x 9 px, expected the aspect"),
    (("nan.safetensors", "photo.png"), "nan.safetensors: the network gives NaN or infinities"),
    (("cut.safetensors", "photo.png"), "cut.safetensors: body.2.weight is missing, expected [4, 4, 3, 3]"),
    (("a.safetensors", "photo.png", "-o", "out.xyz"), "out.xyz: found the ending '.xyz'"),
    (("a.safetensors", "photo.png", "-o", "photo.png"), "photo.png: would be written over photo.png, which is read"),
    (("a.safetensors", "photo.png", "-o", "mask.png/out.png"), "out.png: cannot be written in"),
    (("a.safetensors", "photo.png", "--tile", "3"), "tile: found 3 px, expected at least 16"),
    (("a.safetensors", "wide.png", "-o", "out.webp"), "out.webp: found a result of 16400 px on its longer side, WEBP"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[words[:40] for _, words in BAD])
def test_bad_input_is_one_line_and_nothing_is_written(files, compact, arguments, words, capsys):
    tensors = compact(0)
    save_file(tensors | {"body.6.bias": torch.full((12,), float("nan"))}, "nan.safetensors")
    save_file({name: tensor for name, tensor in tensors.items() if name != "body.2.weight"}, "cut.safetensors")
    Image.new("L", (9, 9)).save("square.png")
    Image.new("RGB", (8200, 1)).save("wide.png")
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    assert run(["dni", "run", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err and err.startswith("blendgan: ") and err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before


def test_training_files_of_wrapped_networks_with_counters(files, kair, picture):
    """KAIR's layout with batch norms, in torch's own form: nested, under `module.`, beside an optimiser's state."""
    states = [kair(seed, normalised=True) for seed in (0, 1)]
    assert states[0]["model.3.num_batches_tracked"] != states[1]["model.3.num_batches_tracked"]
    for name, state in zip("xy", states, strict=True):
        wrapped = {f"module.{key}": tensor for key, tensor in state.items()}
        torch.save({"epoch": 7, "state_dict": wrapped, "optimizer": {"lr": 0.1}}, f"{name}.pth")
    assert run(["dni", "run", "x.pth", "y.pth", "photo.png", "--alpha", ".25", "--quiet"]) == 0
    wanted = restore(recognise(interpolate(states, (0.75, 0.25)), "m"), picture(24, 40))
    assert np.array_equal(pixels("photo.restored.png"), wanted)
    assert run(["dni", "run", "x.pth", "y.pth", "photo.png", "--mask", "mask.png", "--in", "features", "--quiet"]) == 0
    assert not np.array_equal(pixels("photo.restored.png"), wanted)
