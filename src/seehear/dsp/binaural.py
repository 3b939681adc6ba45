"""Two ears: sources that move, masks that turn the sum of both ears into their difference, and measures.

`MovingSources` renders sounds whose places are known. `difference_masks` serves a model that knows directions
but must keep (left + right) / 2 equal to what it was given. Left comes before right, azimuth is positive to
the left.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from torch import Tensor

from seehear.dsp.directions import Angles, angles_of, unit_vectors
from seehear.dsp.hrir import HrirSet
from seehear.dsp.stft import hann

LIMIT = 1.5
"""Largest |difference / sum|: left and right in opposite phase would ask for infinity."""
HEARD_HZ = 150.0
"""Below, measured responses are mostly the loudspeaker's noise; heads do not shade there."""
ITD_BAND_HZ = (200.0, 600.0)
ITD_WINDOW_S = 0.128
EMPTY_DB = -60.0
STEP_DEG = 3.0
"""Filters that are faded into each other are no farther apart: their delays differ by 30 us at most."""
STEP_S = 0.004
"""Shortest fade; a source that jumps moves this fast at most."""
NEAREST_M = 0.25
"""Below this distance a source grows no louder."""
BATCH = 64


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
    folded = padded.reshape(*padded.shape[:-1], folds, n_fft).sum(dim=-2)
    spectra = torch.fft.rfft(folded)  # [A, 2, F]
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


class MovingSources:
    """Render sources that move, block by block, at the rate of the head.

    Between two places a source follows the great circle in steps of at most three degrees, and the output
    fades from one step's filters to the next one's. Every filter has heard the whole past, so there is
    neither a click nor a gap, wherever blocks begin. Amplitude falls as 1 m / distance.

    Args:
        hrirs: of the head, at the rate of the sound.
        num_sources: K.
        nearest_m: distance below which a source grows no louder.
    """

    def __init__(self, hrirs: HrirSet, num_sources: int, nearest_m: float = NEAREST_M) -> None:
        self._hrirs = hrirs
        self._nearest_m = nearest_m
        self._past = torch.zeros(num_sources, hrirs.taps - 1)
        self._places: NDArray[np.float64] | None = None  # [K, 4]: unit vector and gain
        self._filters = torch.zeros(num_sources, 2, hrirs.taps)

    def place(
        self, azimuth_deg: Angles, elevation_deg: Angles = 0.0, distance_m: Angles = 1.0
    ) -> None:
        """Say where the sources are before the first block; otherwise they are where it ends."""
        places = self._read(azimuth_deg, elevation_deg, distance_m)[:, -1]
        self._places, self._filters = places, self._filters_of(places[:, None])[:, 0]

    def push(
        self,
        block: Tensor,
        azimuth_deg: Angles,
        elevation_deg: Angles = 0.0,
        distance_m: Angles = 1.0,
    ) -> Tensor:
        """Render a block.

        Args:
            block: float32 [K, n].
            azimuth_deg: [K] where each source is at the end of the block, or [K, P] where it is at the ends
                of P equal parts of it, or one number. Positive to the left.
            elevation_deg: likewise.
            distance_m: likewise, metres.

        Returns:
            float32 [2, n], left ear first; late by the silence that `HrirSet.aligned` leaves.
        """
        if not block.shape[1]:
            return torch.zeros(2, 0)
        places = self._read(azimuth_deg, elevation_deg, distance_m)  # [K, P, 4]
        if self._places is None:
            self._places, self._filters = places[:, 0], self._filters_of(places[:, :1])[:, 0]
        bounds, path = self._steps(self._places, places, block.shape[1])
        filters = torch.cat([self._filters[:, None], self._filters_of(path)], dim=1)
        heard = torch.cat([self._past, block.float()], dim=1)
        pieces = [
            self._faded(heard, bounds[n : n + BATCH + 1], filters[:, n : n + BATCH + 1])
            for n in range(0, len(bounds) - 1, BATCH)
        ]
        self._places, self._filters = path[:, -1], filters[:, -1]
        self._past = heard[:, heard.shape[1] - self._past.shape[1] :]
        return torch.cat(pieces, dim=1)

    def finish(self) -> Tensor:
        """What still rings when the sources have fallen silent, float32 [2, taps - 1]."""
        silence = torch.zeros_like(self._past)
        heard = torch.cat([self._past, silence], dim=1)
        bounds = np.array([0, silence.shape[1]])
        return self._faded(heard, bounds, torch.stack([self._filters, self._filters], dim=1))

    def _read(
        self, azimuth_deg: Angles, elevation_deg: Angles, distance_m: Angles
    ) -> NDArray[np.float64]:
        """Unit vectors and gains [K, P, 4]."""
        count = len(self._past)
        columns = []
        for given in (azimuth_deg, elevation_deg, distance_m):
            values = angles_of(given).cpu().numpy()
            columns.append(values[:, None] if values.ndim == 1 else values)
        azimuth, elevation, distance, _ = np.broadcast_arrays(*columns, np.zeros((count, 1)))
        gain = 1.0 / np.maximum(distance, self._nearest_m)
        return np.concatenate([unit_vectors(azimuth, elevation), gain[..., None]], axis=-1)

    def _filters_of(self, places: NDArray[np.float64]) -> Tensor:
        """Responses times gains [K, S, 2, taps] of places [K, S, 4]."""
        responses = self._hrirs.toward(places[..., :3].reshape(-1, 3))
        gain = torch.from_numpy(places[..., 3]).float()
        return responses.reshape(*places.shape[:2], *responses.shape[1:]) * gain[..., None, None]

    def _steps(
        self, start: NDArray[np.float64], places: NDArray[np.float64], num_samples: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """First samples of S fades and the end [S + 1], and the places at their ends [K, S, 4]."""
        parts = np.round(np.linspace(0, num_samples, places.shape[1] + 1)).astype(np.int64)
        shortest = max(round(STEP_S * self._hrirs.sample_rate), 1)
        bounds, path, before = [0], [], start
        for part, (first, last) in enumerate(pairwise(parts)):
            if last == first:
                continue
            after = places[:, part]
            cosine = np.clip((before[:, :3] * after[:, :3]).sum(axis=1), -1.0, 1.0)
            widest = math.degrees(float(np.arccos(cosine.min())))
            count = int(min(math.ceil(widest / STEP_DEG), (last - first) // shortest))
            for step in range(1, max(count, 1) + 1):
                share = step / max(count, 1)
                bounds.append(first + round(share * (last - first)))
                path.append(_between(before, after, share))
            before = after
        return np.array(bounds), np.stack(path, axis=1)

    def _faded(self, heard: Tensor, bounds: NDArray[np.int64], filters: Tensor) -> Tensor:
        """Samples from bounds[0] to bounds[-1] under filters [K, S + 1, 2, taps], [2, n]."""
        taps = filters.shape[-1]
        steps = torch.from_numpy(np.diff(bounds))
        longest = int(steps.max())
        # Sample t of the block is heard[t + taps - 1]: a frame begins with the past that filters need.
        inside = torch.from_numpy(bounds[:-1])[:, None] + torch.arange(longest + taps - 1)
        frames = heard[:, inside.clamp(max=heard.shape[1] - 1)]  # [K, S, longest + taps - 1]
        length = int(next_fast_len(longest + taps - 1, real=True))
        spectra = torch.fft.rfft(frames, length)[:, :, None]
        turned = torch.fft.rfft(filters, length)
        still = torch.equal(filters[:, :-1], filters[:, 1:])
        old = torch.fft.irfft((spectra * turned[:, :-1]).sum(dim=0), length)[..., taps - 1 :]
        made = old[..., :longest]  # [S, 2, longest]
        if not still:
            new = torch.fft.irfft((spectra * turned[:, 1:]).sum(dim=0), length)[..., taps - 1 :]
            fade = (torch.arange(longest) / steps[:, None]).clamp(max=1)[:, None]
            made = made + fade * (new[..., :longest] - made)
        kept = torch.arange(longest) < steps[:, None]
        return made.transpose(0, 1)[:, kept]


def _between(
    before: NDArray[np.float64], after: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """A place on the way, [K, 4]: along the great circle, with the gain in proportion."""
    if share == 1:
        return after
    first, last = before[:, :3], after[:, :3]
    cosine = np.clip((first * last).sum(axis=1, keepdims=True), -1.0, 1.0)
    angle = np.arccos(cosine)
    # Opposite places have no shortest way: pass the front (or the left, from front to back).
    detour = np.where(np.abs(first[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    across = np.where(angle > np.pi - 1e-4, detour, last)
    across = across - (across * first).sum(axis=1, keepdims=True) * first
    size = np.linalg.norm(across, axis=1, keepdims=True)
    across = across / np.maximum(size, 1e-12)
    way = np.cos(share * angle) * first + np.sin(share * angle) * across
    gain = before[:, 3:] + share * (after[:, 3:] - before[:, 3:])
    return np.concatenate([way, gain], axis=1)
