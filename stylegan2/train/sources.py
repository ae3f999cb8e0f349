"""Where pictures come from: a folder or a zip, with what it says of their labels. Making and training share it.

plain            every picture, in all sub-folders
dataset.json     the same, labelled by that list
metadata.csv     the same, labelled by such tables (also .jsonl), as Hugging Face's image folders have them
train/, test/ …  an image folder with splits: the pictures of train, labelled by its class folders if it has several
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stylegan2.errors import InputError
from stylegan2.train.decoding import SUFFIXES
from stylegan2.train.files import Files, open_files
from stylegan2.train.labels import Label, Labels, from_folders, read_list, read_tables

TRAIN = "train"
SPLITS = {TRAIN, "test", "testing", "validation", "valid", "val", "dev", "eval"}  # names that image folders give them


class PictureSource(Protocol):
    """Named pictures in an order of their own: what a data set is made of, or trained on."""

    @property
    def place(self) -> str:
        """The path as it was given, for messages."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """Lines that whoever uses it should be told."""
        ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def labels(self) -> Labels: ...

    def open(self, name: str) -> bytes:
        """Return the bytes of a picture file. Raises InputError, which names it, where it cannot be read."""
        ...

    def label(self, name: str) -> Label | None:
        """Return a picture's label; None where it has none."""
        ...


@dataclass(frozen=True)
class FilePictures:
    """The pictures among the files of a folder or zip."""

    place: str
    names: tuple[str, ...]
    read: Callable[[str], bytes]
    labels: Labels = field(default_factory=Labels)
    remarks: tuple[str, ...] = ()

    def open(self, name: str) -> bytes:
        """Return the bytes of a picture file. Raises InputError."""
        return self.read(name)

    def label(self, name: str) -> Label | None:
        """Return a picture's label; None where it has none."""
        return self.labels.of.get(name)


def open_source(path: str | Path) -> FilePictures:
    """Open a folder or a zip of pictures, in any of the layouts above.

    Raises InputError where there are no pictures, or what labels them is malformed or names pictures that are not
    there. That the pictures can be read is seen when they are.
    """
    files = open_files(path)
    pictures = tuple(name for name in files.names if name.lower().endswith(SUFFIXES))
    if not pictures:
        raise InputError(f"{path}: found no pictures; expected {', '.join(SUFFIXES)} files in a folder or zip")
    labels = read_list(files, pictures)
    if labels is not None:
        return _labelled(files, pictures, labels, ())
    tables = read_tables(files, pictures)
    if not _has_splits(pictures):
        return _labelled(files, pictures, tables or Labels(), ())
    chosen = tuple(name for name in pictures if name.startswith(f"{TRAIN}/"))
    return _labelled(files, chosen, tables or _class_folders(chosen, files.place), _left_aside(pictures))


def with_folder_labels(source: PictureSource) -> FilePictures:
    """Return a source whose labels are the names of its sub-folders, of those in train/ where it has splits.

    Raises InputError for a picture that lies in none.
    """
    depth = 1 if all(name.startswith(f"{TRAIN}/") for name in source.names) else 0
    labels = from_folders(source.names, source.place, depth)
    return FilePictures(source.place, source.names, source.open, labels, source.remarks)


def without_labels(source: PictureSource) -> FilePictures:
    """Return a source that has no labels."""
    return FilePictures(source.place, source.names, source.open, Labels(), source.remarks)


def _labelled(files: Files, names: tuple[str, ...], labels: Labels, remarks: tuple[str, ...]) -> FilePictures:
    kept = {name: labels.of[name] for name in names if name in labels.of}
    without = [name for name in names if name not in kept]
    if kept and without:
        remarks = (*remarks, f"{len(without)} of {len(names)} pictures have no label, the first is {without[0]}")
    return FilePictures(files.place, names, files.read, Labels(kept, labels.class_names), remarks)


def _has_splits(pictures: tuple[str, ...]) -> bool:
    """Whether everything lies in folders of such names, one of them train."""
    tops = {name.split("/")[0] for name in pictures}
    return TRAIN in tops and tops <= SPLITS


def _left_aside(pictures: tuple[str, ...]) -> tuple[str, ...]:
    """What to say of the splits that are not train."""
    others = [top for name in pictures if (top := name.split("/")[0]) != TRAIN]
    return (
        (f"{len(others)} pictures of {', '.join(sorted(set(others)))} are left aside, train is taken",)
        if others
        else ()
    )


def _class_folders(pictures: tuple[str, ...], place: str) -> Labels:
    """Folders of train/, where every picture lies in one and there are several."""
    classes = {name.split("/")[1] for name in pictures if name.count("/") >= 2}
    if len(classes) < 2 or any(name.count("/") < 2 for name in pictures):
        return Labels()
    return from_folders(pictures, place, depth=1)
