"""What birth year and gender of a user are told from, as a digest for each user: own words, and the friends'."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from profiling.albums import Ints, flags
from profiling.digests import Digests, combine, digest_rows, sum_by_user

STATED = ("first_name", "last_name", "gender", "birth_year")


def friend_lists(friend_ids: Ints, indptr: Ints) -> Digests:
    """A digest of who is whose friend, uint64 [users, 2], zeros for who has none.

    Parameters
    ----------
    friend_ids : int64, user ids; the friends of the user at place u are ``friend_ids[indptr[u]:indptr[u + 1]]``.
    """
    owner = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return sum_by_user(digest_rows(friend_ids), owner, len(indptr) - 1)


def people_inputs(
    users: pa.Table,
    indptr: Ints,
    friend_rows: npt.NDArray[np.int32],
    user_ids: Ints,
    birth_years: npt.NDArray[np.float32],
    guesses: npt.NDArray[np.uint8],
    lists: Digests,
    rules: Any,
) -> Digests:
    """A digest of each user's inputs of stage people, uint64 [users, 2].

    Parameters
    ----------
    users : table ``users`` of the bucket. indptr, friend_rows : their friends, rows.
    user_ids, birth_years, guesses, lists : by row of the population, usually memory-mapped: ids, stated years (NaN =
        none), first guesses uint8 [population, k], `friend_lists`.
    rules : JSON values that all users share: settings, ids of the artefacts, the version of the code.

    Notes
    -----
    A friend's whole list of friends counts, where the communities read only those who are friends of the user too: to
    cut each list would cost more than the estimate itself.
    """
    wanted, place = np.unique(friend_rows, return_inverse=True)
    about = (user_ids[wanted], birth_years[wanted], guesses[wanted], lists[wanted])
    theirs = digest_rows(*(np.asarray(each) for each in about))[place]
    owner = np.repeat(np.arange(len(users)), np.diff(indptr))
    consent = flags(users["consent"].fill_null(True)).astype(np.int64)
    own = digest_rows(*(users[name] for name in STATED), consent)
    return combine(rules, own, sum_by_user(theirs, owner, len(users)))
