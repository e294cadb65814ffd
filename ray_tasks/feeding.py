"""Parts to detectors, a bundle each at a time: what fails is tried again, and what fails three times is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from profiling.errors import KithError, RayLostError
from profiling.faces import FaceTables, FaceVectors, join_vectors
from profiling.refusals import PhotoRefused
from profiling.tallies import count_values
from ray_tasks.lake import Lake, Manifest
from ray_tasks.metrics import QUEUE, count_part, gauge
from ray_tasks.parts import Part, bundle
from ray_tasks.progress import StageBar
from ray_tasks.ray_session import readable_errors
from ray_tasks.set_aside import REASON, TRIES, note_failure

POLL_S = 0.5  # seconds between looks at the actors' counters
MOST_SET_ASIDE = 0.1  # of a run's parts, but one at least: beyond it the machines are broken, not the photos


@dataclass
class Feeding:
    """One run of parts over detectors.

    Parameters
    ----------
    dim : length of a vector, for the empty tables of a part that is set aside.
    """

    ray: Any
    lake: Lake
    dim: int
    bar: StageBar
    aside: int = 0

    def feed(self, detectors: Sequence[Any], parts: Sequence[Part]) -> None:
        """Have every part committed, the largest first; the parts of a bundle that failed go on one by one.

        Raises
        ------
        KithError
            The lake, a model or Ray is not usable, or too many parts fail.
        """
        waiting = bundle(parts, len(detectors))
        allowed = max(1, int(MOST_SET_ASIDE * len(parts))) if len(parts) > 1 else 0
        idle: list[Any] = []
        # No parts: an actor that starts, or that failed and is started again.
        running: dict[Any, tuple[Any, list[Part]]] = {actor.photos_seen.remote(): (actor, []) for actor in detectors}
        while waiting or any(begun for _, begun in running.values()):
            while waiting and idle:
                actor, begun = idle.pop(), waiting.pop()
                running[actor.run_parts.options(max_task_retries=0).remote(begun)] = actor, begun
            gauge(QUEUE, len(waiting), queue="parts")
            ready, _ = self.ray.wait(list(running), num_returns=1, timeout=POLL_S)
            for reference in ready:
                actor, begun = running.pop(reference)
                found = self._result(reference) if begun else []
                if isinstance(found, BaseException):
                    running[actor.photos_seen.remote()] = actor, []
                    again, found = self._failed(begun, found, allowed)
                    waiting[:0] = again
                else:
                    idle.append(actor)
                for manifest in found:
                    self.bar.advance(manifest.counts["photos"], manifest.counts)
                    count_part(manifest.counts, self.bar.rate())
            self.bar.under_way(sum(self._photos_seen(actor) for actor, begun in running.values() if begun))

    def _failed(
        self, parts: list[Part], failure: BaseException, allowed: int
    ) -> tuple[list[list[Part]], list[Manifest]]:
        """Count a failure: what is tried again, and what stands for a part when its failure was the last."""
        if len(parts) > 1:  # nobody knows of which part it was
            return [[part] for part in parts], []
        (part,) = parts
        tries = note_failure(self.lake, part.stage, part.bucket, part.fingerprint, failure)
        if tries < TRIES:
            return [[part]], []
        self.aside += 1
        if self.aside > allowed:
            said = type(failure).__name__
            raise RayLostError(
                f"bucket {part.bucket} of {part.stage} and others failed {TRIES} times ({said}); "
                "kith alerts LAKE says why; mend it and run again with --retry-failed"
            )
        return [], [set_aside(self.lake, part, self.dim)]

    def _result(self, reference: Any) -> list[Manifest] | BaseException:
        """A bundle's results, or what its work died of; what no other try would mend is raised."""
        exceptions = self.ray.exceptions
        try:
            with readable_errors():
                manifests: list[Manifest] = self.ray.get(reference)
        except exceptions.RayTaskError as error:
            return error.cause if isinstance(error.cause, BaseException) else error
        except RayLostError as error:
            if isinstance(error.__context__, exceptions.RayActorError):
                return error
            raise
        except KithError:
            raise
        return manifests

    def _photos_seen(self, actor: Any) -> int:
        """The actor's counter; 0 while it starts or restarts."""
        answer = actor.photos_seen.options(concurrency_group="report").remote()
        try:
            return int(self.ray.get(answer, timeout=POLL_S))
        except (self.ray.exceptions.GetTimeoutError, self.ray.exceptions.RayActorError):
            return 0


def set_aside(lake: Lake, part: Part, dim: int) -> Manifest:
    """Commit a part without having looked at it: its photos say so, and `--retry-failed` looks at them again."""
    tables = FaceTables()
    for photo_id, version in zip(part.photos.photo_ids.tolist(), part.photos.versions.tolist(), strict=True):
        tables.refuse(photo_id, version, PhotoRefused(REASON, f"The work on its part failed {TRIES} times."))
    seen = tables.seen()
    nothing: list[FaceVectors] = []
    with lake.attempt(part.stage, part.bucket, part.fingerprint) as attempt:
        attempt.write("faces", tables.faces(join_vectors(nothing, dim)))
        attempt.write("seen", seen)
        return attempt.commit({"photos": len(seen), "faces": 0, "reasons": count_values(seen["reason"])})
