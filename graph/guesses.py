"""A first guess at everybody's year, so that friends who state none, or a false one, have a say all the same.

The friends' stated years, weighed by the cohort table, give every user a distribution over years; a stated year is
taken as mostly true. The two likeliest years of each user, four bytes, are what the friends' second look reads.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from graph.cohorts import (
    FIRST_YEAR,
    NATS,
    USERS_A_BLOCK,
    YEARS,
    CohortTable,
    Counts,
    Floats,
    Years,
    plausible,
    year_histogram,
)
from graph.friendships import Friendships, Offsets, Rows

ALIKE = 0.04  # correlation of two friends' years given one's own: n friends say as much as n / (1 + ALIKE (n - 1))
FALSE_SHARE = 0.15  # of stated years; between .05 and .3 no school moves by half a point
SURE = 0.65  # exponent that makes probabilities honest: fitted on three schools, see docs/decisions/0002-birth-years.md
UNSTATED = 0.35  # weight of a friend's guessed year against a stated one
VOTE = 255  # units of one friend's vote: shares are stored as whole 255ths

Guesses: TypeAlias = npt.NDArray[np.uint8]  # [N, 4]: likeliest year (a column), its votes, the next year, its votes


def guess_years(rows: npt.ArrayLike, friendships: Friendships, stated: Years, table: CohortTable) -> Guesses:
    """The two likeliest years of each of `rows`, uint8 [n, 4]: year (from FIRST_YEAR) and votes (0 to VOTE), twice.

    Parameters
    ----------
    rows : integers [n], any order.
    stated : float32 [N], stated birth year of every row, NaN = not stated.
    table : what friends' years say in this population.
    """
    wanted = np.asarray(rows, np.int64).ravel()
    guesses = np.zeros((len(wanted), 4), np.uint8)
    for at in range(0, len(wanted), USERS_A_BLOCK):
        block = wanted[at : at + USERS_A_BLOCK]
        counts = year_histogram(*friendships.of_rows(block), stated)
        own = plausible(stated[block]) - FIRST_YEAR
        likely = with_statement(shares_of(SURE * log_shares(VOTE * counts, table)), own)
        likely[(counts.sum(axis=1) == 0) & ~np.isfinite(own)] = 0.0
        guesses[at : at + len(block)] = _two_likeliest(likely * np.where(np.isfinite(own), 1.0, UNSTATED)[:, None])
    return guesses


def guess_histogram(indptr: Offsets, friends: Rows, guesses: Guesses) -> Counts:
    """Votes of the friends' guesses: int64 [users, YEARS], VOTE a friend without doubt."""
    users = len(indptr) - 1
    first = np.repeat(np.arange(users, dtype=np.int64), np.diff(indptr)) * YEARS
    theirs = guesses[friends]
    cells = np.concatenate([first + theirs[:, 0], first + theirs[:, 2]])
    votes = np.concatenate([theirs[:, 1], theirs[:, 3]])
    return np.bincount(cells, weights=votes, minlength=users * YEARS).astype(np.int64).reshape(users, YEARS)


def log_shares(votes: Counts, table: CohortTable) -> Floats:
    """Log-likelihood of each year, up to a constant: float64 [users, YEARS].

    Parameters
    ----------
    votes : int64 [users, YEARS], VOTE a friend.

    Notes
    -----
    The product is one of whole numbers below 2^53, so it is exact whatever the order of its sums. Friends of one
    user are alike beyond their common year (one class, one team), so their evidence saturates: see ALIKE.
    """
    weighed = votes.astype(np.float64) @ table.speaks / (VOTE * NATS)
    friends = votes.sum(axis=1, keepdims=True) / VOTE
    logs: Floats = weighed / (1 + ALIKE * np.maximum(friends - 1, 0)) + table.prior
    return logs


def shares_of(logs: Floats) -> Floats:
    """Probabilities [n, YEARS] from logarithms known up to a constant."""
    shares: Floats = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def with_statement(shares: Floats, own: Floats) -> Floats:
    """The shares [n, YEARS] after the user's own statement `own` [n] (a column, NaN = none) is heard too."""
    said = np.flatnonzero(np.isfinite(own))
    heard = np.ones_like(shares)
    heard[said] = FALSE_SHARE / YEARS
    heard[said, own[said].astype(np.int64)] += 1 - FALSE_SHARE
    heard *= shares
    heard /= heard.sum(axis=1, keepdims=True)
    return heard


def _two_likeliest(shares: Floats) -> Guesses:
    users = np.arange(len(shares))
    first = shares.argmax(axis=1)
    rest = shares.copy()
    rest[users, first] = -1.0
    second = rest.argmax(axis=1)
    columns = [first, np.rint(VOTE * shares[users, first]), second, np.rint(VOTE * shares[users, second])]
    return np.stack(columns, axis=1).astype(np.uint8)
