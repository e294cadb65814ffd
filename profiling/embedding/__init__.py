"""Chips to vectors: the registry of networks, loading them by hash, running them, and what their numbers mean.

Running a network needs torch, whose import takes seconds and hundreds of megabytes; most stages only need what the
numbers mean. So `Embedder` stands in `profiling.embedding.embedder` and is not imported here.
"""

from profiling.embedding.calibration import Calibration, load_calibration
from profiling.embedding.registry import MODELS, ModelEntry, find_weights, get_model, list_models

__all__ = [
    "MODELS",
    "Calibration",
    "ModelEntry",
    "find_weights",
    "get_model",
    "list_models",
    "load_calibration",
]
