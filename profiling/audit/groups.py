"""Groups of users, so that a generation that serves some worse than others cannot hide in a mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.albums import find, integers, numbers
from profiling.tallies import add_counts, count_values

UNKNOWN = "unknown"
WOMAN, MAN = 0.75, 0.25  # probability above, below which a user counts as a woman, a man: between them nobody knows
BAND_YEARS = 20  # a generation; bands by year of birth do not move with the calendar
EARLIEST = 1920  # the first band is open below, as the last one, from 2020, is above
PHOTO_BANDS = (0, 1, 5, 10, 20, 50, 100)  # selected photos of a user, lower edges
GROUPINGS = ("gender", "age", "photos")  # what users are grouped by without any truth
FAIRNESS = ("gender", "age")  # groupings whose groups must be served alike; few photos are a reason, being old is none

Texts = npt.NDArray[np.object_]


def label_groups(users: pa.Table, people: pa.Table, selection: pa.Table) -> pa.Table:
    """The group of each user in each of `GROUPINGS`.

    Parameters
    ----------
    users : user_id. people : user_id, birth_year, female; what is stated, or told by friends and names.
    selection : owner_id of each selected photo.

    Returns
    -------
    table sorted by user_id: user_id, gender ("female", "male", "unknown"), age ("born 1960-1979", …, "unknown"),
    photos ("1-4", …).
    """
    user_id = np.sort(integers(users["user_id"]))
    order = np.argsort(integers(people["user_id"]), kind="stable")
    place, known = find(user_id, integers(people["user_id"])[order])
    female, born = (_taken(numbers(people[name])[order], place, known) for name in ("female", "birth_year"))
    owner, counts = np.unique(integers(selection["owner_id"]), return_counts=True)
    at, there = find(user_id, owner)
    photos = np.where(there, counts[at] if len(owner) else 0, 0)
    return pa.table(
        {
            "user_id": pa.array(user_id),
            "gender": pa.array(np.select([female >= WOMAN, female <= MAN], ["female", "male"], UNKNOWN), pa.string()),
            "age": pa.array([_age_band(year) for year in born.tolist()], pa.string()),
            "photos": pa.array([_photo_band(count) for count in photos.tolist()], pa.string()),
        }
    )


def count_groups(labels: pa.Table, profiles: pa.Table, clusters: pa.Table) -> dict[str, dict[str, dict[str, Any]]]:
    """By grouping and group: `users`, those `with_cluster`, and all of them by reason."""
    profiles = profiles.select(["user_id", "reason"]).sort_by("user_id")
    clustered = pc.is_in(labels["user_id"], value_set=pc.unique(clusters["user_id"]))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for grouping in labels.column_names[1:]:
        for group in sorted(pc.unique(labels[grouping]).to_pylist()):
            mine = pc.equal(labels[grouping], group)
            found.setdefault(grouping, {})[group] = {
                "users": pc.sum(mine).as_py(),
                "with_cluster": pc.sum(pc.and_(mine, clustered)).as_py(),
                "reasons": count_values(profiles["reason"].filter(mine)),
            }
    return found


def add_groups(parts: Iterable[Mapping[str, Mapping[str, Mapping[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """Add the buckets' counts up: by grouping a list of groups with `coverage`, in the order of `sort_groups`."""
    gathered: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for part in parts:
        for grouping, groups in part.items():
            for group, counts in groups.items():
                gathered.setdefault(grouping, {}).setdefault(group, []).append(counts)
    return {
        grouping: [_added(group, gathered[grouping][group]) for group in sort_groups(gathered[grouping])]
        for grouping in sorted(gathered)
    }


def sort_groups(names: Iterable[str]) -> list[str]:
    """Bands by their lower edge, then words by alphabet, "unknown" last."""

    def key(name: str) -> tuple[bool, int, str]:
        digits = "".join(each if each.isdigit() else " " for each in name.replace("before", "-")).split()
        return name == UNKNOWN, int(digits[0]) - ("before" in name) if digits else 0, name

    return sorted(names, key=key)


def coverage_gap(groups: Sequence[Mapping[str, Any]], least_users: int) -> dict[str, Any] | None:
    """The gap between the best and the worst served group of at least `least_users` users with a cluster.

    Returns
    -------
    value, best, worst (names); None with fewer than two such groups. Users of unknown group make none.
    """
    large = [group for group in groups if group["name"] != UNKNOWN and group["with_cluster"] >= least_users]
    if len(large) < 2:
        return None
    best, worst = max(large, key=_coverage), min(reversed(large), key=_coverage)  # two groups, equal ones too
    return {"value": best["coverage"] - worst["coverage"], "best": best["name"], "worst": worst["name"]}


def _coverage(group: Mapping[str, Any]) -> float:
    return float(group["coverage"])


def _added(name: str, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = add_counts({"users": part["users"], "with_cluster": part["with_cluster"]} for part in parts)
    reasons = add_counts(part["reasons"] for part in parts)
    with_cluster = counts["with_cluster"]
    coverage = reasons.get("ok", 0) / with_cluster if with_cluster else None
    return {"name": name, **counts, "profiles": reasons.get("ok", 0), "coverage": coverage, "reasons": reasons}


def _taken(values: npt.NDArray[np.float64], place: npt.NDArray[np.int64], known: Any) -> npt.NDArray[np.float64]:
    return np.where(known, values[place] if len(values) else np.nan, np.nan)


def _age_band(year: float) -> str:
    if not np.isfinite(year):
        return UNKNOWN
    if year < EARLIEST:
        return f"born before {EARLIEST}"
    first = EARLIEST + int((year - EARLIEST) // BAND_YEARS) * BAND_YEARS
    return f"born {first}–{first + BAND_YEARS - 1}"


def _photo_band(count: int) -> str:
    place = int(np.searchsorted(PHOTO_BANDS, count, side="right")) - 1
    if place == len(PHOTO_BANDS) - 1:
        return f"{PHOTO_BANDS[-1]} and more"
    low, high = PHOTO_BANDS[place], PHOTO_BANDS[place + 1] - 1
    return str(low) if low == high else f"{low}–{high}"
