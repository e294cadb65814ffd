"""Birth years from the friends: most people's friends are of their own age, and many people lie about theirs.

The fullest year among the friends' stated years answers first. Where a second cohort is nearly as full (school,
family and work of a whole life) and no stated year settles it, the communities of the friends' own friendships do:
years that add up across circles are chance, years that meet within one are a cohort.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graph.communities import ego_communities
from graph.friendships import Friendships, Offsets, Rows

UNKNOWN, STATED, FRIENDS = 0, 1, 2  # values of BirthYears.source
SOURCES: tuple[str | None, ...] = (None, "stated", "friends")  # their names in table `people`

FIRST_YEAR, LAST_YEAR = 1900, 2100  # birth years (or class years) outside are read as not stated
YEARS = LAST_YEAR - FIRST_YEAR + 1
USERS_A_BLOCK = 8192  # rows of the histogram held at once: 13 MB of int64
SECOND_PEAK = 0.6  # share of the fullest year at which another cohort casts doubt
CLOSE_YEARS = 2  # friends this near to an estimate speak for it
SHRINK = 1.0  # friends against it that every estimate is charged with: 3 of 3 agreeing friends give .75
STATED_ALONE = 0.6  # confidence of a statement that nobody confirms: above a half, below any that friends confirm

Years = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


class BirthYears(NamedTuple):
    """Birth years of some rows: `year` (NaN = unknown), `confidence` (0 to 1) and `source` (see SOURCES)."""

    year: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    source: npt.NDArray[np.int8]


class _Question(NamedTuple):
    """What estimate_birth_years was given, beside the rows."""

    friendships: Friendships
    stated: Years
    trusted_gap: int
    min_friends: int
    min_confidence: float
    order: npt.NDArray[np.int64] | None


def estimate_birth_years(
    rows: npt.ArrayLike,
    friendships: Friendships,
    stated: Years,
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
    trusted_gap : years a stated year may lie off a cohort of the friends' and be trusted.
    min_friends : friends with a year before their years count in full; with fewer, their year is told only where
        nothing is stated, and its confidence shrinks in proportion.
    min_confidence : confidence of the friends' year from which it overrules a stated one.
    order : int64 [N], the user id of every row, so that results do not depend on the rows' numbers.

    Returns
    -------
    BirthYears [n] in the order of `rows`. A trusted stated year stays as it is; one that has too few friends to be
    checked stays with lower confidence; one that the friends contradict gives way. A caller who wants certainty
    treats confidence below `min_confidence` as unknown.

    Notes
    -----
    About 50,000 users a second on one core at 80 friends each; a user in doubt costs milliseconds more for the
    communities. Accuracy is measured in docs/decisions/0002-birth-years.md.
    """
    wanted = np.asarray(rows, np.int64).ravel()
    asked = _Question(friendships, stated, trusted_gap, min_friends, min_confidence, order)
    parts = [_estimate_block(asked, wanted[at : at + USERS_A_BLOCK]) for at in range(0, len(wanted), USERS_A_BLOCK)]
    if not parts:
        return BirthYears(np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.int8))
    return BirthYears(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def year_histogram(indptr: Offsets, friends: Rows, stated: Years) -> npt.NDArray[np.int64]:
    """How many friends state each year: int64 [users, YEARS], column 0 is FIRST_YEAR.

    Parameters
    ----------
    indptr, friends : as `Friendships.neighbours` gives them.
    stated : float32 [N], NaN and implausible years count nowhere.
    """
    users = len(indptr) - 1
    years = _plausible(stated[friends])
    known = np.isfinite(years)
    cells = np.repeat(np.arange(users, dtype=np.int64), np.diff(indptr))[known] * YEARS
    cells += years[known].astype(np.int64) - FIRST_YEAR
    return np.bincount(cells, minlength=users * YEARS).reshape(users, YEARS)


def _estimate_block(asked: _Question, rows: npt.NDArray[np.int64]) -> BirthYears:
    counts = year_histogram(*asked.friendships.of_rows(rows), asked.stated)
    known, peak = counts.sum(axis=1), counts.argmax(axis=1)
    own = _plausible(asked.stated[rows]) - FIRST_YEAR
    enough, said = known >= asked.min_friends, np.isfinite(own)
    at_own = np.where(said, own, 0).astype(np.int64)
    trusted = enough & said & (_fullest(counts, at_own, asked.trusted_gap, inside=True) >= _doubt_level(counts))
    confidence = _confidence(counts, np.where(trusted, at_own, peak), asked.trusted_gap)
    estimate = peak.astype(np.float64)
    rivalled = _fullest(counts, peak, asked.trusted_gap, inside=False) >= _doubt_level(counts)
    for at in np.flatnonzero(enough & ~trusted & rivalled):
        circle = _tightest_circle(asked, int(rows[at]))
        if circle is not None:
            estimate[at], confidence[at] = circle

    confidence *= np.minimum(known / asked.min_friends, 1.0)
    by_friends = (known > 0) & ~trusted & (~said | (enough & (confidence >= asked.min_confidence)))
    year = np.where(by_friends, estimate, own) + FIRST_YEAR
    alone = STATED_ALONE * np.where(enough, 1 - confidence, 1.0)
    confirmed = 1 - (1 - STATED_ALONE) * (1 - confidence)
    belief = np.where(by_friends, confidence, np.where(trusted, confirmed, np.where(said, alone, 0.0)))
    source = np.where(by_friends, FRIENDS, np.where(said, STATED, UNKNOWN))
    return BirthYears(year.astype(np.float32), belief.astype(np.float32), source.astype(np.int8))


def _plausible(years: Years) -> npt.NDArray[np.float64]:
    whole = np.floor(years.astype(np.float64))
    kept: npt.NDArray[np.float64] = np.where((whole >= FIRST_YEAR) & (whole <= LAST_YEAR), whole, np.nan)
    return kept


def _doubt_level(counts: Counts) -> npt.NDArray[np.float64]:
    """Friends that make a year a cohort of its own: at least one."""
    level: npt.NDArray[np.float64] = np.maximum(SECOND_PEAK * counts.max(axis=1), 1.0)
    return level


def _fullest(counts: Counts, year: Counts, gap: int, inside: bool) -> Counts:
    """Friends in the fullest column within `gap` of `year`, or in the fullest one outside."""
    near = np.abs(np.arange(counts.shape[1])[None, :] - year[:, None]) <= gap
    best: Counts = np.where(near == inside, counts, 0).max(axis=1)
    return best


def _window(counts: Counts, width: int) -> Counts:
    """Friends within `width` years of each column."""
    padded = np.pad(counts, ((0, 0), (width + 1, width))).cumsum(axis=1)
    sums: Counts = padded[:, 2 * width + 1 :] - padded[:, : -2 * width - 1]
    return sums


def _confidence(counts: Counts, year: Counts, gap: int) -> npt.NDArray[np.float64]:
    """Of the friends in the cohort around `year` and in its fullest rival, the share within CLOSE_YEARS of `year`."""
    users = np.arange(len(counts))
    close = _window(counts, CLOSE_YEARS)
    cohort = _window(counts, max(gap, CLOSE_YEARS))[users, year]
    rival = _fullest(close, year, gap, inside=False)
    share: npt.NDArray[np.float64] = close[users, year] / (cohort + rival + SHRINK)
    return share


def _tightest_circle(asked: _Question, row: int) -> tuple[float, float] | None:
    """Year (as a column) and confidence of the community whose years agree best; None where all are too small.

    A circle weighs its agreeing friends times their share in it: a large workplace of all ages loses against a
    school class half its size. The largest circle's median was 10 points worse than the plain mode.
    """
    years = _plausible(asked.stated[asked.friendships.friends(row)]) - FIRST_YEAR
    best: tuple[float, float, float] | None = None
    for community in ego_communities(asked.friendships, row, asked.order):
        ages = years[community]
        ages = ages[np.isfinite(ages)]
        if len(ages) < asked.min_friends:
            continue
        values, sizes = np.unique(ages, return_counts=True)
        near = (np.abs(ages[None, :] - values[:, None]) <= CLOSE_YEARS).sum(axis=1)
        first = np.lexsort((values, -near, -sizes))[0]
        weight = float(near[first]) ** 2 / len(ages)
        found = (weight, -float(values[first]), float(near[first]) / (len(ages) + SHRINK))
        best = found if best is None else max(best, found)
    return None if best is None else (-best[1], best[2])
