"""Submission ids count on and never come twice; a command's words stay words."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dags.operators.submission import ACTIVE, TaskIdentity, choose_attempt, entrypoint

STATES = st.sampled_from(["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"])
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
TASK = TaskIdentity("rebuild_profiles", "manual__2026-01-01T00:00:00+00:00", "embed")


def test_the_parts_of_a_task_do_not_run_into_each_other() -> None:
    others = [
        TASK,
        TaskIdentity(TASK.dag_id, TASK.run_id, TASK.task_id, 0),
        TaskIdentity(TASK.dag_id, TASK.run_id, "embe", 0),
        TaskIdentity(TASK.dag_id, TASK.run_id + "x", TASK.task_id),
        TaskIdentity("a.b", "run", "c"),
        TaskIdentity("a", "run", "b.c"),
    ]
    prefixes = {each.prefix() for each in others}
    assert len(prefixes) == len(others)


def test_an_id_is_readable_and_fit_for_an_address_and_a_file() -> None:
    prefix = TaskIdentity("rebuild_profiles", "scheduled__2026-01-01T00:00:00+00:00", "a/b ü").prefix()
    assert prefix.startswith("rebuild_profiles.a-b-")
    assert prefix.isascii()
    assert not set(prefix) & set("/ :+%?#")


@given(st.integers(0, 5), st.dictionaries(st.integers(1, 8), STATES))
def test_a_running_job_is_followed_and_an_ended_one_never_taken_again(stored: int, known: dict[int, str]) -> None:
    prefix = TASK.prefix()
    jobs = {f"{prefix}{number}": state for number, state in known.items()} | {"raysubmit_x": "RUNNING"}
    chosen = choose_attempt(prefix, stored, jobs)
    running = [number for number, state in known.items() if state in ACTIVE]
    if running:
        assert chosen.running
        assert chosen.number == max(running)
    else:
        assert not chosen.running
        assert chosen.submission_id not in jobs
        assert chosen.number == max([stored, *known]) + 1


def test_other_tasks_jobs_are_left_alone() -> None:
    prefix = TASK.prefix()
    jobs = {f"{prefix}1-2": "RUNNING", f"{prefix}": "RUNNING", f"{prefix}²": "RUNNING", f"x{prefix}1": "RUNNING"}
    assert choose_attempt(prefix, 0, jobs).submission_id == f"{prefix}1"
    assert not choose_attempt(prefix, 0, jobs).running


@given(st.lists(WORDS, max_size=4))
def test_words_come_out_of_the_shell_as_they_went_in(words: list[str]) -> None:
    assert shlex.split(entrypoint("python", "ray_tasks", words)) == ["python", "-m", "ray_tasks", *words]


@pytest.mark.parametrize("word", ["$(id)", "`id`", "a; id", "a' 'b", '"', "*", "--x=$HOME", "a && b", "\\"])
def test_a_real_shell_finds_nothing_to_do_in_a_word(word: str) -> None:
    command = entrypoint("echo", "x", [word]).replace("echo -m", "printf '%s|'", 1)
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said == f"x|{word}|"


@pytest.mark.parametrize("word", ["a\nb", "a\x00", "\x1b[31m", 3, None])
def test_what_is_no_plain_text_is_refused(word: object) -> None:
    with pytest.raises(ValueError, match="argument"):
        entrypoint("python", "ray_tasks", [word])
