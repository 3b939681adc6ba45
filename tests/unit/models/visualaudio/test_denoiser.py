"""The flow transformer: published sizes, routing, what video and bands can and cannot reach."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from seehear.errors import ConfigError, ModelError
from seehear.models.visualaudio.denoiser import (
    Denoiser,
    DenoiserConfig,
    rotary_table,
    rotate,
    size_l,
    size_m,
    size_xl,
    time_features,
    tiny_denoiser,
)
from seehear.models.visualaudio.experts import BandExperts, TimeExperts
from seehear.tasks.generate.import_denoiser import published_config, translate


def count(config: DenoiserConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in Denoiser(config).parameters())


def test_published_sizes() -> None:
    assert count(size_m()) == 159_966_116
    assert count(size_l()) == 516_961_684
    assert count(size_xl()) == 752_377_428
    # The rule of the public relatives gives M too small a network.
    naive = count(replace(size_m(), time_hidden=512, band_hidden=2048))
    assert abs(naive / 160e6 - 1) > 0.03
    # The order of layers changes nothing.
    assert count(replace(size_m(), pattern="T" * 8 + "F" * 4)) == 159_966_116


def test_begins_at_exactly_zero() -> None:
    config = replace(tiny_denoiser().config, pattern="TFB")
    model = Denoiser(config).eval()
    made = model(torch.randn(2, 20, 9), torch.rand(2), torch.randn(2, 4, 32))
    assert made.shape == (2, 20, 9) and not made.any()


def test_time_picks_the_expert() -> None:
    experts = TimeExperts(8, 4, 4)
    times = torch.tensor([0, 0.2499, 0.25, 0.75, 0.999, 1.0])
    assert experts.route(times).tolist() == [0, 0, 1, 3, 3, 3]
    x = torch.randn(6, 5, 8)
    mixed = experts(x, times)
    alone = torch.cat([experts(x[n : n + 1], times[n : n + 1]) for n in range(6)])
    assert torch.allclose(mixed, alone, atol=1e-6)
    with torch.no_grad():
        before = experts(x[:1], times[:1])
        experts.up[2] += 1
        assert torch.equal(experts(x[:1], times[:1]), before)
    published = TimeExperts(8, 4, 4, end_is_empty=True)
    assert not published(x[:1], torch.ones(1)).any() and published(x[:1], times[4:5]).any()


def test_bands_do_not_mix_and_equal_masked_full_width_experts() -> None:
    torch.manual_seed(0)
    bands, x = BandExperts(16, 8, 4), torch.randn(2, 3, 16)
    made = bands(x, torch.zeros(2))
    changed = x.clone()
    changed[..., 4:8] += 1
    differs = (bands(changed, torch.zeros(2)) != made).any(dim=(0, 1))
    assert differs.tolist() == [4 <= n < 8 for n in range(16)]
    full = torch.zeros_like(made)
    for expert in range(4):
        own = slice(4 * expert, 4 * expert + 4)
        gate, up = torch.zeros(8, 16), torch.zeros(8, 16)
        gate[:, own], up[:, own] = bands.gate[expert], bands.up[expert]
        down = torch.randn(16, 8)
        down[own] = bands.down[expert]
        hidden = functional.silu(x @ gate.T) * (x @ up.T)
        full[..., own] = (hidden @ down.T)[..., own]
    assert torch.allclose(full, made, atol=1e-4)


def test_rotary_scores_depend_on_distance_only() -> None:
    query, key = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def score(a: float, b: float) -> float:
        turned = rotate(query, rotary_table(torch.tensor([a]), 8))
        return float((turned * rotate(key, rotary_table(torch.tensor([b]), 8))).sum())

    assert score(3, 10) == pytest.approx(score(103, 110), abs=1e-4)
    assert score(3, 10) != pytest.approx(score(3, 11), abs=1e-4)


def test_time_features_begin_with_cosines() -> None:
    features = time_features(torch.tensor([0.0, 0.5]))
    assert features.shape == (2, 256) and features[0, :128].eq(1).all()
    assert not features[0, 128:].any()


@pytest.mark.parametrize(
    ("how", "turned", "sees_order"),
    [
        ("cross", True, True),
        ("cross", False, False),  # as published: the order of frames cannot reach the sound
        ("concat_time", False, True),
        ("concat_channel", False, True),
    ],
)
def test_order_of_frames_is_heard(how: str, turned: bool, sees_order: bool) -> None:
    config = replace(tiny_denoiser().config, conditioning=how, rotate_video=turned)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = Denoiser(config).eval()
    for name, value in model.named_parameters():
        if "modulate" in name or name.startswith(("exit", "kind")) or name.endswith("gate"):
            torch.nn.init.normal_(value, std=0.3)
    x, t = torch.randn(1, 20, 11), torch.tensor([0.3])
    video = torch.randn(1, 5, 32)
    swapped = video.flip(1)  # the mean, and so the modulation, stays
    assert model(x, t, video).shape == (1, 20, 11)
    same = torch.allclose(model(x, t, video), model(x, t, swapped), atol=1e-4)
    assert same != sees_order


def test_batches_do_not_mix_and_video_can_be_encoded_once() -> None:
    model = tiny_denoiser().eval()
    x, t, video = torch.randn(3, 20, 7), torch.tensor([0.1, 0.6, 0.9]), torch.randn(3, 4, 32)
    whole = model(x, t, video)
    alone = torch.cat([model(x[n : n + 1], t[n : n + 1], video[n : n + 1]) for n in range(3)])
    assert torch.allclose(whole, alone, atol=1e-5)
    assert torch.equal(model.step(x, t, *model.encode_video(video)), whole)


def test_pictures_of_attention_are_shares() -> None:
    model = tiny_denoiser().eval()
    attend = model.layers[0].attend
    x, video = torch.randn(1, 6, 32), torch.randn(1, 4, 32)
    shares = attend.weights_on_video(x, rotary_table(torch.arange(6), 16), video)  # type: ignore[operator,union-attr]
    assert shares.shape == (1, 2, 6, 4) and torch.allclose(shares.sum(3), torch.ones(1, 2, 6))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="letters T, F and B"):
        DenoiserConfig(pattern="TX")
    with pytest.raises(ConfigError, match="multiple of twice the heads"):
        DenoiserConfig(width=100)
    with pytest.raises(ModelError, match="holds no video transformer"):
        published_config({"a": torch.zeros(1)}, "x.ckpt")
    with pytest.raises(ModelError, match="no part of the video transformer"):
        translate({"strange.weight": torch.zeros(1)}, DenoiserConfig(), "x.ckpt")
