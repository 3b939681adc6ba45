"""Latents to sound in pieces: as the codec does it whole, and without a trace of interruptions."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from seehear.errors import InputError
from seehear.tasks.generate.codec import Codec, tiny_codec
from seehear.tasks.generate.compose import column_noise
from seehear.tasks.generate.keeping import MemoryKeep
from seehear.tasks.generate.reference import check_reference, hear_reference
from seehear.tasks.generate.sounding import sound_of


@pytest.fixture(scope="module")
def codec() -> Codec:
    return tiny_codec()


def silent(_share: float) -> None:
    pass


def wave(codec: Codec, latents: torch.Tensor, keep: MemoryKeep | None = None) -> torch.Tensor:
    table = sound_of(codec, latents, keep or MemoryKeep(), silent)
    return torch.from_numpy(table.read(0, len(table))).reshape(-1)


@pytest.mark.parametrize("columns", [2, 200, 900])
def test_pieces_are_what_the_codec_makes(codec: Codec, columns: int) -> None:
    latents = column_noise(1, 0, columns, codec.latent_channels)
    whole = codec.vocode(codec.decode_long(latents[None]))[0]
    made = wave(codec, latents)
    assert made.shape == (columns * codec.samples_per_latent,)
    torch.testing.assert_close(made, whole, atol=1e-4, rtol=1e-4)


class _Stopped(Exception):
    pass


def test_interruptions_leave_no_trace(codec: Codec) -> None:
    latents = column_noise(1, 0, 1300, codec.latent_channels)
    whole = wave(codec, latents)
    keep = MemoryKeep()
    for limit in (0.05, 0.15, 0.4, 0.7):

        def told(share: float, limit: float = limit) -> None:
            if share > limit:
                raise _Stopped

        with pytest.raises(_Stopped):
            sound_of(codec, latents, keep, told)
        keep.table("wave", codec.hop_length).append(np.ones((2, codec.hop_length), np.float32))
    assert torch.equal(wave(codec, latents, keep), whole)


@pytest.fixture
def tone(tmp_path: object) -> str:
    path = f"{tmp_path}/tone.wav"
    t = np.arange(32000) / 16000
    both = np.stack([np.sin(700 * t), np.sin(700 * t)], axis=1)
    soundfile.write(path, 0.3 * both, 16000, subtype="FLOAT")
    return path


def test_a_reference_is_its_own_round_trip(codec: Codec, tone: str) -> None:
    read, facts = hear_reference(codec, tone, 50, 32000, MemoryKeep())
    assert facts["fitted"] == "as it is"
    assert facts["heard_s"] == pytest.approx(2.0)
    sound = soundfile.read(tone, dtype="float32")[0][:, 0]
    direct = codec.encode(torch.from_numpy(sound)[None])[0]
    torch.testing.assert_close(read(0, 50), direct, atol=1e-4, rtol=1e-4)
    assert torch.equal(read(10, 20), read(0, 50)[:, 10:20])


def test_long_references_are_cut_and_short_ones_repeated(codec: Codec, tone: str) -> None:
    read, facts = hear_reference(codec, tone, 20, 12800, MemoryKeep())
    assert facts["fitted"] == "cut"
    assert read(0, 20).shape == (20, 20)
    keep = MemoryKeep()
    read, facts = hear_reference(codec, tone, 500, 320000, keep)
    assert facts["fitted"] == "repeated"
    assert facts["rounds"] == pytest.approx(20 / 1.98, rel=1e-3)
    assert read(0, 500).shape == (20, 500)
    assert torch.isfinite(read(0, 500)).all()
    again, told = hear_reference(codec, tone, 500, 320000, keep)
    assert told == facts
    assert torch.equal(again(0, 500), read(0, 500))


def test_references_without_sound_are_refused(codec: Codec, tmp_path: object) -> None:
    path = f"{tmp_path}/short.wav"
    soundfile.write(path, np.zeros(100), 22050)
    check_reference(path)
    with pytest.raises(InputError, match=r"at least 0\.05 s"):
        hear_reference(codec, path, 50, 32000, MemoryKeep())
    with pytest.raises(InputError, match="cannot open"):
        check_reference(f"{tmp_path}/missing.wav")
