"""The copy: every other packet as it was, in its place, with all that describes it."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from seehear.errors import OutputError
from seehear.media.codecs import choose_format, output_format
from seehear.media.mux import Cut, Remux, packet_hashes
from seehear.media.opening import open_input
from seehear.media.read import SoundDecoder
from tests.media_kit import decode, payloads, tones, write_clip


def copy_through(source: Path, output: Path, gain: float = 1.0, **options: Any) -> Remux:
    """Decode the first track, scale it, and remux."""
    with open_input(source) as container:
        track = container.streams.audio[0]
        muxer = output_format(output)
        sound = choose_format(track, muxer, 0)
        remux = Remux(container, output, muxer, track, sound, **options)
        decoder = SoundDecoder(track)
        for packet in remux.packets():
            for block in decoder.decode(packet):
                remux.write(gain * block, decoder.report.first_s or 0.0)
        remux.finish()
        return remux


def stamps(path: Path, kind: str) -> list[float]:
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [float(p.pts * p.time_base) for p in container.demux(stream) if p.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".ts"])
def test_payloads_and_relative_times_stay(tmp_path: Path, suffix: str) -> None:
    codec = {".avi": "libmp3lame"}.get(suffix, "aac")
    source = write_clip(tmp_path / f"in{suffix}", tones(2.0, 48000, 2), codec=codec)
    out = tmp_path / f"out{suffix}"
    copy_through(source, out, gain=0.5)
    assert payloads(out) == payloads(source)
    old, new = (np.array(stamps(path, "video")) for path in (source, out))
    np.testing.assert_allclose(new - new[0], old - old[0], atol=1e-3)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "flac"), (".mov", "pcm_s24le"), (".avi", "pcm_s16le")]
)
def test_lossless_sound_stays_in_place_to_the_sample(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    source = write_clip(tmp_path / f"in{suffix}", tones(1.0, 48000, 2), codec=codec)
    copy_through(source, tmp_path / f"out{suffix}")
    old, new = decode(source), decode(tmp_path / f"out{suffix}")
    assert new[2] == pytest.approx(old[2], abs=1e-3)
    np.testing.assert_allclose(new[0], old[0], atol=2 / 32768)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".avi", "libmp3lame")])
def test_lossy_sound_stays_in_place_within_a_millisecond(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    source = write_clip(tmp_path / f"in{suffix}", tones(2.0, 48000, 1), layout="mono", codec=codec)
    copy_through(source, tmp_path / f"out{suffix}")
    old, new = decode(source)[0][0], decode(tmp_path / f"out{suffix}")[0][0]
    middle = old[30000:60000]
    lags = range(-960, 961, 1)
    scores = [float(middle @ new[30000 + lag : 60000 + lag]) for lag in lags]
    assert abs(lags[int(np.argmax(scores))]) <= 48


def test_late_sound_stays_late(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", tones(1.0, 48000, 1), layout="mono", sound_start_s=0.5)
    copy_through(source, tmp_path / "out.mp4")
    old, new = decode(source), decode(tmp_path / "out.mp4")
    assert old[2] == pytest.approx(0.5, abs=0.03)
    moved = new[2] - old[2]
    assert abs(moved) <= 1024 / 48000 + 1e-3
    shift = round(moved * 48000)
    part = old[0][0, 10000:30000]
    found = new[0][0, 10000 - shift - 100 : 30000 - shift + 100]
    assert abs(int(np.argmax(np.correlate(found, part, "valid"))) - 100) <= 48


def test_tags_chapters_and_order_stay(tmp_path: Path) -> None:
    plain = write_clip(
        tmp_path / "plain.mkv", tones(2.0, 48000, 2), codec="flac",
        languages=("eng", "fra"), tags={"title": "☂ film", "MY_TAG": "kept"},
    )  # fmt: skip
    source = tmp_path / "in.mkv"
    with av.open(str(plain)) as reader, av.open(str(source), "w") as writer:
        writer.metadata.update(reader.metadata)
        twins = {s.index: writer.add_stream_from_template(s, opaque=True) for s in reader.streams}
        for stream in reader.streams:
            twins[stream.index].metadata.update(stream.metadata)
        marks = [
            {"id": n, "start": n * 1000, "end": n * 1000 + 1000, "time_base": Fraction(1, 1000),
             "metadata": {"title": f"part {n}"}}
            for n in range(2)
        ]  # fmt: skip
        writer.set_chapters(marks)
        for packet in reader.demux():
            if packet.size:
                packet.stream = twins[packet.stream_index]
                writer.mux_one(packet)
    out = tmp_path / "out.mkv"
    copy_through(source, out)
    with av.open(str(source)) as old, av.open(str(out)) as new:
        assert [s.type for s in new.streams] == [s.type for s in old.streams]
        assert [s.language for s in new.streams.audio] == ["eng", "fra"]
        assert {**new.metadata, "ENCODER": ""} == {**old.metadata, "ENCODER": ""}
        titles = [[c["metadata"]["title"] for c in m.chapters()] for m in (old, new)]
        assert titles[0] == titles[1] == ["part 0", "part 1"]


def test_index_in_front_stays_in_front(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    plain = write_clip(tmp_path / "plain.mp4", tones(1.0, 48000, 1), layout="mono")
    with (
        av.open(str(plain)) as reader,
        av.open(str(source), "w", container_options={"movflags": "faststart"}) as writer,
    ):
        twins = {s.index: writer.add_stream_from_template(s, opaque=True) for s in reader.streams}
        for packet in reader.demux():
            if packet.size:
                packet.stream = twins[packet.stream_index]
                writer.mux_one(packet)
    copy_through(source, tmp_path / "out.mp4")
    copy_through(plain, tmp_path / "plain_out.mp4")
    for path, in_front in ((tmp_path / "out.mp4", True), (tmp_path / "plain_out.mp4", False)):
        data = path.read_bytes()
        assert (data.find(b"moov") < data.find(b"mdat")) is in_front


def test_hashes_are_those_of_the_payloads(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mkv", tones(0.5, 48000, 1), layout="mono", codec="flac")
    digest, count = packet_hashes(source)[0]
    packets = payloads(source)
    assert count == len(packets)
    assert digest == hashlib.sha256(b"".join(packets)).hexdigest()


def test_a_cut_keeps_the_group_of_pictures_that_it_needs(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "in.mkv", tones(4.0, 48000, 1), layout="mono", codec="flac", gop=10
    )
    with open_input(source) as container:
        track = container.streams.audio[0]
        remux = Remux(
            container, tmp_path / "out.mkv", "matroska", track,
            choose_format(track, "matroska", 0), cut=Cut(1.5, 3.0),
        )  # fmt: skip
        for _ in remux.packets():
            pass
        assert remux.shift_s == pytest.approx(1.0)  # the key frame before the cut
        remux.write(tones(1.5, 48000, 1), 1.5)
        remux.finish()
    kept = payloads(tmp_path / "out.mkv")
    assert kept[0] == payloads(source)[10]
    assert 20 <= len(kept) <= 22  # reordered frames of the end come along
    assert decode(tmp_path / "out.mkv")[2] == pytest.approx(0.5, abs=1e-3)


def test_what_a_container_cannot_hold_is_said(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", tones(0.5, 48000, 1), layout="mono")
    with pytest.raises(OutputError, match="cannot hold the h264"):
        copy_through(source, tmp_path / "out.webm")


def test_flac_is_24_bit_so_that_others_can_read_it(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mkv", tones(0.3, 48000, 2), codec="flac")
    copy_through(source, tmp_path / "out.flac", alone=True)
    assert soundfile.info(tmp_path / "out.flac").subtype == "PCM_24"
