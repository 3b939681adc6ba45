"""How far a pair of ears is from the true pair: the published distances, and what a listener goes by.

As published (2.5D Visual Sound, PseudoBinaural): STFT, ENV, Mag, D_phase (lower is better) and SNR. Tables of
PseudoBinaural scale each file to its own peak first (`peak_normalised`), those of 2.5D do not. Level-free
variants scale the estimate by the one gain that fits it best, so that a wrong level costs nothing.

Beside them: errors of the level difference (ILD) and of the low-frequency time difference (ITD) between the
ears, and whether left and right agree. Positive ILD: louder at the left. Positive ITD: the left ear is first.

All functions take batches [B, 2, T], left first, and return one float64 value per clip.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from seehear.dsp.binaural import ild_db, low_frequency_itd_us
from seehear.dsp.stft import stft
from seehear.errors import InputError
from seehear.metrics.remix import hilbert_envelope

N_FFT = 512
WINDOW = 400
HOP = 160
"""At 16 kHz, as published; use the same numbers at that rate only."""
PEAK_FLOOR = 1e-20
SNR_FLOOR = 1e-4

Padding = Literal["reflect", "constant"]

DISTANCES = ("stft", "env", "mag", "d_phase", "snr_db")


def peak_normalised(pair: Tensor) -> Tensor:
    """Scale each clip by its own largest sample of both ears: [B, 2, T] -> same shape."""
    return pair / pair.abs().amax(dim=(1, 2), keepdim=True).clamp_min(PEAK_FLOOR)


def level_matched(estimate: Tensor, reference: Tensor) -> Tensor:
    """Scale each estimate by the gain >= 0 that makes its squared error smallest; silence stays silence."""
    top = (estimate * reference).double().sum(dim=(1, 2), keepdim=True)
    bottom = estimate.double().square().sum(dim=(1, 2), keepdim=True)
    gain = torch.where(bottom > 0, top / bottom.clamp_min(1e-30), torch.zeros_like(top))
    return estimate * gain.clamp_min(0.0).to(estimate)


def stft_distance(estimate: Tensor, reference: Tensor, padding: Padding = "reflect") -> Tensor:
    """STFT: mean squared difference of real and imaginary parts, summed over the ears.

    Args:
        estimate: float [B, 2, T] at 16 kHz, T > 256.
        reference: same shape.
        padding: what the transform sees beyond the ends (papers: `reflect`).
    """
    return magnitude_distance(estimate, reference, padding) / 2


def magnitude_distance(estimate: Tensor, reference: Tensor, padding: Padding = "reflect") -> Tensor:
    """Mag as published: mean squared modulus of the complex difference, which is twice STFT.

    The name promises a comparison of magnitudes; the definition has the phase in it.
    """
    _check(estimate, reference)
    # The transform is linear, so one of the difference says it all.
    made = torch.view_as_real(_transform(estimate - reference, padding)).double()
    return made.square().sum(-1).mean(dim=(-1, -2)).sum(dim=1)


def envelope_distance(estimate: Tensor, reference: Tensor) -> Tensor:
    """ENV: RMS difference of the Hilbert envelopes, summed over the ears."""
    _check(estimate, reference)
    difference = hilbert_envelope(reference) - hilbert_envelope(estimate)
    return difference.double().square().mean(dim=-1).sqrt().sum(dim=1)


def phase_distance(estimate: Tensor, reference: Tensor, padding: Padding = "reflect") -> Tensor:
    """D_phase: mean angle between the spectra of left minus right, 0..pi.

    A difference of zero has angle zero, so a mono estimate scores pi/2 on average, as does any other guess.
    Quiet bins count like loud ones.
    """
    _check(estimate, reference)
    angles = [
        _transform(pair[:, 0] - pair[:, 1], padding).angle() for pair in (estimate, reference)
    ]
    apart = (angles[0] - angles[1]).abs().double()
    return torch.minimum(apart, 2 * math.pi - apart).mean(dim=(-1, -2))


def signal_to_noise(estimate: Tensor, reference: Tensor) -> Tensor:
    """SNR in dB over both ears, with 1e-4 added above and below as published."""
    _check(estimate, reference)
    signal = reference.double().square().mean(dim=(1, 2))
    noise = (estimate - reference).double().square().mean(dim=(1, 2))
    return 10 * torch.log10((signal + SNR_FLOOR) / (noise + SNR_FLOOR))


def level_difference_error(estimate: Tensor, reference: Tensor) -> Tensor:
    """Absolute error of the ILD in dB."""
    _check(estimate, reference)
    return (ild_db(*estimate.unbind(1)) - ild_db(*reference.unbind(1))).abs()


def time_difference_error(estimate: Tensor, reference: Tensor, sample_rate: int) -> Tensor:
    """Absolute error of the low-frequency ITD in microseconds."""
    _check(estimate, reference)
    ours, theirs = (
        low_frequency_itd_us(pair[:, 0], pair[:, 1], sample_rate) for pair in (estimate, reference)
    )
    return (ours - theirs).abs()


def side_agrees(estimate: Tensor, reference: Tensor, centre_db: float = 0.0) -> Tensor:
    """1 where the louder ear is the right one, else 0: the mean over clips is the left-right accuracy.

    Args:
        estimate: float [B, 2, T].
        reference: same shape.
        centre_db: a level difference up to this is the middle, a third answer of its own.
    """
    _check(estimate, reference)
    sides = []
    for pair in (estimate, reference):
        told = ild_db(*pair.unbind(1))
        sides.append(torch.where(told.abs() > centre_db, told.sign(), torch.zeros_like(told)))
    return (sides[0] == sides[1]).double()


def published_distances(
    estimate: Tensor, reference: Tensor, padding: Padding = "reflect"
) -> dict[str, Tensor]:
    """The five published numbers of each clip by the names in `DISTANCES`, without any scaling."""
    mag = magnitude_distance(estimate, reference, padding)
    return {
        "stft": mag / 2,
        "env": envelope_distance(estimate, reference),
        "mag": mag,
        "d_phase": phase_distance(estimate, reference, padding),
        "snr_db": signal_to_noise(estimate, reference),
    }


def score(estimate: Tensor, reference: Tensor, sample_rate: int) -> list[dict[str, float]]:
    """Everything of this module for each clip.

    Args:
        estimate: float [B, 2, T].
        reference: same shape.
        sample_rate: Hz; the published distances are defined at 16 kHz.

    Returns:
        One dict per clip: the published names as they are, with `_peak` (files scaled to their peaks) and
        with `_matched` (level-free), `ild_error_db`, `itd_error_us`, `side_agrees`.
    """
    columns = published_distances(estimate, reference)
    for suffix, ours, theirs in (
        ("_peak", peak_normalised(estimate), peak_normalised(reference)),
        ("_matched", level_matched(estimate, reference), reference),
    ):
        made = published_distances(ours, theirs)
        columns |= {f"{name}{suffix}": value for name, value in made.items()}
    columns["ild_error_db"] = level_difference_error(estimate, reference)
    columns["itd_error_us"] = time_difference_error(estimate, reference, sample_rate)
    columns["side_agrees"] = side_agrees(estimate, reference)
    return [{name: float(v[i]) for name, v in columns.items()} for i in range(len(estimate))]


def _transform(waveform: Tensor, padding: Padding) -> Tensor:
    return stft(waveform, N_FFT, HOP, WINDOW, pad_mode=padding)


def _check(estimate: Tensor, reference: Tensor) -> None:
    if estimate.ndim != 3 or estimate.shape[1] != 2 or estimate.shape != reference.shape:
        raise InputError(
            f"spatial metrics compare batches [clips, 2, samples] of one shape, not "
            f"{tuple(estimate.shape)} with {tuple(reference.shape)}"
        )
