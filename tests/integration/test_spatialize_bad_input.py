"""spatialize on sound that is not mono and pictures that are not plain."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch

from seehear.cli.main import main
from seehear.dsp.convolve import convolve
from seehear.dsp.hrir import spherical_head
from seehear.errors import InputError
from seehear.media.part import receipt_path
from seehear.tasks.spatialize.config import SpatializeOptions
from seehear.tasks.spatialize.infer import spatialize
from tests.integration.test_spatialize_file import TINY, mixed_down, read, run
from tests.media_kit import Block, decode, payloads, tones, write_clip

RATE = 32000


def binaural(seconds: float, azimuth_deg: float) -> Block:
    """Noise bursts and a tone heard by a sphere."""
    sound = torch.from_numpy(tones(seconds, RATE, 1))
    noise = torch.randn(sound.shape, generator=torch.Generator().manual_seed(0))
    response = spherical_head(RATE).at(azimuth_deg)[0]
    heard: Block = convolve(sound + 0.05 * noise, response)[:, : sound.shape[1]].numpy()
    return 0.5 * heard


@pytest.fixture(scope="module")
def dummy_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("head")
    return write_clip(folder / "head.mkv", binaural(2.0, 40.0), RATE, codec="flac")


def test_binaural_sound_is_left_alone(
    dummy_head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mkv"
    words = [str(dummy_head), "-o", str(out), "--model", TINY, "--hrtf", "sphere"]
    assert main(["spatialize", *words]) == 3
    assert "binaural already" in capsys.readouterr().err
    assert payloads(out, "audio") == payloads(dummy_head, "audio")
    assert payloads(out) == payloads(dummy_head)
    assert receipt_path(out).is_file()
    run(dummy_head, tmp_path / "out.wav")
    np.testing.assert_array_equal(read(tmp_path / "out.wav"), decode(dummy_head)[0])
    run(dummy_head, tmp_path / "part.mkv", start=0.5, duration=0.5)
    assert decode(tmp_path / "part.mkv")[0].shape == (2, RATE // 2)


def test_binaural_sound_may_be_mixed_down(dummy_head: Path, tmp_path: Path) -> None:
    record = run(dummy_head, tmp_path / "out.wav", force_mono=True)
    assert record["channels"]["binaural"]
    ears = read(tmp_path / "out.wav")
    assert np.abs(ears.mean(axis=0) - mixed_down(dummy_head)).max() < 1e-5
    with pytest.raises(InputError, match="ambisonics are made from mono"):
        run(dummy_head, tmp_path / "field.wav", format="foa")
    run(dummy_head, tmp_path / "field.wav", format="foa", force_mono=True)


def test_surround_sound(tmp_path: Path) -> None:
    sound = tones(0.5, RATE, 6)
    source = write_clip(tmp_path / "in.mkv", sound, RATE, "5.1", codec="flac")
    with pytest.raises(InputError, match=r"6 channels \(5.1.*--force-mono"):
        run(source, tmp_path / "out.wav")
    run(source, tmp_path / "out.wav", force_mono=True)
    assert read(tmp_path / "out.wav").shape == (2, sound.shape[1])


def test_one_frame(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "in.mkv", tones(1.0, RATE, 1), RATE, "mono", codec="flac", seconds=0.1
    )
    run(source, tmp_path / "out.wav")
    assert read(tmp_path / "out.wav").shape == (2, RATE)


def test_a_turned_picture_is_seen_upright(tmp_path: Path) -> None:
    """What is left when displayed is left, however the picture is stored."""
    source = write_clip(tmp_path / "in.mp4", tones(1.0, RATE, 1), RATE, "mono")
    turned = tmp_path / "turned.mp4"
    with av.open(str(source)) as before, av.open(str(turned), "w") as after:
        streams = {s.index: after.add_stream_from_template(s) for s in before.streams}
        streams[before.streams.video[0].index].set_display_rotation(90)
        for packet in before.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                after.mux(packet)
    run(source, tmp_path / "plain.wav")
    run(turned, tmp_path / "turned.wav")
    plain, other = read(tmp_path / "plain.wav"), read(tmp_path / "turned.wav")
    assert other.shape == plain.shape
    assert np.abs(other - plain).max() > 1e-5


def test_damaged_end(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "whole.mkv", tones(3.0, RATE, 1), RATE, "mono", codec="flac")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(source.read_bytes()[: int(0.6 * source.stat().st_size)])
    options = SpatializeOptions(input=str(cut), output=tmp_path / "o.mkv", model=TINY)
    result = spatialize(options)
    assert any("before the end that its header promises" in s for s in result.warnings)


def test_sound_alone_needs_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "in.wav", tones(0.2, 16000, 1).T, 16000)
    words = [str(tmp_path / "in.wav"), "-o", str(tmp_path / "o.wav"), "--model", TINY]
    assert main(["spatialize", *words]) == 1
    assert "--positions" in capsys.readouterr().err
