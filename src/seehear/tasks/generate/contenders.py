"""What competes in an evaluation of generated sound: references, baselines, the codec alone, the model.

reference      the clip's own sound
copy           the sound of a random training clip
copy, told     the sound of a random training clip of the same class, which nobody told the model
noise          white noise
vocoder        the reference's spectrogram, made sound again by the vocoder
codec          the reference through autoencoder and vocoder: as good as generated sound can get
model          what the model makes for the clip's picture
model, moved   what it makes for another clip's picture: what is left without looking

All of them get the same low-pass and the reference's level (`scored_clips.matched`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seehear.data.clip_manifest import GenerateClip
from seehear.dsp.level import rms
from seehear.tasks.generate.drawing_sounds import Drawing, draw_sounds
from seehear.tasks.generate.loading import System
from seehear.tasks.generate.scored_clips import ScoredClip, fitted, matched, sound_of

REFERENCE, MODEL, MOVED = "reference", "model", "model, moved"
COPY, TOLD, NOISE, VOCODER, CODEC = "copy", "copy, told", "noise", "vocoder", "codec"


@dataclass(frozen=True)
class Sounds:
    """One contender.

    Args:
        name: of it.
        waves: its sound for each clip, float32 [T] at 16 kHz.
    """

    name: str
    waves: list[Tensor]

    def matched(self, clips: Sequence[ScoredClip], band: float) -> Sounds:
        """With the common low-pass, and levels of the clips' references."""
        pairs = zip(self.waves, clips, strict=True)
        return Sounds(self.name, [matched(wave, rms(clip.sound), band) for wave, clip in pairs])


def baselines(
    root: Path, clips: Sequence[ScoredClip], train: Sequence[GenerateClip], seed: int
) -> Iterator[Sounds]:
    """References, copies and noise; copies where there are training clips."""
    yield Sounds(REFERENCE, [clip.sound for clip in clips])
    rng = np.random.default_rng([seed, 21])
    if train:
        chosen = [train[int(rng.integers(len(train)))] for _ in clips]
        yield Sounds(
            COPY, [_copied(root, row, clip) for row, clip in zip(chosen, clips, strict=True)]
        )
        by_class = {label: [r for r in train if r.label == label] for label in _labels(train)}
        if all(clip.row.label in by_class for clip in clips):
            told = [by_class[clip.row.label] for clip in clips]
            chosen = [rows[int(rng.integers(len(rows)))] for rows in told]
            yield Sounds(
                TOLD, [_copied(root, row, clip) for row, clip in zip(chosen, clips, strict=True)]
            )
    noise = [torch.from_numpy(rng.standard_normal(len(c.sound)).astype(np.float32)) for c in clips]
    yield Sounds(NOISE, noise)


def reconstructions(system: System, clips: Sequence[ScoredClip], batch: int) -> Iterator[Sounds]:
    """References through the vocoder, and through all of the codec."""
    vocoded: list[Tensor] = []
    decoded: list[Tensor] = []
    for start in range(0, len(clips), batch):
        waves = torch.stack([clip.sound for clip in clips[start : start + batch]])
        count = waves.shape[1]
        vocoded += system.codec.vocode(system.codec.analyse(waves))[:, :count].cpu().unbind(0)
        mel = system.codec.decode(system.codec.encode(waves))
        decoded += system.codec.vocode(mel)[:, :count].cpu().unbind(0)
    yield Sounds(VOCODER, vocoded)
    yield Sounds(CODEC, decoded)


def generated(system: System, clips: Sequence[ScoredClip], drawing: Drawing) -> Iterator[Sounds]:
    """What the model makes, for its own picture and for another one's."""
    videos = [clip.video for clip in clips]
    made = list(draw_sounds(system, videos, len(clips[0].sound), drawing))
    yield Sounds(MODEL, made)
    if len(clips) > 1:
        other = elsewhere([clip.row.recording for clip in clips], drawing.seed)
        yield Sounds(MOVED, [made[index] for index in other])


def elsewhere(recordings: Sequence[str], seed: int) -> list[int]:
    """For each clip another one, of another recording where there is one; drawn by the seed."""
    rng = np.random.default_rng([seed, 31])
    count = len(recordings)
    chosen = []
    for index, own in enumerate(recordings):
        others = [k for k in range(count) if recordings[k] != own]
        others = others or [k for k in range(count) if k != index]
        chosen.append(others[int(rng.integers(len(others)))])
    return chosen


def _copied(root: Path, row: GenerateClip, clip: ScoredClip) -> Tensor:
    return fitted(sound_of(root, row), len(clip.sound))


def _labels(rows: Sequence[GenerateClip]) -> set[str]:
    return {row.label for row in rows}
