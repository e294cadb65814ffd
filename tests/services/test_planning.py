"""What a plan proposes: drawn people with the settings that they need, or the population that was named."""

from __future__ import annotations

import tomllib
from pathlib import Path

from rich.console import Console

from profiling.demo import DEMO_SETTINGS
from profiling.settings import Settings
from ray_tasks.demonstration import DRAWN
from ray_tasks.services.home import Home
from ray_tasks.services.planning import Wishes, make_plan


def wishes(population: Path | None) -> Wishes:
    return Wishes("127.0.0.1", 1, 2, 3, population, token=True, cpus=1)


def test_drawn_people_come_with_their_settings_as_a_file(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.folder / "population").mkdir()
    (home.folder / "population" / DRAWN).write_text("{}")  # drawn already: not drawn again
    plan = make_plan(home, wishes(None), Console())
    found = tomllib.loads(Path(plan.settings).read_text())
    assert found == DEMO_SETTINGS
    assert Settings.model_validate(found) != Settings()
    assert plan.population == str(home.folder / "population")
    Path(plan.ray_folder).rmdir()


def test_a_named_population_is_proposed_without_them(tmp_path: Path) -> None:
    plan = make_plan(Home(tmp_path / "home"), wishes(tmp_path), Console())
    assert (plan.population, plan.settings) == (str(tmp_path), "")
    assert plan.store.startswith("arrow:///")
    Path(plan.ray_folder).rmdir()


def test_a_saved_plan_comes_back_and_a_broken_one_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    plan = make_plan(home, wishes(tmp_path), Console())
    home.save(plan)
    assert home.plan() == plan
    (home.folder / "plan.json").write_text('{"host": 1}')
    assert home.plan() is None
    Path(plan.ray_folder).rmdir()
