"""dlib's network in PyTorch says what dlib itself says."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from profiling.embedding import find_weights, get_model
from profiling.embedding.dlib_resnet import load_network
from profiling.embedding.embedder import Embedder
from profiling.errors import ModelError
from tests.profiling.embedding.dlib_bytes import network

Chips = npt.NDArray[np.uint8]

TOLERANCE = 1e-5  # of a descriptor's numbers, which are about .1
LEAST_CHIPS = 60


@pytest.fixture(scope="module")
def reference() -> Any:
    """dlib's own network; skips where its wheel is missing."""
    dlib = pytest.importorskip("dlib")
    return dlib.face_recognition_model_v1(str(find_weights(get_model("dlib"))))


def _difference(embedder: Embedder, reference: Any, chips: Chips) -> float:
    assert len(chips) >= LEAST_CHIPS
    theirs = np.array([reference.compute_face_descriptor(chip) for chip in chips])
    ours = embedder.embed(chips)
    return float(np.abs(ours.vectors.astype(np.float64) * ours.norms[:, None] - theirs).max())


@pytest.mark.slow
def test_descriptors_of_drawn_chips_equal_dlibs(embedder: Embedder, reference: Any, drawn_chips: Chips) -> None:
    assert _difference(embedder, reference, drawn_chips) < TOLERANCE


@pytest.mark.slow
@pytest.mark.data
def test_descriptors_of_real_faces_equal_dlibs(embedder: Embedder, reference: Any, real_chips: Chips) -> None:
    assert _difference(embedder, reference, real_chips) < TOLERANCE


def test_a_few_descriptors_equal_dlibs(embedder: Embedder, reference: Any, drawn_chips: Chips) -> None:
    chips = drawn_chips[:4]
    theirs = np.array([reference.compute_face_descriptor(chip) for chip in chips])
    ours = embedder.embed(chips)
    assert np.allclose(ours.vectors * ours.norms[:, None], theirs, atol=TOLERANCE, rtol=0)


def test_another_network_of_dlibs_format_is_refused() -> None:
    with pytest.raises(ModelError, match="not the face recognition ResNet"):
        load_network(network(np.zeros((256, 128, 1, 1), np.float32)))
