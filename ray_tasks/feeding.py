"""Parts to detectors, one each at a time: what fails is tried again, and what fails three times is set aside."""

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
from ray_tasks.parts import Part
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
        """Have every part committed, the largest first.

        Raises
        ------
        KithError
            The lake, a model or Ray is not usable, or too many parts fail.
        """
        waiting = sorted(parts, key=lambda part: len(part.photos))
        allowed = max(1, int(MOST_SET_ASIDE * len(parts))) if len(parts) > 1 else 0
        idle = list(detectors)
        running: dict[Any, tuple[Any, Part | None]] = {}  # None: the actor that failed is waited for
        while waiting or any(part is not None for _, part in running.values()):
            while waiting and idle:
                actor, part = idle.pop(), waiting.pop()
                running[actor.run_part.options(max_task_retries=0).remote(part)] = actor, part
            gauge(QUEUE, len(waiting), queue="parts")
            ready, _ = self.ray.wait(list(running), num_returns=1, timeout=POLL_S)
            for reference in ready:
                actor, begun = running.pop(reference)
                found = None if begun is None else self._result(reference)
                if begun is not None and isinstance(found, BaseException):
                    running[actor.photos_seen.remote()] = actor, None
                    found = self._failed(begun, found, allowed)
                    if found is None:
                        waiting.insert(0, begun)
                else:
                    idle.append(actor)
                if isinstance(found, Manifest):
                    self.bar.advance(found.counts["photos"], found.counts)
                    count_part(found.counts, self.bar.rate())
            self.bar.under_way(sum(self._photos_seen(actor) for actor, at in running.values() if at is not None))

    def _failed(self, part: Part, failure: BaseException, allowed: int) -> Manifest | None:
        """Count a failure; what stands for the part when it was the last."""
        tries = note_failure(self.lake, part.stage, part.bucket, part.fingerprint, failure)
        if tries < TRIES:
            return None
        self.aside += 1
        if self.aside > allowed:
            said = type(failure).__name__
            raise RayLostError(
                f"bucket {part.bucket} of {part.stage} and others failed {TRIES} times ({said}); "
                "kith alerts LAKE says why; mend it and run again with --retry-failed"
            )
        return set_aside(self.lake, part, self.dim)

    def _result(self, reference: Any) -> Manifest | BaseException:
        """A part's result, or what its work died of; what no other try would mend is raised."""
        exceptions = self.ray.exceptions
        try:
            with readable_errors():
                manifest: Manifest = self.ray.get(reference)
        except exceptions.RayTaskError as error:
            return error.cause if isinstance(error.cause, BaseException) else error
        except RayLostError as error:
            if isinstance(error.__context__, exceptions.RayActorError):
                return error
            raise
        except KithError:
            raise
        return manifest

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
