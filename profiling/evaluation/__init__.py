"""Judge a generation against the truth of its population."""

from profiling.evaluation.albums import is_owners
from profiling.evaluation.intervals import share, wilson
from profiling.evaluation.labels import label_clusters
from profiling.evaluation.matching import match_faces
from profiling.evaluation.summary import Generation, evaluate
from profiling.evaluation.truth import Truth, make_truth, read_truth

__all__ = [
    "Generation",
    "Truth",
    "evaluate",
    "is_owners",
    "label_clusters",
    "make_truth",
    "match_faces",
    "read_truth",
    "share",
    "wilson",
]
