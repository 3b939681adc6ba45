"""Which clips are fit for learning what a picture sounds like, and why others are not.

Measures of a clip, each stated here and compared with a limit of the options:

- `level_dbfs`: RMS of the mono sound.
- `mel_energy`: mean of the log10-mel (preset va320) mapped so that its floor (-5) is 0 and 1.5 is 1.
  Source: Diff-Foley's loaders reject clips below 0.08 of such a mean (reference: their variant).
- `motion`: mean absolute difference of successive frames, 8 a second, 64 x 64, grey levels 0..255.
- `sync`: correlation of the rise of the motion with the strength of onsets (both at 20 a second,
  over +-1 step, mean and slow drift removed); `shifted`: the highest one of copies of the sound shifted
  by 0.5 to 2 s; `shift_s`: where that is. A picture that fits a shifted copy better by more than the
  limit, and that copy to 0.5 at least, is apart from its sound. Clips in which nothing fits (rain) pass.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seehear.dsp.level import gain_to_db, rms
from seehear.dsp.mel import MelConfig, log_mel
from seehear.metrics.onsets import onset_strength
from seehear.tasks.generate.corpora_options import ClipsOptions

SOUND_RATE, FRAME_RATE, FRAME_SIZE = 16000, 20.0, 64
LOWEST_LOG, HIGHEST_LOG = -5.0, 1.5
STILL_STEP = 2
"""Motion is measured over two frames at 20 a second, about Diff-Foley's rates."""
SHIFTS_S = (0.5, 2.0)
FITS = 0.5
QUIETEST_DB = -120.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """What was measured of a clip; see the module.

    Args:
        seconds: its length.
        level_dbfs: of the sound.
        mel_energy: 0..1.
        motion: grey levels.
        sync: correlation where picture and sound lie.
        shifted: highest one of shifted copies.
        shift_s: by which the sound would have to come later.
    """

    seconds: float
    level_dbfs: float
    mel_energy: float
    motion: float
    sync: float
    shifted: float
    shift_s: float

    def record(self) -> dict[str, Any]:
        """Rounded values for reports."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measure(waveform: Tensor, frames: Tensor, seconds: float) -> Measures:
    """Measure a clip.

    Args:
        waveform: float32 [T] at 16 kHz.
        frames: uint8 [N, 3, H, W], 20 a second.
        seconds: length of the clip.
    """
    grey = frames.float().mean(1)  # [N, H, W]
    return Measures(
        seconds,
        max(gain_to_db(rms(waveform)), QUIETEST_DB) if len(waveform) else QUIETEST_DB,
        mel_energy(waveform),
        motion(grey),
        *_sync(waveform, grey),
    )


def rejected(measures: Measures, options: ClipsOptions) -> str:
    """Why a clip is not kept, in words; "" if it is."""
    if measures.seconds < options.shortest - 1e-6:
        return f"too short: {measures.seconds:.2f} s, at least {options.shortest:g} s are needed"
    if options.no_filters:
        return ""
    if measures.level_dbfs < options.silence:
        return f"silent: {measures.level_dbfs:.1f} dBFS, limit {options.silence:g}"
    if measures.mel_energy < options.mel_energy:
        return f"silent: mel energy {measures.mel_energy:.3f}, limit {options.mel_energy:g}"
    if measures.motion < options.still:
        return f"still picture: frames differ by {measures.motion:.2f}, limit {options.still:g}"
    gain = measures.shifted - measures.sync
    if options.sync and measures.shifted >= FITS and gain > options.sync:
        return (
            f"apart: the sound fits the picture better {measures.shift_s:+.2f} s later "
            f"({measures.shifted:.2f} against {measures.sync:.2f})"
        )
    return ""


def mel_energy(waveform: Tensor) -> float:
    """Mean of the normalised log-mel, 0..1; 0 for what is too short to tell."""
    config = MelConfig()
    if len(waveform) < config.n_fft:
        return 0.0
    mel = log_mel(waveform, config)
    return float(((mel - LOWEST_LOG) / (HIGHEST_LOG - LOWEST_LOG)).clamp(0, 1).mean())


def motion(grey: Tensor) -> float:
    """Mean absolute difference of frames two apart, grey levels; 0 for a single frame."""
    if len(grey) <= STILL_STEP:
        return 0.0
    return float((grey[STILL_STEP:] - grey[:-STILL_STEP]).abs().mean())


def motion_rise(grey: Tensor) -> Floats:
    """How much more the picture changes than just before, per frame [N]."""
    steps = (grey[1:] - grey[:-1]).abs().mean((1, 2))
    change = functional.pad(steps, (1, 0)).numpy().astype(np.float64)
    return np.maximum(np.diff(np.log1p(change), prepend=np.log1p(change[:1])), 0.0)


def _sync(waveform: Tensor, grey: Tensor) -> tuple[float, float, float]:
    """Correlation in place, highest one of shifted copies, and its shift in seconds."""
    steps = round(SHIFTS_S[1] * FRAME_RATE)
    if len(grey) < 3 * steps // 2 or len(waveform) < SOUND_RATE:
        return 0.0, 0.0, 0.0
    strength = onset_strength(waveform, SOUND_RATE, 1 / FRAME_RATE).numpy().astype(np.float64)
    length = min(len(grey), len(strength))
    seen, heard = _flat(motion_rise(grey)[:length]), _flat(strength[:length])
    if seen.std() < 1e-9 or heard.std() < 1e-9:
        return 0.0, 0.0, 0.0
    found = {lag: _correlation(seen, heard, lag) for lag in range(-steps, steps + 1)}
    nearest = round(SHIFTS_S[0] * FRAME_RATE)
    # A frame may show what is heard one step sooner or later.
    here = max(found[lag] for lag in (-2, -1, 0, 1, 2))
    best = max((lag for lag in found if abs(lag) >= nearest), key=lambda lag: found[lag])
    return here, found[best], best / FRAME_RATE


def _correlation(seen: Floats, heard: Floats, lag: int) -> float:
    """Correlation with the sound `lag` steps later."""
    first, second = (
        (seen[lag:], heard[: len(heard) - lag])
        if lag >= 0
        else (
            seen[:lag],
            heard[-lag:],
        )
    )
    first, second = first - first.mean(), second - second.mean()
    scale = math.sqrt(float((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / scale) if scale > 1e-12 else 0.0


def _flat(curve: Floats) -> Floats:
    """A curve widened by one step to both sides, without what changes over a second and more."""
    rows = torch.from_numpy(curve)[None, None]
    wide = functional.max_pool1d(rows, 3, 1, 1)
    slow = functional.avg_pool1d(wide, 21, 1, 10, count_include_pad=False)
    return (wide - slow)[0, 0].numpy()
