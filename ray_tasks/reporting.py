"""Gather what a report shows: the audit, the scorer, and the stories of some users with crops of their faces."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.co_occurrence import add_across
from profiling.decoding import DecodedPhoto
from profiling.embedding import get_model
from profiling.errors import LakeError
from profiling.leaders import REASONS as USER_REASONS
from profiling.refusals import REASONS as PHOTO_REASONS
from profiling.report import (
    CROP,
    ReportData,
    UserStory,
    choose_faces,
    choose_users,
    crop_faces,
    render_report,
    tell_user,
)
from profiling.scorer import Scorer
from profiling.settings import Settings
from profiling.tables import EVIDENCE
from ray_tasks.decoders import DecoderPool
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.small_files import replace


def write_report(
    lake: Lake,
    generation: Generation,
    path: Path,
    users: list[int] | None,
    count: int,
    evaluation: Mapping[str, Any] | None = None,
) -> None:
    """Write the report of a generation to `path`.

    Parameters
    ----------
    users : whose albums to show; None chooses `count` that are worth looking at.
    evaluation : of `kith evaluate`, shown when given.

    Raises
    ------
    LakeError
        A user that this generation does not hold.
    """
    tables = GenerationTables(lake, generation)
    scorer = generation.scorer(lake)
    teller = _Teller(tables, scorer, len(generation.rounds) - 1)
    clusters = tables.table("cluster", "clusters")
    chosen = users if users is not None else choose_users(teller.profiles, clusters, count)
    with DecoderPool(1, generation.population, tables.settings.decoding) as decoders:
        stories = [teller.tell(user, decoders) for user in chosen]
    photos = sum(int(m.counts["photos"]) for m in generation.manifests(lake, "partition").values())
    data = ReportData(
        title=generation.name if generation.name != generation.id else Path(generation.population).name,
        made_at=time.strftime("%Y-%m-%d %H:%M", time.localtime(generation.created)),
        model=tables.settings.embedding.model,
        scorer=scorer.id,
        audit=generation.audit,
        coefficients=[dict(zip(EVIDENCE, each, strict=True)) for each in scorer.coefficients],
        user_reasons=USER_REASONS,
        photo_reasons=PHOTO_REASONS,
        stories=stories,
        evaluation=evaluation,
        album_photos=photos,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, render_report(data).encode())


class _Teller:
    """Tells users' stories out of one generation, bucket by bucket."""

    def __init__(self, tables: GenerationTables, scorer: Scorer, last_round: int) -> None:
        self._tables, self._scorer, self._round = tables, scorer, last_round
        self._settings: Settings = tables.settings
        self._dim = get_model(tables.settings.embedding.model).dim
        self.profiles = tables.table(tables.generation.last_round, "profiles")

    def tell(self, user: int, decoders: DecoderPool) -> UserStory:
        """One user's story."""
        lake, generation = self._tables.lake, self._tables.generation
        bucket = int(lake.bucket_of(np.array([user], np.int64))[0])

        def read(stage: str, table: str) -> pa.Table:
            return lake.read(generation.manifest(lake, stage, bucket), table)

        users = read("partition", "users")
        if user not in set(users["user_id"].to_pylist()):
            raise LakeError(f"user {user}: generation {generation.id} holds no such user; check --user")
        clusters = add_across(read("cluster", "clusters"), read("co_occurrence", "co_occurrence"))
        scores = read(generation.last_round, "scores")
        faces = self._tables.bucket_parts(bucket).faces(self._dim)
        chosen = choose_faces(user, read("cluster", "members"), faces)
        margin = self._settings.scoring.margin
        return tell_user(
            user_id=user,
            users=users,
            profiles=read(generation.last_round, "profiles"),
            clusters=clusters,
            scores=scores,
            chosen=chosen,
            crops=self._crops(chosen, read("partition", "photos"), decoders),
            contributions=self._contributions(user, clusters, scores),
            asked_margin=self._scorer.margin if margin is None else margin,
        )

    def _contributions(self, user: int, clusters: pa.Table, scores: pa.Table) -> dict[int, dict[str, float]]:
        mine = pc.equal(clusters["user_id"], user)
        clusters, scores = clusters.filter(mine), scores.filter(pc.equal(scores["user_id"], user))
        columns = [clusters[name] if name in clusters.column_names else scores[name] for name in EVIDENCE]
        matrix = np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1)
        parts = self._scorer.contributions(matrix, self._round)
        numbers = clusters["cluster"].to_pylist()
        return {
            number: dict(zip(EVIDENCE, map(float, row), strict=True))
            for number, row in zip(numbers, parts, strict=True)
        }

    def _crops(self, chosen: pa.Table, photos: pa.Table, decoders: DecoderPool) -> npt.NDArray[np.uint8]:
        """Thumbnails of the chosen faces; grey where a photo cannot be read any more."""
        crops = np.full((len(chosen), CROP, CROP, 3), 127, np.uint8)
        ids = chosen["photo_id"].to_numpy()
        wanted = np.unique(ids)
        uris = dict(zip(photos["photo_id"].to_pylist(), photos["uri"].to_pylist(), strict=True))
        boxes = np.stack([chosen[name].to_numpy() for name in "xywh"], axis=1)
        for index, photo in decoders.decode([uris[int(photo_id)] for photo_id in wanted]):
            if isinstance(photo, DecodedPhoto):
                rows = np.flatnonzero(ids == wanted[index])
                crops[rows] = crop_faces(photo.pixels, boxes[rows])
        return crops
