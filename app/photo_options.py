"""How a photo's faces are redrawn, beside the blend: as words in the address, and as fields on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from app.fields import follow
from app.messages import sentence
from blendgan.faces import WHOLE, Selection
from blendgan.pasting import PASTES
from blendgan.toonification import ToonSettings
from stylegan2.errors import BlendganError, InputError

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
    words = {"paste": options.paste, "detail": options.detail, "steps": options.steps}
    words |= {"match-colour": options.match_colour or None, "aligned": options.aligned or None}
    usual = {"paste": "change"}
    return {
        key: "1" if value is True else f"{value:g}" if isinstance(value, float) else str(value)
        for key, value in words.items()
        if value is not None and value != usual.get(key)
    }


def from_query(query: Mapping[str, str]) -> tuple[PhotoOptions, tuple[str, ...]]:
    """Read the words of an address; what cannot be used is left as usual, and told in lines."""
    options, mistakes = PhotoOptions(), []
    for key, read in _READERS.items():
        if key in query:
            try:
                options = read(options, query[key])
            except (BlendganError, ValueError) as error:
                why = error if isinstance(error, BlendganError) else f"found {query[key][:60]!r}, expected a number"
                mistakes.append(f"{key} in the address: {why}")
    return options, tuple(mistakes)


_READERS: dict[str, Callable[[PhotoOptions, str], PhotoOptions]] = {  # key → what it changes
    "paste": lambda options, text: replace(options, paste=text),
    "detail": lambda options, text: replace(options, detail=float(text)),
    "match-colour": lambda options, text: replace(options, match_colour=text == "1"),
    "steps": lambda options, text: replace(options, steps=int(text)),
    "aligned": lambda options, text: replace(options, aligned=text == "1"),
}


def current_options() -> PhotoOptions:
    """Return this session's options; at its start those of the address, whose mistakes are shown."""
    if KEY not in st.session_state:
        options, mistakes = from_query(st.query_params.to_dict())
        st.session_state[KEY] = options
        for mistake in mistakes:
            st.warning(sentence(InputError(mistake)))
    options_now: PhotoOptions = st.session_state[KEY]
    return options_now


def keep_options(options: PhotoOptions) -> None:
    """Let these be the session's options, and the address name them."""
    st.session_state[KEY] = options
    query = to_query(options)
    for key in _READERS:
        if st.query_params.get(key) != query.get(key):
            if key in query:
                st.query_params[key] = query[key]
            else:
                del st.query_params[key]


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
