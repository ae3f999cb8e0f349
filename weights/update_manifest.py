"""Write the SHA-256 and size of every file that is there into manifest.json:  python weights/update_manifest.py"""

from __future__ import annotations

import json
from pathlib import Path

from stylegan2.store import MANIFEST, sha256_of

FOLDER = Path(__file__).resolve().parent


def refresh(folder: Path) -> None:
    """Refresh the manifest in `folder`; entries whose file is not there keep what they say."""
    manifest = folder / MANIFEST
    entries = json.loads(manifest.read_text(encoding="utf-8"))
    for entry in entries.values():
        path = folder / entry["file"]
        if path.is_file():
            entry.update(sha256=sha256_of(path), size=path.stat().st_size)
    manifest.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    refresh(FOLDER)
