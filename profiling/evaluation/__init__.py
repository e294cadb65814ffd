"""Judge a generation against the truth of its population."""

from profiling.evaluation.albums import is_owners
from profiling.evaluation.intervals import share, wilson
from profiling.evaluation.labels import label_clusters
from profiling.evaluation.matching import match_faces
from profiling.evaluation.pooling import pool
from profiling.evaluation.summary import Assessment, Generation, assess, evaluate
from profiling.evaluation.truth import Truth, make_truth, read_truth

__all__ = [
    "Assessment",
    "Generation",
    "Truth",
    "assess",
    "evaluate",
    "is_owners",
    "label_clusters",
    "make_truth",
    "match_faces",
    "pool",
    "read_truth",
    "share",
    "wilson",
]
