"""`Latent`: where faces lie in a generator's space of w, and the file that says which generator that is."""

from __future__ import annotations

import io
import json
import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylegan2.checkpoints.atomic import write_unless_other
from stylegan2.errors import InputError, WrongGenerator
from stylegan2.generator import Generator

FORMAT = "blendgan latent 1"
# What numpy and zipfile raise on other files and damaged ones: .npy, empty, cut, encrypted, of an unknown compression.
BROKEN = (
    OSError, ValueError, TypeError, AttributeError, KeyError, EOFError, RuntimeError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Latent:
    """w [faces, num_ws, w_dim] float32, the fingerprint of the mapping network that it belongs to, and its origin.

    `noise` maps a layer's name (`b8.conv0`) to noise [faces, 1, H, W] that was fitted along with w; empty if none was.
    `metadata` holds plain JSON values: photo, boxes, losses.
    """

    w: Tensor
    mapping: str  # fingerprint; "" where the file does not say
    noise: Mapping[str, Tensor] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.w.ndim != 3:
            raise InputError(f"latent: w has shape {tuple(self.w.shape)}, expected [faces, num_ws, w_dim]")


def save_latent(latent: Latent, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Write an .npz with `w`, `header` (JSON) and `noise.*`.

    Raises InputError if another latent is there already; the very same one is left as it is.
    """
    write_unless_other(Path(path), pack(latent), "latent", replace=replace)


def in_half(latent: Latent) -> Latent:
    """Return the latent rounded to float16, in which it takes half the room; `pack` then holds it exactly."""
    noise = {name: value.half().float() for name, value in latent.noise.items()}
    return replace(latent, w=latent.w.half().float(), noise=noise)


def pack(latent: Latent, precision: type[np.floating] = np.float32) -> bytes:
    """Return the bytes of a latent file."""
    header = {"format": FORMAT, "mapping": latent.mapping, **latent.metadata}
    arrays: dict[str, Any] = {
        "w": latent.w.numpy().astype(precision),
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
    }
    arrays |= {f"noise.{name}": value.numpy().astype(precision) for name, value in latent.noise.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # zip entries without a date: the same latent gives the same bytes
    return buffer.getvalue()


def load_latent(path: str | os.PathLike[str]) -> Latent:
    """Read our own latents, and NVIDIA's (`w` [1, num_ws, w_dim] alone). Raises InputError for anything else."""
    return _latent(_read_arrays(Path(path), path), path)


def unpack(contents: bytes, name: str) -> Latent:
    """Return the latent of a latent file's bytes; `name` is for messages. Raises InputError."""
    return _latent(_read_arrays(io.BytesIO(contents), name), name)


def _latent(arrays: Mapping[str, np.ndarray], path: str | os.PathLike[str]) -> Latent:
    if "w" not in arrays or arrays["w"].ndim != 3 or arrays["w"].dtype.kind != "f":
        raise InputError(
            f"{path}: found {', '.join(arrays) or 'nothing'}, expected w [faces, num_ws, w_dim]; project again"
        )
    header = _header(arrays, path)
    w = _finite("w", arrays["w"], path)
    noise = {n.removeprefix("noise."): _noise(n, a, len(w), path) for n, a in arrays.items() if n.startswith("noise.")}
    mapping = str(header.pop("mapping", ""))
    return Latent(w, mapping, noise, header)


def _read_arrays(source: Path | io.BytesIO, path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    try:
        with np.load(source, allow_pickle=False) as file:  # data only: object arrays are refused
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; expected a latent written by blendgan project") from error
    except BROKEN as error:
        raise InputError(
            f"{path}: cannot be read as a latent ({type(error).__name__}); expected an .npz with w, as `project` "
            "writes it"
        ) from error


def _header(arrays: Mapping[str, np.ndarray], path: str | os.PathLike[str]) -> dict[str, Any]:
    if "header" not in arrays:
        return {}
    try:
        header = json.loads(arrays["header"].tobytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its header is not JSON; project the photo again") from error
    return header if isinstance(header, dict) else {}


def _noise(name: str, array: np.ndarray, faces: int, path: str | os.PathLike[str]) -> Tensor:
    if array.dtype.kind != "f" or array.ndim != 4 or array.shape[:2] != (faces, 1):
        raise InputError(
            f"{path}: found {name} {array.dtype} {list(array.shape)}, expected float [{faces}, 1, H, W]; project again"
        )
    return _finite(name, array, path)


def _finite(name: str, array: np.ndarray, path: str | os.PathLike[str]) -> Tensor:
    """The array as float32; numbers that are none, or too large for it, are refused."""
    with np.errstate(over="ignore"):
        tensor = torch.from_numpy(array.astype(np.float32))
    if not bool(tensor.isfinite().all()):
        raise InputError(f"{path}: found NaN or infinity in {name}, expected finite numbers; project again")
    return tensor


# ---- which generators take it ---------------------------------------------------------------------------------


def require_generator(latent: Latent, generator: Generator) -> None:
    """Check that a generator understands a latent: the same mapping network, or one of its family.

    A family is a model, those fine-tuned from it, and blends of these: the lineage in their files tells. Raises
    WrongGenerator otherwise, and for another number or length of styles.
    """
    expected = (generator.config.num_ws, generator.config.w_dim)
    if tuple(latent.w.shape[1:]) != expected:
        raise WrongGenerator(
            f"latent: has styles {tuple(latent.w.shape[1:])}, the generator takes {expected}; project with this one"
        )
    known = set(family(generator))
    if latent.mapping and latent.mapping not in known:
        raise WrongGenerator(
            f"latent: belongs to the mapping network {latent.mapping[:12]}…, the generator's family has "
            f"{', '.join(sorted(k[:12] + '…' for k in known))}; project the photo with this generator"
        )


def family(generator: Generator) -> Iterator[str]:
    """Yield the fingerprints of the mapping networks of a generator and of its forebears."""
    yield generator.mapping_fingerprint
    yield from _mappings_in(generator.metadata.get("lineage"))


def _mappings_in(lineage: Any) -> Iterator[str]:
    """Find every `mapping_fingerprint` in a lineage, however deep: blends of transfers of blends nest."""
    if isinstance(lineage, Mapping):
        if isinstance(lineage.get("mapping_fingerprint"), str):
            yield lineage["mapping_fingerprint"]
        for value in lineage.values():
            yield from _mappings_in(value)
    elif isinstance(lineage, (list, tuple)):
        for value in lineage:
            yield from _mappings_in(value)
