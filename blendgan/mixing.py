"""Style mixing: some layers take their style from one face, the others from another (StyleGAN, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from blendgan.images import grid, to_pictures
from stylegan2.errors import InputError


def mix(rows: Tensor, columns: Tensor, layers: Sequence[int]) -> Tensor:
    """ws [R, num_ws, w_dim], ws [C, num_ws, w_dim] → ws [R, C, num_ws, w_dim].

    `layers` come from the column's face, the others from the row's. Raises InputError for a layer that the model
    does not have.
    """
    check_layers(layers, rows.shape[1])
    mixed = rows[:, None].repeat(1, columns.shape[0], 1, 1)
    chosen = torch.tensor(list(layers), device=rows.device)
    mixed[:, :, chosen] = columns[None, :, chosen]
    return mixed


def check_layers(layers: Sequence[int], num_ws: int) -> None:
    """Raise InputError for layers that are not among 0 … num_ws - 1, and for none."""
    outside = [layer for layer in layers if not 0 <= layer < num_ws]
    if outside or not layers:
        found = ", ".join(map(str, outside)) or "none"
        raise InputError(f"layers: found {found}; this model has style layers 0 … {num_ws - 1}, choose among them")


def table(rows: Tensor, columns: Tensor, layers: Sequence[int]) -> list[Tensor]:
    """Return the styles [num_ws, w_dim] of a sheet's pictures: the columns' own, then each row's own and mixtures."""
    mixed = mix(rows, columns, layers)
    return [*columns, *(styles for row, mixtures in zip(rows, mixed, strict=True) for styles in (row, *mixtures))]


def lay_out(images: Sequence[Tensor], row_seeds: Sequence[int], column_seeds: Sequence[int]) -> Image.Image:
    """Make the sheet of the pictures [1, 3, H, W] of `table`; the first row and column are the sources."""
    pictures = to_pictures(torch.cat(list(images)))
    blank = Image.new("RGB", pictures[0].size, "white")
    across = len(column_seeds) + 1
    cells = [blank, *pictures]
    captions = ["", *(f"seed {seed}" for seed in row_seeds)]
    rows = {caption: cells[i * across : (i + 1) * across] for i, caption in enumerate(captions)}
    return grid(rows, columns=["", *(f"seed {seed}" for seed in column_seeds)])
