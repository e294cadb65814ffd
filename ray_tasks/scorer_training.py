"""Fit a scorer on a generation whose truth is known."""

from __future__ import annotations

from pathlib import Path

from profiling import evaluation
from profiling.embedding import get_model
from profiling.scorer import Scorer
from profiling.training import train_scorer
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import Generation
from ray_tasks.lake import Lake


def train(lake: Lake, generation: Generation, truth_folder: Path, split: str, precision: float) -> Scorer:
    """Placeholder of arguments until training lands."""
    truth = evaluation.read_truth(truth_folder).of_split(split)
    tables = GenerationTables(lake, generation)
    dim = get_model(tables.settings.embedding.model).dim
    matches = evaluation.match_faces(tables.faces(dim), tables.table("cluster", "looked"), truth.faces)
    labels = evaluation.label_clusters(tables.table("cluster", "members"), matches, truth.users)
    return train_scorer(labels, precision)
