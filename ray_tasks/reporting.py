"""Gather what a report shows: the audit, the scorer, and the stories of some users with crops of their faces."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.decoding import DecodedPhoto
from profiling.embedding import get_model
from profiling.evaluation import Truth
from profiling.evaluation.groups import label_generation
from profiling.leaders import REASONS as USER_REASONS
from profiling.refusals import REASONS as PHOTO_REASONS
from profiling.report import (
    CROP,
    ReportData,
    Unresolved,
    UserStory,
    choose_faces,
    choose_unresolved,
    choose_users,
    crop_faces,
    render_report,
    tell_unresolved,
    tell_user,
)
from profiling.small_files import replace
from profiling.tables import EVIDENCE
from ray_tasks.decoders import DecoderPool
from ray_tasks.evaluating import group_errors, judged
from ray_tasks.explaining import Explainer
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.shown import note_report


def write_report(
    lake: Lake,
    generation: Generation,
    path: Path,
    users: list[int] | None,
    count: int,
    evaluation: Mapping[str, Any] | None = None,
    truth: Truth | None = None,
) -> None:
    """Write the report of a generation to `path`.

    Parameters
    ----------
    users : whose albums to show; None chooses `count` that are worth looking at.
    evaluation : of `kith evaluate`, shown when given. truth : marks profiles and clusters as right or wrong, and shows
        errors by group.

    Raises
    ------
    LakeError
        A user that this generation does not hold.
    """
    tables = GenerationTables(lake, generation)
    teller = Teller(tables, None if truth is None else label_generation(judged(tables), truth))
    clusters = tables.table("cluster", "clusters", ["user_id"])
    chosen = users if users is not None else choose_users(teller.profiles, clusters, count)
    with DecoderPool(1, generation.population, tables.settings.decoding) as decoders:
        stories = [teller.tell(user, decoders) for user in chosen]
    unresolved = choose_unresolved(teller.profiles)
    note_report(lake, path, [*chosen, *unresolved])
    data = dataclasses.replace(
        generation_data(tables),
        stories=stories,
        unresolved=[teller.line(user) for user in unresolved],
        evaluation=evaluation,
        errors={} if truth is None else group_errors(tables, truth),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, render_report(data).encode())


def generation_data(tables: GenerationTables) -> ReportData:
    """A report of what a generation's record tells, without users; reads manifests and no table."""
    lake, generation = tables.lake, tables.generation
    scorer = generation.scorer(lake)
    return ReportData(
        title=generation.name if generation.name != generation.id else Path(generation.population).name,
        made_at=time.strftime("%Y-%m-%d %H:%M", time.localtime(generation.created)),
        model=tables.settings.embedding.model,
        scorer=scorer.id,
        audit=generation.audit,
        coefficients=[dict(zip(EVIDENCE, each, strict=True)) for each in scorer.coefficients],
        user_reasons=USER_REASONS,
        photo_reasons=PHOTO_REASONS,
        album_photos=sum(int(m.counts["photos"]) for m in generation.manifests(lake, "partition").values()),
    )


class Teller:
    """Tells users' stories out of one generation, bucket by bucket; `labels` of `label_generation`, None = no truth."""

    def __init__(self, tables: GenerationTables, labels: pa.Table | None = None) -> None:
        self._tables, self._labels = tables, labels
        self._dim = get_model(tables.settings.embedding.model).dim
        self.explainer = Explainer(tables)

    @cached_property
    def profiles(self) -> pa.Table:
        """Table `profiles` of the whole population."""
        return self._tables.table(self._tables.generation.last_round, "profiles")

    def tell(self, user: int, decoders: DecoderPool) -> UserStory:
        """One user's story."""
        bucket = self.explainer.bucket_of(user)
        faces = self._tables.bucket_parts(bucket).faces(self._dim)
        chosen = choose_faces(user, self.explainer.read("cluster", bucket, "members"), faces)
        return tell_user(
            user_id=user,
            users=self.explainer.read("partition", bucket, "users"),
            chosen=chosen,
            crops=self._crops(chosen, self.explainer.read("partition", bucket, "photos"), decoders),
            explanation=self.explainer.explain(user),
            owners=self._owners(user),
        )

    def line(self, user: int) -> Unresolved:
        """A line on a user without a profile."""
        return tell_unresolved(self.explainer.explain(user))

    def _owners(self, user: int) -> dict[int, bool] | None:
        if self._labels is None:
            return None
        mine = self._labels.filter(pc.equal(self._labels["user_id"], user))
        return dict(zip(mine["cluster"].to_pylist(), mine["owner"].to_pylist(), strict=True))

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
