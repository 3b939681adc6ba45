"""Clips with picture and sound for training CAVP: drawn while training, or decoded from a manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from seehear.data.clip_manifest import GenerateClip, read_clips
from seehear.data.drive import drive_of, frame_times
from seehear.data.procedural import render
from seehear.data.procedural_clips import ClipFolder, Stock, draw_clip
from seehear.data.sources import SAMPLE_RATE
from seehear.dsp.resample import resample
from seehear.errors import InputError
from seehear.media.read import read_audio, read_frames

SHOT_RATES = (0.0, 24.0, 25.0, 30.0)
"""Frames per second of the film that is looked at; 0 = as many as are looked at."""
TEST_SHOT_RATE = 25.0
TEST_LOW_PASS_HZ = 5500.0


@dataclass(frozen=True)
class Pair:
    """A clip: uint8 [S, 3, H, W] at the model's frame rate, float [T] at 16 kHz, class ("" = none)."""

    frames: Tensor
    waveform: Tensor
    label: str


class PairSource(Protocol):
    """Gives clips by number."""

    labels: tuple[str, ...]

    def pair(self, number: int, seconds: float) -> Pair:
        """The clip of a number; a pure function of it."""


class DrawnPairs:
    """Clips by lot; classes take turns.

    Args:
        stock: sounds and photos of a split.
        frame_rate: looks per second.
        size: side of the frames, pixels.
        seed: of all choices.
        low_pass_hz: range of bandwidths; one number twice fixes it.
        shot_rates: frames per second of the films, by lot.
    """

    def __init__(
        self,
        stock: Stock,
        frame_rate: float,
        size: int,
        seed: int,
        low_pass_hz: tuple[float, float],
        shot_rates: tuple[float, ...] = SHOT_RATES,
    ) -> None:
        self.stock, self.frame_rate, self.size, self.seed = stock, frame_rate, size, seed
        self.low_pass_hz, self.shot_rates = low_pass_hz, shot_rates
        self.labels = stock.labels

    def pair(self, number: int, seconds: float) -> Pair:
        """See `PairSource`."""
        rng = np.random.default_rng([self.seed, 11, number])
        # Every class once, in an order of its own, before any comes again.
        turn, place = divmod(number, len(self.labels))
        order = np.random.default_rng([self.seed, 12, turn]).permutation(len(self.labels))
        label = self.labels[int(order[place])]
        cutoff = float(rng.uniform(*self.low_pass_hz))
        clip = draw_clip(self.stock, label, int(rng.integers(2**31)), seconds, cutoff)
        film_rate = self.shot_rates[int(rng.integers(len(self.shot_rates)))]
        times = frame_times(seconds, self.frame_rate, film_rate)
        drive = drive_of(clip.waveform, SAMPLE_RATE)
        frames = render(clip.scene, drive, times, self.stock.picture, self.size)
        return Pair(frames, clip.waveform, label)


class ListedPairs:
    """Clips of a manifest, in an order by lot; an excerpt of each.

    Args:
        manifest: file of `data/clip_manifest.py`.
        split: which rows.
        frame_rate: looks per second.
        size: side of the frames, pixels.
        seed: of all choices.
    """

    def __init__(self, manifest: Path, split: str, frame_rate: float, size: int, seed: int) -> None:
        self.rows, self.folder = read_clips(manifest, split), ClipFolder(manifest.parent)
        self.frame_rate, self.size, self.seed = frame_rate, size, seed
        self.labels = tuple(sorted({row.label for row in self.rows if row.label}))

    def pair(self, number: int, seconds: float) -> Pair:
        """See `PairSource`."""
        turn, place = divmod(number, len(self.rows))
        order = np.random.default_rng([self.seed, 12, turn]).permutation(len(self.rows))
        row = self.rows[int(order[place])]
        rng = np.random.default_rng([self.seed, 11, number])
        room = max(row.seconds - seconds, 0.0)
        begin = round(float(rng.uniform(0, room)) * self.frame_rate) / self.frame_rate
        return Pair(self._frames(row, begin, seconds), self._sound(row, begin, seconds), row.label)

    def _frames(self, row: GenerateClip, begin: float, seconds: float) -> Tensor:
        count = round(seconds * self.frame_rate)
        if row.scene is not None and not row.video:
            times = begin + frame_times(seconds, self.frame_rate)
            return self.folder.frames(row, times, self.size)
        path = self.folder.root / row.video
        seen = read_frames(path, self.frame_rate, self.size, row.start_s + begin, seconds).frames
        # A clip shorter than asked for holds its last picture.
        held = seen[-1:].expand(max(count - len(seen), 0), -1, -1, -1)
        return torch.cat([seen[:count], held])

    def _sound(self, row: GenerateClip, begin: float, seconds: float) -> Tensor:
        path = self.folder.root / (row.sound or row.video)
        audio = read_audio(path, row.start_s + begin, seconds)
        wave = resample(audio.waveform.mean(0, keepdim=True), audio.sample_rate, SAMPLE_RATE)[0]
        count = round(seconds * SAMPLE_RATE)
        return torch.nn.functional.pad(wave, (0, max(count - len(wave), 0)))[:count]


@dataclass(frozen=True)
class PairBatch:
    """Clips of a batch.

    Args:
        frames: float [B, S, 3, M, M] in 0..1, as the video encoder takes them.
        looks: appearance vectors [B, K, A]; empty for CAVP.
        waveforms: float [B, T].
        labels: class indices [B], -1 = unknown.
        onsets: 1 where a feature's time holds an onset of the sound, [B, S].
        levels: loudness 0..1 at each feature's time, [B, S].
    """

    frames: Tensor
    looks: Tensor
    waveforms: Tensor
    labels: Tensor
    onsets: Tensor
    levels: Tensor

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on another device."""
        return PairBatch(
            self.frames.to(device),
            self.looks.to(device),
            self.waveforms.to(device),
            self.labels.to(device),
            self.onsets.to(device),
            self.levels.to(device),
        )


class PairBatches:
    """Batch number -> clips, as the model takes them.

    Args:
        source: of the clips.
        batch: clips in a batch, a multiple of `uses`.
        seconds: length of each.
        frame_rate: features per second.
        prepare: uint8 frames [S, 3, H, W] of a clip -> (reduced float frames, appearance vectors).
        uses: batches in a row that a clip is in, among other partners; drawing costs as much as a step.
    """

    def __init__(
        self,
        source: PairSource,
        batch: int,
        seconds: float,
        frame_rate: float,
        prepare: Callable[[Tensor], tuple[Tensor, Tensor]],
        uses: int = 1,
    ) -> None:
        self.source, self.batch, self.seconds = source, batch, seconds
        self.frame_rate, self.prepare, self.uses = frame_rate, prepare, uses
        self._group = lru_cache(maxsize=uses)(self._make_group)

    def __call__(self, number: int) -> PairBatch:
        groups = [self._group(number + later) for later in range(self.uses)]
        parts = [[getattr(group, f.name) for group in groups] for f in fields(PairBatch)]
        return PairBatch(*[torch.cat(part) for part in parts])

    def _make_group(self, number: int) -> PairBatch:
        count = self.batch // self.uses
        numbers = range(number * count, (number + 1) * count)
        return self.gather([self.source.pair(n, self.seconds) for n in numbers])

    def gather(self, pairs: list[Pair]) -> PairBatch:
        """A batch of some clips of equal length.

        Raises:
            InputError: there is no clip.
        """
        if not pairs:
            raise InputError("a batch needs a clip")
        ready = [self.prepare(pair.frames) for pair in pairs]
        targets = [self._targets(pair) for pair in pairs]
        known = self.source.labels
        labels = [known.index(p.label) if p.label in known else -1 for p in pairs]
        return PairBatch(
            torch.stack([frames for frames, _ in ready]),
            torch.stack([looks for _, looks in ready]),
            torch.stack([pair.waveform for pair in pairs]),
            torch.tensor(labels),
            torch.stack([onsets for onsets, _ in targets]),
            torch.stack([levels for _, levels in targets]),
        )

    def _targets(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Onsets and loudness at the times of the frames."""
        drive = drive_of(pair.waveform, SAMPLE_RATE)
        times = frame_times(len(pair.waveform) / SAMPLE_RATE, self.frame_rate)[: len(pair.frames)]
        onsets = torch.zeros(len(times))
        place = np.round(drive.onsets * self.frame_rate).astype(int)
        onsets[place[place < len(times)]] = 1.0
        return onsets, torch.from_numpy(drive.envelope(times)).float()
