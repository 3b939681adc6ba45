"""Prepare one source: read, take apart, cut, write. Runs in a worker process.

A source's folder appears under its final name when it is complete, with its manifest rows in it;
that is what a later run finds and passes over. What is wrong with a source is returned, not raised.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from seehear.config import from_dict, to_dict
from seehear.data.manifest import ClipRow
from seehear.data.muddy import STEMS, MuddySpec
from seehear.dsp.resample import resample
from seehear.errors import InputError, OutputError, SeehearError
from seehear.features.captions import Caption, read_captions
from seehear.media.read import read_audio, read_frames
from seehear.tasks.highlight.prepare_files import (
    read_pictures,
    shifted,
    vtt,
    write_frames,
    write_sound,
)
from seehear.tasks.highlight.prepare_options import MuddyMixOptions
from seehear.tasks.highlight.prepare_sources import SourceJob
from seehear.tasks.highlight.separator import (
    fit_channels,
    fold_residual,
    read_separated,
    run_separator,
)

ROWS = "rows.jsonl"
MIN_PIECE_S = 1.0
FOCUS_FLOOR_DB = -60.0
PUBLISHED_S = 10.0


@dataclass(frozen=True)
class Task:
    """A source with what to do; this is what is sent to a worker.

    Args:
        job: the source.
        options: of the whole run.
    """

    job: SourceJob
    options: MuddyMixOptions


@dataclass(frozen=True)
class Prepared:
    """What became of a source.

    Args:
        id: of the source.
        rows: its clips.
        problem: why there are none, "" if all went well.
        reused: it was there already.
        dropped_s: seconds at the end that fill no piece.
    """

    id: str
    rows: tuple[ClipRow, ...] = ()
    problem: str = ""
    reused: bool = False
    dropped_s: float = 0.0


def clips_folder(options: MuddyMixOptions) -> Path:
    """Where sources are written, one folder each."""
    return options.output / "clips"


def prepare_source(task: Task) -> Prepared:
    """Prepare one source, or find that this was done before."""
    final = clips_folder(task.options) / task.job.id
    if (final / ROWS).is_file():
        return _read_back(task, final)
    final.parent.mkdir(parents=True, exist_ok=True)
    # The process id keeps two machines that share a disk apart.
    part = final.with_name(f"{final.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        rows, dropped_s = _make(task, part, final.name)
        lines = [json.dumps({"dropped_s": dropped_s}), *(json.dumps(to_dict(r)) for r in rows)]
        (part / ROWS).write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.rename(final)
    except InputError as error:
        return Prepared(task.job.id, problem=str(error))
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"cannot write {final}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Prepared(task.job.id, tuple(rows), dropped_s=dropped_s)


def _read_back(task: Task, final: Path) -> Prepared:
    first, *lines = (final / ROWS).read_text(encoding="utf-8").splitlines()
    rows = (from_dict(ClipRow, json.loads(line), where=str(final / ROWS)) for line in lines)
    # The split may be asked for anew; it is no part of what was computed.
    kept = tuple(replace(row, split=task.job.split) for row in rows)
    return Prepared(task.job.id, kept, reused=True, dropped_s=json.loads(first)["dropped_s"])


def _make(task: Task, folder: Path, name: str) -> tuple[list[ClipRow], float]:
    if task.job.layout == "released":
        return [_refer_to_released(task, folder, name)], 0.0
    options = task.options
    stems = _separated(task) if task.job.layout == "clips" else _given_stems(task)
    total_s = stems.shape[-1] / options.sample_rate
    if total_s < MIN_PIECE_S:
        raise InputError(f"only {total_s:.2f} s of sound; at least {MIN_PIECE_S:g} s are needed")
    piece = round(options.piece * options.sample_rate)
    count = max(stems.shape[-1] // piece, 1)
    captions = _captions(task.job)
    rows = []
    for number in range(count):
        single = count == 1 and task.job.layout == "stems"
        clip_id = name if single else f"{name}_{number:03d}"
        part = stems[..., number * piece : (number + 1) * piece]
        start_s = number * options.piece
        rows.append(_write_piece(task, folder, name, clip_id, part, start_s, captions))
    dropped_s = max(total_s - count * options.piece, 0.0)
    return rows, dropped_s


def _given_stems(task: Task) -> Tensor:
    """Stems from their files [3, C, T]; with a mix beside them the residual is folded in."""
    files, options = task.job.files, task.options
    names = [*STEMS, *(["mixture"] if "mixture" in files else [])]
    sounds = [_read_sound(files[name], options) for name in names]
    lengths = {sound.shape[1] for sound in sounds}
    if max(lengths) - min(lengths) > 0.1 * options.sample_rate:
        raise InputError("the stems differ in length by more than 0.1 s")
    channels = max(sound.shape[0] for sound in sounds)
    shortest = min(lengths)
    equal = [fit_channels(sound[:, :shortest], channels) for sound in sounds]
    stems = torch.stack(equal[: len(STEMS)])
    return fold_residual(stems, equal[-1]) if "mixture" in files else stems


def _separated(task: Task) -> Tensor:
    """Stems of a film clip [3, C, T] from the user's separator, residual folded into effects."""
    options = task.options
    mix = _read_sound(task.job.files["video"], options)
    with tempfile.TemporaryDirectory(prefix="seehear-separate-") as scratch:
        source, folder = Path(scratch) / "mixture.wav", Path(scratch) / "stems"
        folder.mkdir()
        soundfile.write(source, mix.T.numpy(), options.sample_rate, subtype="FLOAT")
        run_separator(options.separator, source, folder)
        stems = read_separated(folder, mix.shape[1], options.sample_rate, mix.shape[0])
    return fold_residual(stems, mix)


def _read_sound(path: Path, options: MuddyMixOptions) -> Tensor:
    audio = read_audio(path)
    waveform = audio.waveform
    if options.channels == "mono":
        waveform = waveform.mean(0, keepdim=True)
    return resample(waveform, audio.sample_rate, options.sample_rate)


def _write_piece(
    task: Task,
    folder: Path,
    name: str,
    clip_id: str,
    stems: Tensor,
    start_s: float,
    captions: list[Caption],
) -> ClipRow:
    """Write one clip's files below `folder` and describe them as they will lie below the output."""
    options, job = task.options, task.job
    (folder / clip_id).mkdir()
    base = f"clips/{name}/{clip_id}"
    files = {}
    for stem, waveform in zip(STEMS, stems, strict=True):
        files[stem] = (
            f"{base}/{write_sound(folder / clip_id / stem, waveform, options.sample_rate)}"
        )
    duration_s = stems.shape[-1] / options.sample_rate
    frames = None
    if "video" in job.files and options.frame_rate:
        video = read_frames(
            job.files["video"], options.frame_rate, options.frame_size, start_s, duration_s
        )
        write_frames(folder / clip_id, video.frames.numpy(), video.times.numpy())
        frames = f"{base}/frames.npz"
    words = None
    spoken = shifted(captions, start_s, duration_s)
    if spoken:
        (folder / clip_id / "captions.vtt").write_text(vtt(spoken), encoding="utf-8")
        words = f"{base}/captions.vtt"
    return ClipRow(
        id=clip_id,
        split=job.split,
        duration_s=duration_s,
        sample_rate=options.sample_rate,
        stems=files,
        frames=frames,
        captions=words,
        focus=focus_by_level(stems, options.sample_rate),
        muddy=MuddySpec(
            options.mode, options.level, clip_seed(options.seed, clip_id), options.silent_may_rise
        ),
        sources={"recording": (job.recording,)},
    )


def _refer_to_released(task: Task, folder: Path, name: str) -> ClipRow:
    """A row that points into the authors' folders; only frames are rewritten."""
    options, files = task.options, task.job.files
    for role in ("target", "mixture"):
        read_audio(files[role])  # a file that cannot be read is to be found now, not in training
    frames = None
    if "frames" in files and options.frame_rate:
        pictures = read_pictures(files["frames"], options.frame_size)
        write_frames(folder, pictures, np.arange(len(pictures), dtype=np.float64))
        frames = f"clips/{name}/frames.npz"
    paths = {
        role: Path(os.path.relpath(path.resolve(), options.output.resolve())).as_posix()
        for role, path in files.items()
    }
    return ClipRow(
        id=task.job.id,
        split=task.job.split,
        duration_s=PUBLISHED_S,
        sample_rate=options.sample_rate,
        stems={stem: paths[stem] for stem in STEMS} if "speech" in paths else None,
        frames=frames,
        captions=paths.get("captions"),
        sources={"recording": (task.job.recording,)},
        mixture=paths["mixture"],
        target=paths["target"],
    )


def focus_by_level(stems: Tensor, sample_rate: int) -> tuple[str, ...]:
    """Which stem stands out in the finished mix in each second: the one with the highest RMS.

    A stand-in where nobody has noted what the picture is about. "" where all are below -60 dBFS.

    Args:
        stems: float [3, C, T].
        sample_rate: Hz.
    """
    found = []
    for second in torch.split(stems.mean(1), sample_rate, dim=1):
        power = second.double().square().mean(1)
        loudest = int(power.argmax())
        found.append(STEMS[loudest] if power[loudest] > 10 ** (FOCUS_FLOOR_DB / 10) else "")
    return tuple(found)


def clip_seed(seed: int, clip_id: str) -> int:
    """Seed of a clip's muddy mix: the same whatever else is prepared, and in whichever order."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{clip_id}".encode()).digest()[:4])


def _captions(job: SourceJob) -> list[Caption]:
    path = job.files.get("captions")
    try:
        return [] if path is None else list(read_captions(path))
    except SeehearError as error:
        raise InputError(str(error)) from error
