"""A file of features of real pictures, so that a data set is seen once: safetensors, one tensor [M, D] for each key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError


class FeatureCache:
    """Features by key; a key holds all that they depend on, so none is ever out of date."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @staticmethod
    def key(data: Path, *parts: str | int) -> str:
        """Return the key of a data set as it is now (names, sizes and times of its files) and of what else counts."""
        files = [data] if data.is_file() else sorted(file for file in data.rglob("*") if file.is_file())
        stats = [(str(file.relative_to(data)), file.stat()) for file in files]
        state = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
        return hashlib.sha256(json.dumps([str(data.resolve()), state, *parts]).encode()).hexdigest()

    def get(self, key: str, compute: Callable[[], Tensor]) -> Tensor:
        """Return the features of a key, computed and written where the file lacks them.

        Raises InputError for a file that is no such cache; it is left as it is.
        """
        kept = self._read()
        if key not in kept:
            kept[key] = compute().contiguous()
            with writing(self.file) as file:
                file.write(save(kept, {"format": "blendgan real features"}))
        return kept[key]

    def _read(self) -> dict[str, Tensor]:
        if not self.file.exists():
            return {}
        try:
            with safe_open(self.file, framework="pt") as opened:
                if (opened.metadata() or {}).get("format") == "blendgan real features":
                    return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 — no mapping
        except (SafetensorError, OSError):
            pass  # damaged, or of another kind: named below
        raise InputError(f"{self.file}: expected a cache of features or a new name; choose another --cache FILE")
