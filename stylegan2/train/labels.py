"""What pictures are labelled with: `dataset.json`, a table `metadata.csv` or `metadata.jsonl`, or names of folders.

    dataset.json     {"labels": [["00000/img00000000.png", 3], …]}   class numbers, or lists of numbers, or null
    metadata.csv     file_name,label                                  beside its pictures; labels may be words
    metadata.jsonl   {"file_name": "a.png", "label": "cat"}           one in a line

Each is read into one mapping from a picture's name to its label, and every mistake is one line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from stylegan2.errors import InputError
from stylegan2.train.files import Files

Label = int | tuple[float, ...]  # a class number, counted from 0, or a vector of numbers
LIST = "dataset.json"
MAX_CLASSES = 100_000  # a class number beyond is a slip: every picture would carry a vector of that length


@dataclass(frozen=True)
class Labels:
    """Labels by picture name, all class numbers or all vectors of one length; class names where the file has words."""

    of: Mapping[str, Label] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """Length of a label as the networks take it; 0 where there is none."""
        first = next(iter(self.of.values()), None)
        if isinstance(first, tuple):
            return len(first)
        numbers = [label for label in self.of.values() if isinstance(label, int)]
        return max(len(self.class_names), max(numbers, default=-1) + 1)


def read_list(files: Files, pictures: Iterable[str]) -> Labels | None:
    """Read `dataset.json`; None where there is none, no labels where it says null.

    Raises InputError where it is malformed, or names a picture that is not there.
    """
    if LIST not in files.names:
        return None
    place = f"{files.place}: {LIST}"
    contents = _json(files.read(LIST), place)
    if not isinstance(contents, dict) or "labels" not in contents:
        raise InputError(f'{place}: found no "labels", expected {{"labels": [["a.png", 0], …]}} or {{"labels": null}}')
    pairs = _pairs(contents["labels"], place)
    names = contents.get("class_names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f'{place}: found "class_names" that are no list of words; mend it, or leave it out')
    labels = Labels(_checked(pairs, place, set(pictures)), tuple(names))
    if names and labels.num_classes > len(names):
        raise InputError(f"{place}: found {len(names)} class names, expected {labels.num_classes}, one for each class")
    return labels


def _pairs(listed: Any, place: str) -> Iterator[tuple[str, Label]]:
    if listed is None:
        return
    if not isinstance(listed, list):
        raise InputError(f'{place}: found "labels" of type {type(listed).__name__}, expected a list of [name, label]')
    for number, pair in enumerate(listed):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise InputError(f'{place}: found {_brief(pair)} as label {number}, expected ["name", label]')
        yield pair[0], _label(pair[1], f"{place}: {pair[0]}")


def _label(found: Any, place: str) -> Label:
    if isinstance(found, int) and not isinstance(found, bool):
        if not 0 <= found < MAX_CLASSES:
            raise InputError(f"{place}: found the label {_brief(found)}, expected a class from 0 to {MAX_CLASSES - 1}")
        return found
    if isinstance(found, list) and found and len(found) <= MAX_CLASSES and all(map(_is_number, found)):
        return tuple(float(number) for number in found)
    raise InputError(f"{place}: found the label {_brief(found)}, expected a class number or a list of numbers")


def _is_number(found: Any) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool) and abs(found) < 1e30


def _checked(pairs: Iterable[tuple[str, Label]], place: str, pictures: set[str]) -> dict[str, Label]:
    """One label for each name, all of one kind, all of pictures that are there."""
    labels: dict[str, Label] = {}
    for name, label in pairs:
        if labels.setdefault(name, label) != label:
            raise InputError(f"{place}: labels {name} twice, {_brief(labels[name])} and {_brief(label)}; keep one")
    missing = [name for name in labels if name not in pictures]
    if missing:
        raise InputError(
            f"{place}: names {len(missing)} of {len(labels)} pictures that are not there, the first is "
            f"{_brief(missing[0])}; add them, or take them out of the list"
        )
    kinds = {len(label) if isinstance(label, tuple) else 0 for label in labels.values()}
    if len(kinds) > 1:
        raise InputError(
            f"{place}: found labels of several kinds, expected class numbers alone, or vectors of one length"
        )
    return labels


# ---- tables -----------------------------------------------------------------------------------------------------


def read_tables(files: Files, pictures: Iterable[str]) -> Labels | None:
    """Read every `metadata.csv` and `metadata.jsonl`; None where there is none, or none has a column `label`.

    Names are relative to the table's folder. Raises InputError where one is malformed, or names a picture that is
    not there.
    """
    words: dict[str, Any] = {}
    known = set(pictures)
    for table in files.names:
        path = PurePosixPath(table)
        if path.name in _ROWS:
            place = f"{files.place}: {table}"
            words |= _table(_ROWS[path.name](files.read(table), place), path.parent, place, known)
    return numbered(words, files.place) if words else None


def _table(rows: Iterable[dict[str, Any]], folder: PurePosixPath, place: str, pictures: set[str]) -> dict[str, Any]:
    labels: dict[str, Any] = {}
    for number, row in enumerate(rows, start=1):
        name = row.get("file_name")
        if not isinstance(name, str):
            raise InputError(f"{place}: found no file_name in row {number}, expected the columns file_name and label")
        picture = str(folder / name)
        if picture not in pictures:
            raise InputError(
                f"{place}: names {_brief(name)} in row {number}, which is not there; add it, or drop the row"
            )
        if row.get("label") not in (None, ""):
            labels[picture] = row["label"]
    return labels


def _csv_rows(data: bytes, place: str) -> Iterator[dict[str, Any]]:
    try:
        yield from csv.DictReader(io.StringIO(_text(data, place), newline=""), strict=True)
    except csv.Error as error:
        raise InputError(
            f"{place}: is no table of comma-separated values ({error}); mend it, or move it away"
        ) from error


def _json_rows(data: bytes, place: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_text(data, place).splitlines(), start=1):
        if line.strip():
            row = _json(line.encode(), f"{place}, line {number}")
            if not isinstance(row, dict):
                raise InputError(
                    f'{place}, line {number}: found {_brief(row)}, expected {{"file_name": …, "label": …}}'
                )
            yield row


_ROWS: dict[str, Callable[[bytes, str], Iterator[dict[str, Any]]]] = {
    "metadata.csv": _csv_rows,
    "metadata.jsonl": _json_rows,
}


# ---- folders ----------------------------------------------------------------------------------------------------


def from_folders(pictures: Iterable[str], place: str, depth: int = 0) -> Labels:
    """Label each picture by the name of its folder at `depth`. Raises InputError for one that lies in none."""
    words: dict[str, Any] = {}
    for name in pictures:
        parts = name.split("/")
        if len(parts) < depth + 2:
            raise InputError(f"{place}: {name} is in no sub-folder, expected each picture in one named for its class")
        words[name] = parts[depth]
    return numbered(words, place)


def numbered(words: Mapping[str, Any], place: str) -> Labels:
    """Turn words into class numbers, in their alphabetical order; numbers stay what they are.

    Raises InputError for labels that are neither, or of several kinds.
    """
    values = list(words.values())
    if all(isinstance(value, str) for value in values):
        if all(value.isdecimal() and len(value) < 10 for value in values):
            words = {name: int(value) for name, value in words.items()}
        else:
            class_names = tuple(sorted(set(values)))
            place_of = {word: number for number, word in enumerate(class_names)}
            return Labels({name: place_of[word] for name, word in words.items()}, class_names)
    pairs = ((name, _label(value, f"{place}: {name}")) for name, value in words.items())
    return Labels(_checked(pairs, place, set(words)))


# ---- for the networks -------------------------------------------------------------------------------------------


def label_matrix(labels: Iterable[Label], num_classes: int) -> Tensor:
    """Return float32 [N, num_classes]: vectors as they are, class numbers as one-hot rows."""
    labels = list(labels)
    numbers = [label for label in labels if isinstance(label, int)]
    if len(numbers) == len(labels):
        return one_hot(torch.tensor(numbers, dtype=torch.int64), num_classes).to(torch.float32)
    return torch.tensor(labels, dtype=torch.float32)


def _text(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: is no text in UTF-8 ({error.reason}); save it as UTF-8") from error


def _json(data: bytes, place: str) -> Any:
    try:
        return json.loads(_text(data, place))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: cannot be read as JSON ({' '.join(str(error).split())}); mend it") from error


def _brief(found: Any) -> str:
    """At most 60 characters of what was found: a file's mistake may be as long as the file."""
    words = repr(found) if not isinstance(found, (list, dict, tuple)) else json.dumps(found)
    return words if len(words) <= 60 else f"{words[:57]}…"
