"""Manifest of videos with two recorded ears: one JSON object a line, paths relative to it.

    {"id": "000001", "split": "train", "path": "videos/000001.mp4"}

Sound (left first) and picture are read from the file when they are needed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seehear.config import from_dict
from seehear.dsp.resample import resample
from seehear.errors import ConfigError, InputError
from seehear.media.probe import probe
from seehear.media.read import FrameStream, read_audio


@dataclass(frozen=True)
class BinauralClip:
    """One video.

    Args:
        id: unique within the manifest.
        split: train, val or test.
        path: video file, relative to the manifest's folder.
        video_id: recording that it is cut from; "" = its own id. No recording may be in two splits.
        sound: file with both ears, where the video's own sound is not that.
        start_s: where the clip starts in the file.
        duration_s: its length, or None for all that follows.
        mono: whether one thing sounds, so that it may be cut out for pseudo pairs.
    """

    id: str
    split: str
    path: str
    video_id: str = ""
    sound: str | None = None
    start_s: float = 0.0
    duration_s: float | None = None
    mono: bool = False

    @property
    def recording(self) -> str:
        """What it is cut from."""
        return self.video_id or self.id


def read_clips(manifest: Path) -> list[BinauralClip]:
    """Read and check a manifest.

    Raises:
        InputError: unreadable, empty, an unknown key, a wrong type, an id twice, a missing file, or a file
            that is in two splits.
    """
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the manifest {manifest}: {error.strerror}") from error
    clips: dict[str, BinauralClip] = {}
    places: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            clip = from_dict(BinauralClip, json.loads(line), "row")
        except (ValueError, ConfigError) as error:
            raise InputError(f"{manifest}, line {number}: {error}") from error
        if clip.id in clips:
            raise InputError(f"{manifest}, line {number}: the id {clip.id!r} is there twice")
        for name in {clip.path, clip.recording}:
            if places.setdefault(name, clip.split) != clip.split:
                raise InputError(
                    f"{manifest}, line {number}: {name} is in {places[name]} and in {clip.split}; "
                    f"a recording belongs to one split"
                )
        for path in (clip.path, clip.sound or clip.path):
            if not (manifest.parent / path).is_file():
                raise InputError(f"{manifest}, line {number}: there is no file {path}")
        clips[clip.id] = clip
    if not clips:
        raise InputError(f"{manifest} lists no videos")
    return list(clips.values())


class BinauralClips:
    """Windows of videos with two recorded ears.

    Args:
        folder: of the manifest.
        clips: of one split.
        sample_rate: Hz that windows are wanted at.
    """

    def __init__(self, folder: Path, clips: list[BinauralClip], sample_rate: int) -> None:
        if not clips:
            raise InputError("there are no recordings of this split; look at the manifest")
        self._folder, self._clips, self._rate = folder, clips, sample_rate
        self._durations: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._clips)

    def window(
        self, rng: np.random.Generator, num_samples: int, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Both ears and the picture of a moment of some video.

        Args:
            rng: source of the choice.
            num_samples: length of the sound.
            size: width, height of the picture.

        Returns:
            float32 [2, num_samples], padded with silence where the video is shorter, and uint8 [3, H, W] of
            its middle.

        Raises:
            InputError: unreadable, or not of two channels.
        """
        clip = self._clips[int(rng.integers(len(self._clips)))]
        path = self._folder / clip.path
        sound = self._folder / (clip.sound or clip.path)
        duration_s = num_samples / self._rate
        there_s = clip.duration_s or self._duration(sound) - clip.start_s
        start_s = clip.start_s + float(rng.uniform(0.0, max(there_s - duration_s, 1e-6)))
        audio = read_audio(sound, start_s, duration_s)
        if audio.waveform.shape[0] != 2:
            raise InputError(
                f"{sound} has {audio.waveform.shape[0]} channels; a recording of two ears has two"
            )
        heard = resample(audio.waveform, audio.sample_rate, self._rate)[:, :num_samples]
        ears = torch.zeros(2, num_samples)
        ears[:, : heard.shape[1]] = heard
        stream = FrameStream(path, size)
        picture = stream.at([start_s + duration_s / 2])[0]
        stream.close()
        return ears, picture

    def _duration(self, path: Path) -> float:
        name = str(path)
        if name not in self._durations:
            self._durations[name] = float(probe(path).duration_s or 0.0)
        return self._durations[name]
