"""Filters tell relatives from strangers: the index itself, the three verdicts, and what `blend` refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from blendgan.ancestry import ancestors, evidence
from blendgan.kinship import (
    FAILS_BELOW,
    WORKS_FROM,
    check_related,
    compare,
    correlation,
    filter_correlation,
    quick,
    verdict_of,
)
from blendgan.sources import Source
from stylegan2 import checkpoints
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.errors import RecipeError, ShapeMismatch


def moved(checkpoint: Checkpoint, share: float, seed: int = 9) -> Checkpoint:
    """The model after a transfer: every learned number moved by `share` of a standard normal number."""
    random = torch.Generator().manual_seed(seed)
    tensors = {
        name: tensor if name.endswith("noise_const") else tensor + share * torch.randn(tensor.shape, generator=random)
        for name, tensor in checkpoint.tensors.items()
    }
    return replace(checkpoint, tensors=tensors)


@pytest.fixture
def larger(pico):
    """A model of 32 px whose blocks up to 16 px have the shapes of `pico`'s."""
    return pico(3, replace(pico().config, resolution=32, channels=(8, 6, 4, 4)))


def test_the_index_is_pearsons():
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(5, 4, 3, 3, generator=random) for _ in range(2))
    expected = [torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1] for x, y in zip(a, b, strict=True)]
    found = filter_correlation("layer", a, b)
    torch.testing.assert_close(found, torch.stack(expected).double(), atol=1e-6, rtol=0)
    assert found.abs().max() > 0.05
    assert correlation({"layer.weight": a}, {"layer.weight": b})["layer"] == pytest.approx(float(found.median()))


def test_scale_and_shift_are_no_matter_and_the_sign_is():
    a = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(filter_correlation("w", a, 7 * a + 2), torch.ones(4).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(filter_correlation("w", a, -a), -torch.ones(4).double(), atol=1e-6, rtol=0)


def test_a_layer_counts_by_the_median_of_its_filters():
    a = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    b = torch.stack([a[0], a[1] + 0.5 * a[0], -a[2]])
    middle = torch.corrcoef(torch.stack([a[1], b[1]]))[0, 1]
    assert 0.5 < middle < 0.99
    assert correlation({"fc.weight": a}, {"fc.weight": b}) == {"fc": pytest.approx(float(middle), abs=1e-6)}


def test_large_layers_are_worked_on_in_pieces(monkeypatch):
    a, b = (torch.randn(7, 5, 3, 3, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    whole = filter_correlation("w", a, b)
    monkeypatch.setattr("blendgan.kinship.CHUNK", 100)  # two filters of 45 numbers
    assert torch.equal(filter_correlation("w", a, b), whole)


def test_filters_without_a_pattern():
    pattern = torch.arange(9.0)
    a = torch.stack([torch.full((9,), 0.1), torch.full((9,), 0.1), torch.zeros(9), pattern])
    b = torch.stack([torch.full((9,), 0.1), torch.full((9,), 0.3), pattern, torch.full((9,), math.inf)])
    assert filter_correlation("w", a, b).tolist() == [1, 0, 0, 0]


def test_only_weights_with_a_pattern_are_layers():
    names = {"conv.weight": (4, 3, 3, 3), "fc.weight": (4, 3), "norm.weight": (4,), "narrow.weight": (4, 1)}
    random = torch.Generator().manual_seed(0)
    a = {name: torch.randn(shape, generator=random) for name, shape in names.items()} | {"conv.bias": torch.ones(4)}
    assert set(correlation(a, a | {"other.weight": torch.eye(2)})) == {"conv", "fc"}


def test_layers_of_two_shapes_cannot_be_compared():
    with pytest.raises(ShapeMismatch, match=r"fc.weight: found shapes \(4, 3\) and \(3, 3\)"):
        correlation({"fc.weight": torch.ones(4, 3)}, {"fc.weight": torch.ones(3, 3)})


def test_a_transfer_is_of_the_family(pico):
    base = pico(0)
    found = compare(base, moved(base, 0.1))
    assert found.verdict == "same family"
    assert [row.resolution for row in found.rows] == [None, 4, 8, 16]
    assert all(row.correlation > 0.97 for row in found.rows)
    assert all(0.08 < row.distance < 0.12 for row in found.rows)  # 0.1 of a standard normal number
    assert found.differences == ()


@pytest.mark.parametrize("seed", range(1, 9))
def test_models_of_two_seeds_share_only_the_architecture(pico, seed):
    found = compare(pico(0), pico(seed))
    assert found.verdict == "same architecture only"
    assert abs(found.correlation) < FAILS_BELOW
    assert all(1.2 < row.distance < 1.6 for row in found.rows)  # √2: two independent models of one variance
    assert abs(quick(pico(0), pico(seed))) < FAILS_BELOW


def test_the_distance_is_of_what_training_moves(pico):
    base = pico(0)
    noise = {name: tensor + 1 for name, tensor in base.tensors.items() if name.endswith(("noise_const", "w_avg"))}
    assert len(noise) == 6
    assert all(row.distance == 0 for row in compare(base, replace(base, tensors={**base.tensors, **noise})).rows)
    const = {"synthesis.b4.const": base.tensors["synthesis.b4.const"] * 2}
    rows = compare(base, replace(base, tensors={**base.tensors, **const})).rows
    assert [row.distance > 0 for row in rows] == [False, True, False, False]
    learned = [tensor for name, tensor in base.tensors.items() if ".b4." in name and not name.endswith("noise_const")]
    whole = math.sqrt(sum(float(tensor.double().square().sum()) for tensor in learned))
    assert rows[1].distance == pytest.approx(float(const["synthesis.b4.const"].double().norm()) / 2 / whole)


def test_a_model_and_itself(pico):
    found = compare(pico(0), pico(0))
    assert (found.verdict, found.correlation, quick(pico(0), pico(0))) == ("same family", 1.0, 1.0)
    assert found.lineage == ("BASE and TRANSFER are the same model, to the bit",)


def test_the_mapping_network_has_no_say(pico):
    base, other = pico(0), pico(1)
    mapping = {name: tensor for name, tensor in base.tensors.items() if name.startswith("mapping.")}
    found = compare(base, replace(other, tensors={**other.tensors, **mapping}))
    assert found.rows[0].correlation == 1
    assert found.correlation == compare(base, other).correlation != 1


def test_a_blend_of_strangers_is_told_by_resolution(pico):
    base, other = pico(0), pico(1)
    coarse = {name: tensor for name, tensor in other.tensors.items() if ".b4." in name}
    found = compare(base, replace(base, tensors={**base.tensors, **coarse}))
    assert found.verdict == "same family"
    assert [row.correlation > WORKS_FROM for row in found.rows] == [True, False, True, True]
    assert any(note.startswith("4 px: under 0.1") for note in found.notes)


def test_the_borders():
    assert verdict_of(FAILS_BELOW) == "same family"
    assert verdict_of(math.nextafter(FAILS_BELOW, 0)) == "same architecture only"


def test_what_nobody_measured_is_said(pico):
    found = compare(pico(0), moved(pico(0), 2.0))
    assert 0.2 < found.correlation < 0.6  # 1 / √(1 + 2²) = 0.45
    assert found.verdict == "same family"
    assert any("between 0.1 and 0.689" in note for note in found.notes)


def test_two_sizes_of_one_family(pico, larger):
    names = [name for name in pico().tensors if name in larger.tensors]
    smaller = Checkpoint(pico().config, {name: larger.tensors[name] for name in names})
    for found in (compare(moved(smaller, 0.1), larger), compare(larger, moved(smaller, 0.1))):
        assert found.verdict == "same family"
        assert [row.resolution for row in found.rows] == [None, 4, 8, 16]
        assert any("compared up to 16 px" in note for note in found.notes)
    assert compare(pico(0), larger).verdict == "same architecture only"


def test_what_does_not_fit_is_listed_tensors_first(pico):
    base = pico(0)
    wider = pico(1, replace(base.config, channels=(8, 6, 5), w_dim=9, activation="relu"))
    found = compare(base, wider)
    assert (found.verdict, found.correlation, found.rows) == ("incompatible", None, ())
    first = found.differences[0]
    assert (first.what, first.base, first.transfer) == ("mapping.fc1.weight", "shape (8, 8)", "shape (9, 8)")
    assert {"w_dim", "activation"} <= {difference.what for difference in found.differences}
    assert "channels" not in {difference.what for difference in found.differences}


def test_strangers_are_refused_before_a_blend(pico):
    with pytest.raises(RecipeError, match=r"a.pkl \(BASE\) and b.pkl \(TRANSFER\) are not of one family.*--force"):
        check_related(Source("a.pkl", pico(0)), Source("b.pkl", pico(1)))
    check_related(Source("a.pkl", pico(0)), Source("b.pkl", moved(pico(0), 0.5)))


def test_what_has_another_shape_is_another_error(pico):
    base = pico(0)
    check_related(Source("a", base), Source("b", pico(1, replace(base.config, w_dim=9))))  # raises nothing


def test_foreign_files_of_one_architecture(shared):
    torch_file, tf_file = (
        checkpoints.load(shared / "golden" / name) for name in ("nvidia_torch_64.pkl", "nvidia_tf_64.pkl")
    )
    assert compare(torch_file, tf_file).verdict == "same architecture only"
    training, inference = (
        checkpoints.load(shared / "golden" / name) for name in ("rosinality_64.train.pt", "rosinality_64.pt")
    )
    assert compare(training, inference).correlation == 1


def child_of(parent: Checkpoint, checkpoint: Checkpoint, **changes: str) -> Checkpoint:
    papers = {
        "name": "parent",
        "fingerprint": checkpoints.fingerprint(parent),
        "mapping_fingerprint": checkpoints.fingerprint_mapping(parent),
        **changes,
    }
    return replace(checkpoint, metadata={"lineage": {"transfer": papers}})


def test_lineage_is_compared_by_fingerprint(pico):
    base, transfer = pico(0), moved(pico(0), 0.1)
    child = child_of(base, transfer)
    print_ = checkpoints.fingerprint(base)[:12]
    said = f"TRANSFER says that it was made from 'parent' (fingerprint '{print_}' …), which is BASE"
    assert compare(base, child).lineage == (said,)
    assert evidence(child, base)[0].startswith("BASE says that it was made from 'parent'")
    assert evidence(base, transfer) == ()
    assert evidence(base, child_of(pico(1), transfer)) == ()


def test_a_parent_that_lost_its_discriminator_is_known_by_its_mapping(pico):
    child = child_of(pico(0), moved(pico(0), 0.1), fingerprint="0" * 64)
    assert evidence(pico(0), child)[0].endswith("whose mapping network is BASE's")


def test_siblings_and_grandchildren(pico):
    base = pico(0)
    one, two = (child_of(base, moved(base, 0.1, seed)) for seed in (1, 2))
    assert evidence(one, two) == (
        f"both say that they were made from 'parent' (fingerprint '{checkpoints.fingerprint(base)[:12]}' …)",
    )
    blend = replace(
        moved(base, 0.2), metadata={"lineage": {"blend": [{"name": "one", "lineage": one.metadata["lineage"]}]}}
    )
    assert [ancestor.name for ancestor in ancestors(blend.metadata["lineage"])] == ["one", "parent"]
    assert evidence(base, blend)[0].endswith("which is BASE")


@pytest.mark.parametrize(
    "lineage", [None, "text", 7, {"transfer": None}, {"blend": [1, "x"]}, {"transfer": {"name": 5}}]
)
def test_a_lineage_of_another_form_says_nothing(pico, lineage):
    assert {ancestor.name for ancestor in ancestors(lineage)} <= {""}
    assert evidence(pico(0), replace(pico(1), metadata={"lineage": lineage})) == ()


def test_relatives_without_papers_get_a_warning(pico):
    base = pico(0)
    assert any("one random seed" in note for note in compare(base, moved(base, 0.1)).notes)
    assert not any("one random seed" in note for note in compare(base, child_of(base, moved(base, 0.1))).notes)
