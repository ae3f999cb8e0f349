"""What a page adds to the address, so that a link shows the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from app.messages import escaped
from stylegan2.errors import BlendganError

T = TypeVar("T")
Readers = Mapping[str, Callable[[T, str], T]]  # key → what its words change; raises BlendganError


def read(query: Mapping[str, str], usual: T, readers: Readers[T]) -> tuple[T, tuple[str, ...]]:
    """Read words over what is usual; what cannot be used is left as usual, and told in lines."""
    found, mistakes = usual, []
    for key, change in readers.items():
        if key in query:
            try:
                found = change(found, query[key])
            except BlendganError as error:
                mistakes.append(f"{key} in the address: {error}")
    return found, tuple(mistakes)


def remembered(name: str, usual: T, readers: Readers[T]) -> T:
    """Return what this session has under a name; at first what the address says, whose mistakes are shown."""
    if name not in st.session_state:
        st.session_state[name], mistakes = read(st.query_params.to_dict(), usual, readers)
        tell(mistakes)
    value: T = st.session_state[name]
    return value


def tell(mistakes: Sequence[str]) -> None:
    """Show what of an address cannot be used. Addresses are written by others: no picture of theirs, no link."""
    for mistake in mistakes:
        st.warning(escaped(mistake))


def put(query: Mapping[str, str], keys: Sequence[str]) -> None:
    """Let the address say these words, and nothing else under these keys: in one go, or Back would take them singly."""
    there = st.query_params.to_dict()
    wanted = {key: value for key, value in there.items() if key not in keys} | dict(query)
    if wanted != there:
        st.query_params.from_dict(wanted)
