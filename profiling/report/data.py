"""What a report is made of: the audit and evaluation as they are, and the stories of some users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_FACES = 100  # of a user in the report; about 2.5 kB each
CROP = 72  # pixels a side of a thumbnail


@dataclass(frozen=True)
class ClusterStory:
    """One cluster of an album: its size, its weight, what each evidence added to the weight, and the evidence itself.

    `owner` says whether the cluster is the owner's by the truth; None where there is none. `notes` are sentences on
    its nearest friend and on what bars it.
    """

    cluster: int
    faces: int
    photos: int
    weight: float
    contributions: Mapping[str, float] = field(default_factory=dict)
    evidence: Mapping[str, float] = field(default_factory=dict)
    owner: bool | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class UserStory:
    """One user's album as the report tells it.

    `photo_ids`, `faces` and `labels` (cluster of each face, -1 = none) are int arrays [n] with n <= MAX_FACES, `crops`
    uint8 [n, 72, 72, 3], `vectors` unit embeddings [n, dim]. `verdict` is the decision in a sentence, `changes` are
    sentences on what would have changed it, `intercept` is the weight of a cluster average in everything. `facts` are
    short (label, text) pairs, already worded. `right` says whether the profile is the owner's by the truth, None where
    there is no truth or no profile.
    """

    user_id: int
    name: str
    reason: str
    leader: int
    second: int
    verdict: str
    clusters: Sequence[ClusterStory]
    photo_ids: npt.NDArray[np.int64]
    faces: npt.NDArray[np.integer]
    labels: npt.NDArray[np.integer]
    crops: npt.NDArray[np.uint8]
    vectors: npt.NDArray[np.floating]
    changes: Sequence[str] = ()
    intercept: float = 0.0
    facts: Sequence[tuple[str, str]] = ()
    right: bool | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.photo_ids), len(self.faces), len(self.labels), len(self.crops), len(self.vectors)}
        if len(lengths) > 1:
            raise ValueError(f"story of user {self.user_id}: arrays of lengths {sorted(lengths)}")
        if len(self.labels) > MAX_FACES:
            raise ValueError(f"story of user {self.user_id}: {len(self.labels)} faces, at most {MAX_FACES} are shown")
        if self.crops.shape[1:] != (CROP, CROP, 3):
            raise ValueError(
                f"story of user {self.user_id}: crops of shape {self.crops.shape[1:]}, not {CROP}x{CROP}x3"
            )


@dataclass(frozen=True)
class Unresolved:
    """A user without a profile: how near the heaviest cluster came, and what would have changed it, in sentences.

    `margin` is its lead over the runner-up and over "nobody", the smaller of both, NaN without clusters. `found` says
    in words what the album held.
    """

    user_id: int
    reason: str
    cluster: int
    margin: float
    asked: float
    found: str
    change: str


@dataclass(frozen=True)
class ReportData:
    """All of a report.

    `audit` is of `audit.combine`, `evaluation` of `evaluation.evaluate` (None without truth), `errors` of
    `evaluation.groups.errors_by_group`. `coefficients` holds the
    scorer's standardised coefficients by evidence, one mapping a round (entry 0 = round 0, the last = all later).
    `user_reasons` and `photo_reasons` map codes to sentences. `unresolved` are users without a profile, some of each
    reason. `album_photos` counts all photos of the albums.
    """

    title: str
    made_at: str
    model: str
    scorer: str
    audit: Mapping[str, Any]
    coefficients: Sequence[Mapping[str, float]] = ()
    user_reasons: Mapping[str, str] = field(default_factory=dict)
    photo_reasons: Mapping[str, str] = field(default_factory=dict)
    stories: Sequence[UserStory] = ()
    unresolved: Sequence[Unresolved] = ()
    evaluation: Mapping[str, Any] | None = None
    errors: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    album_photos: int | None = None
    notes: Sequence[str] = ()
