"""The controls of a sheet: its two axes, and what they do not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app.fields import follow
from app.messages import sentence
from app.sheet.scene import SheetScene
from blendgan.axes import AXES, FORMS, Axis, parse_axis
from blendgan.recipe import Recipe
from blendgan.schedule import SIDES
from blendgan.schedule_forms import to_words
from blendgan.seeds import LARGEST_SEED
from stylegan2.errors import BlendganError

NAMES = {
    "swap-res": "Swap resolution",
    "alpha": "α, the share of TRANSFER",
    "seeds": "Seeds",
    "schedules": "Schedules",
    "transfer-gives": "Side of TRANSFER",
}
HELP = {
    "swap-res": "Up to which resolution in px TRANSFER gives the layers.",
    "alpha": "0 is BASE, 1 is TRANSFER.",
    "seeds": "Numbers and ranges.",
    "schedules": "In the command line's words, apart by semicolons: swap-res 16; sigmoid 16,1.5 high; alpha 0.5.",
    "transfer-gives": "low: the coarse layers; high: the fine ones.",
}


def usual_sheet(resolutions: Sequence[int]) -> SheetScene:
    """Return what the page shows first: swaps along the rows, shares down the columns."""
    return SheetScene(usual_axis("swap-res", resolutions), parse_axis("alpha=0.25,0.5,1"))


def usual_axis(name: str, resolutions: Sequence[int], own: Recipe | None = None) -> Axis:
    """Return an axis as it is when it is chosen; `own`: the present blend, which schedules are compared with."""
    if name == "swap-res":
        return parse_axis(f"{name}={','.join(map(str, resolutions[:-1] or resolutions))}")
    if name == "schedules":
        middle = resolutions[(len(resolutions) - 1) // 2]
        words = [f"swap-res {middle} low", f"sigmoid {middle},1.5 low", "alpha 0.5"]
        words += [] if own is None else [to_words(own.schedule)]
        return parse_axis(f"{name}={'; '.join(dict.fromkeys(words))}")
    return parse_axis(f"{name}={FORMS[name]}")


def sheet_controls(sheet: SheetScene, resolutions: Sequence[int], own: Recipe, key: str) -> SheetScene:
    """Draw the controls; return the sheet as they make it."""
    ready = _ready(resolutions, own)
    with st.container(horizontal=True):
        for name, axes in ready.items():
            if st.button(name, key=f"{key}:{name}"):
                sheet = replace(sheet, x=axes[0], y=axes[1])
    left, right = st.columns(2)
    with left:
        x = _axis("Along the rows", sheet.x, resolutions, own, f"{key}:x")
    with right:
        y = _axis("Down the columns", sheet.y, resolutions, own, f"{key}:y")
    return _others(replace(sheet, x=x, y=y), resolutions, key)


def _ready(resolutions: Sequence[int], own: Recipe) -> dict[str, tuple[Axis, Axis]]:
    axes = {name: usual_axis(name, resolutions, own) for name in AXES}
    return {
        "Swap × α": (axes["swap-res"], parse_axis("alpha=0.25,0.5,1")),
        "Seeds × schedules": (axes["seeds"], axes["schedules"]),
        "Swap × seeds": (axes["swap-res"], axes["seeds"]),
        "Seeds × sides": (axes["seeds"], axes["transfer-gives"]),
    }


def _axis(label: str, axis: Axis, resolutions: Sequence[int], own: Recipe, key: str) -> Axis:
    name = st.selectbox(label, AXES, key=follow(f"{key}:name", axis.name), format_func=lambda one: NAMES[one])
    if name not in (axis.name, None):
        axis = usual_axis(name, resolutions, own)
    text = st.text_input(
        f"{label}: {NAMES[axis.name]}",
        key=follow(f"{key}:values", axis.values_text),
        help=f"{HELP[axis.name]} Such as {FORMS[axis.name]}",
    )
    if text == axis.values_text:
        return axis
    try:
        return parse_axis(f"{axis.name}={text}")
    except BlendganError as error:
        st.error(sentence(error))
        return axis


def _others(sheet: SheetScene, resolutions: Sequence[int], key: str) -> SheetScene:
    """What no axis says; fields that would change nothing are not there."""
    places = iter(st.columns(3, vertical_alignment="bottom"))
    blends = {"swap-res", "alpha", "schedules"} & set(sheet.axes)
    if "seeds" not in sheet.axes:
        seed = next(places).number_input("Seed", 0, LARGEST_SEED, key=follow(f"{key}:seed", sheet.seed))
        sheet = replace(sheet, seed=int(seed))
    if not blends:
        swaps = [None, *resolutions]
        names = {None: "as TRANSFER recommends"}
        swap = next(places).selectbox(
            "Swap resolution",
            swaps,
            key=follow(f"{key}:swap", sheet.swap_res),
            format_func=lambda r: names.get(r, f"{r} px"),
        )
        sheet = replace(sheet, swap_res=swap)
    if blends == {"swap-res"} and "transfer-gives" not in sheet.axes:
        side = next(places).radio(
            "TRANSFER gives", SIDES, key=follow(f"{key}:side", sheet.transfer_gives or "low"), horizontal=True
        )
        sheet = replace(sheet, transfer_gives=None if side == "low" else side)
    match = next(places).toggle(
        "Match colours",
        key=follow(f"{key}:match", sheet.match_colour),
        help="Give all rows the colours (mean, deviation) of the first.",
    )
    return replace(sheet, match_colour=match)
