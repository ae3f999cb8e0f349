"""A sheet as a table of pictures that fills as they come; a click or Enter on one chooses it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import streamlit as st

from app.parts.files import component, nothing

_cells = component("cells")


def chosen(key: str, sheet: str, count: int) -> int | None:
    """Return the place of the cell that was chosen in this run, row by row from 0; None for none."""
    return _number(key, "chosen", "place", sheet, count)


def had(key: str, sheet: str, count: int) -> int:
    """Return how many cells of this sheet the browser says it has, when it asks for more."""
    return _number(key, "more", "have", sheet, count + 1) or 0


def cells(
    sheet: str,
    captions: tuple[Sequence[str], Sequence[str]],
    pictures: Sequence[tuple[int, bytes]],
    key: str,
) -> None:
    """Draw the table. `sheet` names it; `captions`: of the columns, of the rows; `pictures`: (place, PNG file) so far.

    Those that the browser has already are not sent again. As long as some are missing it asks for more.
    """
    columns, rows = captions
    total = len(columns) * len(rows)
    new = pictures[had(key, sheet, total) :]
    data = {
        "id": sheet,
        "columns": list(columns),
        "rows": list(rows),
        "cells": [[place, base64.b64encode(file).decode("ascii")] for place, file in new],
        "drawn": len(pictures),
        "total": total,
    }
    _cells(key=key, data=data, on_chosen_change=nothing, on_more_change=nothing)


def _number(key: str, event: str, field: str, sheet: str, end: int) -> int | None:
    """What a browser sends is not trusted: a number out of range, or of another sheet, is none."""
    state = st.session_state.get(key)
    told = state.get(event) if isinstance(state, Mapping) else None
    if not isinstance(told, Mapping) or told.get("id") != sheet:
        return None
    number = told.get(field)
    return number if type(number) is int and 0 <= number < end else None
