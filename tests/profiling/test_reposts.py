"""Reposted strangers and avatars, in every fifth album: not a bit of any cluster or its evidence changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from profiling.vectors import pack_vectors, unpack_vectors
from tests.profiling.album_world import NOISE, World, appended, changed, draw_world, same_bits

STRANGER_COPIES, AVATAR_COPIES = 3, 5
OUTSIDERS = 40  # persons from here on are nobody's friends


def reposted(world: World, same: bool, seed: int) -> World:
    """Every fifth user gets three copies of an outsider's photo of another album and five of the own avatar."""
    rng = np.random.default_rng(seed)
    photos = {row["photo_id"]: row for row in world.photos.to_pylist()}
    seen = {row["photo_id"]: row for row in world.seen.to_pylist()}
    outside = sorted(photo for (photo, face), who in world.person.items() if face == 0 and who >= OUTSIDERS)
    rows: dict[str, list[dict[str, Any]]] = {"photos": [], "seen": [], "selection": []}
    faces = [world.faces]
    for user in world.users["user_id"].to_pylist()[::5]:
        album = {who for (photo, _), who in world.person.items() if photos[photo]["owner_id"] == user}
        far = [photo for photo in outside if world.person[photo, 0] not in album]
        avatar = next(i for i, row in photos.items() if row["owner_id"] == user and row["was_avatar"])
        stranger = far[0] if same else int(rng.choice(far))
        for source in [stranger] * STRANGER_COPIES + [avatar] * AVATAR_COPIES:
            new = {"photo_id": 900_000 + len(rows["photos"])}
            flip = int(rng.choice([0, 1, 1 << 40]))
            rows["photos"].append(photos[source] | new | {"owner_id": user})
            rows["seen"].append(seen[source] | new | {"perceptual_hash": seen[source]["perceptual_hash"] ^ flip})
            rows["selection"].append(new | {"owner_id": user, "quality": 1.0, "rank": 99})
            faces.append(copied(world.faces.filter(pc.equal(world.faces["photo_id"], source)), new["photo_id"], rng))
    grown = {name: appended(getattr(world, name), added) for name, added in rows.items()}
    return replace(world, faces=pa.concat_tables(faces), **grown)


def copied(faces: pa.Table, photo_id: int, rng: np.random.Generator) -> pa.Table:
    """The faces of a photo as a copy shows them: a little noise on the vectors."""
    vectors = unpack_vectors(faces["embedding"]).astype(np.float64)
    vectors += rng.normal(0, NOISE / 5, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    place = faces.column_names.index("embedding")
    faces = faces.set_column(place, "embedding", pack_vectors(vectors))
    return changed(faces, "photo_id", [photo_id] * len(faces))


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_reposts_change_no_bit_of_the_clusters(same: bool, seed: int) -> None:
    world = draw_world(seed=seed)
    before, after = world.cluster()[0], reposted(world, same, seed).cluster()
    assert same_bits(before, after[0])
    copies = after[1].filter(pc.greater_equal(after[1]["photo_id"], 900_000))
    assert len(copies) >= 8 * (STRANGER_COPIES + AVATAR_COPIES)
    strangers = len(world.users) // 5  # the first copy of each stands for the others, and is seen once
    states = pc.value_counts(copies["state"]).to_pylist()
    assert {row["values"]: row["counts"] for row in states} == {
        "noise": strangers, "duplicate": len(copies) - strangers,
    }  # fmt: skip


def test_without_hashes_the_reposts_would_be_people() -> None:
    world = draw_world(seed=0)
    grown = reposted(world, True, 0)
    blind = replace(grown, seen=changed(grown.seen, "perceptual_hash", [None] * len(grown.seen)))
    assert len(blind.cluster()[0]) >= len(world.cluster()[0]) + len(world.users) // 5
