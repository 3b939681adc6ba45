"""Two ears: masks that turn the sum of both into their difference, and measures of what they hear.

`difference_masks` serves a model that knows directions but must keep (left + right) / 2 equal to what it
was given. Rendering of sources at given places is in `dsp/moving.py`. Left comes before right, azimuth
is positive to the left.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seehear.dsp.hrir import Angles, HrirSet
from seehear.dsp.stft import hann

LIMIT = 1.5
"""Largest |difference / sum|: left and right in opposite phase would ask for infinity."""
HEARD_HZ = 150.0
"""Below, measured responses are mostly the loudspeaker's noise; heads do not shade there."""
ITD_BAND_HZ = (200.0, 600.0)
ITD_WINDOW_S = 0.128
EMPTY_DB = -60.0


def difference_masks(
    hrirs: HrirSet,
    azimuth_deg: Angles,
    n_fft: int,
    elevation_deg: Angles = 0.0,
    limit: float = LIMIT,
) -> Tensor:
    """What the sum of both ears is multiplied with to get their difference, for each direction.

    With the sum m of a source's ears, left = m (1 + M) / 2 and right = m (1 - M) / 2: whatever M is, they
    add up to m, and left / right is that of the head wherever |M| stays below the limit. Phase is kept at
    the limit. Below 150 Hz the mask goes on as a plain delay does, with a level difference that vanishes.

    Args:
        hrirs: of the head, at the rate of the sound.
        azimuth_deg: [A], positive to the left.
        n_fft: length of the transform whose bins the masks are for.
        elevation_deg: [A] or one number.
        limit: largest magnitude of a mask.

    Returns:
        complex64 [A, n_fft/2 + 1].
    """
    responses = hrirs.at(azimuth_deg, elevation_deg).double()
    # Longer responses than the transform: folding samples the same spectrum at fewer frequencies.
    folds = -(-responses.shape[-1] // n_fft)
    padded = torch.nn.functional.pad(responses, (0, folds * n_fft - responses.shape[-1]))
    spectra = torch.fft.rfft(padded.unflatten(-1, (folds, n_fft)).sum(dim=-2))  # [A, 2, F]
    total, difference = spectra[:, 0] + spectra[:, 1], spectra[:, 0] - spectra[:, 1]
    # |sum|^2, but never so small that the quotient exceeds the limit.
    power = torch.maximum(total.abs().square(), total.abs() * difference.abs() / limit)
    mask = difference * total.conj() / power.clamp(min=1e-30)
    return _below_hearing(mask, hrirs.sample_rate / n_fft).to(torch.complex64)


def _below_hearing(mask: Tensor, bin_hz: float) -> Tensor:
    """Let the lowest bins follow the first trusted one: level as f squared, delay as f."""
    first = min(int(-(-HEARD_HZ // bin_hz)), mask.shape[1] - 1)
    if first < 1:
        return mask
    share = torch.arange(first, dtype=torch.float64) / first
    trusted = mask[:, first, None]
    mask[:, :first] = torch.complex(trusted.real * share.square(), trusted.imag * share)
    return mask


def ild_db(left: Tensor, right: Tensor) -> Tensor:
    """Interaural level difference 10 log10(E_left / E_right) over the last axis, in dB.

    Silence of both ears gives 0, of one ear ±100.
    """
    energy_left, energy_right = (x.double().square().sum(dim=-1) for x in (left, right))
    floor = 1e-10 * torch.maximum(energy_left, energy_right) + 1e-30
    return 10 * torch.log10(torch.maximum(energy_left, floor) / torch.maximum(energy_right, floor))


def low_frequency_itd_us(left: Tensor, right: Tensor, sample_rate: int) -> Tensor:
    """Interaural time difference where phase tells it unambiguously, 200 to 600 Hz.

    The mean phase delay of the left ear behind the right one over the bins of that band that have sound;
    NEGATIVE = the left ear hears it first, as for a source on the left.

    Args:
        left: float [..., T], a response or a longer sound.
        right: float [..., T].
        sample_rate: Hz.

    Returns:
        float64 [...], microseconds; 0 where the band is silent.
    """
    n_fft = 1 << round(ITD_WINDOW_S * sample_rate).bit_length()
    spectra = [_columns(x, n_fft) for x in (left, right)]
    cross = (spectra[0] * spectra[1].conj()).sum(dim=-1)  # [..., F]
    hz = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
    inside = (hz >= ITD_BAND_HZ[0]) & (hz <= ITD_BAND_HZ[1])
    cross, hz = cross[..., inside], hz[inside]
    loudest = cross.abs().amax(dim=-1, keepdim=True)
    weight = (cross.abs() > 10 ** (EMPTY_DB / 10) * loudest).double()
    delay = -torch.angle(cross) / (2 * torch.pi * hz)
    return 1e6 * (weight * delay).sum(dim=-1) / weight.sum(dim=-1).clamp(min=1)


def _columns(waveform: Tensor, n_fft: int) -> Tensor:
    """Spectra [..., F, N]: one column for a response, many for a sound."""
    wave = waveform.double()
    if wave.shape[-1] <= n_fft:
        return torch.fft.rfft(wave, n_fft)[..., None]
    framed = wave.unfold(-1, n_fft, n_fft // 2) * hann(n_fft).double()
    return torch.fft.rfft(framed).transpose(-1, -2)
