"""DAVIS: published sizes, what the output depends on, and batches that do not mix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seehear.checkpoint import load_checkpoint, save_checkpoint
from seehear.errors import InputError
from seehear.models import build_tiny
from seehear.models.davis import (
    Davis,
    flow,
    narrow,
    paper_ave,
    paper_music,
    paper_music_resnet,
    tiny,
    tiny_davis,
)
from seehear.models.davis.frontend import (
    compress_magnitude,
    expand_magnitude,
    picture_of,
    resynthesise,
    spectrum_of,
)
from seehear.models.davis.temporal import FrameTransformer
from seehear.models.davis.unet import TimeEmbedding


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def inputs(batch: int = 2, columns: int = 32) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """State, times, mixture, frames."""
    g = torch.Generator().manual_seed(0)
    return (
        torch.randn(batch, 1, 32, columns, generator=g),
        torch.rand(batch, generator=g),
        torch.rand(batch, 1, 32, columns, generator=g),
        torch.randn(batch, 4, 32, generator=g),
    )


@pytest.fixture(scope="module")
def model() -> Davis:
    return tiny_davis()


def test_published_sizes() -> None:
    with torch.device("meta"):
        music, resnet = Davis(paper_music()), FrameTransformer(paper_music_resnet())
        small = Davis(narrow())
    assert size(music.unet) == 36_549_603
    assert size(music.temporal) == 13_663_232
    assert size(resnet) == 7_365_632
    assert size(small.unet) < size(music.unet) / 10
    # Without the layers that the public code has and never feeds:
    unet = music.unet
    unfed = (unet.middle1.time, unet.middle_attention.time, unet.middle2.time)
    assert size(unet) - sum(map(size, unfed)) == 35_760_099


def test_published_shapes() -> None:
    seen: list[tuple[int, ...]] = []
    with torch.device("meta"):
        unet = Davis(paper_music()).unet
        for level in unet.down:
            level.register_forward_hook(lambda m, i, out: seen.append(tuple(out.shape[1:])))
        x = torch.empty(1, 1, 256, 256)
        out = unet(x, torch.empty(1), x, torch.empty(1, 512))
    assert out.shape == x.shape
    assert seen == [
        (64, 256, 256),
        (64, 128, 128),
        (128, 64, 64),
        (256, 32, 32),
        (256, 16, 16),
    ]


@pytest.mark.parametrize("columns", [4, 20, 64])
def test_any_number_of_columns_that_can_be_halved(model: Davis, columns: int) -> None:
    state, times, mixture, frames = inputs(1, columns)
    assert model(state, times, mixture, model.look(frames)).shape == (1, 1, 32, columns)


def test_other_sizes_are_refused(model: Davis) -> None:
    state, times, mixture, frames = inputs(1, 6)
    with pytest.raises(InputError, match="multiple of 4 columns"):
        model(state, times, mixture, model.look(frames))
    with pytest.raises(InputError, match="32 rows"):
        model(state.mT, times, mixture.mT, model.look(frames))


def test_output_depends_on_everything(model: Davis) -> None:
    state, times, mixture, frames = inputs()
    seen = model.look(frames)
    with torch.inference_mode():
        base = model(state, times, mixture, seen)
        changed = {
            "time": model(state, times * 0.5, mixture, seen),
            "state": model(state + 0.1, times, mixture, seen),
            "mixture": model(state, times, mixture * 0.5, seen),
            "seen": model(state, times, mixture, model.look(frames + 1.0)),
        }
    for name, value in changed.items():
        assert float((value - base).abs().max()) > 1e-5, name


def test_clips_of_a_batch_do_not_mix(model: Davis) -> None:
    state, times, mixture, frames = inputs(3)
    seen = model.look(frames)
    with torch.inference_mode():
        together = model(state, times, mixture, seen)
        for i in range(3):
            one = slice(i, i + 1)
            alone = model(state[one], times[one], mixture[one], seen[one])
            assert torch.allclose(alone, together[one], atol=1e-4)


def test_order_of_frames_does_not_matter_and_padding_is_not_seen(model: Davis) -> None:
    frames = inputs()[3]
    with torch.inference_mode():
        base = model.look(frames)
        assert torch.allclose(model.look(frames[:, [2, 0, 3, 1]]), base, atol=1e-5)
        padded = torch.cat([frames, torch.full((2, 2, 32), 7.0)], dim=1)
        mask = torch.tensor([[True] * 4 + [False] * 2] * 2)
        assert torch.allclose(model.look(padded, mask), base, atol=1e-5)


def test_the_published_resnet_variant_sees_one_frame() -> None:
    module = Davis(replace(tiny(), first_frame_only=True)).eval()
    frames = inputs()[3]
    with torch.inference_mode():
        assert torch.equal(module.look(frames), module.look(frames[:, :1]))


def test_time_embedding() -> None:
    start = TimeEmbedding(64).sinusoids(torch.tensor([0, 999]))
    assert start.shape == (2, 64)
    assert torch.equal(start[0], torch.cat([torch.zeros(32), torch.ones(32)]))
    assert start[1, 0] == pytest.approx(float(torch.tensor(999.0).sin()))


@pytest.mark.parametrize("told", [True, False])
def test_middle_is_told_the_time_unless_published(told: bool) -> None:
    module = Davis(replace(tiny(), middle_time=told))
    state, times, mixture, frames = inputs()
    module(state, times, mixture, module.look(frames)).square().sum().backward()
    gradient = module.unet.middle1.time.linear.weight.grad
    assert (gradient is not None and bool(gradient.any())) == told
    untouched = [n for n, p in module.named_parameters() if p.grad is None]
    assert all(".time." in name and "middle" in name for name in untouched)
    assert bool(untouched) != told


def test_the_flow_counts_time_in_thousands(model: Davis) -> None:
    state, times, mixture, frames = inputs()
    seen = model.look(frames)
    with torch.inference_mode():
        direct = model.unet(state, 1000 * times, mixture, seen)
        assert torch.equal(model(state, times, mixture, seen), direct)


def test_front_end_lengths() -> None:
    for config, samples, columns, back in (
        (paper_music(), 65535, 256, 65280),
        (paper_ave(), 110000, 430, 109824),
    ):
        assert config.num_samples == samples and config.window_columns == columns
        picture, spectrum = picture_of(torch.zeros(1, samples), config)
        assert picture.shape == (1, 1, 256, 256) and spectrum.shape == (1, 512, columns)
        magnitude = expand_magnitude(picture, config, columns)
        assert magnitude.shape == (1, 1, 512, columns)
        assert resynthesise(magnitude[:, 0], spectrum, config).shape == (1, back)
    assert flow(paper_ave()).steps == 2


def test_targets_are_not_divided_by_the_number_of_sources() -> None:
    config = tiny()
    sound = 0.1 * torch.randn(1, config.num_samples, generator=torch.Generator().manual_seed(0))
    mixture = torch.stack([sound, torch.zeros_like(sound)]).mean(dim=0)
    heard = spectrum_of(mixture, config).abs()
    assert torch.allclose(spectrum_of(sound, config).abs(), 2 * heard, rtol=1e-5)


def test_sound_survives_its_own_picture() -> None:
    config = paper_music()
    t = torch.arange(config.num_samples) / config.sample_rate
    sound = 0.3 * torch.sin(2 * torch.pi * 440 * t)[None]
    spectrum = spectrum_of(sound, config)
    exact = resynthesise(spectrum.abs(), spectrum, config)
    assert torch.allclose(exact, sound[:, : exact.shape[1]], atol=1e-5)
    picture = compress_magnitude(spectrum.abs(), config)
    through = resynthesise(expand_magnitude(picture, config, 256), spectrum, config)
    error = (through - exact)[:, 2000:-2000]
    assert float(error.norm() / exact.norm()) < 0.3


def test_a_checkpoint_gives_the_same_model(model: Davis, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, model, "davis", {"task": "separate"})
    loaded = load_checkpoint(tmp_path).module
    assert isinstance(loaded, Davis) and loaded.config == model.config
    again = build_tiny("davis")
    state, times, mixture, frames = inputs()
    with torch.inference_mode():
        base = model(state, times, mixture, model.look(frames))
        for other in (loaded, again):
            assert torch.equal(other(state, times, mixture, other.look(frames)), base)  # type: ignore[operator]
