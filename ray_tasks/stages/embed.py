"""Stage 2: look at the selected photos that this model has not seen yet, and store every face.

Its results belong to a *face key*: everything that decides a face's bits (networks, calibration, how photos are read).
The faces of a bucket are parts of a few thousand photos each, committed one by one; a nightly run adds parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from profiling.detection import Detector
from profiling.embedding import get_model, load_calibration
from profiling.settings import Settings
from ray_tasks.actors import ActorPlan, Part, start_actors
from ray_tasks.lake import Lake, Manifest, fingerprint
from ray_tasks.photo_pipeline import PhotoList
from ray_tasks.ray_session import readable_errors
from ray_tasks.stages.context import BuildContext

LOGIC = 1  # raise when the results of this stage change
POLL_S = 0.5  # seconds between looks at the actors' counters


def face_key(settings: Settings) -> str:
    """12 hex digits of everything that decides a face's bits on one kind of device."""
    entry, calibration = get_model(settings.embedding.model), load_calibration(settings.embedding.model)
    return fingerprint(
        logic=LOGIC,
        detector=Detector.weights_id(),
        model=entry.sha256,
        calibration=calibration.id,
        precision=settings.embedding.precision,
        decoding=settings.decoding.model_dump(),
        detection=settings.detection.model_dump(),
    )[:12]


def stage_name(settings: Settings) -> str:
    """Where the parts of this face key are filed."""
    return f"embed-{settings.embedding.model}-{face_key(settings)}"


def embed(context: BuildContext) -> None:
    """Look at what was not seen yet; afterwards every selected photo stands in a committed part."""
    stage = stage_name(context.settings)
    parts: list[Part] = []
    behind = 0
    for bucket in range(context.lake.buckets):
        wanted = wanted_photos(context, bucket)
        have = context.lake.results(stage, bucket)
        missing = without_seen(context.lake, wanted, have)
        behind += len(wanted) - len(missing)
        parts += split_parts(stage, bucket, missing, context.settings.embedding.photos_per_part)
    total = behind + sum(len(part.photos) for part in parts)
    with context.progress.stage("embed", total=total, unit="photos", done=behind) as bar:
        if parts:
            run_parts(context, parts, bar)


def wanted_photos(context: BuildContext, bucket: int) -> PhotoList:
    """The selected photos of a bucket, in photo order."""
    lake = context.lake
    chosen = lake.read(context.manifests["select"][bucket], "selection", ["photo_id"])["photo_id"]
    photos = lake.read(context.manifests["partition"][bucket], "photos", ["photo_id", "version", "uri"])
    photos = photos.filter(pc.is_in(photos["photo_id"], value_set=chosen.combine_chunks())).sort_by("photo_id")
    return PhotoList(photos["photo_id"].to_numpy(), photos["version"].to_numpy(), photos["uri"].to_pylist())


def without_seen(lake: Lake, wanted: PhotoList, parts: Sequence[Manifest]) -> PhotoList:
    """Those of `wanted` that no part holds in this version."""
    missing = np.ones(len(wanted), bool)
    for part in parts:
        seen = lake.read(part, "seen", ["photo_id", "version"])
        at = np.searchsorted(wanted.photo_ids, seen["photo_id"].to_numpy())
        versions = seen["version"].to_numpy()
        inside = at < len(wanted)
        at, ids, versions = at[inside], seen["photo_id"].to_numpy()[inside], versions[inside]
        same = (wanted.photo_ids[at] == ids) & (wanted.versions[at] == versions)
        missing[at[same]] = False
    return take(wanted, np.flatnonzero(missing))


def take(photos: PhotoList, rows: npt.NDArray[np.intp]) -> PhotoList:
    """Some photos of a list."""
    return PhotoList(photos.photo_ids[rows], photos.versions[rows], [photos.uris[k] for k in rows])


def split_parts(stage: str, bucket: int, photos: PhotoList, size: int) -> Iterator[Part]:
    """Cut a bucket's photos into parts, in photo order."""
    for start in range(0, len(photos), size):
        piece = take(photos, np.arange(start, min(start + size, len(photos))))
        mark = fingerprint(ids=piece.photo_ids.tolist(), versions=piece.versions.tolist())
        yield Part(stage, bucket, mark, piece)


def run_parts(context: BuildContext, parts: Sequence[Part], bar: Any) -> None:
    """Feed the parts to the detectors, one each at a time, the largest first; end the actors afterwards."""
    session = context.session
    ray = session.ray()
    plan = ActorPlan.of(session.cpus(), session.gpus())
    detectors, embedders = start_actors(ray, plan, context.lake, context.population, context.settings)
    try:
        _feed(ray, detectors, sorted(parts, key=lambda part: len(part.photos)), bar)
    finally:
        for actor in [*detectors, *embedders]:
            ray.kill(actor)


def _feed(ray: Any, detectors: Sequence[Any], waiting: list[Part], bar: Any) -> None:
    idle, running = list(detectors), {}
    while waiting or running:
        while waiting and idle:
            actor, part = idle.pop(), waiting.pop()
            running[actor.run_part.remote(part)] = actor
        ready, _ = ray.wait(list(running), num_returns=1, timeout=POLL_S)
        for reference in ready:
            idle.append(running.pop(reference))
            with readable_errors():
                manifest = ray.get(reference)
            bar.advance(manifest.counts["photos"], manifest.counts)
        bar.under_way(sum(_photos_seen(ray, actor) for actor in running.values()))


def _photos_seen(ray: Any, actor: Any) -> int:
    """The actor's counter; 0 while it starts or restarts."""
    answer = actor.photos_seen.options(concurrency_group="report").remote()
    try:
        return int(ray.get(answer, timeout=POLL_S))
    except (ray.exceptions.GetTimeoutError, ray.exceptions.RayActorError):
        return 0
