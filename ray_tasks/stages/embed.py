"""Stage 2: look at the selected photos that this model has not seen yet, and store every face.

Its results belong to a *face key*: everything that decides a face's bits (networks, calibration, how photos are read).
The faces of a bucket are parts of a few thousand photos each, committed one by one; a nightly run adds parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiling.embedding import get_model, load_calibration
from profiling.settings import Settings
from profiling.weights import MTCNN_SHA256
from ray_tasks.actors import ActorPlan, start_actors
from ray_tasks.feeding import Feeding
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.parts import Part
from ray_tasks.progress import StageBar
from ray_tasks.ray_session import RaySession
from ray_tasks.set_aside import forgive
from ray_tasks.stages.context import BuildContext
from ray_tasks.stages.face_parts import FaceParts, open_parts, split_photos
from ray_tasks.stages.looked import failed_photos, look_over

LOGIC = 3  # raise when the results of this stage change


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
        if context.retry_failed:
            for bucket in {part.bucket for part in parts}:
                forgive(context.lake, stage_name(context.settings), bucket)
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
    """Feed the parts to the detectors; end the actors afterwards."""
    with bar.starting("ray"):
        ray = crew.session.ray()
    photos = sum(len(part.photos) for part in parts)
    plan = ActorPlan.of(crew.session.cpus(), crew.session.gpus()).for_photos(photos)
    detectors, embedders = start_actors(ray, plan, crew.lake, crew.photos, crew.settings)
    try:
        with bar.starting("actors"):
            ray.wait([actor.ready.remote() for actor in embedders], num_returns=len(embedders))
            ray.wait([actor.ready.remote() for actor in detectors], num_returns=1)  # the others join when they can
        Feeding(ray, crew.lake, get_model(crew.settings.embedding.model).dim, bar).feed(detectors, parts)
    finally:
        for actor in [*detectors, *embedders]:
            ray.kill(actor)
        crew.session.workers_taken()
