"""Mono2Binaural and APNet: published sizes, mask algebra, and sounds of any length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seehear.checkpoint import load_checkpoint, save_checkpoint
from seehear.errors import InputError
from seehear.models import build_tiny
from seehear.models.pseudobinaural import (
    APNet,
    APNetConfig,
    Mono2Binaural,
    Mono2BinauralConfig,
    paper_apnet,
    paper_mono2binaural,
    rearranged,
    tiny,
    tiny_apnet,
    tiny_mono2binaural,
)
from seehear.models.pseudobinaural.spectra import apply_mask, to_spectrum, to_waveform
from seehear.models.pseudobinaural.windows import (
    averaged,
    centre_times,
    differences,
    levels_of,
    spatialised,
    to_pair,
    window_starts,
)

PAPER = Mono2BinauralConfig()


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def noise(*shape: int) -> Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def model() -> Mono2Binaural:
    return tiny_mono2binaural()


@pytest.fixture(scope="module")
def visual(model: Mono2Binaural) -> Tensor:
    pictures = torch.rand(3, 3, 64, 128, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        return model.look(pictures)


def test_published_sizes() -> None:
    with torch.device("meta"):
        plain, pyramid = Mono2Binaural(paper_mono2binaural()), APNet(paper_apnet())
        instance = Mono2Binaural(replace(PAPER, norm="instance"))
        batch = APNet(replace(paper_apnet(), norm="batch"))
        single = APNet(replace(paper_apnet(), fusion="last"))
        lean = APNet(replace(paper_apnet(), spare_maps=False))
    assert size(plain) == 34_262_746 and size(pyramid) == 36_024_004
    assert size(plain.visual) == 11_176_512
    assert size(plain.audio) == 23_086_234 and size(instance.audio) == 23_081_370
    assert [size(x) for x in plain.audio.down] == [2240, 131456, 525056, 2098688, 4195840]
    assert [size(x) for x in plain.audio.up] == [10618368, 4195072, 1048960, 262336, 4098]
    assert size(plain.audio.look) + size(plain.audio.look_norm) == 4120
    assert size(batch.pyramid) == 1_766_710 and size(pyramid.pyramid) == 1_766_122
    assert size(lean.pyramid) == 1_273_642 and size(single.pyramid) == 71_940
    # What is stored for the published size alone is never trained.
    trained = sum(p.numel() for p in pyramid.parameters() if p.requires_grad)
    assert trained == size(lean)


def test_published_shapes() -> None:
    seen: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        model = APNet(paper_apnet())
        for name, part in model.named_modules():
            part.register_forward_hook(
                lambda m, given, out, name=name: (
                    seen.update({name: tuple(out.shape[1:])}) if isinstance(out, Tensor) else None
                )
            )
        visual = model.visual(torch.empty(1, 3, 224, 448))
        sides = model.sides(torch.empty(1, 2, 257, 64), visual)
    assert visual.shape == (1, 512, 7, 14)
    assert all(side.shape == (1, 2, 257, 64) for side in sides)
    assert model.audio.up[0].conv.in_channels == 1296
    assert [seen[f"audio.down.{i}"] for i in range(5)] == [
        (64, 128, 32),
        (128, 64, 16),
        (256, 32, 8),
        (512, 16, 4),
        (512, 8, 2),
    ]
    assert [seen[f"audio.up.{i}"] for i in range(5)] == [
        (512, 16, 4),
        (256, 32, 8),
        (128, 64, 16),
        (64, 128, 32),
        (2, 256, 64),
    ]
    assert [seen[f"pyramid.fuse.{i}"] for i in range(4)] == [
        (98, 16, 4),
        (98, 32, 8),
        (98, 64, 16),
        (98, 128, 32),
    ]


def test_resnet34_is_a_choice() -> None:
    with torch.device("meta"):
        assert size(Mono2Binaural(replace(PAPER, trunk_blocks=(3, 4, 6, 3))).visual) == 21_284_672


def test_transform_is_as_published() -> None:
    made = to_spectrum(noise(2, 10080), PAPER)
    assert made.shape == (2, 2, 257, 64)
    window = torch.hann_window(400)
    theirs = torch.stft(
        noise(2, 10080), 512, 160, 400, window, pad_mode="reflect", return_complex=True
    )
    assert torch.allclose(torch.complex(made[:, 0], made[:, 1]), theirs, atol=1e-6)


def decibels(sound: Tensor, made: Tensor) -> float:
    error = (made - sound).square().mean()
    return float(10 * torch.log10(sound.square().mean() / error))


@pytest.mark.parametrize("kind", ["noise", "tone"])
def test_way_back_has_the_right_size(kind: str) -> None:
    # The published inverse of 510 points is what these figures tell from the right one.
    t = torch.arange(10080) / 16000
    tones = [torch.sin(2 * torch.pi * 220 * k * t + k) / k for k in range(1, 21)]
    sound = noise(8, 10080) if kind == "noise" else torch.stack(tones).sum(dim=0)
    spectrum = to_spectrum(sound, PAPER)
    spectrum[..., -1, :] = 0
    right = to_waveform(spectrum, PAPER, 10080)
    wrong = to_waveform(spectrum, replace(PAPER, short_inverse=True), 10080)
    assert decibels(sound, right) > (30 if kind == "noise" else 75)
    assert decibels(sound, wrong) < (20 if kind == "noise" else 40)


@pytest.mark.parametrize(("factor", "left", "right"), [(1.0, 1, 0), (0.0, 0.5, 0.5), (-1.0, 0, 1)])
def test_mask_algebra(factor: float, left: float, right: float) -> None:
    # Nothing at half the sample rate, so that the mask reaches all there is.
    mixture = torch.fft.irfft(torch.fft.rfft(noise(2, 10080))[:, :4800], 10080)
    spectrum = to_spectrum(mixture, PAPER)
    mask = torch.zeros(2, 2, 256, 64)
    mask[:, 0] = factor
    difference = to_waveform(apply_mask(mask, spectrum), PAPER, 10080)
    pair = to_pair(mixture, difference)
    assert torch.allclose(pair[0], left * mixture, atol=2e-3)
    assert torch.allclose(pair[1], right * mixture, atol=2e-3)
    assert torch.allclose(pair.sum(dim=0), mixture, atol=1e-6)


def test_mask_is_a_complex_product() -> None:
    spectrum, mask = noise(2, 2, 257, 8), noise(2, 2, 256, 8)
    made = apply_mask(mask, spectrum)
    theirs = torch.complex(mask[:, 0], mask[:, 1]) * torch.complex(
        spectrum[:, 0, :-1], spectrum[:, 1, :-1]
    )
    assert torch.allclose(torch.complex(made[:, 0], made[:, 1])[:, :-1], theirs)
    assert not made[:, :, -1].any()


@pytest.mark.parametrize("seconds", [0.00625, 0.2, 0.63, 0.64, 1.1, 10, 10.03])
def test_any_length(model: Mono2Binaural, visual: Tensor, seconds: float) -> None:
    mixture = noise(round(seconds * 16000))
    which = [k % 3 for k in range(len(window_starts(len(mixture), model.config)))]
    with torch.inference_mode():
        pair = spatialised(model, model.config, mixture, visual, which)
    assert pair.shape == (2, len(mixture))
    assert torch.allclose(pair.sum(dim=0), mixture, atol=1e-5)
    assert (pair[0] - pair[1]).abs().max() > 1e-3


def test_windows_of_ten_seconds() -> None:
    starts = window_starts(160000, PAPER)
    assert len(starts) == 95 and starts[-2:] == [148800, 149920]
    assert len(window_starts(160000, replace(PAPER, hop_s=0.05))) == 189
    assert window_starts(10080, PAPER) == window_starts(10, PAPER) == [0]
    assert window_starts(10240, PAPER) == [0, 160]
    assert centre_times([0, 1600], PAPER) == pytest.approx([0.315, 0.415])


def test_silence_stays_silence(model: Mono2Binaural, visual: Tensor) -> None:
    with torch.inference_mode():
        pair = spatialised(model, model.config, torch.zeros(12000), visual, [0, 1, 2])
    assert not pair.any()


def test_level_goes_through(model: Mono2Binaural, visual: Tensor) -> None:
    sounds = noise(3, 10080)
    assert torch.allclose(
        (sounds / levels_of(sounds, PAPER)[:, None]).square().mean(1).sqrt(), torch.full((3,), 0.1)
    )
    with torch.inference_mode():
        loud = differences(model, model.config, sounds, visual)
        quiet = differences(model, model.config, 0.01 * sounds, visual)
    assert torch.allclose(quiet, 0.01 * loud, atol=1e-7)


def test_windows_of_a_batch_do_not_mix(model: Mono2Binaural, visual: Tensor) -> None:
    sounds = noise(3, 10080)
    with torch.inference_mode():
        together = differences(model, model.config, sounds, visual)
        alone = differences(model, model.config, sounds[1:2], visual[1:2])
    assert torch.allclose(together[1:2], alone, atol=1e-6)


def test_average_of_overlapping_windows() -> None:
    starts, total = [0, 3, 5, 12], 15
    windows = [np.full((2, 8), float(i), np.float32) for i in range(4)]
    blocks = list(averaged(starts, iter(windows), total))
    made = np.concatenate(blocks, axis=-1)
    assert made.shape == (2, total)
    for n in range(total):
        there = [i for i, start in enumerate(starts) if start <= n < start + 8]
        assert made[0, n] == pytest.approx(np.mean(there))
    assert [b.shape[-1] for b in blocks] == [3, 2, 7, 3]
    # Handed-out blocks do not change afterwards, and what was pushed is left alone.
    assert all((window == i).all() for i, window in enumerate(windows))
    assert not list(averaged([], iter([]), 0))


def test_picture_and_sound_both_count(model: Mono2Binaural, visual: Tensor) -> None:
    spectrum = to_spectrum(noise(1, 10080), PAPER)
    with torch.inference_mode():
        masks = [model.audio(spectrum, visual[i : i + 1]).mask for i in (0, 1)]
        other = model.audio(-spectrum, visual[:1]).mask
    assert (masks[0] - masks[1]).abs().max() > 1e-5
    assert (masks[0] - other).abs().max() > 1e-4


def test_pictures_of_another_size_are_refused(model: Mono2Binaural) -> None:
    wide = torch.zeros(1, 3, 64, 192)
    with pytest.raises(InputError, match="pictures of the size"):
        model(torch.zeros(1, 2, 257, 64), model.look(wide))
    with pytest.raises(InputError, match="multiples of 32"):
        Mono2Binaural(replace(tiny(), frame_width=100))
    with pytest.raises(InputError, match="multiples of 32"):
        Mono2Binaural(replace(tiny(), window_s=0.5))


def test_uint8_pictures_are_the_same_pictures(model: Mono2Binaural) -> None:
    pictures = torch.randint(0, 256, (1, 3, 64, 128), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.allclose(model.look(pictures), model.look(pictures.float() / 255), atol=1e-5)


def test_rearranged_map() -> None:
    left, right = torch.rand(2, 5, 2, 4), torch.rand(2, 5, 2, 4)
    made = rearranged(left, right)
    assert torch.equal(made[..., 0], left.amax(-1)) and torch.equal(made[..., 3], right.amax(-1))
    assert not made[..., 1:3].any()


def test_pyramid_knows_where(model: Mono2Binaural) -> None:
    pyramid = tiny_apnet()
    spectrum = to_spectrum(noise(1, 10080), PAPER)
    left = torch.rand(1, 16, 2, 4)
    with torch.inference_mode():
        features = pyramid.audio(spectrum, left).features
        told = pyramid.pyramid.responses(features, left)[:, :8].reshape(1, 2, 4, 128, 32)
        moved = pyramid.pyramid.responses(features, left.roll(1, dims=-1))[:, :8].reshape(
            1, 2, 4, 128, 32
        )
    # Cells answer for themselves: move the picture, and the answers at the finest level move along.
    assert torch.allclose(told.roll(1, dims=2), moved, atol=1e-5)
    assert pyramid(spectrum, left).shape == (1, 2, 257, 64)


@pytest.mark.parametrize("name", ["mono2binaural", "apnet"])
def test_checkpoints(name: str, tmp_path: Path) -> None:
    module = build_tiny(name)
    save_checkpoint(tmp_path, module, name, {})
    assert (tmp_path / "model.safetensors").stat().st_size < 1_000_000
    again = load_checkpoint(tmp_path).module
    assert isinstance(again, APNet if name == "apnet" else Mono2Binaural)
    assert isinstance(again.config, APNetConfig if name == "apnet" else Mono2BinauralConfig)
    spectrum, visual = noise(1, 2, 257, 64), torch.rand(1, 16, 2, 4)
    with torch.inference_mode():
        assert torch.equal(again(spectrum, visual), module(spectrum, visual))
