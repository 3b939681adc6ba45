"""QuickCAVP: size, reach in time, rates, and that nothing leaks between clips."""

import math

import pytest
import torch

from seehear.dsp.mel import log_mel
from seehear.models import build_config, build_tiny
from seehear.models.visualaudio.cavp import contrast
from seehear.models.visualaudio.quick_cavp import (
    QuickCAVP,
    QuickCAVPConfig,
    aligned,
    spread,
    tiny_quick_cavp,
)


@pytest.fixture(scope="module")
def model() -> QuickCAVP:
    return tiny_quick_cavp().eval()


def video(count: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(2, count, 3, 16, 16, generator=generator)
    return frames, torch.randn(2, math.ceil(count / 10), 8, generator=generator)


def test_the_default_size_is_small() -> None:
    with torch.device("meta"):
        model = QuickCAVP(QuickCAVPConfig())
    assert sum(p.numel() for p in model.parameters()) == 1_876_609
    assert QuickCAVPConfig().context == 20
    assert QuickCAVPConfig().step == 800


def test_every_parameter_learns(model: QuickCAVP) -> None:
    frames, looks = video()
    heard = log_mel(torch.randn(2, 32000), model.config.mel)
    seen = model.embed_video(frames, looks)
    sound = model.embed_audio(heard)
    assert seen.shape == sound.shape == (2, 40, 32)
    loss = contrast(seen.mean(1), sound.mean(1), model.log_scale)
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.abs().sum() > 0), name
    model.zero_grad()


@torch.no_grad()
def test_clips_of_a_batch_do_not_meet(model: QuickCAVP) -> None:
    frames, looks = video()
    heard = torch.randn(2, 80, 100)
    both = model.embed_video(frames, looks), model.embed_audio(heard)
    frames[1], looks[1], heard[1] = 0.0, 1.0, -3.0
    again = model.embed_video(frames, looks), model.embed_audio(heard)
    for before, after in zip(both, again, strict=True):
        torch.testing.assert_close(before[0], after[0], rtol=0, atol=1e-6)
        assert not torch.allclose(before[1], after[1])


@torch.no_grad()
def test_a_frame_reaches_no_further_than_the_context(model: QuickCAVP) -> None:
    frames, looks = video(60)
    before = model.embed_video(frames, looks)[0]
    frames[0, 30] = 1 - frames[0, 30]
    changed = (model.embed_video(frames, looks)[0] - before).abs().amax(dim=1) > 0
    places = torch.nonzero(changed).flatten().tolist()
    reach = model.config.context
    assert 30 - reach <= places[0]
    assert places[-1] <= 30 + reach
    assert 30 in places


@torch.no_grad()
def test_features_change_with_motion_only(model: QuickCAVP) -> None:
    frames, looks = video(60)
    frames[:] = frames[:, :1]
    still = model.embed_video(frames, looks[:, :1])[0, 10:50]
    assert float((still - still[0]).abs().max()) < 1e-5


def test_looks_are_interpolated_and_the_last_one_holds() -> None:
    looks = torch.tensor([[[0.0], [10.0], [20.0]]])
    seen = spread(looks, 27, 10)[0, :, 0]
    expected = torch.arange(27.0).clamp_max(20.0)
    torch.testing.assert_close(seen, expected)


@torch.no_grad()
def test_steps_of_sound_stand_where_they_sound(model: QuickCAVP) -> None:
    wave = torch.zeros(1, 32000)
    wave[0, 16000:16100] = 1.0
    silent = model.embed_audio(log_mel(torch.zeros(1, 32000), model.config.mel))
    heard = model.embed_audio(log_mel(wave, model.config.mel))
    changed = (heard - silent)[0].abs().sum(1)
    centre = (changed * torch.arange(40.0)).sum() / changed.sum()
    assert float(centre) == pytest.approx(20.0, abs=1.5)


def test_likeness_is_a_mean_of_cosines() -> None:
    rows = torch.nn.functional.normalize(torch.randn(3, 7, 5), dim=-1)
    table = aligned(rows, rows)
    torch.testing.assert_close(table.diagonal(), torch.ones(3))
    torch.testing.assert_close(table[0, 1], (rows[0] * rows[1]).sum(-1).mean())


@torch.no_grad()
def test_temperature_starts_as_published_and_is_limited(model: QuickCAVP) -> None:
    assert float(model.log_scale.exp()) == pytest.approx(1 / 0.07, rel=1e-5)
    other = tiny_quick_cavp()
    other.log_scale.data.fill_(9.0)
    other.limit_scale()
    assert float(other.log_scale.exp()) == pytest.approx(100.0, rel=1e-5)


def test_it_stands_in_the_table_of_models() -> None:
    assert isinstance(build_tiny("quick_cavp"), QuickCAVP)
    assert build_config("quick_cavp", {"dim": 64}).dim == 64
