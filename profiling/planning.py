"""Hours, nodes, bytes and the bottleneck of a build, computed from what its parts cost.

A plan is arithmetic over `plan_parts.PARTS`; nothing is simulated. Stages follow each other as in a build, but
decoding, detection and embedding run at the same time: the slowest of cores, GPUs and network decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from profiling.errors import SettingsError
from profiling.plan_parts import PARTS, PlanPart

HOUR = 3600.0
DAY = 86_400.0
PHOTO_STAGE = "photos"


@dataclass(frozen=True)
class Work:
    """What is asked of a plan.

    Parameters
    ----------
    users : members of the network. photos_per_user : selected photos, mean. rounds : after round 0.
    cores, gpus : of one node. photos_per_day : wanted throughput; the plan finds the nodes.
    """

    users: float
    photos_per_user: float = 26.0
    rounds: int = 4
    cores: int = 16
    gpus: int = 0
    photos_per_day: float = 1e9

    def __post_init__(self) -> None:
        whole = {"users": (self.users, 1, 1e11), "photos-per-user": (self.photos_per_user, 0.01, 1e5)}
        whole |= {"cores": (self.cores, 1, 4096), "gpus": (self.gpus, 0, 64), "rounds": (self.rounds, 0, 50)}
        whole |= {"photos-per-day": (self.photos_per_day, 1, 1e15)}
        for name, (value, low, high) in whole.items():
            if not (math.isfinite(value) and low <= value <= high):
                raise SettingsError(f"--{name} {value:g}: give a number from {low:g} to {high:g}")

    @property
    def photos(self) -> float:
        """Of all users."""
        return self.users * self.photos_per_user


@dataclass(frozen=True)
class Stage:
    """One stage: seconds of cores and GPUs, bytes read and written, hours on the plan's nodes and what bounds them."""

    name: str
    core_s: float
    gpu_s: float
    read_bytes: float
    written_bytes: float
    hours: float
    bound: str


@dataclass(frozen=True)
class Plan:
    """A plan: `nodes` that reach the wanted throughput, stages in order, and what the bottleneck is."""

    work: Work
    nodes: int
    stages: tuple[Stage, ...]
    lake_bytes: float
    store_bytes: float
    assumptions: tuple[PlanPart, ...]
    changed: tuple[str, ...]

    @property
    def hours(self) -> float:
        """Of the whole build, start-up left out."""
        return sum(stage.hours for stage in self.stages)

    @property
    def bottleneck(self) -> str:
        """The stage that takes longest, and what bounds it."""
        longest = max(self.stages, key=lambda stage: stage.hours)
        return f"{longest.name}, bound by {longest.bound}"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            **asdict(self.work),
            "photos": self.work.photos,
            "nodes": self.nodes,
            "hours": self.hours,
            "photos_per_day_reached": self.work.photos / (self._photo_stage().hours / 24),
            "bottleneck": self.bottleneck,
            "lake_bytes": self.lake_bytes,
            "store_bytes": self.store_bytes,
            "stages": [asdict(stage) for stage in self.stages],
            "assumptions": [asdict(part) for part in self.assumptions],
            "changed": list(self.changed),
        }

    def _photo_stage(self) -> Stage:
        return next(stage for stage in self.stages if stage.name == PHOTO_STAGE)


def read_changes(changes: list[str]) -> dict[str, float]:
    """`name=value` texts as changed parts.

    Raises
    ------
    SettingsError
        One line: an unknown name, no number, or one out of range.
    """
    known = {part.name: part for part in PARTS}
    found = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or name not in known:
            raise SettingsError(f"--assume {change}: write it as name=value; names: {', '.join(known)}")
        part = known[name]
        try:
            value = float(text)
        except ValueError:
            raise SettingsError(f"--assume {change}: {text!r} is no number") from None
        if not (math.isfinite(value) and part.low <= value <= part.high):
            raise SettingsError(f"--assume {change}: give a number from {part.low:g} to {part.high:g} ({part.unit})")
        found[name] = value
    return found


def make_plan(work: Work, changes: Mapping[str, float] | None = None, nodes: int | None = None) -> Plan:
    """Plan a build.

    Parameters
    ----------
    changes : values that take the place of the table's, by name.
    nodes : how many there are; None = as many as the wanted throughput needs.
    """
    changes = changes or {}
    at = {part.name: changes.get(part.name, part.value) for part in PARTS}
    photo = _photo_seconds(work, at)
    if nodes is None:
        nodes = max(1, math.ceil(work.photos_per_day / DAY * max(photo.values())))
    stages = _stages(work, at, photo, nodes)
    written = sum(stage.written_bytes for stage in stages)
    used = tuple(replace(part, value=at[part.name]) for part in PARTS if work.gpus or not part.name.startswith("gpu_"))
    return Plan(work, nodes, stages, written, work.users * at["profile_bytes"], used, tuple(sorted(changes)))


def _photo_seconds(work: Work, at: Mapping[str, float]) -> dict[str, float]:
    """Seconds of a node a photo, by what bounds them: they overlap, so the largest counts."""
    detect = at["detect_ms"] + at["detect_ms_mp"] * at["megapixels"]
    embed = at["embed_ms"] * at["faces_per_photo"]
    decode = at["decode_ms"] + at["decode_ms_mp"] * at["megapixels"]
    slow = (1 + at["overhead"]) / 1000
    network = at["photo_kb"] * 8e3 / (at["network_gbit"] * 1e9)
    if not work.gpus:
        return {"cores": (decode + detect + embed) * slow / work.cores, "network": network}
    on_gpu = detect / at["gpu_detect"] + embed / at["gpu_embed"]
    return {"cores (decoding)": decode * slow / work.cores, "GPUs": on_gpu * slow / work.gpus, "network": network}


def _stages(work: Work, at: Mapping[str, float], photo: Mapping[str, float], nodes: int) -> tuple[Stage, ...]:
    users, photos, rounds = work.users, work.photos, work.rounds + 1
    faces = photos * at["faces_per_photo"]
    bound = max(photo, key=lambda name: photo[name])
    cores = next(seconds for name, seconds in photo.items() if name.startswith("cores")) * work.cores
    photo_stage = Stage(
        PHOTO_STAGE,
        photos * cores,
        photos * photo.get("GPUs", 0.0) * work.gpus,
        photos * at["photo_kb"] * 1e3,
        photos * at["photo_bytes"] + faces * at["face_bytes"],
        photos * photo[bound] / nodes / HOUR,
        bound,
    )

    def on_cores(name: str, core_ms: float, read: float, written: float) -> Stage:
        seconds = core_ms / 1000
        by = {"cores": seconds / work.cores, "network": read * 8 / (at["network_gbit"] * 1e9)}
        slowest = max(by, key=lambda which: by[which])
        return Stage(name, seconds, 0.0, read, written, by[slowest] / nodes / HOUR, slowest)

    gathered = users * rounds * at["friends"] * at["gather_bytes"]
    return (
        on_cores("partition", photos * at["partition_ms"], 0.0, 0.0),
        photo_stage,
        on_cores("grouping", users * at["group_ms"], faces * at["face_bytes"], users * at["user_bytes"]),
        on_cores("rounds", users * rounds * at["score_ms"], gathered, users * rounds * at["round_bytes"]),
    )
