"""Positions that the user gives: CSV or JSON -> where each source is at any second.

Rows hold `time` (seconds from the file's start), `azimuth` (degrees, 0 in front, positive to the left)
and, if wanted, `elevation` (degrees, positive up), `distance` (metres) and `source`. Between rows a
source moves evenly, by the shorter way around; before its first and after its last row it stays.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.errors import InputError

COLUMNS = ("time", "azimuth", "elevation", "distance", "source")
DEFAULTS = {"elevation": 0.0, "distance": 1.0}
MAX_DISTANCE_M = 1000.0
MIN_DISTANCE_M = 0.1
DENSE_ROWS = 5
"""From this many rows on a source counts as tracked, so that a missing stretch is a gap."""
GAP_STEPS, GAP_S = 10.0, 1.0
"""A gap is longer than both this many usual steps and this many seconds."""
BEYOND_S = 0.05


@dataclass(frozen=True)
class Trajectory:
    """Where one source is.

    Args:
        source: channel of the input, counted from 0; None for the whole sound.
        times: seconds, increasing, [N].
        azimuth_deg: unwrapped, [N].
        elevation_deg: [N].
        distance_m: [N].
    """

    source: int | None
    times: NDArray[np.float64]
    azimuth_deg: NDArray[np.float64]
    elevation_deg: NDArray[np.float64]
    distance_m: NDArray[np.float64]

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Azimuth, elevation (degrees) and distance (metres) at any seconds [T], [3, T]."""
        values = (self.azimuth_deg, self.elevation_deg, self.distance_m)
        return np.stack([np.interp(seconds, self.times, value) for value in values])

    def gaps(self) -> list[tuple[float, float]]:
        """Stretches without rows in a source that is otherwise tracked, seconds."""
        if len(self.times) < DENSE_ROWS:
            return []
        steps = np.diff(self.times)
        longest = max(GAP_STEPS * float(np.median(steps)), GAP_S)
        places = np.flatnonzero(steps > longest)
        return [(float(self.times[i]), float(self.times[i + 1])) for i in places]


def read_positions(path: Path) -> list[Trajectory]:
    """Read a positions file.

    Args:
        path: `.json` holds a list of objects; anything else is CSV with a header line.

    Returns:
        One trajectory per source, in order of channels.

    Raises:
        InputError: unreadable, an unknown or missing column, or a value that is not a number or out
            of range; the message names the row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read the positions {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the positions {str(path)!r} are not text; give CSV or JSON") from error
    rows = _json_rows(text, path) if path.suffix.lower() == ".json" else _csv_rows(text, path)
    if not rows:
        raise InputError(f"{str(path)!r} has no positions; it needs at least one row")
    parsed = [_parse(row, f"row {number} of {str(path)!r}") for number, row in enumerate(rows, 1)]
    names = {row["source"] for row in parsed}
    if None in names and len(names) > 1:
        raise InputError(f"some rows of {str(path)!r} name a source and some do not; name all")
    return [
        _trajectory([row for row in parsed if row["source"] == name], name, path)
        for name in sorted(names, key=lambda name: -1 if name is None else name)
    ]


def complaints(trajectories: Sequence[Trajectory], offset_s: float, length_s: float) -> list[str]:
    """Sentences about positions that do not go with the sound.

    Args:
        trajectories: as read.
        offset_s: when the sound begins on the positions' clock, seconds.
        length_s: of the sound, seconds.

    Raises:
        InputError: all rows lie outside the sound.
    """
    end = offset_s + length_s
    times = np.concatenate([trajectory.times for trajectory in trajectories])
    outside = (times > end + BEYOND_S) | (times < -BEYOND_S)
    if (times > end + BEYOND_S).all():
        raise InputError(
            f"all positions lie behind the end of the sound ({end:.2f} s); "
            "times count in seconds from the file's start"
        )
    said = []
    if outside.any():
        said.append(
            f"{int(outside.sum())} of {len(times)} positions lie outside the sound, "
            f"which ends at {end:.2f} s"
        )
    for trajectory in trajectories:
        who = "the source" if trajectory.source is None else f"source {trajectory.source}"
        for begin, stop in trajectory.gaps():
            said.append(
                f"there are no positions between {begin:.2f} and {stop:.2f} s; "
                f"{who} moves evenly from the one to the other"
            )
        short = end - float(trajectory.times[-1])
        if len(trajectory.times) >= DENSE_ROWS:
            usual = GAP_STEPS * float(np.median(np.diff(trajectory.times)))
            if short > max(usual, GAP_S):
                said.append(
                    f"the positions end {short:.2f} s before the sound; {who} stays where it is"
                )
    return said


def _csv_rows(text: str, path: Path) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True, restkey="")
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or not {"time", "azimuth"} <= set(names):
        raise InputError(
            f"the first line of {str(path)!r} must name columns among {', '.join(COLUMNS)}, with "
            f"time and azimuth; it is {text.splitlines()[0][:80] if text.strip() else ''!r}"
        )
    reader.fieldnames = names
    return list(reader)


def _json_rows(text: str, path: Path) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"{str(path)!r} is not JSON: {error}") from error
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise InputError(
            f"{str(path)!r} must hold a list of objects such as "
            '[{"time": 0, "azimuth": 30}], with columns among ' + ", ".join(COLUMNS)
        )
    return value


def _parse(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    unknown = [str(name) for name in row if name not in COLUMNS]
    if unknown:
        raise InputError(f"{where} has {unknown[0] or 'too many values'!r}; expected {COLUMNS}")
    found: dict[str, Any] = {}
    for name in ("time", "azimuth", "elevation", "distance"):
        raw = row.get(name)
        empty = raw is None or (isinstance(raw, str) and not raw.strip())
        if empty and name in DEFAULTS:
            found[name] = DEFAULTS[name]
            continue
        found[name] = _number(raw, name, where)
    if not -90 <= found["elevation"] <= 90:
        raise InputError(
            f"{where} has elevation {found['elevation']:g}; expected -90 to 90 degrees"
        )
    if abs(found["azimuth"]) > 360:
        raise InputError(f"{where} has azimuth {found['azimuth']:g}; expected -360 to 360 degrees")
    if not MIN_DISTANCE_M <= found["distance"] <= MAX_DISTANCE_M:
        raise InputError(
            f"{where} has distance {found['distance']:g}; "
            f"expected {MIN_DISTANCE_M:g} to {MAX_DISTANCE_M:g} metres"
        )
    raw = row.get("source")
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return {**found, "source": None}
    channel = _number(raw, "source", where)
    if channel < 0 or channel != int(channel):
        raise InputError(f"{where} has source {raw!r}; expected a channel, counted from 0")
    return {**found, "source": int(channel)}


def _number(raw: Any, name: str, where: str) -> float:
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        raise InputError(f"{where} has no {name}; fill it in or leave the row out")
    try:
        value = math.nan if isinstance(raw, bool) else float(raw)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where} has {name} {raw!r}; expected a number")
    return value


def _trajectory(rows: list[dict[str, Any]], source: int | None, path: Path) -> Trajectory:
    rows = sorted(rows, key=lambda row: row["time"])
    columns = {name: np.array([row[name] for row in rows], np.float64) for name in COLUMNS[:4]}
    if (np.diff(columns["time"]) <= 0).any():
        who = "the source" if source is None else f"source {source}"
        again = float(columns["time"][1:][np.diff(columns["time"]) <= 0][0])
        raise InputError(f"{str(path)!r} has two places of {who} at {again:g} s; keep one")
    azimuth = np.unwrap(columns["azimuth"], period=360.0)
    return Trajectory(source, columns["time"], azimuth, columns["elevation"], columns["distance"])
