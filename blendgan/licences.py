"""Under which licence a blend stands: it is adapted from all of its inputs, so all of their conditions hold."""

from __future__ import annotations

from collections.abc import Iterable

# Each includes the conditions of those before it, as Creative Commons' compatibility chart has it. Licences that are
# not here (non-commercial ones among them: they cannot be joined with share-alike) are named beside the others.
LADDER = ("CC0 1.0", "CC BY 3.0", "CC BY 4.0", "CC BY SA 4.0")
UNSTATED = "unstated"


def strictest(licences: Iterable[object]) -> str | None:
    """Return the licence whose conditions include the others', as it is spelt there; else all that apply, with AND.

    An input that states none, or no text, makes the result partly `unstated`. None when no input states any.
    """
    stated = list(dict.fromkeys(licence if isinstance(licence, str) and licence else UNSTATED for licence in licences))
    if stated == [UNSTATED]:
        return None
    on_ladder = sorted((licence for licence in stated if _normal(licence) in LADDER), key=_rung)
    return " AND ".join([*on_ladder[-1:], *(licence for licence in stated if _normal(licence) not in LADDER)])


def _normal(licence: str) -> str:
    """`CC-BY-SA-4.0` (SPDX) and `CC BY-SA 4.0` are one licence."""
    return licence.replace("-", " ").upper()


def _rung(licence: str) -> int:
    return LADDER.index(_normal(licence))
