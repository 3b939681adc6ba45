"""The quick VisAH computes what the plain one computes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from seehear.models.visah import VisAH, VisAHConfig, fast, tiny_visah
from seehear.models.visah.fast import FastVisAH, faster
from seehear.nn.context import Context, Tokens

SMALL = VisAHConfig(
    sample_rate=8000,
    n_fft=256,
    hop_length=64,
    channels=8,
    depth=4,
    lstm_steps=20,
    latent_dim=16,
    heads=4,
    latent_depth=2,
    context_layers=2,
    frame_encoder="grid",
    frame_dim=12,
    caption_encoder="hash",
    caption_dim=6,
)
FRAMES_ONLY = replace(SMALL, caption_encoder="", caption_dim=0)
CONFIGS = {
    "frames and captions": SMALL,
    "published": replace(FRAMES_ONLY, batch_axis_context=True, time_positions=False),
    "no context": replace(FRAMES_ONLY, frame_encoder="", frame_dim=0),
}


def opened(config: VisAHConfig) -> VisAH:
    """A model in which every part is audible and no norm is neutral."""
    model = VisAH(config).eval()
    with torch.no_grad():
        model.latent.proj_out.weight.normal_(std=0.5)
        for name, parameter in model.named_parameters():
            if name.endswith(".scale"):
                parameter.normal_()
            elif "norm" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def context(config: VisAHConfig, batch: int) -> Context:
    def some(dim: int) -> Tokens | None:
        times = torch.arange(4.0).expand(batch, -1)
        mask = torch.ones(batch, 4, dtype=torch.bool)
        return Tokens(torch.randn(batch, 4, dim), times, mask) if dim else None

    return Context(some(config.frame_dim), some(config.caption_dim))


def assert_same(model: VisAH, mixture: torch.Tensor, seen: Context) -> None:
    with torch.no_grad():
        plain = model(mixture, seen)
    quick = FastVisAH(model)(mixture, seen)
    assert quick.shape == plain.shape
    assert float((quick - plain).norm()) <= 1e-5 * float(plain.norm())


@pytest.mark.parametrize("name", CONFIGS)
def test_same_result(name: str) -> None:
    config = CONFIGS[name]
    assert_same(opened(config), 0.1 * torch.randn(2, 1, 4001), context(config, 2))


@pytest.mark.parametrize("length", [2, 63, 1024, 2051])
def test_same_result_at_any_length(length: int) -> None:
    assert_same(opened(SMALL), 0.1 * torch.randn(1, 1, length), context(SMALL, 1))


@pytest.mark.parametrize("block", [1, 500, 3000])
def test_blocks_leave_no_seams(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "BLOCK_VALUES", block)
    assert_same(opened(SMALL), 0.1 * torch.randn(1, 1, 3001), context(SMALL, 1))


def test_same_result_without_packed_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "has_packing", lambda dtype: False)
    assert_same(opened(SMALL), 0.1 * torch.randn(1, 1, 1500), context(SMALL, 1))


@pytest.mark.parametrize("is_packed", [True, False])
def test_half_precision_is_close(is_packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_packed:
        monkeypatch.setattr(fast, "has_packing", lambda dtype: False)
    model, mixture, seen = opened(SMALL), 0.1 * torch.randn(1, 1, 4001), context(SMALL, 1)
    with torch.no_grad():
        plain = model(mixture, seen)
    made = faster(model, torch.bfloat16)(mixture, seen)
    assert made.dtype == torch.float32
    error = float((made - plain).norm() / plain.norm())
    assert 1e-5 < error < 0.05


def test_a_norm_that_meets_nothing_but_a_constant() -> None:
    # Silent bins make the hidden layer constant over time: only its map spreads over channels.
    mixture = torch.zeros(1, 1, 3000)
    mixture[0, 0, 0] = 1e-3
    assert_same(opened(SMALL), mixture, context(SMALL, 1))


def test_silence_stays_exact_silence() -> None:
    made = FastVisAH(opened(SMALL))(torch.zeros(1, 1, 2000), context(SMALL, 1))
    assert (made == 0).all()


def test_the_plain_model_is_left_alone() -> None:
    model = tiny_visah()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    faster(model)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_other_number_formats_are_run_plainly() -> None:
    model = tiny_visah().double()
    assert faster(model) is model
