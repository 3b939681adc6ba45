"""Clips of a manifest as an evaluation needs them: sound at 16 kHz, features of the picture.

All sounds of an evaluation go through `matched`: one low-pass for all, and the level of the clip's own
reference, so that neither bandwidth nor loudness gives anything away.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seehear.data.clip_manifest import GenerateClip, clip_line
from seehear.dsp.filter import low_pass
from seehear.dsp.level import rms
from seehear.dsp.resample import resample
from seehear.errors import OutputError
from seehear.media.read import read_audio
from seehear.tasks.generate.classifier import Example
from seehear.tasks.generate.latents import material
from seehear.tasks.generate.sight import Sight
from seehear.tasks.generate.sound_features import SAMPLE_RATE, sound_features

Progress = Callable[[int, int, str], None]
MOST_EXAMPLES = 60
"""Training clips of a class that the classifier learns from."""
SILENT = 1e-5
FEATURES = "features"


@dataclass(frozen=True)
class ScoredClip:
    """A clip to be scored.

    Args:
        row: of the manifest.
        sound: the reference, float32 [T] at 16 kHz, matched.
        video: features of the picture, [S, dim].
    """

    row: GenerateClip
    sound: Tensor
    video: Tensor


def open_clip(
    root: Path, row: GenerateClip, sight: Sight, window_s: float, band: float
) -> ScoredClip:
    """Read a clip; what is beyond a model's window is cut off, picture and sound alike.

    Features of the picture are kept in `root/features` under the hash of the network that made them, so
    that several models with one sight are scored without looking again; the folder may be deleted.

    Raises:
        InputError: unreadable, silent, or without picture.
        OutputError: features cannot be kept.
    """
    kept = root / FEATURES / sight.sha256[:16] / f"{_key(row, window_s)}.npy"
    if kept.is_file():
        wave, video = sound_of(root, row), torch.from_numpy(np.load(kept))
    else:
        wave, frames = material(root, row, 0, sight)
        frames = frames[: max(round(window_s * sight.frame_rate), 1)]
        video = torch.cat(list(sight.encode_pieces([frames])))
        _keep(kept, video)
    seconds = min(len(wave) / SAMPLE_RATE, len(video) / sight.rate, window_s)
    wave = wave[: round(seconds * SAMPLE_RATE)]
    video = video[: max(round(seconds * sight.rate), 1)]
    return ScoredClip(row, matched(wave, rms(wave), band), video)


def _key(row: GenerateClip, window_s: float) -> str:
    """Name of a clip's features: they depend on the row and on the window."""
    told = f"{clip_line(row)} {window_s:g}"
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _keep(path: Path, video: Tensor) -> None:
    part = path.with_suffix(".part.npy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(part, video.numpy())
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def sound_of(root: Path, row: GenerateClip) -> Tensor:
    """The sound of a clip, float32 [T] at 16 kHz.

    Raises:
        InputError: unreadable.
    """
    audio = read_audio(root / (row.sound or row.video), row.start_s, row.seconds)
    return resample(audio.waveform.mean(0), audio.sample_rate, SAMPLE_RATE)


def matched(waveform: Tensor, level: float, band: float) -> Tensor:
    """A sound with the common low-pass, at a given RMS; silence stays silence.

    Args:
        waveform: float32 [T] at 16 kHz.
        level: RMS to give it.
        band: low-pass in Hz, 0 for none.
    """
    heard = low_pass(waveform, SAMPLE_RATE, band) if band else waveform
    now = rms(heard)
    return heard * (level / now) if now > SILENT else torch.zeros_like(heard)


def fitted(waveform: Tensor, num_samples: int) -> Tensor:
    """A sound of a length: cut, or repeated from its beginning."""
    times = -(-num_samples // len(waveform))
    return waveform.repeat(times)[:num_samples]


def spread(rows: Sequence[GenerateClip], limit: int, seed: int) -> list[GenerateClip]:
    """At most so many rows (0 = all), class after class in turn, drawn by the seed."""
    if not limit or limit >= len(rows):
        return list(rows)
    rng = np.random.default_rng([seed, 11])
    groups: dict[str, list[GenerateClip]] = {}
    for index in rng.permutation(len(rows)).tolist():
        groups.setdefault(rows[index].label, []).append(rows[index])
    queues = [groups[label] for label in sorted(groups)]
    chosen: list[GenerateClip] = []
    while len(chosen) < limit:
        for queue in queues:
            if queue and len(chosen) < limit:
                chosen.append(queue.pop())
    return chosen


def examples_of(
    root: Path,
    rows: Sequence[GenerateClip],
    band: float,
    window_s: float,
    seed: int,
    progress: Progress | None = None,
) -> list[Example]:
    """Examples for the classifier, at most `MOST_EXAMPLES` of a class, drawn by the seed.

    A class's clips are taken recording by recording in turn, so that few long recordings do not
    crowd out the others.
    """
    chosen = [row for label in sorted({r.label for r in rows}) for row in _some(rows, label, seed)]
    found = []
    for number, row in enumerate(chosen, 1):
        wave = fitted(sound_of(root, row), round(min(row.seconds, window_s) * SAMPLE_RATE))
        if len(wave) >= SAMPLE_RATE and rms(wave) > SILENT:
            heard = matched(wave, rms(wave), band)[None]
            found.append(Example(sound_features(heard, band)[0], row.label, row.recording))
        if progress is not None:
            progress(number, len(chosen), "classifier")
    return found


def _some(rows: Sequence[GenerateClip], label: str, seed: int) -> list[GenerateClip]:
    own = [row for row in rows if row.label == label]
    order = np.random.default_rng([seed, 5, *label.encode()]).permutation(len(own)).tolist()
    queues: dict[str, list[GenerateClip]] = {}
    for index in order:
        queues.setdefault(own[index].recording, []).append(own[index])
    turns: list[GenerateClip] = []
    while queues and len(turns) < MOST_EXAMPLES:
        for name in list(queues):
            turns.append(queues[name].pop())
            if not queues[name]:
                del queues[name]
    return turns[:MOST_EXAMPLES]


def of_one_length(clips: Sequence[ScoredClip]) -> tuple[list[ScoredClip], list[str]]:
    """Clips of the most common length, which are scored beside each other, and ids of the others."""
    counts = Counter(len(clip.sound) for clip in clips)
    length = max(counts, key=lambda samples: (counts[samples], samples))
    kept = [clip for clip in clips if len(clip.sound) == length]
    return kept, [clip.row.id for clip in clips if len(clip.sound) != length]
