"""Filters of one generator learned after another: the start, what is learned, the model file, refusals."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from blendgan import blend
from blendgan.ancestry import evidence, family_tree
from blendgan.blending import preset
from blendgan.cli import main
from blendgan.inspection import describe_model
from blendgan.recipe import recipe_of
from blendgan.schedule import Swap, Uniform
from blendgan.sources import open_source
from blendgan.tuning.forms import Form
from blendgan.tuning.ftn import FTN
from blendgan.tuning.generator_files import imitation_job, open_pair, second_filters, tuned_model
from blendgan.tuning.generators import ImitationPlan, draw_styles, train_imitation
from stylegan2 import checkpoints, load_discriminator, load_generator
from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, Checkpoint
from stylegan2.config import DiscriminatorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError, RecipeError, ShapeMismatch

FORMS = (Form("ftn"), Form("ftn", groups=2), Form("ftn", variant="deeper"), Form("ftn", variant="spatial"))
JUDGE = DiscriminatorConfig(resolution=16, channels=(8, 6, 4))


def moved(model: Checkpoint, share: float) -> Checkpoint:
    """The model after a transfer: its filters, and nothing else, moved by `share` of a standard normal number."""
    random = torch.Generator().manual_seed(9)
    tensors = {
        name: tensor + share * torch.randn(tensor.shape, generator=random) if tensor.ndim == 4 else tensor
        for name, tensor in model.tensors.items()
    }
    return dataclasses.replace(model, tensors=tensors)


@pytest.fixture(scope="module")
def judge():
    """A random discriminator's tensors, named as in a file."""
    blank = Discriminator(JUDGE).state_dict()
    random = torch.Generator().manual_seed(5)
    return {f"{DISCRIMINATOR_PREFIX}{name}": torch.randn(t.shape, generator=random) for name, t in blank.items()}


@pytest.fixture
def files(tmp_path, monkeypatch, pico, judge):
    """The working directory, with base.safetensors, and transfer.safetensors, which has a discriminator."""
    monkeypatch.chdir(tmp_path)
    base = dataclasses.replace(pico(0), metadata={"format": "test", "licence": "CC-BY-4.0"})
    base.save("base.safetensors")
    transfer = moved(base, 0.5)
    papers = {"format": "test", "licence": "CC-BY-SA-4.0"}
    Checkpoint(base.config, {**transfer.tensors, **judge}, papers, JUDGE).save("transfer.safetensors")
    return tmp_path


@pytest.fixture
def job(files):
    """`job(form, steps=3, **plan)`: of both files."""
    return lambda form=FORMS[0], steps=3, **plan: imitation_job(
        "base.safetensors", "transfer.safetensors", form, ImitationPlan(steps, **plan)
    )


def styles(generator, count=3):
    with torch.no_grad():
        return draw_styles(generator, count, torch.Generator().manual_seed(4))


def drawn(generator, ws):
    with torch.no_grad():
        return generator.synthesis(ws)


def imitation_pair(base, transfer):
    return open_pair(open_source(base), open_source(transfer))


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_it_begins_as_base_to_the_bit(job, form, alpha):
    begun = job(form)
    ws = styles(begun.pair.base)
    begun.tuning.dial.turn(alpha)
    assert torch.equal(drawn(begun.tuning.main, ws), drawn(begun.pair.base, ws))
    assert not torch.allclose(drawn(begun.pair.wanted, ws), drawn(begun.pair.base, ws), atol=0.1)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pictures_come_nearer_to_transfers(job, precision):
    trained = job(steps=80, rate=1e-2, precision=precision)
    ws = styles(trained.pair.base, 8)
    wanted, before = drawn(trained.pair.wanted, ws), drawn(trained.pair.base, ws)
    steps = list(trained.steps())
    assert [step.index for step in steps] == list(range(1, 81))
    assert sum(step.distance for step in steps[-10:]) < 0.7 * sum(step.distance for step in steps[:10])
    after = drawn(trained.tuning.main, ws)
    assert (after - wanted).square().mean() < 0.7 * (before - wanted).square().mean()
    assert torch.equal(drawn(trained.pair.base, ws), before)
    assert all(block.compute is None for block in trained.tuning.main.synthesis.children())


def test_what_is_wanted_has_bases_mapping_and_noise(files, pico):
    base, transfer = (checkpoints.load(name) for name in ("base.safetensors", "transfer.safetensors"))
    noisy = {
        name: t + 1 if name.endswith("noise_const") or "mapping" in name else t for name, t in transfer.tensors.items()
    }
    pair = imitation_pair(base, dataclasses.replace(transfer, tensors=noisy))
    ws = styles(pair.base)
    assert torch.equal(drawn(pair.wanted, ws), drawn(load_generator(transfer), ws))
    assert not torch.equal(
        drawn(load_generator(dataclasses.replace(transfer, tensors=noisy)), ws), drawn(pair.wanted, ws)
    )


def test_the_file_is_the_path(job, files):
    """At α = 1 it draws FTN's pictures to the bit, and blends with BASE are what lies between."""
    trained = job(Form("ftn", groups=2), steps=5, rate=0.05)
    list(trained.steps())
    trained.save()
    name = "ftn-base-transfer.safetensors"
    ws = styles(trained.pair.base)
    trained.tuning.dial.turn(1.0)
    ends = drawn(trained.tuning.main, ws)
    assert torch.equal(drawn(load_generator(name), ws), ends)
    assert not torch.allclose(ends, drawn(trained.pair.base, ws), atol=0.1)
    for alpha in (0.0, 0.25, 0.5, 1.0):
        trained.tuning.dial.turn(alpha)
        between = load_generator(blend("base.safetensors", name, Uniform(alpha)))
        torch.testing.assert_close(drawn(between, ws), drawn(trained.tuning.main, ws), atol=1e-5, rtol=0)


def test_all_but_the_filters_is_bases(job, judge):
    trained = job(steps=5, rate=0.05)
    list(trained.steps())
    trained.save()
    model = trained.model()
    base = checkpoints.load("base.safetensors").tensors
    filters = {name for name, tensor in base.items() if tensor.ndim == 4}
    assert second_filters(trained.tuning).keys() == filters
    for name, tensor in base.items():
        assert torch.equal(model.tensors[name], tensor) == (name not in filters), name
    assert model.tensors.keys() == base.keys() | judge.keys()
    for name, tensor in load_discriminator("ftn-base-transfer.safetensors").state_dict().items():
        assert torch.equal(tensor, judge[f"{DISCRIMINATOR_PREFIX}{name}"])


def test_what_the_file_says(job):
    trained = job(Form("ftn", groups=2), steps=2, seed=7)
    list(trained.steps())
    trained.save()
    model = checkpoints.load("ftn-base-transfer.safetensors")
    said = model.metadata["tuning"]
    assert (said["method"], said["groups"], said["variant"]) == ("ftn", 2, "plain")
    prints = [checkpoints.fingerprint(checkpoints.load(f"{name}.safetensors")) for name in ("base", "transfer")]
    assert said["base"] == {"name": "base.safetensors", "fingerprint": prints[0]}
    assert said["imitates"] == {"name": "transfer.safetensors", "fingerprint": prints[1]}
    assert (said["trained"]["steps"], said["trained"]["seed"]) == (2, 7)
    assert said["trained"]["distance"] == pytest.approx(trained.mean, abs=1e-4)
    assert model.metadata["licence"] == "CC-BY-SA-4.0"
    assert [one.name for one in family_tree(model.metadata["lineage"])] == ["base.safetensors", "transfer.safetensors"]
    assert "which is BASE" in evidence(checkpoints.load("base.safetensors"), model)[0]
    row = describe_model(model)["learned filters"]
    assert f"base.safetensors ({prints[0][:12]} …) with filters learned by ftn (groups 2, variant plain) after" in row
    assert "steps 2" in row
    assert describe_model(dataclasses.replace(model, metadata={"tuning": ["?"]}))["learned filters"] == '["?"]'
    assert "learned filters" not in describe_model(checkpoints.load("base.safetensors"))
    assert preset(model) == recipe_of(Uniform(0.5))  # not swaps: the filters were learned together


def test_without_discriminators_pixels_are_compared(files, pico):
    base = pico(0)
    transfer = moved(base, 0.5)
    pair = imitation_pair(base, transfer)
    assert pair.judge is None
    tuning = FTN(pair.base)
    distances = [step.distance for step in train_imitation(tuning, pair, ImitationPlan(40, 1e-2))]
    assert sum(distances[-5:]) < 0.8 * sum(distances[:5])
    model = tuned_model(open_source(base), open_source(transfer), tuning, {"method": "ftn"})
    assert model.discriminator is None
    assert "licence" not in model.metadata


def test_models_with_classes(pico):
    config = dataclasses.replace(pico(0).config, num_classes=3)
    base = pico(0, config)
    pair = imitation_pair(base, moved(base, 0.5))
    assert styles(pair.base, 5).shape == (5, 6, 8)
    (step,) = train_imitation(FTN(pair.base), pair, ImitationPlan(1))
    assert step.distance > 0


def test_the_same_seed_is_the_same_model(job):
    first, second = (job(steps=4, rate=0.02) for _ in range(2))
    for one in (first, second):
        list(one.steps())
    other = job(steps=4, rate=0.02, seed=1)
    list(other.steps())
    a, b, c = (second_filters(one.tuning)["synthesis.b8.conv0.weight"] for one in (first, second, other))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_numbers_that_are_none(files, capsys):
    transfer = checkpoints.load("transfer.safetensors")
    broken = {**transfer.tensors, "synthesis.b16.torgb.bias": torch.full([3], torch.nan)}
    dataclasses.replace(transfer, tensors=broken).save("broken.safetensors")
    words = ["tune", "generator", "base.safetensors", "broken.safetensors", "-o", "new.safetensors"]
    assert main.run(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "the training's numbers became NaN or infinite; nothing was written. Give a smaller --rate" in err
    assert not (files / "new.safetensors").exists()


def test_pairs_that_do_not_fit(files, pico):
    pico(3).save("stranger.safetensors")
    pico(0, dataclasses.replace(pico().config, resolution=32, channels=(8, 6, 4, 4))).save("large.safetensors")
    for transfer, error, text in (
        ("base.safetensors", RecipeError, "are one model: nothing is to be learned"),
        ("stranger.safetensors", RecipeError, "are not of one family: their filters correlate by"),
        ("large.safetensors", ShapeMismatch, "do not fit"),
    ):
        with pytest.raises(error, match=text):
            imitation_job("base.safetensors", transfer, Form("ftn"), ImitationPlan(1))
    with pytest.raises(InputError, match="method: found adafm, expected ftn"):
        imitation_job("base.safetensors", "transfer.safetensors", Form("adafm"), ImitationPlan(1))


WORDS = [
    "tune",
    "generator",
    "base.safetensors",
    "transfer.safetensors",
    "--steps",
    "2",
    "--batch",
    "2",
    "--device",
    "cpu",
]


def test_command(files, capsys):
    assert main.run([*WORDS, "--groups", "2", "--precision", "bf16"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == (
        "wrote ftn-base-transfer.safetensors: base.safetensors with filters learned after transfer.safetensors; "
        "ftn, groups 2, variant plain"
    )
    assert out[1].startswith("distance to the pictures of transfer.safetensors: ")
    assert out[2] == "the path: blendgan blend base.safetensors ftn-base-transfer.safetensors --alpha 0.5"
    assert main.run([*out[2].split()[3:], "-o", "half.safetensors", "--no-preview"]) == 0
    half, base, second = (
        checkpoints.load(f"{name}.safetensors").tensors["synthesis.b8.conv1.weight"]
        for name in ("half", "base", "ftn-base-transfer")
    )
    torch.testing.assert_close(half, (base + second) / 2)
    assert not torch.equal(base, second)
    assert main.run([*WORDS, "--quiet", "--force", "-o", "ftn-base-transfer.safetensors"]) == 0
    assert checkpoints.load("ftn-base-transfer.safetensors").metadata["tuning"]["groups"] == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--groups", "0"], "groups: found 0, expected a number from 1"),
        (["--groups", "2", "--variant", "spatial"], "groups: found 2 with the variant spatial"),
        (["--rate", "0"], "rate: found 0, expected a learning rate above 0"),
        (["--steps", "0"], "steps: found 0, expected a number from 1"),
        (["--batch", "0"], "batch: found 0, expected a number from 1"),
        (["-o", "base.safetensors", "--force"], "base.safetensors: is one of the two models"),
        (["-o", "new.pkl"], "new.pkl: found the ending '.pkl', expected .safetensors"),
        (["-o", "none/new.safetensors"], "none/new.safetensors: no such folder as none"),
    ],
)
def test_what_cannot_be_learned(files, capsys, words, line):
    before = {file.name: file.read_bytes() for file in files.iterdir()}
    assert main.run([*WORDS, *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert line in err
    assert {file.name: file.read_bytes() for file in files.iterdir()} == before


def test_a_model_that_is_there(files, capsys):
    assert main.run([*WORDS, "--quiet"]) == 0
    assert main.run(WORDS) == 2
    assert "ftn-base-transfer.safetensors: is there already; replace it with --force" in capsys.readouterr().err


def test_swaps_of_the_learned_model(job):
    """As every TRANSFER it gives whole layers too."""
    trained = job(steps=3, rate=0.05)
    list(trained.steps())
    trained.save()
    model = trained.model()
    swapped = blend("base.safetensors", "ftn-base-transfer.safetensors", Swap(8))
    base = checkpoints.load("base.safetensors").tensors
    assert torch.equal(swapped.tensors["synthesis.b8.conv1.weight"], model.tensors["synthesis.b8.conv1.weight"])
    assert torch.equal(swapped.tensors["synthesis.b16.conv1.weight"], base["synthesis.b16.conv1.weight"])


def test_a_training_that_was_ended_goes_on_to_the_same_bytes(job, files):
    whole = job(steps=6)
    list(whole.steps())
    whole.save()
    expected = whole.target.read_bytes()
    whole.target.unlink()
    first = job(steps=6)
    asked = iter([False, False, True])
    assert [step.index for step in first.steps(lambda: next(asked))] == [1, 2, 3]
    assert first.state_file.exists()
    assert not first.target.exists()
    with pytest.raises(InputError, match="holds the training of form"):
        list(job(Form("ftn", groups=2), steps=6).steps())
    second = job(steps=6)
    assert [step.index for step in second.steps()] == [4, 5, 6]
    second.save()
    assert second.target.read_bytes() == expected
    assert not second.state_file.exists()
