"""What is shown of attention: rows are shares, and the numbers mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seehear.models.visualaudio.denoiser import Denoiser, DenoiserConfig, tiny_denoiser
from seehear.tasks.generate.compose import Batch
from seehear.tasks.generate.keeping import MemoryKeep
from seehear.tasks.generate.watching import LookTable, aligned_share, chance_share


def test_shares_near_the_moment() -> None:
    even = np.full((200, 160), 1 / 160, np.float32)
    assert aligned_share(even, 5.0) == pytest.approx(chance_share(even.shape, 5.0))
    exact = np.zeros((200, 160), np.float32)
    exact[np.arange(200), ((np.arange(200) + 0.5) * 160 / 200).astype(int)] = 1
    assert aligned_share(exact, 1.0) == pytest.approx(1.0)
    assert chance_share((200, 160), 5.0) == pytest.approx(10.5 / 160, rel=0.1)


@pytest.mark.parametrize("rotate", [False, True])
def test_looks_are_shares_and_keep_to_their_shot(rotate: bool) -> None:
    model = tiny_denoiser()
    if rotate:
        turned = Denoiser(DenoiserConfig(**{**vars(model.config), "rotate_video": True}))
        turned.load_state_dict(model.state_dict())
        model = turned
    model.eval()
    tokens, pooled = model.encode_video(torch.randn(2, 16, 32))
    mask = torch.zeros(2, 20, 16, dtype=torch.bool)
    mask[:, :10, :8] = mask[:, 10:, 8:] = True
    batch = Batch(torch.randn(2, 20, 20), tokens, pooled[:, None].expand(-1, 20, -1), mask)
    table = LookTable(MemoryKeep(), model, 20, 16)
    with torch.inference_mode():
        for time in (0.5, 0.0, 0.5):
            table.add(batch, time)
    looks = table.looks()
    assert [look.time for look in looks] == [0.0, 0.5]
    for look in looks:
        for shares in (look.attention, look.gated):
            np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-5)
            assert shares[:10, 8:].max() == shares[10:, :8].max() == 0.0
        assert look.bands.shape == (1, 4)
        assert look.bands.max() == pytest.approx(1.0)
