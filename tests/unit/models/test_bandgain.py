"""The band-gain network: shapes, bounds, independence of neighbours, what context may be."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seehear.models import build_config, build_model
from seehear.models.bandgain import BandGain, BandGainConfig, tiny_bandgain
from seehear.nn.bandunet import columns
from seehear.nn.context import Context, Tokens


def tokens(batch: int, count: int, dim: int) -> Tokens:
    return Tokens(
        torch.randn(batch, count, dim),
        torch.arange(count).float().expand(batch, -1) + 0.5,
        torch.ones(batch, count, dtype=torch.bool),
    )


def lively() -> BandGain:
    """The tiny model with its decisions blown up, so that small effects show."""
    model = tiny_bandgain().eval()
    with torch.no_grad():
        for parameter in model.timeline.look.parameters():
            parameter.mul_(3.0)
    return model


@pytest.mark.parametrize("num_samples", [1600, 1601, 16000, 33333])
def test_a_column_per_hop_for_any_length(num_samples: int) -> None:
    model = tiny_bandgain().eval()
    gains = model(torch.randn(2, num_samples), Context())
    assert gains.shape == (2, 16, 1 + num_samples // 320)
    assert bool(torch.isfinite(gains).all())


def test_gains_stay_within_bounds_on_silence_and_noise() -> None:
    model = tiny_bandgain().eval()
    with torch.no_grad():
        model.timeline.decide[2].weight.mul_(1000.0)
        loud = model(100.0 * torch.randn(1, 16000), Context())
        silent = model(torch.zeros(1, 16000), Context())
    for gains in (loud, silent):
        assert float(gains.min()) >= -30.01 and float(gains.max()) <= 18.01
        assert bool(torch.isfinite(gains).all())


def test_neighbours_in_a_batch_do_not_matter() -> None:
    model = lively()
    sound, frames = torch.randn(2, 16000), tokens(2, 1, 48)
    with torch.no_grad():
        first = model(sound, Context(frames))
        other = model(
            torch.cat([sound[:1], torch.randn(1, 16000)]),
            Context(replace(frames, values=torch.cat([frames.values[:1], torch.randn(1, 1, 48)]))),
        )
    assert torch.allclose(first[0], other[0], atol=1e-4)
    assert not torch.allclose(first[1], other[1], atol=1e-2)


def test_masked_frames_are_not_seen() -> None:
    model = lively()
    sound, frames = torch.randn(1, 16000), tokens(1, 3, 48)
    hidden = replace(frames, mask=torch.zeros(1, 3, dtype=torch.bool))
    with torch.no_grad():
        assert torch.equal(model(sound, Context(hidden)), model(sound, Context()))
        assert not torch.equal(model(sound, Context(frames)), model(sound, Context()))


def test_padding_of_frames_does_not_matter() -> None:
    model = lively()
    sound, frames = torch.randn(1, 16000), tokens(1, 2, 48)
    padded = Tokens(
        torch.cat([frames.values, torch.full((1, 3, 48), 7.0)], 1),
        torch.cat([frames.times, torch.zeros(1, 3)], 1),
        torch.tensor([[True, True, False, False, False]]),
    )
    with torch.no_grad():
        same = torch.allclose(
            model(sound, Context(frames)), model(sound, Context(padded)), atol=1e-4
        )
    assert same


def test_captions_are_read_and_may_come_alone() -> None:
    model = lively()
    sound = torch.randn(1, 16000)
    with torch.no_grad():
        read = model(sound, Context(captions=tokens(1, 2, 64)))
        assert not torch.equal(read, model(sound, Context()))


def test_a_frame_speaks_most_about_its_own_time() -> None:
    model = lively()
    sound, frames = torch.randn(1, 160000), tokens(1, 10, 48)
    changed = frames.values.clone()
    changed[0, 8] = torch.randn(48)
    times = torch.arange(125) * 0.08
    with torch.no_grad():
        look = model.timeline.look
        difference = (
            (
                look(Context(frames), times, 1)
                - look(Context(replace(frames, values=changed)), times, 1)
            )
            .abs()[0]
            .mean(1)
        )
    assert sound.shape[1] == 160000
    assert float(difference[100:112].mean()) > 3 * float(difference[:50].mean())


def test_every_parameter_learns() -> None:
    model = tiny_bandgain().train()
    context = Context(tokens(2, 2, 48), tokens(2, 2, 64))
    parts = model.parts(torch.randn(2, 16000), context)
    (parts.gains_db.square().mean() + parts.shares.square().mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.abs().sum() > 0), name


def test_shares_sum_to_one_and_gains_are_their_mixture() -> None:
    model = tiny_bandgain().eval()
    with torch.no_grad():
        parts = model.parts(torch.randn(1, 8000), Context())
    assert torch.allclose(parts.shares.sum(1), torch.ones_like(parts.gains_db), atol=1e-5)
    low, high = parts.stem_gains_db.amin(1)[:, None], parts.stem_gains_db.amax(1)[:, None]
    assert bool((parts.gains_db >= low - 1e-3).all() and (parts.gains_db <= high + 1e-3).all())


def test_full_scale_sine_is_0_db() -> None:
    model = BandGain(BandGainConfig())
    at = torch.arange(16000) / 16000
    power = model.band_power(torch.sin(2 * torch.pi * 1000 * at)[None])
    # The Hann window spreads a line over bins whose powers add up to 1.5 of the peak's.
    assert float(power[0, :, 25].sum()) == pytest.approx(1.5, rel=0.02)


def test_columns_keep_knots() -> None:
    coarse = torch.tensor([[[0.0, 4.0, 8.0]]])
    fine: Tensor = columns(coarse, 10)
    assert fine[0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]


def test_published_size_of_the_starter() -> None:
    config = build_config("bandgain", {"widths": [16, 32, 64, 96]})
    count = sum(p.numel() for p in build_model("bandgain", config).parameters())
    assert 3.0e6 < count < 4.0e6
