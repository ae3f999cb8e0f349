"""Files of tunings: there and back to the bit; what is no tuning of this network is refused in one line."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from blendgan.tuning.files import KEY, Tuned, open_main, open_tuned, save_tuned
from blendgan.tuning.forms import Form, build, read_form
from stylegan2.errors import CheckpointError, InputError, ShapeMismatch, UnknownFormat


@pytest.fixture
def mains(tmp_path, states):
    """Two main networks of one architecture, in files."""
    for seed in (0, 1):
        save_file(states("residual", seed), tmp_path / f"main{seed}.safetensors")
    return [open_main(tmp_path / f"main{seed}.safetensors") for seed in (0, 1)]


@pytest.fixture
def saved(tmp_path, mains, shaken):
    """`saved(form)`: the file of a tuning of the first main network, and the tuning."""

    def save(form):
        tuning = shaken(build(mains[0].restorer, form))
        save_tuned(Tuned(mains[0], tuning, form, {"noise": [20, 50]}), tmp_path / "tuning.safetensors", replace=True)
        return tmp_path / "tuning.safetensors", tuning

    return save


def resaved(path, tensors=None, **changes):
    """The same file with other tensors, or other things said."""
    with safe_open(path, "pt") as file:
        said = json.loads(file.metadata()[KEY])
    save_file(tensors or load_file(path), path, {KEY: json.dumps({**said, **changes})})
    return path


def test_there_and_back(saved, mains, pictures, form):
    path, tuning = saved(form)
    found = open_tuned(path, mains[0])
    assert (found.form, found.trained) == (form, {"noise": [20, 50]})
    given = pictures(1, 3, 16, 16)
    assert torch.equal(found.tuning(given, 0.3), tuning(given, 0.3))
    assert not torch.equal(found.tuning(given, 0.3), mains[0].restorer.network(given))
    assert not any(name.startswith(("head", "conv", "tail")) for name in load_file(path))  # its own numbers alone


def test_the_same_tuning_gives_the_same_bytes(saved):
    first = saved(Form("ftn"))[0].read_bytes()
    assert saved(Form("ftn"))[0].read_bytes() == first


def test_another_main_network(saved, mains):
    path, _ = saved(Form("ftn"))
    assert mains[0].file.fingerprint != mains[1].file.fingerprint
    line = r"was trained for the main network 'main0.safetensors' \(fingerprint '\w{12}'\), found .*, or train anew$"
    with pytest.raises(CheckpointError, match=line):
        open_tuned(path, mains[1])


def test_what_is_no_tuning(saved, mains, tmp_path):
    path, _ = saved(Form("ftn"))
    with pytest.raises(UnknownFormat, match="no tuning, expected a file that `blendgan tune train` wrote"):
        open_tuned(tmp_path / "main1.safetensors", mains[0])
    with pytest.raises(InputError, match="found a tuning, expected its main network; give that one first"):
        open_main(path)
    with pytest.raises(InputError, match="none.safetensors: no such file; expected a tuning"):
        open_tuned(tmp_path / "none.safetensors", mains[0])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"method": "magic"}, "method: found 'magic', expected one of ftn, adafm"),
        ({"method": ["ftn"]}, "method: found"),
        ({"groups": "many"}, "groups: found 'many', expected int"),
        ({"groups": True}, "groups: found True, expected int"),
        ({"groups": 10**9}, "groups: found 1000000000, expected a number from 1 to"),
        ({"variant": "wide"}, "variant: found 'wide', expected one of plain, deeper, spatial"),
        ({"main": None}, "was trained for the main network 'unknown'"),
    ],
)
def test_records_that_are_none(saved, mains, said, message):
    path = resaved(saved(Form("ftn"))[0], **said)
    with pytest.raises(CheckpointError, match=f"tuning.safetensors: .*{message}"):
        open_tuned(path, mains[0])


def test_records_that_are_no_json(saved, mains):
    path, _ = saved(Form("ftn"))
    for text in ("{", "[1]"):
        save_file(load_file(path), path, {KEY: text})
        with pytest.raises(CheckpointError, match="records"):
            open_tuned(path, mains[0])


def test_tensors_that_do_not_fit(saved, mains):
    path, _ = saved(Form("ftn"))
    tensors = load_file(path)
    first = sorted(tensors)[0]
    missing = {name: tensor for name, tensor in tensors.items() if name != first}
    with pytest.raises(ShapeMismatch, match=f"{first}: it is missing, expected"):
        open_tuned(resaved(path, missing), mains[0])
    with pytest.raises(ShapeMismatch, match="found more, which this tuning does not have"):
        open_tuned(resaved(path, {**tensors, "more": torch.zeros(1)}), mains[0])
    with pytest.raises(ShapeMismatch, match=r"found torch.float32 \[3, 3\], expected"):
        open_tuned(resaved(path, {**tensors, first: torch.zeros(3, 3)}), mains[0])
    broken = {**tensors, first: torch.full_like(tensors[first], float("nan"))}
    with pytest.raises(CheckpointError, match=f"{first}: found NaN or infinities"):
        open_tuned(resaved(path, broken), mains[0])


def test_names_that_cannot_be_written(mains, tmp_path):
    tuned = Tuned(mains[0], build(mains[0].restorer, Form("adafm")), Form("adafm"))
    save_tuned(tuned, tmp_path / "a.safetensors")
    for name, message in (
        ("a.safetensors", "is there already; replace it with --force"),
        ("a.pth", "found the ending '.pth', expected .safetensors"),
        ("no/a.safetensors", "no such folder"),
    ):
        with pytest.raises(InputError, match=message):
            save_tuned(tuned, tmp_path / name)


def test_forms(form):
    assert read_form(form.to_json()) == form
    with pytest.raises(InputError, match="kernel: found 2, expected one of 1, 3, 5 px"):
        Form("adafm", kernel=2)
    with pytest.raises(InputError, match="groups: found 4 with the variant spatial"):
        Form("ftn", groups=4, variant="spatial")
