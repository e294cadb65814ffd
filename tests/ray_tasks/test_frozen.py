"""A nightly run goes on from the newest generation: its settings and artefacts; what is given is laid over them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from profiling.errors import LakeError, SettingsError
from profiling.settings import Settings, load_settings
from ray_tasks.frozen import find_frozen, freeze, nightly_base
from ray_tasks.generations import artefact_path, find_generation
from ray_tasks.lake import Lake
from tests.conftest import Built


def test_a_lake_without_a_generation_has_no_base(tmp_path: Path) -> None:
    assert nightly_base(str(tmp_path / "nothing")) is None
    Lake.create(tmp_path / "lake", 2)
    assert nightly_base(str(tmp_path / "lake")) is None


@pytest.mark.slow
def test_the_base_is_the_newest_generation_of_the_network(built: Built) -> None:
    found = nightly_base(str(built.lake))
    assert found is not None
    assert found.id == built.generation
    assert nightly_base(str(built.lake), model="dlib") == found
    assert nightly_base(str(built.lake), model="edgeface-xs") is None
    assert nightly_base(str(built.lake), wanted=found.name) == found


@pytest.mark.slow
def test_artefacts_come_from_another_lake_as_they_are(built: Built, tmp_path: Path) -> None:
    lake, source = Lake.create(tmp_path / "lake", 2), Lake.open(built.lake)
    record = f"{built.lake}/generations/{built.generation}.json"
    frozen = freeze(lake, *find_frozen(lake, record))
    for kind, found in (("names", frozen.names), ("cohorts", frozen.cohorts), ("scorer", frozen.scorer(lake).id)):
        path = artefact_path(kind, found)
        assert json.loads((lake.folder / path).read_text()) == json.loads((source.folder / path).read_text())


@pytest.mark.slow
def test_what_is_not_there_is_refused_in_one_line(built: Built, tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake", 2)
    with pytest.raises(LakeError, match=r"^--artefacts g1\.json: name a generation, or a record LAKE/generations/ID"):
        find_frozen(lake, "g1.json")
    with pytest.raises(LakeError, match=r"is no lake"):
        find_frozen(lake, f"{tmp_path}/other/generations/g1.json")
    generation = find_generation(Lake.open(built.lake))
    with pytest.raises(LakeError, match=r"artefacts/names/.*\.json: is gone; run a full rebuild$"):
        freeze(lake, lake, generation)


def test_given_settings_are_laid_over_those_of_the_base(tmp_path: Path) -> None:
    base = load_settings(changes={"selection.photos_per_user": "7", "scoring.rounds": "3"}).model_dump()
    file = tmp_path / "kith.toml"
    file.write_text("[selection]\nphotos_per_hour = 2\n[scoring]\nrounds = 2\n")
    found = load_settings(file, {"scoring.rounds": "1"}, base)
    assert (found.selection.photos_per_user, found.selection.photos_per_hour, found.scoring.rounds) == (7, 2, 1)
    assert load_settings(base=Settings().model_dump()) == Settings()
    assert load_settings(base=json.loads(Settings().model_dump_json())) == Settings()
    with pytest.raises(SettingsError, match="setting selection"):
        load_settings(base=base | {"selection": {"unheard_of": 1}})


@pytest.mark.slow
def test_the_command_of_a_night_without_a_change_finds_everything_done(built: Built) -> None:
    command = [sys.executable, "-m", "ray_tasks", "build", str(built.population), "--lake", str(built.lake)]
    before = sorted((built.lake / "manifests").rglob("*.json"))

    def kith(*more: str) -> dict[str, object]:
        done = subprocess.run([*command, "--nightly", "--json", *more], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    told = kith("--until=partition")
    assert told["artefacts_of"] == built.generation
    assert kith(f"--artefacts={told['artefacts_of']}")["generation"] == built.generation
    assert sorted((built.lake / "manifests").rglob("*.json")) == before
