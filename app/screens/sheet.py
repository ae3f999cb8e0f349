"""Sheet: two axes, and at each crossing a picture of one blend."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import address
from app.engine import Engine, engine
from app.messages import as_sentences
from app.parts.cells import cells, chosen
from app.scene import Scene, current, keep
from app.screens import explore
from app.sheet import scene as sheet_scene
from app.sheet.controls import sheet_controls, usual_sheet
from app.sheet.scene import SheetScene, grid_command
from app.sheet.work import MOST_CELLS, MOST_PIXELS, SheetWork, keep_drawn, work_of
from app.view_controls import model_controls
from blendgan.recipe import recipe_of
from blendgan.rendering import Setting

KEY = "sheet"  # in the session's state
TABLE = "sheet:cells"
PIECE_S = 0.4  # drawn before the page shows what there is


def page() -> None:
    """Draw the page."""
    st.header("Sheet")
    with as_sentences():
        board()


@st.fragment
def board() -> None:
    """Controls, then the cells, which come one after the other."""
    models, scene = engine(), current()
    keep(scene)
    with st.expander("Models"), as_sentences():
        scene = model_controls(scene, models, KEY)
    pair = models.pair(scene.base, scene.transfer)
    sheet = address.remembered(KEY, usual_sheet(pair.resolutions), sheet_scene.READERS)
    sheet = sheet_controls(sheet, pair.resolutions, scene.recipe, KEY)
    st.session_state[KEY] = sheet
    address.put(sheet_scene.to_query(sheet), sheet_scene.KEYS)
    with as_sentences():
        show(sheet, scene, models)


def show(sheet: SheetScene, scene: Scene, models: Engine) -> None:
    """Draw for a while and show what there is; at the end the file."""
    work = work_of(sheet, scene, models)
    _go_to_explore(work, sheet, scene)
    setting = Setting(scene.truncation_psi, scene.class_index, device=models.device)
    models.run(lambda: work.go_on(PIECE_S, setting))
    drawn, total = len(work.pictures), len(work.places)
    if work.file is None:
        st.progress(drawn / total, f"{drawn} of {total} cells")
    else:
        keep_drawn(work)
        st.caption(f"{total} cells in {work.seconds:.1f} s. A click or Enter on a cell takes its blend to Explore.")
    cells(_name(work, sheet, scene), (sheet.x.captions, sheet.y.captions), list(work.pictures), TABLE)
    if work.file is not None:
        _downloads(work.file, grid_command(sheet, scene, models.options))


def _downloads(whole: bytes, command: str) -> None:
    st.download_button("Download the sheet", whole, "sheet.png", "image/png", key="sheet:download", on_click="ignore")
    st.caption("The same file on the command line:")
    st.code(command, language="shell", wrap_lines=True)
    st.caption(f"Here at most {MOST_CELLS} cells and {MOST_PIXELS >> 20} megapixels of them; the command has no bound.")


def _name(work: SheetWork, sheet: SheetScene, scene: Scene) -> str:
    """What the browser knows a table of pictures by: colours are matched when all of them are there."""
    matched = sheet.match_colour and work.file is not None
    return f"{scene.base}|{scene.transfer}|{sheet_scene.options(sheet, scene)}|{matched}"


def _go_to_explore(work: SheetWork, sheet: SheetScene, scene: Scene) -> None:
    """Take the cell that was chosen, if one was, to the page Explore."""
    place = chosen(TABLE, _name(work, sheet, scene), len(work.places))
    if place is not None:
        cell = work.places[place]
        keep(replace(scene, recipe=recipe_of(cell.schedule), seeds=(cell.seed,), noise_mode="const", of_photo=False))
        st.switch_page(st.Page(explore.page, title="Explore", default=True))  # as `main` has it
