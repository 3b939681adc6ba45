"""Training batches of DAVIS: clips of different classes, mixed; frames of each as frozen features.

Batch number n is a pure function of the seed and n, so a resumed run sees what an uninterrupted one would
have seen.

Source: DAVIS (ACCV 2024), supplement and public code; the mixing is that of Sound-of-Pixels (ECCV 2018).
Deviation: the frames are those of the window that is heard (in the public code MUSIC's frames and sound
    are of different moments, by a slip in the frame rate).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.data.thing_clips import ClipSource
from seehear.data.thing_manifest import ThingClip
from seehear.dsp.resample import resample
from seehear.tasks.separate.looks import Looks

Wave = NDArray[np.float32]


@dataclass(frozen=True)
class PairBatch:
    """Clips that are mixed.

    Args:
        stems: [B, S, L]; the mixture is their mean.
        frames: features [B, S, N, D] of the frames seen with each.
    """

    stems: Tensor
    frames: Tensor

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on another device."""
        return PairBatch(self.stems.to(device), self.frames.to(device))


@dataclass(frozen=True)
class PairSettings:
    """How mixtures are drawn.

    Args:
        batch: mixtures per batch.
        seed: of everything.
        sounds: clips in a mixture (published: 2).
        gain: smallest and largest random gain of a clip (published: 0.5 and 1.5).
        frames: frames of each clip.
        span_s: seconds around the middle of the window over which they are spread; 0 = the window.
    """

    batch: int = 8
    seed: int = 0
    sounds: int = 2
    gain: tuple[float, float] = (0.5, 1.5)
    frames: int = 11
    span_s: float = 0.0


class PairBatches:
    """Batch number -> mixtures; see the module.

    Args:
        source: where the clips come from.
        clips: of one split, two classes or more.
        looks: features of their frames.
        config: of the model: rate and length of a window.
        settings: how mixtures are drawn.
    """

    def __init__(
        self,
        source: ClipSource,
        clips: tuple[ThingClip, ...],
        looks: Looks,
        config: Any,
        settings: PairSettings,
    ) -> None:
        self.source, self.clips, self.looks = source, clips, looks
        self.config, self.settings = config, settings

    def __call__(self, number: int) -> PairBatch:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, number])
        stems, frames = [], []
        for index in range(settings.batch):
            for clip in self._mixed(number * settings.batch + index, rng):
                centre = self._centre(clip, rng)
                wave = cut_window(self.source, clip, centre, self.config)
                gain = np.float32(rng.uniform(*settings.gain))
                stems.append(np.clip(gain * wave, -1.0, 1.0))
                span_s = settings.span_s or self.config.window_s
                frames.append(self.looks.pick(clip, centre, settings.frames, span_s, rng))
        shape = (settings.batch, settings.sounds)
        waves, seen = torch.from_numpy(np.stack(stems)), torch.from_numpy(np.stack(frames))
        return PairBatch(waves.reshape(*shape, -1), seen.reshape(*shape, *seen.shape[1:]))

    def _mixed(self, position: int, rng: np.random.Generator) -> list[ThingClip]:
        """The clip whose turn it is (shuffled anew in every pass), and partners of other classes."""
        round_, index = divmod(position, len(self.clips))
        order = np.random.default_rng([self.settings.seed, round_, 1]).permutation(len(self.clips))
        chosen = [self.clips[int(order[index])]]
        while len(chosen) < self.settings.sounds:
            taken = {clip.label for clip in chosen}
            others = [clip for clip in self.clips if clip.label not in taken]
            chosen.append(others[int(rng.integers(len(others)))])
        return chosen

    def _centre(self, clip: ThingClip, rng: np.random.Generator) -> float:
        """Random middle of a window that, like the span of its frames, lies within the clip."""
        length = self.source.duration_s(clip)
        half = max(self.config.window_s, self.settings.span_s) / 2
        return float(rng.uniform(half, length - half)) if length > 2 * half else length / 2


def cut_window(source: ClipSource, clip: ThingClip, centre_s: float, config: Any) -> Wave:
    """A window of a clip at the model's rate, as published.

    As many whole samples before the middle as after it, so an odd length leaves a zero at its end; a clip
    that is shorter than the window is repeated.

    Args:
        source: where the clip comes from.
        clip: the clip.
        centre_s: middle of the window, seconds from the clip's start.
        config: of the model.

    Returns:
        float32 [num_samples] within -1..1.
    """
    wanted = config.num_samples - config.num_samples % 2
    length_s = wanted / config.sample_rate
    start_s = max(min(centre_s - length_s / 2, source.duration_s(clip) - length_s), 0.0)
    audio = source.sound(clip, start_s, length_s)
    wave = resample(audio.waveform, audio.sample_rate, config.sample_rate)[0].numpy()
    window = np.zeros(config.num_samples, np.float32)
    window[:wanted] = np.clip(np.resize(wave, wanted), -1.0, 1.0)
    return window
