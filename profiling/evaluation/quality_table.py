"""What was measured of several networks on several populations, as Markdown tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Share = Mapping[str, Any]
POOLED = "all"  # the row that pools the populations


def draw_tables(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Three tables: leaders by rule, by kind of user, and by population.

    Parameters
    ----------
    found : network -> population -> metrics of `evaluation.assess`; the population `POOLED` holds those of
        `evaluation.pool`, whose metrics fill the first two tables.
    """
    parts = [
        "Who is the owner of an album, by rule. *Leaders*: users with a cluster of their own for whom the rule names "
        "it. *Precision*: profiles that are their owner's. *Coverage*: users with two faces of their own or more who "
        "have a profile. In brackets the 95 % interval (Wilson).",
        _table(("network", "rule", "leaders", "precision", "coverage"), _rules(found)),
        "By kind of user, all rounds.",
        _table(("network", "kind", "users", "largest cluster", "leaders", "precision", "coverage"), _kinds(found)),
        "By population, all rounds. *TP*: faces of uploads named right, at the threshold where strangers are named in "
        f"0.1 % of the tries; the row *{POOLED}* has one threshold for all populations. *TP of all*: also of faces "
        "that were not detected or whose person has no profile.",
        _table(
            ("network", "population", "precision", "coverage", "TP", "TP of all", "named wrong"), _populations(found)
        ),
    ]
    return "\n\n".join(parts) + "\n"


def show(value: Share) -> str:
    """A share in per cent with its interval; a dash where nothing was counted."""
    if value["value"] is None:
        return "–"
    low, high = value["interval"]
    return f"{100 * value['value']:.1f} % ({100 * low:.1f}–{100 * high:.1f})"


def _rules(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Sequence[str]]:
    for network, populations in found.items():
        pooled = populations[POOLED]
        yield network, "largest cluster", show(pooled["baseline_largest_cluster"]), "", ""
        yield "", "avatar's face", show(pooled["baseline_avatar"]), "", ""
        rounds = pooled["rounds"]
        named = [("regression without friends", 0), ("one round with friends", 1), ("all rounds", len(rounds) - 1)]
        for name, number in named:
            if number < len(rounds):
                shares = (rounds[number][each] for each in ("leader_accuracy", "precision", "coverage"))
                yield "", name, *map(show, shares)


def _kinds(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Sequence[str]]:
    names = ("baseline_largest_cluster", "leader_accuracy", "precision", "coverage")
    for network, populations in found.items():
        for place, (kind, part) in enumerate(populations[POOLED]["by_kind"].items()):
            yield "" if place else network, kind, f"{part['users']:,}", *(show(part[name]) for name in names)


def _populations(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Sequence[str]]:
    names = ("precision", "coverage", "tp_at_fp_0.001", "tp_all", "wrong_at_fp_0.001")
    for network, populations in found.items():
        for place, (population, metrics) in enumerate(populations.items()):
            yield "" if place else network, population, *(show(metrics[name]) for name in names)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
