"""Containers by suffix; the source's codec at no less than its rate, or the stated fallback."""

from __future__ import annotations

from pathlib import Path

import pytest

from seehear.errors import UsageError
from seehear.media.codecs import SoundFormat, choose_format, output_format
from seehear.media.opening import open_input
from tests.media_kit import tones, write_clip


def chosen(path: Path, muxer: str, measured: int = 0) -> SoundFormat:
    with open_input(path) as container:
        return choose_format(container.streams.audio[0], muxer, measured)


def test_suffix_decides_and_case_does_not_matter() -> None:
    assert output_format(Path("a.MKV")) == "matroska"
    with pytest.raises(UsageError, match=r"\.xyzzy"):
        output_format(Path("a.xyzzy"))


def test_same_codec_at_no_less_than_the_measured_rate(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", tones(1.0, 48000, 2))
    found = chosen(path, "mp4", measured=200_000)
    assert found.encoder == "aac"
    assert found.bit_rate >= 200_000


@pytest.mark.parametrize(("codec", "depth"), [("flac", "s16"), ("pcm_s24le", "s32")])
def test_lossless_codecs_keep_their_depth(tmp_path: Path, codec: str, depth: str) -> None:
    path = write_clip(tmp_path / "a.mkv", tones(0.3, 48000, 2), codec=codec)
    found = chosen(path, "matroska")
    assert (found.encoder, found.sample_format, found.bit_rate) == (codec, depth, 0)


@pytest.mark.parametrize(
    ("muxer", "encoder"),
    [("wav", "pcm_f32le"), ("flac", "flac"), ("mp4", "aac"), ("webm", "libopus")],
)
def test_what_a_container_cannot_hold_falls_back(tmp_path: Path, muxer: str, encoder: str) -> None:
    path = write_clip(tmp_path / "a.mkv", tones(0.3, 48000, 2), codec="pcm_f32le")
    assert chosen(path, muxer).encoder == encoder


def test_ac3_takes_the_next_rate_that_exists(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", tones(0.3, 48000, 6), layout="5.1", codec="ac3")
    assert chosen(path, "matroska", measured=385_000).bit_rate == 448_000


def test_opus_says_so_when_it_cannot_keep_the_rate(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", tones(0.3, 44100, 1), 44100, "mono", codec="pcm_f32le")
    found = chosen(path, "webm")
    assert (found.encoder, found.sample_rate) == ("libopus", 48000)
