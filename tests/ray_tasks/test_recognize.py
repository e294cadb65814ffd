"""`kith recognize` and its class agree with what evaluate counts on the same uploads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from profiling.errors import ModelError, SettingsError
from profiling.evaluation import match_faces, read_truth
from profiling.evaluation.truth import Truth
from profiling.population import PopulationCircle, open_population
from profiling.recognition import RecognizedFace, Recognizer
from profiling.recognition_thresholds import Thresholds
from profiling.settings import Settings, StoreSettings
from profiling.store import create_store, open_store
from ray_tasks.cli.recognize import read_thresholds
from ray_tasks.evaluating import evaluate_generation
from ray_tasks.generations import Generation, find_generation
from ray_tasks.lake import Lake
from ray_tasks.lake_circle import LakeCircle
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from tests.conftest import Built

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Served:
    """A judged lake, published."""

    lake: Lake
    generation: Generation
    uri: str
    population: Path
    judged: dict[str, Any]


@pytest.fixture(scope="module")
def served(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("recognize")
    lake = Lake.open(shutil.copytree(built.lake, folder / "lake"))
    generation = find_generation(lake)
    uri = f"arrow://{folder / 'store'}"
    create_store(uri).close()
    console = Console(quiet=True)
    with RaySession(cpus=2) as session:
        judged = evaluate_generation(lake, generation, built.population / "truth", "all", session, console)
        publish(Order(lake, generation, uri, approved=True), session, StoreSettings())
    return Served(lake, generation, uri, built.population, judged)


@pytest.fixture(scope="module")
def recognizer(served: Served) -> Iterator[Recognizer]:
    settings = Settings.model_validate(served.generation.settings)
    thresholds = read_thresholds(served.lake, served.generation)
    with closing(open_store(served.uri)) as store:
        yield Recognizer(store, LakeCircle(served.lake, served.generation), settings, thresholds)


def named_right(truth: Truth, faces: dict[int, list[RecognizedFace]]) -> tuple[int, int, int]:
    """True faces named rightly, true faces named, detections that cover no true face."""
    rows = [
        {"photo_id": upload, "face": k, **dict(zip("xywh", face.box, strict=True))}
        for upload, found in faces.items()
        for k, face in enumerate(found)
    ]
    kinds = {"photo_id": pa.int64(), "face": pa.int16(), **dict.fromkeys("xywh", pa.float32())}
    true = [
        {"photo_id": row["upload_id"], "person_id": person, "x": x, "y": y, "w": w, "h": h}
        for row in truth.uploads.to_pylist()
        for person, x, y, w, h in zip(*(row[name] for name in ("person_ids", "x", "y", "w", "h")), strict=True)
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))
    looked_at = pa.table({"photo_id": truth.uploads["upload_id"]})
    kinds = {"photo_id": pa.int64(), "person_id": pa.int64(), **dict.fromkeys("xywh", pa.float32())}
    matches = match_faces(table, looked_at, pa.Table.from_pylist(true, schema=pa.schema(list(kinds.items()))))
    persons = {row["user_id"]: set(row["person_ids"]) for row in truth.users.to_pylist()}
    right = named = unmatched = 0
    for row in matches.to_pylist():
        user = faces[row["photo_id"]][row["face"]].user_id
        unmatched += row["person_id"] is None
        if row["person_id"] is not None and user is not None:
            named += 1
            right += row["person_id"] in persons[user]
    return right, named, unmatched


def test_the_class_agrees_with_evaluate(served: Served, recognizer: Recognizer) -> None:
    truth = read_truth(served.population / "truth")
    faces = {
        row["upload_id"]: recognizer.recognize((served.population / row["uri"]).read_bytes(), row["uploader_id"])
        for row in truth.uploads.to_pylist()
    }
    right, named, unmatched = named_right(truth, faces)
    judged = served.judged
    assert right == judged["tp_all"]["count"] > 0
    assert named - right == judged["wrong_at_fp_0.001"]["count"]
    assert unmatched == judged["unmatched_upload_faces"]
    assert recognizer.threshold == pytest.approx(1 - judged["strangers"]["threshold"], abs=1e-6)


def test_the_command_answers_as_the_class_does(served: Served, recognizer: Recognizer) -> None:
    row = read_truth(served.population / "truth").uploads.to_pylist()[0]
    photo = served.population / row["uri"]
    command = ["recognize", str(photo), "--user", str(row["uploader_id"]), "--store", served.uri, "--json"]
    wanted = [face.to_json() for face in recognizer.recognize(photo.read_bytes(), row["uploader_id"])]
    for more in (["--friends", str(served.lake.folder)], ["--friends", str(served.population), "--lake"]):
        extra = [str(served.lake.folder)] if more[-1] == "--lake" else []
        done = kith(*command, *more, *extra)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["faces"] == wanted


def test_what_cannot_be_answered_is_one_line(served: Served, tmp_path: Path) -> None:
    lake, photo = str(served.lake.folder), tmp_path / "no.jpg"
    photo.write_bytes(b"nothing")
    fixed = ["--store", served.uri, "--friends"]
    user = str(LakeCircle(served.lake, served.generation)(read_uploader(served))[0])
    for arguments, words in (
        ([str(photo), "--user", user, *fixed, lake], "not_a_photo"),
        ([str(photo), "--user", "987654321", *fixed, lake], "knows no such user"),
        ([str(photo), "--user", user, *fixed, str(served.population)], "--lake is missing"),
        ([str(photo), "--user", user, *fixed, lake, "--false-positives", "0.5"], "choose one of"),
    ):
        done = kith("recognize", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert words in done.stderr


def test_population_and_lake_know_the_same_friends(served: Served) -> None:
    circle = LakeCircle(served.lake, served.generation)
    population = PopulationCircle(open_population(str(served.population)))
    users = read_truth(served.population / "truth").users["user_id"].to_pylist()
    assert all(set(population(user)) <= set(circle(user)) for user in users)
    assert sum(len(population(user)) for user in users) > len(users)
    assert population(987654321) == circle(987654321) == []


def test_thresholds_of_another_network_are_refused(served: Served) -> None:
    settings = Settings.model_validate(served.generation.settings)
    foreign = Thresholds("0" * 64, 10_000, {"0.001": 0.1})
    with closing(open_store(served.uri)) as store, pytest.raises(ModelError, match="of another network"):
        Recognizer(store, lambda user: [user], settings, foreign)
    with pytest.raises(SettingsError, match="choose one of"):
        foreign.at(0.002)


def read_uploader(served: Served) -> int:
    return int(read_truth(served.population / "truth").uploads["uploader_id"][0].as_py())


def kith(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ray_tasks", *arguments], capture_output=True, text=True, check=False)
