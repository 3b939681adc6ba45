"""Reading: only the named file, sound on one timeline, frames by time stamp."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch

from seehear.errors import InputError
from seehear.media.opening import REFUSED_DEMUXERS, allowed_demuxers, open_input
from seehear.media.probe import probe
from seehear.media.read import FrameStream, read_audio, read_frames
from tests.media_kit import FPS, decode, tones, write_clip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.mp4", None, "No such file"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"Dear diary\n" * 50, "not a media file"),
        ("list.mp4", b"ffconcat version 1.0\nfile other.ts\n", "not a media file"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:4.0,\nother.ts\n#EXT-X-ENDLIST\n", "not a media file"),
    ],
)
def test_what_is_no_media_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        open_input(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["http://host/clip.mp4", "concat:a|b", "data:video/mp4;base64,AAAA"]
)
def test_names_are_never_protocols(name: str) -> None:
    with pytest.raises(InputError, match="no URLs"):
        open_input(name)


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        open_input(tmp_path)


def test_demuxers_that_open_other_things_are_out() -> None:
    allowed = set(allowed_demuxers().split(","))
    assert not allowed & REFUSED_DEMUXERS
    assert {"mov", "matroska", "avi", "wav", "flac", "png_pipe"} <= allowed


def test_probe_tells_streams_apart(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mkv", tones(1.0, 48000, 2), codec="flac", languages=("eng", "fra")
    )
    info = probe(path)
    assert info.video is not None
    assert (info.video.width, info.video.height) == (64, 48)
    assert [s.language for s in info.audio] == ["eng", "fra"]
    assert (info.audio[0].codec, info.audio[0].sample_rate, info.audio[0].layout) == (
        "flac",
        48000,
        "stereo",
    )


@pytest.mark.parametrize(
    ("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1", 6), ("7.1", 8)]
)
def test_lossless_sound_comes_back_exactly(tmp_path: Path, layout: str, channels: int) -> None:
    sound = tones(0.5, 44100, channels)
    path = write_clip(tmp_path / "a.mkv", sound, 44100, layout, codec="pcm_f32le")
    found, rate, first = decode(path)
    assert (rate, first) == (44100, 0.0)
    np.testing.assert_array_equal(found, sound)


def test_aac_padding_is_cut_to_the_declared_length(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", tones(1.0, 48000, 1), layout="mono")
    assert read_audio(path).num_samples == 48000


def test_part_of_a_sound(tmp_path: Path) -> None:
    sound = tones(2.0, 16000, 1)
    path = write_clip(tmp_path / "a.mkv", sound, 16000, "mono", codec="pcm_f32le")
    part = read_audio(path, start_s=0.5, duration_s=0.25)
    np.testing.assert_array_equal(part.waveform.numpy(), sound[:, 8000:12000])
    with pytest.raises(InputError, match="no sound at 9 s"):
        read_audio(path, start_s=9.0)


def test_holes_become_silence_and_late_sound_stays_in_place(tmp_path: Path) -> None:
    sound = tones(1.0, 48000, 1)
    path = tmp_path / "hole.mkv"
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_f32le", rate=48000, layout="mono")
        for start, part in ((0.2, sound[:, :24000]), (1.2, sound[:, 24000:])):
            frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate, frame.pts = 48000, round(start * 48000)
            container.mux(track.encode(frame))
    found, _, first = decode(path)
    assert first == pytest.approx(0.2)
    assert found.shape[1] == pytest.approx(72000, abs=48)
    assert not found[:, 24000 + 48 : 48000 - 48].any()
    np.testing.assert_array_equal(found[0, -24000:], sound[0, 24000:])


def test_samples_that_are_no_numbers_become_zero(tmp_path: Path) -> None:
    sound = tones(0.2, 16000, 1)[0]
    sound[100], sound[200] = np.nan, np.inf
    soundfile.write(tmp_path / "bad.wav", sound, 16000, subtype="FLOAT")
    found = read_audio(tmp_path / "bad.wav").waveform[0]
    assert torch.isfinite(found).all()
    assert found[100] == found[200] == 0


def marker(frames: torch.Tensor) -> list[int]:
    """Column where the bright square begins, one per frame."""
    return [int((frame[0].float().mean(0) > 60).nonzero()[0]) for frame in frames]


def test_frames_are_chosen_by_time_stamp(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", None, seconds=3.0)
    stream = FrameStream(path, None)
    found = marker(stream.at([0.0, 0.05, 0.1, 0.99, 1.0, 2.5, 99.0]))
    stream.close()
    # Frame k is on the screen from k / FPS on.
    assert found == [0, 0, 1, 9, 10, 25, 29]


def test_seeking_gives_the_same_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", None, seconds=5.0, gop=12)
    stream = FrameStream(path, None, start_s=3.2)
    assert marker(stream.at([3.2, 3.7, 4.4])) == [32, 37, 44]
    stream.close()


def test_video_frames_are_resized_by_the_decoder(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", None, seconds=2.0)
    video = read_frames(path, rate_hz=4.0, size=16)
    assert tuple(video.frames.shape) == (8, 3, 16, 16)
    np.testing.assert_allclose(video.times.numpy(), np.arange(8) / 4)


def test_rotation_is_undone(tmp_path: Path) -> None:
    upright = write_clip(tmp_path / "a.mp4", None, seconds=0.5)
    turned = tmp_path / "turned.mp4"
    data = bytearray(upright.read_bytes())
    # tkhd's matrix: 90 degrees clockwise, as a phone held upright writes it.
    identity = bytes.fromhex("00010000" + "00" * 12 + "00010000" + "00" * 12 + "40000000")
    clockwise = bytes.fromhex(
        "000000000001000000000000ffff00000000000000000000" + "00" * 8 + "40000000"
    )
    at = data.find(identity, data.find(b"tkhd"))
    assert at > 0, "no identity matrix found in the track header"
    data[at : at + 36] = clockwise
    turned.write_bytes(bytes(data))
    plain = read_frames(upright, rate_hz=FPS).frames[0]
    found = read_frames(turned, rate_hz=FPS).frames[0]
    torch.testing.assert_close(found, torch.rot90(plain, -1, (1, 2)))


def test_still_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (32, 32), (200, 10, 10)).save(tmp_path / "still.png")
    video = read_frames(tmp_path / "still.png", rate_hz=1.0, size=8)
    assert video.frames.shape[0] == 1
    assert video.frames[0, 0].float().mean() > 190
