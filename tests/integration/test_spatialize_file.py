"""spatialize on files: the sum is kept, left is left, what remains after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import seehear
from seehear.cli.main import main
from seehear.errors import Cancelled, InputError, OutputError, UsageError
from seehear.media.part import receipt_path
from seehear.media.read import FrameStream
from seehear.runtime import choose_runtime
from seehear.tasks.channels import channel_names_of
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.spatialize.config import SpatializeOptions
from seehear.tasks.spatialize.heads import load_head
from seehear.tasks.spatialize.infer import spatialize
from seehear.tasks.spatialize.placing import make_placer
from seehear.tasks.spatialize.positions import read_positions
from tests.media_kit import Block, decode, files_in, payloads, tones, write_clip

TINY, PAPER = "spatialize/tiny", "spatialize/tiny-paper"
LIMIT = 1e-5  # -100 dBFS


def run(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    if not {"model", "positions"} & options.keys():
        options["model"] = TINY
    options.setdefault("hrtf", None if options.get("format") == "foa" else "sphere")
    return spatialize(SpatializeOptions(input=str(source), output=output, **options)).record


def read(path: Path) -> Block:
    samples: Block = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return samples


def mixed_down(path: Path) -> Block:
    """The mono sound that a job makes of a file's channels."""
    sound, rate, _ = decode(path)
    mono: Block = np.concatenate(list(mono_blocks([sound], rate, channel_names_of(len(sound)))), 1)
    return mono[0]


def places(folder: Path, text: str) -> Path:
    path = folder / "places.csv"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return write_clip(folder / "clip.mp4", tones(2.5, 48000, 1), layout="mono")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several windows of either kind."""
    folder = tmp_path_factory.mktemp("long")
    return write_clip(folder / "long.mkv", tones(5.0, 22050, 1), 22050, "mono", codec="flac")


def test_picture_is_copied_and_sound_becomes_two_ears(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    record = run(clip, out)
    assert payloads(out) == payloads(clip)
    sound, rate, begin = decode(out)
    old, *rest = decode(clip)
    assert [rate, begin] == rest
    assert sound.shape == (2, old.shape[1])
    assert {p.name for p in tmp_path.iterdir()} == {"out.mp4", "out.mp4.seehear.json"}
    assert json.loads(receipt_path(out).read_text()) == record
    assert record["model"]["head"]["id"].startswith("sphere")
    assert record["output"]["layout"] == "stereo"
    with av.open(str(clip)) as before, av.open(str(out)) as after:
        assert after.streams.audio[0].bit_rate > before.streams.audio[0].bit_rate


@pytest.mark.parametrize("model", [TINY, PAPER])
def test_the_mean_of_the_ears_is_the_input(long_clip: Path, tmp_path: Path, model: str) -> None:
    run(long_clip, tmp_path / "out.wav", model=model)
    ears, mono = read(tmp_path / "out.wav"), decode(long_clip)[0][0]
    assert np.abs(ears.mean(axis=0) - mono).max() < LIMIT
    assert np.abs(ears[0] - ears[1]).max() > 1e-3


def test_flat_stereo_is_one_sound(tmp_path: Path) -> None:
    sound = np.repeat(tones(1.5, 32000, 1), 2, axis=0)
    source = write_clip(tmp_path / "flat.mkv", sound, 32000, codec="flac")
    record = run(source, tmp_path / "out.wav")
    assert record["warnings"] == []
    assert record["channels"]["flat"]
    mono = decode(source)[0][0]
    assert np.abs(read(tmp_path / "out.wav").mean(axis=0) - mono).max() < LIMIT


def test_stereo_is_mixed_down_with_a_word(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "wide.mkv", tones(1.5, 32000, 2), 32000, codec="flac")
    record = run(source, tmp_path / "out.wav")
    assert "the two channels of the input differ" in record["warnings"][0]
    ears = read(tmp_path / "out.wav")
    assert np.abs(ears.mean(axis=0) - mixed_down(source)).max() < LIMIT


@pytest.mark.parametrize("model", [TINY, PAPER])
@pytest.mark.parametrize("samples", [1, 160, 16055])
def test_sound_of_any_length(tmp_path: Path, samples: int, model: str) -> None:
    sound = tones(0.4, 44100, 1)[:, :samples]
    source = write_clip(tmp_path / "in.mkv", sound, 44100, "mono", codec="flac", seconds=0.4)
    run(source, tmp_path / "out.wav", model=model)
    ears = read(tmp_path / "out.wav")
    assert ears.shape == (2, samples)
    assert np.abs(ears.mean(axis=0) - decode(source)[0][0]).max() < LIMIT


def test_silence_stays_silence(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mkv", 0 * tones(0.8, 16000, 1), 16000, "mono", codec="flac")
    for model in (TINY, PAPER):
        run(source, tmp_path / "out.wav", model=model, force=True)
        assert not read(tmp_path / "out.wav").any()


@pytest.mark.parametrize("model", [TINY, PAPER])
def test_interrupted_and_resumed_is_the_same(long_clip: Path, tmp_path: Path, model: str) -> None:
    run(long_clip, tmp_path / "whole.wav", model=model)
    out = tmp_path / "out.wav"

    def stop_after_one(done: float, _total: float, note: str) -> None:
        if note == "listening" and done > 0.2:
            raise Cancelled("enough")

    options = SpatializeOptions(input=str(long_clip), output=out, model=model, hrtf="sphere")
    with pytest.raises(Cancelled):
        spatialize(options, stop_after_one)
    assert not out.exists()
    with pytest.raises(OutputError, match="another input, model or options"):
        run(long_clip, out, model=model, resume=True, fov=90.0)
    record = run(long_clip, out, model=model, resume=True)
    assert 1 <= record["windows"]["reused"] < record["windows"]["total"]
    np.testing.assert_array_equal(read(out), read(tmp_path / "whole.wav"))
    assert not list(tmp_path.glob("*.seehear-part"))


def test_an_error_on_the_way_leaves_nothing(long_clip: Path, tmp_path: Path) -> None:
    def fail(_done: float, _total: float, note: str) -> None:
        if note == "writing":
            raise InputError("made up")

    options = SpatializeOptions(
        input=str(long_clip), output=tmp_path / "o.wav", model=TINY, explain=tmp_path / "e"
    )
    with pytest.raises(InputError, match="made up"):
        spatialize(options, fail)
    assert files_in(tmp_path) == set()


def test_replay_gives_the_same_samples(clip: Path, tmp_path: Path) -> None:
    run(clip, tmp_path / "out.wav", explain=tmp_path / "seen")
    again = tmp_path / "again.wav"
    assert main(["replay", str(receipt_path(tmp_path / "out.wav")), "-o", str(again)]) == 0
    np.testing.assert_array_equal(read(again), read(tmp_path / "out.wav"))
    assert files_in(tmp_path / "again-explain") == files_in(tmp_path / "seen")


def test_dry_run_names_windows_and_writes_nothing(long_clip: Path, tmp_path: Path) -> None:
    for model in (TINY, PAPER):
        plan = run(long_clip, tmp_path / "out.wav", model=model, dry_run=True)
        assert plan["windows"][0][0] == 0.0
        assert plan["windows"][-1][1] == pytest.approx(5.0, abs=0.01)
        assert plan["state_bytes"] > 0
    assert files_in(tmp_path) == set()


def test_ambisonics_begin_with_the_mono_sound(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "field.wav", format="foa")
    field = read(tmp_path / "field.wav")
    mono = decode(long_clip)[0][0]
    assert field.shape == (4, len(mono))
    np.testing.assert_array_equal(field[0], mono)
    assert not field[2].any()  # the picture says nothing about height here
    assert np.abs(field[1]).max() > 1e-4
    assert np.abs(field[3]).max() > 1e-4


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".opus"])
def test_opus_says_that_it_is_ambisonics(tmp_path: Path, suffix: str) -> None:
    video = None if suffix == ".opus" else "libvpx"
    source = write_clip(
        tmp_path / f"in{suffix}", tones(0.6, 48000, 1), 48000, "mono", "libopus", video=video
    )
    text = places(tmp_path, "time,azimuth\n0,90\n")
    run(source, tmp_path / f"out{suffix}", format="foa", positions=text)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        stream = container.streams.audio[0]
        header = bytes(stream.codec_context.extradata)
        assert stream.layout.name == "ambisonic 1"
    assert header[:8] == b"OpusHead"
    assert (header[9], header[18]) == (4, 2)  # channels, mapping family
    field = decode(tmp_path / f"out{suffix}")[0]
    level = np.sqrt((field.astype("f8") ** 2).mean(axis=1))
    assert level[1] == pytest.approx(level[0], rel=0.05)  # from the left: Y as loud as W
    assert level[2:].max() < 0.02 * level[0]


def test_flac_holds_ambisonics(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "field.flac", format="foa")
    assert read(tmp_path / "field.flac").shape[0] == 4


def test_given_places_need_no_network(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((1, 3 * 16000)).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", noise.T, 16000, subtype="FLOAT")
    text = places(tmp_path, "time, azimuth\n0, 80\n1, 80\n2, -80\n3, -80\n")
    record = run(tmp_path / "in.wav", tmp_path / "out.wav", positions=text)
    assert record["positions"]["sha256"]
    assert record["windows"]["total"] == 0
    left, right = read(tmp_path / "out.wav")
    assert len(left) == noise.shape[1]
    power = np.square([left, right]).reshape(2, 3, -1).sum(axis=2)
    levels = 10 * np.log10(power[0] / power[1])
    assert levels[0] > 6 and levels[2] < -6
    # In front both ears hear the sound itself, at its own time.
    text.write_text("time,azimuth\n0,0\n")
    run(tmp_path / "in.wav", tmp_path / "front.wav", positions=text)
    front = read(tmp_path / "front.wav")
    lag = np.correlate(front[0, 4000:8000], noise[0, 4000:8000], "full").argmax() - 3999
    assert abs(lag) < 16  # 1 ms
    np.testing.assert_allclose(front[0], front[1], atol=1e-5)


def test_times_of_places_count_from_the_files_start(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tones(2.0, 16000, 1).T, 16000, subtype="FLOAT")
    text = places(tmp_path, "time,azimuth\n0,90\n1,90\n1.01,-90\n2,-90\n")
    for begin, side in ((0.0, 1.0), (1.2, -1.0)):
        out = tmp_path / f"{begin}.wav"
        run(tmp_path / "in.wav", out, positions=text, format="foa", start=begin, duration=0.8)
        field = read(out)
        np.testing.assert_allclose(field[1], side * field[0], atol=1e-6)


def test_places_do_not_depend_on_blocks(tmp_path: Path) -> None:
    text = places(tmp_path, "time,azimuth,distance\n0,90,1\n0.7,-90,3\n")
    sound = tones(0.7, 16000, 1)
    made = []
    for size in (160, 999, 11200):
        placer = make_placer(read_positions(text), 0.0, 16000, ("FC",), load_head("sphere", 16000))
        parts = [placer.push(part) for part in np.split(sound, range(size, 11200, size), axis=1)]
        made.append(np.concatenate([*parts, placer.finish()], axis=1))
        assert made[-1].shape == (2, 11200)
    for other in made[1:]:
        np.testing.assert_array_equal(other, made[0])


def test_channels_are_sources_of_their_own(tmp_path: Path) -> None:
    sound = tones(1.0, 16000, 3)
    soundfile.write(tmp_path / "in.wav", sound.T, 16000, subtype="FLOAT")
    text = places(tmp_path, "time,azimuth,source\n0,90,0\n0,-90,2\n")
    run(tmp_path / "in.wav", tmp_path / "field.wav", positions=text, format="foa")
    field, old = read(tmp_path / "field.wav"), read(tmp_path / "in.wav")
    np.testing.assert_allclose(field[0], old.sum(axis=0), atol=1e-6)
    np.testing.assert_allclose(field[1], old[0] - old[2], atol=1e-6)
    run(tmp_path / "in.wav", tmp_path / "ears.wav", positions=text)
    ears = read(tmp_path / "ears.wav")
    assert ears.shape == (2, old.shape[1])
    # The channel that nobody placed is in the middle, in time with the rest.
    middle = np.correlate(ears[0], old[1], "full").argmax() - (old.shape[1] - 1)
    assert abs(middle) <= 1


def test_positions_that_do_not_go_with_the_sound(clip: Path, tmp_path: Path) -> None:
    rows = "".join(f"{0.1 * n:.1f},10\n" for n in range(8))
    record = run(clip, tmp_path / "short.wav", positions=places(tmp_path, "time,azimuth\n" + rows))
    assert "positions end" in record["warnings"][0]
    gap = "time,azimuth\n" + rows + "2.4,20\n"
    record = run(clip, tmp_path / "gap.wav", positions=places(tmp_path, gap))
    assert "no positions between 0.70 and 2.40 s" in record["warnings"][0]
    late = places(tmp_path, "time,azimuth\n0,0\n9,0\n")
    record = run(clip, tmp_path / "late.wav", positions=late)
    assert "1 of 2 positions lie outside the sound" in record["warnings"][0]
    with pytest.raises(InputError, match="behind the end"):
        run(clip, tmp_path / "none.wav", positions=places(tmp_path, "time,azimuth\n9,0\n"))


def test_every_source_at_its_place(clip: Path, tmp_path: Path) -> None:
    record = run(clip, tmp_path / "out.wav", per_source=True, model="separate/tiny")
    assert record["sources"]
    assert record["model"]["id"] == "separate/tiny"
    ears, mono = read(tmp_path / "out.wav"), decode(clip)[0][0]
    assert np.abs(ears.mean(axis=0) - mono).max() < LIMIT
    again = tmp_path / "again.wav"
    assert main(["replay", str(receipt_path(tmp_path / "out.wav")), "-o", str(again)]) == 0
    np.testing.assert_array_equal(read(again), ears)


@pytest.mark.parametrize("model", [TINY, PAPER])
def test_pictures_of_where_it_was_put(clip: Path, tmp_path: Path, model: str) -> None:
    record = run(clip, tmp_path / "out.wav", model=model, explain=tmp_path / "seen")
    rows = json.loads((tmp_path / "seen" / "pictures.json").read_text())
    assert rows == record["pictures"]
    assert files_in(tmp_path / "seen") == {"pictures.json", *(row["picture"] for row in rows)}
    with Image.open(tmp_path / "seen" / rows[0]["picture"]) as drawn:
        assert min(drawn.size) > 200
    with pytest.raises(OutputError, match="exists already"):
        run(clip, tmp_path / "more.wav", explain=tmp_path / "seen")


@pytest.mark.parametrize("model", [TINY, PAPER])
def test_in_memory_is_the_same_as_on_file(long_clip: Path, tmp_path: Path, model: str) -> None:
    run(long_clip, tmp_path / "out.wav", model=model)
    spatializer = seehear.load_spatializer(model, choose_runtime("cpu"), head="sphere")
    stream = FrameStream(long_clip, spatializer.frame_size)
    times = [n / 10 for n in range(50)]
    video = seehear.Video(stream.at(times), torch.tensor(times, dtype=torch.float64))
    stream.close()
    sound, rate, _ = decode(long_clip)
    made = spatializer.run(seehear.Clip(seehear.Audio(torch.from_numpy(sound), rate), video))
    np.testing.assert_allclose(made.waveform.numpy(), read(tmp_path / "out.wav"), atol=1e-6)
    with pytest.raises(InputError, match="wants frames of"):
        small = seehear.Video(video.frames[..., :8, :8], video.times)
        spatializer.run(seehear.Clip(seehear.Audio(torch.from_numpy(sound), rate), small))


def test_the_python_call(clip: Path, tmp_path: Path) -> None:
    result = seehear.spatialize(clip, tmp_path / "o.wav", model=TINY, hrtf="sphere")
    assert result.path == tmp_path / "o.wav"
    assert not result.warnings


def test_refusals(clip: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, tones(0.2, 16000, 1).T, 16000)
    out = tmp_path / "out.wav"
    with pytest.raises(InputError, match=r"no picture.*--positions"):
        run(sound, out)
    with pytest.raises(UsageError, match="cannot say that its sound is ambisonics"):
        run(clip, tmp_path / "out.mp4", format="foa")
    with pytest.raises(UsageError, match="difference of two ears"):
        run(clip, out, model=PAPER, format="foa")
    with pytest.raises(UsageError, match="source 4"):
        run(sound, out, positions=places(tmp_path, "time,azimuth,source\n0,0,4\n"))
    for wrong in ({"hrtf": str(sound)}, {"hrtf": str(tmp_path / "missing.sofa")}):
        with pytest.raises(InputError):
            run(clip, out, **wrong)
    assert files_in(tmp_path) == {"sound.wav", "places.csv"}
