"""Models that a session brings: read from memory, kept for this session alone, forgotten with it."""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Callable
from pathlib import PurePath, PureWindowsPath

import streamlit as st

from app.engine import Engine
from app.scene import UPLOAD
from app.view_controls import UPLOADS
from stylegan2.checkpoints import load_bytes
from stylegan2.errors import InputError

SUFFIXES = ("pkl", "pt", "pth", "safetensors")
LONGEST_NAME = 60  # characters of a file's name that are shown
TOKEN_BYTES = 4  # two sessions may bring files of one name; a name that cannot be guessed is nobody else's
KEEPER = "upload"  # in the session's state


class Keeper:
    """Lives as long as its session holds it; then what it is for is forgotten."""

    def __init__(self, name: str, remove: Callable[[str], None]) -> None:
        self.name = name
        self.forget = weakref.finalize(self, remove, name)


def bring(file_name: str, data: bytes, models: Engine) -> str:
    """Read a model's file, which replaces the one that this session had, and return the name that it has here.

    Nothing is written, and nothing in the file is run. Raises CheckpointError, which says what the file is instead,
    and InputError for one that is too large.
    """
    shown = shown_name(file_name)
    check_size(shown, data, models, "start the explorer with --max-upload, or with the file itself")
    checkpoint = models.run(lambda: load_bytes(data, shown))
    forget()
    name = models.add(f"{UPLOAD}{secrets.token_hex(TOKEN_BYTES)}/{shown}", checkpoint)
    st.session_state[KEEPER] = Keeper(name, models.remove)
    st.session_state[UPLOADS] = (name,)
    return name


def forget() -> None:
    """Forget the model that this session has brought."""
    keeper: Keeper | None = st.session_state.pop(KEEPER, None)
    if keeper is not None:
        keeper.forget()
    st.session_state[UPLOADS] = ()


def check_size(shown: str, data: bytes, models: Engine, advice: str) -> None:
    """Raise InputError, which ends with the advice, for a file larger than the explorer was told to let in."""
    most = models.options.max_upload_mb
    if len(data) > most << 20:
        raise InputError(f"{shown}: found {len(data) >> 20} MB, expected at most {most}; {advice}")


def shown_name(name: str) -> str:
    """The last part of a name that a browser sent, without what cannot be printed."""
    last = PureWindowsPath(PurePath(name).name).name
    return "".join(sign for sign in last if sign.isprintable())[-LONGEST_NAME:] or "model"
