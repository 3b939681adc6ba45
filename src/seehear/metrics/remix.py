"""Distances between a remix and the finished mix it should have become. Lower is better.

MAG, ENV and W-dis as published with VisAH (CVPR 2025), raw; its tables print them x 100. Each also
comes level-matched: the estimate is first scaled by the one gain that fits it to the reference in
the least-squares sense, so that only the balance is judged and not the overall level.

All functions take mono batches [B, T] at 44.1 kHz (other rates work, but give other numbers) and
return one float64 value per clip. `pooled_envelope_distance` is the published way to average ENV.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seehear.dsp.level import integrated_loudness
from seehear.dsp.stft import stft
from seehear.errors import InputError

MAG_N_FFT = 2048
MAG_WINDOW = 1764
"""40 ms at 44.1 kHz, zero-padded to the transform length."""
MAG_HOP = 441
MAG_EPSILON = 1e-8
ENV_POOL = 20
"""Clips in one batch of the published evaluation; ENV is averaged inside the root over these."""

DISTANCES = ("mag", "env", "w_dis")


def magnitude_distance(estimate: Tensor, reference: Tensor) -> Tensor:
    """MAG: mean absolute difference of linear STFT magnitudes.

    Args:
        estimate: float [B, T], T > 1024.
        reference: same shape.

    Returns:
        float64 [B]. `MAG(g * q, q) = |1 - g| * mean|Q|`, up to the epsilon of 1e-8 in the power.

    Source: VisAH, public code. 2048-point transform, 1764-sample Hann window, hop 441: 1025 x 1001
        values for ten seconds.
    """
    _check(estimate, reference)
    difference = _magnitude(_power(estimate)).sub_(_magnitude(_power(reference)))
    return _mean_abs(difference.flatten(1))


def envelope_power(estimate: Tensor, reference: Tensor) -> Tensor:
    """Mean squared difference of Hilbert envelopes per clip: what ENV takes the root of.

    Args:
        estimate: float [B, T].
        reference: same shape.

    Returns:
        float64 [B].
    """
    _check(estimate, reference)
    difference = hilbert_envelope(estimate) - hilbert_envelope(reference)
    return difference.double().square().mean(1)


def envelope_distance(estimate: Tensor, reference: Tensor) -> Tensor:
    """ENV per clip: RMS difference of Hilbert envelopes, `|1 - g| * rms(e_q)` for g * q.

    Args:
        estimate: float [B, T].
        reference: same shape.

    Returns:
        float64 [B].
    """
    return envelope_power(estimate, reference).sqrt()


def pooled_envelope_distance(powers: Sequence[float], pool: int = ENV_POOL) -> float:
    """ENV of a list of clips as published: the mean is taken inside the root over batches.

    Args:
        powers: `envelope_power` of every clip, in the order of the list.
        pool: clips per batch; the last batch may be smaller and counts like the others.

    Returns:
        Mean over batches of the root of the batch mean; never below the mean of per-clip values.

    Source: VisAH, public code, batches of 20. Deviation: there the last batch of the test list
        (9 clips) weighs as much as a full one; kept, because the published figure contains it.
    """
    if not powers:
        raise InputError("ENV needs at least one clip")
    values = torch.tensor(powers, dtype=torch.float64)
    return float(torch.stack([batch.mean().sqrt() for batch in torch.split(values, pool)]).mean())


def wasserstein_distance(estimate: Tensor, reference: Tensor) -> Tensor:
    """W-dis: distance of the two distributions of sample values. It knows nothing of time.

    Args:
        estimate: float [B, T].
        reference: same shape.

    Returns:
        float64 [B]: mean absolute difference of the sorted samples; any shuffling gives 0.
    """
    _check(estimate, reference)
    return _mean_abs(estimate.sort(dim=1).values - reference.sort(dim=1).values)


def match_level(estimate: Tensor, reference: Tensor) -> Tensor:
    """Scale each estimate by its least-squares gain `<p, q> / <p, p>`.

    Args:
        estimate: float [B, T].
        reference: same shape.

    Returns:
        float [B, T]. The gain is the one that makes `|g * p - q|` smallest; a negative one
        (polarity reversed) is kept at 0, and silence stays silence.
    """
    _check(estimate, reference)
    return estimate * level_gain(estimate, reference).to(estimate)[:, None]


def level_gain(estimate: Tensor, reference: Tensor) -> Tensor:
    """The factor of `match_level` per clip, float64 [B] >= 0."""
    p, q = estimate.double(), reference.double()
    gain = (p * q).sum(1) / p.square().sum(1).clamp_min(1e-30)
    return gain.clamp_min(0)


def loudness_difference(estimate: Tensor, reference: Tensor, sample_rate: int) -> Tensor:
    """Integrated loudness of the estimate minus that of the reference, in LU.

    Args:
        estimate: float [B, T].
        reference: same shape.
        sample_rate: Hz.

    Returns:
        float64 [B]; 0 where both are silent, +-inf where one is.
    """
    _check(estimate, reference)
    pairs = zip(_loudness(estimate, sample_rate), _loudness(reference, sample_rate), strict=True)
    return torch.tensor([0.0 if p == q else p - q for p, q in pairs], dtype=torch.float64)


class RemixReference:
    """A batch of references whose transforms are made once, however many estimates are scored.

    Args:
        reference: float32 [B, T], T > 1024.
        sample_rate: Hz.
    """

    def __init__(self, reference: Tensor, sample_rate: int) -> None:
        self._waveform, self._sample_rate = reference, sample_rate
        self._magnitude = _magnitude(_power(reference))
        self._envelope = hilbert_envelope(reference)
        self._sorted = reference.sort(dim=1).values
        self._loudness = _loudness(reference, sample_rate)

    def score(self, estimate: Tensor) -> list[dict[str, float]]:
        """All numbers of this module for each clip.

        Args:
            estimate: float32 [B, T].

        Returns:
            One dict per clip: `mag, env, w_dis`, `mag_matched, env_matched, w_dis_matched`,
            `env_power` and `env_power_matched` (for pooling), `loudness_difference_lu`.
        """
        _check(estimate, self._waveform)
        power, envelope = _power(estimate), hilbert_envelope(estimate)
        ordered = estimate.sort(dim=1).values
        ones = torch.ones(len(estimate), dtype=torch.float64)
        columns: dict[str, Tensor] = {}
        for suffix, gain in (("", ones), ("_matched", level_gain(estimate, self._waveform))):
            # A gain >= 0 goes through all three transforms; nothing has to be made again.
            g = gain.to(estimate)[:, None]
            spectral = _magnitude(power * g[:, :, None].square()).sub_(self._magnitude)
            env_power = (g * envelope - self._envelope).double().square().mean(1)
            columns[f"mag{suffix}"] = _mean_abs(spectral.flatten(1))
            columns[f"env{suffix}"] = env_power.sqrt()
            columns[f"w_dis{suffix}"] = _mean_abs(g * ordered - self._sorted)
            columns[f"env_power{suffix}"] = env_power
        loudness = zip(_loudness(estimate, self._sample_rate), self._loudness, strict=True)
        columns["loudness_difference_lu"] = torch.tensor(
            [0.0 if p == q else p - q for p, q in loudness], dtype=torch.float64
        )
        return [
            {name: float(values[i]) for name, values in columns.items()}
            for i in range(len(estimate))
        ]


def hilbert_envelope(waveform: Tensor) -> Tensor:
    """Magnitude of the analytic signal over the whole clip.

    Args:
        waveform: float [..., T].

    Returns:
        float [..., T].
    """
    spectrum = torch.fft.rfft(waveform)
    # The imaginary part of the analytic signal: every frequency turned by -90 degrees; 0 Hz and
    # Nyquist have no other half and give nothing.
    spectrum[..., 0] = 0
    if waveform.shape[-1] % 2 == 0:
        spectrum[..., -1] = 0
    turned = torch.fft.irfft(spectrum * -1j, waveform.shape[-1])
    envelope: Tensor = torch.hypot(waveform, turned)
    return envelope


def _power(waveform: Tensor) -> Tensor:
    spectrum = torch.view_as_real(stft(waveform, MAG_N_FFT, MAG_HOP, MAG_WINDOW))
    return spectrum.square().sum(-1)


def _magnitude(power: Tensor) -> Tensor:
    return (power + MAG_EPSILON).sqrt_()


def _mean_abs(difference: Tensor) -> Tensor:
    """Mean over the last axis in float64, without a float64 copy of it: [B, N] -> [B]."""
    return difference.abs().mean(1, dtype=torch.float64)


def _loudness(waveforms: Tensor, sample_rate: int) -> list[float]:
    return [integrated_loudness(waveform, sample_rate) for waveform in waveforms]


def _check(estimate: Tensor, reference: Tensor) -> None:
    if estimate.ndim != 2 or estimate.shape != reference.shape:
        raise InputError(
            f"metrics compare mono batches [clips, samples] of one shape, not "
            f"{tuple(estimate.shape)} with {tuple(reference.shape)}"
        )
