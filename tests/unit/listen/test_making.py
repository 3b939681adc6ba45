"""`listen new`: proxies that lie on each other to the sample, equally loud, under senseless names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from seehear.dsp.level import integrated_loudness
from seehear.errors import InputError, OutputError, UsageError
from seehear.listen.config import KINDS, Kind, ListeningTest, read_test
from seehear.listen.making import new_test
from seehear.listen.options import NewOptions
from seehear.listen.proxies import displacement
from seehear.listen.sounds import RATE, matched_gains, read_sound, true_peak, two_channels
from tests.listen_kit import folders, two_folders
from tests.media_kit import FPS, Block, files_in, tones, write_clip


def make(
    root: Path, versions: dict[str, Path], kind: Kind = "ranking", **more: object
) -> tuple[Path, ListeningTest]:
    output = root / "test"
    new_test(NewOptions(kind=kind, output=output, **more), versions, lambda *_: None)  # type: ignore[arg-type]
    return output, read_test(output)


def sound(folder: Path, test: ListeningTest, name: str, clip: int = 0) -> torch.Tensor:
    return read_sound(folder / test.trials[clip].sounds[name]).waveform


def bursts(seconds: float = 1.5) -> Block:
    """Stereo noise bursts, whose correlation has one sharp peak."""
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((2, round(seconds * RATE))) * 0.2
    gate = np.sin(2 * np.pi * 3 * np.arange(noise.shape[1]) / RATE) > 0
    return (noise * gate).astype(np.float32)


def test_sounds_have_one_length_one_loudness_one_place(tmp_path: Path) -> None:
    played = bursts()
    made = folders(tmp_path, {"a": {"x": played}, "b": {"x": played * 0.1}})
    (tmp_path / "c").mkdir()
    write_clip(tmp_path / "c" / "x.wav", played, RATE, codec="pcm_f32le", video=None)
    (tmp_path / "d").mkdir()
    write_clip(tmp_path / "d" / "x.mp4", played, RATE, codec="aac", video="libx264")
    folder, test = make(tmp_path, {**made, "c": tmp_path / "c", "d": tmp_path / "d"})
    sounds = {name: sound(folder, test, name) for name in test.names}
    assert {tuple(s.shape) for s in sounds.values()} == {(2, 72000)}
    assert test.trials[0].seconds == 1.5
    for waveform in sounds.values():
        assert abs(integrated_loudness(waveform, RATE) + 23.0) < 0.1
        assert abs(displacement(sounds["a"].mean(0), waveform.mean(0))) <= 1
    # FLAC gives back what was written: versions that differ in level alone are now the same.
    assert float((sounds["a"] - sounds["b"]).abs().max()) < 4 * 2.0**-15


def test_a_late_sound_stays_late(tmp_path: Path) -> None:
    played = bursts(1.0)
    for name, late in (("a", 0.0), ("b", 0.2)):
        (tmp_path / name).mkdir()
        length = played if name == "a" else played[:, : round(0.8 * RATE)]
        write_clip(
            tmp_path / name / "x.mkv", length, RATE, codec="flac", video="mpeg4", seconds=1.0,
            sound_start_s=late,
        )  # fmt: skip
    folder, test = make(tmp_path, {n: tmp_path / n for n in "ab"}, level_match="off")
    shift = displacement(*(sound(folder, test, n).mean(0) for n in "ab"), reach=12000)
    assert abs(shift - 9600) <= round(
        0.001 * RATE
    )  # time stamps of Matroska are whole milliseconds


@pytest.mark.parametrize("coding", ["flac", "opus"])
def test_every_coding_is_in_place(coding: str, tmp_path: Path) -> None:
    played = bursts()
    made = folders(tmp_path, {"a": {"x": played}, "b": {"x": played * 0.5}})
    folder, test = make(tmp_path, made, sound=coding, level_match="off")
    waveform = sound(folder, test, "a")
    assert waveform.shape == (2, played.shape[1])
    assert abs(displacement(torch.from_numpy(played).mean(0), waveform.mean(0))) <= 1


def test_one_picture_without_sound_with_key_frames(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=1, seconds=2.5)
    folder, test = make(tmp_path, made)
    trial = test.trials[0]
    assert (folder / trial.poster).read_bytes()[:3] == b"\xff\xd8\xff"
    path = folder / trial.picture
    with av.open(str(path)) as container:
        assert [s.type for s in container.streams] == ["video"]
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = list(container.decode(stream))
    assert [f.time for f in frames] == pytest.approx([i / FPS for i in range(25)], abs=1e-4)
    assert [i for i, f in enumerate(frames) if f.key_frame] == [0, 10, 20]
    raw = path.read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat"), "the index must lie in front"


def test_large_pictures_are_made_smaller_and_even(tmp_path: Path) -> None:
    folder, test = make(tmp_path, two_folders(tmp_path, clips=1), height=64)
    with av.open(str(folder / test.trials[0].picture)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (64, 48)
    from seehear.listen.proxies import fitted

    assert fitted(1919, 1079, 720) == (1280, 720)
    assert fitted(1080, 1920, 720) == (404, 720)
    assert fitted(101, 51, 720) == (100, 52)


def test_sound_alone_needs_no_picture(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        write_clip(
            tmp_path / name / "x.wav", tones(1, RATE, 1), RATE, "mono", "pcm_s16le", video=None
        )
    _, test = make(tmp_path, {n: tmp_path / n for n in "ab"})
    assert test.trials[0].picture == test.trials[0].poster == ""


def test_sounds_alone_on_a_picture_from_elsewhere(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=1)
    for name in "ab":
        (tmp_path / name).mkdir()
        path = tmp_path / name / "clip 0.wav"
        write_clip(path, tones(1, RATE, 1), RATE, "mono", "pcm_s16le", video=None)
    sounds = {n: tmp_path / n for n in "ab"}
    _, test = make(tmp_path, sounds, picture=made["loud"])
    assert test.names == ("a", "b") and test.trials[0].picture.endswith("picture.mp4")
    (made["loud"] / "clip 0.mkv").rename(made["loud"] / "clip 7.mkv")
    with pytest.raises(InputError, match="clip 0 is missing in loud"):
        make(tmp_path, sounds, picture=made["loud"], force=True)
    with pytest.raises(InputError, match=r"clip 0\.wav of --picture has no picture"):
        make(tmp_path, sounds, picture=tmp_path / "a", force=True)


def test_names_say_nothing_and_differ_between_clips(tmp_path: Path) -> None:
    folder, _ = make(tmp_path, two_folders(tmp_path))
    media = [path for path in files_in(folder / "media") if path.endswith(".flac")]
    assert len(media) == len({Path(path).name for path in media}) == 4
    assert all(re.fullmatch(r"[0-9a-f]{12}\.flac", Path(path).name) for path in media)
    for path in media:
        raw = (folder / "media" / path).read_bytes()
        assert b"loud" not in raw and b"soft" not in raw


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    made = two_folders(tmp_path)
    contents = []
    for seed in (1, 1, 2):
        folder, _ = make(tmp_path, made, seed=seed, force=True)
        contents.append({p: (folder / p).read_bytes() for p in files_in(folder) if "." in p})
    assert contents[0] == contents[1]
    assert set(contents[2]) != set(contents[0])


def test_mushra_has_hidden_reference_and_anchors(tmp_path: Path) -> None:
    folder, test = make(tmp_path, two_folders(tmp_path, 1), "mushra", reference="loud")
    assert [(v.name, v.role) for v in test.versions] == [
        ("loud", "reference"), ("soft", "version"), ("anchor35", "anchor"), ("anchor70", "anchor"),
    ]  # fmt: skip
    for name, cutoff in (("anchor35", 3500), ("anchor70", 7000)):
        power = torch.fft.rfft(sound(folder, test, name).double()).abs().square().sum(0)
        hz = torch.fft.rfftfreq(RATE, 1 / RATE)
        above, below = power[hz > cutoff * 1.15].sum(), power[hz < cutoff * 0.85].sum()
        assert above < 1e-5 * below
    assert replace(test.screening).reference_below == 90


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_made(kind: Kind, tmp_path: Path) -> None:
    _, test = make(tmp_path, two_folders(tmp_path, 1, 0.5), kind, reference="loud")
    assert test.kind == kind and "about 1 minute" in test.instructions


def test_practice_takes_a_clip_that_was_not_drawn(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=3, seconds=0.5)
    _, test = make(tmp_path, made, clips=2)
    spare = [trial.id for trial in test.trials if not trial.counts]
    assert spare == [test.practice] and len(test.trials) == 3
    _, test = make(tmp_path, made, force=True, practice="clip 2.mkv")
    assert test.practice == "clip-2" and all(trial.counts for trial in test.trials)
    _, test = make(tmp_path, made, force=True, practice="none")
    assert test.practice == ""


def test_refusals_leave_nothing_behind(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=2, seconds=0.5)
    before = files_in(tmp_path)
    with pytest.raises(UsageError, match="none of the versions"):
        make(tmp_path, made, reference="lout")
    with pytest.raises(UsageError, match="--reference"):
        make(tmp_path, made, "mushra")
    with pytest.raises(UsageError, match="cannot be a name"):
        make(tmp_path, {"a~b": made["loud"], "soft": made["soft"]})
    with pytest.raises(UsageError, match="name of none of the clips"):
        make(tmp_path, made, practice="elsewhere")
    with pytest.raises(OutputError, match="make it first"):
        make(tmp_path / "deep" / "deeper", made)
    (made["soft"] / "clip 1.mkv").write_bytes(b"nothing that could be decoded")
    with pytest.raises(InputError, match="clip 1 of soft cannot be used"):
        make(tmp_path, made)
    assert files_in(tmp_path) == before


def test_a_test_is_not_overwritten_unasked(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=1, seconds=0.5)
    folder, _ = make(tmp_path, made)
    (folder / "answers.sqlite").write_text("answers")
    with pytest.raises(OutputError, match="all answers in it"):
        make(tmp_path, made)
    assert (folder / "answers.sqlite").exists()
    make(tmp_path, made, force=True)
    assert not (folder / "answers.sqlite").exists()
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="not a listening test"):
        new_test(NewOptions(kind="ranking", output=other, force=True), made, lambda *_: None)
    assert files_in(other) == {"letter.txt"}


def test_one_ceiling_for_all_versions_of_a_clip() -> None:
    t = torch.arange(RATE) / RATE
    dull = torch.sin(2 * torch.pi * 300 * t).repeat(2, 1) * 0.1
    spiky = dull.clone()
    spiky[:, 1000::4000] = 0.9
    gains = matched_gains({"dull": dull, "spiky": spiky}, -10.0)
    louds = [
        integrated_loudness(s * 10 ** (gains[n] / 20), RATE)
        for n, s in (("dull", dull), ("spiky", spiky))
    ]
    assert abs(louds[0] - louds[1]) < 0.01 and louds[0] < -10.5
    assert true_peak(spiky * 10 ** (gains["spiky"] / 20)) <= 10 ** (-1 / 20) + 1e-6
    untouched = matched_gains({"dull": dull, "spiky": spiky}, None)
    assert untouched == {"dull": 0.0, "spiky": 0.0}
    over = matched_gains({"dull": dull, "hot": spiky * 2}, None)
    assert over["dull"] == over["hot"] == pytest.approx(-20 * np.log10(1.8), abs=1e-4)


def test_silence_is_left_alone_and_reported(tmp_path: Path) -> None:
    played = tones(0.5, RATE, 2)
    made = folders(tmp_path, {"a": {"x": played}, "b": {"x": played * 0}})
    options = NewOptions(kind="pairwise", output=tmp_path / "t")
    said = new_test(options, made, lambda *_: None)
    assert said["warnings"] == ["x of b is silent"]


def test_downmix_of_surround() -> None:
    six = torch.eye(6)
    left, right = two_channels(six)
    half = 0.5**0.5
    assert left.tolist() == pytest.approx([1, 0, half, 0, half, 0])
    assert right.tolist() == pytest.approx([0, 1, half, 0, 0, half])
    assert two_channels(six[:1]).tolist() == [six[0].tolist()] * 2
