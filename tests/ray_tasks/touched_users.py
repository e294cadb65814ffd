"""Whom a change touches, by plain dictionaries: the inputs of a stage of two generations, compared user by user."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa

from ray_tasks.generation_tables import GenerationTables

Inputs = dict[int, Any]


def rows(table: pa.Table) -> list[dict[str, Any]]:
    return list(table.to_pylist())


def touched(before: Inputs, after: Inputs) -> set[int]:
    """Users whose inputs are others than before; NaN is itself."""
    return {user for user in after if repr(after[user]) != repr(before.get(user))}


class Oracle:
    """What each stage reads of each user in one generation."""

    def __init__(self, of: GenerationTables) -> None:
        self.of = of
        self.users = {row["user_id"]: row for row in rows(of.table("partition", "users"))}
        self.by_row = {row["row"]: user for user, row in self.users.items()}
        self.friends: dict[int, list[int]] = defaultdict(list)
        for row in rows(of.table("partition", "friends")):
            self.friends[self.by_row[row["row"]]].append(self.by_row[row["friend_row"]])
        self.clusters: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in rows(of.table("cluster", "clusters")):
            self.clusters[row["user_id"]].append(row)
        self.people = {row["user_id"]: row for row in rows(of.table("people", "people"))}

    def of_people(self, guesses: dict[int, Any]) -> Inputs:
        """Own words; of each friend id, stated year, first guess and list of friends."""
        names = ("first_name", "last_name", "gender", "birth_year", "consent")
        return {
            user: (
                [row[name] for name in names],
                sorted(
                    (friend, self.users[friend]["birth_year"], guesses[friend], sorted(self.friends[friend]))
                    for friend in self.friends[user]
                ),
            )
            for user, row in self.users.items()
        }

    def of_cluster(self) -> Inputs:
        """The selected photos with their metadata, what was seen on them, their tags; birth year and gender."""
        photos = {row["photo_id"]: row for row in rows(self.of.table("partition", "photos"))}
        seen = {row["photo_id"]: row for row in rows(self.of.table("cluster", "looked"))}
        viral = {row["photo_id"] for row in rows(self.of.table("viral", "viral"))}
        tags = defaultdict(list)
        for tag in rows(self.of.table("partition", "tags")):
            tags[tag["photo_id"]].append(sorted(tag.items(), key=repr))
        album: dict[int, list[Any]] = defaultdict(list)
        for row in rows(self.of.table("select", "selection")):
            photo, looked = photos[row["photo_id"]], seen[row["photo_id"]]
            facts = [row["photo_id"], row["quality"], photo["was_avatar"], photo["taken_at"], row["photo_id"] in viral]
            what = [looked[name] for name in ("version", "reason", "faces", "content_hash", "perceptual_hash")]
            album[row["owner_id"]].append([facts, what, sorted(tags[row["photo_id"]], key=repr)])
        about = ("birth_year", "birth_year_confidence", "female")
        return {
            user: (row["consent"], sorted(album[user], key=repr), [self.people[user][name] for name in about])
            for user, row in self.users.items()
        }

    def of_co_occurrence(self) -> Inputs:
        """Own clusters and, with any, those of the friends."""

        def seen(user: int) -> list[Any]:
            return [[row[name] for name in ("cluster", "share", "centroid")] for row in self.clusters[user]]

        return {
            user: seen(user)
            and (seen(user), sorted(repr(seen(friend)) for friend in self.friends[user] if seen(friend)))
            for user in self.users
        }

    def of_round(self, number: int) -> Inputs:
        """Own clusters with their evidence, or why there are none; what led and was lost; the friends' profiles."""
        across = defaultdict(list)
        for row in rows(self.of.table("co_occurrence", "co_occurrence")):
            across[row["user_id"]].append([row["co_occurrence"], row["friend_share"]])
        last = {}
        if number:
            last = {row["user_id"]: row for row in rows(self.of.table(f"score-{number - 1}", "profiles"))}
        now = {row["user_id"]: row for row in rows(self.of.table(f"score-{number}", "profiles"))}
        found: Inputs = {}
        for user in self.users:
            mine = [[row[name] for name in row if name != "row"] for row in self.clusters[user]]
            state = [last[user][name] for name in ("leader", "lost", "losses")] if last else []
            friends = [(f, last[f]["profile"]) for f in sorted(self.friends[user]) if last and last[f]["profile"]]
            reason = None if mine else now[user]["reason"]
            found[user] = (mine, across[user], reason, state, friends if mine else [])
        return found
