"""Stage 2: look at the selected photos that this model has not seen yet, and store every face.

Its results belong to a *face key*: everything that decides a face's bits (networks, calibration, how photos are read).
The faces of a bucket are parts of a few thousand photos each, committed one by one; a nightly run adds parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from profiling.embedding import get_model, load_calibration
from profiling.settings import Settings
from profiling.weights import MTCNN_SHA256
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.metrics import QUEUE, count_part, gauge
from ray_tasks.parts import Part
from ray_tasks.progress import StageBar
from ray_tasks.ray_session import RaySession, readable_errors
from ray_tasks.stages.context import BuildContext
from ray_tasks.stages.face_parts import FaceParts, open_parts, split_photos
from ray_tasks.stages.looked import failed_photos, look_over

LOGIC = 1  # raise when the results of this stage change
POLL_S = 0.5  # seconds between looks at the actors' counters


@dataclass(frozen=True)
class Crew:
    """What the actors of a run need: where they run, where they write, the folder that URIs start from, settings."""

    session: RaySession
    lake: Lake
    photos: str
    settings: Settings


def face_key(settings: Settings) -> str:
    """12 hex digits of everything that decides a face's bits on one kind of device."""
    entry, calibration = get_model(settings.embedding.model), load_calibration(settings.embedding.model)
    return fingerprint(
        logic=LOGIC,
        detector=MTCNN_SHA256,
        model=entry.vectors_id,
        calibration=calibration.id,
        precision=settings.embedding.precision,
        decoding=settings.decoding.model_dump(),
        detection=settings.detection.model_dump(),
    )[:12]


def stage_name(settings: Settings) -> str:
    """Where the parts of this face key are filed."""
    return f"embed-{settings.embedding.model}-{face_key(settings)}"


def face_parts(context: BuildContext, bucket: int) -> FaceParts:
    """The committed parts of a bucket, resolved for its selected photos."""
    at = context.manifests
    return open_parts(context.lake, stage_name(context.settings), at["partition"][bucket], at["select"][bucket])


def embed(context: BuildContext) -> None:
    """Look at what was not seen yet; afterwards every selected photo stands in a committed part."""
    parts = [part for bucket in context.manifests["select"] for part in unseen_parts(context, bucket)]
    total = sum(int(selected.counts["photos"]) for selected in context.manifests["select"].values())
    behind = total - sum(len(part.photos) for part in parts)
    with context.progress.stage(context.title("embed"), total=total, unit="photos", done=behind) as bar:
        if parts:
            run_parts(Crew(context.session, context.lake, context.population, context.settings), parts, bar)
    look_over(context, stage_name(context.settings))


def unseen_parts(context: BuildContext, bucket: int) -> list[Part]:
    """The parts that a bucket lacks: photos not seen yet, and with `retry_failed` those that could not be read."""
    stage, size = stage_name(context.settings), context.settings.embedding.photos_per_part
    failed = failed_photos(context, stage, bucket)
    if failed is not None and not (failed and context.retry_failed):
        return []
    missing = face_parts(context, bucket).missing(context.retry_failed)
    earlier = len(context.lake.results(stage, bucket)) if context.retry_failed else 0
    return [Part(stage, bucket, mark, piece) for mark, piece in split_photos(missing, size, earlier)]


def run_parts(crew: Crew, parts: Sequence[Part], bar: StageBar) -> None:
    """Feed the parts to the detectors, one each at a time, the largest first; end the actors afterwards."""
    from ray_tasks.actors import ActorPlan, start_actors  # imports torch: seconds that most commands need not wait

    ray = crew.session.ray()
    plan = ActorPlan.of(crew.session.cpus(), crew.session.gpus())
    detectors, embedders = start_actors(ray, plan, crew.lake, crew.photos, crew.settings)
    try:
        _feed(ray, detectors, sorted(parts, key=lambda part: len(part.photos)), bar)
    finally:
        for actor in [*detectors, *embedders]:
            ray.kill(actor)


def _feed(ray: Any, detectors: Sequence[Any], waiting: list[Part], bar: StageBar) -> None:
    idle = list(detectors)
    running: dict[Any, Any] = {}
    while waiting or running:
        while waiting and idle:
            actor, part = idle.pop(), waiting.pop()
            running[actor.run_part.remote(part)] = actor
        gauge(QUEUE, len(waiting), queue="parts")
        ready, _ = ray.wait(list(running), num_returns=1, timeout=POLL_S)
        for reference in ready:
            idle.append(running.pop(reference))
            with readable_errors():
                manifest = ray.get(reference)
            bar.advance(manifest.counts["photos"], manifest.counts)
            count_part(manifest.counts, bar.rate())
        bar.under_way(sum(_photos_seen(ray, actor) for actor in running.values()))


def _photos_seen(ray: Any, actor: Any) -> int:
    """The actor's counter; 0 while it starts or restarts."""
    answer = actor.photos_seen.options(concurrency_group="report").remote()
    try:
        return int(ray.get(answer, timeout=POLL_S))
    except (ray.exceptions.GetTimeoutError, ray.exceptions.RayActorError):
        return 0
