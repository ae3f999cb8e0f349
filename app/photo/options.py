"""How a photo's faces are redrawn, beside the blend: as words in the address, and as fields on the page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import streamlit as st

from app import address
from app.fields import follow
from blendgan.faces import WHOLE, Selection
from blendgan.pasting import PASTES
from blendgan.toonification import ToonSettings
from stylegan2.errors import InputError

T = TypeVar("T", int, float)

KEY = "photo:options"  # in the session's state
MOST_STEPS = 300  # of a search: more gain nothing that can be seen, and hold the others up
PASTE_NAMES = {"change": "the change, over the photo", "face": "the face as it is drawn"}


@dataclass(frozen=True)
class PhotoOptions:
    """The options of `toonify` that a page offers. None: as is usual. Raises InputError for values out of range."""

    paste: str = "change"
    detail: float | None = None
    match_colour: bool = False
    steps: int | None = None
    aligned: bool = False  # the picture is a face's crop already

    def __post_init__(self) -> None:
        self.settings(Selection())
        if self.steps is not None and not 0 <= self.steps <= MOST_STEPS:
            raise InputError(f"steps: found {self.steps}, expected 0 … {MOST_STEPS}")

    def settings(self, selection: Selection) -> ToonSettings:
        """Return them as `toonify` takes them; an aligned picture has no faces to choose among."""
        return ToonSettings(
            WHOLE if self.aligned else selection,
            self.paste,
            steps=self.steps,
            detail=self.detail,
            match_colour=self.match_colour,
        )

    def arguments(self) -> list[str]:
        """Return them as the command line has them."""
        words = [] if self.paste == "change" else ["--paste", self.paste]
        words += [] if self.detail is None else ["--detail", f"{self.detail:g}"]
        words += ["--match-colour"] if self.match_colour else []
        words += [] if self.steps is None else ["--steps", str(self.steps)]
        return [*words, "--aligned"] if self.aligned else words


def to_query(options: PhotoOptions) -> dict[str, str]:
    """Return what is not usual as words of an address: the command line's."""
    said = {
        "paste": None if options.paste == PhotoOptions.paste else options.paste,
        "detail": None if options.detail is None else f"{options.detail:g}",
        "match-colour": "1" if options.match_colour else None,
        "steps": None if options.steps is None else str(options.steps),
        "aligned": "1" if options.aligned else None,
    }
    return {key: word for key, word in said.items() if word is not None}


def _number(text: str, kind: type[T]) -> T:
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(f"found {text[:60]!r}, expected a number") from error


READERS: address.Readers[PhotoOptions] = {  # key → what it changes
    "paste": lambda options, text: replace(options, paste=text),
    "detail": lambda options, text: replace(options, detail=_number(text, float)),
    "match-colour": lambda options, text: replace(options, match_colour=text == "1"),
    "steps": lambda options, text: replace(options, steps=_number(text, int)),
    "aligned": lambda options, text: replace(options, aligned=text == "1"),
}


def current_options() -> PhotoOptions:
    """Return this session's options; at its start those of the address, whose mistakes are shown."""
    return address.remembered(KEY, PhotoOptions(), READERS)


def keep_options(options: PhotoOptions) -> None:
    """Let these be the session's options, and the address name them."""
    st.session_state[KEY] = options
    address.put(to_query(options), tuple(READERS))


def option_fields(options: PhotoOptions) -> PhotoOptions:
    """Draw the fields of how to paste; return the options as they make them."""
    paste = st.selectbox(
        "Paste", list(PASTES), key=follow("photo:paste", options.paste), format_func=PASTE_NAMES.__getitem__,
        help="The change keeps what the photo has and the model cannot draw; the drawn face is all the model's.",
    )  # fmt: skip
    options = replace(options, paste=paste or options.paste)
    usual = PASTES[options.paste]
    detail = st.slider(
        "Fine texture of the photo that stays",
        0.0, 1.0, key=follow("photo:detail", usual if options.detail is None else options.detail), step=0.05,
        help="Pores, single hairs, grain: 0 is none of it, 1 is all.",
    )  # fmt: skip
    matched = st.checkbox("In the photo's colours", key=follow("photo:match", options.match_colour))
    return replace(options, detail=None if detail == usual else detail, match_colour=bool(matched))


def search_fields(options: PhotoOptions, usual_steps: int) -> PhotoOptions:
    """Draw the fields of how faces are found and searched for."""
    aligned = st.checkbox(
        "The picture is an aligned face already", key=follow("photo:aligned", options.aligned),
        help="Takes the picture, or its middle square, whole.",
    )  # fmt: skip
    now = usual_steps if options.steps is None else options.steps
    steps = st.number_input(
        "Steps of the search", 0, MOST_STEPS, key=follow("photo:steps", now),
        help=f"How long the likeness is worked on: {usual_steps} is usual, more come nearer to the photo.",
    )  # fmt: skip
    return replace(options, aligned=bool(aligned), steps=None if steps == usual_steps else int(steps))
