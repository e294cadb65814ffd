"""A stage whose results change must raise its LOGIC, or lakes would keep the old ones as if they were the new.

What is compared is what should not hang on the machine: counts, choices and labels, no floating-point digits.
Record new results with `KITH_RECORD_GOLDEN=1 pytest tests/ray_tasks/test_golden.py` after raising LOGIC.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from pathlib import Path

import pytest

from profiling.embedding import get_model
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from tests.conftest import Built

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).with_name("golden.json")
STAGES = ("partition", "select", "embed", "people", "cluster", "score")


def digest(*columns: object) -> str:
    return hashlib.blake2b(json.dumps(columns, default=str).encode(), digest_size=8).hexdigest()


def results(built: Built) -> dict[str, str]:
    """A digest of each stage's results."""
    lake = Lake.open(built.lake)
    tables = GenerationTables(lake, find_generation(lake, built.generation))
    users, photos = tables.table("partition", "users"), tables.table("partition", "photos")
    tags, friends = tables.table("partition", "tags"), tables.table("partition", "friends")
    selection, people = tables.table("select", "selection"), tables.table("people", "people")
    members, profiles = tables.table("cluster", "members"), tables.table(tables.generation.last_round, "profiles")
    grouped = [members[name].to_pylist() for name in ("user_id", "photo_id", "cluster", "state")]
    seen = tables.table("cluster", "looked")
    faces = tables.faces(get_model(tables.settings.embedding.model).dim)
    tagged = [tags[name].to_pylist() for name in ("photo_id", "owner_id", "user_id", "source")]
    chosen = [selection[name].to_pylist() for name in ("owner_id", "photo_id", "rank")]
    return {
        "partition": digest(users.to_pylist(), photos.to_pylist(), tagged, friends.to_pylist()),
        "select": digest(*chosen),
        "embed": digest([seen[name].to_pylist() for name in ("photo_id", "reason", "faces", "width")], len(faces)),
        "people": digest([people[name].to_pylist() for name in ("user_id", "birth_year_source", "gender_source")]),
        "cluster": digest(sorted(zip(*grouped, strict=True))),
        "score": digest([profiles[name].to_pylist() for name in ("user_id", "reason", "leader", "second", "faces")]),
    }


def test_changed_results_raise_the_stages_logic(built: Built) -> None:
    found = {
        stage: {"logic": importlib.import_module(f"ray_tasks.stages.{stage}").LOGIC, "digest": mark}
        for stage, mark in results(built).items()
    }
    if os.environ.get("KITH_RECORD_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert tuple(golden) == STAGES
    changed = [stage for stage in STAGES if found[stage]["digest"] != golden[stage]["digest"]]
    same_logic = [stage for stage in changed if found[stage]["logic"] == golden[stage]["logic"]]
    assert not same_logic, f"results of {same_logic[0]} changed: raise LOGIC in its file, then record (see above)"
    assert not changed, f"LOGIC of {changed} was raised: record the new results (see above)"
