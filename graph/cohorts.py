"""What a friend's year says about one's own, learned from the population: who befriends whom by year of birth.

Seniors know three classes, freshmen one; large classes lend friends to small ones. A table of friendships by the two
stated years says so for every pair of years, and where it is thin the difference of the years alone does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graph.friendships import Friendships, Offsets, Rows

FIRST_YEAR, LAST_YEAR = 1900, 2100  # birth years (or class years) outside are read as not stated
YEARS = LAST_YEAR - FIRST_YEAR + 1
USERS_A_BLOCK = 8192  # rows of the histogram held at once: 13 MB of int64

# The values below are chosen on the schools and on the drawn populations of docs/decisions/0002-birth-years.md.
CONFIRMED_YEARS, CONFIRMED_SHARE = 1, 0.1  # a statement counts in the table if a tenth of the friends are so near
THIN = 5000.0  # friendships by the difference of years alone, added to each year's: a table of 1,500 users overfits
CHANCE = 0.05  # of a friend's year being anybody's: keeps a single strange friend from deciding
SAME_YEAR = 0.5  # nats for exactly one's own year, beyond the table, which spreads over the years beside it
NATS = 1000  # log-odds are whole thousandths of a nat, so that sums do not depend on their order
LIFT, LIFT_FLOOR = 20.0, 0.5  # before anything is counted: friends of one's own year are 20 times as frequent as
# by chance, half of that with every year between (schools: 4 to 60), those far away half as frequent
RARE = 0.01  # users, and friends, added to every year before its share of the population is taken
FEW_USERS = 50.0  # confirmed years at which their shares of the population count by half
VERSION = 1  # of the JSON layout

Years = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class CohortCounts(NamedTuple):
    """Of users whose friends confirm their year: `users` int64 [YEARS], and `pairs` int64 [own year, friend's year]."""

    users: Counts
    pairs: Counts


def plausible(years: Years) -> Floats:
    """Years as whole numbers, float64, NaN where not stated or outside FIRST_YEAR to LAST_YEAR."""
    whole = np.floor(years.astype(np.float64))
    kept: Floats = np.where((whole >= FIRST_YEAR) & (whole <= LAST_YEAR), whole, np.nan)
    return kept


def year_histogram(indptr: Offsets, friends: Rows, stated: Years) -> Counts:
    """How many friends state each year: int64 [users, YEARS], column 0 is FIRST_YEAR.

    Parameters
    ----------
    indptr, friends : as `Friendships.neighbours` gives them.
    stated : float32 [N], NaN and implausible years count nowhere.
    """
    users = len(indptr) - 1
    years = plausible(stated[friends])
    known = np.isfinite(years)
    cells = np.repeat(np.arange(users, dtype=np.int64), np.diff(indptr))[known] * YEARS
    cells += years[known].astype(np.int64) - FIRST_YEAR
    return np.bincount(cells, minlength=users * YEARS).reshape(users, YEARS)


def within(counts: Counts, width: int) -> Counts:
    """Sums of `counts` [n, YEARS] over the columns at most `width` from each."""
    padded = np.pad(counts, ((0, 0), (width + 1, width))).cumsum(axis=1)
    sums: Counts = padded[:, 2 * width + 1 :] - padded[:, : -2 * width - 1]
    return sums


def count_cohorts(rows: npt.ArrayLike, friendships: Friendships, stated: Years) -> CohortCounts:
    """Count friendships by the years of both ends, for those of `rows` whose friends confirm what they state.

    Parameters
    ----------
    rows : integers [n], any order, for example one bucket's.
    stated : float32 [N], stated birth year of every row, NaN = not stated.
    """
    wanted = np.asarray(rows, np.int64).ravel()
    users, pairs = np.zeros(YEARS, np.int64), np.zeros((YEARS, YEARS), np.int64)
    for at in range(0, len(wanted), USERS_A_BLOCK):
        block = wanted[at : at + USERS_A_BLOCK]
        block = block[np.isfinite(plausible(stated[block]))]
        counts = year_histogram(*friendships.of_rows(block), stated)
        own = plausible(stated[block]).astype(np.int64) - FIRST_YEAR
        near = within(counts, CONFIRMED_YEARS)[np.arange(len(own)), own]
        confirmed = near >= np.maximum(CONFIRMED_SHARE * counts.sum(axis=1), 1)
        users += np.bincount(own[confirmed], minlength=YEARS)
        np.add.at(pairs, own[confirmed], counts[confirmed])
    return CohortCounts(users, pairs)


@dataclass(frozen=True)
class CohortTable:
    """What each friend's year says for each own year.

    Attributes
    ----------
    counts : what it was learned from; an empty one leaves the general rule, friends are of one age (see LIFT).
    speaks : float64 [friend's year, own year], whole numbers: thousandths of a nat (see NATS) of log-odds.
    prior : float64 [YEARS], log of each year's share of the population, flatter where few are known.
    """

    counts: CohortCounts
    speaks: Floats = field(init=False, repr=False, compare=False)
    prior: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        users = self.counts.users + RARE
        object.__setattr__(self, "speaks", np.rint(NATS * _log_odds(self.counts.pairs)).T.copy())
        known = self.counts.users.sum() / (self.counts.users.sum() + FEW_USERS)
        object.__setattr__(self, "prior", known * np.log(users / users.sum()))

    @classmethod
    def of_counts(cls, parts: Iterable[CohortCounts]) -> CohortTable:
        """Add up the counts of all buckets, in any order."""
        users, pairs = np.zeros(YEARS, np.int64), np.zeros((YEARS, YEARS), np.int64)
        for part in parts:
            users, pairs = users + part.users, pairs + part.pairs
        return cls(CohortCounts(users, pairs))

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the content."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """Counts as JSON, cells that are not zero: the same population gives the same bytes."""
        users, pairs = self.counts
        cells = [[int(a), int(b), int(pairs[a, b])] for a, b in np.argwhere(pairs)]
        years = [[int(a), int(users[a])] for a in np.flatnonzero(users)]
        content = {"version": VERSION, "first_year": FIRST_YEAR, "users": years, "pairs": cells}
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> CohortTable:
        """The inverse of `to_json`.

        Raises
        ------
        ValueError
            Text that is no cohort table of this layout.
        """
        try:
            content = json.loads(text)
            if (content["version"], content["first_year"]) != (VERSION, FIRST_YEAR):
                raise ValueError(f"version {content['version']}, this program reads {VERSION}")
            users, pairs = np.zeros(YEARS, np.int64), np.zeros((YEARS, YEARS), np.int64)
            for year, count in content["users"]:
                users[year] = count
            for own, friend, count in content["pairs"]:
                pairs[own, friend] = count
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"not a cohort table ({error}); a full rebuild writes a new one") from None
        return cls(CohortCounts(users, pairs))


def _log_odds(pairs: Counts) -> Floats:
    """Log of how much likelier a friend of each year is for each own year than for anybody: [own, friend]."""
    total, own = pairs.sum(), pairs.sum(axis=1, keepdims=True).astype(np.float64)
    anybody = (pairs.sum(axis=0) + RARE) / (total + RARE * YEARS)
    expected = own * anybody
    apart = np.arange(YEARS)[None, :] - np.arange(YEARS)[:, None] + YEARS - 1
    seen = np.bincount(apart.ravel(), weights=pairs.ravel(), minlength=2 * YEARS - 1)
    chance = np.bincount(apart.ravel(), weights=expected.ravel(), minlength=2 * YEARS - 1)
    before = LIFT * 0.5 ** np.abs(np.arange(2 * YEARS - 1) - YEARS + 1) + LIFT_FLOOR
    lift = (seen + before) / (chance + 1)
    shared = anybody * lift[apart]
    shared /= shared.sum(axis=1, keepdims=True)
    likely = (pairs + THIN * shared) / (own + THIN)
    odds: Floats = np.log((1 - CHANCE) * likely / anybody + CHANCE) + SAME_YEAR * np.eye(YEARS)
    return odds
