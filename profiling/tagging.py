"""Whom the tags on photos name: boxes are matched to faces, faces to clusters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from profiling.albums import Floats, Ints, find, integers, numbers
from profiling.sightings import Sightings

MIN_OVERLAP = 0.2  # intersection over union: people draw loose boxes
CONFIRMED = 2.0  # votes of a tag that the tagged person confirmed; a manual tag is one


def tag_votes(sightings: Sightings, tags: pa.Table) -> Floats:
    """How often each cluster is meant by these tags, float64 [clusters]; a confirmed tag counts `CONFIRMED` times.

    Notes
    -----
    A tag with a box speaks for the face that overlaps it best, or whose centre lies in it while its own centre lies in
    the face. A tag without a box speaks for all faces of the photo, the less the more there are.
    """
    confirmed = np.asarray(pc.fill_null(pc.equal(tags["source"], "confirmed"), False), np.bool_)
    votes = np.where(confirmed, CONFIRMED, 1.0)
    tag, face = _pairs(sightings, tags)
    weight = _matches(sightings, tags, tag, face)
    label = sightings.label[face]
    speaks = (label >= 0) & (weight > 0) & sightings.member[face]
    cast = np.bincount(label[speaks], weights=(weight * votes[tag])[speaks], minlength=len(sightings.faces))
    return cast.astype(np.float64)


def _pairs(sightings: Sightings, tags: pa.Table) -> tuple[Ints, Ints]:
    """Each tag with each kept face of its photo."""
    albums = sightings.albums
    by_id = np.argsort(albums.photo_id, kind="stable")
    place, known = find(integers(tags["photo_id"]), albums.photo_id[by_id])
    rows = np.flatnonzero(sightings.kept)
    photo = np.where(known, by_id[place] if len(by_id) else -1, -1)
    start = np.searchsorted(albums.face_photo[rows], photo, "left")
    count = np.searchsorted(albums.face_photo[rows], photo, "right") - start
    tag = np.repeat(np.arange(len(photo)), count)
    step = np.arange(len(tag)) - np.repeat(np.cumsum(count) - count, count)
    return tag, rows[np.repeat(start, count) + step]


def _matches(sightings: Sightings, tags: pa.Table, tag: Ints, face: Ints) -> Floats:
    """How much of its vote each tag gives each face, float64 [pairs], 0 to 1."""
    frame = np.stack([numbers(tags[name]) for name in ("x", "y", "w", "h")], axis=1)[tag]
    box = sightings.albums.boxes[face]
    boxed = np.asarray(~np.isnan(frame).any(axis=1))
    frame = np.where(boxed[:, None], frame, 0.0)
    fit = _overlap(frame, box)
    centred = _inside(frame[:, :2] + frame[:, 2:] / 2, box) & _inside(box[:, :2] + box[:, 2:] / 2, frame)
    fit = np.where((fit >= MIN_OVERLAP) | centred, fit + 1e-9, 0.0)
    best = np.zeros(len(tags))
    np.maximum.at(best, tag, fit)
    chosen = (fit > 0) & (fit == best[tag])
    alone = 1.0 / np.maximum(np.bincount(tag, minlength=len(tags)), 1)[tag]
    return np.where(boxed, chosen, alone)


def _overlap(one: Floats, other: Floats) -> Floats:
    low = np.maximum(one[:, :2], other[:, :2])
    high = np.minimum(one[:, :2] + one[:, 2:], other[:, :2] + other[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    union = one[:, 2:].prod(axis=1) + other[:, 2:].prod(axis=1) - common
    return np.asarray(common / np.where(union > 0, union, 1.0))


def _inside(point: Floats, box: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(((point >= box[:, :2]) & (point <= box[:, :2] + box[:, 2:])).all(axis=1))
