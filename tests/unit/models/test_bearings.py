"""Bearings: shares sum to one, blindness is nowhere, frames count when they are seen."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import seehear
from seehear.checkpoint import load_checkpoint
from seehear.models import build_model
from seehear.models.bandmask import BandMask
from seehear.models.bearings import Bearings, BearingsConfig, between_frames, tiny_bearings

WEIGHTS = Path(seehear.__file__).parent / "weights"


def lively() -> Bearings:
    """The tiny model with its decisions blown up, so that small effects show."""
    model = tiny_bearings().eval()
    with torch.no_grad():
        for layer in (model.to_classes, model.to_cells, model.meet.look_for):
            layer.weight.mul_(8.0)
    return model


def pictures(batch: int, frames: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    maps = torch.nn.functional.normalize(torch.randn(batch, frames, 32, 4, 8), dim=2)
    times = torch.arange(frames).float().expand(batch, -1)
    return maps, times, torch.ones(batch, frames, dtype=torch.bool)


@pytest.mark.parametrize("num_samples", [100, 1601, 16000, 33333])
def test_shares_sum_to_one_for_any_length(num_samples: int) -> None:
    with torch.no_grad():
        shares = lively()(torch.randn(2, num_samples), *pictures(2))
    assert shares.shape == (2, 9, 16, 1 + num_samples // 320)
    assert bool((shares >= 0).all())
    assert torch.allclose(shares.sum(1), torch.ones(()), atol=1e-5)


def test_without_frames_all_comes_from_nowhere() -> None:
    maps, times, _ = pictures(1)
    with torch.no_grad():
        shares = lively()(torch.randn(1, 9000), maps, times, torch.zeros(1, 2, dtype=torch.bool))
    assert float(shares[:, -1].min()) > 0.999


def test_frames_that_are_not_seen_do_not_count() -> None:
    model, sound = lively(), torch.randn(1, 16000)
    maps, times, seen = pictures(1, 3)
    with torch.no_grad():
        short = model(sound, maps[:, :2], times[:, :2], seen[:, :2])
        padded = model(sound, maps, times, torch.tensor([[True, True, False]]))
        other = model(sound, maps, times, seen)
    assert torch.allclose(short, padded, atol=1e-6)
    # A third frame at 2 s lies behind the sound's end: it draws what follows the second one.
    assert torch.allclose(short[..., :40], other[..., :40], atol=0.05)


def test_neighbours_in_a_batch_do_not_matter() -> None:
    model, sound = lively(), torch.randn(2, 16000)
    maps, times, seen = pictures(2)
    with torch.no_grad():
        both = model(sound, maps, times, seen)
        alone = model(sound[:1], maps[:1], times[:1], seen[:1])
    assert torch.allclose(both[:1], alone, atol=1e-5)


def test_every_parameter_gets_a_gradient() -> None:
    model = tiny_bearings()
    parts = model.parts(model.band_power(torch.randn(2, 16000)), *pictures(2))
    (parts.shares.square().sum() + parts.class_scores.square().sum()).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_positions_go_from_the_left_edge_to_the_right_one() -> None:
    positions = tiny_bearings().positions
    assert positions.tolist() == [0.875, 0.625, 0.375, 0.125, -0.125, -0.375, -0.625, -0.875]


def test_the_default_fits_into_four_megabytes_of_half_precision() -> None:
    model = build_model("bearings", BearingsConfig())
    persistent = sum(value.numel() for value in model.state_dict().values())
    assert persistent == 1_963_685 and 2 * persistent < 4e6


def test_it_starts_with_what_a_separator_knows() -> None:
    ear = load_checkpoint(WEIGHTS / "separate-starter").module
    assert isinstance(ear, BandMask)
    model = Bearings(BearingsConfig())
    fresh = model.look.enter.weight.clone()
    model.start_from(ear)
    assert torch.equal(model.enc1.entry.weight, ear.enc1.entry.weight)
    assert torch.equal(model.timeline.blocks[2].conv.weight, ear.timeline.blocks[2].conv.weight)
    assert torch.equal(model.dec1.entry.weight[:, :64], ear.dec1.entry.weight[:, :64])
    assert torch.equal(model.dec1.entry.weight[:, 66:], ear.dec1.entry.weight[:, 65:])
    assert not model.dec1.entry.weight[:, 64:66].any()
    assert torch.equal(model.look.enter.weight, fresh)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_between_frames_is_linear_and_holds_at_the_ends() -> None:
    times = torch.tensor([[1.0, 0.2, 9.0]])
    seen = torch.tensor([[True, True, False]])
    weights = between_frames(times, seen, torch.tensor([0.0, 0.2, 0.4, 0.6, 1.0, 2.0]))
    first = [0.0, 0.0, 0.25, 0.5, 1.0, 1.0]
    assert torch.allclose(weights[0, :, 0], torch.tensor(first), atol=1e-6)
    assert torch.allclose(weights.sum(2), torch.ones(()))
    assert not weights[..., 2].any()
    assert not between_frames(times, ~seen.logical_or(~seen), torch.zeros(2)).any()
