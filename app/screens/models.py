"""Models: what a file holds, whether two are of one family, and bringing a file of one's own."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import address, models_scene
from app.commands import file_name
from app.engine import Engine, engine
from app.fields import follow
from app.messages import as_sentences, escaped
from app.model_facts import Facts, facts, kinship
from app.models_scene import ModelsScene, usual_models
from app.scene import current, keep, usual_scene
from app.uploads import SUFFIXES, bring, forget
from app.view_controls import UPLOADS
from blendgan.comparison import kinship_rows, sentences
from blendgan.kinship import Kinship

KEY = "models"  # in the session's state
TURN = "models:turn"  # there too: counts the files that were brought, so that each finds an empty field
HOW = {"transfer": "trained from", "blend": "blended of"}


def page() -> None:
    """Draw the page."""
    st.header("Models")
    with as_sentences():
        keep(current())
        models = engine()
        _bring(models)
        shown = _choose(address.remembered(KEY, usual_models(models), models_scene.readers(models)), models)
        st.session_state[KEY] = shown
        address.put(models_scene.to_query(shown), models_scene.KEYS)
        with as_sentences():
            _show_one(shown.model, models)
        if shown.other is not None:
            with as_sentences():
                _show_two(shown.model, shown.other, models)


def _bring(models: Engine) -> None:
    """Take a file from the user; what is wrong with one is said, and the page goes on."""
    brought: tuple[str, ...] = st.session_state.get(UPLOADS, ())
    with st.expander("Bring a model file", expanded=bool(brought)):
        turn = st.session_state.setdefault(TURN, 0)
        limit = models.options.max_upload_mb
        file = st.file_uploader("Model file", SUFFIXES, key=f"{KEY}:file:{turn}", max_upload_size=limit)
        st.caption(
            f"At most {limit} MB. It is read as data, nothing in it is run, and it is not kept on the disk. It "
            "stays in memory for this session, until you bring another, forget it, or close the page."
        )
        if file is not None:
            with as_sentences(), st.spinner("Reading the file"):
                name = bring(file.name, file.getvalue(), models)
                st.session_state[KEY] = ModelsScene(name, _other(name, models))
                st.session_state[TURN] = turn + 1  # an empty field: Streamlit lets go of the file's bytes
                st.rerun()
        for name in brought:
            st.button(f"Forget {escaped(file_name(name))}", key=f"{KEY}:forget", on_click=_forget, args=(models,))


def _other(name: str, models: Engine) -> str | None:
    """A file of one's own is compared with the BASE that is offered."""
    return next((offered for offered in models.options.models if offered != name), None)


def _forget(models: Engine) -> None:
    """Forget the file; where it was in use, what is usual is shown again."""
    scene = current()
    forget()
    if not all(map(models.knows, (scene.base, scene.transfer))):
        keep(usual_scene(models))


def _choose(shown: ModelsScene, models: Engine) -> ModelsScene:
    shown = shown if models.knows(shown.model) and models.knows(shown.other or shown.model) else usual_models(models)
    names = [*models.options.models, *st.session_state.get(UPLOADS, ())]
    left, right = st.columns(2)
    model = left.selectbox("Model", names, key=follow(f"{KEY}:model", shown.model), format_func=file_name)
    other = right.selectbox(
        "Compare with",
        [None, *names],
        key=follow(f"{KEY}:other", shown.other),
        format_func=lambda name: "none" if name is None else file_name(name),
    )
    return replace(shown, model=model or shown.model, other=other)


def _show_one(name: str, models: Engine) -> None:
    found = facts(name, models)
    st.subheader(escaped(file_name(name)))
    with st.container(horizontal=True):
        for role in ("base", "transfer"):
            st.button(f"Use as {role.upper()}", key=f"{KEY}:{role}", on_click=_use, args=(role, name, models))
    st.table({"what": list(found.rows), "found": [escaped(text) for text in found.rows.values()]}, border="horizontal")
    _show_tree(found)


def _use(role: str, name: str, models: Engine) -> None:
    scene = current()
    base, transfer = (name, scene.transfer) if role == "base" else (scene.base, name)
    with as_sentences():
        keep(usual_scene(models, base, transfer))
        st.toast(f"{role.upper()} is {escaped(file_name(name))} now, on every page.")


def _show_tree(found: Facts) -> None:
    st.markdown("**Lineage**, as the file says it" if found.tree else "**Lineage**: the file says nothing of it")
    lines = []
    for one in found.tree:
        words = [HOW.get(one.how, escaped(one.how)), f"**{escaped(one.name or 'a model without a name')}**"]
        words += [f"({escaped(one.licence)})"] if one.licence else []
        words += [f"`{one.fingerprint}`"] if one.fingerprint.isalnum() else []
        lines.append("  " * one.depth + "- " + " ".join(words))
    st.markdown("\n".join(lines))


def _show_two(base: str, transfer: str, models: Engine) -> None:
    found = kinship(base, transfer, models)
    st.subheader(f"{escaped(file_name(base))} as BASE, {escaped(file_name(transfer))} as TRANSFER")
    verdict, *more = sentences(found)
    (st.error if found.verdict == "incompatible" else st.success if found.verdict == "same family" else st.warning)(
        escaped(verdict)
    )
    st.markdown("\n".join(f"- {escaped(line)}" for line in more))
    if found.rows:
        _show_rows(found)


def _show_rows(found: Kinship) -> None:
    (part, *numbers), *rows = kinship_rows(found)
    columns = list(zip(*rows, strict=True))
    st.caption("How far training has moved the weights at each resolution, relative to BASE's own size")
    by_part = {row.resolution: row.distance for row in found.rows if row.resolution is not None}
    names = [f"{resolution} px" for resolution in by_part]
    st.bar_chart(
        {"resolution": names, "change of weights": list(by_part.values())},
        x="resolution",
        y="change of weights",
        horizontal=True,
        sort=False,
        height=260,
    )
    st.table(dict(zip([part, *numbers], columns, strict=True)), border="horizontal")
