"""Training losses: multi-resolution STFT distances between an estimate and a reference.

The published system describes one loss and its code computes another; both are here, because which
one trains better is a question of its own:

- `paper`: l1 distance of linear magnitudes. Loud bins decide.
- `code`: mean distance of log magnitudes x 0.1. Every bin counts alike, silent ones too, and a
  change of gain costs the same at any level: `loss(g * y, y) = 0.1 * abs(ln g)`.

Source: VisAH, supplement (loss `paper`) and public code (loss `code`). Resolutions are
2048/1024/512 samples, hop half the window, window as long as the transform, periodic Hann, centred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from seehear.dsp.stft import stft
from seehear.errors import InputError

N_FFTS = (2048, 1024, 512)
POWER_FLOOR = 1e-7
"""Power below this counts as this: magnitude is never under 3.16e-4, and gradients stay finite."""
FACTOR = 0.1

Variant = Literal["paper", "code"]


@dataclass(frozen=True)
class SpectralTerms:
    """What the published loss class computes, averaged over resolutions and multiplied by 0.1.

    Args:
        convergence: relative Frobenius distance of magnitudes over the whole batch (scalar);
            the original computes it and throws it away.
        log_magnitude: mean absolute difference of natural log magnitudes (scalar); the training
            loss.
    """

    convergence: Tensor
    log_magnitude: Tensor


def multi_resolution_stft(
    estimate: Tensor,
    reference: Tensor,
    variant: Variant = "code",
    n_ffts: Sequence[int] = N_FFTS,
) -> Tensor:
    """Distance of two batches of sound, as a scalar to minimise.

    Args:
        estimate: float [..., T], T > max(n_ffts) / 2.
        reference: same shape.
        variant: `code` as in `spectral_terms`; `paper`: for each resolution the absolute
            differences of linear magnitudes are *averaged* over batch, bins and columns, then the
            resolutions are *summed*.
        n_ffts: transform lengths in samples.

    Returns:
        Scalar >= 0; 0 for equal inputs; finite gradients also for silence.

    Raises:
        InputError: shapes differ or the sound is too short for the longest window.

    Deviation: the supplement writes a plain l1 norm, a sum over all bins. The mean is that sum
        divided by a constant, so the loss does not grow with batch size and clip length.
    """
    _check(estimate, reference, n_ffts)
    each = []
    for n_fft in n_ffts:
        p, q = _magnitude(estimate, n_fft), _magnitude(reference, n_fft)
        each.append(_log_distance(p, q) if variant == "code" else (p - q).abs().mean())
    stacked = torch.stack(each)
    return FACTOR * stacked.mean() if variant == "code" else stacked.sum()


def spectral_terms(
    estimate: Tensor, reference: Tensor, n_ffts: Sequence[int] = N_FFTS
) -> SpectralTerms:
    """Spectral convergence and log-magnitude distance, each x 0.1 and averaged over resolutions.

    Args:
        estimate: float [..., T], T > max(n_ffts) / 2.
        reference: same shape.
        n_ffts: transform lengths in samples.

    Raises:
        InputError: shapes differ or the sound is too short for the longest window.
    """
    _check(estimate, reference, n_ffts)
    convergence, log_magnitude = [], []
    for n_fft in n_ffts:
        p, q = _magnitude(estimate, n_fft), _magnitude(reference, n_fft)
        convergence.append((q - p).norm() / q.norm())
        log_magnitude.append(_log_distance(p, q))
    return SpectralTerms(
        FACTOR * torch.stack(convergence).mean(), FACTOR * torch.stack(log_magnitude).mean()
    )


def _log_distance(p: Tensor, q: Tensor) -> Tensor:
    return (p.log() - q.log()).abs().mean()


def _magnitude(waveform: Tensor, n_fft: int) -> Tensor:
    """Floored magnitudes [..., F, N]; the floor sits under the root, where gradients would blow up."""
    spectrum = torch.view_as_real(stft(waveform, n_fft, n_fft // 2))
    return spectrum.square().sum(-1).clamp_min(POWER_FLOOR).sqrt()


def _check(estimate: Tensor, reference: Tensor, n_ffts: Sequence[int]) -> None:
    if estimate.shape != reference.shape:
        raise InputError(
            f"the loss compares sounds of one shape, not {tuple(estimate.shape)} "
            f"with {tuple(reference.shape)}; trim both to the same length"
        )
    shortest = max(n_ffts) // 2 + 1
    if estimate.shape[-1] < shortest:
        raise InputError(
            f"the loss needs at least {shortest} samples for its longest window, "
            f"not {estimate.shape[-1]}"
        )
