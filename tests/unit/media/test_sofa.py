"""SOFA files: ears, angles, delays and kinds, on files made here and on real ones where they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from seehear.errors import InputError
from seehear.media.sofa import SofaFile, read_sofa

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "hrir"
PLACES = np.array([[0, 0, 1.4], [90, 0, 1.4], [270, 20, 1.4], [180, -30, 1.4]], np.float64)


def ears(places: np.ndarray = PLACES, taps: int = 32) -> np.ndarray:
    """Pulses: louder and earlier at the ear of the source's side, left ear first."""
    made = np.zeros((len(places), 2, taps))
    for row, (azimuth, elevation, _) in enumerate(places):
        side = np.sin(np.radians(azimuth)) * np.cos(np.radians(elevation))
        for ear, sign in enumerate((1, -1)):
            made[row, ear, 10 - round(4 * sign * side)] = 1 + 0.5 * sign * side
    return made


Change = Callable[[h5py.File], None]


def sofa(path: Path, change: Change | None = None, responses: np.ndarray | None = None) -> Path:
    """A minimal SimpleFreeFieldHRIR file, changed as asked for."""
    made = ears() if responses is None else responses
    with h5py.File(path, "w") as file:
        file.attrs["SOFAConventions"] = "SimpleFreeFieldHRIR"
        file.attrs["DataType"] = np.bytes_(b"FIR")
        file.attrs["License"] = "free"
        file.attrs["Title"] = h5py.Empty("S1")
        file["Data.IR"] = made
        file["Data.SamplingRate"] = [44100.0]
        file["Data.Delay"] = np.zeros((1, 2))
        file["SourcePosition"] = PLACES
        file["SourcePosition"].attrs["Type"] = np.bytes_(b"spherical")
        file["SourcePosition"].attrs["Units"] = "degree, degree, metre"
        file["ReceiverPosition"] = np.array([[0, 0.09, 0], [0, -0.09, 0]])[:, :, None]
        file["ReceiverPosition"].attrs["Type"] = "cartesian"
        if change is not None:
            change(file)
    return path


def replace(file: h5py.File, name: str, values: object, kind: str | None = None) -> None:
    del file[name]
    file[name] = np.asarray(values)
    if kind is not None:
        file[name].attrs["Type"] = kind


def test_plain_file(tmp_path: Path) -> None:
    path = sofa(tmp_path / "mine.sofa")
    made = read_sofa(path)
    assert isinstance(made, SofaFile)
    np.testing.assert_array_equal(made.responses, ears())
    assert made.azimuth_deg.tolist() == [0, 90, -90, -180]
    assert made.elevation_deg.tolist() == [0, 0, 20, -30]
    assert made.distance_m.tolist() == [1.4] * 4
    assert (made.sample_rate, made.convention, made.licence, made.title) == (
        44100,
        "SimpleFreeFieldHRIR",
        "free",
        "mine",
    )
    assert made.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_cartesian_positions(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        azimuth, elevation = np.radians(PLACES[:, 0]), np.radians(PLACES[:, 1])
        flat = np.cos(elevation)
        points = [np.cos(azimuth) * flat, np.sin(azimuth) * flat, np.sin(elevation)]
        replace(file, "SourcePosition", 1.4 * np.stack(points, axis=1), "cartesian")

    made, plain = read_sofa(sofa(tmp_path / "a.sofa", change)), read_sofa(sofa(tmp_path / "b.sofa"))
    turn = np.radians(made.azimuth_deg - plain.azimuth_deg)
    assert np.cos(turn) == pytest.approx(1) and made.distance_m == pytest.approx(1.4)
    assert made.elevation_deg == pytest.approx(plain.elevation_deg)


def test_right_ear_first_is_turned_round(tmp_path: Path) -> None:
    def right_first(file: h5py.File) -> None:
        replace(file, "ReceiverPosition", [[0, -0.09, 0], [0, 0.09, 0]], "cartesian")

    swapped = ears()[:, ::-1]
    made = read_sofa(sofa(tmp_path / "right.sofa", right_first, swapped))
    np.testing.assert_array_equal(made.responses, ears())
    # Early drafts name the ears the wrong way round: the sound decides.
    made = read_sofa(sofa(tmp_path / "draft.sofa", right_first))
    np.testing.assert_array_equal(made.responses, ears())

    # Ears that sound alike: the named positions decide.
    def alike(file: h5py.File) -> None:
        right_first(file)
        replace(file, "Data.IR", np.stack([np.eye(4, 32), np.eye(4, 32, 5)], axis=1))

    made = read_sofa(sofa(tmp_path / "alike.sofa", alike))
    np.testing.assert_array_equal(made.responses[:, 1], np.eye(4, 32))


@pytest.mark.parametrize("shape", ["one", "each"])
def test_delays_become_part_of_the_responses(tmp_path: Path, shape: str) -> None:
    delay = np.array([[3.0, 5.0]]) if shape == "one" else np.arange(8.0).reshape(4, 2)
    path = sofa(tmp_path / "d.sofa", lambda file: replace(file, "Data.Delay", delay))
    made = read_sofa(path).responses
    wanted = np.broadcast_to(delay, (4, 2))
    moved = made.argmax(axis=2) - ears().argmax(axis=2)
    np.testing.assert_array_equal(moved, wanted)
    assert np.square(made).sum() == pytest.approx(np.square(ears()).sum())


def test_delay_of_half_a_sample(tmp_path: Path) -> None:
    path = sofa(tmp_path / "d.sofa", lambda f: replace(f, "Data.Delay", [[2.5, 2.5]]))
    made = read_sofa(path).responses[0, 0]
    peak = int(ears()[0, 0].argmax())
    assert made[peak + 2] == pytest.approx(made[peak + 3], rel=0.02)
    phase = np.angle(np.fft.rfft(made, 256)[20] / np.fft.rfft(ears()[0, 0], 256)[20])
    assert phase == pytest.approx(-2 * np.pi * 20 / 256 * 2.5, abs=0.03)


def test_loudspeakers_of_a_room_are_sources(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file.attrs["SOFAConventions"] = "MultiSpeakerBRIR"
        file.attrs["DataType"] = "FIR-E"
        replace(file, "Data.IR", ears().transpose(1, 0, 2)[None])  # [M = 1, R, E = 4, N]
        replace(file, "Data.Delay", np.zeros((1, 2, 4)))
        file["EmitterPosition"] = PLACES[:, :, None]
        file["EmitterPosition"].attrs["Type"] = "spherical"

    made = read_sofa(sofa(tmp_path / "room.sofa", change))
    assert made.azimuth_deg.tolist() == [0, 90, -90, -180]
    np.testing.assert_array_equal(made.responses, ears())


def bad_kind(file: h5py.File) -> None:
    file.attrs["SOFAConventions"] = "GeneralTF"


def bad_type(file: h5py.File) -> None:
    file.attrs["DataType"] = "TF"


def no_kind(file: h5py.File) -> None:
    del file.attrs["SOFAConventions"]


def no_rate(file: h5py.File) -> None:
    del file["Data.SamplingRate"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (bad_kind, "is a GeneralTF file"),
        (bad_type, "type TF"),
        (no_kind, "names no SOFA convention"),
        (no_rate, r"no Data\.SamplingRate"),
        (lambda f: replace(f, "Data.SamplingRate", [0.0]), "sample rates"),
        (lambda f: replace(f, "Data.IR", np.zeros((4, 2, 32))), "silence"),
        (lambda f: replace(f, "Data.IR", np.full((4, 2, 32), np.nan)), "not finite"),
        (lambda f: replace(f, "Data.IR", np.full((4, 2, 32), 1e200)), "beyond"),
        (lambda f: replace(f, "Data.IR", np.ones((4, 3, 32))), "two ears"),
        (lambda f: replace(f, "Data.Delay", [[1e12, 0.0]]), "delay of 1e"),
        (lambda f: replace(f, "Data.IR", np.ones((5, 2, 32))), "SourcePosition"),
        (lambda f: replace(f, "Data.Delay", np.zeros((3, 2))), "damaged"),
        (lambda f: replace(f, "SourcePosition", PLACES, "spherical harmonics"), None),
        (lambda f: replace(f, "SourcePosition", PLACES, "interaural"), "interaural"),
        (lambda f: replace(f, "SourcePosition", PLACES + 95, "spherical"), "elevations"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, change: Change, words: str | None) -> None:
    path = sofa(tmp_path / "bad.sofa", change)
    if words is None:
        read_sofa(path)  # an older wording of the same
        return
    with pytest.raises(InputError, match=words) as caught:
        read_sofa(path)
    assert "bad.sofa" in str(caught.value)


def test_not_sofa_at_all(tmp_path: Path) -> None:
    path = tmp_path / "notes.sofa"
    path.write_text("not HDF5")
    with pytest.raises(InputError, match="not a SOFA file"):
        read_sofa(path)
    with pytest.raises(InputError, match="No such file"):
        read_sofa(tmp_path / "nothing.sofa")
    cut = sofa(tmp_path / "whole.sofa").read_bytes()
    path.write_bytes(cut[: len(cut) // 2])
    with pytest.raises(InputError):
        read_sofa(path)


def test_damage_is_an_error_of_ours(tmp_path: Path) -> None:
    whole, rng = sofa(tmp_path / "whole.sofa").read_bytes(), np.random.default_rng(0)
    path = tmp_path / "damaged.sofa"
    refused = 0
    for _ in range(200):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(len(damaged), size=5)] = rng.integers(256, size=5)
        path.write_bytes(damaged.tobytes())
        try:
            read_sofa(path)
        except InputError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    "path", sorted(SHARED.glob("*.sofa")) or [None], ids=lambda p: p and p.stem
)
def test_real_files_have_the_left_ear_first(path: Path | None) -> None:
    if path is None:
        pytest.skip("no HRIRs in ../shared/data/hrir")
    made = read_sofa(path)
    side = np.sin(np.radians(made.azimuth_deg)) * np.cos(np.radians(made.elevation_deg))
    first = made.responses[..., :400]  # before a room's reflections
    energy = np.square(first).sum(axis=2) + 1e-12
    level = 10 * np.log10(energy[:, 0] / energy[:, 1])
    assert level[side > 0.7].mean() > 1 and level[side < -0.7].mean() < -0.5
    assert made.responses.shape[0] == len(made.azimuth_deg) and made.sample_rate in (44100, 48000)
