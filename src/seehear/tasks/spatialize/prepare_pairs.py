"""`seehear prepare pseudo-pairs`: a fixed list of pairs from recordings and pictures.

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

from seehear.data.canvas import angles
from seehear.data.crops import Crop
from seehear.data.mixes import TEST_RULE, MixRule, draw_part
from seehear.data.pair_manifest import PairRow, PairSource, write_pairs
from seehear.data.pseudo_pairs import Pair, PairLibrary, PairRule, build_pair, lay_out
from seehear.data.sounds import rows_of_split
from seehear.data.sources import SAMPLE_RATE, read_sources
from seehear.data.turns import Turns, plan_labels
from seehear.errors import InputError, OutputError
from seehear.tasks.spatialize.library import load_pair_library
from seehear.tasks.spatialize.pairs_options import PairsOptions

Progress = Callable[[int, int, str], None]
BACKDROPS = ("black", "photo", "blend")


def prepare_pairs(options: PairsOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Build the pairs of one split.

    Returns:
        Path of the manifest, number of pairs, classes with their sounds, recordings and pictures, how
        many recordings and pictures were used, and for detected crops how many photos gave one.

    Raises:
        InputError: the source manifest or a file it names is wrong, or has too few classes.
        OutputError: the folder holds a manifest already, or cannot be written.
        ModelError: the detector is not on this machine.
    """
    manifest = options.output / "manifest.jsonl"
    if manifest.exists() and not options.force:
        raise OutputError(f"{manifest} exists; choose another folder or say --force")
    rows = rows_of_split(read_sources(options.source), options.split, options.any_use_only)
    library, found = _library(options, rows)
    names = library.seen()
    if len(names) < max(options.sources):
        raise InputError(
            f"the split {options.split!r} has {len(names)} classes with sounds and pictures, a pair "
            f"takes {max(options.sources)}; lower --sources or --fewest"
        )
    turns = Turns(np.random.default_rng([options.seed, 0]))
    written: list[PairRow] = []
    for sources in options.sources:
        plan = plan_labels(names, sources, options.count, options.seed + sources)
        for index, labels in enumerate(plan):
            rng = np.random.default_rng([options.seed, sources, index])
            kind = BACKDROPS[index % 3] if options.backdrop == "all" else options.backdrop
            pair, crops = _pair(options, library, labels, kind, turns, rng)
            name = f"pair{sources}.{index:04d}"
            written.append(_write(options, name, pair, crops, kind))
            if progress is not None:
                progress(len(written), options.count * len(options.sources), name)
    write_pairs(manifest, written)
    classes = {
        label: {
            "sounds": len(library.sounds.things[label]),
            "recordings": library.sounds.recordings(label),
            "pictures": len(library.pictures[label]),
        }
        for label in names
    }
    return {
        "manifest": str(manifest),
        "pairs": len(written),
        "recordings_used": len({name for row in written for name in row.recordings()}),
        "pictures_used": len({s.picture_id for row in written for s in row.sources}),
        "classes": classes,
        **found,
    }


def _library(options: PairsOptions, rows: Sequence[Any]) -> tuple[PairLibrary, dict[str, Any]]:
    """Sounds and pictures as the options want them; also what was found by a detector or in boxes."""
    if options.pictures == "cutouts":
        kinds = frozenset(("cutout", "illustration"))
        # Backdrops are photos in any case.
        photos = load_pair_library(rows, (), options.fewest, kinds | {"photo"})
        only = load_pair_library(rows, (), options.fewest, kinds)
        return replace(only, backdrops=photos.backdrops), {}
    library = load_pair_library(rows, (), options.fewest)
    if options.pictures == "photos":
        return library, {}
    from seehear.tasks.spatialize.cutting import crops_in_boxes, crops_of_detector

    if options.boxes is not None:
        pictures, found = crops_in_boxes(options.boxes, rows)
    else:
        assert options.detector is not None, "checked by the options"
        pictures, found = crops_of_detector(options.detector, rows)
    kept = {label: own for label, own in pictures.items() if label in library.sounds.things}
    if not kept:
        raise InputError("no crop of a class that has sounds was found; check boxes or detector")
    return replace(library, pictures=kept), found


def _pair(
    options: PairsOptions,
    library: PairLibrary,
    labels: Sequence[str],
    kind: str,
    turns: Turns,
    rng: np.random.Generator,
) -> tuple[Pair, list[Crop]]:
    """One pair by the rule of tests: equal levels, one recording per sound, nothing moves."""
    rule = _rule(options, kind)
    parts, crops = [], []
    for label in labels:
        sounds, pictures = library.sounds.things[label], library.pictures[label]
        parts.append(draw_part([sounds[turns.take(label, len(sounds))]], rng, rule.mixing))
        crops.append(pictures[turns.take(f"picture of {label}", len(pictures))])
    boxes = lay_out(crops, rng, rule)
    return build_pair(labels, parts, crops, boxes, library.backdrops, rng, rule), crops


def _rule(options: PairsOptions, kind: str) -> PairRule:
    mixing: MixRule = replace(TEST_RULE, duration_s=options.duration)
    if options.as_recorded:
        mixing = replace(mixing, low_pass_hz=(SAMPLE_RATE / 2.0, SAMPLE_RATE / 2.0))
    shares = [float(name == kind) for name in BACKDROPS]
    return PairRule(
        fov_deg=options.fov,
        backdrops=(shares[0], shares[1], shares[2]),
        moving=0.0,
        varied=0.0,
        ambisonic=0.0,
        mixing=mixing,
    )


def _write(
    options: PairsOptions, name: str, pair: Pair, crops: Sequence[Crop], kind: str
) -> PairRow:
    folder = options.output / "pairs"
    sources = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture = folder / f"{name}.png"
        Image.fromarray(pair.frame(0.0)).save(picture)
        for index, (label, wave) in enumerate(zip(pair.labels, pair.stems, strict=True)):
            path = folder / f"{name}.{index}.{label}.flac"
            soundfile.write(path, wave, SAMPLE_RATE, subtype="PCM_16")
            sources.append(_source(pair, index, f"pairs/{path.name}", crops[index]))
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error}") from error
    return PairRow(
        id=name,
        split=options.split,
        duration_s=pair.stems.shape[1] / SAMPLE_RATE,
        sample_rate=SAMPLE_RATE,
        picture=f"pairs/{Path(picture).name}",
        backdrop=kind,
        fov_deg=options.fov,
        sources=tuple(sources),
        low_pass_hz=None if options.as_recorded else round(pair.low_pass_hz, 1),
    )


def _source(pair: Pair, index: int, path: str, crop: Crop) -> PairSource:
    box = pair.boxes[index]
    assert box is not None, "all things of fixed pairs are seen"
    azimuth, elevation = angles(box, pair.rule.canvas, pair.rule.fov_deg)
    place = (box.left, box.top, box.width, box.height)
    recordings = pair.recordings[index]
    return PairSource(
        pair.labels[index], path, recordings, crop.picture_id, azimuth, elevation, place
    )
