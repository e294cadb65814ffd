"""Friends' albums across buckets: what the stage left in a real lake is what one pass over the population gives."""

from __future__ import annotations

import numpy as np
import pytest

from profiling.albums import integers
from profiling.co_occurrence import FriendsAlbums, add_across, co_occurrence
from profiling.rounds import base_matrix
from profiling.tables import ACROSS_EVIDENCE, BASE_EVIDENCE
from profiling.vectors import unpack_vectors
from ray_tasks.generation_tables import GenerationTables
from ray_tasks.generations import find_generation
from ray_tasks.lake import Lake
from ray_tasks.stages.partition_rows import open_friendships, rows_mark
from ray_tasks.stages.score import distance_scale
from tests.conftest import Built

pytestmark = pytest.mark.slow


def test_buckets_together_are_the_population_at_once(built: Built) -> None:
    lake = Lake.open(built.lake)
    tables = GenerationTables(lake, find_generation(lake, built.generation))
    clusters, across = tables.table("cluster", "clusters"), tables.table("co_occurrence", "co_occurrence")
    friendships = open_friendships(lake, rows_mark(tables.generation.manifests(lake, "partition")))
    indptr, friends = friendships.neighbours(0, friendships.rows)
    row, centroids = integers(clusters["row"]), unpack_vectors(clusters["centroid"])
    shares = np.asarray(clusters["share"], np.float32)
    albums = FriendsAlbums(np.searchsorted(row, np.arange(friendships.rows + 1)), centroids, shares)
    found = co_occurrence(row, centroids, shares, indptr, friends, albums, distance_scale(tables.settings))
    for name in ACROSS_EVIDENCE:
        np.testing.assert_array_equal(np.asarray(across[name]), getattr(found, name))
    assert np.isfinite(found.friend_share).any()
    assert (found.friend_share > 0).any()
    weighed = base_matrix(add_across(clusters, across))[:, BASE_EVIDENCE.index("friend_share")]
    np.testing.assert_array_equal(weighed.astype(np.float32), found.friend_share)
