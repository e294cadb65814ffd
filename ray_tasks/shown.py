"""Which reports show whom: noted when one is written, so that an erasure finds the crops of a person's faces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ray_tasks.lake import Lake

FOLDER = "reports"
USUAL = "report.html"  # in the lake's folder, where no other file is named


def note_report(lake: Lake, path: Path, users: Iterable[int]) -> None:
    """Note a report before it is written; one that was under the same name showed its users too, until it is gone."""
    whole = str(path.absolute())
    lake.write_note(_note(whole), {"path": whole, "users": sorted({*_shown(lake, whole), *users})})


def erase_reports(lake: Lake, users: Iterable[int]) -> list[str]:
    """Delete reports that show any of these users, and their notes; paths of the files that went."""
    gone, deleted = set(users), []
    notes = lake.notes(FOLDER)
    usual = str(lake.folder / USUAL)
    if usual not in {note["path"] for note in notes}:  # of a version that noted nothing: it may show anybody
        notes.append({"path": usual, "users": sorted(gone)})
    for note in notes:
        if gone & set(note["users"]):
            path = Path(note["path"])
            if path.exists():
                path.unlink()
                deleted.append(str(path))
            (lake.folder / _note(note["path"])).unlink(missing_ok=True)
    return deleted


def _shown(lake: Lake, path: str) -> list[int]:
    try:
        return list(json.loads((lake.folder / _note(path)).read_bytes())["users"])
    except FileNotFoundError:
        return []


def _note(path: str) -> str:
    return f"{FOLDER}/{hashlib.blake2b(path.encode(), digest_size=8).hexdigest()}.json"
