"""Directions are what moves the styles most; a step moves only its layers; the file comes back as it was."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from blendgan.directions import find_directions, lay_out, load_directions, save_directions, sheet_styles, step
from stylegan2 import load_generator
from stylegan2.checkpoints import fingerprint_mapping
from stylegan2.errors import InputError


def change(model, vector, layers) -> float:
    """The squared change of all styles of these layers, from the network's own affine layers."""
    synthesis = load_generator(model).synthesis
    total = 0.0
    for block, first in ((synthesis.b4, 0), (synthesis.b8, 1), (synthesis.b16, 3)):  # the first layer of each
        names = [name for name in ("conv0", "conv1", "torgb") if hasattr(block, name)]
        for layer, name in enumerate(names, first):
            affine = getattr(block, name).affine
            moved = affine(vector[None]) - affine(torch.zeros(1, 8))
            gain = affine.weight.shape[0] ** -0.5 if name == "torgb" else 1.0
            total += float((moved * gain).square().sum()) if layer in layers else 0.0
    return total


@pytest.mark.parametrize("layers", [(0, 1, 2, 3, 4, 5), (1, 2), (5,)])
def test_eigenvalues_are_the_change_of_the_styles(pico, layers):
    found = find_directions(pico(3), 3, layers)
    for vector, value in zip(found.vectors, found.eigenvalues, strict=True):
        assert change(pico(3), vector, layers) == pytest.approx(float(value), rel=1e-4, abs=1e-5)


def test_no_step_of_that_length_moves_them_more(pico):
    found = find_directions(pico(3), 1)
    others = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    others /= others.norm(dim=1, keepdim=True)
    changes = [change(pico(3), other, range(6)) for other in others]
    assert max(changes) < float(found.eigenvalues[0])


def test_a_known_direction_is_found(pico):
    tensors = {n: torch.zeros_like(t) if n.endswith("affine.weight") else t for n, t in pico(0).tensors.items()}
    tensors["synthesis.b8.conv1.affine.weight"][2] = torch.tensor([0, 0, -3.0, 0, 4, 0, 0, 0])
    found = find_directions(dataclasses.replace(pico(0), tensors=tensors), 1)
    torch.testing.assert_close(found.vectors[0], torch.tensor([0, 0, -0.6, 0, 0.8, 0, 0, 0]))
    assert float(found.eigenvalues[0]) == pytest.approx(25 / 8)  # |A n|², A scaled by 1 / √8 at run time


def test_directions_are_orthonormal_and_sorted_with_one_sign(pico):
    found = find_directions(pico(3), 8)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(8), atol=1e-5, rtol=0)
    assert found.eigenvalues.tolist() == sorted(found.eigenvalues.tolist(), reverse=True)
    assert all(vector[vector.abs().argmax()] > 0 for vector in found.vectors)


def test_a_step_moves_only_its_layers(pico):
    found = find_directions(pico(3), 2, (4, 1))
    ws = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))
    before = ws.clone()
    moved = step(ws, found, 1, -2.0)
    assert torch.equal(ws, before)
    assert found.layers == (1, 4)
    torch.testing.assert_close(moved[:, [1, 4]], ws[:, [1, 4]] - 2 * found.vectors[1])
    assert torch.equal(moved[:, [0, 2, 3, 5]], ws[:, [0, 2, 3, 5]])


def test_a_sheet_goes_from_minus_to_plus(pico):
    found = find_directions(pico(3), 2)
    ws = torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(0))
    styles = sheet_styles(ws, found, 4.0)
    assert len(styles) == 2 * 3 * 5
    torch.testing.assert_close(styles[20], ws[1] - 4 * found.vectors[1])
    assert torch.equal(styles[22], ws[1])
    torch.testing.assert_close(styles[24], ws[1] + 4 * found.vectors[1])
    sheet = lay_out([torch.zeros(1, 3, 16, 16)] * 30, found, (0, 1, 2), 4.0)
    assert sheet.height == 28 + 130 + 128
    with pytest.raises(InputError, match="strength: found nan, expected a step of w above 0"):
        sheet_styles(ws, found, float("nan"))


@pytest.mark.parametrize(
    ("count", "layers", "message"),
    [
        (9, None, "count: found 9, expected 1 … 8, as many as w has numbers"),
        (2, (6,), "layers: found 6; this model has style layers 0 … 5, choose among them"),
    ],
)
def test_what_the_model_does_not_have(pico, count, layers, message):
    with pytest.raises(InputError) as caught:
        find_directions(pico(3), count, layers)
    assert str(caught.value) == message


def test_the_file_comes_back(pico, tmp_path):
    found = find_directions(pico(3), 3, (0, 2))
    path = tmp_path / "new" / "directions.safetensors"
    save_directions(found, path)
    again = load_directions(path)
    assert torch.equal(again.vectors, found.vectors)
    assert torch.equal(again.eigenvalues, found.eigenvalues)
    assert (again.layers, again.mapping) == ((0, 2), fingerprint_mapping(pico(3)))
    with pytest.raises(InputError, match="is there already; choose another name, or replace it with --force"):
        save_directions(found, path)
    first = path.read_bytes()
    save_directions(found, path, replace=True)
    assert path.read_bytes() == first
    with pytest.raises(InputError, match="found the ending '.npz', expected .safetensors"):
        save_directions(found, tmp_path / "directions.npz")


def test_other_files_are_refused(pico, tmp_path):
    pico(3).save(tmp_path / "model.safetensors")
    (tmp_path / "text.safetensors").write_text("hello", encoding="utf-8")
    for name in ("model", "text", "nothing"):
        with pytest.raises(InputError, match=rf"{name}.safetensors: no directions \(.+\); expected a file of blendgan"):
            load_directions(tmp_path / f"{name}.safetensors")
