"""P-Net strip by strip answers as in one call."""

from __future__ import annotations

import pytest
import torch

from profiling.detection import strips
from profiling.detection.networks import load_networks
from profiling.weights import load_mtcnn, prepare_weights


@pytest.mark.parametrize("pixels", [4, 3_000, 7_001, 1_000_000])
@pytest.mark.parametrize("shape", [(24, 32), (98, 120), (200, 24), (12, 12)])
def test_strips_answer_as_the_whole_sheet(shape: tuple[int, int], pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_weights()
    network = load_networks(load_mtcnn(), torch.device("cpu"), torch.float32)[0]
    sheet = torch.randn((1, *shape, 3), generator=torch.Generator().manual_seed(5)).permute(0, 3, 1, 2)
    monkeypatch.setattr(strips, "STRIP_PIXELS", pixels)
    with torch.inference_mode():
        torch.testing.assert_close(strips.scan(network, sheet), network(sheet), atol=1e-5, rtol=1e-5)
