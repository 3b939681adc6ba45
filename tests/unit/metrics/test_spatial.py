"""Distances between pairs of ears: closed forms, and numbers of the stored fixture."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.signal import hilbert
from torch import Tensor

from seehear.errors import InputError
from seehear.metrics.spatial import (
    level_difference_error,
    level_matched,
    peak_normalised,
    published_distances,
    score,
    side_agrees,
    time_difference_error,
)

RATE = 16000


@pytest.fixture
def pairs() -> Tensor:
    return 0.1 * torch.randn(3, 2, 8000, generator=torch.Generator().manual_seed(0))


def test_equal_pairs_are_no_distance_apart(pairs: Tensor) -> None:
    told = published_distances(pairs, pairs)
    for name in ("stft", "env", "mag", "d_phase"):
        assert torch.equal(told[name], torch.zeros(3, dtype=torch.float64))
    assert (told["snr_db"] > 19).all()


def test_mag_is_twice_stft_and_stft_is_what_it_says(pairs: Tensor) -> None:
    other = pairs.roll(1, dims=0)
    told = published_distances(other, pairs)
    assert torch.allclose(told["mag"], 2 * told["stft"], rtol=1e-12)
    window = torch.hann_window(400)
    for clip in range(3):
        total = 0.0
        for ear in range(2):
            a, b = (
                torch.stft(
                    x[clip, ear], 512, 160, 400, window, pad_mode="reflect", return_complex=True
                )
                for x in (other, pairs)
            )
            total += float(torch.view_as_real(a - b).square().mean())
        assert float(told["stft"][clip]) == pytest.approx(total, rel=1e-5)


def test_envelopes_are_hilberts(pairs: Tensor) -> None:
    other = pairs.roll(1, dims=0)
    ours = published_distances(other, pairs)["env"]
    a, b = (np.abs(hilbert(x.double().numpy(), axis=-1)) for x in (other, pairs))
    theirs = np.sqrt(((a - b) ** 2).mean(axis=-1)).sum(axis=-1)
    assert ours.numpy() == pytest.approx(theirs, rel=1e-4)


def test_phase_of_swapped_mono_and_unrelated_pairs(pairs: Tensor) -> None:
    swapped = published_distances(pairs.flip(1), pairs)["d_phase"]
    assert swapped.numpy() == pytest.approx(math.pi, abs=1e-3)
    mono = pairs.mean(dim=1, keepdim=True).expand(-1, 2, -1)
    assert published_distances(mono, pairs)["d_phase"].mean().item() == pytest.approx(
        math.pi / 2, abs=0.03
    )


def test_silence(pairs: Tensor) -> None:
    told = score(torch.zeros_like(pairs), pairs, RATE)
    assert all(math.isfinite(value) for clip in told for value in clip.values())
    assert published_distances(torch.zeros_like(pairs), pairs)["snr_db"].abs().max() < 1e-9
    for clip in score(torch.zeros_like(pairs), torch.zeros_like(pairs), RATE):
        assert clip["stft"] == clip["ild_error_db"] == clip["itd_error_us"] == 0
        assert clip["side_agrees"] == 1


def test_level_free_variants_do_not_hear_level(pairs: Tensor) -> None:
    quiet = 0.25 * pairs
    assert published_distances(quiet, pairs)["stft"].min() > 0
    for ours, theirs in (
        (level_matched(quiet, pairs), pairs),
        (peak_normalised(quiet), peak_normalised(pairs)),
    ):
        assert published_distances(ours, theirs)["stft"].max() < 1e-9
    assert torch.equal(level_matched(-pairs, pairs), torch.zeros_like(pairs))
    both = score(quiet, pairs, RATE)
    assert both[0]["stft_matched"] < 1e-9 and both[0]["ild_error_db"] < 1e-5


def test_what_a_listener_goes_by(pairs: Tensor) -> None:
    louder = pairs * torch.tensor([2.0, 1.0])[:, None]
    error = level_difference_error(louder, pairs)
    assert error.numpy() == pytest.approx(20 * math.log10(2), abs=1e-4)
    sound = pairs[:, :1]
    late = torch.cat([sound.roll(4, dims=-1), sound], dim=1)
    same = sound.expand(-1, 2, -1)
    # Four samples at 16 kHz.
    assert time_difference_error(late, same, RATE).numpy() == pytest.approx(250, abs=25)
    left = pairs * torch.tensor([1.0, 0.3])[:, None]
    agreed = side_agrees(torch.stack([left[0], left[1].flip(0), same[2]]), left)
    assert agreed.tolist() == [1.0, 0.0, 0.0]
    assert side_agrees(same, same * 1.5, centre_db=1.0).tolist() == [1.0] * 3


def test_each_clip_for_itself(pairs: Tensor) -> None:
    other = pairs.roll(1, dims=0)
    together = score(other, pairs, RATE)
    for clip in range(3):
        alone = score(other[clip : clip + 1], pairs[clip : clip + 1], RATE)[0]
        assert together[clip] == pytest.approx(alone, rel=1e-6)


def test_other_shapes_are_refused(pairs: Tensor) -> None:
    for wrong in (pairs[:, 0], pairs[:, :1], pairs[..., 1:]):
        with pytest.raises(InputError, match="batches"):
            published_distances(wrong, pairs)
