"""The actors of the embed stage: detectors with their decoders, and embedders, of which there may be fewer.

They only load weights, call the pipeline and commit; a photo's bits do not depend on which actor sees it. They import
torch as they start, for the command that starts them needs none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.embedding import get_model
from profiling.faces import FaceVectors
from profiling.settings import Precision, Settings
from profiling.tallies import count_values
from ray_tasks.decoders import DecoderPool
from ray_tasks.lake import Lake, Manifest
from ray_tasks.metrics import BusyShare
from ray_tasks.parts import Part, join_photos

DECODERS_A_DETECTOR = 1  # processes; a decoder keeps 5 to 10 detectors of one thread busy
DETECTORS_A_GPU = 6  # detectors that share one GPU, at most: they wait for decoders and for their own Python
CPUS_A_DETECTOR = 0.75  # logical; the rest of each CPU goes to the embedders
PHOTOS_A_DETECTOR = 64  # while a detector starts, one that runs looks at about as many
EMBEDDER_GPU = 0.4  # of a GPU; the detectors on it share the rest


def one_thread() -> None:
    """Let torch use one thread: parallelism comes from actors, and one thread wastes nothing."""
    import torch

    torch.set_num_threads(1)


class EmbedActor:
    """Turns chips into vectors on one GPU, or on CPU threads."""

    def __init__(self, model: str, device: str, precision: Precision, name: str) -> None:
        from ray_tasks.photo_pipeline import LocalEmbedding

        one_thread()
        self._embedding = LocalEmbedding(model, device, precision)
        self._busy = BusyShare(name, device)

    def embed(self, chips: npt.NDArray[np.uint8]) -> FaceVectors:
        """uint8 [n, size, size, 3] RGB chips to their vectors."""
        with self._busy.computing():
            return self._embedding.submit(chips)

    def ready(self) -> bool:
        """True once the weights are loaded."""
        return True


class RemoteEmbedding:
    """An embed actor, found by its name, as a detector sees it."""

    def __init__(self, name: str) -> None:
        import ray

        self._actor = ray.get_actor(name)

    def submit(self, chips: npt.NDArray[np.uint8]) -> Any:
        """Send chips; the ticket is Ray's reference."""
        return self._actor.embed.remote(chips)

    def collect(self, ticket: Any) -> FaceVectors:
        """Wait for the vectors."""
        import ray

        vectors: FaceVectors = ray.get(ticket)
        return vectors


class DetectActor:
    """Decodes and detects photos of parts, sends chips to its embedder, and commits each part."""

    def __init__(
        self, lake: str, epoch: int | None, population: str, sections: dict[str, Any], device: str, embedder: str
    ) -> None:
        from profiling.detection import Detector
        from ray_tasks.photo_pipeline import PhotoPipeline

        one_thread()
        settings = Settings.model_validate(sections)
        self._lake = Lake.open(lake, epoch)
        self._seen = 0
        entry = get_model(settings.embedding.model)
        decoders = DecoderPool(DECODERS_A_DETECTOR, population, settings.decoding)
        detector = Detector.load(settings.detection, device, settings.embedding.precision)
        self._pipeline = PhotoPipeline(decoders, detector, RemoteEmbedding(embedder), entry.chip, entry.dim)

    def run_parts(self, parts: Sequence[Part]) -> list[Manifest]:
        """Look at the photos of parts and commit their faces, but for parts that an earlier try committed."""
        found = [self._lake.find(part.stage, part.bucket, part.fingerprint) for part in parts]
        missing = [part for part, manifest in zip(parts, found, strict=True) if manifest is None]
        made = iter(self._look(missing) if missing else [])
        return [next(made) if manifest is None else manifest for manifest in found]

    def _look(self, parts: Sequence[Part]) -> list[Manifest]:
        """Look at the photos of all parts in one stream."""
        self._seen = 0
        faces, seen = self._pipeline.look(join_photos(parts), self._note)
        manifests, photos_before, faces_before = [], 0, 0
        for part in parts:
            mine = seen.slice(photos_before, len(part.photos))
            count = sum(mine["faces"].to_pylist())
            manifests.append(self._commit(part, faces.slice(faces_before, count), mine))
            photos_before, faces_before = photos_before + len(mine), faces_before + count
        self._seen = 0
        return manifests

    def _commit(self, part: Part, faces: pa.Table, seen: pa.Table) -> Manifest:
        with self._lake.attempt(part.stage, part.bucket, part.fingerprint) as attempt:
            attempt.write("faces", faces)
            attempt.write("seen", seen)
            counts = {"photos": len(seen), "faces": len(faces), "reasons": count_values(seen["reason"])}
            return attempt.commit(counts)

    def ready(self) -> bool:
        """True once weights are loaded and decoders run."""
        return True

    def photos_seen(self) -> int:
        """Photos in hand that are done; answered while their parts run."""
        return self._seen

    def _note(self, photos: int) -> None:
        self._seen = photos


@dataclass(frozen=True)
class ActorPlan:
    """How many actors, on what: detectors and embedders in proportion to the cluster's CPUs and GPUs."""

    detectors: int
    embedders: int
    detector_options: dict[str, Any]
    embedder_options: dict[str, Any]
    device: str

    @classmethod
    def of(cls, cpus: int, gpus: int) -> ActorPlan:
        """On CPUs one detector a CPU and one embedder for every four; on GPUs one embedder each."""
        if gpus:
            detectors = max(gpus, min(cpus, gpus * DETECTORS_A_GPU))
            share = round((1 - EMBEDDER_GPU) * gpus / detectors - 0.005, 2)
            on = {"num_cpus": min(1.0, cpus / (detectors + gpus)), "num_gpus": share}
            return cls(detectors, gpus, on, {"num_cpus": 0, "num_gpus": EMBEDDER_GPU}, "cuda")
        embedders = max(1, cpus // 4)
        share = (1 - CPUS_A_DETECTOR) * cpus / embedders
        return cls(cpus, embedders, {"num_cpus": CPUS_A_DETECTOR}, {"num_cpus": share}, "cpu")

    def for_photos(self, photos: int) -> ActorPlan:
        """No more detectors than so many photos are worth; embedders for these."""
        detectors = min(self.detectors, max(1, -(-photos // PHOTOS_A_DETECTOR)))
        return replace(self, detectors=detectors, embedders=min(self.embedders, detectors))


def start_actors(
    ray: Any, plan: ActorPlan, lake: Lake, population: str, settings: Settings
) -> tuple[list[Any], list[Any]]:
    """Start the detectors and embedders, named as the dashboard shows them; they restart when they die."""
    embed = ray.remote(EmbedActor)
    detect = ray.remote(concurrency_groups={"report": 1})(DetectActor)
    lasting = {"max_restarts": -1, "max_task_retries": 3}
    wanted = settings.embedding
    names = [f"embed-{k}-{lake.epoch}" for k in range(plan.embedders)]
    embedders = [
        embed.options(name=name, **lasting, **plan.embedder_options).remote(
            wanted.model, plan.device, wanted.precision, f"embed-{k}"
        )
        for k, name in enumerate(names)
    ]
    given = (str(lake.folder), lake.epoch, population, settings.model_dump(), plan.device)
    detectors = [
        detect.options(name=f"detect-{k}-{lake.epoch}", **lasting, **plan.detector_options).remote(
            *given, names[k % plan.embedders]
        )
        for k in range(plan.detectors)
    ]
    return detectors, embedders
