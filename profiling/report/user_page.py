"""One user's part of the page: clusters as rows of faces, the similarity grid and the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from profiling.explaining import EVIDENCE_HINTS, EVIDENCE_LABELS
from profiling.explaining.words import number as known
from profiling.report.charts import Bar, diverging, number, signed
from profiling.report.crops import contact_sheet, jpeg_uri, sheet_shape
from profiling.report.data import ClusterStory, UserStory
from profiling.report.face_map import MIN_FACES, place_faces, thumbnail_side
from profiling.report.similarity import make_grid
from profiling.tables import NO_CLUSTER

SHOWN_CONTRIBUTIONS = 6  # the largest; what remains is one bar
COMPARED = 6  # clusters side by side in the table of evidence
PALETTE = 8  # colours of clusters that do not lead; see style.css


def show_user(story: UserStory, scale_start: float) -> dict[str, Any]:
    """What the template needs of one user; `scale_start` is the cosine at which the grid's colours begin."""
    columns, rows = sheet_shape(len(story.labels))
    faces = [_face(story, place, columns, rows) for place in range(len(story.labels))]
    grid = make_grid(story, scale_start)
    return {
        "id": story.user_id,
        "name": story.name,
        "resolved": story.reason == "ok",
        "verdict": story.verdict,
        "right": story.right,
        "changes": story.changes,
        "evidence": _evidence(story),
        "facts": story.facts,
        "sheet": f"url({jpeg_uri(contact_sheet(story.crops))})" if faces else "none",
        "columns": columns,
        "rows": rows,
        "portrait": jpeg_uri(story.crops[_portrait(story)]) if faces else None,
        "clusters": _clusters(story, faces),
        "loose": [faces[place] for place in np.flatnonzero(story.labels == NO_CLUSTER)],
        "shown": len(faces),
        "grid": {
            "picture": grid.picture,
            "cosines": grid.cosines,
            "faces": [faces[place] for place in grid.order],
            "within": number(grid.within),
            "between": number(grid.between),
        },
        "map": _map(story, faces),
        "thumbnail": round(100 * thumbnail_side(len(faces)), 2),
        "min_faces": MIN_FACES,
    }


def _face(story: UserStory, place: int, columns: int, rows: int) -> dict[str, Any]:
    """One face: its spot on the sheet in per cent, its colour and what is said of it."""
    label = int(story.labels[place])
    group = "no cluster" if label == NO_CLUSTER else f"cluster {label}"
    return {
        "x": round(100 * (place % columns) / max(1, columns - 1), 3),
        "y": round(100 * (place // columns) / max(1, rows - 1), 3),
        "tone": _tone(story, label),
        "label": f"face {int(story.faces[place])} of photo {int(story.photo_ids[place])}, {group}",
    }


def _tone(story: UserStory, label: int) -> str:
    if label == NO_CLUSTER:
        return "none"
    if label == story.leader:
        return "leader"
    return "second" if label == story.second else f"c{label % PALETTE}"


def _portrait(story: UserStory) -> int:
    """The face nearest to the mean of the leader's, or of all faces where nobody leads."""
    mine = np.flatnonzero(story.labels == story.leader) if story.leader != NO_CLUSTER else np.zeros(0, np.intp)
    mine = mine if len(mine) else np.arange(len(story.labels))
    vectors: npt.NDArray[np.float64] = np.nan_to_num(np.asarray(story.vectors, np.float64))[mine]
    return int(mine[int((vectors @ vectors.mean(axis=0)).argmax())])


def _ordered(story: UserStory) -> list[ClusterStory]:
    """Leaders first, then the others by weight."""
    leaders = (story.leader, story.second)
    return sorted(
        story.clusters,
        key=lambda one: (one.cluster not in leaders, -np.nan_to_num(one.weight, nan=-np.inf), one.cluster),
    )


def _evidence(story: UserStory) -> dict[str, Any] | None:
    """All evidence of the heaviest clusters as a table: the value, and what it adds to the weight."""
    chosen = _ordered(story)[:COMPARED]
    if not chosen:
        return None
    strength = {name: max(abs(one.contributions[name]) for one in chosen) for name in chosen[0].contributions}
    rows = [
        {
            "label": EVIDENCE_LABELS.get(name, name),
            "hint": EVIDENCE_HINTS.get(name, ""),
            "cells": [
                {"value": known(one.evidence.get(name)), "adds": signed(one.contributions[name])} for one in chosen
            ],
        }
        for name in sorted(strength, key=lambda name: (-strength[name], name))
    ]
    return {
        "clusters": [{"number": one.cluster, "tone": _tone(story, one.cluster)} for one in chosen],
        "rows": rows,
        "start": signed(story.intercept),
        "weights": [number(one.weight) for one in chosen],
    }


def _clusters(story: UserStory, faces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leaders first, then the others by weight; contributions of all on one scale."""
    leaders, order = (story.leader, story.second), _ordered(story)
    shown = {one.cluster: _largest(one.contributions) for one in order}
    scale = max((abs(value) for row in shown.values() for value in row.values()), default=1.0)
    return [
        {
            "number": one.cluster,
            "tone": _tone(story, one.cluster),
            "leads": one.cluster in leaders and one.cluster != NO_CLUSTER,
            "faces": one.faces,
            "photos": one.photos,
            "weight": number(one.weight),
            "owner": one.owner,
            "notes": one.notes,
            "shown": [faces[place] for place in np.flatnonzero(story.labels == one.cluster)],
            "bars": _bars(one, shown[one.cluster], scale),
        }
        for one in order
    ]


def _largest(contributions: Mapping[str, float]) -> dict[str, float]:
    """The largest contributions and the sum of the others."""
    order = sorted(contributions.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    rest = order[SHOWN_CONTRIBUTIONS:]
    return dict(order[:SHOWN_CONTRIBUTIONS]) | ({"all others": sum(value for _, value in rest)} if rest else {})


def _bars(cluster: ClusterStory, shown: Mapping[str, float], scale: float) -> list[Bar]:
    hints = {
        name: f"{EVIDENCE_HINTS.get(name, name)}: {number(cluster.evidence[name])}"
        for name in shown
        if name in cluster.evidence
    }
    return diverging(shown, scale, EVIDENCE_LABELS, hints)


def _map(story: UserStory, faces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(faces) < MIN_FACES:
        return []
    places = np.round(100 * place_faces(story.vectors), 2).tolist()
    return [face | {"left": left, "top": top} for face, (left, top) in zip(faces, places, strict=True)]
