"""The names of figures, and what each is made of. A name says which network saw the pictures: none is mistaken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stylegan2.errors import InputError

DISCRIMINATOR, INCEPTION, LPIPS = "discriminator", "inception", "lpips"


@dataclass(frozen=True)
class Figure:
    """network: whose features; statistic: of `metrics.STATISTICS`, or a path length; lower_is_better: its direction."""

    network: str
    statistic: str
    lower_is_better: bool = True


FIGURES: dict[str, Figure] = {
    "fid": Figure(INCEPTION, "frechet"),
    "kid": Figure(INCEPTION, "kernel"),
    "precision": Figure(INCEPTION, "precision", lower_is_better=False),
    "recall": Figure(INCEPTION, "recall", lower_is_better=False),
    "ppl": Figure(LPIPS, "path-end"),
    "ppl-full": Figure(LPIPS, "path-full"),
    "dfd": Figure(DISCRIMINATOR, "frechet"),
    "dkd": Figure(DISCRIMINATOR, "kernel"),
    "d-precision": Figure(DISCRIMINATOR, "precision", lower_is_better=False),
    "d-recall": Figure(DISCRIMINATOR, "recall", lower_is_better=False),
    "dppl": Figure(DISCRIMINATOR, "path-end"),
    "dppl-full": Figure(DISCRIMINATOR, "path-full"),
}


def parse_figures(text: str) -> tuple[str, ...]:
    """`dfd,dkd` -> ("dfd", "dkd"), each once, in the order written. Raises InputError for a name that is none."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    check_figures(names)
    return names


def check_figures(names: Sequence[str]) -> None:
    """Raises InputError for a name that is none."""
    for name in names:
        if name not in FIGURES:
            raise InputError(f"metrics: found {name!r}, expected some of {', '.join(FIGURES)}; check the spelling")


def labelled(name: str, fingerprint: str) -> str:
    """`dfd` -> `dfd/379761dc`: figures of two discriminators do not compare, so their file is part of the name.

    The networks of Inception and LPIPS are always the same, checked by their SHA-256: `fid` stays `fid`.
    """
    return f"{name}/{fingerprint[:8]}" if FIGURES[name].network == DISCRIMINATOR else name
