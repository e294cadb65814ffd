"""Gates: what must hold before a generation may be published without a person's approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiling.audit.bucket import READ_WELL
from profiling.audit.groups import FAIRNESS, coverage_gap
from profiling.settings import AuditSettings

ADVICE = {  # by gate: what to do when it fails
    "coverage": "look at users by reason; many no_margin: compare scorer and network, many no_faces: the photos",
    "failed_photos": "look at photos by reason: storage that was away is mended by kith build --retry-failed",
    "set_aside": "kith alerts names buckets and reasons: mend them, then kith build --retry-failed",
    "hubs": "look at the worst hubs with kith explain; a celebrity or carpet: lower clustering.nonface_cut, or "
    "a network whose calibration does not fit: kith models calibrate",
    "degenerate": "the network or its weights are broken: kith models prepare, then build into a new lake",
    "repeated": "the network gives one vector for different pictures: check its weights, scaling and colour order",
    "unaccounted": "a part file is missing: run kith build again",
    "unweighed": "evidence or scorer hold no numbers: train the scorer again, or report it",
    "lost": "look at some users who lost theirs with kith explain --generation, on both; a new scorer or network "
    "may be meant: then approve it",
    "replaced": "look at some users whose face changed with kith explain --generation, on both; approve if meant",
    "coverage_gap_gender": "look at coverage by gender: probe or names may mislead the scorer; train it on all groups",
    "coverage_gap_age": "look at coverage by age: network or probe may be worse at some ages; compare networks",
}


def check_gates(audit: Mapping[str, Any], settings: AuditSettings) -> list[dict[str, Any]]:
    """All gates of an audit: name, meaning, rule ("at least", "at most"), limit, value, passed, detail, advice.

    A gate passes when its value is None: there is nothing to judge. `detail` says between whom the value was found,
    where that helps.
    """
    return [*_whole_gates(audit, settings), *_change_gates(audit["change"], settings), *_fairness(audit, settings)]


def _whole_gates(audit: Mapping[str, Any], settings: AuditSettings) -> list[dict[str, Any]]:
    photos, norms, hubs = audit["photos"], audit["faces"]["norms"], audit["hubs"]
    failed = sum(count for reason, count in photos["by_reason"].items() if reason not in READ_WELL)
    coverage = _ratio(audit["profiles"], audit["clusters"]["users"])
    near = f"users whose profile is near {settings.hub_users} other users' or more, of users with a profile"
    repeated = "faces with the very vector of a face of another picture of their album, of all faces"
    return [
        _at_least("coverage", "users with a profile, of those with a cluster", settings.min_coverage, coverage),
        _at_most(
            "failed_photos",
            "photos that could not be read, of those selected",
            settings.max_failed_photos,
            _ratio(failed, photos["selected"]),
        ),
        _at_most(
            "set_aside",
            "photos set aside because their part failed three times, of those selected",
            settings.max_set_aside,
            _ratio(photos["by_reason"].get("set_aside", 0), photos["selected"]),
        ),
        _at_most("hubs", near, settings.max_hub_share, _ratio(hubs["hubs"], hubs["probed"])),
        _at_most("degenerate", "faces whose vector is NaN, zero or not of unit length", 0, norms["degenerate"]),
        _at_most("repeated", repeated, settings.max_repeated_faces, _ratio(audit["faces"]["repeated"], norms["faces"])),
        _at_most(
            "unaccounted", "selected photos without a row that says what became of them", 0, photos["unaccounted"]
        ),
        _at_most("unweighed", "clusters without a finite weight in the last round", 0, audit["clusters"]["unweighed"]),
    ]


def _change_gates(change: Mapping[str, Any] | None, settings: AuditSettings) -> list[dict[str, Any]]:
    lost = "users who lost their profile since the last generation, of those who had one and may still have it"
    replaced = "users whose profile now shows another face, of those who kept one since the last generation"
    return [
        _at_most("lost", lost, settings.max_lost_share, None if change is None else change["lost_share"]),
        _at_most(
            "replaced", replaced, settings.max_replaced_share, None if change is None else change["replaced_share"]
        ),
    ]


def _fairness(audit: Mapping[str, Any], settings: AuditSettings) -> list[dict[str, Any]]:
    gates = []
    for grouping in FAIRNESS:
        gap = coverage_gap(audit["groups"].get(grouping, []), settings.fairness_users)
        meaning = (
            f"coverage of the best served group less that of the worst, by {grouping}, "
            f"of groups of {settings.fairness_users} users or more"
        )
        gate = _at_most(
            f"coverage_gap_{grouping}", meaning, settings.max_coverage_gap, None if gap is None else gap["value"]
        )
        gates.append(gate | {"detail": "" if gap is None else f"{gap['worst']} against {gap['best']}"})
    return gates


def _ratio(count: int, of: int) -> float | None:
    return count / of if of else None


def _at_least(name: str, meaning: str, limit: float, value: float | None) -> dict[str, Any]:
    return _gate(name, meaning, "at least", limit, value, value is None or value >= limit)


def _at_most(name: str, meaning: str, limit: float, value: float | None) -> dict[str, Any]:
    return _gate(name, meaning, "at most", limit, value, value is None or value <= limit)


def _gate(name: str, meaning: str, rule: str, limit: float, value: float | None, passed: bool) -> dict[str, Any]:
    return {
        "name": name,
        "meaning": meaning,
        "rule": rule,
        "limit": limit,
        "value": value,
        "passed": passed,
        "detail": "",
        "advice": ADVICE[name],
    }
