"""What models say of their origin: the lineages in their metadata, written, and compared by fingerprint.

A lineage is `{"transfer": parent}` or `{"blend": [parent, …]}`; a parent has a name, its fingerprint, that of its
mapping network, and maybe a lineage of its own. Anyone can have written it, so whatever has another form is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stylegan2.checkpoints import fingerprint, fingerprint_mapping
from stylegan2.checkpoints.checkpoint import Checkpoint

INHERITED = ("licence", "attribution", "source", "lineage")  # metadata of a parent that the child must pass on
LONGEST_NAME = 60  # characters that are shown of a name which a stranger's file gives
SHOWN_DIGITS = 12  # of a fingerprint's 64
MOST_SHOWN = 100  # ancestors in a tree: a stranger's file may name any number


@dataclass(frozen=True)
class Ancestor:
    """A model that another one says it was made from."""

    name: str
    fingerprint: str
    mapping_fingerprint: str


@dataclass(frozen=True)
class Relative:
    """An ancestor in its place in the tree: `depth` from 0, the parents; `how` its child was made of it."""

    depth: int
    how: str
    name: str
    fingerprint: str
    licence: str


def parent_of(name: str, digest: str, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what a lineage says of a parent: name, fingerprint (`digest`), its mapping's, what it said of itself.

    The mapping's fingerprint is there so that a child takes the parent's latents, whatever became of its weights.
    """
    inherited = {key: checkpoint.metadata[key] for key in INHERITED if key in checkpoint.metadata}
    prints = {"fingerprint": digest, "mapping_fingerprint": fingerprint_mapping(checkpoint)}
    return {"name": name, **prints, **inherited}


def ancestors(lineage: object) -> tuple[Ancestor, ...]:
    """Return all that a lineage names, the nearest first; nothing for a value of another form."""
    return tuple(_ancestors(lineage))


def family_tree(lineage: object) -> tuple[Relative, ...]:
    """Return what a lineage names as a tree in reading order, each before its own ancestors; the first MOST_SHOWN.

    Names and licences are cut to LONGEST_NAME characters; what is of another form is left out.
    """
    found: list[Relative] = []
    left = _branches(lineage, 0)
    while left and len(found) < MOST_SHOWN:
        depth, how, parent = left.pop(0)
        name, fingerprint, licence = (_text(parent.get(key)) for key in ("name", "fingerprint", "licence"))
        found.append(Relative(depth, how, name[:LONGEST_NAME], fingerprint[:SHOWN_DIGITS], licence[:LONGEST_NAME]))
        left = _branches(parent.get("lineage"), depth + 1) + left
    return tuple(found)


def evidence(base: Checkpoint, transfer: Checkpoint) -> tuple[str, ...]:
    """Return, as sentences, what the metadata of BASE and TRANSFER says of a common origin; () for nothing."""
    prints = fingerprint(base), fingerprint(transfer)
    if prints[0] == prints[1]:
        return ("BASE and TRANSFER are the same model, to the bit",)
    families = [ancestors(model.metadata.get("lineage")) for model in (base, transfer)]
    said = [
        _descent("TRANSFER", families[1], "BASE", base, prints[0]),
        _descent("BASE", families[0], "TRANSFER", transfer, prints[1]),
    ]
    if not any(said):
        said = [_common(*families)]
    return tuple(sentence for sentence in said if sentence)


def _descent(child: str, family: tuple[Ancestor, ...], parent: str, model: Checkpoint, print_: str) -> str:
    """Say whether a family has a model in it, by its fingerprint or by that of its mapping network."""
    if found := next((one for one in family if one.fingerprint == print_), None):
        return f"{child} says that it was made from {_shown(found)}, which is {parent}"
    # A file that lost its discriminator has another fingerprint, but the same mapping network.
    mapping = fingerprint_mapping(model)
    if found := next((one for one in family if one.mapping_fingerprint == mapping), None):
        return f"{child} says that it was made from {_shown(found)}, whose mapping network is {parent}'s"
    return ""


def _common(first: tuple[Ancestor, ...], second: tuple[Ancestor, ...]) -> str:
    known = {one.fingerprint for one in second} - {""}
    found = next((one for one in first if one.fingerprint in known), None)
    return "" if found is None else f"both say that they were made from {_shown(found)}"


def _shown(ancestor: Ancestor) -> str:
    return f"{ancestor.name[:LONGEST_NAME]!r} (fingerprint {ancestor.fingerprint[:SHOWN_DIGITS]!a} …)"


def _ancestors(lineage: object) -> Iterator[Ancestor]:
    level = _parents(lineage)
    while level:
        for parent in level:
            yield Ancestor(*(_text(parent.get(key)) for key in ("name", "fingerprint", "mapping_fingerprint")))
        level = [grandparent for parent in level for grandparent in _parents(parent.get("lineage"))]


def _parents(lineage: object) -> list[Mapping[str, Any]]:
    return [parent for _, _, parent in _branches(lineage, 0)]


def _branches(lineage: object, depth: int) -> list[tuple[int, str, Mapping[str, Any]]]:
    """The parents that a lineage names, each with its depth and how the child was made of it."""
    if not isinstance(lineage, Mapping):
        return []
    found: list[tuple[str, Any]] = []
    for key, value in lineage.items():
        found += [(str(key)[:LONGEST_NAME], parent) for parent in (value if isinstance(value, list) else [value])]
    return [(depth, key, parent) for key, parent in found if isinstance(parent, Mapping)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
