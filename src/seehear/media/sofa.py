"""Read head-related and room impulse responses from SOFA files (AES69: a layout of HDF5).

What every later step relies on is settled here: the left ear comes first, positions are angles in
degrees with azimuth positive to the left, delays that the file keeps apart are part of the responses.
A file of another kind (directivities, transfer functions, spherical harmonics) is refused by name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seehear.errors import InputError
from seehear.media.opening import check_is_file

if TYPE_CHECKING:
    # Importing it starts a process that asks for the machine's name; only readers need it.
    import h5py

Array = NDArray[np.float64]

CONVENTIONS = frozenset(
    [
        "SimpleFreeFieldHRIR",
        "FreeFieldHRIR",
        "SingleRoomDRIR",
        "SingleRoomSRIR",
        "MultiSpeakerBRIR",
        "SingleRoomMIMOSRIR",
    ]
)
"""Kinds of files that can hold responses at two ears."""

SIDE_DB = 1.0
"""Level difference between the ears below which the sound does not tell which of them is the left one."""
LOUDEST = 1e6
LONGEST = 1e6
"""Largest delay in samples."""
MOST_VALUES = 300_000_000


@dataclass(frozen=True, eq=False)
class SofaFile:
    """Responses of two ears to sources in M directions.

    Args:
        responses: float64 [M, 2, taps], left ear first; delays are included.
        azimuth_deg: float64 [M], -180 to 180, 0 = front, positive to the left.
        elevation_deg: float64 [M], -90 to 90, positive up.
        distance_m: float64 [M].
        sample_rate: Hz.
        convention: as the file names it.
        sha256: of the file.
        licence: as the file words it; empty if it says nothing.
        title: as the file words it, or the file's name.
    """

    responses: Array
    azimuth_deg: Array
    elevation_deg: Array
    distance_m: Array
    sample_rate: int
    convention: str
    sha256: str
    licence: str
    title: str


def read_sofa(path: str | Path) -> SofaFile:
    """Read a SOFA file of two ears.

    Args:
        path: file of one of `CONVENTIONS` with FIR responses.

    Raises:
        InputError: not a SOFA file, another convention or data type, not two ears, or fields that
            are missing, contradict each other or are not finite.
    """
    import h5py

    found = check_is_file(path)
    try:
        file = h5py.File(found, "r")
    except OSError as error:
        raise InputError(
            f"{str(path)!r} is not a SOFA file (it has no HDF5 content); give a file *.sofa with HRIRs"
        ) from error
    with file:
        try:
            return _read(file, _check_kind(file, str(path)), found)
        # What HDF5's library raises when it meets nonsense inside a file.
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(f"{str(path)!r} is a damaged SOFA file: {error}") from error


def _check_kind(file: h5py.File, path: str) -> str:
    convention, kind = _text(file, "SOFAConventions"), _text(file, "DataType")
    if not convention:
        raise InputError(
            f"{path!r} is HDF5 but names no SOFA convention; give a SOFA file of HRIRs"
        )
    if convention not in CONVENTIONS:
        raise InputError(
            f"{path!r} is a {convention} file; expected responses of two ears, "
            "for instance SimpleFreeFieldHRIR"
        )
    if kind not in ("FIR", "FIR-E", "FIRE"):
        raise InputError(
            f"{path!r} holds data of type {kind or 'unknown'}; expected impulse responses (FIR)"
        )
    return convention


def _read(file: h5py.File, convention: str, path: Path) -> SofaFile:
    responses = _responses(file, str(path))  # [M, 2, E, taps]
    measures, _, emitters, _ = responses.shape
    if emitters == 1:
        positions = _positions(file, "SourcePosition", measures)
    else:  # one loudspeaker beside the other: each is a source of its own
        positions = np.tile(_positions(file, "EmitterPosition", emitters), (measures, 1))
    responses = responses.transpose(0, 2, 1, 3).reshape(measures * emitters, 2, -1)
    if not (np.isfinite(responses).all() and np.isfinite(positions).all()):
        raise InputError(f"{str(path)!r} has responses or positions that are not finite")
    if np.abs(responses).max() > LOUDEST:
        raise InputError(f"{str(path)!r} has responses beyond {LOUDEST:g}; expected about 1")
    if not responses.any():
        raise InputError(f"{str(path)!r} holds nothing but silence")
    rate = _rate(file, str(path))
    if _right_ear_first(responses, positions, rate, file):
        responses = responses[:, ::-1]
    return SofaFile(
        np.ascontiguousarray(responses),
        (positions[:, 0] + 180.0) % 360.0 - 180.0,
        positions[:, 1],
        positions[:, 2],
        rate,
        convention,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        _text(file, "License"),
        _text(file, "Title") or path.stem,
    )


def _responses(file: h5py.File, path: str) -> Array:
    """Responses with their delays, [M, 2, E, taps]; E is 1 but for several emitters."""
    data = _field(file, "Data.IR", path)
    if data.ndim == 4 and data.shape[2] != _size(file, "E", data.shape[2]):
        data = data.transpose(0, 1, 3, 2)  # type FIRE keeps emitters last: [M, R, N, E]
    if data.ndim == 3:
        data = data[:, :, None, :]
    if data.ndim != 4 or data.shape[1] != 2 or not data.size:
        raise InputError(
            f"{path!r} has responses of shape {data.shape}; expected those of two ears, [M, 2, taps]"
        )
    if "Data.Delay" not in file:
        return data
    delay = np.atleast_2d(_field(file, "Data.Delay", path))
    delay = delay.reshape(delay.shape[0], delay.shape[1], -1)[:, :2]  # [M or 1, 2, E or 1]
    return _delayed(data, np.broadcast_to(delay, data.shape[:3]))


def _delayed(data: Array, delay: Array) -> Array:
    """Responses shifted by samples, fractions included (FFT with room for the shift)."""
    if (delay < 0).any():
        delay = delay - delay.min()
    if not delay.max() <= LONGEST:
        raise ValueError(f"a delay of {delay.max():g} samples")
    if not delay.any():
        return data
    taps = data.shape[-1] + int(np.ceil(delay.max()))
    whole = np.floor(delay).astype(np.int64)
    part = delay - whole
    if part.any():  # a fraction of a sample, with some silence for its ripple at both ends
        ripple = 16
        padded = np.pad(data, (*[(0, 0)] * 3, (0, 2 * ripple)))
        turns = np.fft.rfftfreq(padded.shape[-1]) * part[..., None]
        spectrum = np.fft.rfft(padded) * np.exp(-2j * np.pi * turns)
        data = np.fft.irfft(spectrum, padded.shape[-1])[..., :-ripple]
        taps += ripple
    out = np.zeros((*data.shape[:3], taps))
    for index in np.ndindex(*data.shape[:3]):
        start = whole[index]
        kept = min(data.shape[-1], taps - start)
        out[(*index, slice(start, start + kept))] = data[index][:kept]
    return out


def _positions(file: h5py.File, name: str, count: int) -> Array:
    """Azimuth, elevation in degrees and distance in metres, [count, 3]."""
    values = _field(file, name, str(file.filename))
    values = values.reshape(values.shape[0], values.shape[1], -1)[:, :, 0]
    if values.shape[1] != 3 or values.shape[0] not in (1, count):
        raise InputError(
            f"{file.filename!r} has {name} of shape {values.shape}; expected {(count, 3)}"
        )
    values = np.broadcast_to(values, (count, 3)).copy()
    kind = _attribute(file[name], "Type").lower()
    if kind.startswith("cartesian"):
        x, y, z = values.T
        azimuth, elevation = np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))
        distance = np.sqrt(x * x + y * y + z * z)
        values = np.stack([np.degrees(azimuth), np.degrees(elevation), distance], axis=1)
    elif kind.startswith("spherical") or not kind:
        if "rad" in _attribute(file[name], "Units").lower():
            values[:, :2] = np.degrees(values[:, :2])
    else:
        raise InputError(
            f"{file.filename!r} gives {name} as {kind}; expected spherical or cartesian positions"
        )
    if (np.abs(values[:, 1]) > 90.01).any():
        raise InputError(f"{file.filename!r} has elevations beyond ±90 degrees in {name}")
    return values


def _right_ear_first(responses: Array, positions: Array, sample_rate: int, file: h5py.File) -> bool:
    """Whether receiver 0 is the right ear.

    The sound decides: ears are louder on the side of the source. Files of early drafts of the standard
    name the ears the wrong way round in ReceiverPosition, so this is asked only where the sound is silent
    about it (no sources at the sides, or a head that does not shade).
    """
    side = np.sin(np.radians(positions[:, 0])) * np.cos(np.radians(positions[:, 1]))
    energy = _direct_energy(responses, sample_rate)
    level_db = 10 * np.log10(energy[:, 0] / energy[:, 1])
    weight = float(np.square(side).sum())
    # Least-squares slope of the level difference over the sine of the azimuth.
    slope = float((side * level_db).sum()) / weight if weight > 1e-6 else 0.0
    if abs(slope) > SIDE_DB:
        return slope < 0
    if "ReceiverPosition" not in file:
        return False
    ears = np.asarray(file["ReceiverPosition"][...], np.float64)
    ears = ears.reshape(ears.shape[0], ears.shape[1], -1)[:, :, 0]
    if ears.shape != (2, 3):
        return False
    kind = _attribute(file["ReceiverPosition"], "Type").lower()
    left = np.sin(np.radians(ears[:, 0])) if kind.startswith("spherical") else ears[:, 1]
    return bool(left[0] < left[1])


def _direct_energy(responses: Array, sample_rate: int) -> Array:
    """Energy [M, 2] up to 3 ms after the first onset: a room's reflections come from everywhere."""
    size = np.abs(responses).max(axis=1)
    onset = (size >= 0.1 * size.max(axis=1, keepdims=True)).argmax(axis=1)
    early = np.arange(responses.shape[2]) < onset[:, None] + 0.003 * sample_rate
    return np.einsum("met,mt->me", np.square(responses), early) + 1e-30


def _rate(file: h5py.File, path: str) -> int:
    rates = np.unique(_field(file, "Data.SamplingRate", path))
    if len(rates) != 1 or not 1000 <= rates[0] <= 768000:
        raise InputError(f"{path!r} has sample rates {rates.tolist()}; expected one in Hz")
    return round(float(rates[0]))


def _is_array(thing: object) -> bool:
    """Whether an entry of a file has values (and is not a group, or missing)."""
    return hasattr(thing, "shape")


def _field(file: h5py.File, name: str, path: str) -> Array:
    if not _is_array(file.get(name)):
        raise InputError(f"{path!r} has no {name}, which a SOFA file of HRIRs needs")
    if file[name].size > MOST_VALUES:
        raise InputError(f"{path!r} has {file[name].size} numbers in {name}, too many for a head")
    values: Array = np.asarray(file[name][...], np.float64)
    return values


def _size(file: h5py.File, name: str, otherwise: int) -> int:
    return int(file[name].shape[0]) if _is_array(file.get(name)) else otherwise


def _text(file: h5py.File, name: str) -> str:
    return _attribute(file, name)


def _attribute(thing: Any, name: str) -> str:
    value = thing.attrs.get(name, "")
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    if type(value).__name__ == "Empty":  # what h5py gives for an attribute without a value
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
