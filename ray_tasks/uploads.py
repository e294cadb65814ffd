"""Uploads of the truth, seen through the lake's model as the albums were, once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console

from profiling.settings import Settings
from profiling.tables import faces_schema
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.lock import WriterLock
from ray_tasks.parts import Part, PhotoList
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.stages.embed import Crew, face_key, run_parts
from ray_tasks.stages.face_parts import take

PARTS = 16  # an upload's part: its id modulo this


def upload_faces(
    lake: Lake, uploads: pa.Table, folder: Path, settings: Settings, session: RaySession, dim: int, console: Console
) -> pa.Table:
    """Table `faces` with upload_id as photo_id, embedded now or found in the lake.

    Parameters
    ----------
    uploads : table `uploads` of the truth; its URIs are relative to `folder`, the population.
    """
    if uploads.num_rows == 0:
        return faces_schema(dim).empty_table()
    stage = f"uploads-{face_key(settings)}"
    order = np.argsort(uploads["upload_id"].to_numpy(), kind="stable")
    ids = uploads["upload_id"].to_numpy()[order]
    uris = [str(uri) for uri in uploads["uri"].take(pa.array(order)).to_pylist()]
    photos = PhotoList(ids, np.zeros(len(ids), np.int64), uris)
    where = hashlib.blake2b(str(folder).encode(), digest_size=8).hexdigest()
    parts = []
    for number in range(PARTS):
        piece = take(photos, np.flatnonzero(ids % PARTS == number))
        mark = fingerprint(ids=piece.photo_ids.tolist(), uris=list(piece.uris), folder=where)
        parts.append(Part(stage, number, mark, piece))
    missing = [part for part in parts if lake.find(stage, part.bucket, part.fingerprint) is None]
    if missing:
        _embed(lake, missing, len(photos), folder, settings, session, console)
    found = [lake.find(part.stage, part.bucket, part.fingerprint) for part in parts]
    tables = [lake.read(manifest, "faces") for manifest in found if isinstance(manifest, Manifest)]
    return pa.concat_tables([faces_schema(dim).empty_table(), *tables])


def _embed(
    lake: Lake, parts: list[Part], total: int, folder: Path, settings: Settings, session: RaySession, console: Console
) -> None:
    with WriterLock(lake, "kith evaluate") as held, RunProgress(held, "evaluate", console) as progress:
        done = total - sum(len(part.photos) for part in parts)
        with progress.stage("uploads", total=total, unit="photos", done=done) as bar:
            run_parts(Crew(session, held, str(folder), settings), parts, bar)
