"""generate on files: the picture is kept, the sound is as long as it, and what remains after interruptions."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch

import seehear
from seehear.cli.main import main
from seehear.dsp.level import db_to_gain, integrated_loudness
from seehear.errors import Cancelled, OutputError
from seehear.media.part import receipt_path
from seehear.media.probe import probe
from seehear.media.span import picture_span
from seehear.runtime import choose_runtime
from seehear.tasks.generate.config import GenerateOptions
from seehear.tasks.generate.infer import generate
from seehear.tasks.generate.loading import System, load_system
from tests.media_kit import SIZE, Block, decode, files_in, payloads, square, tones, write_clip

TINY = "generate/tiny"


def run(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    values = {"model": TINY, "steps": 2, "guidance": 2.0, **options}
    return generate(GenerateOptions(input=str(source), output=output, **values)).record


def read(path: Path) -> Block:
    samples: Block = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def silent(folder: Path) -> Path:
    return write_clip(folder / "silent.mp4", None, seconds=2.3)


@pytest.fixture(scope="module")
def loud(folder: Path) -> Path:
    return write_clip(folder / "loud.mkv", tones(2.3, 44100, 2), 44100, codec="flac")


@pytest.fixture(scope="module")
def long(folder: Path) -> Path:
    """Three windows."""
    return write_clip(folder / "long.mp4", None, seconds=15.0)


@pytest.fixture(scope="module")
def system() -> System:
    return load_system(TINY, choose_runtime("cpu"))


def test_a_silent_video_gets_its_first_track(silent: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    record = run(silent, out)
    assert payloads(out) == payloads(silent)
    sound, rate, begin = decode(out)
    assert (rate, begin) == (48000, 0.0)
    assert sound.shape == (1, round(2.3 * 48000))
    track = probe(out).audio[0]
    assert track.codec == "aac"
    assert "default" in track.disposition
    assert all(row["identical"] for row in record["packet_sha256"])
    assert json.loads(receipt_path(out).read_text()) == record
    assert files_in(tmp_path) == {"out.mp4", "out.mp4.seehear.json"}


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "aac"), ("mkv", "flac"), ("webm", "opus")])
def test_codec_of_a_new_track(silent: Path, tmp_path: Path, suffix: str, codec: str) -> None:
    source = silent
    if suffix == "webm":
        source = write_clip(tmp_path / "in.webm", None, seconds=0.5, video="libvpx")
    out = tmp_path / f"out.{suffix}"
    run(source, out)
    assert probe(out).audio[0].codec == codec


def test_beside_old_sound_by_default(loud: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    run(loud, out)
    old, new = probe(out).audio
    assert payloads(out, "audio") == payloads(loud, "audio")
    assert (old.language, old.channels, new.channels, new.sample_rate) == ("eng", 2, 1, 44100)
    assert "default" not in new.disposition
    assert decode(out, track=1)[0].shape == (1, round(2.3 * 44100))


@pytest.mark.parametrize("keep_original", [False, True])
def test_in_the_old_ones_place(loud: Path, tmp_path: Path, keep_original: bool) -> None:
    out = tmp_path / "out.mkv"
    run(loud, out, replace=True, keep_original=keep_original)
    tracks = probe(out).audio
    assert [track.channels for track in tracks] == ([1, 2] if keep_original else [1])
    assert tracks[0].language == "eng"


def test_beneath_the_old_sound(loud: Path, tmp_path: Path) -> None:
    out = tmp_path / "mixed.wav"
    record = run(loud, out, mix=True)
    alone = tmp_path / "alone.wav"
    run(loud, alone)
    mixed, old, new = read(out), decode(loud)[0], read(alone)
    assert mixed.shape == old.shape
    gain = db_to_gain(record["level"]["sum_db"])
    beneath = mixed - gain * old
    np.testing.assert_allclose(beneath[0], beneath[1], atol=1e-6)
    # The same sound as by itself, only softer.
    assert np.corrcoef(beneath[0], new[0])[0, 1] > 0.99999
    loudness = [
        integrated_loudness(torch.from_numpy(part), 44100) for part in (gain * old, beneath)
    ]
    assert loudness[1] <= loudness[0] - 9.9
    assert np.abs(mixed).max() <= max(db_to_gain(-1.0), float(np.abs(old).max())) + 1e-4


def test_level_of_a_new_track(silent: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    record = run(silent, out, loudness=-30.0)
    sound = read(out)
    assert integrated_loudness(torch.from_numpy(sound), 48000) == pytest.approx(-30.0, abs=0.3)
    assert np.abs(sound).max() <= db_to_gain(-1.0)
    assert record["level"]["made"]["loudness_lufs"] > -60


def test_late_pictures_get_their_sound_on_time(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "late.mkv", tones(2.0, 48000, 1), layout="mono", codec="flac", video_start_s=1.5
    )
    out = tmp_path / "out.mkv"
    run(source, out, replace=True)
    sound, _, begin = decode(out)
    assert begin == pytest.approx(1.5, abs=1e-3)
    assert sound.shape[1] == 2 * 48000
    mixed = tmp_path / "mixed.mkv"
    run(source, mixed, mix=True)
    both, _, begin = decode(mixed)
    assert begin == pytest.approx(0.0, abs=1e-3)
    assert both.shape[1] == round(3.5 * 48000)
    np.testing.assert_allclose(
        both[:, : 48000 + 24000], decode(source)[0][:, : 48000 + 24000], atol=2e-7
    )


def test_a_part_of_a_video(long: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    run(long, out, start=3.25, duration=2.5)
    sound, _, begin = decode(out)
    assert begin == pytest.approx(0.0, abs=1e-3)
    assert sound.shape[1] == round(2.5 * 48000)


@pytest.mark.parametrize("fps", [5, 23.976, 60])
def test_any_frame_rate_gives_the_pictures_length(tmp_path: Path, fps: float) -> None:
    source, out = tmp_path / "in.mp4", tmp_path / "out.wav"
    rate = Fraction(fps).limit_denominator(1001)
    frames = [Fraction(n) / rate for n in range(round(fps * 1.7))]
    write_frames(source, frames, 1 / rate)
    run(source, out)
    span = picture_span(source)
    assert span.length_s == pytest.approx(float(len(frames) / rate), abs=1e-3)
    assert read(out).shape[1] == round(span.length_s * 48000)


def test_variable_frame_rate_is_seen_by_time_stamps(tmp_path: Path, system: System) -> None:
    """The same pictures at the same times, once every frame and once only the new ones."""
    times = [Fraction(n, 20) for n in range(60)]
    shown = [0 if n < 30 else 40 + (n - 30) // 6 * 6 for n in range(60)]
    even, sparse = tmp_path / "even.mp4", tmp_path / "sparse.mp4"
    write_frames(even, times, Fraction(1, 20), shown)
    changes = [n for n in range(60) if n == 0 or shown[n] != shown[n - 1]]
    write_frames(sparse, [times[n] for n in changes], Fraction(6, 20), [shown[n] for n in changes])
    made = []
    for source in (even, sparse):
        run(source, tmp_path / f"{source.stem}.wav")
        made.append(read(tmp_path / f"{source.stem}.wav"))
    assert made[0].shape == made[1].shape == (1, 3 * 48000)
    assert np.abs(made[0] - made[1]).max() < 0.05 * np.abs(made[0]).max()


def test_a_reference_at_amount_0_is_its_round_trip(
    long: Path, silent: Path, tmp_path: Path, system: System
) -> None:
    reference = tmp_path / "ref.wav"
    samples = tones(2.3, 16000, 1)
    soundfile.write(reference, samples.T, 16000, subtype="FLOAT")
    out = tmp_path / "out.wav"
    record = run(silent, out, like=str(reference), amount=0.0)
    codec = system.codec
    latents = codec.encode(torch.from_numpy(soundfile.read(reference, dtype="float32")[0])[None])
    trip = codec.vocode(codec.decode(latents))[0, : samples.shape[1]].numpy()
    made = read(out)[0, ::3]
    # Their levels are set; the sound is the same but for the way to 48 kHz and back.
    assert np.corrcoef(made[: len(trip)], trip)[0, 1] > 0.99
    assert record["like"]["fitted"] in ("as it is", "cut")
    run(long, tmp_path / "repeated.wav", like=str(reference), amount=0.3)
    told = json.loads(receipt_path(tmp_path / "repeated.wav").read_text())
    assert told["like"]["fitted"] == "repeated"


def test_a_reference_at_amount_1_is_plain_generation(
    silent: Path, loud: Path, tmp_path: Path
) -> None:
    run(silent, tmp_path / "plain.wav")
    run(silent, tmp_path / "like.wav", like=str(loud), amount=1.0)
    assert (tmp_path / "plain.wav").read_bytes() == (tmp_path / "like.wav").read_bytes()


def test_a_way_ends_at_each_video(silent: Path, loud: Path, tmp_path: Path) -> None:
    base = {"model": TINY, "steps": 2, "input2": str(loud), "interpolate": 3}
    result = seehear.generate(silent, tmp_path / "way.wav", **base)
    names = ["way-01.wav", "way-02.wav", "way-03.wav"]
    assert [path.name for path in result.outputs] == names
    run(silent, tmp_path / "first.wav", guidance=None)
    assert read(tmp_path / "first.wav").tobytes() == read(tmp_path / names[0]).tobytes()
    second = tmp_path / "second.mp4"
    run(loud, second.with_suffix(".wav"), guidance=None, loudness=-23.0)
    one = write_clip(second, None, seconds=2.3)
    result = seehear.generate(
        one, tmp_path / "same.wav", model=TINY, steps=2, input2=str(silent), between=1.0
    )
    assert read(tmp_path / "same.wav").tobytes() == read(tmp_path / "first.wav").tobytes()
    assert result.record["options"]["between"] == 1.0
    with pytest.raises(OutputError, match="exists already"):
        seehear.generate(silent, tmp_path / "way.wav", **base)
    assert "way.wav.seehear-part" not in files_in(tmp_path)


def test_candidates_are_ranked_and_the_best_is_kept(silent: Path, tmp_path: Path) -> None:
    record = run(silent, tmp_path / "best.wav", candidates=3)
    scores = record["candidates"]["scores"]
    assert len(scores) == 3
    assert record["candidates"]["chosen"] == int(np.argmax(scores))
    assert len(set(scores)) == 3


def test_pictures_of_what_is_looked_at(long: Path, tmp_path: Path) -> None:
    folder = tmp_path / "explained"
    record = run(long, tmp_path / "out.wav", explain=folder)
    names = {"attention.png", "frames.png", "aligned.png", "experts.png", "pictures.json"}
    assert files_in(folder) == names
    told = json.loads((folder / "pictures.json").read_text())
    assert told["times"] == [0.0, 0.5]
    assert told["experts"] == [0, 2]
    assert 0 < told["aligned_by_chance"] < 0.1
    assert record["pictures"]["window_s"] == told["window_s"]


def test_same_seed_same_samples_and_replay(long: Path, tmp_path: Path) -> None:
    first, again, other = (tmp_path / f"{name}.wav" for name in ("first", "again", "other"))
    run(long, first, seed=3)
    assert main(["replay", f"{receipt_path(first)}", "-o", str(again), "--quiet"]) == 0
    assert first.read_bytes() == again.read_bytes()
    run(long, other, seed=4)
    assert first.read_bytes() != other.read_bytes()


def test_an_interrupted_run_is_resumed_to_the_same_samples(long: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.wav", tmp_path / "out.wav"
    run(long, whole)
    for limit in (0.1, 0.4, 0.65, 0.85, 0.95):

        def stop(done: float, _total: float, _note: str, limit: float = limit) -> None:
            if done > limit:
                raise Cancelled("stopped")

        options = GenerateOptions(
            input=str(long), output=out, model=TINY, steps=2, guidance=2.0, resume=True
        )
        with pytest.raises(Cancelled):
            generate(options, stop)
        assert not out.exists()
    record = run(long, out, resume=True)
    assert out.read_bytes() == whole.read_bytes()
    assert record["windows"]["reused"] > 0
    assert files_in(tmp_path) == {
        f"{n}.wav{s}" for n in ("whole", "out") for s in ("", ".seehear.json")
    }


def test_the_plan_names_windows_and_writes_nothing(long: Path, tmp_path: Path) -> None:
    plan = run(long, tmp_path / "out.wav", dry_run=True)
    assert plan["windows"] == [[0.0, 8.0], [6.0, 14.0], [7.0, 15.0]]
    assert plan["state_bytes"] > 0
    assert files_in(tmp_path) == set()


def write_frames(
    path: Path, times: list[Fraction], last: Fraction, shown: list[int] | None = None
) -> None:
    """Frames at any times; the last one lasts `last` seconds."""
    base = Fraction(1, 90000)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=1 / last)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = base
        stream.time_base = base
        stream.codec_context.options = {"bf": "0"}
        ends = [*times[1:], times[-1] + last]
        for index, (time, end) in enumerate(zip(times, ends, strict=True)):
            image = square(shown[index] if shown else index)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(time / base), base
            frame.duration = round((end - time) / base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
