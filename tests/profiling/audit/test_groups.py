"""Groups hold everybody once, in a readable order, and a gap between them is found only where it means something."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from profiling.audit.groups import GROUPINGS, add_groups, count_groups, coverage_gap, label_groups, sort_groups

USERS = 60


def population(seed: int = 1) -> dict[str, pa.Table]:
    rng = np.random.default_rng(seed)
    ids = rng.choice(2**40, USERS, replace=False)
    born = [None if rng.random() < 0.3 else float(rng.uniform(1900, 2024)) for _ in ids]
    return {
        "users": pa.table({"user_id": ids}),
        "people": pa.table(
            {
                "user_id": ids[::-1],
                "female": pa.array([None if rng.random() < 0.2 else float(rng.random()) for _ in ids], pa.float32()),
                "birth_year": pa.array(born, pa.float32()),
            }
        ),
        "selection": pa.table({"owner_id": rng.choice(ids[: USERS // 2], 900)}),
    }


def test_every_user_is_in_one_group_of_each_kind() -> None:
    tables = population()
    labels = label_groups(**tables)
    assert labels.column_names == ["user_id", *GROUPINGS]
    assert sorted(tables["users"]["user_id"].to_pylist()) == labels["user_id"].to_pylist()
    assert all(labels[name].null_count == 0 for name in GROUPINGS)
    taken = Counter(tables["selection"]["owner_id"].to_pylist())
    about = {row["user_id"]: row for row in tables["people"].to_pylist()}
    for row in labels.to_pylist():
        person, photos = about[row["user_id"]], taken[row["user_id"]]
        female = person["female"]
        assert row["gender"] == (
            "unknown" if female is None or 0.25 < female < 0.75 else "female" if female >= 0.75 else "male"
        )
        low, _, high = row["photos"].replace(" and more", "–999999").partition("–")
        assert int(low) <= photos <= int(high or low)
        if person["birth_year"] is None:
            assert row["age"] == "unknown"
        else:
            low, _, high = row["age"].replace("before ", "0–").removeprefix("born ").partition("–")
            assert int(low) <= person["birth_year"] < int(high) + 1


def test_counts_add_up_in_any_division() -> None:
    tables = population()
    ids = tables["users"]["user_id"].to_pylist()
    reasons = pa.table({"user_id": ids, "reason": [("ok", "no_margin", "no_faces")[k % 3] for k in range(USERS)]})
    clusters = pa.table({"user_id": [user for k, user in enumerate(ids) if k % 3 < 2] * 2})
    labels = label_groups(**tables)
    whole = add_groups([count_groups(labels, reasons, clusters)])
    parts = []
    for part in range(4):
        mine = pa.array(ids[part::4])
        cut = {name: table.filter(np.isin(table["user_id"], mine)) for name, table in
               {"labels": labels, "profiles": reasons, "clusters": clusters}.items()}  # fmt: skip
        parts.append(count_groups(**cut))
    assert add_groups(parts) == add_groups(parts[::-1]) == whole
    for groups in whole.values():
        assert sum(group["users"] for group in groups) == USERS
        assert sum(group["profiles"] for group in groups) == USERS // 3
        for group in groups:
            assert sum(group["reasons"].values()) == group["users"]
            if group["with_cluster"]:
                assert group["coverage"] == group["profiles"] / group["with_cluster"]


def test_groups_stand_in_their_natural_order() -> None:
    ages = ["unknown", "born 1960–1979", "born 1920–1939", "born before 1920"]
    assert sort_groups(ages) == ["born before 1920", "born 1920–1939", "born 1960–1979", "unknown"]
    assert sort_groups(["100 and more", "5–9", "0", "10–19", "1–4"]) == ["0", "1–4", "5–9", "10–19", "100 and more"]
    assert sort_groups(["male", "unknown", "female"]) == ["female", "male", "unknown"]


def group(name: str, users: int, coverage: float) -> dict[str, object]:
    return {"name": name, "with_cluster": users, "coverage": coverage}


@pytest.mark.parametrize(
    ("groups", "value"),
    [
        ([group("a", 30, 0.9), group("b", 40, 0.6), group("c", 99, 0.8)], 0.3),
        ([group("a", 30, 0.9), group("b", 29, 0.1)], None),
        ([group("a", 300, 0.9), group("unknown", 300, 0.1)], None),
        ([], None),
    ],
)
def test_small_groups_and_unknown_ones_make_no_gap(groups: list[dict[str, object]], value: float | None) -> None:
    found = coverage_gap(groups, 30)
    assert (found and found["value"]) == (None if value is None else pytest.approx(value))
    if found:
        assert (found["best"], found["worst"]) == ("a", "b")
