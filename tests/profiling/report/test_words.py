"""Everything that the report shows has a name."""

from __future__ import annotations

from profiling.audit import ADVICE
from profiling.evaluation import evaluate
from profiling.explaining import EVIDENCE_HINTS, EVIDENCE_LABELS
from profiling.report.words import GATES, METRICS
from profiling.tables import EVIDENCE
from tests.profiling.evaluation.small_world import draw_world


def test_every_evidence_is_named_and_explained() -> None:
    assert set(EVIDENCE) <= set(EVIDENCE_LABELS)
    assert set(EVIDENCE_LABELS) == set(EVIDENCE_HINTS)


def test_every_gate_is_named() -> None:
    assert set(ADVICE) == set(GATES)


def test_every_metric_exists() -> None:
    world = draw_world(1)
    assert set(METRICS) <= set(evaluate(world.generation, world.truth))
