"""Why a user has this profile, or none: evidence, contributions, margin, claims, and what would have changed it."""

from profiling.explaining.explain import explain_user, usual_values
from profiling.explaining.explanation import Change, ClusterExplanation, Explanation
from profiling.explaining.words import EVIDENCE_HINTS, EVIDENCE_LABELS

__all__ = [
    "EVIDENCE_HINTS",
    "EVIDENCE_LABELS",
    "Change",
    "ClusterExplanation",
    "Explanation",
    "explain_user",
    "usual_values",
]
