"""highlight on files: what is copied, what is new, what remains after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from seehear.errors import Cancelled, InputError, OutputError, UsageError
from seehear.media.part import receipt_path
from seehear.media.probe import probe
from seehear.tasks.highlight.config import HighlightOptions
from seehear.tasks.highlight.infer import highlight
from tests.media_kit import decode, files_in, payloads, tones, write_clip

TINY = "highlight/tiny"
BANDS = "highlight/tiny-bands"


def run(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    options.setdefault("model", TINY)
    result = highlight(HighlightOptions(input=str(source), output=output, **options))
    return result.record


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return write_clip(folder / "clip.mp4", tones(3.0, 48000, 2), tags={"title": "a clip"})


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three windows."""
    folder = tmp_path_factory.mktemp("long")
    return write_clip(folder / "long.mkv", tones(22.0, 16000, 2), 16000, codec="flac")


@pytest.mark.parametrize("model", [TINY, BANDS])
def test_picture_is_copied_and_sound_is_new(clip: Path, tmp_path: Path, model: str) -> None:
    out = tmp_path / "out.mp4"
    record = run(clip, out, model=model)
    assert payloads(out) == payloads(clip)
    before, after = decode(clip), decode(out)
    assert after[1:] == before[1:]
    assert after[0].shape == before[0].shape
    assert np.abs(after[0] - before[0]).max() > 1e-3
    for old, new in zip(before[0], after[0], strict=True):
        assert np.corrcoef(old, new)[0, 1] > 0.5
    assert probe(out).tags["title"] == "a clip"
    (copied,) = record["packet_sha256"]
    assert copied["identical"]
    assert files_in(tmp_path) == {"out.mp4", "out.mp4.seehear.json"}
    assert json.loads(receipt_path(out).read_text()) == record


def test_strength_zero_gives_the_samples_back(long_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    run(long_clip, out, strength=0.0)
    np.testing.assert_array_equal(decode(out)[0], decode(long_clip)[0])


def test_strength_lies_between(clip: Path, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.wav", tmp_path / "half.wav"
    run(clip, whole)
    run(clip, half, strength=0.5)
    old, new, middle = decode(clip)[0], decode(whole)[0], decode(half)[0]
    far, near = np.abs(new - old).mean(), np.abs(middle - old).mean()
    assert 0.2 * far < near < 0.8 * far


def test_the_picture_matters_and_can_be_hidden(clip: Path, tmp_path: Path) -> None:
    run(clip, tmp_path / "seen.wav")
    run(clip, tmp_path / "hidden.wav", context="none")
    seen, hidden = decode(tmp_path / "seen.wav")[0], decode(tmp_path / "hidden.wav")[0]
    assert np.abs(seen - hidden).max() > 1e-4


def test_captions_matter(clip: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("a dog barks\na dog barks\na man speaks\n")
    record = run(clip, tmp_path / "said.wav", context="both", captions=words)
    assert len(record["captions"]["sha256"]) == 64
    run(clip, tmp_path / "seen.wav")
    said, seen = decode(tmp_path / "said.wav")[0], decode(tmp_path / "seen.wav")[0]
    assert np.abs(said - seen).max() > 1e-4


def test_one_channel_is_the_networks_own_output(tmp_path: Path) -> None:
    from seehear.nn.context import Context
    from seehear.registry import load

    sound = tones(10.0, 44100, 1)
    source = write_clip(tmp_path / "in.mkv", sound, 44100, "mono", codec="pcm_f32le")
    run(source, tmp_path / "out.wav", context="none")
    made, rate, _ = decode(tmp_path / "out.wav")
    assert (made.shape, rate) == (sound.shape, 44100)
    # Away from its ends the sound is what one plain pass over the same window gives.
    window = np.pad(sound, ((0, 0), (11025, 11025)), mode="reflect")[:, : 44100 * 10]
    with torch.no_grad():
        plain = load(TINY, "highlight").module(torch.from_numpy(window)[None], Context())[0]
    # The second window, pulled back to the end, takes over after half a second.
    np.testing.assert_allclose(made[:, :22050], plain[:, 11025 : 11025 + 22050], atol=1e-5)


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("5.1", 6), ("7.1", 8)])
def test_layouts_stay(tmp_path: Path, layout: str, channels: int) -> None:
    sound = tones(1.0, 48000, channels)
    source = write_clip(tmp_path / "in.mkv", sound, 48000, layout, codec="flac")
    run(source, tmp_path / "out.mkv")
    assert probe(tmp_path / "out.mkv").audio[0].layout == layout
    made = decode(tmp_path / "out.mkv")[0]
    for row in range(channels):
        likeness = [abs(np.corrcoef(made[row], old)[0, 1]) for old in sound]
        assert int(np.argmax(likeness)) == row


@pytest.mark.parametrize("rate", [8000, 44055, 96000])
def test_sound_files_keep_rate_and_length(tmp_path: Path, rate: int) -> None:
    sound = tones(0.7, rate, 2)
    soundfile.write(tmp_path / "in.wav", sound.T, rate, subtype="PCM_24")
    run(tmp_path / "in.wav", tmp_path / "out.wav", context="none")
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.frames, info.samplerate, info.subtype) == (sound.shape[1], rate, "FLOAT")


def test_a_sound_of_a_few_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", tones(0.01, 16000, 1).T, 16000)
    run(tmp_path / "in.wav", tmp_path / "out.wav", context="none")
    assert soundfile.info(tmp_path / "out.wav").frames == 160


def test_interrupted_and_resumed_is_the_same(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "whole.wav")
    out = tmp_path / "out.wav"

    def stop_after_one(done: float, _total: float, note: str) -> None:
        if note == "listening" and done > 0.3:
            raise Cancelled("enough")

    options = HighlightOptions(input=str(long_clip), output=out, model=TINY)
    with pytest.raises(Cancelled):
        highlight(options, stop_after_one)
    assert not out.exists()
    record = run(long_clip, out, resume=True)
    assert record["windows"]["reused"] >= 1
    assert record["windows"]["total"] == 3
    np.testing.assert_array_equal(decode(out)[0], decode(tmp_path / "whole.wav")[0])
    assert files_in(tmp_path) == {
        "whole.wav", "whole.wav.seehear.json", "out.wav", "out.wav.seehear.json"
    }  # fmt: skip


def test_a_run_stopped_while_writing_hears_nothing_again(
    long_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(long_clip, tmp_path / "whole.wav")
    out = tmp_path / "out.wav"

    def stop_writing(_done: float, _total: float, note: str) -> None:
        if note == "writing":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        highlight(HighlightOptions(input=str(long_clip), output=out, model=TINY), stop_writing)
    monkeypatch.setattr("seehear.tasks.highlight.infer.hear_windows", None)
    record = run(long_clip, out, resume=True)
    assert record["windows"] == {"total": 3, "reused": 3}
    np.testing.assert_array_equal(decode(out)[0], decode(tmp_path / "whole.wav")[0])


def test_an_error_on_the_way_leaves_nothing(long_clip: Path, tmp_path: Path) -> None:
    def fail(_done: float, _total: float, note: str) -> None:
        if note == "writing":
            raise InputError("made up")

    options = HighlightOptions(input=str(long_clip), output=tmp_path / "out.wav", model=TINY)
    with pytest.raises(InputError, match="made up"):
        highlight(options, fail)
    assert files_in(tmp_path) == set()


def test_a_part_of_the_file(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "part.wav", start=4.0, duration=2.5, strength=0.0)
    old, made = decode(long_clip)[0], decode(tmp_path / "part.wav")[0]
    np.testing.assert_array_equal(made, old[:, 4 * 16000 : round(6.5 * 16000)])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_part_of_a_video_keeps_sound_and_picture_together(tmp_path: Path, suffix: str) -> None:
    source = write_clip(tmp_path / f"in{suffix}", tones(6.0, 48000, 2), gop=10)
    out = tmp_path / f"out{suffix}"
    run(source, out, start=2.5, duration=2.0, strength=0.0)
    old, new = decode(source)[0], decode(out)
    info = probe(out)
    # The picture begins with the key frame at 2.0 s; MP4 hides what lies before the cut.
    lead = 0.0 if suffix == ".mp4" else 0.5
    assert new[2] - info.start_s == pytest.approx(lead, abs=0.03)
    skip = round(0.1 * 48000)
    wanted = old[0, round(2.5 * 48000) + skip :][:48000]
    found = new[0][0, skip : skip + 48000]
    lag = np.argmax(np.correlate(found, wanted[2000:-2000], "valid")) - 2000
    assert abs(lag) <= 1100  # AAC's own delay is at most one frame
    assert new[0].shape[1] == pytest.approx(2.0 * 48000, abs=2100)


def test_keep_original_stands_behind_the_new_track(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    record = run(clip, out, keep_original=True)
    tracks = probe(out).audio
    assert len(tracks) == 2
    assert "default" in tracks[0].disposition
    assert "default" not in tracks[1].disposition
    assert payloads(clip, "audio") == _packets(out, track=1)
    assert all(row["identical"] for row in record["packet_sha256"])


def _packets(path: Path, track: int) -> list[bytes]:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def test_second_track(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "in.mkv", tones(1.0, 48000, 2), codec="flac", languages=("eng", "fra")
    )
    run(source, tmp_path / "out.mkv", track=1)
    assert [s.language for s in probe(tmp_path / "out.mkv").audio] == ["eng", "fra"]
    np.testing.assert_array_equal(decode(tmp_path / "out.mkv", 0)[0], decode(source, 0)[0])
    assert np.abs(decode(tmp_path / "out.mkv", 1)[0] - decode(source, 1)[0]).max() > 1e-3


def test_dry_run_names_windows_and_writes_nothing(long_clip: Path, tmp_path: Path) -> None:
    plan = run(long_clip, tmp_path / "out.wav", dry_run=True)
    assert files_in(tmp_path) == set()
    assert plan["windows"][0][0] == 0.0
    assert plan["windows"][-1][1] == pytest.approx(22.0, abs=0.01)
    for (_, stop), (start, _) in zip(plan["windows"], plan["windows"][1:], strict=False):
        assert start < stop
    assert plan["state_bytes"] == 3 * 4 * 441000


def test_refusals(clip: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sound.wav", tones(0.2, 16000, 1).T, 16000)
    with pytest.raises(InputError, match="--context none"):
        run(tmp_path / "sound.wav", tmp_path / "out.wav")
    with pytest.raises(InputError, match="no sound track 3"):
        run(clip, tmp_path / "out.mp4", track=3)
    with pytest.raises(InputError, match="behind the end"):
        run(clip, tmp_path / "out.mp4", start=60.0)
    with pytest.raises(UsageError, match="the input itself"):
        run(clip, clip, force=True)
    with pytest.raises(OutputError, match="cannot hold"):
        run(clip, tmp_path / "out.webm")
    silent = write_clip(tmp_path / "silent.mp4", None, seconds=1.0)
    with pytest.raises(InputError, match="no sound track"):
        run(silent, tmp_path / "out.mp4")
    assert files_in(tmp_path) == {"sound.wav", "silent.mp4"}
