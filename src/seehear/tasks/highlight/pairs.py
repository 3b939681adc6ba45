"""Clips of a manifest as sound and picture in memory: muddy input, target, frames, captions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from seehear.data.manifest import ClipRow, Manifest
from seehear.data.muddy import STEMS, Level, make_muddy
from seehear.dsp.resample import resample
from seehear.errors import InputError
from seehear.features.captions import Caption, read_captions
from seehear.media.read import read_audio
from seehear.types import Audio, Video

LENGTH_TOLERANCE_S = 0.01


@dataclass(frozen=True)
class Pair:
    """What a model hears and what it should have become; same rate, channels and length.

    Args:
        mixture: the muddy mix.
        target: the finished mix.
    """

    mixture: Audio
    target: Audio


def load_pair(manifest: Manifest, row: ClipRow, level: Level | None = None) -> Pair:
    """Read a clip's target and read or make its muddy mix.

    Args:
        manifest: where the row comes from.
        row: the clip.
        level: make the muddy mix at this level of difficulty, whatever the row says.

    Raises:
        InputError: a file is missing or does not fit the row; or a level is asked for and the row
            has no stems to make it from.
    """
    stems = None if row.stems is None else load_stems(manifest, row)
    if row.target is not None:
        target = _read(manifest, row.target, row)
    else:
        assert stems is not None, "a row has stems or a target"
        target = stems.sum(0)
    if row.mixture is not None and level is None:
        mixture = _read(manifest, row.mixture, row)
    else:
        if stems is None or row.muddy is None:
            raise InputError(f"clip {row.id} has no stems and seed to make a {level} mix from")
        spec = row.muddy if level is None else replace(row.muddy, level=level)
        mixture = make_muddy(stems, row.sample_rate, spec)[0]
    if mixture.shape[0] != target.shape[0]:
        mixture, target = mixture.mean(0, keepdim=True), target.mean(0, keepdim=True)
    return Pair(Audio(mixture, row.sample_rate), Audio(target, row.sample_rate))


def load_stems(manifest: Manifest, row: ClipRow) -> Tensor:
    """Read the three stems of a clip.

    Returns:
        float32 [3, C, T] in the order speech, music, effects, at the row's rate and length.

    Raises:
        InputError: a file is missing, or the stems differ in channels.
    """
    assert row.stems is not None, "only rows with stems are asked for them"
    stems = [_read(manifest, row.stems[name], row) for name in STEMS]
    if len({stem.shape[0] for stem in stems}) > 1:
        raise InputError(
            f"the stems of clip {row.id} differ in channels; convert them to one layout"
        )
    return torch.stack(stems)


def load_frames(manifest: Manifest, row: ClipRow, size: int | None = None) -> Video | None:
    """Read a clip's frames, or None if it has none.

    Args:
        manifest: where the row comes from.
        row: the clip.
        size: side in pixels that the encoder wants; other sizes are scaled (antialiased).

    Raises:
        InputError: not an npz of `frames` uint8 [N, 3, S, S] and `times` [N].
    """
    if row.frames is None:
        return None
    path = manifest.resolve(row.frames)
    try:
        with np.load(path) as stored:
            frames, times = torch.from_numpy(stored["frames"]), torch.from_numpy(stored["times"])
    except OSError as error:
        raise InputError(f"cannot read the frames {path}: {error.strerror}") from error
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is not an npz with `frames` and `times`: {error}") from error
    video = Video(frames, times.double())
    return video if size is None else resize_frames(video, size)


def resize_frames(video: Video, size: int) -> Video:
    """Scale frames to squares of `size` pixels, antialiased; nothing is done if they are."""
    if video.frames.shape[-2:] == (size, size):
        return video
    scaled = torch.nn.functional.interpolate(
        video.frames.float(), (size, size), mode="bilinear", antialias=True
    )
    return Video(scaled.round().clamp(0, 255).to(torch.uint8), video.times, video.fps)


def load_row_captions(manifest: Manifest, row: ClipRow) -> tuple[Caption, ...]:
    """Read a clip's captions; empty if it has none."""
    return () if row.captions is None else tuple(read_captions(manifest.resolve(row.captions)))


def _read(manifest: Manifest, relative: str, row: ClipRow) -> Tensor:
    """Sound [C, T] at the row's rate, cut or padded with silence to the row's length.

    Published mixes are of any length and are fitted as published; stems of our own corpora are at
    most a rounding step off, anything else is a wrong manifest.
    """
    path = manifest.resolve(relative)
    audio = read_audio(path)
    waveform = resample(audio.waveform, audio.sample_rate, row.sample_rate)
    wanted = round(row.duration_s * row.sample_rate)
    surplus = waveform.shape[1] - wanted
    if row.mixture is None and abs(surplus) > LENGTH_TOLERANCE_S * row.sample_rate:
        raise InputError(
            f"{path} is {audio.duration_s:.2f} s long, the manifest says {row.duration_s:.2f} s; "
            f"prepare the corpus again"
        )
    return torch.nn.functional.pad(waveform, (0, max(-surplus, 0)))[:, :wanted]
