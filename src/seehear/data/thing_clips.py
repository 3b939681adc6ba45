"""Clips of things as sound and picture in memory, from the user's files or from shards.

Both sources answer the same three questions: how long is a clip, how does a part of it sound (mono), and
what is seen in it at a steady rate. Files are decoded anew each time; shards hold the sound at one rate
and the frames as small pictures.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
import torch
from PIL import Image, UnidentifiedImageError

from seehear.config import from_dict, to_dict
from seehear.data.shards import ShardIndex
from seehear.data.thing_manifest import ThingClip, read_clips
from seehear.dsp.resample import resample
from seehear.errors import ConfigError, InputError
from seehear.media.probe import probe
from seehear.media.read import read_audio, read_frames
from seehear.types import Audio, Video

SOUND, DESCRIPTION, FRAME = "flac", "json", "frame{:04d}.jpg"
JPEG_QUALITY = 95
SHARDS = "shards"


class ClipSource(Protocol):
    """Clips with what can be asked about them."""

    @property
    def clips(self) -> tuple[ThingClip, ...]:
        """All clips."""

    def duration_s(self, clip: ThingClip) -> float:
        """Length of a clip in seconds."""

    def sound(self, clip: ThingClip, start_s: float, duration_s: float | None) -> Audio:
        """Part of a clip, one channel, at its own rate; shorter at the clip's end."""

    def frames(self, clip: ThingClip, rate_hz: float, size: int) -> Video:
        """All of a clip's picture as squares, at a steady rate from its start on."""


@dataclass(frozen=True)
class Packed:
    """What a shard says about a sample.

    Args:
        clip: the row of the manifest; its `path` is where the sample came from.
        sample_rate: of the sound, Hz.
        duration_s: length of the sound.
        frame_rate: frames per second.
        num_frames: their number.
        frame_size: their side in pixels.
    """

    clip: ThingClip
    sample_rate: int
    duration_s: float
    frame_rate: float
    num_frames: int
    frame_size: int


class FileClips:
    """Clips of a manifest that points at media files.

    Args:
        manifest: the file; paths in it are relative to its folder.
        clips: rows, if they were read already.
    """

    def __init__(self, manifest: Path, clips: Sequence[ThingClip] | None = None) -> None:
        self.root = manifest.parent
        self._clips = tuple(read_clips(manifest) if clips is None else clips)
        self._length = cache(self._measure)

    @property
    def clips(self) -> tuple[ThingClip, ...]:
        """All rows."""
        return self._clips

    def duration_s(self, clip: ThingClip) -> float:
        """See `ClipSource`."""
        left = self._length(clip.path) - clip.start_s
        return left if clip.duration_s is None else min(clip.duration_s, left)

    def sound(self, clip: ThingClip, start_s: float, duration_s: float | None) -> Audio:
        """See `ClipSource`."""
        left = self.duration_s(clip) - start_s
        wanted = left if duration_s is None else min(duration_s, left)
        audio = read_audio(self.root / clip.path, clip.start_s + start_s, wanted)
        return Audio(audio.waveform.mean(0, keepdim=True), audio.sample_rate)

    def frames(self, clip: ThingClip, rate_hz: float, size: int) -> Video:
        """See `ClipSource`."""
        path, length = self.root / clip.path, self.duration_s(clip)
        return read_frames(path, rate_hz, size, clip.start_s, length)

    def _measure(self, relative: str) -> float:
        info = probe(self.root / relative)
        sound = [stream.duration_s for stream in info.audio if stream.duration_s]
        length = sound[0] if sound else info.duration_s
        if not length:
            raise InputError(f"{self.root / relative} does not say how long it is; remux it")
        return float(length)


class ShardClips:
    """Clips of a folder of shards that `write_samples` made.

    Args:
        folder: holds `SPLIT-000000.tar`, ...

    Raises:
        InputError: no shards, or other ones.
    """

    def __init__(self, folder: Path) -> None:
        paths = sorted(folder.glob("*.tar"))
        if not paths:
            raise InputError(f"{folder} has no shards; make them with: prepare ... --shards N")
        self._index = ShardIndex(paths)
        self._packed: dict[str, tuple[str, Packed]] = {}
        for key, parts in self._index.places.items():
            if DESCRIPTION not in parts or SOUND not in parts:
                raise InputError(f"the sample {key} in {folder} is no clip of a thing")
            packed = unpack_description(self._index.read(key, DESCRIPTION), f"{folder}: {key}")
            self._packed[packed.clip.id] = (key, packed)

    @property
    def clips(self) -> tuple[ThingClip, ...]:
        """All rows, in the order of the shards."""
        return tuple(packed.clip for _, packed in self._packed.values())

    def duration_s(self, clip: ThingClip) -> float:
        """See `ClipSource`."""
        return self._packed[clip.id][1].duration_s

    def sound(self, clip: ThingClip, start_s: float, duration_s: float | None) -> Audio:
        """See `ClipSource`."""
        key, packed = self._packed[clip.id]
        first = round(start_s * packed.sample_rate)
        count = -1 if duration_s is None else round(duration_s * packed.sample_rate)
        with soundfile.SoundFile(io.BytesIO(self._index.read(key, SOUND))) as stream:
            stream.seek(min(first, stream.frames))
            wave = stream.read(count, dtype="float32")
        if not len(wave):
            raise InputError(f"the clip {clip.id} has no sound at {start_s:g} s")
        return Audio(torch.from_numpy(wave)[None], packed.sample_rate)

    def frames(self, clip: ThingClip, rate_hz: float, size: int) -> Video:
        """See `ClipSource`; the nearest stored frame at each moment, scaled if need be."""
        key, packed = self._packed[clip.id]
        count = max(int(np.ceil(packed.duration_s * rate_hz - 1e-6)), 1)
        times = np.arange(count) / rate_hz
        numbers = np.clip(np.round(times * packed.frame_rate), 0, packed.num_frames - 1).astype(int)
        stored = {n: self._picture(key, n, size) for n in sorted(set(numbers.tolist()))}
        frames = torch.from_numpy(np.stack([stored[n] for n in numbers]))
        return Video(frames, torch.from_numpy(times), Fraction(rate_hz).limit_denominator(1000))

    def _picture(self, key: str, number: int, size: int) -> np.ndarray:
        content = self._index.read(key, FRAME.format(number))
        try:
            with Image.open(io.BytesIO(content)) as picture:
                whole = picture.convert("RGB")
        except UnidentifiedImageError as error:
            raise InputError(f"frame {number} of the sample {key} is no picture") from error
        if whole.size != (size, size):
            whole = whole.resize((size, size), Image.Resampling.BICUBIC)
        return np.ascontiguousarray(np.asarray(whole).transpose(2, 0, 1))


def open_clips(place: Path) -> ClipSource:
    """Clips of a manifest, or of a folder of shards.

    Args:
        place: `manifest.jsonl`, or the folder `shards` (or the one around it).

    Raises:
        InputError: neither.
    """
    if place.is_dir():
        return ShardClips(place / SHARDS if (place / SHARDS).is_dir() else place)
    return FileClips(place)


def clips_of_split(source: ClipSource, split: str) -> tuple[ThingClip, ...]:
    """Clips of one split in order of their ids.

    Raises:
        InputError: fewer than two classes, so that nothing can be mixed.
    """
    chosen = tuple(sorted((c for c in source.clips if c.split == split), key=lambda c: c.id))
    if len({clip.label for clip in chosen}) < 2:
        raise InputError(
            f"the split {split!r} needs clips of two classes or more, it has {len(chosen)} clips; "
            f"prepare the corpus again"
        )
    return chosen


def pack_clip(
    source: ClipSource, clip: ThingClip, sample_rate: int, frame_rate: float, frame_size: int
) -> dict[str, bytes]:
    """A clip as parts of a shard's sample: `json`, `flac` (16 bit, mono), `frame0000.jpg`, ...

    Raises:
        InputError: the clip cannot be read.
    """
    audio = source.sound(clip, 0.0, None)
    wave = resample(audio.waveform, audio.sample_rate, sample_rate)[0].clamp(-1.0, 1.0)
    video = source.frames(clip, frame_rate, frame_size)
    packed = Packed(
        replace(clip, path=Path(clip.path).name),
        sample_rate,
        len(wave) / sample_rate,
        frame_rate,
        len(video.frames),
        frame_size,
    )
    sound = io.BytesIO()
    soundfile.write(sound, wave.numpy(), sample_rate, subtype="PCM_16", format="FLAC")
    described = json.dumps(to_dict(packed), ensure_ascii=False).encode()
    parts = {DESCRIPTION: described, SOUND: sound.getvalue()}
    for number, frame in enumerate(video.frames):
        stream = io.BytesIO()
        Image.fromarray(frame.permute(1, 2, 0).numpy()).save(stream, "JPEG", quality=JPEG_QUALITY)
        parts[FRAME.format(number)] = stream.getvalue()
    return parts


def unpack_description(content: bytes, where: str) -> Packed:
    """What a sample's `json` says.

    Raises:
        InputError: it is something else.
    """
    try:
        return from_dict(Packed, json.loads(content), where="sample")
    except (ValueError, ConfigError) as error:
        raise InputError(f"{where}: {error}") from error
