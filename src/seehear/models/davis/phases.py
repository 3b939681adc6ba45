"""DAVIS beyond the mixture's phase: all drawn sounds of a mixture get phases of their own.

The published way back (`frontend.resynthesise`) gives every sound the mixture's phase and the blur of
the picture's rows. Here the detail that the mixture loses on its own way through the picture goes
back into the drawn magnitudes, then phases are found that agree with each other, with the magnitudes as
far as these can be believed, and with the mixture (`dsp/phase.py`). Ours, not from a paper.
"""

from __future__ import annotations

from torch import Tensor

from seehear.dsp.phase import ITERATIONS, refine_phases, restore_detail
from seehear.dsp.stft import istft
from seehear.models.davis.config import DavisConfig
from seehear.models.davis.frontend import (
    FLOOR,
    compress_magnitude,
    expand_magnitude,
    spectrum_of,
)


def resynthesise_together(
    magnitude: Tensor,
    spectrum: Tensor,
    config: DavisConfig,
    iterations: int = ITERATIONS,
    error: Tensor | None = None,
) -> Tensor:
    """Magnitudes of all sounds of mixtures -> sounds that add up to the mixture.

    Args:
        magnitude: [B, Q, F, T] as drawn, of all Q sounds, each undivided.
        spectrum: complex [B, F, T] of their mean.
        config: sizes.
        iterations: 0 gives Wiener masks.
        error: relative error of the magnitudes, [B]; default estimated.

    Returns:
        [B, Q, hop * (T - 1)], each sound undivided as its magnitudes; not clipped, so that the mean
        over Q is the mixture.
    """
    count = magnitude.shape[1]
    # The sounds as they are inside the mixture, and the mixture as if it had been drawn.
    inside = magnitude / count
    heard = spectrum.abs()
    passed = expand_magnitude(compress_magnitude(heard + FLOOR, config), config, heard.shape[-1])
    detailed = restore_detail(inside, heard, passed)
    spectra = refine_phases(
        detailed, spectrum, lambda made: consistent(made, config), iterations, error
    )
    return count * istft(spectra, config.n_fft, config.hop_length)


def consistent(spectra: Tensor, config: DavisConfig) -> Tensor:
    """The nearest spectra of waveforms, complex [..., F, T] -> the same.

    Of waveforms of hop * (T - 1) samples, followed by as much silence as the front end adds: samples
    after the last whole hop are in the last column of a mixture, but in no result.
    """
    waveform = istft(spectra, config.n_fft, config.hop_length)
    return spectrum_of(waveform, config)
