"""When a sound arrives: onset and delay of impulse responses."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ONSET_SHARE = 0.1
"""The direct sound begins where a response first reaches this share of its peak."""
CHUNK = 256
FINE_HZ = 96000
"""Envelopes are sampled at this rate or a little above."""
COMPARED_HZ = 3000.0
"""Delays are those of the sound below; half weight at half of it."""
BEFORE_S = 0.001
WIDTH_S = 0.006


def onsets(responses: Tensor) -> Tensor:
    """First sample that reaches a tenth of a response's peak, int64 [...] of [..., taps]."""
    size = responses.abs()
    return (size >= ONSET_SHARE * size.amax(dim=-1, keepdim=True)).to(torch.int8).argmax(dim=-1)


def arrivals(responses: Tensor, sample_rate: int) -> Tensor:
    """Delay of each response in samples, to a fraction of one.

    The moment when the envelope of the sound below 3 kHz first reaches half its height. Higher bands reach
    the far ear by many ways, so a delay that listens to them jumps from one direction to the next; so does
    the lag to the minimum-phase response. Only 6 ms around the onset count: no reflections of a room.

    Args:
        responses: float32 [..., taps].
        sample_rate: Hz.

    Returns:
        float64 [...]. Silent responses have delay 0.
    """
    flat = responses.reshape(-1, responses.shape[-1])
    pieces = [_arrivals(part.double(), sample_rate) for part in torch.split(flat, CHUNK)]
    return torch.cat(pieces).reshape(responses.shape[:-1])


def _arrivals(flat: Tensor, sample_rate: int) -> Tensor:
    """Delays [M] of responses [M, taps]."""
    first = (onsets(flat) - round(BEFORE_S * sample_rate)).clamp(min=0)
    width = min(round(WIDTH_S * sample_rate), flat.shape[1])
    inside = first[:, None] + torch.arange(width)
    beyond = inside >= flat.shape[1]
    cut = flat.gather(1, inside.clamp(max=flat.shape[1] - 1)).masked_fill(beyond, 0.0)
    fine = math.ceil(FINE_HZ / sample_rate)
    envelope = _envelope(cut, sample_rate, fine)[:, : fine * width]
    half = 0.5 * envelope.amax(dim=1, keepdim=True)
    after = (envelope >= half).to(torch.int8).argmax(dim=1, keepdim=True)
    before = (after - 1).clamp(min=0)
    low, high = envelope.gather(1, before), envelope.gather(1, after)
    part = ((half - low) / (high - low).clamp(min=1e-30)).clamp(0, 1)
    lag = (before + part * (after - before))[:, 0] / fine
    heard = flat.abs().amax(dim=1) > 0
    return torch.where(heard, first + lag, 0.0)


def _envelope(cut: Tensor, sample_rate: int, fine: int) -> Tensor:
    """Envelope [M, fine * n] of the lower band, `fine` samples for each one of [M, n]."""
    length = 1 << (2 * cut.shape[1]).bit_length()
    hz = torch.arange(length // 2, dtype=torch.float64) * sample_rate / length
    weight = 0.5 + 0.5 * torch.cos(torch.pi * (hz / COMPARED_HZ).clamp(max=1))
    weight[1:] *= 2  # no negative frequencies: the analytic signal
    spectrum = torch.fft.rfft(cut, length)[:, :-1] * weight
    return torch.fft.ifft(spectrum, fine * length).abs()
