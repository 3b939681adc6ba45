"""`seehear prepare latents`: run sounds and pictures of clips through the frozen networks, once.

Clips of any manifest of `seehear.data.clip_manifest`: cuts of the user's videos as well as drawn scenes, which
are drawn on the fly. Each tar file is made by one worker and appears complete or not at all; a later run with
the same options passes over those that are there. Clips that cannot be used are left out and named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.checkpoint import read_description
from seehear.config import to_dict
from seehear.data.clip_manifest import GenerateClip, read_clips
from seehear.data.shards import ShardIndex, write_shard
from seehear.dsp.resample import resample
from seehear.errors import InputError
from seehear.media.read import read_audio, read_frames
from seehear.metrics.report import write_text
from seehear.runtime import choose_runtime
from seehear.tasks.corpora import claim_shards
from seehear.tasks.engines import run_all
from seehear.tasks.generate.codec import SoundEncoder, load_sound_encoder
from seehear.tasks.generate.drawn_clips import draw_clip
from seehear.tasks.generate.latent_clips import (
    INFO,
    SHARDS,
    LatentRow,
    LatentsInfo,
    pack_latents,
)
from seehear.tasks.generate.latents_options import LatentsOptions
from seehear.tasks.generate.sight import Sight, load_sight

Progress = Callable[[int, int, str], None]
CLAIM = "made_from.json"
SILENT = 1e-4
"""Largest sample of a clip that counts as silent, -80 dBFS."""
EMPTY_S = 8.0
"""Length of the black video whose features stand for no video."""


@dataclass(frozen=True)
class Making:
    """With what latents are made; this and clips are what is sent to a worker.

    Args:
        vae: folder.
        cavp: folder.
        device: see `choose_runtime`.
        precision: likewise.
        window: shortest length of a clip, seconds.
    """

    vae: Path
    cavp: Path
    device: str
    precision: Any
    window: float


@dataclass(frozen=True)
class ShardJob:
    """One tar file to make.

    Args:
        making: with what.
        manifest: that the clips' paths are relative to.
        clips: with the number of the rendering.
        path: of the tar file.
    """

    making: Making
    manifest: Path
    clips: tuple[tuple[GenerateClip, int], ...]
    path: Path


def prepare_latents(options: LatentsOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Make the corpus that `train generate` with `kind = "denoiser"` reads.

    Args:
        options: clips, networks, folder.
        progress: told (tar files done, all of them, note); may raise `Cancelled`.

    Returns:
        Path of `latents.json`, clips by split, clips left out with the reason, `warnings` about them.

    Raises:
        InputError: the manifest is wrong, or nothing in it can be used.
        ModelError: a network is missing or of another kind.
        OutputError: the folder cannot be written.
    """
    making = Making(options.vae, options.cavp, options.device, options.precision, options.window)
    sight, encoder = networks(making)
    jobs = list(_jobs(options, making))
    folder = options.output / SHARDS
    weights = [sha256_of(options.vae), sha256_of(options.cavp)]
    claim_shards(folder / CLAIM, [[to_dict(job), *weights] for job in jobs])
    left = [job for job in jobs if not job.path.is_file()]
    bad: dict[str, str] = {}
    for number, found in enumerate(run_all(make_shard, left, options.engine, options.workers)):
        bad |= found
        if progress is not None:
            progress(number + 1, len(left), "latents")
    counts = _counts(jobs)
    if not any(counts.values()):
        reason = next(iter(bad.values()), "it is empty")
        raise InputError(f"no clip of {options.source} can be used; of the first one: {reason}")
    info = LatentsInfo(
        encoder.latent_channels,
        encoder.latent_rate,
        sight.dim,
        sight.rate,
        encoder.scale,
        tuple(empty_features(sight).tolist()),
        sha256_of(options.cavp),
        sha256_of(options.vae),
        counts,
    )
    said = [f"{len(bad)} clips could not be used; report.json names them"] if bad else []
    manifest = options.output / INFO
    report = {"manifest": str(manifest), "clips": counts, "bad": bad, "warnings": said}
    write_text(options.output / "report.json", json.dumps(report, indent=1) + "\n")
    # Last, because its presence says that the corpus is complete.
    write_text(manifest, json.dumps(to_dict(info)) + "\n")
    return {**report, "bad": len(bad)}


def make_shard(job: ShardJob) -> dict[str, str]:
    """Make one tar file; returns why clips were left out, by id."""
    sight, encoder = networks(job.making)
    bad: dict[str, str] = {}

    def samples() -> Iterator[tuple[str, Mapping[str, bytes]]]:
        for number, (clip, render) in enumerate(job.clips):
            try:
                waveform, frames = material(job.manifest.parent, clip, render, sight)
                latents, video = computed(waveform, frames, sight, encoder, job.making.window)
            except InputError as error:
                bad[clip.id] = str(error)
                continue
            row = LatentRow(
                f"{clip.id}+{render}" if render else clip.id,
                clip.split,
                clip.label,
                latents.shape[1] / encoder.latent_rate,
                clip.recording,
            )
            parts = pack_latents(row, latents.numpy(), video.numpy())
            yield f"{job.path.stem}-{number:06d}", parts

    write_shard(job.path, samples())
    return bad


@cache
def networks(making: Making) -> tuple[Sight, SoundEncoder]:
    """What sees and what hears, loaded once per process.

    Raises:
        ModelError: missing, or of another kind.
    """
    runtime = choose_runtime(making.device, making.precision)
    return load_sight(making.cavp, runtime), load_sound_encoder(making.vae, None, runtime)


def material(root: Path, clip: GenerateClip, render: int, sight: Sight) -> tuple[Tensor, Tensor]:
    """Sound and picture of a clip.

    Args:
        root: folder that paths are relative to.
        clip: row of the manifest.
        render: number of the drawing, for clips that are drawn.
        sight: says rate and size of frames.

    Returns:
        Mono waveform [T] at 16 kHz, and uint8 frames [S, 3, size, size].

    Raises:
        InputError: unreadable, without sound or without picture, or silent.
    """
    if not clip.video:
        return draw_clip(root, clip, render, sight.frame_rate, sight.frame_size)
    audio = read_audio(root / (clip.sound or clip.video), clip.start_s, clip.seconds)
    mono = resample(audio.waveform.mean(0), audio.sample_rate, 16000)
    video = read_frames(
        root / clip.video, sight.frame_rate, sight.frame_size, clip.start_s, clip.seconds
    )
    if not float(mono.abs().max()) > SILENT:
        raise InputError(f"the clip {clip.id} is silent")
    return mono, video.frames


@torch.no_grad()
def computed(
    waveform: Tensor, frames: Tensor, sight: Sight, encoder: SoundEncoder, window: float
) -> tuple[Tensor, Tensor]:
    """Latents and features of a clip; short clips are repeated, picture and sound alike.

    Args:
        waveform: [T] at 16 kHz.
        frames: uint8 [S, 3, size, size].
        sight: sees.
        encoder: hears.
        window: shortest length, seconds.

    Returns:
        Latents [latent, L] and features [S', dim] of the same length in seconds.

    Deviation: the public relatives repeat the spectrogram; here the waveform is repeated before it is
        analysed.
    """
    video = torch.cat(list(sight.encode_pieces([frames]))).cpu()
    seconds = min(waveform.shape[-1] / encoder.sample_rate, len(video) / sight.rate)
    if seconds < window:
        # Whole features, so that picture and sound stay in step.
        count = max(int(seconds * sight.rate + 1e-6), 1)
        waveform = waveform[: round(count / sight.rate * encoder.sample_rate)]
        seconds = window
        length = round(window * encoder.sample_rate)
        waveform = waveform.repeat(-(-length // waveform.shape[-1]))
        video = video[torch.arange(round(window * sight.rate)) % count]
    waveform = waveform[: round(seconds * encoder.sample_rate)]
    latents = encoder.encode(waveform[None])[0].cpu()
    return latents, video[: round(latents.shape[1] / encoder.latent_rate * sight.rate)]


def empty_features(sight: Sight) -> Tensor:
    """What stands for no video: the mean of the features of black frames, of unit length, [dim]."""
    count = round(EMPTY_S * sight.frame_rate)
    black = torch.zeros(count, 3, sight.frame_size, sight.frame_size, dtype=torch.uint8)
    return torch.nn.functional.normalize(sight.encode(black).mean(0), dim=0).cpu()


def sha256_of(folder: Path) -> str:
    """Hash of the weights in a checkpoint folder."""
    digest: str = read_description(folder)["sha256"]
    return digest


def _jobs(options: LatentsOptions, making: Making) -> Iterator[ShardJob]:
    rows = read_clips(options.source)
    for split in options.splits:
        own = [
            (clip, render)
            for render in range(options.renders)
            for clip in rows
            if clip.split == split and (render == 0 or not clip.video)
        ]
        for number, start in enumerate(range(0, len(own), options.shard_size)):
            path = options.output / SHARDS / f"{split}-{number:06d}.tar"
            chosen = tuple(own[start : start + options.shard_size])
            yield ShardJob(making, options.source, chosen, path)


def _counts(jobs: Sequence[ShardJob]) -> dict[str, int]:
    """Clips that are in tar files, by split."""
    counts: dict[str, int] = {}
    for job in jobs:
        split = job.path.stem.rpartition("-")[0]
        counts[split] = counts.get(split, 0) + len(ShardIndex([job.path]).places)
    return counts
