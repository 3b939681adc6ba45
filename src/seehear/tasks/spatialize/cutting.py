"""Crops cut out of photos: by boxes that a table gives, or by what a detector finds."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seehear.data.crops import Crop, cut_boxes, read_crop
from seehear.data.sources import SourceRow
from seehear.errors import InputError
from seehear.features.detection import load_detector
from seehear.features.vocabulary import PHOTO_CLASSES, find_classes

COLUMNS = ("path", "left", "top", "width", "height")
Crops = dict[str, list[Crop]]


def crops_in_boxes(table: Path, rows: Sequence[SourceRow]) -> tuple[Crops, dict[str, Any]]:
    """Cut the boxes of a table out of the photos of a list of rows.

    Args:
        table: CSV with path (as in the source manifest, or its end), left, top, width, height (shares
            of the picture), and if wanted class (else the photo's).
        rows: source rows of the split; boxes in other pictures are counted, not used.

    Returns:
        Crops by the class whose sound the thing makes; `boxes_used` and `boxes_elsewhere`.

    Raises:
        InputError: the table is unreadable, lacks a column, or a box is not one.
    """
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(f"cannot read the boxes {table}: {error.strerror}") from error
    missing = set(COLUMNS) - set(lines[0] if lines else ())
    if missing:
        raise InputError(
            f"{table} lacks the column {sorted(missing)[0]!r}; it needs {', '.join(COLUMNS)}"
        )
    photos = [row for row in rows if row.kind == "photo"]
    crops: Crops = {}
    used = 0
    for number, line in enumerate(lines, 2):
        row = next((r for r in photos if r.path.as_posix().endswith(line["path"])), None)
        if row is None:
            continue
        label = line.get("class") or row.label
        box = _numbers(line, f"{table}, line {number}")
        crop = cut_boxes(row.path, [box], [label], row.source_id)
        crops.setdefault(PHOTO_CLASSES.get(label, label), []).extend(crop)
        used += 1
    return crops, {"boxes_used": used, "boxes_elsewhere": len(lines) - used}


def crops_of_detector(model_id: str, rows: Sequence[SourceRow]) -> tuple[Crops, dict[str, Any]]:
    """In every photo the surest thing whose name means what the photo is labelled with.

    Photos in which nothing of the kind is found give no crop; they are counted.

    Returns:
        Crops by the class whose sound the thing makes; `detector`, its hash, photos with and without.

    Raises:
        ModelError: the detector is not on this machine.
        MissingDependency: transformers is not installed.
        InputError: a file is not a picture.
    """
    detector = load_detector(model_id)
    crops: Crops = {}
    tally: Counter[str] = Counter()
    for row in rows:
        if row.kind != "photo":
            continue
        wanted = PHOTO_CLASSES.get(row.label, row.label)
        photo = read_crop(row.path, row.label, row.source_id).pixels[..., :3]
        boxes = [thing.box for thing in detector.find(photo) if wanted in _classes(thing.label)]
        tally["with" if boxes else "without"] += 1
        if boxes:
            made = cut_boxes(row.path, boxes[:1], [row.label], row.source_id)
            crops.setdefault(wanted, []).extend(made)
    facts = {
        "detector": detector.id,
        "detector_sha256": detector.sha256,
        "photos_with_a_find": tally["with"],
        "photos_without": tally["without"],
    }
    return crops, facts


def _classes(name: str) -> tuple[str, ...]:
    """Our classes for a detector's name; none for things that we have no word for."""
    try:
        return find_classes(name.replace("_", " "))
    except InputError:
        return ()


def _numbers(line: dict[str, str], where: str) -> tuple[float, float, float, float]:
    try:
        left, top, width, height = (float(line[name]) for name in COLUMNS[1:])
    except ValueError as error:
        raise InputError(f"{where}: boxes are four numbers between 0 and 1 ({error})") from error
    return left, top, width, height
