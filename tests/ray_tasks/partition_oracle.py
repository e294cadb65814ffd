"""Stage 0 in plain Python loops and dictionaries, for populations that fit a page: the oracle of the real one."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from profiling.hashing import splitmix64

Row = dict[str, Any]
Population = dict[str, list[Row]]


@dataclass
class Expected:
    """What partition must write, without buckets and row numbers: friends as (user_id, friend_id) -> together."""

    given: Population
    forgotten: set[int]
    users: dict[int, Row] = field(default_factory=dict)
    photos: dict[int, Row] = field(default_factory=dict)
    tags: list[Row] = field(default_factory=list)
    friends: dict[tuple[int, int], bool] = field(default_factory=dict)
    friendships: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def allowed(self, table: str, user: int, unknown: str) -> bool:
        """Whether rows of this user may be processed; counts the reason why not."""
        if user in self.users and self.users[user]["consent"]:
            return True
        self.reasons[f"{table}.{'no_consent' if user in self.users else unknown}"] += 1
        return False


def expect(population: Population, forgotten: set[int], limit: int) -> Expected:
    """The result for sound rows (every id there, no impossible value) whose keys are unique; ids may lead nowhere."""
    out = Expected(population, forgotten)
    for row in population["users"]:
        if row["user_id"] in forgotten:
            out.reasons["users.forgotten"] += 1
        else:
            out.users[row["user_id"]] = row
    for row in population["photos"]:
        if row["owner_id"] in forgotten:
            out.reasons["photos.forgotten"] += 1
        elif out.allowed("photos", row["owner_id"], "unknown_owner"):
            out.photos[row["photo_id"]] = row
    _add_tags(out)
    _add_friends(out, limit)
    return out


def _add_tags(out: Expected) -> None:
    owners = {row["photo_id"]: row["owner_id"] for row in out.given["photos"]}
    seen: set[tuple[Any, ...]] = set()
    for tag in out.given["tags"]:
        owner = owners.get(tag["photo_id"])
        if tag["user_id"] in out.forgotten or owner in out.forgotten:
            out.reasons["tags.forgotten"] += 1
        elif owner is None:
            out.reasons["tags.unknown_photo"] += 1
        elif tuple(tag.values()) in seen:
            out.reasons["tags.repeated"] += 1
        else:
            seen.add(tuple(tag.values()))
            if out.allowed("tags", tag["user_id"], "unknown_user") and out.allowed("tags", owner, "unknown_owner"):
                out.tags.append(tag | {"owner_id": owner})


def _add_friends(out: Expected, limit: int) -> None:
    seen: set[tuple[int, ...]] = set()
    friends: dict[int, list[int]] = {}
    for row in out.given["friendships"]:
        pair = tuple(sorted((row["user_a"], row["user_b"])))
        if out.forgotten & set(pair):
            out.reasons["friendships.forgotten"] += 1
        elif pair in seen:
            out.reasons["friendships.repeated"] += 1
        else:
            seen.add(pair)
            if all(out.allowed("friendships", user, "unknown_user") for user in pair):  # the smaller id first
                out.friendships += 1
                for user, friend in (pair, pair[::-1]):
                    friends.setdefault(user, []).append(friend)
    together = _together(out)
    for user, mine in friends.items():
        ranked = sorted(mine, key=lambda friend: (frozenset((user, friend)) not in together, _hash(user, friend)))
        out.reasons["friends.over_limit"] += max(0, len(ranked) - limit)
        out.friends |= {(user, friend): frozenset((user, friend)) in together for friend in ranked[:limit]}


def _together(out: Expected) -> set[frozenset[int]]:
    people: dict[int, set[int]] = {}
    for tag in out.tags:
        if tag["source"] != "rejected":
            people.setdefault(tag["photo_id"], {tag["owner_id"]}).add(tag["user_id"])
    return {frozenset(pair) for group in people.values() for pair in itertools.combinations(group, 2)}


def _hash(left: int, right: int) -> int:
    low, high = (np.array([i], np.int64) for i in sorted((left, right)))
    return int(splitmix64(splitmix64(low) ^ high.view(np.uint64))[0])
