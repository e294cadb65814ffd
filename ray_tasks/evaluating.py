"""Judge a generation: its tables, the truth, and uploads seen through the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from profiling import evaluation
from profiling.embedding import get_model
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake
from ray_tasks.ray_session import RaySession
from ray_tasks.uploads import upload_faces


def evaluate_generation(
    lake: Lake, generation: Generation, truth_folder: Path, split: str, session: RaySession, console: Console
) -> dict[str, Any]:
    """The metrics of `kith evaluate`; see profiling.evaluation.evaluate and `assess_generation`."""
    found = assess_generation(lake, generation, truth_folder, split, session, console)
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
    judged = evaluation.Generation(
        users=tables.table("partition", "users"),
        photos=tables.table("partition", "photos", ["photo_id", "owner_id"]),
        friends=tables.table("partition", "friends"),
        seen=tables.table("cluster", "looked"),
        faces=tables.faces(dim),
        members=tables.table("cluster", "members"),
        clusters=tables.table("cluster", "clusters"),
        scores=tables.rounds("scores"),
        profiles=tables.rounds("profiles"),
        upload_faces=uploads,
    )
    return evaluation.assess(judged, truth, split)
