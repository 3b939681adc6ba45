"""`seehear prepare procedural`: clips whose pictures are drawn to move as real sounds do.

Classes, recordings and photos take turns, so that none is used much more often than others. Everything depends on
the source manifest, the options and the seed only; each clip on its own number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image
from torch import Tensor

from seehear.config import to_dict
from seehear.data.clip_manifest import GenerateClip, write_clips
from seehear.data.drive import frame_times
from seehear.data.procedural_clips import DrawnClip, Stock, draw_clip, film, load_stock
from seehear.data.sounds import rows_of_split
from seehear.data.sources import SAMPLE_RATE, read_sources
from seehear.data.turns import Turns
from seehear.errors import OutputError
from seehear.media.film import write_film
from seehear.tasks.generate.procedural_options import ProceduralOptions

Progress = Callable[[int, int, str], None]
SPLITS = ("train", "val", "test")


@dataclass
class Making:
    """What is being made, and how far it is."""

    options: ProceduralOptions
    progress: Progress | None
    rows: list[GenerateClip]
    photos: set[str]

    def told(self, name: str) -> None:
        """Report progress."""
        if self.progress is not None:
            done = self.options.train + self.options.val + self.options.test
            self.progress(len(self.rows), done, name)


def prepare_procedural(
    options: ProceduralOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Make the clips of all splits.

    Returns:
        Path of the manifest, clips by split, classes with recordings by split, photos.

    Raises:
        InputError: the source manifest or a file it names is wrong, or a split has no class.
        OutputError: the folder holds a manifest already, or cannot be written.
    """
    manifest = options.output / "manifest.jsonl"
    if manifest.exists() and not options.force:
        raise OutputError(f"{manifest} exists; choose another folder or say --force")
    sources = read_sources(options.source)
    making = Making(options, progress, [], set())
    counts = {"train": options.train, "val": options.val, "test": options.test}
    classes: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        if not counts[split]:
            continue
        only = split == "train" or options.any_use_only
        rows = rows_of_split(sources, split, only)
        melodies = options.melodies if split == "train" else 0
        stock = load_stock(rows, split, melodies, options.seed)
        for label in stock.labels:
            recordings = {sound.source_id for sound in stock.sounds[label]}
            classes.setdefault(label, {})[split] = len(recordings)
        _make_split(making, stock, counts[split])
    write_clips(manifest, making.rows)
    return {
        "manifest": str(manifest),
        "clips": {split: sum(r.split == split for r in making.rows) for split in SPLITS},
        "classes": classes,
        "photos": len(making.photos),
    }


def _make_split(making: Making, stock: Stock, count: int) -> None:
    options = making.options
    number_of_split = SPLITS.index(stock.split)
    turns = Turns(np.random.default_rng([options.seed, number_of_split, 0]))
    low, high = options.train_low_pass if stock.split == "train" else (options.low_pass,) * 2
    for number in range(count):
        label = stock.labels[number % len(stock.labels)]
        rng = np.random.default_rng([options.seed, number_of_split, 1, number])
        photos = stock.photos.get(label, [])
        clip = draw_clip(
            stock,
            label,
            int(rng.integers(2**31)),
            options.seconds,
            float(rng.uniform(low, high)),
            turns.take(label, len(stock.sounds[label])),
            turns.take(f"photo of {label}", len(photos)) if photos else -1,
        )
        name = f"{stock.split}-{number:04d}-{label}"
        making.rows.append(_write(making, stock, clip, name))
        making.told(name)


def _write(making: Making, stock: Stock, clip: DrawnClip, name: str) -> GenerateClip:
    """Sound, photos, and for val and test the video."""
    options, root = making.options, making.options.output
    is_train = stock.split == "train"
    sound = f"sounds/{name}.{'flac' if is_train else 'wav'}"
    video = "" if is_train else f"videos/{name}.mp4"
    try:
        for path in filter(None, (sound, video)):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / sound, clip.waveform.numpy(), SAMPLE_RATE, subtype="PCM_16")
        _write_photos(making, stock, (clip.scene.photo, clip.scene.backdrop))
    except OSError as error:
        raise OutputError(f"cannot write into {root}: {error}") from error
    if video:
        _write_video(root / video, stock, clip, options)
    return GenerateClip(
        id=name,
        split=stock.split,
        label=clip.scene.label,
        video=video,
        sound=sound,
        seconds=options.seconds,
        source_id=clip.source_id,
        seed=clip.scene.seed,
        scene=to_dict(clip.scene),
    )


def _write_photos(making: Making, stock: Stock, names: tuple[str, str]) -> None:
    for photo in names:
        if photo and photo not in making.photos:
            path = making.options.output / "photos" / f"{photo}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(_upright(stock.picture(photo))).save(path)
            making.photos.add(photo)


def _write_video(path: Path, stock: Stock, clip: DrawnClip, options: ProceduralOptions) -> None:
    times = frame_times(options.seconds, options.frame_rate)
    size = options.frame_size
    frames = film(clip.scene, clip.waveform, times, stock.picture, size)
    write_film(path, (_upright(f) for f in frames), options.frame_rate, (size, size))


def _upright(frame: Tensor) -> np.ndarray:
    """[3, H, W] -> [H, W, 3]."""
    return frame.permute(1, 2, 0).contiguous().numpy()
