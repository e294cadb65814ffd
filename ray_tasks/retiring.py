"""What a lake no longer needs: old generations with their results, and faces that nothing has asked for since.

A result that was deleted too early costs time, never correctness: whoever misses it computes it again from the faces.
Faces are dearer: they go by a limit of their own, and only those of photos that no kept generation selects. Faces of
photos that no partition knows any more go at once, because nobody could tell whose they were.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.errors import LakeError
from profiling.settings import RetentionSettings
from ray_tasks.erasing import rewrite_table
from ray_tasks.generations import CLUSTERED, FINISHED, Generation, generations
from ray_tasks.hiding import read_raw
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.ray_session import RaySession

DAY_S = 86_400.0  # seconds
FACES, UPLOADS = "embed-", "uploads-"  # begin of stages that hold faces
FACE_TABLES = ("seen", "faces")
FIRST = "first_created"  # count of a compacted part: when the oldest of its photos was looked at, seconds since 1970


@dataclass(frozen=True)
class Retired:
    """What one run took away: ids of generations, results (manifests), files of rows, photos whose faces went."""

    generations: tuple[str, ...]
    results: int
    rows: int
    photos: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def retire(
    lake: Lake,
    settings: RetentionSettings,
    session: RaySession,
    published: Collection[str] = (),
    now: float | None = None,
) -> Retired:
    """Take away what is older than the settings say; twice is once, and a run that is killed is gone on with.

    Parameters
    ----------
    lake : held for writing. published : ids of generations that a store serves or can go back to: they stay.
    """
    moment = time.time() if now is None else now
    known = generations(lake)
    kept = _kept(known, settings, published, moment)
    gone = [each for each in known if each not in kept]
    bases = [each for each in generations(lake, CLUSTERED) if _young(each.created, settings.days, moment)]
    keep = [*kept, *(bases or generations(lake, CLUSTERED)[-1:])]
    _forget_records(lake, gone, keep)
    limits = (moment - settings.days * DAY_S, moment - settings.faces_days * DAY_S)
    about = (str(lake.folder), lake.epoch)
    calls = [(f"retire-{k}", (*about, k, _needed(keep, k), limits)) for k in range(lake.buckets)]
    results = photos = 0
    for _, found in session.each(_retire_bucket, calls):
        results, photos = results + found.results, photos + found.photos
    rows = _retire_rows(lake, keep, limits[0])
    lake.sweep()
    return Retired(tuple(each.id for each in gone), results, rows, photos)


def _young(created: float, days: float, now: float) -> bool:
    return created > now - days * DAY_S


def _kept(
    known: list[Generation], settings: RetentionSettings, published: Collection[str], now: float
) -> list[Generation]:
    newest = {each.id for each in known[-settings.generations :]}
    return [
        each for each in known if each.id in newest or each.id in published or _young(each.created, settings.days, now)
    ]


def _forget_records(lake: Lake, gone: Iterable[Generation], keep: Iterable[Generation]) -> None:
    """Records first: nobody begins to read what is about to go."""
    lake.check_epoch()
    for each in gone:
        (lake.folder / FINISHED / f"{each.id}.json").unlink(missing_ok=True)
    left = {each.id for each in keep}
    for each in generations(lake, CLUSTERED):
        if each.id not in left:
            (lake.folder / CLUSTERED / f"{each.id}.json").unlink(missing_ok=True)


def _needed(keep: Iterable[Generation], bucket: int) -> list[dict[str, str]]:
    """What generations, and their steps of broadening, need of a bucket: by stage the fingerprint; whose faces."""
    return [
        {"faces": each.faces} | {stage: marks[bucket] for stage, marks in step.items()}
        for each in keep
        for step in (each.stages, *each.steps)
    ]


def _retire_bucket(
    folder: str, epoch: int | None, bucket: int, keep: list[dict[str, str]], limits: tuple[float, float]
) -> _Gone:
    lake = Lake.open(folder, epoch)
    lake.check_epoch()
    stages = sorted(path.name for path in (lake.folder / "manifests").iterdir())
    results = 0
    for stage in (each for each in stages if not each.startswith(FACES)):
        marks = {each.get(stage) for each in keep}
        limit = limits[stage.startswith(UPLOADS)]
        old = [each for each in lake.results(stage, bucket) if each.created < limit and each.fingerprint not in marks]
        for each in old:
            lake.delete(each)
        results += len(old)
    there = _ids(lake, [(m, "photos") for m in lake.results("partition", bucket)])
    photos = 0
    for stage in (each for each in stages if each.startswith(FACES)):
        chosen = _selections(lake, bucket, [each["select"] for each in keep if each["faces"] == stage])
        selected = _ids(lake, chosen)
        for part in lake.results(stage, bucket):
            young = float(part.counts.get(FIRST, part.created)) >= limits[1]
            photos += _retire_faces(lake, part, there if young else selected)
    return _Gone(results, photos)


@dataclass(frozen=True)
class _Gone:
    results: int
    photos: int


def _selections(lake: Lake, bucket: int, marks: list[str]) -> list[tuple[Manifest, str]]:
    found = [lake.find("select", bucket, mark) for mark in marks]
    if None in found:
        raise LakeError(f"{lake.folder}: results of stage select are gone; run kith build again")
    return [(manifest, "selection") for manifest in found if manifest is not None]


def _ids(lake: Lake, tables: list[tuple[Manifest, str]]) -> npt.NDArray[np.int64]:
    """Sorted ids of the photos of tables."""
    found = [lake.read(manifest, name, ["photo_id"])["photo_id"].to_numpy() for manifest, name in tables]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


def _retire_faces(lake: Lake, part: Manifest, wanted: npt.NDArray[np.int64]) -> int:
    """Leave of a part's photos only those that are wanted; how many went."""
    found = [np.zeros(0, np.int64)]
    found += [read_raw(lake.folder / path, ["photo_id"])["photo_id"].to_numpy() for path in part.files["seen"]]
    ids = np.concatenate(found)
    unwanted = np.setdiff1d(ids, wanted)
    if len(unwanted) == len(ids):
        lake.delete(part)
    elif len(unwanted):
        for path in (lake.folder / path for name in FACE_TABLES for path in part.files.get(name, [])):
            rows = read_raw(path)
            rewrite_table(path, rows.filter(pa.array(np.isin(rows["photo_id"].to_numpy(), wanted))))
    return len(unwanted)


def _retire_rows(lake: Lake, keep: list[Generation], limit: float) -> int:
    """Delete files of rows that belong to no kept generation and are old; how many."""
    marks = {each["rows"] for generation in keep for each in generation.rounds}
    marks |= {fingerprint(buckets=each.stages["partition"]) for each in keep}
    old = [path for path in (lake.folder / "rows").glob("*.npy") if path.stat().st_mtime < limit]
    gone = [path for path in old if path.stem.rpartition("-")[2] not in marks]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
