"""What the tests of birth years ask of a population with known years."""

import numpy as np

from graph.ages import BirthYears, estimate_birth_years
from graph.cohorts import CohortTable, count_cohorts
from graph.friendships import Friendships
from graph.guesses import guess_years

NOTHING_COUNTED = CohortTable.of_counts([])


def estimate(
    rows, friendships: Friendships, stated: np.ndarray, table: CohortTable | None = None, **settings
) -> BirthYears:
    """Both passes over a population that fits in memory, with its own table unless one is given."""
    everybody = np.arange(friendships.rows)
    table = table or CohortTable.of_counts([count_cohorts(everybody, friendships, stated)])
    guesses = guess_years(everybody, friendships, stated, table)
    return estimate_birth_years(rows, friendships, stated, table, guesses, **settings)


def modes(friendships: Friendships, stated: np.ndarray) -> np.ndarray:
    """The plain mode of the friends' years, user by user; the earliest of equals; NaN without any."""
    years = [stated[friendships.friends(row)] for row in range(friendships.rows)]
    counted = [np.unique(found[np.isfinite(found)], return_counts=True) for found in years]
    return np.array([values[counts.argmax()] if len(values) else np.nan for values, counts in counted])


def shares(estimated: np.ndarray, born: np.ndarray) -> np.ndarray:
    """Exact and within a year, of those who have any friend with a year."""
    off = np.abs(estimated - born)
    return np.array([(off == 0).mean(), (off <= 1).mean()])
