"""Near-duplicates against networkx, in any order; hashes of real photos saved again and of others."""

from __future__ import annotations

import io
import time
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from profiling import duplicates
from profiling.decoding import decode_photo
from profiling.duplicates import SECOND_LOOK, near_duplicates
from profiling.settings import ClusteringSettings, DecodingSettings

LFW = Path(__file__).parents[3] / "shared" / "data" / "lfw_dev"
BITS = ClusteringSettings().duplicate_bits

Rows = list[tuple[int, int, int]]
FLIPS = st.sampled_from([0, 1, 2, 4, 1 << 63, 3, 7, 15, 31, (1 << 64) - 1, 1 << 40])
ROWS = st.lists(st.tuples(st.integers(-2, 2), FLIPS, st.integers(0, 2)), max_size=30)


def columns(rows: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], npt.NDArray[np.int16]]:
    owners, hashes, faces = zip(*rows, strict=True) if rows else ((), (), ())
    return np.array(owners, np.int64), np.array(hashes, np.uint64), np.array(faces, np.int16)


def oracle(rows: Rows, bits: int) -> list[int]:
    graph = nx.Graph()
    graph.add_nodes_from(range(len(rows)))
    for i, (owner, picture, faces) in enumerate(rows):
        for j, (other_owner, other_picture, other_faces) in enumerate(rows[:i]):
            if (owner, faces) == (other_owner, other_faces) and (picture ^ other_picture).bit_count() <= bits:
                graph.add_edge(i, j)
    return [min(nx.node_connected_component(graph, node)) for node in range(len(rows))]


@given(ROWS, st.integers(0, 6))
def test_groups_are_the_components_of_the_relation(rows: Rows, bits: int) -> None:
    assert near_duplicates(*columns(rows), bits).tolist() == oracle(rows, bits)


@given(ROWS, st.integers(0, 6), st.integers(1, 5))
def test_less_near_hashes_join_where_the_faces_are_alike(rows: Rows, bits: int, modulus: int) -> None:
    def alike(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        pictures = np.array([row[1] for row in rows], np.uint64)
        return (pictures[one] % modulus) == (pictures[other] % modulus)

    graph = nx.Graph()
    graph.add_nodes_from(range(len(rows)))
    for i, (owner, picture, faces) in enumerate(rows):
        for j, (other_owner, other_picture, other_faces) in enumerate(rows[:i]):
            apart = (picture ^ other_picture).bit_count()
            near = apart <= bits or (apart <= SECOND_LOOK * bits and picture % modulus == other_picture % modulus)
            if (owner, faces) == (other_owner, other_faces) and near:
                graph.add_edge(i, j)
    expected = [min(nx.node_connected_component(graph, node)) for node in range(len(rows))]
    assert near_duplicates(*columns(rows), bits, alike).tolist() == expected


@given(ROWS, st.integers(0, 6), st.randoms(use_true_random=False))
def test_order_does_not_matter(rows: Rows, bits: int, random: object) -> None:
    order = np.random.default_rng(len(rows)).permutation(len(rows))
    groups = near_duplicates(*columns(rows), bits)
    shuffled = near_duplicates(*columns([rows[k] for k in order]), bits)
    pairs = groups[order][:, None] == groups[order][None, :]
    assert (pairs == (shuffled[:, None] == shuffled[None, :])).all()


@settings(max_examples=30)
@given(ROWS, st.integers(0, 6), st.integers(1, 9))
def test_bounded_memory_changes_nothing(rows: Rows, bits: int, pairs: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "PAIRS_AT_ONCE", pairs)
        assert near_duplicates(*columns(rows), bits).tolist() == oracle(rows, bits)


def test_a_large_album_and_many_equal_photos_are_quick() -> None:
    random = np.random.default_rng(1)
    hashes = random.integers(0, 1 << 63, 10_000).astype(np.uint64)
    owners, faces = np.zeros(10_000, np.int64), np.ones(10_000, np.int16)
    start = time.process_time()
    assert (near_duplicates(owners, hashes, faces, BITS) == np.arange(10_000)).all()
    assert (near_duplicates(owners, np.zeros_like(hashes), faces, BITS) == 0).all()
    assert time.process_time() - start < 20  # without bounds it would be minutes and gigabytes


def saved_again(photo: Image.Image, side: int, quality: int, kind: str) -> bytes:
    copy = photo.copy()
    copy.thumbnail((side, side))
    stream = io.BytesIO()
    copy.save(stream, kind, quality=quality)
    return stream.getvalue()


@pytest.mark.data
def test_real_photos_saved_again_are_one_and_others_are_not() -> None:
    if not LFW.is_dir():
        pytest.skip(f"{LFW} is missing")
    files = sorted(LFW.rglob("*.jpg"))[::40][:60]
    kept, apart = 0, []
    hashes = []
    for file in files:
        first = decode_photo(file.read_bytes(), DecodingSettings()).perceptual_hash
        hashes.append(first)
        with Image.open(file) as photo:
            copies = [saved_again(photo, 200, 60, "JPEG"), saved_again(photo, 150, 80, "WEBP")]
        for copy in copies:
            again = decode_photo(copy, DecodingSettings()).perceptual_hash
            kept += (first ^ again).bit_count() <= BITS
    apart = [(one ^ other).bit_count() for k, one in enumerate(hashes) for other in hashes[:k]]
    assert kept >= 0.95 * 2 * len(files)
    assert sum(bits <= BITS for bits in apart) <= 0.001 * len(apart)
