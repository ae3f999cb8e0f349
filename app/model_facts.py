"""What the page Models says: a model's rows and family tree; two models' kinship. Kept, since hashing takes a while."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.engine import Engine
from blendgan.ancestry import Relative, family_tree
from blendgan.inspection import describe_model
from blendgan.kinship import Kinship, compare

MOST_FACTS = 32  # models and pairs whose facts are kept: some kB each
SAID_AS_TREE = "lineage"


@dataclass(frozen=True)
class Facts:
    """Label → text, and the ancestors that the file names."""

    rows: dict[str, str]
    tree: tuple[Relative, ...]


@st.cache_resource(max_entries=MOST_FACTS, show_spinner=False)
def facts(name: str, _models: Engine) -> Facts:
    """Return what `blendgan inspect MODEL` says. Raises what opening raises."""
    checkpoint = _models.source(name).checkpoint
    rows = _models.run(lambda: describe_model(checkpoint))
    tree = family_tree(checkpoint.metadata.get("lineage"))
    return Facts({label: text for label, text in rows.items() if label != SAID_AS_TREE}, tree)


@st.cache_resource(max_entries=MOST_FACTS, show_spinner=False)
def kinship(base: str, transfer: str, _models: Engine) -> Kinship:
    """Return what `blendgan inspect BASE TRANSFER` says. Raises what opening raises."""
    models = [_models.source(name).checkpoint for name in (base, transfer)]
    return _models.run(lambda: compare(*models))
