"""Own phases for sounds of which magnitudes and the mixture are known.

With the mixture's phase even true magnitudes give a poor copy: where sounds overlap, each has another
phase. Two things tell which one. A spectrum whose columns overlap fits a waveform with few phases
only, and the sounds must add up to the mixture. Going back and forth between the two and the magnitudes
finds such phases (MISI). It trusts magnitudes fully, so it spoils sounds whose magnitudes are wrong; the
Wiener mask hardly cares, because a common error of magnitudes cancels, and where one sound is alone
it gives the mixture itself. Here each bin stands between the two by how sure each is. How wrong the
magnitudes are is read off where one sound is alone, because there its magnitude must be the mixture's.

Source: joint inversion after Gunawan and Sen, "Iterative phase estimation for the synthesis of separated
    sources from single-channel mixtures", IEEE SPL 17 (2010); the Wiener estimate as a prior after
    Le Roux and Vincent, "Consistent Wiener filtering for audio source separation", IEEE SPL 20 (2013).
Deviation: the weight between the two and the estimate of the error are ours.
Letters: Q sounds, F bins, T columns; leading axes are a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from seehear.dsp.masks import wiener_masks

Consistent = Callable[[Tensor], Tensor]
"""Spectra [..., F, T] -> the nearest ones that belong to waveforms: back to waveforms and forth."""

ITERATIONS = 10
WORSE = 2.0
"""Where sounds overlap, magnitudes are this many times as wrong as where one is alone (chosen on
validation pairs with disturbed magnitudes, docs/numbers.md, "The phase ceiling")."""
ALONE = 0.98
"""A sound with this share of all estimated power of a bin counts as alone there."""
MOST_DETAIL = 100.0
TINY = 1e-12


class Circles(NamedTuple):
    """Where each bin of each sound is looked for: on a circle in the complex plane.

    Args:
        centres: complex [..., Q, F, T]; 0 where magnitudes are trusted, the Wiener estimate where not.
        radii: [..., Q, F, T]; the magnitude where it is trusted, 0 where not.
    """

    centres: Tensor
    radii: Tensor

    def nearest(self, spectra: Tensor) -> Tensor:
        """Nearest points; a bin that is exactly at its centre stays there."""
        return self.centres + self.radii * torch.sgn(spectra - self.centres)


def restore_detail(magnitudes: Tensor, mixture: Tensor, passed: Tensor) -> Tensor:
    """Give magnitudes that went through a lossy picture the detail that the mixture lost in it.

    Args:
        magnitudes: [..., Q, F, T], after the picture.
        mixture: magnitudes of the mixture, [..., F, T].
        passed: the same after the picture.

    Returns:
        [..., Q, F, T], exact where one sound is alone.
    """
    lost = mixture / passed.clamp_min(TINY)
    return magnitudes * lost.clamp(1.0 / MOST_DETAIL, MOST_DETAIL).unsqueeze(-3)


def magnitude_error(magnitudes: Tensor, mixture: Tensor) -> Tensor:
    """How wrong magnitudes are, relative to themselves, read off where one sound is alone.

    Args:
        magnitudes: [..., Q, F, T], on the mixture's scale.
        mixture: magnitudes [..., F, T].

    Returns:
        Root mean square of ln(magnitude / mixture) by power, [...]; inf where no sound is ever alone.
    """
    power = magnitudes.square()
    total = power.sum(-3)
    weight = torch.where(power.amax(-3) >= ALONE * total, total, 0.0)
    off = 0.5 * (total + TINY).log() - (mixture + TINY**0.5).log()
    mean = (weight * off.square()).sum((-2, -1)) / weight.sum((-2, -1))
    return torch.nan_to_num(mean.sqrt(), nan=torch.inf)


def circles(magnitudes: Tensor, mixture: Tensor, error: Tensor) -> Circles:
    """What is known of each bin: Wiener estimate and magnitude, weighted by how sure they are.

    The Wiener estimate is off by P_j (P - P_j) / P, where P_j is the power of a sound and P that of all;
    the magnitude is off by `error` times itself.

    Args:
        magnitudes: [..., Q, F, T], on the mixture's scale.
        mixture: complex [..., F, T].
        error: relative error of the magnitudes, [...]; 0 is the plain joint inversion, inf the plain
            Wiener mask.
    """
    power = magnitudes.square()
    total = power.sum(-3, keepdim=True)
    apart = (total - power) / total.clamp_min(TINY)
    trust = apart / (apart + error.square()[..., None, None, None] + TINY)
    trust = torch.where(error[..., None, None, None] == 0.0, torch.ones_like(trust), trust)
    masks = wiener_masks(magnitudes)
    return Circles((1.0 - trust) * masks * mixture.unsqueeze(-3), trust * magnitudes)


def refine_phases(
    magnitudes: Tensor,
    mixture: Tensor,
    consistent: Consistent,
    iterations: int = ITERATIONS,
    error: Tensor | None = None,
) -> Tensor:
    """Spectra of all sounds of a mixture with phases of their own; they add up to it.

    Args:
        magnitudes: of all sounds, [..., Q, F, T], on the mixture's scale.
        mixture: complex [..., F, T].
        consistent: of the transform that both belong to.
        iterations: 0 gives the Wiener masks.
        error: see `circles`; default `WORSE` times `magnitude_error`.

    Returns:
        complex [..., Q, F, T]. The sum over Q is the mixture as far as that is consistent itself.
    """
    if error is None:
        error = WORSE * magnitude_error(magnitudes, mixture.abs())
    known = circles(magnitudes, mixture, error)
    whole = mixture.unsqueeze(-3)
    spectra = wiener_masks(magnitudes) * whole
    for _ in range(iterations):
        spectra = step(spectra, known, whole, consistent)
    return spectra


def step(spectra: Tensor, known: Circles, whole: Tensor, consistent: Consistent) -> Tensor:
    """One iteration: to the circles, then to the nearest spectra of waveforms that add up.

    Both are projections, so the distance between the two sets never grows.

    Args:
        spectra: complex [..., Q, F, T].
        known: the circles.
        whole: the mixture, complex [..., 1, F, T].
        consistent: see `refine_phases`.
    """
    wanted = known.nearest(spectra)
    missing = whole - wanted.sum(-3, keepdim=True)
    return consistent(wanted + missing / wanted.shape[-3])
