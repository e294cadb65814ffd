"""Who gave way to a friend, and what that bars them from."""

from __future__ import annotations

import numpy as np
import pytest

from profiling.claims import LAST_LOSS, NOTHING_NEW, RETURN_LEAD, Claims
from profiling.friend_evidence import FAR, NEAR
from profiling.leaders import choose_leaders

ASKED = 0.15
STRONG = RETURN_LEAD * ASKED


def claims(before: int, lost: int, losses: int, clusters: int = 2) -> Claims:
    """Of one user."""
    owner = np.zeros(clusters, np.int64)
    return Claims(owner, np.arange(clusters), *(np.array([value]) for value in (before, lost, losses)))


@pytest.mark.parametrize(
    ("before", "lost", "losses", "weight", "expected"),
    [
        (-1, -1, 0, (0.9, 0.1), [False, False]),
        (-1, 0, 1, (STRONG - 0.01, -0.5), [True, False]),
        (-1, 0, 1, (STRONG + 0.01, -0.5), [False, False]),
        (-1, 0, 1, (STRONG + 0.01, 0.1), [True, False]),  # the lead over the runner-up counts
        (0, 0, 1, (0.2, 0.1), [False, False]),  # came back and holds
        (-1, 0, LAST_LOSS, (2.0, 0.1), [True, False]),
        (1, 0, LAST_LOSS, (2.0, 0.1), [True, False]),
        (1, 0, NOTHING_NEW, (2.0, 0.1), [True, False]),
        (-1, 0, NOTHING_NEW, (2.0, 0.1), [True, True]),
    ],
)
def test_bars(before: int, lost: int, losses: int, weight: tuple[float, float], expected: list[bool]) -> None:
    assert claims(before, lost, losses).barred(np.array(weight), ASKED).tolist() == expected


def after(before: int, weight: tuple[float, float], distance: tuple[float, float]) -> tuple[int, int, int]:
    state = claims(before, -1, 0)
    leaders = choose_leaders(state.owner, np.array(weight), np.array(distance), 1, ASKED)
    found = state.after(leaders, np.array(distance))
    return int(found.before[0]), int(found.lost[0]), int(found.losses[0])


def test_a_leader_gives_way_only_to_a_friend() -> None:
    assert after(0, (-0.2, 0.5), (NEAR / 2, FAR)) == (1, 0, 1)
    assert after(0, (-0.2, 0.1), (NEAR / 2, FAR)) == (-1, 0, 1)
    assert after(0, (-0.2, 0.5), (FAR, FAR)) == (1, -1, 0)  # lost on other grounds
    assert after(0, (0.9, 0.5), (NEAR / 2, FAR)) == (0, -1, 0)  # holds in spite of the friend
    assert after(-1, (-0.2, 0.5), (NEAR / 2, FAR)) == (1, -1, 0)
    assert after(0, (-0.2, 0.5), (np.nan, np.nan)) == (1, -1, 0)
