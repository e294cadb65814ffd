"""The metrics as plain loops over dictionaries, straight from their definitions: the oracle of the fast ones."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from profiling.evaluation import Generation, Truth
from profiling.vectors import unpack_vectors

Counts = dict[str, tuple[int, int]]


def overlap(one: dict[str, float], other: dict[str, float]) -> float:
    wide = min(one["x"] + one["w"], other["x"] + other["w"]) - max(one["x"], other["x"])
    high = min(one["y"] + one["h"], other["y"] + other["h"]) - max(one["y"], other["y"])
    common = max(0.0, wide) * max(0.0, high)
    return common / (one["w"] * one["h"] + other["w"] * other["h"] - common)


def persons(faces: list[dict[str, Any]], truth: list[dict[str, Any]]) -> dict[tuple[int, int], int]:
    """Person by (photo, face); boxes of one photo stand apart, so each meets at most one."""
    return {
        (face["photo_id"], face["face"]): true["person_id"]
        for face in faces
        for true in truth
        if true["photo_id"] == face["photo_id"] and overlap(face, true) >= 0.4
    }


class SlowEvaluation:
    """Judges one world."""

    def __init__(self, generation: Generation, truth: Truth, split: str) -> None:
        self.generation, self.truth = generation, truth
        accounts = truth.users.to_pylist()
        self.accounts = {row["user_id"]: row for row in accounts if split in ("all", row["split"])}
        self.everybody = {row["user_id"]: row for row in accounts}
        seen = set(generation.seen["photo_id"].to_pylist())
        self.owner = {row["photo_id"]: row["owner_id"] for row in generation.photos.to_pylist()}
        self.true = truth.faces.to_pylist()
        self.looked_at = [
            row for row in self.true if row["photo_id"] in seen and self.owner[row["photo_id"]] in self.accounts
        ]
        self.faces = [row for row in rows_of(generation.faces) if self.owner[row["photo_id"]] in self.accounts]
        self.person = persons(self.faces, self.looked_at)
        self.members: dict[tuple[int, int], list[int]] = {}
        for row in generation.members.to_pylist():
            if row["state"] == "member" and row["user_id"] in self.accounts:
                people = self.members.setdefault((row["user_id"], row["cluster"]), [])
                if (row["photo_id"], row["face"]) in self.person:
                    people.append(self.person[row["photo_id"], row["face"]])

    def owners(self, user: int, cluster: int) -> bool:
        people = self.members.get((user, cluster), [])
        return sum(person in self.accounts[user]["person_ids"] for person in people) > len(people) / 2

    def round(self, number: int, users: set[int]) -> Counts:
        profiles = {row["user_id"]: row for row in self.generation.profiles[number].to_pylist()}
        own_faces = Counter(
            self.owner[row["photo_id"]]
            for row in self.true
            if (owner := self.owner[row["photo_id"]]) in users
            and row["person_id"] in self.accounts[owner]["person_ids"]
        )
        asked = [user for user in users if own_faces[user] >= 2]
        made = [
            (user, cluster)
            for user in users
            if profiles[user]["reason"] == "ok"
            for cluster in (profiles[user]["leader"], profiles[user]["second"])
            if cluster >= 0
        ]
        heaviest = self.best(users, self.generation.scores[number], "weight")
        return {
            "coverage": (sum(profiles[user]["reason"] == "ok" for user in asked), len(asked)),
            "precision": (sum(self.owners(*pair) for pair in made), len(made)),
            "leader_accuracy": (sum(self.owners(*pair) for pair in heaviest), len(heaviest)),
        }

    def best(self, users: set[int], table: pa.Table, value: str) -> list[tuple[int, int]]:
        """The best cluster of each user with a cluster of their own."""
        rows = [row for row in table.select(["user_id", "cluster", value]).to_pylist() if row["user_id"] in users]
        best = []
        for user in users:
            mine = [row for row in rows if row["user_id"] == user]
            if any(self.owners(user, row["cluster"]) for row in mine):
                top = max(mine, key=lambda row: (weighed(row[value]), -row["cluster"]))
                best.append((user, top["cluster"]))
        return best

    def baseline(self, users: set[int]) -> tuple[int, int]:
        largest = self.best(users, self.generation.clusters, "faces")
        return sum(self.owners(*pair) for pair in largest), len(largest)

    def avatar(self, users: set[int]) -> tuple[int, int]:
        """The rule that takes whom the avatars show; it has no answer where they show nobody."""
        clusters = self.generation.clusters
        shown = {row["user_id"] for row in clusters.to_pylist() if (row["avatar"] or 0) > 0}
        best = self.best(users, clusters, "avatar")
        return sum(pair[0] in shown and self.owners(*pair) for pair in best), len(best)

    def purity(self) -> tuple[int, int]:
        groups = [people for people in self.members.values() if people]
        return sum(Counter(people).most_common(1)[0][1] for people in groups), sum(map(len, groups))

    def uploads(self, split: str) -> dict[str, Any]:
        """TP, tp_all, wrong names and the threshold; only for fewer uploads than candidate sets a stranger."""
        row_of = {row["user_id"]: row["row"] for row in self.generation.users.to_pylist()}
        user_of = {row: user for user, row in row_of.items()}
        circle = {user: {user} for user in row_of}
        for row in self.generation.friends.to_pylist():
            circle[user_of[row["row"]]].add(user_of[row["friend_row"]])
        vectors: dict[int, list[np.ndarray]] = {}
        table = self.generation.profiles[-1]
        for name in ("profile", "second_profile"):
            for user, reason, valid, vector in zip(
                table["user_id"].to_pylist(), table["reason"].to_pylist(), table[name].is_valid().to_pylist(),
                unpack_vectors(table[name]).astype(np.float64), strict=True,
            ):  # fmt: skip
                if reason == "ok" and valid:
                    vectors.setdefault(user, []).append(vector)

        def nearest(face: np.ndarray, uploader: int) -> tuple[float, int | None]:
            tries = [(1 - float(face @ v), row_of[u], u) for u in circle[uploader] for v in vectors.get(u, ())]
            return (min(tries)[0], min(tries)[2]) if tries else (math.inf, None)

        found = list(self.upload_faces(split))
        owners: dict[int, set[int]] = {}
        for user, account in self.everybody.items():
            for person in account["person_ids"] or [user]:
                owners.setdefault(person, set()).add(user)
        everywhere = self.upload_faces("all")
        strangers = [face for _, person, face in everywhere if person not in owners and face is not None]
        uploaders = [row["uploader_id"] for row in self.split_uploads(split)]
        tries = sorted(d for face in strangers for user in uploaders if (d := nearest(face, user)[0]) < math.inf)
        threshold = tries[int(len(tries) * 0.001)] if tries else math.inf
        known = eligible = hits = 0
        for uploader, person, face in found:
            right = owners.get(person, set()) & circle[uploader]
            known += bool(right)
            eligible += face is not None and any(user in vectors for user in right)
            if face is not None:
                distance, user = nearest(face, uploader)
                hits += distance < threshold and user in right
        return {"tp": (hits, eligible), "all": (hits, known), "tries": len(tries), "strangers": len(strangers)}

    def split_uploads(self, split: str) -> list[dict[str, Any]]:
        rows = self.truth.uploads.to_pylist()
        return rows if split == "all" else [row for row in rows if row["uploader_id"] in self.accounts]

    def upload_faces(self, split: str) -> Any:
        """(uploader, person, vector or None) of each true face of an upload."""
        detections = rows_of(self.generation.upload_faces)
        vectors = unpack_vectors(self.generation.upload_faces["embedding"]).astype(np.float64)
        for upload in self.split_uploads(split):
            for place, person in enumerate(upload["person_ids"]):
                box = {name: upload[name][place] for name in "xywh"}
                here = [
                    vectors[k]
                    for k, face in enumerate(detections)
                    if face["photo_id"] == upload["upload_id"] and overlap(face, box) >= 0.4
                ]
                yield upload["uploader_id"], person, here[0] if here else None


def rows_of(faces: pa.Table) -> list[dict[str, Any]]:
    return list(faces.select(["photo_id", "face", "x", "y", "w", "h"]).to_pylist())


def weighed(value: float | None) -> float:
    return -math.inf if value is None or math.isnan(value) else value
