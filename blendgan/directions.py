"""Latent directions without a single picture: what moves the styles most (SeFa, Shen & Zhou 2021).

A layer turns w into styles by an affine map w → A w + b. A step n of w moves them by A n, whatever w is; among steps of
length 1 those that move them most are the eigenvectors of AᵀA with the largest eigenvalues, |A n|².
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from blendgan.images import grid, to_pictures
from blendgan.mixing import check_layers
from stylegan2.checkpoints import Checkpoint, fingerprint_mapping
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError
from stylegan2.sites import TO_RGB, Site, sites

FORMAT = "blendgan directions 1"
KEY = "blendgan"  # of the file's metadata
STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the strength: the columns of a sheet


@dataclass(frozen=True, eq=False)
class Directions:
    """Steps of w, the strongest first.

    vectors [count, w_dim] float32, each of length 1; eigenvalues [count] float32: the squared change of the styles
    for a step of length 1. `layers` are those that it was computed from, and that a step moves. `mapping` is the
    fingerprint of the mapping network whose w this is.
    """

    vectors: Tensor
    eigenvalues: Tensor
    layers: tuple[int, ...]
    mapping: str


def find_directions(model: Checkpoint, count: int, layers: Sequence[int] | None = None) -> Directions:
    """Return the `count` directions that move the styles of these layers (None: of all) most (SeFa, eq. 6 … 8).

    Computed in float64. An eigenvector's sign is arbitrary: here its largest number is positive. Raises InputError for
    a layer that the model does not have, and a count beyond 1 … w_dim.
    """
    config = model.config
    chosen = tuple(range(config.num_ws)) if layers is None else tuple(sorted(layers))
    check_layers(chosen, config.num_ws)
    if not 1 <= count <= config.w_dim:
        raise InputError(f"count: found {count}, expected 1 … {config.w_dim}, as many as w has numbers")
    affine = torch.cat([_affine(model, site) for site in sites(config).values() if _styles(site, chosen)])
    if not affine.isfinite().all():
        raise InputError("model: found styles that are no numbers (NaN or infinite), expected a trained model")
    values, vectors = torch.linalg.eigh(affine.T @ affine)  # ascending; the vectors are columns
    strongest = vectors.flip(1)[:, :count].T
    largest = strongest.gather(1, strongest.abs().argmax(dim=1, keepdim=True))
    return Directions(
        (strongest * largest.sign()).float().contiguous(),
        values.flip(0)[:count].float().contiguous(),
        chosen,
        fingerprint_mapping(model),
    )


def _styles(site: Site, layers: Sequence[int]) -> bool:
    return site.layer in layers and site.name.endswith(".affine.weight")


def _affine(model: Checkpoint, site: Site) -> Tensor:
    """A [in, w_dim] as the network applies it: weights are stored raw and scaled at run time, a to-RGB's twice."""
    weight = model.tensors[site.name].double()
    gain = 1 / math.sqrt(weight.shape[1])
    return weight * (gain / math.sqrt(weight.shape[0]) if site.role == TO_RGB else gain)


def step(ws: Tensor, directions: Directions, index: int, length: float) -> Tensor:
    """Move ws [N, num_ws, w_dim] by `length` along a direction, in its own layers only; `ws` stays as it is."""
    moved = ws.clone()
    moved[:, list(directions.layers)] += length * directions.vectors[index].to(ws.device)
    return moved


def sheet_styles(ws: Tensor, directions: Directions, strength: float) -> list[Tensor]:
    """Return the styles [num_ws, w_dim] of a sheet: for each direction, for each of ws, from −strength to +strength.

    Raises InputError for a strength that is no finite number above 0.
    """
    if not 0 < strength < math.inf:
        raise InputError(f"strength: found {strength:g}, expected a step of w above 0, such as 3")
    return [
        step(ws[i : i + 1], directions, index, share * strength)[0]
        for index in range(len(directions.vectors))
        for i in range(len(ws))
        for share in STEPS
    ]


def lay_out(images: Sequence[Tensor], directions: Directions, seeds: Sequence[int], strength: float) -> Image.Image:
    """Make the sheet of the pictures [1, 3, H, W] of `sheet_styles`: a row for each direction."""
    pictures = to_pictures(torch.cat(list(images)))
    across = len(seeds) * len(STEPS)
    rows = {f"{i}": pictures[i * across : (i + 1) * across] for i in range(len(directions.vectors))}
    columns = [f"seed {seed}" if share == 0 else f"{share * strength:+g}" for seed in seeds for share in STEPS]
    return grid(rows, columns)


def save_directions(directions: Directions, path: Path, *, replace: bool = False) -> None:
    """Write a safetensors file. Raises InputError if one is there and `replace` is off, and for another ending."""
    check_target(path, replace=replace)
    header = {"format": FORMAT, "layers": directions.layers, "mapping": directions.mapping}
    tensors = {"vectors": directions.vectors, "eigenvalues": directions.eigenvalues}
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        file.write(save(tensors, {KEY: json.dumps(header)}))


def check_target(path: Path, *, replace: bool) -> None:
    """Raise InputError for a name under which `save_directions` would not write."""
    if path.suffix != ".safetensors":
        raise InputError(f"{path}: found the ending {path.suffix!r}, expected .safetensors, the form that is written")
    if path.exists() and not replace:
        raise InputError(f"{path}: is there already; choose another name, or replace it with --force")


def load_directions(path: Path) -> Directions:
    """Read what `save_directions` wrote. Raises InputError for anything else."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[KEY])
            if header["format"] != FORMAT:
                raise ValueError(header["format"])
            vectors, eigenvalues = file.get_tensor("vectors"), file.get_tensor("eigenvalues")
        return Directions(vectors, eigenvalues, tuple(map(int, header["layers"])), str(header["mapping"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: no directions ({reason}); expected a file of blendgan directions") from error
