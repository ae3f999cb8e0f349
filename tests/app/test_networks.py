"""The page Networks on pico denoisers: α, the picture before and after, noise, the address, and what it gives out."""

from __future__ import annotations

import io
import shlex

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")

from app.parts.curve import Moved
from blendgan.cli.main import run
from blendgan.dni.quality import psnr
from blendgan.samples import PORTRAIT

PLACE = {"place": "0.4,0.1"}


def words(text: str) -> str:
    return text.replace("\\", "")


def pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.tensor(picture).permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def shown(monkeypatch) -> list:
    """What was given to the wipe: sides, names, where its line stands, the event that is answered."""
    from app.screens import networks

    calls = []
    monkeypatch.setattr(
        networks, "wipe", lambda faces, names, share, key, event: calls.append((faces[0], names, share, event))
    )
    return calls


@pytest.fixture
def events(monkeypatch) -> list:
    """Moves of α: each run takes the first that is there."""
    from app.screens import networks

    waiting: list[Moved] = []
    monkeypatch.setattr(networks, "moved", lambda key: waiting.pop(0) if waiting else None)
    return waiting


@pytest.fixture
def small(monkeypatch) -> int:
    """The side of the part that is shown, in px: no machine is fast or slow."""
    from app.networks.pair import NetworkPair

    monkeypatch.setattr(NetworkPair, "side_px", 96)
    return 96


@pytest.fixture
def page(explorer, shipped_networks, shown, small):
    """`page(alpha="0.3")`: the page with two shipped networks."""
    shipped_networks("strong", "weak")

    def open_page(**query: str):
        test = explorer("networks", **{"a": "weak", "b": "strong"} | query)
        assert not test.exception
        return test

    return open_page


def test_without_networks_it_asks_for_two(explorer, shipped_networks, shown):
    shipped_networks()
    test = explorer("networks")
    assert not test.exception and not test.error and not shown
    assert "Bring two networks" in test.info[0].value and len(test.file_uploader) == 3


def test_it_opens_on_the_first_and_the_last_and_the_portrait_with_noise(explorer, shipped_networks, shown, small):
    shipped_networks("strong", "stranger", "weak")
    test = explorer("networks")
    assert not test.exception and not test.error and not test.warning
    assert (test.query_params["a"], test.query_params["b"], test.query_params["alpha"]) == ("strong", "weak", "0.5")
    sides, names, share, _ = shown[-1]
    assert names == ("noise 40", "restored") and share == 0.5 and len(test.table) == 1
    assert "noise" not in test.query_params and test.slider(key="networks:noise").value == 40
    assert not np.array_equal(pixels(sides.right), pixels(sides.left))


def test_noise_that_was_said_stands_in_the_address_none_too(page, shown):
    test = page()
    for noise in (30.0, 40.0, 0.0):
        test.slider(key="networks:noise").set_value(noise).run()
        assert test.query_params["noise"] == f"{noise:g}" and not test.exception
    sides, names, *_ = shown[-1]
    portrait = np.asarray(Image.open(PORTRAIT))
    assert names[0] == "as it came"
    assert np.array_equal(pixels(sides.left), portrait[83:179, 187:283])  # 0.2 and 0.45 of 512 - 96
    page(**dict(test.query_params.items()))
    assert shown[-1][0] == sides


def test_the_ends_are_the_two_networks_and_alpha_is_the_share_of_b(page, shown, network_files):
    from blendgan.dni import interpolate
    from blendgan.restoration.recognition import recognise
    from blendgan.restoration.tiles import restore

    states = [load_file(network_files[name]) for name in ("weak", "strong")]
    found = []
    for alpha, mixed in ((0.0, states[0]), (0.3, interpolate(states, (0.7, 0.3))), (1.0, states[1])):
        page(alpha=f"{alpha:g}", noise="0", **PLACE)
        whole = restore(recognise(mixed, "x"), np.array(Image.open(PORTRAIT)))
        found.append(pixels(shown[-1][0].right))
        expected = whole[42:138, 166:262].astype(int)
        assert np.abs(found[-1] - expected).max() <= 1 and np.mean(found[-1] != expected) < 0.01
    assert not np.array_equal(found[0], found[1]) and not np.array_equal(found[1], found[2])


def test_a_move_is_drawn_and_the_last_one_stands_in_the_address(page, shown, events):
    test = page(alpha="0.5")
    before = shown[-1][0]
    events.append(Moved((0.25,), 1, 1.0, final=False))
    test.run()
    assert shown[-1][3].number == 1 and shown[-1][0].right != before.right and shown[-1][0].left == before.left
    assert test.session_state["networks"].alpha == 0.25 and test.query_params["alpha"] == "0.5"
    events.append(Moved((0.8,), 2, 2.0, final=True))
    test.run()
    assert test.query_params["alpha"] == "0.8" and not test.exception
    last = shown[-1][0]
    again = page(**dict(test.query_params.items()))
    assert shown[-1][0] == last and dict(again.query_params.items()) == dict(test.query_params.items())


def test_while_alpha_moves_only_the_restored_picture_is_sent(monkeypatch):
    from app.parts import wipe

    sent = []
    monkeypatch.setattr(wipe, "_wipe", lambda **words: sent.append(words["data"]))
    sides = [wipe.Sides("x", b"before", b"after")]
    for final in (False, True):
        wipe.wipe(sides, ("as it came", "restored"), 0.5, "w", Moved((0.3,), 4, 9.0, final=final))
    moving, rest = sent
    assert moving["pairs"][0]["left"] is None and moving["pairs"][0]["right"] == rest["pairs"][0]["right"]
    assert rest["pairs"][0]["left"] and moving["held"] == rest["held"] and (moving["number"], moving["at"]) == (4, 9.0)


def test_noise_is_seeded_and_its_figures_are_those_of_psnr(page, shown):
    test = page(noise="40", alpha="0.3", **PLACE)
    sides, names, *_ = shown[-1]
    clean = np.asarray(Image.open(PORTRAIT))[42:138, 166:262]
    given, restored = pixels(sides.left), pixels(sides.right)
    assert names[0] == "noise 40" and 30 < (given.astype(float) - clean).std() < 40  # clipped at 0 and 255
    (row,) = test.table[0].value.to_numpy().tolist()
    assert row[0] == f"{psnr(tensor(given), tensor(clean)):.2f}"
    assert row[2] == f"{psnr(tensor(restored), tensor(clean)):.2f}" and len({*row}) == 4
    test.number_input(key="networks:seed").set_value(7).run()
    assert test.query_params["seed"] == "7" and shown[-1][0].left != sides.left
    page(noise="40", alpha="0.3", **PLACE)
    assert shown[-1][0] == sides
    assert not page(noise="0").table


def test_the_commands_make_the_same_bytes(page, downloads, elsewhere):
    test = page(noise="25", alpha="0.35")
    test.button(key="networks:restore").click().run()
    assert not test.exception and not test.error and not list(elsewhere.iterdir())
    restore, blend = (shlex.split(code.value)[1:] for code in test.code)
    (elsewhere / "portrait.noise25.png").write_bytes(downloads["networks:Picture with noise"])
    assert run([*restore, "--no-metadata"]) == 0 and run(blend) == 0
    assert downloads["networks:Restored picture"] == (elsewhere / "portrait.noise25.restored.png").read_bytes()
    assert downloads["networks:Mixed network"] == (elsewhere / blend[-1]).read_bytes()
    assert blend[:4] == ["dni", "blend", "weak", "strong"] and "--threads" not in blend


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_the_same_of_pictures_of_other_forms(page, downloads, elsewhere, mode):
    file = io.BytesIO()
    picture = Image.open(PORTRAIT).convert("RGB").resize((120, 110))
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    (picture if mode == "RGBA" else picture.convert("RGB").convert(mode)).save(file, "PNG")
    test = page(noise="25", alpha="0.35")
    test.file_uploader(key="photo:file").set_value(("-x.png", file.getvalue(), "image/png")).run()
    test.button(key="networks:restore").click().run()
    assert not test.exception and not test.error
    (elsewhere / "-x.noise25.png").write_bytes(downloads["networks:Picture with noise"])
    assert run([*shlex.split(test.code[0].value)[1:], "--no-metadata"]) == 0
    assert downloads["networks:Restored picture"] == (elsewhere / "-x.noise25.restored.png").read_bytes()
    found = Image.open(io.BytesIO(downloads["networks:Restored picture"]))
    assert (found.mode, found.size) == ({"P": "RGB"}.get(mode, mode), (120, 110))


def test_a_picture_that_was_restored_is_not_offered_for_another_alpha(page, downloads, events):
    test = page(alpha="0.5")
    test.button(key="networks:restore").click().run()
    assert "networks:Restored picture" in downloads
    downloads.clear()
    events.append(Moved((0.6,), 1, 1.0, final=True))
    test.run()
    assert "networks:Restored picture" not in downloads and "networks:Mixed network" in downloads


def test_results_that_are_too_large_are_left_to_the_command(page, monkeypatch):
    from app.networks import downloads

    monkeypatch.setattr(downloads, "MOST_WHOLE_PX", 512 * 512 - 1)
    test = page()
    assert "networks:restore" not in [button.key for button in test.button]
    assert any("left to the command" in caption.value for caption in test.caption) and len(test.code) == 2


def test_it_says_how_far_the_filters_correlate_and_what_that_means(page):
    test = page()
    (said,) = [words(caption.value) for caption in test.caption if "Correlation" in caption.value]
    assert "DnCNN of 3 convolutions of 4 channels" in said and "as all networks had that the paper interpolated" in said
    same = page(b="weak")
    (said,) = [words(caption.value) for caption in same.caption if "Correlation" in caption.value]
    assert "1.000 (median of 3 layers; weakest: conv.0, 1.000)" in said


def test_networks_that_enlarge(explorer, shipped_networks, shown, small, downloads, elsewhere):
    shipped_networks("large", "larger")
    assert explorer("networks").slider(key="networks:noise").value == 0  # they are no denoisers
    test = explorer("networks", noise="10")
    assert not test.exception and not test.error and not test.table  # nothing of that size to compare with
    sides = shown[-1][0]
    assert pixels(sides.left).shape == (96, 96, 3) and pixels(sides.right).shape == (192, 192, 3)
    test.button(key="networks:restore").click().run()
    assert pixels(downloads["networks:Restored picture"]).shape == (1024, 1024, 3)


@pytest.mark.parametrize(
    ("seconds", "names", "expected"),
    [
        (1e-6, ("weak", "strong"), 512),
        (10.0, ("weak", "strong"), 96),
        (0.02, ("weak", "strong"), 192),
        (1e-6, ("large", "larger"), 512),
    ],
)
def test_the_part_is_as_large_as_the_machine_restores_in_a_moment(network_files, monkeypatch, seconds, names, expected):
    from app.networks.pair import NetworkPair
    from blendgan.dni.network_files import open_network

    monkeypatch.setattr(NetworkPair, "_seconds", lambda pair, pixels: seconds)
    pair = NetworkPair(*(open_network(network_files[name]) for name in names), torch.device("cpu"))
    assert pair.side_px == expected and pair.margin == 3 and pair.is_exact


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"a": "/etc/passwd"}, "expected a shipped network (strong, weak)"),
        ({"b": "upload:1/x"}, "expected a shipped network"),
        ({"alpha": "1.5"}, "expected a number between 0 and 1"),
        ({"alpha": "nan"}, "expected a number between 0 and 1"),
        ({"noise": "76"}, "expected a number between 0 and 75"),
        ({"place": "0.5"}, "expected two shares"),
        ({"seed": "-1"}, "is no seed"),
        ({"wipe": "left"}, "expected a number between 0 and 1"),
    ],
)
def test_wrong_words_in_the_address_are_told_and_the_usual_is_shown(page, shown, query, expected):
    test = page(**query)
    (warning,) = test.warning
    assert expected in words(warning.value) and not test.error and shown


def test_a_picture_of_ones_own_and_one_that_is_none(page, shown):
    test = page()
    picture, file = np.full((40, 60, 3), 128, np.uint8), io.BytesIO()
    picture[10:20] = 30
    Image.fromarray(picture).save(file, "PNG")
    test.file_uploader(key="photo:file").set_value(("mine.png", file.getvalue(), "image/png")).run()
    assert not test.error and np.array_equal(pixels(shown[-1][0].left), picture)  # whole, since it is small; no noise
    assert test.slider(key="networks:noise").value == 0 and "noise" not in test.query_params
    assert "networks:across" not in [slider.key for slider in test.slider]
    assert "mine.png" in test.code[0].value and "mine" not in " ".join(test.query_params.values())
    test.file_uploader(key="photo:file").set_value(("x.png", b"just words", "image/png")).run()
    assert "x.png: not a picture that can be read" in words(test.error[0].value) and not test.exception
    test.button(key="photo:forget").click().run()
    assert not test.error and pixels(shown[-1][0].left).shape == (96, 96, 3)
    assert test.slider(key="networks:noise").value == 40
    test.slider(key="networks:noise").set_value(25.0).run()
    test.file_uploader(key="photo:file:1").set_value(("mine.png", file.getvalue(), "image/png")).run()
    assert shown[-1][1][0] == "noise 25" and test.query_params["noise"] == "25"  # said, it holds for every picture
