"""Pairs on photos and the limit of friends, against plain loops."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.population import cap_friends, mark_tagged_together, tagged_pairs
from profiling.population import friends as module

TAGS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), max_size=40)
IDS = st.integers(-(2**63), 2**63 - 1)


def pairs_of(tags: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs of (photo, user) tags where photo p belongs to user 100 + p."""
    photos = np.array([photo for photo, _ in tags], np.int64)
    users = np.array([user for _, user in tags], np.int64)
    found = [list(zip(*piece, strict=True)) for piece in tagged_pairs(photos, photos + 100, users)]
    return [(int(a), int(b)) for piece in found for a, b in piece]


@settings(deadline=None)
@given(TAGS)
def test_pairs_are_all_who_stand_on_one_photo(tags: list[tuple[int, int]]) -> None:
    people: dict[int, set[int]] = {}
    for photo, user in tags:
        people.setdefault(photo, {photo + 100}).add(user)
    expected = [pair for group in people.values() for pair in itertools.permutations(group, 2)]
    assert sorted(pairs_of(tags)) == sorted(expected)


@settings(deadline=None)
@given(TAGS, st.integers(1, 30))
def test_pieces_of_any_size_hold_the_same_pairs(tags: list[tuple[int, int]], size: int) -> None:
    whole, limit = pairs_of(tags), module.PAIRS_AT_ONCE
    module.PAIRS_AT_ONCE = size
    try:
        assert pairs_of(tags) == whole
    finally:
        module.PAIRS_AT_ONCE = limit


def test_a_crowd_makes_a_bounded_number_of_pairs() -> None:
    pairs = pairs_of([(0, user) for user in range(1000)])
    assert len(pairs) == 50 * 49
    assert {user for pair in pairs for user in pair} == set(range(50))


@settings(deadline=None)
@given(st.lists(st.tuples(IDS, IDS), max_size=20), st.lists(st.tuples(IDS, IDS), max_size=20))
def test_marks_are_membership(friends: list[tuple[int, int]], pairs: list[tuple[int, int]]) -> None:
    pairs = pairs + friends[::2]
    left, right = (np.array(side, np.int64).reshape(-1, 2).T for side in (friends, pairs))
    marks = mark_tagged_together(left[0], left[1], right[0], right[1])
    assert marks.tolist() == [pair in set(pairs) for pair in friends]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 2**64 - 1)), max_size=40), st.integers(1, 6))
def test_the_limit_keeps_those_tagged_together_first(rows: list[tuple[int, bool, int]], limit: int) -> None:
    owner = np.array([row for row, _, _ in rows], np.int32)
    together = np.array([mark for _, mark, _ in rows], np.bool_)
    hashes = np.array([value for _, _, value in rows], np.uint64)
    kept = cap_friends(owner, together, hashes, limit)
    for user in range(4):
        mine = [i for i, (row, _, _) in enumerate(rows) if row == user]
        best = sorted(mine, key=lambda i: (not rows[i][1], rows[i][2], i))[:limit]
        assert [i for i in kept if rows[i][0] == user] == sorted(best)
