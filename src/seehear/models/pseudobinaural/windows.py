"""A sound of any length through networks that hear 0.63 s: overlapping windows, averaged with equal weight.

    sum m of both ears -> windows -> each brought to one level -> network -> difference d, at the old level
    left = (m + d) / 2, right = (m - d) / 2

Levels come from the sum, which is known, never from the pair, which is not (2.5D and Sep-Stereo scale by the
pair, in evaluation too). Pure functions; who reads pictures and files is elsewhere.
Source: section 1 of the public code's demonstration, as corrected in PseudoBinaural's supplement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seehear.models.pseudobinaural.config import Mono2BinauralConfig
from seehear.models.pseudobinaural.spectra import to_spectrum, to_waveform

Samples = NDArray[np.float32]
Network = Callable[[Tensor, Tensor], Tensor]
"""Spectrum of the sum [B, 2, F, N], maps [B, D, h, w] -> spectrum of the difference."""

BATCH = 16


def window_starts(num_samples: int, config: Mono2BinauralConfig) -> list[int]:
    """First samples of all windows; the last window ends with the sound.

    A sound shorter than one window has one, which reaches beyond its end.

    >>> starts = window_starts(160_000, Mono2BinauralConfig())
    >>> len(starts), starts[-2:]
    (95, [148800, 149920])
    >>> window_starts(3_200, Mono2BinauralConfig())
    [0]
    """
    last = max(num_samples - config.num_samples, 0)
    return [*range(0, last, config.hop_samples), last]


def centre_times(starts: Sequence[int], config: Mono2BinauralConfig) -> list[float]:
    """Seconds of the windows' centres: whose picture each of them wants."""
    return [(start + config.num_samples / 2) / config.sample_rate for start in starts]


def levels_of(waveform: Tensor, config: Mono2BinauralConfig) -> Tensor:
    """What windows [..., T] are divided by to stand at `config.rms`: [...]."""
    rms = waveform.square().mean(dim=-1).sqrt()
    return rms.clamp_min(config.rms_floor) / config.rms


def differences(
    network: Network,
    config: Mono2BinauralConfig,
    windows: Tensor,
    visual: Tensor,
    levels: Tensor | None = None,
) -> Tensor:
    """Left minus right of a batch of windows.

    Args:
        network: `Mono2Binaural`, `APNet` or the quick form of one.
        config: its configuration.
        windows: sums L + R at `config.sample_rate`, float [B, T].
        visual: map of each window's picture, [B, D, h, w].
        levels: what to divide by, [B]; default `levels_of` the windows.

    Returns:
        float32 [B, T]; zero where the sum is silent.
    """
    levels = levels_of(windows, config) if levels is None else levels
    spectrum = to_spectrum(windows / levels[:, None], config)
    made = to_waveform(network(spectrum, visual), config, windows.shape[-1])
    return made * levels[:, None]


def averaged(
    starts: Sequence[int], windows: Iterable[Samples], num_samples: int
) -> Iterator[Samples]:
    """Mean of overlapping windows as a stream, holding what is not finished yet.

    Args:
        starts: first sample of each window, rising; together they leave no gap.
        windows: arrays [..., n] in the same order.
        num_samples: length of the sound; what reaches beyond is dropped.

    Yields:
        Blocks [..., m] that follow each other without gaps from sample 0 to `num_samples`.
    """
    held: Samples | None = None
    counts = np.zeros(0, np.float32)
    held_at = 0
    for start, window in zip(starts, windows, strict=True):
        if held is None:
            held = np.zeros((*window.shape[:-1], 0), np.float32)
        done = min(start, num_samples) - held_at
        if done > 0:
            yield held[..., :done] / counts[:done]
            held, counts, held_at = held[..., done:], counts[done:], held_at + done
        grown = start + window.shape[-1] - held_at - held.shape[-1]
        if grown > 0:
            held = np.concatenate([held, np.zeros((*held.shape[:-1], grown), np.float32)], axis=-1)
            counts = np.concatenate([counts, np.zeros(grown, np.float32)])
        inside = slice(start - held_at, start - held_at + window.shape[-1])
        held = held.copy() if not held.flags.owndata else held
        held[..., inside] += window
        counts = counts.copy() if not counts.flags.owndata else counts
        counts[inside] += 1
    left = num_samples - held_at
    if held is not None and left > 0:
        yield held[..., :left] / counts[:left]


def spatialised(
    network: Network,
    config: Mono2BinauralConfig,
    mixture: Tensor,
    maps: Tensor,
    which: Sequence[int],
    levels: Tensor | None = None,
    stale_tail: bool = False,
) -> Tensor:
    """A whole sound in memory.

    Args:
        network: as in `differences`.
        config: its configuration.
        mixture: sum L + R, float [T]; T >= 1.
        maps: of every distinct picture, [M, D, h, w].
        which: for each of `window_starts`, the number of its map.
        levels: as in `differences`, one per window.
        stale_tail: reproduce 2.5D's demonstration, which joins the last window's difference with the sum of
            the window before; for comparison only, the sum is then no longer kept.

    Returns:
        Left and right, float32 [2, T]; left + right equals the mixture.
    """
    num_samples = mixture.shape[-1]
    starts = window_starts(num_samples, config)
    padded = functional.pad(mixture, (0, max(config.num_samples - num_samples, 0)))
    windows = torch.stack([padded[s : s + config.num_samples] for s in starts])
    levels = levels_of(windows, config) if levels is None else levels
    chosen = torch.as_tensor(list(which), device=maps.device)
    parts = [
        differences(network, config, w, maps[i], v)
        for w, i, v in zip(*(torch.split(x, BATCH) for x in (windows, chosen, levels)), strict=True)
    ]
    sums = windows
    if stale_tail and len(starts) > 1:
        sums = torch.cat([windows[:-1], (windows[-2] / levels[-2] * levels[-1])[None]])
    pairs = to_pair(sums, torch.cat(parts)).movedim(0, -2).contiguous()
    blocks = averaged(starts, pairs.cpu().numpy(), num_samples)
    return torch.from_numpy(np.concatenate(list(blocks), axis=-1))


def to_pair(mixture: Tensor, difference: Tensor) -> Tensor:
    """Sum and difference [..., T] -> left and right [2, ..., T]."""
    return torch.stack([(mixture + difference) / 2, (mixture - difference) / 2])
