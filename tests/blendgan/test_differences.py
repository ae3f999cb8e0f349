"""What keeps two models from being paired is listed once: tensors in the table's order, strange ones, then fields."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from blendgan.differences import Difference, differences, differences_in_common
from blendgan.fitting import SHOWN, check_fit
from blendgan.sources import Source
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.config import ARCHITECTURES
from stylegan2.errors import ShapeMismatch


def names(found: tuple[Difference, ...]) -> list[str]:
    return [difference.what for difference in found]


def changed(model: Checkpoint, **tensors: torch.Tensor | None) -> Checkpoint:
    """The model with other tensors, `__` for `.`; None takes one away."""
    given = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    kept = {**model.tensors, **given}
    return replace(model, tensors={name: tensor for name, tensor in kept.items() if tensor is not None})


def test_free_fields_and_missing_buffers_make_no_difference(pico):
    base = pico(0)
    fewer = {name: tensor for name, tensor in base.tensors.items() if not name.endswith(("w_avg", "noise_const"))}
    other = Checkpoint(replace(base.config, conv_clamp=256.0), fewer)
    assert len(fewer) < len(base.tensors)
    assert differences(base, other) == differences(other, base) == ()


def test_tensors_come_first_in_the_order_of_the_table_then_fields(pico):
    base = pico(0)
    other = changed(
        pico(1, replace(base.config, activation="relu")),
        synthesis__b16__conv1__bias=torch.zeros(5),
        mapping__fc0__weight=None,
        mapping__w_avg=torch.zeros(9),
        another=torch.zeros(2),
    )
    assert differences(base, other) == (
        Difference("mapping.fc0.weight", "shape (8, 8)", "none"),
        Difference("mapping.w_avg", "shape (8,)", "shape (9,)"),  # may be missing, but not of another shape
        Difference("synthesis.b16.conv1.bias", "shape (4,)", "shape (5,)"),
        Difference("another", "none", "a tensor of no architecture"),
        Difference("activation", "lrelu", "relu"),
    )
    assert differences_in_common(base, other) == tuple(d for d in differences(base, other) if d.what != "another")


def test_tensors_that_no_generator_has_differ_even_where_both_have_the_same(pico):
    base, other = (changed(pico(seed), another=torch.zeros(2)) for seed in (0, 1))
    strange = "a tensor of no architecture"
    assert differences(base, other) == (Difference("another", strange, strange),)


def test_other_networks_of_the_file_do_not_count(pico):
    base = pico(0)
    other = replace(
        base, tensors={**base.tensors, "raw.mapping.w_avg": torch.zeros(3), "discriminator.x": torch.ones(1)}
    )
    assert differences(base, other) == ()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_sizes_of_one_architecture_have_nothing_else_that_differs(pico, architecture):
    config = replace(pico().config, architecture=architecture)
    small, large = pico(0, config), pico(1, replace(config, resolution=32, channels=(8, 6, 4, 4)))
    assert differences_in_common(small, large) == differences_in_common(large, small) == ()
    found = names(differences(small, large))
    assert found[-2:] == ["resolution", "channels"]
    assert "synthesis.b32.conv1.weight" in found
    wider = pico(1, replace(config, resolution=32, channels=(8, 6, 5, 4)))
    assert "synthesis.b16.conv0.weight" in names(differences_in_common(small, wider))


def test_what_does_not_fit_is_told_in_one_line(pico):
    base = pico(0)
    other = changed(base, synthesis__b4__const=torch.zeros(8, 5, 5), mapping__fc1__bias=None)
    with pytest.raises(ShapeMismatch) as caught:
        check_fit(Source("a", base), Source("b", other))
    assert str(caught.value) == (
        "a (BASE) and b (TRANSFER) do not fit: mapping.fc1.bias: BASE has shape (8,), TRANSFER none; "
        "synthesis.b4.const: BASE has shape (8, 4, 4), TRANSFER (8, 5, 5). Blending needs equal architectures: "
        "train TRANSFER from this BASE, or choose the BASE that it was trained from."
    )
    check_fit(Source("a", base), Source("c", pico(1)))  # raises nothing


def test_of_two_sizes_some_tensors_all_fields_and_the_way_out_are_told(pico):
    small, large = pico(0), pico(1, replace(pico().config, resolution=32, channels=(8, 6, 4, 4)))
    tensors = [what for what in names(differences(small, large)) if "." in what]
    with pytest.raises(ShapeMismatch) as caught:
        check_fit(Source("a", small), Source("b", large))
    message = str(caught.value)
    assert [what for what in tensors if f"{what}: BASE has none, TRANSFER shape" in message] == []
    assert [what for what in tensors if f"{what}: BASE has none, TRANSFER (" in message] == tensors[:SHOWN]
    assert message.endswith(
        f"resolution: BASE has 16, TRANSFER 32; channels: BASE has (8, 6, 4), TRANSFER (8, 6, 4, 4); "
        f"and {len(tensors) - SHOWN} more tensors. "
        "Models of one family but of two sizes are blended with --size smaller or --size larger."
    )
