"""Pictures -> a data set: cropped, resized, labelled, each once, in one zip that trains fast and says where it is from.

00000/img00000000.png …   pictures, a thousand to a folder, stored without compression
dataset.json              their labels, or null
index.csv                 entry, source, face, native_px: where each is from, and its side there in px
left-out.csv              source, reason: what is not in it, and why
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from blendgan.cropping import Crop, Cropper, LeftOut
from blendgan.duplicates import BITS, THRESHOLD, Impression, find_duplicates
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError
from stylegan2.train.labels import LIST, Label
from stylegan2.train.loader import MAX_WORKERS, mapped_ahead
from stylegan2.train.sources import PictureSource

INDEX, LEFT_OUT = "index.csv", "left-out.csv"
PER_FOLDER = 1000  # pictures
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the zip format's first: the same pictures give the same bytes on any day
UNIX, PLAIN_FILE = 3, 0o100644 << 16  # as what, and with which mode, the zip's entries are written on any system
Watch = Callable[[int, int], None]  # sources done, and how many there are


@dataclass(frozen=True)
class Entry:
    """One picture of a data set, and where it is from; `face` counts from 1, left to right, 0 is the whole picture."""

    name: str
    source: str
    face: int
    native_px: int
    label: Label | None


@dataclass(frozen=True)
class Report:
    """What became of every source: entries, and what was left out, with reasons, in the order of the sources."""

    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def failed(self) -> tuple[LeftOut, ...]:
        """What could not be read, as against what a rule left out."""
        return tuple(one for one in self.left_out if one.is_failure)


@dataclass(frozen=True)
class _Kept:
    """A finished picture, whose file waits beside the zip: thousands of them would fill the memory."""

    source: str
    face: int
    native_px: int
    impression: Impression
    start: int  # its place in the waiting file
    size: int


def make_dataset(
    source: PictureSource,
    out: Path,
    cropper: Cropper,
    *,
    duplicates: int | None = THRESHOLD,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Report:
    """Write a zip of all that `cropper` makes of a source; a file of that name is replaced once the zip is whole.

    `duplicates`: bits, of 256, within which a picture counts as another's copy and is left out; None keeps all. The
    same pictures and options give the same bytes, whatever `workers`. Raises InputError where nothing is left, where
    only some of the pictures have labels, and where the zip cannot be written.
    """
    if duplicates is not None and not 0 <= duplicates < BITS // 2:
        raise InputError(
            f"duplicates: found {duplicates}, expected bits from 0 to {BITS // 2 - 1}, as a rule {THRESHOLD}"
        )
    _refuse_gaps(source)
    out.parent.mkdir(parents=True, exist_ok=True)
    with writing(out) as file, tempfile.TemporaryFile(dir=out.parent) as waiting:
        kept, left_out = _make_all(source, cropper, workers, waiting, watch)
        kept, copies = _without_copies(kept, duplicates)
        report = Report(_entries(kept, source), _in_order([*left_out, *copies], source.names))
        _refuse_nothing(report, source.place)
        _write_zip(file, report, source, (_read(waiting, one) for one in kept))
    return report


def _refuse_gaps(source: PictureSource) -> None:
    without = [name for name in source.names if source.label(name) is None]
    if 0 < len(without) < len(source.names):
        raise InputError(
            f"{source.place}: {len(without)} of {len(source.names)} pictures have no label, the first is {without[0]}; "
            "give each one, or leave the labels out (--labels none)"
        )


def _refuse_nothing(report: Report, place: str) -> None:
    if not report.entries:
        first = report.left_out[0]
        raise InputError(
            f"{place}: nothing is left of {len(report.left_out)} pictures, the first is {first.name}: {first.reason}"
        )


def _make_all(
    source: PictureSource, cropper: Cropper, workers: int | None, waiting: IO[bytes], watch: Watch | None
) -> tuple[list[_Kept], list[LeftOut]]:
    """Everything finished goes into `waiting` at once, so that memory holds no more than what is being worked on."""
    kept: list[_Kept] = []
    left_out: list[LeftOut] = []
    workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of doubtful metadata and large sizes
        made = mapped_ahead(pool, lambda item: cropper.crop(*item), _files(source), 2 * workers)
        for done, (name, results) in enumerate(zip(source.names, made, strict=True), start=1):
            for result in results:
                if isinstance(result, LeftOut):
                    left_out.append(result)
                else:
                    kept.append(_put(waiting, name, result))
            if watch is not None:
                watch(done, len(source.names))
    return kept, left_out


def _put(waiting: IO[bytes], source: str, crop: Crop) -> _Kept:
    start = waiting.tell()
    return _Kept(source, crop.face, crop.native_px, crop.impression, start, waiting.write(crop.png))


def _files(source: PictureSource) -> Iterator[tuple[str, bytes | InputError]]:
    """Every picture's bytes, read here one after the other, as a video wants it."""
    for name in source.names:
        try:
            yield name, source.open(name)
        except InputError as error:
            yield name, error


def _read(waiting: IO[bytes], kept: _Kept) -> bytes:
    waiting.seek(kept.start)
    return waiting.read(kept.size)


def _without_copies(kept: list[_Kept], threshold: int | None) -> tuple[list[_Kept], list[LeftOut]]:
    if threshold is None:
        return kept, []
    copies = find_duplicates([one.impression for one in kept], [one.native_px for one in kept], threshold)
    left_out = [
        LeftOut(kept[place].source, f"{_face(kept[place])}is a copy of {_name(kept[match.kept])} ({match.bits} bits)")
        for place, match in copies.items()
    ]
    return [one for place, one in enumerate(kept) if place not in copies], left_out


def _face(one: _Kept) -> str:
    return f"face {one.face} " if one.face else ""


def _name(one: _Kept) -> str:
    return f"{one.source}, face {one.face}" if one.face else one.source


def _entries(kept: Sequence[_Kept], source: PictureSource) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            f"{place // PER_FOLDER:05d}/img{place:08d}.png",
            one.source,
            one.face,
            one.native_px,
            source.label(one.source),
        )
        for place, one in enumerate(kept)
    )


def _in_order(left_out: Iterable[LeftOut], names: Sequence[str]) -> tuple[LeftOut, ...]:
    place_of = {name: place for place, name in enumerate(names)}
    return tuple(sorted(left_out, key=lambda one: place_of[one.name]))


# ---- the zip ----------------------------------------------------------------------------------------------------


def _write_zip(file: BinaryIO, report: Report, source: PictureSource, pictures: Iterable[bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
        for entry, png in zip(report.entries, pictures, strict=True):
            _add(zipped, entry.name, png)
        _add(zipped, LIST, _labels(report.entries, source))
        rows = [(one.name, one.source, one.face, one.native_px) for one in report.entries]
        _add(zipped, INDEX, _table(("entry", "source", "face", "native_px"), rows))
        _add(zipped, LEFT_OUT, _table(("source", "reason"), [(one.name, one.reason) for one in report.left_out]))


def _add(zipped: zipfile.ZipFile, name: str, contents: bytes) -> None:
    member = zipfile.ZipInfo(name, FIRST_DAY)
    member.create_system, member.external_attr = UNIX, PLAIN_FILE
    zipped.writestr(member, contents)


def _labels(entries: Sequence[Entry], source: PictureSource) -> bytes:
    """dataset.json, as StyleGAN2-ADA's users know it; names of classes, where there are any, beside the labels."""
    labelled = [[entry.name, entry.label] for entry in entries if entry.label is not None]
    contents: dict[str, Any] = {"labels": labelled or None}
    if labelled and source.labels.class_names:
        contents["class_names"] = source.labels.class_names
    return json.dumps(contents).encode()


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue().encode(errors="surrogateescape")  # file names may be any bytes
