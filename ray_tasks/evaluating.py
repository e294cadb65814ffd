"""Judge a generation: its tables, the truth, and uploads seen through the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console

from profiling import evaluation
from profiling.audit import label_groups
from profiling.audit.groups import sort_groups
from profiling.embedding import get_model
from profiling.evaluation.groups import errors_by_group
from profiling.recognition_thresholds import FOLDER, Thresholds
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.uploads import upload_faces


def evaluate_generation(
    lake: Lake, generation: Generation, truth_folder: Path, split: str, session: RaySession, console: Console
) -> dict[str, Any]:
    """The metrics of `kith evaluate`; see profiling.evaluation.evaluate and `assess_generation`.

    Where strangers were met, the lake keeps the thresholds that `kith recognize` names people by.
    """
    found = assess_generation(lake, generation, truth_folder, split, session, console)
    if len(found.recognition.tries):
        thresholds = Thresholds.of(generation.artefacts["model"], found.recognition.tries)
        lake.write_note(f"{FOLDER}/{generation.id}.json", thresholds.to_json())
    return {"generation": generation.id, **found.metrics}


def assess_generation(
    lake: Lake, generation: Generation, truth_folder: Path, split: str, session: RaySession, console: Console
) -> evaluation.Assessment:
    """What `evaluation.pool` takes of each population.

    Uploads are read from the folder that holds `truth_folder`, embedded once and kept in the lake.
    """
    truth = evaluation.read_truth(truth_folder)
    tables = GenerationTables(lake, generation)
    dim = get_model(tables.settings.embedding.model).dim
    population = truth_folder.absolute().parent
    uploads = upload_faces(lake, truth.uploads, population, tables.settings, session, dim, console)
    return evaluation.assess(judged(tables, uploads), truth, split)


def group_errors(tables: GenerationTables, truth: evaluation.Truth) -> dict[str, list[dict[str, Any]]]:
    """Errors by gender, age band, number of photos and kind; see profiling.evaluation.groups.errors_by_group."""
    groups = label_groups(
        users=tables.table("partition", "users", ["user_id"]),
        people=tables.table("people", "people", ["user_id", "birth_year", "female"]),
        selection=tables.table("select", "selection", ["owner_id"]),
    )
    found = errors_by_group(judged(tables), truth, groups)
    return {name: _in_order(rows) for name, rows in found.items()}


def judged(tables: GenerationTables, uploads: pa.Table | None = None) -> evaluation.Generation:
    """What an evaluation reads of a generation."""
    return evaluation.Generation(
        users=tables.table("partition", "users"),
        photos=tables.table("partition", "photos", ["photo_id", "owner_id"]),
        friends=tables.table("partition", "friends"),
        seen=tables.table("cluster", "looked"),
        faces=tables.faces(get_model(tables.settings.embedding.model).dim),
        members=tables.table("cluster", "members"),
        clusters=tables.table("cluster", "clusters"),
        scores=tables.rounds("scores"),
        profiles=tables.rounds("profiles"),
        upload_faces=uploads,
    )


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_name = {row["name"]: row for row in rows}
    return [by_name[name] for name in sort_groups(by_name)]
