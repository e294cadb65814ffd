"""Plan albums and uploads: who is on which photo, before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiling.demo.cast import Member

ALBUM_STREAM, UPLOAD_STREAM = 1, 2  # random streams of one seed, so that one plan does not shift another


@dataclass(frozen=True)
class Scene:
    """One photo to be drawn: in whose album, who is on it (person ids, left to right), and how it was used."""

    owner_id: int
    people: tuple[int, ...]
    avatar: bool = False
    near_duplicate: bool = False  # the same picture as the scene before, saved again smaller


@dataclass(frozen=True)
class _Album:
    member: Member
    owners: list[int]
    friends: list[int]
    strangers: list[int]
    rng: np.random.Generator

    def scene(self, *people: int, avatar: bool = False) -> Scene:
        order = self.rng.permutation(len(people))
        return Scene(self.member.user_id, tuple(people[i] for i in order), avatar)

    def some_friends(self, most: int) -> list[int]:
        count = min(len(self.friends), 1 + int(self.rng.integers(most)))
        return [int(friend) for friend in self.rng.choice(self.friends, count, replace=False)] if count else []

    def stranger(self) -> int:
        return int(self.rng.choice(self.strangers))


def plan_albums(
    members: Sequence[Member],
    friends: Mapping[int, list[int]],
    owners: Mapping[int, list[int]],
    strangers: list[int],
    seed: int,
) -> list[Scene]:
    """The scenes of all albums, six to twelve each, albums in order of user id."""
    scenes = []
    for member in sorted(members, key=lambda member: member.user_id):
        rng = np.random.default_rng([seed, ALBUM_STREAM, member.user_id])
        album = _Album(member, owners[member.user_id], friends[member.user_id], strangers, rng)
        scenes += _plan_album(album)
    return _add_near_duplicate(scenes)


def _plan_album(album: _Album) -> list[Scene]:
    """One album by its kind, then what lies in every album: friends alone, strangers, places."""
    me, kind = album.member.user_id, album.member.kind
    if kind == "no_face":
        return [album.scene() for _ in range(6)]
    solo, groups = {"group_only": (0, 6), "friend_heavy": (2, 1), "joint": (3, 1), "sparse": (1, 1)}.get(kind, (0, 0))
    if kind == "normal":
        solo, groups = 3 + int(album.rng.integers(3)), 1 + int(album.rng.integers(3))
    scenes = [album.scene(me, avatar=i == 0) for i in range(solo)]
    scenes += [album.scene(me, *album.some_friends(3 if kind == "group_only" else 2)) for _ in range(groups)]
    if kind == "joint":
        partner = album.owners[1]
        scenes += [album.scene(partner) for _ in range(3)] + [album.scene(me, partner) for _ in range(2)]
    if kind == "friend_heavy" and album.member.star in album.friends:
        scenes += [album.scene(album.member.star, avatar=i == 0) for i in range(4)]
    return scenes + _plan_company(album)


def _plan_company(album: _Album) -> list[Scene]:
    scenes = [album.scene(*album.some_friends(2))]
    if album.rng.random() < 0.6:
        scenes.append(album.scene(*album.some_friends(1), album.stranger()))
    else:
        scenes.append(album.scene(album.stranger()))
    if album.member.kind == "sparse":
        scenes += [album.scene(*album.some_friends(1)), album.scene()]
    if album.rng.random() < 0.5:
        scenes.append(album.scene())
    return scenes


def _add_near_duplicate(scenes: list[Scene]) -> list[Scene]:
    """Put a second copy of the first portrait that was no avatar behind it."""
    for i, scene in enumerate(scenes):
        if scene.people == (scene.owner_id,) and not scene.avatar:
            copy = Scene(scene.owner_id, scene.people, near_duplicate=True)
            return [*scenes[: i + 1], copy, *scenes[i + 1 :]]
    return scenes


def plan_uploads(
    members: Sequence[Member], friends: Mapping[int, list[int]], strangers: list[int], seed: int
) -> list[Scene]:
    """One new photo of each member who may be processed, often in company, uploaded by the member or by a friend."""
    scenes = []
    consenting = {member.user_id for member in members if member.consent}
    for user in sorted(consenting):
        rng = np.random.default_rng([seed, UPLOAD_STREAM, user])
        known = [friend for friend in friends[user] if friend in consenting]
        people = [user]
        if known and rng.random() < 0.5:
            people.append(int(rng.choice(known)))
        if rng.random() < 0.4:
            people.append(int(rng.choice(strangers)))
        uploader = int(rng.choice(known)) if known and rng.random() < 0.5 else user
        scenes.append(Scene(uploader, tuple(people)))
    return scenes
