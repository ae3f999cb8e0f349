"""What became of each photo: a line each in a hidden file beside the results, so that a run goes on where one ended.

The pictures' own metadata could say the same, but --no-metadata leaves it out, and a photo that failed has no picture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylegan2.checkpoints.atomic import remove_leftovers
from stylegan2.store import sha256_of

if TYPE_CHECKING:
    from blendgan.redrawing import Job

NAME = ".toonify.jsonl"
NOT_SETTINGS = ("photo", "replaces_latent")  # fields of a job that its results do not depend on
Entry = dict[str, Any]


class Journal:
    """Remembers jobs by their result's name. `maker` says what all of them depend on besides: models, recipe, mask.

    A job is done when its picture, strip and latents are there, the picture with the bytes that were written, and
    photo, settings and maker are what they were made from.
    """

    def __init__(self, maker: str) -> None:
        self._maker = maker
        self._entries: dict[Path, dict[str, Entry]] = {}  # folder → result's name → its last line

    def is_done(self, job: Job) -> bool:
        """Whether a job needs no more work. Hashes its photo and its picture where there is reason to."""
        entry = self._last(job)
        if entry.get("state") != "done" or not all(path.is_file() for path in job.results):
            return False
        with suppress(OSError):  # a photo that has gone fails when it is read, and is then named
            return entry.get("result") == sha256_of(job.picture) and entry.get("made_from") == self._made_from(job)
        return False

    def begin(self, job: Job) -> Job:
        """Note that from now on what lies under the job's names is this run's, if nothing did before; returns the job.

        Latents that an earlier run wrote by this journal, before it was interrupted or from what has changed since, may
        be replaced; others are refused as always.
        """
        is_ours = self._is_ours(job)
        if is_ours or not any(path.exists() for path in job.results):
            self._note(job, {"state": "begun"})
        return replace(job, replaces_latent=True) if is_ours else job

    def _is_ours(self, job: Job) -> bool:
        entry = self._last(job)
        if entry.get("state") == "done":
            return job.picture.is_file() and entry.get("result") == sha256_of(job.picture)
        return entry.get("state") == "begun"

    def end(self, job: Job, reason: str) -> None:
        """Note that a job is done, or why it failed."""
        if reason:
            self._note(job, {"state": "failed", "reason": reason})
            return
        with suppress(OSError):  # a photo that vanished meanwhile is as if it had never been done
            self._note(job, {"state": "done", "result": sha256_of(job.picture), "made_from": self._made_from(job)})

    def _last(self, job: Job) -> Entry:
        folder = job.picture.parent
        if folder not in self._entries:
            self._entries[folder] = _read(folder / NAME)
        return self._entries[folder].get(job.picture.name, {})

    def _note(self, job: Job, entry: Entry) -> None:
        self._last(job)  # so that the folder's lines are known before one is added
        self._entries[job.picture.parent][job.picture.name] = entry
        line = json.dumps({"picture": job.picture.name, "photo": job.photo.name, **entry})
        job.picture.parent.mkdir(parents=True, exist_ok=True)
        with (job.picture.parent / NAME).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}")  # the break first: a line that was cut short spoils itself alone

    def _made_from(self, job: Job) -> str:
        """SHA-256 of everything that the results depend on."""
        said = {field.name: _plain(getattr(job, field.name)) for field in fields(job) if field.name not in NOT_SETTINGS}
        text = json.dumps([self._maker, sha256_of(job.photo), said], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def sweep(jobs: Iterable[Job]) -> None:
    """Remove what workers that were killed left half-written beside the results of these jobs."""
    names: dict[Path, set[str]] = {}
    for job in jobs:
        for path in job.results:
            names.setdefault(path.parent, set()).add(path.name)
    for folder, results in names.items():
        remove_leftovers(folder, results)


def _plain(value: object) -> str:
    return value.name if isinstance(value, Path) else repr(value)


def _read(path: Path) -> dict[str, Entry]:
    """The last line of each result; lines that are no entries are left aside, since the work can be done anew."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    entries: dict[str, Entry] = {}
    for line in text.splitlines():
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and isinstance(entry.get("picture"), str):
                entries[entry["picture"]] = entry
    return entries
