"""What is fitted on the whole population, once for the results that it is fitted on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from ray_tasks.generations import artefact_path
from ray_tasks.lake import Lake, fingerprint
from ray_tasks.stages.context import BuildContext, Manifests

WHOLE = 0  # the bucket under which the result of a fit is filed: it belongs to all of them


class Fitted(Protocol):
    """Something fitted: JSON with an id."""

    @property
    def id(self) -> str:
        """Id of its content."""

    def to_json(self) -> str:
        """All of it."""


def fit_once(context: BuildContext, kind: str, logic: int, inputs: Manifests, fit: Callable[[], Fitted]) -> str:
    """Fit an artefact of a kind and keep it in the lake, unless it was fitted on these inputs; returns its id."""
    stage = f"fit-{kind}"
    mark = fingerprint(stage=stage, logic=logic, inputs=[manifest.fingerprint for manifest in inputs.values()])
    found = context.lake.find(stage, WHOLE, mark)
    if found is None:
        fitted = fit()
        context.lake.add_once(artefact_path(kind, fitted.id), json.loads(fitted.to_json()))
        with context.lake.attempt(stage, WHOLE, mark) as attempt:
            found = attempt.commit({"id": fitted.id})
    return str(found.counts["id"])


def read_artefact(lake: Lake, kind: str, artefact_id: str) -> str:
    """The text of a fitted artefact."""
    return (lake.folder / artefact_path(kind, artefact_id)).read_text(encoding="utf-8")
