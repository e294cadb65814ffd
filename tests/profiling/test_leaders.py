"""Leaders against a loop over users, and the cases of the contract."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling.friend_evidence import NEAR
from profiling.leaders import JOINT_LEAD, JOINT_WEIGHT, REASONS, Leaders, choose_leaders

ASKED = 0.2
FAR = 1.0


def choose(*weights: float, near: tuple[int, ...] = (), barred: tuple[int, ...] = ()) -> Leaders:
    """Leaders of one user with these clusters; those in `near` look like a friend."""
    n = len(weights)
    distance = np.array([NEAR / 2 if i in near else FAR for i in range(n)])
    bars = np.array([i in barred for i in range(n)], bool)
    return choose_leaders(np.zeros(n, np.int64), np.array(weights, float), distance, 1, ASKED, bars)


def test_the_heaviest_leads_when_it_leads_by_the_margin() -> None:
    found = choose(0.1, 0.8, 0.5)
    assert (found.leader[0], found.second[0], found.reason[0]) == (1, -1, "ok")
    assert found.margin[0] == pytest.approx(0.3)
    assert found.weight[0] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("weights", "near", "reason"),
    [
        ((0.5, 0.45), (), "no_margin"),
        ((0.1,), (), "no_margin"),
        ((0.1, -0.9), (), "no_margin"),
        ((0.1, -0.9), (0,), "looks_like_friend"),
        ((0.1, 0.05), (1,), "no_margin"),
    ],
)
def test_none_leads_without_a_margin_over_the_runner_up_and_nobody(
    weights: tuple[float, ...], near: tuple[int, ...], reason: str
) -> None:
    found = choose(*weights, near=near)
    assert (found.leader[0], found.second[0], found.best[0]) == (-1, -1, 0)
    assert found.reason[0] == reason


def test_a_single_cluster_leads_by_its_own_weight() -> None:
    found = choose(0.4)
    assert found.leader[0] == 0
    assert found.margin[0] == pytest.approx(0.4)


def test_a_joint_account_has_two_when_both_are_strong_and_far_ahead() -> None:
    strong, third = JOINT_WEIGHT + 0.1, JOINT_WEIGHT - JOINT_LEAD * ASKED
    found = choose(strong, JOINT_WEIGHT, third)
    assert (found.leader[0], found.second[0], found.reason[0]) == (0, 1, "ok")
    assert choose(strong, JOINT_WEIGHT - 0.01).second[0] == -1
    assert choose(strong, JOINT_WEIGHT, third + 0.05).second[0] == -1
    assert choose(strong, JOINT_WEIGHT, third, near=(1,)).second[0] == -1


def test_a_barred_cluster_neither_leads_nor_hinders() -> None:
    found = choose(0.9, 0.5, 0.1, barred=(0,))
    assert found.leader[0] == 1
    assert found.margin[0] == pytest.approx(0.4)
    alone = choose(0.9, barred=(0,))
    assert (alone.leader[0], alone.reason[0]) == (-1, "looks_like_friend")
    assert np.isfinite(alone.margin[0])


def test_equal_weights_go_to_the_first_cluster() -> None:
    assert choose(0.5, 0.5).best[0] == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.floats(-1.5, 1.5), max_size=5), min_size=1, max_size=6))
def test_users_do_not_touch_each_other(albums: list[list[float]]) -> None:
    user = np.repeat(np.arange(len(albums)), [len(a) for a in albums])
    weight = np.array([w for album in albums for w in album], float)
    found = choose_leaders(user, weight, np.full(len(user), np.nan), len(albums), ASKED)
    start = np.searchsorted(user, np.arange(len(albums)))
    for u, album in enumerate(albums):
        if not album:
            assert (found.best[u], found.leader[u], found.reason[u]) == (-1, -1, "")
            assert np.isnan(found.margin[u])
            continue
        alone = choose(*album)
        assert found.reason[u] == alone.reason[0]
        assert found.reason[u] in REASONS
        for name in ("best", "leader", "second"):
            place = getattr(alone, name)[0]
            assert getattr(found, name)[u] == (-1 if place < 0 else start[u] + place)
        if found.leader[u] >= 0 and found.second[u] < 0:
            assert sorted([*album, 0.0])[-2] <= max(album) - ASKED + 1e-12
