"""`seehear prepare mixes`: a fixed list of mixtures from recordings, with pictures where there are any.

Classes, recordings and pictures take turns, so that none is used much more often than others. The
list depends on the source manifest, the options and the seed only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from seehear.data.mix_manifest import MixRow, StemRow, write_mixes
from seehear.data.mixes import TEST_RULE, Mix, draw_part, make_mix
from seehear.data.photos import read_photo
from seehear.data.sounds import ThingLibrary, load_things, rows_of_split
from seehear.data.sources import SAMPLE_RATE, SourceRow, photos_by_class, read_sources
from seehear.data.turns import Turns, plan_labels
from seehear.errors import InputError, OutputError
from seehear.features.vocabulary import PHOTO_CLASSES
from seehear.tasks.separate.mixes_options import MixesOptions

Progress = Callable[[int, int, str], None]


def prepare_mixes(options: MixesOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Build the mixtures of one split.

    Returns:
        Path of the manifest, number of mixtures, classes with their sounds and independent
        recordings, and how many of both were used.

    Raises:
        InputError: the source manifest or a file it names is wrong, or has too few classes.
        OutputError: the folder holds a manifest already, or cannot be written.
    """
    manifest = options.output / "manifest.jsonl"
    if manifest.exists() and not options.force:
        raise OutputError(f"{manifest} exists; choose another folder or say --force")
    rows = rows_of_split(read_sources(options.source), options.split, options.any_use_only)
    library = load_things(rows, fewest=options.fewest)
    if len(library.things) < options.sounds:
        raise InputError(
            f"the split {options.split!r} has {len(library.things)} classes with "
            f"{options.fewest} sounds or more, a mixture takes {options.sounds}; lower --fewest"
        )
    pictures = _pictures(rows)
    turns = Turns(np.random.default_rng([options.seed, 0]))
    plan = plan_labels(sorted(library.things), options.sounds, options.count, options.seed)
    written: list[MixRow] = []
    for index, labels in enumerate(plan):
        mix = _mix(options, library, labels, turns, np.random.default_rng([options.seed, 1, index]))
        written.append(_write(options, index, mix, pictures, turns))
        if progress is not None:
            progress(index + 1, options.count, written[-1].id)
    write_mixes(manifest, written)
    used = {name for row in written for stem in row.stems for name in stem.recordings}
    classes = {
        label: {"sounds": len(sounds), "recordings": library.recordings(label)}
        for label, sounds in library.things.items()
    }
    return {
        "manifest": str(manifest),
        "mixtures": len(written),
        "recordings_used": len(used),
        "classes": classes,
    }


def _mix(
    options: MixesOptions,
    library: ThingLibrary,
    labels: tuple[str, ...],
    turns: Turns,
    rng: np.random.Generator,
) -> Mix:
    rule = TEST_RULE
    if options.as_recorded:
        rule = replace(rule, low_pass_hz=(SAMPLE_RATE / 2.0, SAMPLE_RATE / 2.0))
    parts = []
    for label in labels:
        sounds = library.things[label]
        parts.append(draw_part([sounds[turns.take(label, len(sounds))]], rng, rule))
    return make_mix([p[0] for p in parts], labels, [p[1] for p in parts], rng, rule)


def _pictures(rows: Sequence[SourceRow]) -> dict[str, list[SourceRow]]:
    """Photos by the class whose sound the thing makes."""
    found: dict[str, list[SourceRow]] = {}
    for label, photos in photos_by_class(rows).items():
        found.setdefault(PHOTO_CLASSES.get(label, label), []).extend(photos)
    return found


def _write(
    options: MixesOptions,
    index: int,
    mix: Mix,
    pictures: dict[str, list[SourceRow]],
    turns: Turns,
) -> MixRow:
    name = f"mix{index:04d}"
    folder = options.output / "mixes"
    stems = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (label, wave) in enumerate(zip(mix.labels, mix.stems, strict=True)):
            sound = folder / f"{name}.{number}.{label}.flac"
            soundfile.write(sound, wave, SAMPLE_RATE, subtype="PCM_16")
            picture, picture_id = _picture(options, label, pictures, turns, sound)
            stems.append(
                StemRow(label, f"mixes/{sound.name}", mix.source_ids[number], picture, picture_id)
            )
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error}") from error
    return MixRow(
        id=name,
        split=options.split,
        duration_s=mix.stems.shape[1] / SAMPLE_RATE,
        sample_rate=SAMPLE_RATE,
        stems=tuple(stems),
        low_pass_hz=None if options.as_recorded else round(mix.low_pass_hz, 1),
    )


def _picture(
    options: MixesOptions,
    label: str,
    pictures: dict[str, list[SourceRow]],
    turns: Turns,
    sound: Path,
) -> tuple[str | None, str | None]:
    """Store a picture of the thing beside its sound, if there is one."""
    photos = pictures.get(label, [])
    if not photos:
        return None, None
    row = photos[turns.take(f"picture of {label}", len(photos))]
    frame = read_photo(row.path, options.frame_size)  # [3, S, S]
    path = sound.with_suffix(".png")
    Image.fromarray(frame.permute(1, 2, 0).numpy()).save(path)
    return f"mixes/{path.name}", row.source_id
