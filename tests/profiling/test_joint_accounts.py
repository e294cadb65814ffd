"""A second leader shares the portraits evenly, is no profile picture, and depends on nobody else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.joint_accounts import APART, LEADER_SOLO, PHOTOS, SECOND_SOLO, second_leaders

NAN = float("nan")


def second(*clusters: tuple[int, float, float], leader: int = 0) -> int:
    """Of one user with clusters of (photos, solo, avatar)."""
    photos, solo, avatar = (np.array(column) for column in zip(*clusters, strict=True))
    owner = np.zeros(len(clusters), np.int64)
    return int(second_leaders(owner, np.array([leader]), photos, solo.astype(float), avatar.astype(float))[0])


LEADER = (5, 0.5, 1.0)


@pytest.mark.parametrize(
    ("clusters", "expected"),
    [
        ((LEADER, (PHOTOS, 0.5, 0.0)), 1),
        ((LEADER, (PHOTOS, 0.5, NAN)), 1),  # an album without profile pictures
        ((LEADER, (PHOTOS - 1, 0.5, 0.0)), -1),
        ((LEADER, (9, 0.5, 0.1)), -1),  # a profile picture of a friend
        ((LEADER, (9, SECOND_SOLO - 0.01, 0.0)), -1),
        (((5, LEADER_SOLO - 0.01, 1.0), (9, 0.4, 0.0)), -1),
        (((5, 0.65, 1.0), (9, 0.65 - APART - 0.01, 0.0)), -1),
        (((5, NAN, NAN), (9, NAN, NAN)), -1),  # no portraits, nothing known
        ((LEADER,), -1),
        ((LEADER, (9, 0.35, 0.0), (9, 0.4, 0.0)), 2),
        ((LEADER, (9, 0.4, 0.0), (9, 0.4, 0.0)), 1),
    ],
)
def test_rule(clusters: tuple[tuple[int, float, float], ...], expected: int) -> None:
    assert second(*clusters) == expected


def test_without_a_leader_there_is_no_second() -> None:
    assert second(LEADER, (9, 0.5, 0.0), leader=-1) == -1
    assert second_leaders(*[np.zeros(0, np.int64)] * 3, np.zeros(0), np.zeros(0)).tolist() == []


share = st.floats(0, 1, width=32) | st.just(NAN)
album = st.lists(st.tuples(st.integers(1, 6), share, share), max_size=5)


@settings(max_examples=60, deadline=None)
@given(albums=st.lists(album, min_size=1, max_size=6), data=st.data())
def test_users_do_not_touch_each_other(albums: list[list[tuple[int, float, float]]], data: st.DataObject) -> None:
    start = np.cumsum([0, *map(len, albums)])
    leaders = [data.draw(st.integers(-1, len(each) - 1)) for each in albums]
    whole = [cluster for each in albums for cluster in each]
    columns = [np.array(column) for column in zip(*whole, strict=True)] if whole else [np.zeros(0)] * 3
    owner = np.repeat(np.arange(len(albums)), np.diff(start))
    places = np.array([-1 if lead < 0 else start[user] + lead for user, lead in enumerate(leaders)])
    found = second_leaders(owner, places, columns[0].astype(np.int64), columns[1], columns[2])
    for user, (each, lead) in enumerate(zip(albums, leaders, strict=True)):
        alone = second(*each, leader=lead) if each else -1
        assert found[user] == (-1 if alone < 0 else start[user] + alone)
        assert found[user] != places[user] or found[user] == -1
