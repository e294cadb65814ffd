"""Everything that the report shows has a name."""

from __future__ import annotations

from profiling.audit import audit_generation
from profiling.evaluation import evaluate
from profiling.report.words import EVIDENCE_HINTS, EVIDENCE_LABELS, GATES, METRICS
from profiling.settings import AuditSettings
from profiling.tables import (
    EVIDENCE,
    MEMBERS,
    SCORES,
    SEEN,
    SELECTION,
    USERS,
    clusters_schema,
    empty,
    faces_schema,
    profiles_schema,
)
from tests.profiling.evaluation.small_world import draw_world


def test_every_evidence_is_named_and_explained() -> None:
    assert set(EVIDENCE_LABELS) == set(EVIDENCE_HINTS) == set(EVIDENCE)


def test_every_gate_is_named() -> None:
    tables = [empty(USERS), [empty(profiles_schema(4))], empty(clusters_schema(4)), empty(MEMBERS), empty(SELECTION)]
    audit = audit_generation(*tables, empty(SEEN), empty(faces_schema(4)), [empty(SCORES)], AuditSettings())
    assert {gate["name"] for gate in audit["gates"]} == set(GATES)


def test_every_metric_exists() -> None:
    world = draw_world(1)
    assert set(METRICS) <= set(evaluate(world.generation, world.truth))
