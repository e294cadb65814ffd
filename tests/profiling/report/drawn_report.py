"""A report about people who exist only as coloured discs and random vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from profiling.evaluation import share
from profiling.report import CROP, ClusterStory, ReportData, Unresolved, UserStory
from profiling.tables import EVIDENCE

DIM = 128


def draw_disc(person: int, seed: int) -> np.ndarray:
    """A thumbnail: a disc with eyes whose colour tells the person."""
    rng = np.random.default_rng([person, seed])
    skin = tuple(int(value) for value in np.random.default_rng(person).integers(70, 240, 3))
    picture = Image.new("RGB", (CROP, CROP), tuple(int(value) for value in rng.integers(40, 215, 3)))
    draw = ImageDraw.Draw(picture)
    x, y = rng.integers(-4, 5, 2)
    draw.ellipse((14 + x, 8 + y, 58 + x, 66 + y), fill=skin)
    for eye in (28, 44):
        draw.ellipse((eye + x - 3, 30 + y, eye + x + 3, 36 + y), fill=(20, 20, 20))
    draw.arc((26 + x, 42 + y, 46 + x, 56 + y), 20, 160, fill=(120, 20, 20), width=2)
    return np.asarray(picture)


def make_story(
    sizes: tuple[int, ...] = (9, 5, 3),
    loose: int = 3,
    leader: int = 0,
    second: int = -1,
    user_id: int = 7,
    name: str = "Anna Petrova",
    reason: str = "ok",
    draw: Callable[[int, int], np.ndarray] = draw_disc,
) -> UserStory:
    """A story with clusters of these sizes, one person each, and loose faces of nobody in particular."""
    rng = np.random.default_rng(user_id % 2**32)
    labels = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(loose, -1)]).astype(np.int16)
    people = np.where(labels >= 0, labels, 50 + np.arange(len(labels))) + 100 * (user_id % 1000)
    base = rng.normal(size=DIM)
    centres = {person: base + 0.5 * rng.normal(size=DIM) for person in np.unique(people)}
    vectors = np.array([centres[person] + 0.18 * rng.normal(size=DIM) for person in people]).reshape(-1, DIM)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    crops = np.array([draw(int(person), place) for place, person in enumerate(people)], np.uint8)
    clusters = [
        ClusterStory(
            cluster=number,
            faces=size,
            photos=max(1, size - 1),
            weight=1.0 - 0.4 * number,
            contributions={
                name: float(value) for name, value in zip(EVIDENCE, rng.normal(0, 0.3, len(EVIDENCE)), strict=True)
            },
            evidence=dict.fromkeys(EVIDENCE, 0.5),
            owner=number == 0,
            notes=["nearest profile: friend 12, 1.10 eps away"],
        )
        for number, size in enumerate(sizes)
    ]
    return UserStory(
        user_id=user_id,
        name=name,
        reason=reason,
        leader=leader,
        second=second,
        verdict=f"Cluster {leader} leads by 0.40; 0.21 is asked.",
        clusters=clusters,
        changes=["If one more tag named the owner on cluster 1 (+0.31), cluster 1 would lead, by 0.24."]
        if sizes
        else [],
        intercept=0.17,
        right=leader == 0 if leader >= 0 else None,
        photo_ids=np.arange(len(labels), dtype=np.int64) + 100,
        faces=np.zeros(len(labels), np.int16),
        labels=labels,
        crops=crops.reshape(-1, CROP, CROP, 3),
        vectors=vectors,
        facts=[("stated gender", "female"), ("stated birth year", "1980")],
    )


def make_audit() -> dict[str, object]:
    """An audit as profiling.audit.combine gives it, with a gate that fails and an earlier generation."""
    gates = [("coverage", "at least", 0.5, 0.91, True), ("hubs", "at most", 0.01, 0.0, True)]
    gates += [("degenerate", "at most", 0, 3, False), ("coverage_gap_gender", "at most", 0.1, None, True)]
    margins = {"below 0": 0, "0 to 0.15": 4, "0.15 to 0.3": 90, "0.3 and more": 168}
    groups = [
        {"name": "female", "users": 120, "with_cluster": 110, "profiles": 102, "coverage": 102 / 110,
         "reasons": {"ok": 102, "no_faces": 10, "no_margin": 8}},
        {"name": "unknown", "users": 5, "with_cluster": 0, "profiles": 0, "coverage": None,
         "reasons": {"no_faces": 5}},
    ]  # fmt: skip
    return {
        "users": 300,
        "profiles": 262,
        "second_profiles": 14,
        "users_by_reason": {"ok": 262, "no_faces": 15, "no_cluster": 8, "no_margin": 11, "no_consent": 4},
        "photos": {
            "selected": 5300,
            "looked_at": 5300,
            "unaccounted": 0,
            "by_reason": {"ok": 4900, "no_face": 391, "truncated": 7, "missing": 2},
            "by_user": {"0": 0, "1": 4, "2–3": 30, "4–7": 266},
        },
        "faces": {
            "by_state": {"member": 7200, "noise": 600, "duplicate": 20, "nonface": 80},
            "norms": {
                "faces": 7900,
                "degenerate": 3,
                "by_fault": {"nan": 0, "zero": 3, "length": 0, "norm": 0},
                "mean": 1.42,
                "sd": 0.04,
            },
            "repeated": 0,
        },
        "clusters": {"number": 910, "users": 288, "unweighed": 0, "sizes": {"0": 0, "1": 0, "2–3": 410, "4–7": 300}},
        "profile_faces": {"0": 0, "1": 0, "2–3": 20, "4–7": 90, "8–15": 100, "16–31": 66},
        "margins": {"profiles": margins, "unresolved": dict.fromkeys(margins, 0)},
        "weights": {"leaders": margins, "all": margins},
        "rounds": [
            {"round": 0, "users": 300, "profiles": 231, "moved": 231, "margins_fell": 0},
            {"round": 1, "users": 300, "profiles": 258, "moved": 41, "margins_fell": 7},
            {"round": 2, "users": 300, "profiles": 262, "moved": 5, "margins_fell": 2},
        ],
        "groups": {"gender": groups},
        "change": {
            "generation": "g0", "created": 1.7e9, "common": 290, "had": 250, "kept": 240, "moved": 12, "replaced": 1,
            "lost": 7, "withdrawn": 3, "gained": 22, "new_users": 10, "gone_users": 2,
            "lost_share": 7 / 247, "replaced_share": 1 / 240,
        },
        "hubs": {"users": 262, "probed": 262, "shared": 6, "hubs": 0, "worst": [{"user_id": 77, "near": 2}]},
        "gates": [
            {
                "name": name,
                "meaning": f"what {name} means",
                "rule": rule,
                "limit": limit,
                "value": value,
                "passed": good,
                "detail": "",
                "advice": f"mend {name}",
            }
            for name, rule, limit, value, good in gates
        ],
        "passed": False,
    }  # fmt: skip


def make_evaluation() -> dict[str, object]:
    """An evaluation as profiling.evaluation.evaluate gives it."""
    album = {"users": 140, "profiles": 128, "coverage": share(125, 131), "precision": share(126, 128)}
    album |= {"leader_accuracy": share(129, 131), "baseline_largest_cluster": share(110, 131)}
    rounds = [(120, 110, 118), (127, 123, 125), (129, 125, 126)]
    return {
        **album,
        "split": "test",
        "face_recall": share(3900, 3960),
        "cluster_purity": share(3500, 3510),
        "tp_at_fp_0.001": share(300, 340),
        "tp_all": share(300, 380),
        "rounds": [
            {"round": r, "leader_accuracy": share(a, 131), "coverage": share(b, 131), "precision": share(c, 128)}
            for r, (a, b, c) in enumerate(rounds)
        ],
        "by_kind": {"normal": album, "no_face": album | {"coverage": share(0, 0)}},
    }


def make_report(*stories: UserStory) -> ReportData:
    """A report with these stories and every section."""
    return ReportData(
        title="Drawn people",
        made_at="2024-05-01 12:00",
        model="dlib",
        scorer="s-1234",
        audit=make_audit(),
        coefficients=[dict.fromkeys(EVIDENCE, 0.1), {name: 0.05 * n - 0.3 for n, name in enumerate(EVIDENCE)}],
        user_reasons={"no_faces": "no photo of the album shows a face", "no_margin": "no cluster leads clearly"},
        stories=stories,
        unresolved=[
            Unresolved(31, "no_margin", 2, 0.11, 0.21, "12 photos, 9 faces", "If this were so, cluster 2 would lead."),
            Unresolved(32, "no_faces", -1, float("nan"), 0.21, "4 photos, 0 faces", "Two photos that show one face."),
        ],
        errors={"gender": [{"name": "female", **make_evaluation()["by_kind"]["normal"]}]},
        evaluation=make_evaluation(),
        album_photos=6000,
    )
