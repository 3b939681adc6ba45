"""The head through whose ears the result is heard: measured, a file of one's own, or a sphere."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from seehear.dsp.directions import directions_of
from seehear.dsp.hrir import HrirSet, spherical_head
from seehear.errors import InputError
from seehear.media.sofa import read_sofa

KEMAR = "MIT_KEMAR_normal_pinna.sofa"
KEMAR_LICENCE = "MIT Media Lab 1994, free with credit to B. Gardner and K. Martin"
KEMAR_SHA256 = "2768ac841213a7ae11d1ea7fd0f25a69b39216102dc5dd913ea6ba0f0dc57e28"
DATA_FOLDERS = ("/usr/local/share", "/usr/share", "/opt/homebrew/share", "/opt/local/share")
"""Where a system keeps a library's data, beside what XDG_DATA_DIRS says."""


def load_head(name: str | Path, sample_rate: int) -> HrirSet:
    """Responses of a head, ready for sound of a sample rate.

    Common silence before the direct sound is cut to three quarters of a millisecond, and the level is such that noise
    from the front keeps its power.

    Args:
        name: `kemar` (the dummy head that the system's libmysofa brings), `sphere` (computed, always
            there), or the path of a SOFA file.
        sample_rate: Hz.

    Raises:
        InputError: the system has no KEMAR, or the file cannot be used.
    """
    if name == "sphere":
        return spherical_head(sample_rate).aligned().levelled()
    if name == "kemar":
        found = find_kemar()
        if found is None:
            raise InputError(
                f"the head kemar needs {KEMAR}, which this system's libmysofa does not have: "
                "install it (Debian, Ubuntu: apt install libmysofa1) or use the head sphere"
            )
        return head_from_file(found, sample_rate)
    return head_from_file(name, sample_rate)


def default_head() -> str:
    """Name of the head to use when none is asked for: `kemar` where the system has it, else `sphere`."""
    return "sphere" if find_kemar() is None else "kemar"


def find_kemar() -> Path | None:
    """The measured dummy head that comes with libmysofa, if this system has it."""
    named = [Path(folder) for folder in os.environ.get("XDG_DATA_DIRS", "").split(":") if folder]
    folders = [*named, *map(Path, DATA_FOLDERS)]
    files = (folder / "libmysofa" / KEMAR for folder in folders)
    return next((file for file in files if file.is_file()), None)


def head_from_file(path: str | Path, sample_rate: int) -> HrirSet:
    """Responses of a SOFA file; see `load_head`.

    Raises:
        InputError: see `media.sofa.read_sofa`.
    """
    file = read_sofa(path)
    kemar = file.sha256 == KEMAR_SHA256
    responses = torch.from_numpy(file.responses).float()
    directions = torch.from_numpy(directions_of(file.azimuth_deg, file.elevation_deg))
    name = "kemar" if kemar else Path(path).stem
    licence = KEMAR_LICENCE if kemar else file.licence
    head = HrirSet(responses, directions, file.sample_rate, name, file.sha256, licence)
    return head.aligned().resampled(sample_rate).levelled()
