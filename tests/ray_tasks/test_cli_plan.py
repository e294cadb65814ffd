"""`kith plan` as a command, and the page that shows what it prints."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from profiling.errors import SettingsError
from profiling.planning import Work, make_plan
from ray_tasks.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def _run(*arguments: str) -> str:
    found = CliRunner().invoke(app, ["plan", *arguments])
    if found.exception is not None:
        raise found.exception
    return found.stdout


def test_json_is_the_plan() -> None:
    assert json.loads(_run("--users", "1e6", "--gpus", "1", "--json")) == make_plan(Work(users=1e6, gpus=1)).to_json()


@pytest.mark.parametrize(
    "arguments",
    [("--users", "many"), ("--users", "0"), ("--cores", "1.5"), ("--nodes", "0"), ("--assume", "speed=9")],
)
def test_a_bad_value_is_one_line_that_names_its_option(arguments: tuple[str, str]) -> None:
    with pytest.raises(SettingsError, match=arguments[0]) as refused:
        _run(*arguments)
    assert "\n" not in str(refused.value)


def test_the_page_shows_what_the_commands_print() -> None:
    shown = re.findall(r"```\n\$ kith plan ?(.*)\n([^`]*)```", PAGE.read_text())
    assert len(shown) >= 3
    for arguments, text in shown:
        printed = "\n".join(line.rstrip() for line in _run(*shlex.split(arguments)).splitlines())
        assert text.strip() == printed.partition("\n\nassumptions")[0].strip()
