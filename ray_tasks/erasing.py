"""Physical erasure in a lake: every file that tells of the forgotten is written anew without them, under its own name.

It is the one exception to "nothing is ever changed", and no reader can tell: what goes was hidden from them before
(hiding.py), so a table reads the same before and after, and no fingerprint changes. A pass that is killed leaves each
file old or new, whole; the next one goes on. Tables that name photos come first, and the tables that say whose photos
they are last: without these the others' rows could not be found any more.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from profiling.errors import LakeError
from profiling.places import Place, by_name, parquet_source
from profiling.small_files import replace
from ray_tasks.hiding import BROKEN, Hiding, hide, needed_columns, read_raw, rows_of_forgotten
from ray_tasks.lake import Lake, Manifest
from ray_tasks.ledger import Ledger
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession

WHOSE = ("partition", "photos")  # stage and table that say whose a photo is
OWN_STAGES = "partition"  # the stage whose buckets hold rows about users of other buckets: tags on friends' photos
KEPT_ROWS = ("user-ids-", "friend-offsets-", "friend-rows-")  # files of rows without anything drawn from photos

Erased = dict[str, int]  # rows by stage/table
Photos = npt.NDArray[np.int64]


def erase_lake(lake: Lake, session: RaySession, progress: RunProgress) -> Erased:
    """Erase everybody on the ledger from the tables, rows of the population, quarantine and notes of a lake.

    Parameters
    ----------
    lake : held for writing.

    Raises
    ------
    LakeError
        The disk is full, or another writer took over; what was done stays done.
    """
    ledger = lake.hiding.ledger
    lake.sweep()
    touched = sorted(set(lake.bucket_of(ledger.users).tolist()))
    photos = _photos(lake, touched, session)
    erased: Counter[str] = Counter()
    calls = [
        (f"erase-{bucket}", (str(lake.folder), lake.epoch, bucket, bucket in set(touched), photos))
        for bucket in range(lake.buckets)
    ]
    with progress.stage("erase", total=lake.buckets + len(touched), unit="buckets") as bar:
        for _, found in session.each(_erase_bucket, calls):
            erased.update(found)
            bar.advance(1)
        erased.update(_erase_around(lake, ledger, photos))
        last = [(f"erase-photos-{bucket}", (str(lake.folder), lake.epoch, bucket)) for bucket in touched]
        for _, found in session.each(_erase_photos, last):
            erased.update(found)
            bar.advance(1)
    return dict(sorted(erased.items()))


def _photos(lake: Lake, touched: list[int], session: RaySession) -> Photos:
    """Sorted ids of all photos of the forgotten."""
    calls = [(f"photos-{bucket}", (str(lake.folder), bucket)) for bucket in touched]
    found = [photos for _, photos in session.each(_photos_of, calls)]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


def _photos_of(folder: str, bucket: int) -> Photos:
    return Lake.open(folder).hiding.photos(bucket)


def _erase_bucket(folder: str, epoch: int | None, bucket: int, whole: bool, photos: Photos) -> Erased:
    """All tables of a bucket but `WHOSE`; not `whole`: only those that may tell of other buckets' users."""
    lake = Lake.open(folder, epoch)
    stages = sorted(path.name for path in (lake.folder / "manifests").iterdir()) if whole else [OWN_STAGES]
    tables = ((m, name) for stage in stages for m in lake.results(stage, bucket) for name in m.files)
    return _erase_tables(lake, ((m, name) for m, name in tables if (m.stage, name) != WHOSE), photos)


def _erase_photos(folder: str, epoch: int | None, bucket: int) -> Erased:
    lake = Lake.open(folder, epoch)
    stage, name = WHOSE
    return _erase_tables(lake, ((manifest, name) for manifest in lake.results(stage, bucket)), np.zeros(0, np.int64))


def _erase_tables(lake: Lake, tables: Iterable[tuple[Manifest, str]], photos: Photos) -> Erased:
    lake.check_epoch()
    ledger = Hiding(lake).ledger
    erased: Counter[str] = Counter()
    for manifest, name in tables:
        for path in manifest.files[name]:
            rows = _erase_file(lake.folder / path, manifest.stage, name, ledger, lambda: photos)
            if rows:
                erased[f"{manifest.stage}/{name}"] += rows
    return dict(erased)


def _erase_file(path: Place, stage: str, name: str, ledger: Ledger, photos: Callable[[], Photos]) -> int:
    """Rows that went; a file that tells of nobody who was forgotten is left as it is."""
    about = (ledger, photos)
    rows = read_raw(path, needed_columns(name, pq.read_schema(parquet_source(path, whole=False))))
    count = int(np.count_nonzero(rows_of_forgotten(stage, name, rows, *about)))
    if count:
        rewrite_table(path, hide(stage, name, read_raw(path), *about))
    return count


def rewrite_table(path: Place, rows: pa.Table) -> None:
    """Have other rows take a file's place, whole or not at all.

    Raises
    ------
    LakeError
        The disk is full; the file is as it was.
    """
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd", write_statistics=False)
    try:
        replace(path, buffer.getvalue(), durable=True)
    except OSError as error:
        raise LakeError(f"{path.parent}: cannot be written ({error.strerror}); free space and run again") from None


def _erase_around(lake: Lake, ledger: Ledger, photos: Photos) -> Erased:
    """Whatever is no table of a bucket: quarantine, files of rows, notes that name users."""
    erased: Counter[str] = Counter()
    for path in (lake.folder / "quarantine").glob("*.parquet"):
        erased[f"quarantine/{path.stem}"] += _erase_file(path, "", BROKEN + path.stem, ledger, lambda: photos)
    for path in (lake.folder / "rows").glob("*.npy"):  # a run that needs them writes them again, of what is there then
        if not path.name.startswith(KEPT_ROWS):
            path.unlink(missing_ok=True)
    forgotten = set(ledger.users.tolist())
    for path, note in _hub_notes(lake):
        hubs = note["audit"]["hubs"]
        left = [each for each in hubs["worst"] if each["user_id"] not in forgotten]
        if len(left) < len(hubs["worst"]):
            erased["generations/hubs"] += len(hubs["worst"]) - len(left)
            hubs["worst"] = left
            replace(path, json.dumps(note, ensure_ascii=False).encode(), durable=True)
    return {name: rows for name, rows in erased.items() if rows}


def _hub_notes(lake: Lake) -> Iterator[tuple[Place, dict[str, Any]]]:
    for path in by_name((lake.folder / "generations").glob("*.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        if "hubs" in note.get("audit", {}):
            yield path, note
