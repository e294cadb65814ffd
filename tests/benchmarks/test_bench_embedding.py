"""The benchmark of embedding at a tiny size: all engines that it compares give the same vectors."""

from __future__ import annotations

import pytest

pytest.importorskip("openvino")
pytest.importorskip("dlib")


@pytest.mark.slow
def test_all_engines_agree() -> None:
    import bench_embedding

    faces = bench_embedding.noise(16)["dlib"]
    exact, rough = bench_embedding.cases("dlib", faces, 16, at=(1,))
    sides = [side.name for side in exact.sides]
    assert sides == ["kith", "ONNX Runtime", "OpenVINO", "PyTorch, one by one", "dlib's wheel"]
    for case in (exact, rough):
        answers = [side.call() for side in case.sides]
        case.same(*[answer.answer for answer in answers])
        assert all(answer.seconds > 0 for answer in answers)


def test_sides_that_differ_are_noticed() -> None:
    import bench_embedding

    vectors = bench_embedding.np.eye(3, 4, dtype="float32")
    with pytest.raises(AssertionError, match="cosine"):
        bench_embedding.alike(0.999)(vectors, vectors[::-1])
