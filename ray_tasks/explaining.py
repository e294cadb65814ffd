"""Explain users of one generation, bucket by bucket."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.co_occurrence import add_across
from profiling.errors import LakeError
from profiling.explaining import Explanation, explain_user, usual_values
from profiling.explaining.scenarios import Usual
from profiling.tables import BASE_EVIDENCE
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.stages.partition_rows import open_user_ids, rows_mark

NO_FRIEND = -1  # row of the nearest friend where there is none
SAMPLE = 2000  # clusters that say what is usual; buckets are random samples of users, and are read until there are such


class Explainer:
    """Explains users of one generation after one of its rounds; reads a user's bucket and nothing else of theirs."""

    def __init__(self, tables: GenerationTables, round_number: int | None = None) -> None:
        """Get ready to explain `round_number`, None = the last.

        Raises
        ------
        LakeError
            The generation has no such round.
        """
        self._tables, self._lake, self._generation = tables, tables.lake, tables.generation
        rounds = len(self._generation.rounds)
        self.round = rounds - 1 if round_number is None else round_number
        if not 0 <= self.round < rounds:
            raise LakeError(
                f"round {round_number}: generation {self._generation.id} has rounds 0 to {rounds - 1}; check --round"
            )
        self.scorer = self._generation.scorer(self._lake)

    def bucket_of(self, user: int) -> int:
        """The bucket that a user is in.

        Raises
        ------
        LakeError
            The generation holds no such user.
        """
        bucket = int(self._lake.bucket_of(np.array([user], np.int64))[0])
        if user not in set(self.read("partition", bucket, "users")["user_id"].to_pylist()):
            raise LakeError(f"user {user}: generation {self._generation.id} holds no such user; check the id")
        return bucket

    def read(self, stage: str, bucket: int, table: str) -> pa.Table:
        """One table of a bucket."""
        return self._lake.read(self._generation.manifest(self._lake, stage, bucket), table)

    def clusters(self, bucket: int) -> pa.Table:
        """Table `clusters` of a bucket with the columns that friends' albums add."""
        clusters = self.read("cluster", bucket, "clusters")
        if "co_occurrence" not in self._generation.stages:  # a generation older than this evidence
            return clusters
        return add_across(clusters, self.read("co_occurrence", bucket, "co_occurrence"))

    def explain(self, user: int) -> Explanation:
        """One user's explanation."""
        bucket = self.bucket_of(user)
        last = self.read(f"score-{self.round - 1}", bucket, "profiles") if self.round else None
        user_ids = open_user_ids(self._lake, rows_mark(self._generation.manifests(self._lake, "partition")))
        return explain_user(
            user_id=user,
            users=self.read("partition", bucket, "users"),
            clusters=self.clusters(bucket),
            members=self.read("cluster", bucket, "members"),
            seen=self.read("cluster", bucket, "looked"),
            selection=self.read("select", bucket, "selection"),
            scores=self._scores(bucket, user_ids),
            profiles=self.read(f"score-{self.round}", bucket, "profiles"),
            last=last,
            scorer=self.scorer,
            round_number=self.round,
            margin=self._tables.settings.scoring.margin,
            user_ids=user_ids,
            usual=self.usual,
        )

    def _scores(self, bucket: int, user_ids: npt.NDArray[np.int64]) -> pa.Table:
        """Table `scores` of a bucket; a friend who is forgotten is named nowhere."""
        scores = self.read(f"score-{self.round}", bucket, "scores")
        place = scores.schema.get_field_index("nearest_friend_row")
        rows = scores["nearest_friend_row"].fill_null(NO_FRIEND).to_numpy()
        named = np.maximum(rows, 0)
        gone = (rows >= 0) & self._lake.hiding.ledger.holds(np.asarray(user_ids[named]))
        if not gone.any():
            return scores
        kept = pa.array(np.where(gone, NO_FRIEND, rows), scores.schema.field(place).type)
        return scores.set_column(place, scores.schema.field(place), kept)

    @cached_property
    def usual(self) -> Usual:
        """What is usual in this population."""
        wanted = {"user_id", "cluster", *BASE_EVIDENCE}
        clusters, scores, rows = [], [], 0
        for bucket in range(self._lake.buckets):
            there = self.clusters(bucket)
            clusters.append(there.select([name for name in there.column_names if name in wanted]))
            scores.append(self.read(f"score-{self.round}", bucket, "scores"))
            rows += len(there)
            if rows >= SAMPLE:
                break
        return usual_values(pa.concat_tables(clusters), pa.concat_tables(scores))
