"""What the stages of one build share: the lake, the settings, and what is committed so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from profiling.settings import Settings
from ray_tasks.base import Base
from ray_tasks.frozen import Frozen
from ray_tasks.generations import Generation
from ray_tasks.jobs import BucketJob, split_done
from ray_tasks.lake import Lake, Manifest
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession
from ray_tasks.user_choice import UserChoice

Manifests = dict[int, Manifest]  # by bucket


@dataclass
class BuildContext:
    """One build on its way: `manifests` holds, by stage and bucket, the results that later stages read.

    `choice` says about whom it is (None = all users), `kept` whose selection the others keep (reselect.py). Not a bit
    of the results depends on `base` or `earlier`, only what they cost.
    """

    lake: Lake
    population: str
    settings: Settings
    session: RaySession
    progress: RunProgress
    retry_failed: bool = False  # look again at photos that could not be read
    manifests: dict[str, Manifests] = field(default_factory=dict)
    step: str = ""  # of broadening, behind the names of its stages
    choice: UserChoice | None = None
    kept: Generation | None = None
    base: Base | None = None  # the generation whose results may be copied
    frozen: Frozen | None = None  # artefacts to be used instead of new ones
    earlier: list[dict[str, Manifests]] = field(default_factory=list)  # `manifests` before each step of broadening

    def run(self, stage: str, jobs: Sequence[BucketJob]) -> Manifests:
        """Run the jobs of a stage that are not committed yet, and file all results under `stage`."""
        self.lake.hiding.look_again()
        done, remaining = split_done(self.lake, jobs)
        remaining = [replace(job, earlier=(*job.earlier, *self._earlier(job))) for job in remaining]
        with self.progress.stage(self.title(stage), total=len(jobs), unit="buckets", done=len(done)) as bar:
            for manifest in done.values():
                bar.tell(manifest.counts)
            if remaining:
                with bar.starting("ray"):
                    self.session.ray()
                with bar.starting("workers"):
                    self.session.wake(remaining)
                done |= self.session.run(self.lake, remaining, lambda manifest: bar.advance(1, manifest.counts))
        self.lake.hiding.look_again()  # what was committed last may lack somebody
        self.manifests[stage] = dict(sorted(done.items()))
        return self.manifests[stage]

    def title(self, stage: str) -> str:
        """What a stage is called for people: in a step of broadening it runs once more."""
        return f"{stage}{self.step}"

    def _earlier(self, job: BucketJob) -> list[Manifest]:
        """Results that a job may copy from, those of this build first, each once."""
        steps = [step[job.stage][job.bucket] for step in reversed(self.earlier) if job.stage in step]
        found = [*steps, *(self.base.results(job.stage, job.bucket) if self.base is not None else [])]
        known = {each.fingerprint: each for each in reversed(found) if each not in job.earlier}
        return list(reversed(known.values()))

    def inputs(self, bucket: int, *stages: str) -> dict[str, Manifest]:
        """The committed results of a bucket that a job reads."""
        return {stage: self.manifests[stage][bucket] for stage in stages}

    def users(self) -> int:
        """Users of the population, those without consent included."""
        return sum(int(manifest.counts["users"]) for manifest in self.manifests["partition"].values())


def fingerprints(manifests: Mapping[str, Manifest]) -> dict[str, str]:
    """The fingerprints of a job's inputs, as part of its own."""
    return {stage: manifest.fingerprint for stage, manifest in manifests.items()}
