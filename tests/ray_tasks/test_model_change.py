"""Another network in the same lake: the old generation serves until the new one, whole and audited, takes its place."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from profiling.errors import KithError, ModelError
from profiling.settings import StoreSettings, load_settings
from profiling.store import create_store, open_store
from ray_tasks.build import build
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.publishing import Order, publish
from ray_tasks.ray_session import RaySession
from tests.conftest import Built
from tests.profiling.embedding.conftest import local_weights

__all__ = ["local_weights"]

pytestmark = [pytest.mark.slow, pytest.mark.data]

OTHER = "edgeface-xs"
Read = tuple[str, str, int]  # generation, model, length of a vector


def poll(uri: str, user: int, until: threading.Event, seen: list[Read | Exception]) -> None:
    """A service that asks all the while, whatever the model."""
    with closing(open_store(uri)) as store:
        while not until.wait(0.02):
            try:
                snapshot = store.snapshot()
                of = snapshot.generation
                seen.append((of.id, of.model, snapshot.get(user).vectors.shape[1]))
            except KithError as error:
                seen.append(error)


def test_the_old_model_serves_while_the_new_one_is_made(built: Built, tmp_path: Path, local_weights: Path) -> None:
    lake = Lake.open(shutil.copytree(built.lake, tmp_path / "lake"))
    old = find_generation(lake)
    uri = f"arrow://{tmp_path / 'store'}"
    create_store(uri).close()
    rows = GenerationTables(lake, old).table(old.last_round, "profiles").to_pylist()
    user = next(row["user_id"] for row in rows if row["reason"] == "ok")
    until, seen = threading.Event(), list[Read | Exception]()
    reader = threading.Thread(target=poll, args=(uri, user, until, seen))
    changes = {"embedding.model": OTHER, "clustering.eps": "null", "scoring.scorer": "null"}
    with RaySession(cpus=2) as session:
        publish(Order(lake, old, uri, approved=True), session, StoreSettings())
        reader.start()
        new = build(built.population, lake, load_settings(built.settings, changes), session)
        before = len(seen)
        done = publish(Order(lake, new, uri, approved=True), session, StoreSettings())
        time.sleep(1)
        until.set()
        reader.join()
    models = old.artefacts["model"], new.artefacts["model"]
    assert models[0] != models[1]
    assert old.faces != new.faces, "both models' faces lie side by side"
    assert done.generation.kind == "base", "no delta across models"
    assert before > 20
    wanted = [(each.id, each.artefacts["model"]) for each in (old, new)]
    order = [each[:2] if isinstance(each, tuple) else each for each in seen]
    assert set(order[:before]) == {wanted[0]}, "nobody saw the new one while it was made"
    assert order == sorted(order, key=wanted.index), "the old one, then the new one"
    assert order[-1] == wanted[1]
    assert len({each[1:] for each in seen if isinstance(each, tuple)}) == 2, "a model has one length"
    with closing(open_store(uri)) as store:
        with pytest.raises(ModelError, match="vectors of different models cannot be compared"):
            store.snapshot(models[0])
        assert store.rollback().id == old.id
        assert store.snapshot(models[0]).get(user).resolved
