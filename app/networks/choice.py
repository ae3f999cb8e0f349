"""Which two networks: of the shipped ones and of the files that a session brings, one for each side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from app.commands import file_name
from app.fields import follow
from app.messages import as_sentences, escaped
from app.networks.scene import NetworksScene
from app.networks.store import Networks
from app.uploads import Keeper, check_size, shown_name
from blendgan.dni.blends import ENDINGS

KEEPERS = "networks:brought"  # in the session's state: side → Keeper
TURN = "networks:turn"  # there too: counts the files that were brought, so that each finds an empty field
SIDES = ("a", "b")


def choose(scene: NetworksScene, known: Networks) -> NetworksScene:
    """Draw the fields of A and B; return the scene as they make it."""
    scene = usable(scene, known)
    names = [*known.shipped, *brought().values()]
    for side, column in zip(SIDES, st.columns(2), strict=True):
        name = column.selectbox(
            f"{side.upper()}, at α {SIDES.index(side)}",
            names,
            key=follow(f"networks:{side}", getattr(scene, side)),
            format_func=file_name,
            placeholder="bring a file, below",
        )
        scene = with_side(scene, side, name or getattr(scene, side))
    return scene


def usable(scene: NetworksScene, known: Networks) -> NetworksScene:
    """Return the scene with networks that are there: what is not gives way to what this session or the project has."""
    names = [*known.shipped, *brought().values()]
    ends = [*known.shipped] or names  # shipped ones lie in the order of what they were trained for: both ends of it
    usual = {"a": ends[0], "b": ends[-1]} if ends else {}
    for side in SIDES:
        name = getattr(scene, side)
        if not known.knows(name):
            if name is not None and name in brought().values():
                st.warning(f"{escaped(file_name(name))} had to make room for those of others; bring it again")
                _drop(side)
            scene = with_side(scene, side, usual.get(side))
    return scene


def with_side(scene: NetworksScene, side: str, name: str | None) -> NetworksScene:
    """Return the scene with another network on one side."""
    return replace(scene, a=name) if side == "a" else replace(scene, b=name)


def bring_files(known: Networks, key: str) -> None:
    """Take a file for each side from the user; what is wrong with one is said, and the page goes on."""
    mine, limit = brought(), known.models.options.max_upload_mb
    with st.expander("Bring network files", expanded=not known.shipped):
        for side, column in zip(SIDES, st.columns(2), strict=True):
            with column:
                _bring(side, known, key)
                if side in mine:
                    name = escaped(file_name(mine[side]))
                    st.button(f"Forget {name}", key=f"networks:forget:{side}", on_click=_drop, args=(side,))
        st.caption(
            f"Two networks of one architecture, up to {limit} MB each. They are read as data, nothing of them is run, "
            "and none is kept on the disk. They stay in memory for this session, until you bring others, forget "
            "them, or close the page."
        )


def brought() -> Mapping[str, str]:
    """Return side → name of the networks that this session has brought."""
    keepers: dict[str, Keeper] = st.session_state.get(KEEPERS, {})
    return {side: keepers[side].name for side in SIDES if side in keepers}


def _bring(side: str, known: Networks, key: str) -> None:
    turn = st.session_state.setdefault(f"{TURN}:{side}", 0)
    limit = known.models.options.max_upload_mb
    file = st.file_uploader(
        f"{side.upper()}, a file of yours", ENDINGS, key=f"networks:file:{side}:{turn}", max_upload_size=limit
    )
    if file is not None:
        with as_sentences(), st.spinner("Reading the file"):
            shown = shown_name(file.name)
            check_size(shown, file.getvalue(), known.models, "start the explorer with a larger --max-upload")
            name = known.add(shown, file.getvalue())
            _drop(side)
            st.session_state.setdefault(KEEPERS, {})[side] = Keeper(name, known.remove)
            st.session_state[key] = with_side(st.session_state[key], side, name)
            st.session_state[f"{TURN}:{side}"] = turn + 1  # an empty field: Streamlit lets go of the file's bytes
            st.rerun()


def _drop(side: str) -> None:
    keeper: Keeper | None = st.session_state.get(KEEPERS, {}).pop(side, None)
    if keeper is not None:
        keeper.forget()
