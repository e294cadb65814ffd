"""Birth years from the friends: most people's friends are of their own age, and many people lie about theirs.

The friends' years answer first, each weighed by what it says about a friend's year in this population, and friends who
state none by a first guess. Where a second cohort is nearly as full (school, family and work of a whole life) and no
stated year settles it, the communities of the friends' own friendships do: years that add up across circles are chance,
years that meet within one are a cohort.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graph.cohorts import (
    FIRST_YEAR,
    USERS_A_BLOCK,
    CohortTable,
    Counts,
    Floats,
    Years,
    plausible,
    within,
    year_histogram,
)
from graph.communities import ego_communities
from graph.friendships import Friendships
from graph.guesses import SURE, VOTE, Guesses, guess_histogram, log_shares, shares_of, with_statement

UNKNOWN, STATED, FRIENDS = 0, 1, 2  # values of BirthYears.source
SOURCES: tuple[str | None, ...] = (None, "stated", "friends")  # their names in table `people`

SECOND_PEAK = 0.6  # share of the fullest year at which another cohort casts doubt
CLOSE_YEARS = 2  # friends, and errors, this near to an estimate speak for it
SHRINK = 1.0  # friends against it that every circle is charged with: a single friend agrees with nobody
STATED_ALONE = 0.6  # confidence of a statement that nobody confirms: above a half, below any that friends confirm


class BirthYears(NamedTuple):
    """Birth years of some rows: `year` (NaN = unknown), `confidence` (0 to 1) and `source` (see SOURCES)."""

    year: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    source: npt.NDArray[np.int8]


class _Question(NamedTuple):
    """What estimate_birth_years was given, beside the rows."""

    friendships: Friendships
    stated: Years
    table: CohortTable
    guesses: Guesses
    trusted_gap: int
    min_friends: int
    min_confidence: float
    order: npt.NDArray[np.int64] | None


def estimate_birth_years(
    rows: npt.ArrayLike,
    friendships: Friendships,
    stated: Years,
    table: CohortTable,
    guesses: Guesses,
    *,
    trusted_gap: int = 5,
    min_friends: int = 3,
    min_confidence: float = 0.5,
    order: npt.NDArray[np.int64] | None = None,
) -> BirthYears:
    """Tell when the users of `rows` were born, from what they and their friends state.

    Parameters
    ----------
    rows : integers [n], any order.
    stated : float32 [N], stated birth year of every row, NaN = not stated.
    table : what friends' years say in this population.
    guesses : uint8 [N, 4], what `guess_years` says of every row.
    trusted_gap : years a stated year may lie off a cohort of the friends' and be trusted.
    min_friends : friends with a stated year before their years count in full; with fewer, their year is told only
        where nothing is stated, and its confidence shrinks in proportion.
    min_confidence : confidence of the friends' year from which it overrules a stated one.
    order : int64 [N], the user id of every row, so that results do not depend on the rows' numbers.

    Returns
    -------
    BirthYears [n] in the order of `rows`. A trusted stated year stays as it is; one that has too few friends to be
    checked stays with lower confidence; one that the friends contradict gives way. `confidence` is the mean of two
    probabilities: that this is the year, and that it is at most CLOSE_YEARS off. A caller who wants certainty treats
    confidence below `min_confidence` as unknown.

    Notes
    -----
    With the passes before it 20,000 to 30,000 users a second on one core; a user in doubt costs milliseconds for the
    communities. Accuracy and calibration are measured in docs/decisions/0002-birth-years.md.
    """
    wanted = np.asarray(rows, np.int64).ravel()
    asked = _Question(friendships, stated, table, guesses, trusted_gap, min_friends, min_confidence, order)
    parts = [_estimate_block(asked, wanted[at : at + USERS_A_BLOCK]) for at in range(0, len(wanted), USERS_A_BLOCK)]
    if not parts:
        return BirthYears(np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.int8))
    return BirthYears(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _estimate_block(asked: _Question, rows: npt.NDArray[np.int64]) -> BirthYears:
    indptr, friends = asked.friendships.of_rows(rows)
    counts = year_histogram(indptr, friends, asked.stated)
    own = plausible(asked.stated[rows]) - FIRST_YEAR
    known, said = counts.sum(axis=1), np.isfinite(own)
    enough, at_own = known >= asked.min_friends, np.where(said, own, 0).astype(np.int64)
    trusted = enough & said & (_fullest(counts, at_own, asked.trusted_gap, inside=True) >= _doubt_level(counts))
    votes = guess_histogram(indptr, friends, asked.guesses)
    rivalled = _fullest(counts, counts.argmax(axis=1), asked.trusted_gap, inside=False) >= _doubt_level(counts)
    for at in np.flatnonzero(enough & ~trusted & rivalled):
        votes[at] = _votes_by_circle(asked, int(rows[at]))

    logs = log_shares(votes, asked.table)
    estimate, shares = logs.argmax(axis=1), shares_of(SURE * logs)
    confidence = _confidence(shares, estimate) * np.minimum(known / asked.min_friends, 1.0)
    by_friends = (known > 0) & ~trusted & (~said | (enough & (confidence >= asked.min_confidence)))
    year = np.where(by_friends, estimate, own) + FIRST_YEAR
    alone = STATED_ALONE * np.where(enough, 1 - confidence, 1.0)
    confirmed = np.maximum(_confidence(with_statement(shares, own), at_own), STATED_ALONE)
    belief = np.where(by_friends, confidence, np.where(trusted, confirmed, np.where(said, alone, 0.0)))
    source = np.where(by_friends, FRIENDS, np.where(said, STATED, UNKNOWN))
    return BirthYears(year.astype(np.float32), belief.astype(np.float32), source.astype(np.int8))


def _doubt_level(counts: Counts) -> npt.NDArray[np.float64]:
    """Friends that make a year a cohort of its own: at least one."""
    level: npt.NDArray[np.float64] = np.maximum(SECOND_PEAK * counts.max(axis=1), 1.0)
    return level


def _fullest(counts: Counts, year: Counts, gap: int, inside: bool) -> Counts:
    """Friends in the fullest column within `gap` of `year`, or in the fullest one outside."""
    near = np.abs(np.arange(counts.shape[1])[None, :] - year[:, None]) <= gap
    best: Counts = np.where(near == inside, counts, 0).max(axis=1)
    return best


def _confidence(shares: Floats, year: Counts) -> Floats:
    """Mean of the shares of `year` (columns [n]) and of all years within CLOSE_YEARS of it."""
    exact = np.take_along_axis(shares, year[:, None], axis=1)[:, 0]
    near = np.abs(np.arange(shares.shape[1])[None, :] - year[:, None]) <= CLOSE_YEARS
    close: Floats = np.where(near, shares, 0.0).sum(axis=1)
    return (exact + np.minimum(close, 1.0)) / 2


def _votes_by_circle(asked: _Question, row: int) -> Counts:
    """Votes of the friends of `row`, each counting as much as the friend's circle agrees: int64 [YEARS].

    A circle's weight is the square of its share within CLOSE_YEARS of its best year, so that a large workplace of all
    ages gives way to a school class half its size; the weights leave the number of votes as it was.
    """
    friends = asked.friendships.friends(row)
    circles = ego_communities(asked.friendships, row, asked.order)
    members = np.concatenate([friends[circle] for circle in circles])
    indptr = np.concatenate([[0], np.cumsum([len(circle) for circle in circles])]).astype(np.int64)
    votes = guess_histogram(indptr, members, asked.guesses)
    totals = votes.sum(axis=1)
    weights = (within(votes, CLOSE_YEARS).max(axis=1) / (totals + SHRINK * VOTE)) ** 2
    weighed: Counts = np.rint(votes.T @ (weights * totals.sum() / (weights @ totals))).astype(np.int64)
    return weighed
