"""Names → files: the weights that travel with the project, and what is known of each.

`manifest.json` beside the weights says for every name its file, SHA-256, size, licence and source. In a checkout the
folder is `weights/` next to the packages; in an installed wheel it is `_bundled/weights/` inside this package, so
that nothing but our own packages lands in site-packages. Both are found from this file's place, never from the
working directory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stylegan2.errors import UnknownWeights

MANIFEST = "manifest.json"
PACKAGE = Path(__file__).resolve().parent
PLACES = (PACKAGE / "_bundled" / "weights", PACKAGE.parent / "weights")  # wheel, checkout
CHUNK_BYTES = 1 << 20  # read at a time when hashing: large files need no memory of their size


@dataclass(frozen=True)
class ShippedWeights:
    """One entry of the manifest. `sha256` is lower-case hex, `size` in bytes."""

    name: str
    file: str
    sha256: str
    size: int
    licence: str
    source: str
    kind: str = "model"  # or detector, encoder, curvature
    mapping: str = ""  # of an encoder or a curvature: the fingerprint of the mapping network that it belongs to

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        return weights_dir() / self.file


def weights_dir() -> Path:
    """Return the folder that holds the shipped weights. Raises UnknownWeights when the installation lost it."""
    for place in PLACES:
        if (place / MANIFEST).is_file():
            return place
    looked = " nor ".join(str(place / MANIFEST) for place in PLACES)
    raise UnknownWeights(f"shipped weights: found neither {looked}; install blendgan again")


def manifest() -> dict[str, ShippedWeights]:
    """Return name → entry, sorted by name."""
    entries = json.loads((weights_dir() / MANIFEST).read_text(encoding="utf-8"))
    return {name: ShippedWeights(name=name, **fields) for name, fields in sorted(entries.items())}


def companion(kind: str, mappings: Iterable[str]) -> ShippedWeights | None:
    """Return the entry of this kind that belongs to one of these mapping networks, the first first; None is none."""
    known = {entry.mapping: entry for entry in manifest().values() if entry.kind == kind}
    return next((known[mapping] for mapping in mappings if mapping in known), None)


def resolve(name_or_path: str | os.PathLike[str], kind: str = "model") -> Path:
    """Return the file that a name or path means: an existing file, else a shipped name, else an existing folder.

    A folder comes last, so that a folder of photos called `portraits` in the working directory does not hide the
    model of that name; `./portraits` is always the folder. Raises UnknownWeights, which lists the known names of
    this kind.
    """
    known = manifest()
    names = ", ".join(name for name, entry in known.items() if entry.kind == kind)
    if not os.fspath(name_or_path):
        raise UnknownWeights(f"{kind}: found an empty name, expected a file or one of {names}")
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    name = os.fspath(name_or_path)
    if name in known:
        return _present(known[name])
    if path.is_dir():
        return path
    raise UnknownWeights(
        f"{name}: neither an existing file nor a shipped name ({names}); check the spelling, or give the path of one"
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _present(entry: ShippedWeights) -> Path:
    if not entry.path.is_file():
        raise UnknownWeights(
            f"{entry.name}: {entry.path} is in the manifest but not on the disk; install blendgan again"
        )
    return entry.path
