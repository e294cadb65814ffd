"""Known faces of a drawn population: found once, embedded by each network, named by the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from profiling.alignment import cut_chips
from profiling.decoding import decode_photo
from profiling.detection import Detector
from profiling.embedding.embedder import Embedder
from profiling.embedding.known_faces import embed_known_faces
from profiling.evaluation import read_truth
from profiling.settings import DecodingSettings, DetectionSettings


def test_known_faces_are_those_that_a_photo_by_photo_look_gives(drawn: Path, embedder: Embedder) -> None:
    photos = pq.read_table(drawn / "photos.parquet", columns=["photo_id", "owner_id", "uri"])
    truth = read_truth(drawn / "truth").faces
    detector, done = Detector.load(DetectionSettings()), list[int]()
    owner = sorted(set(photos["owner_id"].to_pylist()))[0]
    mine = photos.filter(pc.equal(photos["owner_id"], owner))
    found = embed_known_faces(mine, str(drawn), truth, detector, [embedder, embedder], done.append)
    assert done[-1] == mine.num_rows
    assert np.array_equal(found.vectors[0], found.vectors[1])
    assert len(found.vectors[0]) == len(found.faces.person) == len(found.faces.album)
    assert set(found.faces.album.tolist()) == {owner}
    of_mine = truth.filter(pc.is_in(truth["photo_id"], value_set=mine["photo_id"].combine_chunks()))
    true = of_mine["person_id"].to_pylist()
    assert len(found.faces.person) > 0.8 * len(true)
    for person in set(found.faces.person.tolist()):
        assert np.sum(found.faces.person == person) <= true.count(person)
    single = next(r for r in mine.sort_by("photo_id").to_pylist() if r["photo_id"] in of_mine["photo_id"].to_pylist())
    pixels = decode_photo((drawn / single["uri"]).read_bytes(), DecodingSettings()).pixels
    chips = cut_chips(pixels, detector.detect([pixels])[0].landmarks, embedder.entry.chip)
    vectors = embedder.embed(chips).vectors
    assert any(np.array_equal(vectors[0], row) for row in found.vectors[0])


def test_unreadable_photos_are_left_out(drawn: Path, embedder: Embedder) -> None:
    photos = pa.table({"photo_id": [1], "owner_id": [1], "uri": ["images/none.jpg"]})
    truth = read_truth(drawn / "truth").faces
    found = embed_known_faces(
        photos, str(drawn), truth, Detector.load(DetectionSettings()), [embedder], lambda done: None
    )
    assert found.vectors[0].shape == (0, embedder.entry.dim)
    assert found.seconds == [pytest.approx(0.0)]
