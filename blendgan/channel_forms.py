"""Channels as plain data (for recipes) and as text (for the command line); both ways end in the same checks.

data    {"kind": "region", "box": [0.3, 0.2, 0.7, 0.5], "share": 0.2}
text    region:0.3,0.2,0.7,0.5:top:0.2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from blendgan.channels import Box, Channels, Lists, Measure, Ramp, Region, Top
from blendgan.schedule_forms import repeated
from stylegan2.errors import RecipeError

MOST_CHANNELS = 1 << 14  # far beyond any model; keeps a mistyped count from filling the memory


def to_json(channels: Channels) -> dict[str, Any]:
    """Return the channels as plain JSON values; the inverse of `from_json`."""
    match channels:
        case Ramp():
            return {"kind": "ramp", "first": channels.first, "last": channels.last}
        case Lists():
            return {"kind": "lists", "gains": {str(r): list(gains) for r, gains in channels.pairs}}
        case Top():
            return {"kind": "top", "share": channels.share, "by": channels.by}
        case Region(box=None):
            pin = {"sha256": channels.sha256} if channels.sha256 else {}
            return {"kind": "region", "mask": channels.mask, **pin, "share": channels.share}
        case Region():
            return {"kind": "region", "box": list(channels.box or ()), "share": channels.share}


def to_words(channels: Channels) -> str:
    """Return the channels in one text, as `parse` reads it: `top:0.25:change`."""
    match channels:
        case Ramp():
            return f"ramp:{channels.first},{channels.last}"
        case Lists():
            return "lists:" + ",".join(f"{r}={'/'.join(map(str, gains))}" for r, gains in channels.pairs)
        case Top():
            return f"top:{channels.share}:{channels.by}"
        case Region():
            where = channels.mask if channels.box is None else ",".join(map(str, channels.box))
            return f"region:{where}:top:{channels.share}"


def from_json(values: Mapping[str, Any]) -> Channels:
    """Build channels from plain values. Raises RecipeError, which names the key, the value and what is allowed."""
    kind = values.get("kind") if isinstance(values, Mapping) else values
    if not isinstance(values, Mapping) or kind not in tuple(_BUILDERS):
        raise RecipeError(f"kind: found {kind!r}, expected one of {', '.join(_BUILDERS)}")
    build, required, optional = _BUILDERS[kind]
    given = {name: value for name, value in values.items() if name != "kind"}
    if unknown := [name for name in given if name not in required + optional]:
        known = ", ".join(required + optional)
        raise RecipeError(f"{kind} channels: unknown key {', '.join(map(repr, unknown))}, expected {known}")
    if missing := [name for name in required if name not in given]:
        found = ", ".join(given) or "no key"
        raise RecipeError(f"{kind} channels: found only {found}, expected also {', '.join(missing)}")
    return build(given)


def parse(text: str) -> Channels:
    """Read a text such as `ramp:0,1`. Raises RecipeError for one of another form."""
    kind, _, rest = text.strip().partition(":")
    if kind not in _FORMS:
        forms = ", ".join(form for _, form in _FORMS.values())
        raise RecipeError(f"channels: found {text!r}, expected one of the forms {forms}")
    read, form = _FORMS[kind]
    try:
        return read(rest)
    except ValueError as error:  # from float(), or a wrong number of values
        raise RecipeError(f"channels: found {text!r}, expected a form such as {form}") from error


def _lists_of(values: dict[str, Any]) -> Channels:
    """JSON has made the resolutions strings."""
    gains = values["gains"]
    try:
        pairs = [(int(str(resolution)), tuple(one)) for resolution, one in gains.items()]  # int(4.5) is 4
    except (AttributeError, TypeError, ValueError) as error:
        raise RecipeError(f"lists gains: found {gains!r}, expected a mapping such as {{4: [1, 0.5, 0]}}") from error
    return _lists_once(pairs)


def _lists_once(pairs: list[tuple[int, tuple[float, ...]]]) -> Lists:
    given = [resolution for resolution, _ in pairs]
    if twice := sorted({resolution for resolution in given if given.count(resolution) > 1}):
        raise RecipeError(f"lists: {', '.join(map(str, twice))} px is given twice; give each resolution one list")
    return Lists(tuple(pairs))


def _region_of(values: dict[str, Any]) -> Channels:
    mask = values.get("mask")
    if mask is not None and not isinstance(mask, str):
        raise RecipeError(f"region mask: found {mask!r}, expected the path of a picture")
    return Region(values.get("box"), values["share"], mask, str(values.get("sha256", "")))


_BUILDERS: dict[str, tuple[Callable[[dict[str, Any]], Channels], tuple[str, ...], tuple[str, ...]]] = {
    "ramp": (lambda values: Ramp(**values), ("first", "last"), ()),  # builder, required keys, optional ones
    "lists": (_lists_of, ("gains",), ()),
    "top": (lambda values: Top(**values), ("share", "by"), ()),
    "region": (_region_of, ("share",), ("box", "mask", "sha256")),
}


def _ramp(text: str) -> Channels:
    first, last = text.split(",")
    return Ramp(float(first), float(last))


def _lists(text: str) -> Channels:
    entries = [item.split("=") for item in text.split(",")]
    return _lists_once(
        [
            (int(r), tuple(g for part in gains.split("/") for g in repeated(part, "lists", "gain", MOST_CHANNELS)))
            for r, gains in entries
        ]
    )


def _top(text: str) -> Channels:
    share, by = text.split(":")
    return Top(float(share), cast(Measure, by.strip()))  # which Top checks


def _region(text: str) -> Channels:
    """The last `:top:` counts, since a path may hold colons."""
    where, word, share = text.rpartition(":top:")
    if not word:
        raise ValueError(text)
    box = _box(where)
    return Region(box, float(share), None if box else where)


def _box(text: str) -> Box | None:
    """Four numbers are a box; all else is the path of a mask."""
    try:
        x0, y0, x1, y1 = map(float, text.split(","))
    except ValueError:
        if _is_numbers(text):
            raise
        return None
    return x0, y0, x1, y1


def _is_numbers(text: str) -> bool:
    return not set(text) - set("0123456789., -")


_FORMS: dict[str, tuple[Callable[[str], Channels], str]] = {  # kind → reader, example
    "ramp": (_ramp, "ramp:0,1"),
    "lists": (_lists, "lists:4=1/0.5/0,8=1*3/0*5"),
    "top": (_top, "top:0.25:change"),
    "region": (_region, "region:0.3,0.2,0.7,0.5:top:0.2"),
}
KINDS = tuple(_FORMS)
