"""Low-rank changes: nothing at first, all that learns, and the same after they are merged."""

import torch
from torch import nn

from seehear.models.visualaudio.denoiser import tiny_denoiser
from seehear.nn.lora import LowRank, add_low_rank, merge_low_rank


def test_merged_equals_unmerged_and_has_the_old_shape() -> None:
    model = tiny_denoiser().eval()
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    x, times, video = torch.randn(2, 20, 9), torch.rand(2), torch.randn(2, 8, 32)
    with torch.no_grad():
        before = model(x, times, video)
        assert add_low_rank(model, ("query", "value_video", "up"), 4) == 4  # two layers each
        assert torch.equal(model(x, times, video), before)
        for module in model.modules():
            if isinstance(module, LowRank):
                nn.init.normal_(module.up, std=0.1)
        changed = model(x, times, video)
        assert not torch.allclose(changed, before, atol=1e-3)
        merge_low_rank(model)
        assert torch.allclose(model(x, times, video), changed, atol=1e-5)
    assert {name: value.shape for name, value in model.state_dict().items()} == shapes
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_only_the_changes_learn() -> None:
    model = tiny_denoiser()
    add_low_rank(model, ("query",), 2)
    learning = {name for name, value in model.named_parameters() if value.requires_grad}
    assert learning and all(name.endswith((".up", ".down")) for name in learning)
    assert all("query" in name for name in learning)
