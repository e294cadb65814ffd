"""What `--users` may say, and that anything else is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiling.errors import SettingsError
from ray_tasks.user_choice import LEAST_ID, MOST_ID, UserChoice


def listed(text: str) -> list[int]:
    choice = UserChoice.parse(text)
    assert choice is not None
    assert choice.listed is not None
    return choice.listed.tolist()


def test_all_is_no_choice_and_unresolved_needs_no_list() -> None:
    assert UserChoice.parse("all") is None
    assert UserChoice.parse(" unresolved ", "autumn") == UserChoice(None, "autumn")


@given(st.lists(st.integers(LEAST_ID, MOST_ID), min_size=1), st.sampled_from([",", ", ", " ", "\n", ",\n"]))
def test_a_list_is_its_ids_in_any_order_and_each_once(ids: list[int], between: str) -> None:
    text = between.join(str(each) for each in ids)
    assert listed(text) == sorted(set(ids))
    backwards = UserChoice.parse(between.join(str(each) for each in reversed(ids)))
    assert backwards is not None
    assert backwards.digest == UserChoice.parse(text).digest  # type: ignore[union-attr]
    assert backwards.digest != UserChoice().digest


def test_a_file_has_ids_on_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    file.write_text("17\n42\n\n17, 5\n")
    assert listed(str(file)) == [5, 17, 42]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names nobody"),
        (",,", "names nobody"),
        ("everybody", "is no file of ids"),
        ("17,anna", "is no file of ids"),
        ("/nowhere/users.txt", "is no file of ids"),
        ("1-2", "'1-2' is no user id"),
        (str(MOST_ID + 1), "64-bit"),
    ],
)
def test_what_is_no_choice_is_one_line(text: str, says: str) -> None:
    with pytest.raises(SettingsError) as error:
        UserChoice.parse(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_names_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    file.write_text("17\nanna\n")
    with pytest.raises(SettingsError, match="'anna' is no user id; write whole numbers"):
        UserChoice.parse(str(file))


def test_a_base_without_users_is_refused() -> None:
    with pytest.raises(SettingsError, match="give --users as well"):
        UserChoice.parse("all", "autumn")
