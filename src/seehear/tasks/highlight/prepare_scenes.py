"""`seehear prepare scenes`: a fixed set of finished scenes, from recordings and photos.

Writes stems (FLAC, 16 bit, 16 kHz), frames (one photo a second, npz) and a manifest that says how
each scene is muddied. Scene n depends on the seed and n only. Modes and levels of difficulty come
in equal numbers: paper and continuous in turn, low, moderate, high and mixed in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor

from seehear.data.manifest import ClipRow, write_manifest
from seehear.data.muddy import Level, Mode, MuddySpec
from seehear.data.photos import read_photo
from seehear.data.scenes import MixingRule, Scene, draw_scene
from seehear.data.sounds import rows_of_split
from seehear.data.sources import (
    SAMPLE_RATE,
    STEMS,
    SoundLibrary,
    SourceRow,
    load_sounds,
    photos_by_class,
    read_sources,
)
from seehear.errors import InputError, OutputError
from seehear.tasks.highlight.scenes_options import ScenesOptions

Progress = Callable[[int, int, str], None]

MODES: tuple[Mode, ...] = ("paper", "continuous")
LEVELS: tuple[Level, ...] = ("low", "moderate", "high", "mixed")
CHANGE_PHOTO = 0.3
"""Chance that a class of thing is shown on another photo than before in its scene."""


def prepare_scenes(options: ScenesOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Build the scenes of one split.

    Returns:
        Path of the manifest, number of scenes, and how many independent recordings and photos of
        each stem they could draw from and did draw.

    Raises:
        InputError: the source manifest or a file it names is wrong, or a stem has no sounds.
        OutputError: the folder holds a manifest already.
    """
    manifest = options.output / "manifest.jsonl"
    if manifest.exists() and not options.force:
        raise OutputError(f"{manifest} exists; choose another folder or say --force")
    rows = rows_of_split(read_sources(options.source), options.split, options.any_use_only)
    library = load_sounds(rows)
    check_library(library, options.split)
    photos = photos_by_class(rows)
    # A cut-off at the sample rate is above everything there is.
    open_band = (float(SAMPLE_RATE), float(SAMPLE_RATE))
    rule = MixingRule(low_pass_hz=open_band) if options.unmatched else MixingRule()
    written: list[ClipRow] = []
    for index in range(options.count):
        rng = np.random.default_rng([options.seed, index])
        scene = draw_scene(library, sorted(photos), rng, rule)
        written.append(_write(options, index, scene, photos, rng))
        if progress is not None:
            progress(index + 1, options.count, written[-1].id)
    write_manifest(manifest, written)
    used = {s: len({i for row in written for i in row.sources[s]}) for s in (*STEMS, "photos")}
    return {"manifest": str(manifest), "scenes": len(written), "recordings_used": used}


def check_library(library: SoundLibrary, split: str) -> None:
    """Refuse a split that lacks a whole stem.

    Raises:
        InputError: names the stem.
    """
    for stem in STEMS:
        if not library.groups[stem]:
            raise InputError(f"the split {split!r} has no sounds for the stem {stem}")


def _write(
    options: ScenesOptions,
    index: int,
    scene: Scene,
    photos: dict[str, list[SourceRow]],
    rng: np.random.Generator,
) -> ClipRow:
    name = f"scene{index:04d}"
    folder = options.output / "scenes"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stem, wave in zip(STEMS, scene.stems, strict=True):
            soundfile.write(_path(folder, name, stem), wave, SAMPLE_RATE, subtype="PCM_16")
        frames, shown = choose_frames(scene, photos, options.frame_size, rng)
        times = np.arange(len(frames)) + 0.5
        np.savez_compressed(folder / f"{name}.npz", frames=frames.numpy(), times=times)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error}") from error
    mode, level = MODES[index % 2], LEVELS[index // 2 % 4]
    return ClipRow(
        id=name,
        split=options.split,
        duration_s=float(MixingRule().duration_s),
        sample_rate=SAMPLE_RATE,
        stems={s: f"scenes/{_path(folder, name, s).name}" for s in STEMS},
        frames=f"scenes/{name}.npz",
        focus=scene.focus,
        muddy=MuddySpec(mode, level, seed=options.seed * 100_000 + index),
        sources={**{k: tuple(v) for k, v in scene.sources.items()}, "photos": shown},
    )


def choose_frames(
    scene: Scene, photos: dict[str, list[SourceRow]], size: int, rng: np.random.Generator
) -> tuple[Tensor, tuple[str, ...]]:
    """A photo for every second: uint8 [N, 3, S, S], and the ids of the photos shown."""
    current: dict[str, SourceRow] = {}
    chosen: list[SourceRow] = []
    for label in scene.photos:
        if label not in current or rng.random() < CHANGE_PHOTO:
            current[label] = photos[label][int(rng.integers(len(photos[label])))]
        chosen.append(current[label])
    frames = torch.stack([read_photo(row.path, size) for row in chosen])
    return frames, tuple(dict.fromkeys(row.source_id for row in chosen))


def _path(folder: Path, name: str, stem: str) -> Path:
    return folder / f"{name}.{stem}.flac"
