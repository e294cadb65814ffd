"""A generation's tables, whole: for commands that look at a population small enough to be judged or shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from profiling.settings import Settings
from profiling.tables import faces_schema
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.stages.face_parts import FaceParts, open_parts


class GenerationTables:
    """Reads what one generation is made of; every table holds all buckets, in bucket order."""

    def __init__(self, lake: Lake, generation: Generation) -> None:
        self.lake, self.generation = lake, generation
        self.settings = Settings.model_validate(generation.settings)

    def table(self, stage: str, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One table of a stage."""
        manifests = self.generation.manifests(self.lake, stage).values()
        return pa.concat_tables([self.lake.read(m, name, columns) for m in manifests]).combine_chunks()

    def rounds(self, name: str) -> list[pa.Table]:
        """Table `scores` or `profiles` of every round."""
        return [self.table(f"score-{number}", name) for number in range(len(self.generation.rounds))]

    def faces(self, dim: int) -> pa.Table:
        """Table `faces` of all selected photos."""
        return pa.concat_tables([faces_schema(dim).empty_table(), *(parts.faces(dim) for parts in self.parts())])

    def parts(self) -> Iterator[FaceParts]:
        """The parts of every bucket, resolved for this generation's photos."""
        for bucket in range(self.lake.buckets):
            yield self.bucket_parts(bucket)

    def bucket_parts(self, bucket: int) -> FaceParts:
        """The parts of one bucket."""
        lake, of = self.lake, self.generation
        return open_parts(lake, of.faces, of.manifest(lake, "partition", bucket), of.manifest(lake, "select", bucket))
