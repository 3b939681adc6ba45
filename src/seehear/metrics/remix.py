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
    difference = _magnitude(estimate).sub_(_magnitude(reference)).abs_()
    return difference.flatten(1).double().mean(1)


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
    difference = estimate.sort(dim=1).values - reference.sort(dim=1).values
    return difference.double().abs().mean(1)


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
    p, q = estimate.double(), reference.double()
    power = p.square().sum(1)
    gain = (p * q).sum(1) / power.clamp_min(1e-30)
    return estimate * gain.clamp_min(0).to(estimate)[:, None]


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
    pairs = [
        (integrated_loudness(p, sample_rate), integrated_loudness(q, sample_rate))
        for p, q in zip(estimate, reference, strict=True)
    ]
    return torch.tensor([0.0 if p == q else p - q for p, q in pairs], dtype=torch.float64)


def score_remix(estimate: Tensor, reference: Tensor, sample_rate: int) -> list[dict[str, float]]:
    """All numbers of this module for each clip.

    Args:
        estimate: float32 [B, T], T > 1024.
        reference: same shape.
        sample_rate: Hz.

    Returns:
        One dict per clip: `mag, env, w_dis`, `mag_matched, env_matched, w_dis_matched`,
        `env_power` and `env_power_matched` (for pooling), `loudness_difference_lu`.
    """
    columns: dict[str, Tensor] = {}
    for suffix, sound in (("", estimate), ("_matched", match_level(estimate, reference))):
        power = envelope_power(sound, reference)
        columns[f"mag{suffix}"] = magnitude_distance(sound, reference)
        columns[f"env{suffix}"] = power.sqrt()
        columns[f"w_dis{suffix}"] = wasserstein_distance(sound, reference)
        columns[f"env_power{suffix}"] = power
    columns["loudness_difference_lu"] = loudness_difference(estimate, reference, sample_rate)
    return [
        {name: float(values[i]) for name, values in columns.items()}
        for i in range(estimate.shape[0])
    ]


def hilbert_envelope(waveform: Tensor) -> Tensor:
    """Magnitude of the analytic signal over the whole clip.

    Args:
        waveform: float [..., T].

    Returns:
        float [..., T].
    """
    num_samples = waveform.shape[-1]
    # Negative frequencies go, positive ones count twice, 0 Hz and Nyquist once.
    weights = torch.zeros(num_samples, dtype=waveform.dtype, device=waveform.device)
    weights[0] = 1
    weights[1 : (num_samples + 1) // 2] = 2
    if num_samples % 2 == 0:
        weights[num_samples // 2] = 1
    envelope: Tensor = torch.fft.ifft(torch.fft.fft(waveform) * weights).abs()
    return envelope


def _magnitude(waveform: Tensor) -> Tensor:
    spectrum = torch.view_as_real(stft(waveform, MAG_N_FFT, MAG_HOP, MAG_WINDOW))
    return spectrum.square().sum(-1).add_(MAG_EPSILON).sqrt_()


def _check(estimate: Tensor, reference: Tensor) -> None:
    if estimate.ndim != 2 or estimate.shape != reference.shape:
        raise InputError(
            f"metrics compare mono batches [clips, samples] of one shape, not "
            f"{tuple(estimate.shape)} with {tuple(reference.shape)}"
        )
