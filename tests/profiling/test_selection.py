"""Selection against a plain loop over owners, and what it promises about ties, bursts and unknowns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiling import selection as module
from profiling import tables
from profiling.selection import photo_quality, select_photos
from profiling.settings import SelectionSettings

HOUR = 3_600_000_000


def photo(photo_id: int, owner_id: int = 1, **more: Any) -> dict[str, Any]:
    row = dict.fromkeys(tables.PHOTOS.names) | {"photo_id": photo_id, "owner_id": owner_id, "uri": "x.jpg"}
    return row | more


def tag(photo_id: int, source: str = "manual") -> dict[str, Any]:
    row = dict.fromkeys(tables.TAGS.names)
    return row | {"photo_id": photo_id, "owner_id": 1, "user_id": 1, "source": source}


def photos_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=tables.PHOTOS)


def tags_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=tables.TAGS)


def chosen(rows: list[dict[str, Any]], tags: list[dict[str, Any]] | None = None, **changes: Any) -> list[int]:
    found = select_photos(photos_table(rows), tags_table(tags or []), SelectionSettings(**changes))
    assert found.schema == tables.SELECTION
    return [int(photo_id) for photo_id in found["photo_id"].to_pylist()]


def slow_selection(rows: list[dict[str, Any]], tags: list[dict[str, Any]], limits: SelectionSettings) -> list[int]:
    """The contract as one would say it, owner by owner."""
    quality = photo_quality(photos_table(rows), tags_table(tags), limits)
    result: list[int] = []
    for owner in sorted({row["owner_id"] for row in rows}):
        mine = [(row, q) for row, q in zip(rows, quality.tolist(), strict=True) if row["owner_id"] == owner]
        undated = -(2**62)
        mine.sort(
            key=lambda m: (-m[1], -(m[0]["taken_at"] if m[0]["taken_at"] is not None else undated), -m[0]["photo_id"])
        )
        first, late, hours = [], [], dict[int, int]()
        for row, _ in mine:
            hour = None if row["taken_at"] is None else row["taken_at"] // HOUR
            if hour is not None:
                hours[hour] = hours.get(hour, 0) + 1
            (late if hour is not None and hours[hour] > limits.photos_per_hour else first).append(row["photo_id"])
        result += (first + late)[: limits.photos_per_user]
    return result


ROWS = st.lists(
    st.builds(
        lambda owner, taken, camera, avatar, side: {
            "owner_id": owner,
            "taken_at": taken,
            "camera": camera,
            "was_avatar": avatar,
            "width": side,
            "height": side,
        },
        st.integers(1, 3),
        st.one_of(st.none(), st.integers(-2 * HOUR, 3 * HOUR)),
        st.sampled_from([None, "", " ", "Canon"]),
        st.sampled_from([None, False, True]),
        st.sampled_from([None, 0, 300, 2000]),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 12), st.integers(1, 4))
def test_selection_is_what_the_contract_says_whatever_the_order(rows: Any, random: Any, limit: int, cap: int) -> None:
    rows = [photo(i, **row) for i, row in enumerate(rows)]
    tags = [tag(i, random.choice(tables.TAG_SOURCES)) for i in range(len(rows)) if random.random() < 0.3]
    limits = SelectionSettings(photos_per_user=limit, photos_per_hour=cap)
    expected = slow_selection(rows, tags, limits)
    random.shuffle(rows)
    found = select_photos(photos_table(rows), tags_table(tags), limits)
    assert found["photo_id"].to_pylist() == expected
    owners = np.asarray(found["owner_id"])
    ranks = found["rank"].to_pylist()
    assert ranks == [int((owners[:i] == owner).sum()) for i, owner in enumerate(owners)]


def test_a_rejected_tag_counts_nothing_and_a_confirmed_one_does() -> None:
    rows = [photo(1), photo(2), photo(3)]
    assert chosen(rows, [tag(1, "rejected"), tag(2, "confirmed")], photos_per_user=1) == [2]


def test_ties_go_to_the_newer_photo_then_to_the_larger_id() -> None:
    assert chosen([photo(1, taken_at=5), photo(2, taken_at=9), photo(3, taken_at=9), photo(4)]) == [3, 2, 1, 4]


def test_a_burst_comes_last_but_comes() -> None:
    rows = [photo(i, taken_at=i, camera="Canon") for i in range(10)] + [photo(50), photo(51)]
    assert chosen(rows, photos_per_hour=2) == [9, 8, 51, 50, 7, 6, 5, 4, 3, 2, 1, 0]


def test_undated_photos_are_nobodys_burst() -> None:
    assert chosen([photo(i) for i in range(30)], photos_per_hour=1) == list(range(29, -1, -1))


def test_an_unknown_size_is_neither_best_nor_worst() -> None:
    assert chosen([photo(1, width=10, height=10), photo(2), photo(3, width=4000, height=3000)]) == [3, 2, 1]


@pytest.mark.parametrize("rows", [[], [photo(2**63 - 1, owner_id=2**63 - 1)]])
def test_empty_and_huge_ids(rows: list[dict[str, Any]]) -> None:
    assert chosen(rows) == [row["photo_id"] for row in rows]


def test_owners_of_more_photos_than_a_piece_and_rows_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    owners = np.repeat([1, 2, 3, 9], [3, 40, 1, 7])
    rows = [
        photo(int(k), int(owner), taken_at=int(rng.integers(0, 5 * HOUR)), camera=["", "Canon"][k % 2])
        for k, owner in enumerate(owners)
    ]
    limits = SelectionSettings(photos_per_user=30, photos_per_hour=3)
    expected = slow_selection(rows, [], limits)
    monkeypatch.setattr(module, "PHOTOS_A_PIECE", 8)
    for order in (np.arange(len(rows)), rng.permutation(len(rows))):
        found = select_photos(photos_table([rows[k] for k in order]), tags_table([]), limits)
        assert found["photo_id"].to_pylist() == expected
