"""The files of a prepared clip: sound, frames, captions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from seehear.errors import InputError
from seehear.features.captions import Caption


def write_sound(path: Path, waveform: Tensor, sample_rate: int) -> str:
    """Write [C, T] as 24-bit FLAC, or as float WAV where it is too loud for that; return the name."""
    fits = float(waveform.abs().max()) < 1.0
    suffix, subtype = (".flac", "PCM_24") if fits else (".wav", "FLOAT")
    soundfile.write(path.with_suffix(suffix), waveform.T.numpy(), sample_rate, subtype=subtype)
    return path.name + suffix


def write_frames(folder: Path, frames: Any, times: Any) -> None:
    """Write `frames.npz`: frames uint8 [N, 3, S, S], times float64 [N] in seconds."""
    np.savez_compressed(folder / "frames.npz", frames=frames, times=times)


def read_pictures(folder: Path, size: int) -> Any:
    """Released frames, one a second: uint8 [N, 3, size, size]."""
    pictures = []
    for path in sorted(folder.glob("*.png")):
        try:
            with Image.open(path) as picture:
                square = picture.convert("RGB").resize((size, size), Image.Resampling.BOX)
        except (OSError, UnidentifiedImageError) as error:
            raise InputError(f"cannot read the frame {path}: {error}") from error
        pictures.append(np.asarray(square).transpose(2, 0, 1))  # [H, W, 3] -> [3, H, W]
    return np.stack(pictures)


def shifted(captions: list[Caption], start_s: float, duration_s: float) -> list[Caption]:
    """Captions that are on during a piece, with times from its start."""
    moved = [
        replace(
            c,
            start_s=max(c.start_s - start_s, 0.0),
            end_s=min(c.end_s - start_s, duration_s),
        )
        for c in captions
    ]
    return [c for c in moved if c.end_s > c.start_s]


def vtt(captions: list[Caption]) -> str:
    """Captions as the text of a WebVTT file."""
    cues = (f"{_clock(c.start_s)} --> {_clock(c.end_s)}\n{c.text}\n" for c in captions)
    return "WEBVTT\n\n" + "\n".join(cues)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
