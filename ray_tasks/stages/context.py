"""What the stages of one build share: the lake, the settings, and what is committed so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from profiling.settings import Settings
from ray_tasks.jobs import BucketJob, split_done
from ray_tasks.lake import Lake, Manifest
from ray_tasks.progress import RunProgress
from ray_tasks.ray_session import RaySession

Manifests = dict[int, Manifest]  # by bucket


@dataclass
class BuildContext:
    """One build on its way: `manifests` holds, by stage and bucket, the results that later stages read."""

    lake: Lake
    population: str
    settings: Settings
    session: RaySession
    progress: RunProgress
    retry_failed: bool = False  # look again at photos that could not be read
    manifests: dict[str, Manifests] = field(default_factory=dict)
    step: str = ""  # of broadening, behind the names of its stages

    def run(self, stage: str, jobs: Sequence[BucketJob]) -> Manifests:
        """Run the jobs of a stage that are not committed yet, and file all results under `stage`."""
        self.lake.hiding.look_again()
        done, remaining = split_done(self.lake, jobs)
        with self.progress.stage(self.title(stage), total=len(jobs), unit="buckets", done=len(done)) as bar:
            for manifest in done.values():
                bar.tell(manifest.counts)
            if remaining:
                with bar.starting("ray"):
                    self.session.ray()
                done |= self.session.run(self.lake, remaining, lambda manifest: bar.advance(1, manifest.counts))
        self.lake.hiding.look_again()  # what was committed last may lack somebody
        self.manifests[stage] = dict(sorted(done.items()))
        return self.manifests[stage]

    def title(self, stage: str) -> str:
        """What a stage is called for people: in a step of broadening it runs once more."""
        return f"{stage}{self.step}"

    def inputs(self, bucket: int, *stages: str) -> dict[str, Manifest]:
        """The committed results of a bucket that a job reads."""
        return {stage: self.manifests[stage][bucket] for stage in stages}

    def users(self) -> int:
        """Users of the population, those without consent included."""
        return sum(int(manifest.counts["users"]) for manifest in self.manifests["partition"].values())


def fingerprints(manifests: Mapping[str, Manifest]) -> dict[str, str]:
    """The fingerprints of a job's inputs, as part of its own."""
    return {stage: manifest.fingerprint for stage, manifest in manifests.items()}
