"""What goes wrong, as a sentence on the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from stylegan2.errors import BlendganError


@contextmanager
def as_sentences() -> Iterator[None]:
    """Show an error that the user can mend where it came up; the rest of the page goes on."""
    try:
        yield
    except BlendganError as error:
        st.error(sentence(error))


def sentence(error: BlendganError) -> str:
    """Return an error's words for Markdown."""
    return escaped(str(error))


def escaped(text: str) -> str:
    """Return words for Markdown: nothing that a file or an address says is taken for markup."""
    for sign in "\\`*_{}[]()#+-.!<>|~$:":
        text = text.replace(sign, f"\\{sign}")
    return text
