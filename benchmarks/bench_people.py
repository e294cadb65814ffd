"""Birth years from the friends, in users a second, beside networkx for every ego and beside the plain mode.

    python benchmarks/bench_people.py [--repeats 3] [--tiny]

100,000 drawn users with 80 friends, most of them near in age, a fifth strangers; 30 % state no year, 15 % of the others
a false one. We make all passes of the people stage (cohort table, first guesses, estimates), which asks networkx for
communities only where a doubt is left. *networkx per ego* is what one would write from the description: for each user
the graph of the friends, Louvain, and the commonest year of the largest community; it gets 200 users, and its time is
scaled. *plain mode* is the commonest year of the friends, in one pandas groupby. They do not give the same years, so
what is checked is that ours are right at least as often, of users who state none.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from statistics import mode

import networkx as nx
import numpy as np
import numpy.typing as npt
import pandas as pd
import people
from harness import Case, Side, options, run

from graph.friendships import Friendships

EGOS = 200  # users that networkx gets
CLOSE = 1  # years
Years = npt.NDArray[np.float32]


def plain_mode(friendships: Friendships, stated: Years) -> Years:
    """The commonest stated year of each user's friends, the earlier of equals; NaN without any."""
    indptr, friends = friendships.neighbours(0, friendships.rows)
    frame = pd.DataFrame({"user": np.repeat(np.arange(friendships.rows), np.diff(indptr)), "year": stated[friends]})
    counts = frame.groupby(["user", "year"]).size().reset_index(name="friends")
    best = counts.sort_values(["user", "friends", "year"], ascending=[True, False, True]).drop_duplicates("user")
    found = np.full(friendships.rows, np.nan, np.float32)
    found[best["user"].to_numpy()] = best["year"].to_numpy()
    return found


def networkx_per_ego(friendships: Friendships, stated: Years, users: npt.NDArray[np.int64]) -> Years:
    """The commonest year of the largest community among each user's friends who state one."""
    found = np.full(len(users), np.nan, np.float32)
    for place, user in enumerate(users.tolist()):
        friends = friendships.friends(user)
        graph = nx.Graph()
        graph.add_nodes_from(range(len(friends)))
        graph.add_edges_from(np.stack(friendships.ego_edges(user), axis=1).tolist())
        circle = sorted(max(nx.community.louvain_communities(graph, seed=1), key=len)) if len(friends) else []
        years = [year for year in stated[friends[circle]].tolist() if year == year]
        found[place] = mode(years) if years else np.nan
    return found


def right(years: Years, born: npt.NDArray[np.int64], asked: npt.NDArray[np.bool_]) -> float:
    """Share of the users who are asked about whose year is at most `CLOSE` off."""
    return float((np.abs(years - born)[asked] <= CLOSE).mean())


def case(users: int, egos: int) -> Case:
    """All users for us and the mode, some for networkx."""
    born, friendships = people.draw_users(users=users)
    stated, hidden = people.state(born, 0, others=False)
    some = np.random.default_rng(0).choice(np.flatnonzero(hidden), min(egos, int(hidden.sum())), replace=False)
    shares: dict[str, float] = {}

    def compare(ours: Years, of_egos: Years, modes: Years) -> None:
        asked = np.isin(np.arange(users), some)
        shares.update(kith=right(ours, born, asked), mode=right(modes, born, asked))
        shares["networkx"] = float((np.abs(of_egos - born[some]) <= CLOSE).mean())
        print({name: round(share, 3) for name, share in shares.items()})  # noqa: T201
        assert shares["kith"] >= max(shares["mode"], shares["networkx"]) - 0.02, "ours are worse"

    return Case(
        f"{users:,} users of {len(friendships.chunks[0][1]) / users:.0f} friends",
        users,
        "users",
        [
            Side("kith", lambda: people.estimate(friendships, stated)[0].year),
            Side("networkx per ego", lambda: networkx_per_ego(friendships, stated, some), share=len(some) / users),
            Side("plain mode", lambda: plain_mode(friendships, stated)),
        ],
        compare,
    )


def main() -> None:
    """Check, measure, print, keep."""
    given = options(__doc__ or "", repeats=3).parse_args()
    cases = [case(1_500, 20) if given.tiny else case(people.DRAWN_USERS, EGOS)]
    run("people", "People: birth years from the friends, one thread", cases, given)


if __name__ == "__main__":
    main()
