"""The table of reconstruction: a perfect system is perfect, baselines are in order, intervals cover."""

from pathlib import Path

import pytest
import torch

from seehear.dsp.mel import log_mel
from seehear.errors import InputError
from seehear.tasks.generate.codec import tiny_codec
from seehear.tasks.generate.reconstruction import (
    SYSTEMS,
    griffin_lim,
    measure_reconstruction,
    reconstruct,
    summarise,
)
from tests.unit.data.corpus import make_corpus


def tone(samples: int = 16000) -> torch.Tensor:
    at = torch.arange(samples) / 16000
    return 0.3 * torch.sin(2 * torch.pi * 440 * at) * torch.exp(-3 * at)


def test_every_system_is_measured() -> None:
    rows = reconstruct(tiny_codec(), [tone(), tone(1000)])
    assert [(row.sound, row.system) for row in rows] == [(s, n) for s in (0, 1) for n in SYSTEMS]
    assert all(row.mel_l1 > 0 for row in rows)
    table = summarise(rows, ["a", "b"])
    assert set(table["vae"]) == {"mel_l1"} and set(table["codec"]) >= {"mel_l1", "log_magnitude"}
    noise, lim = table["noise"]["mel_l1"].value, table["griffin-lim"]["mel_l1"].value
    assert lim < 0.5 * noise, "phases by rounds are better than noise"
    with pytest.raises(InputError, match="mono sounds"):
        reconstruct(tiny_codec(), [torch.zeros(1, 16000)])


def test_griffin_lim_keeps_length_and_spectrum() -> None:
    codec = tiny_codec()
    sound = 0.1 * torch.randn(1, 16000, generator=torch.Generator().manual_seed(0))
    mel = log_mel(sound, codec.mel)
    made = griffin_lim(mel, codec)
    assert made.shape == (1, 16000)
    assert float((log_mel(made, codec.mel) - mel).abs().mean()) < 0.2


def test_test_split_of_a_manifest(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, splits=("train", "test"), copies=1)
    rows, table = measure_reconstruction(tiny_codec(), corpus, most=3)
    assert len({row.sound for row in rows}) == 3
    found = table["codec"]["mel_l1"]
    assert found.num_recordings == 3 and found.low <= found.value <= found.high
