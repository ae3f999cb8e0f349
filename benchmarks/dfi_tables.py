"""What the study of attributes says, as tables: means over the faces of each attribute, way and strength."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from benchmarks.pages import markdown

NAMES = {"dfi": "DFI", "latent": "latent", "pixels": "mean pictures"}  # of the ways, in the order of the tables
COMPARED_AT = ("dfi", 0.4)  # the strength whose change of the attribute the others are compared at


@dataclass(frozen=True)
class Record:
    """One face, edited in one way at one strength.

    Logits of the judge: of the photo, of what strength 0 gives (for a latent its own projection), and of the result.
    Identity: the recogniser's distances of the result to the photo and to what strength 0 gives, and of these two; None
    without a recogniser. `inside`, `outside`: RMS of result less photo in levels of 255, in the region and elsewhere.
    """

    attribute: str
    face: str
    method: str
    strength: float
    photo_logit: float
    base_logit: float
    logit: float
    to_photo: float | None
    to_base: float | None
    base_to_photo: float | None
    inside: float
    outside: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """A judge: faces of DFI's sets, faces that it was trained on, how often it is right (shares of 1), on how many."""

    attribute: str
    sets: tuple[int, ...]
    trained: tuple[int, ...]
    cross_validated: float
    held_out: float
    held_out_faces: int


def groups(records: Iterable[Record]) -> dict[tuple[str, str], dict[float, list[Record]]]:
    """The records of each attribute and way, by strength, from the least."""
    found: dict[tuple[str, str], dict[float, list[Record]]] = {}
    for record in sorted(records, key=lambda each: each.strength):
        found.setdefault((record.attribute, record.method), {}).setdefault(record.strength, []).append(record)
    return found


def crossed(records: Sequence[Record]) -> tuple[int, int]:
    """How many faces the judge takes for the target afterwards, of those whose photo it takes for the source."""
    begun = [record for record in records if record.photo_logit <= 0]
    return sum(record.logit > 0 for record in begun), len(begun)


def gain(records: Sequence[Record]) -> float:
    """The mean change of the logit by the edit itself: from what strength 0 gives."""
    return fmean(record.logit - record.base_logit for record in records)


def mean_of(records: Sequence[Record], name: str) -> float | None:
    """The mean of one figure, where every record has it."""
    values = [getattr(record, name) for record in records]
    return None if None in values else fmean(values)


def at_gain(steps: Mapping[float, Sequence[Record]], wanted: float, name: str) -> float | None:
    """A figure at the strength at which the logit changes by `wanted`, straight between the strengths measured.

    Strength 0 changes nothing, and has the distance between what it gives and the photo. None where it isn't reached.
    """
    first = next(iter(steps.values()))
    begin = {"to_photo": mean_of(first, "base_to_photo"), "to_base": 0.0}[name]
    points = [(0.0, begin), *((gain(records), mean_of(records, name)) for records in steps.values())]
    for (before, low), (after, high) in zip(points, points[1:], strict=False):
        if low is not None and high is not None and before <= wanted <= after and after > before:
            return low + (high - low) * (wanted - before) / (after - before)
    return None


def main_table(records: Iterable[Record]) -> str:
    """A row for each attribute, way and strength."""
    headings = (
        "attribute", "way", "strength", "logit", "crossed", "identity: to the photo", "to its own start",
        "RMS inside", "outside",
    )  # fmt: skip
    lines = []
    for (attribute, method), steps in groups(records).items():
        for strength, found in steps.items():
            over, of = crossed(found)
            spread = stdev(r.logit - r.base_logit for r in found) if len(found) > 1 else 0.0
            own = _figure(mean_of(found, "to_base"), 2) if method == "latent" else ""
            lines.append((
                attribute, NAMES[method], f"{strength:g}", f"{gain(found):+.1f} ± {spread:.1f}", f"{over} of {of}",
                _figure(mean_of(found, "to_photo"), 2), own,
                _figure(mean_of(found, "inside"), 1), _figure(mean_of(found, "outside"), 1),
            ))  # fmt: skip
    order = list(NAMES.values())
    lines.sort(key=lambda line: (_first(records, line[0]), order.index(line[1]), float(line[2])))
    return markdown(headings, lines)


def _first(records: Iterable[Record], attribute: str) -> int:
    """Where an attribute stands in the order of the study."""
    return list(dict.fromkeys(record.attribute for record in records)).index(attribute)


def matched_table(records: Sequence[Record]) -> str:
    """Identity of every way at the same change of the attribute: that of DFI at one strength."""
    way, strength = COMPARED_AT
    headings = ("attribute", "logit", *NAMES.values(), "latent, to its own projection", "projection alone")
    lines = []
    by_way = groups(records)
    for attribute in dict.fromkeys(record.attribute for record in records):
        wanted = gain(by_way[attribute, way][strength])
        cells = [at_gain(by_way[attribute, method], wanted, "to_photo") for method in NAMES]
        latent = by_way[attribute, "latent"]
        cells += [at_gain(latent, wanted, "to_base"), mean_of(next(iter(latent.values())), "base_to_photo")]
        lines.append((attribute, f"{wanted:+.1f}", *(_figure(cell, 2) for cell in cells)))
    return markdown(headings, lines)


def _figure(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def judges_table(judges: Iterable[Judged]) -> str:
    """How many faces, and how far the judges are to be trusted."""
    headings = ("attribute", "DFI's sets", "the judge's", "right, cross-validated", "right on others", "how many")
    lines = [
        (
            each.attribute,
            " / ".join(map(str, each.sets)),
            " / ".join(map(str, each.trained)),
            f"{each.cross_validated:.0%}",
            f"{each.held_out:.0%}",
            each.held_out_faces,
        )
        for each in judges
    ]
    return markdown(headings, lines)


def cost_table(records: Sequence[Record], peaks: Mapping[str, int]) -> str:
    """Seconds a face, and the peak of a process that edits one."""
    lines = []
    for method, name in NAMES.items():
        seconds = fmean(record.seconds for record in records if record.method == method)
        memory = f"{peaks[method] / 1e9:.2f} GB" if method in peaks else ""
        lines.append((name, f"{seconds:.2g}", memory))
    return markdown(("way", "seconds a face", "peak memory of the process"), lines)


def text_of(records: Sequence[Record], judges: Sequence[Judged], peaks: Mapping[str, int]) -> str:
    """All tables, each with what it is."""
    faces = len({(record.attribute, record.face) for record in records})
    way, strength = COMPARED_AT
    return "\n\n".join([
        "Faces (source / target), and how often each judge is right:",
        judges_table(judges),
        f"{faces} faces, means: change of the judge's logit by the edit and its standard deviation over the faces; "
        "faces that it takes for the target afterwards, of those whose photo it takes for the source; the "
        "recogniser's distance (up to 0.6 is the same person); RMS of the change in levels of 255:",
        main_table(records),
        f"Identity at one and the same change of the logit, that of {NAMES[way]} at {strength:g} (straight between the "
        "strengths; – is not reached):",
        matched_table(records),
        "Cost of one face at 128 px, one thread:",
        cost_table(records, peaks),
    ])  # fmt: skip
