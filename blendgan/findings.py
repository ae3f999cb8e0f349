"""One line of a report on this machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the report. `advice` says what to do, and is empty where nothing is wrong."""

    subject: str
    value: str
    advice: str = ""
