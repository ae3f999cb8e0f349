"""Edits in turn from the lists that a command line gives: sources, targets and step lengths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blendgan.dfi.editing import Edit
from blendgan.dfi.sets import counted, read_set
from stylegan2.errors import InputError

ALPHA = 0.4  # the paper's for attributes (section 4.1)
FILLING_ALPHA = 1.0  # in the unit `sets`: how far a hole takes features off depends on its size


def edits_in_turn(
    sources: Sequence[Path],
    targets: Sequence[Path],
    alphas: Sequence[float],
    pictures: Path | None = None,
    unit: str = "photo",
) -> tuple[Edit, ...]:
    """Return an edit for each source and target, in turn; one alpha counts for all, none is ALPHA.

    Sets are folders, or lists of names in `pictures`. Raises InputError for other numbers of them, and as `read_set`.
    """
    if not targets or len(sources) != len(targets):
        raise InputError(
            f"edits: found {counted(len(sources), 'source')} and {counted(len(targets), 'target')}, expected one "
            "--source for each --target"
        )
    lengths = _for_each(alphas, len(targets), ALPHA)
    trios = zip(sources, targets, lengths, strict=True)
    return tuple(Edit(read_set(source, pictures), read_set(target, pictures), a, unit) for source, target, a in trios)


def filling(
    targets: Sequence[Path], alphas: Sequence[float], pictures: Path | None = None, unit: str = "sets"
) -> tuple[Edit, ...]:
    """Return the edit that fills a hole from one set of whole pictures; without an alpha, FILLING_ALPHA.

    Raises InputError as `edits_in_turn`.
    """
    if len(targets) != 1:
        raise InputError(f"inpaint: found {counted(len(targets), 'target')}, expected one: --inpaint --target DIR")
    return (Edit(None, read_set(targets[0], pictures), _for_each(alphas, 1, FILLING_ALPHA)[0], unit),)


def _for_each(alphas: Sequence[float], count: int, usual: float) -> list[float]:
    if len(alphas) not in (0, 1, count):
        each = "one" if count == 1 else "one for all, or one for each"
        raise InputError(f"alpha: found {len(alphas)} for {counted(count, 'edit')}, expected {each}")
    return list(alphas) if len(alphas) == count else [alphas[0] if alphas else usual] * count
