"""Chips to vectors: the registry of networks, loading them by hash, running them, and what their numbers mean."""

from profiling.embedding.calibration import Calibration, load_calibration
from profiling.embedding.embedder import Embedded, Embedder
from profiling.embedding.registry import MODELS, ModelEntry, find_weights, get_model

__all__ = [
    "MODELS",
    "Calibration",
    "Embedded",
    "Embedder",
    "ModelEntry",
    "find_weights",
    "get_model",
    "load_calibration",
]
