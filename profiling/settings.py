"""What a run can be told: every setting with its default, unit, range and source.

A stage's fingerprint contains exactly the section that it reads, so a changed setting redoes that stage and those
after it, and nothing else.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from profiling.errors import SettingsError

BroadStep = Annotated[int, Field(ge=1, le=2000)]  # photos, as SelectionSettings.photos_per_user
Precision = Literal["float32", "bfloat16"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PartitionSettings(_Section):
    """Stage 0."""

    friends_per_user: int = Field(200, ge=1, le=5000, description="friends kept a user; those tagged together first")


class SelectionSettings(_Section):
    """Stage 1: the order of magnitude of the weights matters, not the digits."""

    photos_per_user: int = Field(100, ge=1, le=2000, description="photos; OK.ru built profiles from the best 100")
    photos_per_hour: int = Field(
        10, ge=1, le=2000, description="photos of one hour while others remain: bursts say little"
    )
    broaden: tuple[BroadStep, ...] = Field(
        (200, 400), max_length=8, description="photos a user without a leader gets next, and next; empty = off"
    )
    tagged: float = Field(4.0, ge=0, le=100, description="weight of a photo with a tag that was not rejected")
    avatar: float = Field(3.0, ge=0, le=100, description="weight of a photo that was once the profile picture")
    camera: float = Field(2.0, ge=0, le=100, description="weight of a photo whose camera is known")
    resolution: float = Field(1.0, ge=0, le=100, description="weight of full resolution (1 megapixel and more)")


class DecodingSettings(_Section):
    """How photos are read, and when they are refused."""

    max_bytes: int = Field(64 << 20, ge=1 << 10, description="bytes of a file; larger ones are refused")
    max_pixels: int = Field(
        100_000_000, ge=1 << 10, le=178_956_970, description="pixels by the header; Pillow's bomb limit"
    )
    min_side: int = Field(20, ge=1, le=1000, description="pixels of the shorter side; MTCNN finds no face on less")
    max_side: int = Field(1024, ge=64, le=8192, description="pixels; larger photos are scaled down while decoding")
    timeout_s: float = Field(30.0, gt=0, le=600, description="seconds a decoder may take for one photo")
    memory_mb: int = Field(1536, ge=512, description="MiB of address space a decoder may take; 280 are its libraries")


class DetectionSettings(_Section):
    """MTCNN (Zhang et al. 2016)."""

    min_face: int = Field(20, ge=12, le=500, description="pixels of the decoded photo; the smallest face looked for")
    factor: float = Field(0.709, gt=0.3, lt=0.95, description="step of the image pyramid")
    thresholds: tuple[float, float, float] = Field((0.6, 0.7, 0.7), description="scores the three networks must reach")
    stage1_candidates: int = Field(200, ge=1, le=10000, description="kept a photo; OK.ru: worst photo 1.5 s -> 0.35 s")


class EmbeddingSettings(_Section):
    """Which network, and how it runs."""

    model: str = Field("dlib", min_length=1, description="id in the model registry (kith models list)")
    precision: Precision = Field("float32", description="arithmetic of all networks")
    photos_per_part: int = Field(2000, ge=1, le=100_000, description="photos a part file: what one kill can cost")


class PeopleSettings(_Section):
    """Age and gender from the graph."""

    trusted_gap: int = Field(
        5, ge=0, le=50, description="years a stated birth year may lie off the friends' and be trusted"
    )
    min_friends: int = Field(3, ge=1, le=100, description="friends with a year before their years count")
    min_confidence: float = Field(0.5, ge=0, le=1, description="below it age or gender is unknown")


class ClusteringSettings(_Section):
    """Which faces count, and DBSCAN."""

    eps: float | None = Field(None, gt=0, lt=2, description="cosine distance; null = the model's calibrated curve")
    min_samples: int = Field(2, ge=1, le=50, description="photos that make a cluster's core")
    min_score: float = Field(0.9, ge=0, le=1, description="detection score below which a face is left out")
    nonface_cut: float | None = Field(None, ge=0, le=2, description="L2 to non-face centroids; null = the model's")
    duplicate_bits: int = Field(4, ge=0, le=16, description="bits by which perceptual hashes of one picture may differ")
    viral_owners: int = Field(20, ge=2, description="owners who do not know each other whose albums make a photo viral")


class ScoringSettings(_Section):
    """Evidence, leader and rounds."""

    rounds: int = Field(4, ge=0, le=50, description="R: rounds after round 0 at most")
    moved_cosine: float = Field(0.999, gt=0, le=1, description="a profile below this cosine to its last one has moved")
    moved_share: float = Field(0.001, ge=0, le=1, description="stop when fewer users than this share move")
    margin: float | None = Field(None, ge=0, description="weight; null = the scorer's learned margin")
    precision: float | None = Field(
        None,
        ge=0.5,
        le=1,
        description="profiles that are their owner's, of all; null = what the scorer was trained for",
    )
    scorer: str | None = Field(None, description="file of a trained scorer; null = the one shipped for the model")

    @model_validator(mode="after")
    def _one_margin(self) -> Self:
        if self.margin is not None and self.precision is not None:
            raise ValueError("margin and precision both say how far a leader must lead; give one of them")
        return self


class AuditSettings(_Section):
    """Gates: a generation that fails one is kept, but not published without a person's approval."""

    min_coverage: float = Field(0.5, ge=0, le=1, description="users with a profile, of those with a cluster")
    max_failed_photos: float = Field(0.1, ge=0, le=1, description="photos that could not be read, of those selected")
    max_set_aside: float = Field(
        0.001, ge=0, le=1, description="photos set aside after three failures of their part, of those selected"
    )
    max_hub_share: float = Field(0.01, ge=0, le=1, description="users whose profile is a hub, of users with a profile")
    hub_users: int = Field(10, ge=1, description="other users with one's face that make a hub; families explain fewer")
    hub_cosine: float = Field(0.98, ge=0, le=1, description="profiles of two users nearer than this are one face")
    max_repeated_faces: float = Field(0.1, ge=0, le=1, description="faces with another picture's vector, of all faces")
    max_lost_share: float = Field(0.05, ge=0, le=1, description="users who lost their profile, of those who had one")
    max_replaced_share: float = Field(0.05, ge=0, le=1, description="profiles that show another face than before")
    fairness_users: int = Field(30, ge=1, description="users with a cluster that make a group worth comparing")
    max_coverage_gap: float = Field(0.1, ge=0, le=1, description="coverage of the best served group less the worst's")


class StoreSettings(_Section):
    """Publishing into a profile store, and what stays there."""

    deltas: int = Field(14, ge=0, le=365, description="deltas on a base; then a publish writes a new base")
    canary_users: int = Field(2000, ge=1, description="users read back and compared before the pointer moves")
    keep_generations: int = Field(7, ge=1, description="newest generations that stay whatever their age")
    keep_days: float = Field(7.0, ge=0, description="days up to which other generations stay")
    grace_s: float = Field(3600.0, ge=0, description="seconds readers may hold what they pinned before anything goes")


class ForgettingSettings(_Section):
    """What happens to those who ask to be forgotten."""

    days: float = Field(7.0, gt=0, le=30, description="days from hiding a person to the physical erasure, at most")


class RetentionSettings(_Section):
    """What a lake keeps."""

    generations: int = Field(3, ge=1, description="newest generations of a lake that stay whatever their age")
    days: float = Field(30.0, ge=0, description="days up to which other generations and their results stay")
    faces_days: float = Field(
        90.0, ge=0, description="days at most that faces stay whose photo no kept generation selects"
    )


class Settings(_Section):
    """All settings of a run, by stage."""

    partition: PartitionSettings = PartitionSettings()
    selection: SelectionSettings = SelectionSettings()
    decoding: DecodingSettings = DecodingSettings()
    detection: DetectionSettings = DetectionSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    people: PeopleSettings = PeopleSettings()
    clustering: ClusteringSettings = ClusteringSettings()
    scoring: ScoringSettings = ScoringSettings()
    audit: AuditSettings = AuditSettings()
    store: StoreSettings = StoreSettings()
    forgetting: ForgettingSettings = ForgettingSettings()
    retention: RetentionSettings = RetentionSettings()


def load_settings(
    path: Path | None = None, changes: dict[str, str] | None = None, base: dict[str, dict[str, Any]] | None = None
) -> Settings:
    """Settings of a base, changed by a TOML file and by `section.name` -> text changes, the latter winning.

    Parameters
    ----------
    base : as `Settings.model_dump` gives them; None = the defaults.

    Raises
    ------
    SettingsError
        One line: the file, the setting and what is wrong with it.
    """
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(
                f"{path}: cannot be read as TOML ({error}); give a file of [section] and name = value"
            ) from None
    values: dict[str, Any] = {name: dict(section) for name, section in (base or {}).items()}
    for name, section in given.items():
        known = values.get(name, {})
        values[name] = known | section if isinstance(section, dict) else section
    for key, text in (changes or {}).items():
        group, dot, name = key.partition(".")
        if not dot:
            raise SettingsError(f"setting {key!r}: name it as section.name, for example clustering.eps")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        values.setdefault(group, {})[name] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"setting {where}: {first['msg']} (got {first['input']!r}); see README, 'Settings'"
        ) from None
