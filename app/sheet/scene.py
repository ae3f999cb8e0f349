"""`SheetScene`: what the page Sheet shows, frozen, as words in the address and as a command line.

    ?x=swap-res%3D4,8,16&y=alpha%3D0.5,1&seed=3&match-colour=1

The words are those of `blendgan grid`; models, truncation and class are the scene's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.commands import command, file_name
from app.scene import Scene
from blendgan.axes import Axis, parse_axis
from blendgan.explorer_options import ExplorerOptions
from blendgan.schedule import SIDES, Side, Swap, Uniform
from blendgan.seeds import parse_seeds
from stylegan2.errors import InputError

KEYS = ("x", "y", "swap-res", "alpha", "transfer-gives", "seed", "match-colour")


@dataclass(frozen=True)
class SheetScene:
    """Two axes, and what they do not say; None: as TRANSFER recommends."""

    x: Axis
    y: Axis
    swap_res: int | None = None
    alpha: float | None = None
    transfer_gives: Side | None = None
    seed: int = 0
    match_colour: bool = False

    @property
    def fixed(self) -> dict[str, Any]:
        """What no axis says, under the names of axes."""
        said = {"swap-res": self.swap_res, "alpha": self.alpha, "transfer-gives": self.transfer_gives}
        free = {name: value for name, value in said.items() if value is not None and name not in self.axes}
        if "schedules" in self.axes:  # they say themselves how to blend
            free.pop("swap-res", None)
            free.pop("alpha", None)
        return {"seeds": self.seed, **free}

    @property
    def axes(self) -> tuple[str, str]:
        """The axes' names."""
        return self.x.name, self.y.name


def to_query(sheet: SheetScene) -> dict[str, str]:
    """Return a sheet as the words of an address."""
    said = {"swap-res": sheet.swap_res, "alpha": sheet.alpha, "transfer-gives": sheet.transfer_gives}
    query = {"x": str(sheet.x), "y": str(sheet.y)}
    query |= {key: str(value) for key, value in said.items() if value is not None}
    query |= {"seed": str(sheet.seed)} if sheet.seed else {}
    return query | ({"match-colour": "1"} if sheet.match_colour else {})


def options(sheet: SheetScene, scene: Scene) -> dict[str, Any]:
    """Return what a sheet's file says of its making: the options of `blendgan grid`, by their Python names."""
    fixed = sheet.fixed
    said = {
        "alpha": fixed.get("alpha"),
        "class_index": scene.class_index,
        "drift": False,
        "match_colour": sheet.match_colour,
        "recompute_w_avg": False,
        "seed": 0 if "seeds" in sheet.axes else sheet.seed,
        "swap_res": fixed.get("swap-res"),
        "transfer_gives": fixed.get("transfer-gives"),
        "truncation_psi": scene.truncation_psi,
    }
    return said | {"x": str(sheet.x), "y": str(sheet.y)}


def grid_command(sheet: SheetScene, scene: Scene, given: ExplorerOptions) -> str:
    """Return the command line that draws a sheet's very file."""
    said = {key: value for key, value in sheet.fixed.items() if key != "seeds"}
    said |= {} if "seeds" in sheet.axes else {"seed": sheet.seed}
    words = ["grid", file_name(scene.base), file_name(scene.transfer), "--x", str(sheet.x), "--y", str(sheet.y)]
    words += [word for key, value in said.items() for word in (f"--{key}", str(value))]
    words += ["--trunc", f"{scene.truncation_psi:g}"]
    words += [] if scene.class_index is None else ["--class", str(scene.class_index)]
    words += ["--match-colour"] if sheet.match_colour else []
    return command([*words, "-o", "sheet.png"], given)


def _swap(sheet: SheetScene, text: str) -> SheetScene:
    if not text.isdecimal():
        raise InputError(f"found {text!r}, expected a power of two in px, such as 16")
    return replace(sheet, swap_res=Swap(int(text)).resolution)


def _alpha(sheet: SheetScene, text: str) -> SheetScene:
    try:
        return replace(sheet, alpha=Uniform(float(text)).value)
    except ValueError as error:
        raise InputError(f"found {text!r}, expected a share of TRANSFER between 0 and 1") from error


def _side(sheet: SheetScene, text: str) -> SheetScene:
    side: Side | None = next((side for side in SIDES if side == text), None)
    if side is None:
        raise InputError(f"found {text!r}, expected low or high")
    return replace(sheet, transfer_gives=side)


def _match(sheet: SheetScene, text: str) -> SheetScene:
    if text not in ("0", "1"):
        raise InputError(f"found {text!r}, expected 0 or 1")
    return replace(sheet, match_colour=text == "1")


READERS: Mapping[str, Callable[[SheetScene, str], SheetScene]] = {  # key of an address → what it changes
    "x": lambda sheet, text: replace(sheet, x=parse_axis(text)),
    "y": lambda sheet, text: replace(sheet, y=parse_axis(text)),
    "swap-res": _swap,
    "alpha": _alpha,
    "transfer-gives": _side,
    "seed": lambda sheet, text: replace(sheet, seed=parse_seeds(text, 1)[0]),
    "match-colour": _match,
}
