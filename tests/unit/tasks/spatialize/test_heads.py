"""Heads by name: what is found, what is computed, what a user reads when neither works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.dsp.arrival import onsets
from seehear.dsp.binaural import ild_db, low_frequency_itd_us
from seehear.errors import InputError
from seehear.tasks.spatialize import heads
from seehear.tasks.spatialize.heads import default_head, find_kemar, load_head
from tests.unit.media.test_sofa import sofa


@pytest.fixture
def without_kemar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(heads, "DATA_FOLDERS", (str(tmp_path),))
    monkeypatch.delenv("XDG_DATA_DIRS", raising=False)


def test_sphere_is_always_there(without_kemar: None) -> None:
    assert default_head() == "sphere"
    head = load_head("sphere", 44100)
    assert head.sample_rate == 44100 and not head.sha256
    left, right = head.at(60.0).unbind(1)
    assert ild_db(left, right) > 3 and low_frequency_itd_us(left, right, 44100) < -400


def test_absent_kemar_says_what_to_do(without_kemar: None) -> None:
    with pytest.raises(InputError, match=r"libmysofa1.*sphere"):
        load_head("kemar", 48000)


def test_kemar_is_found_in_data_folders(
    without_kemar: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "share" / "libmysofa"
    folder.mkdir(parents=True)
    sofa(folder / heads.KEMAR)
    monkeypatch.setenv("XDG_DATA_DIRS", f"/nowhere:{tmp_path / 'share'}")
    assert find_kemar() == folder / heads.KEMAR and default_head() == "kemar"
    # Another file under that name is not passed off as KEMAR.
    head = load_head("kemar", 44100)
    assert head.name == "MIT_KEMAR_normal_pinna" and head.licence == "free"


def test_own_file(tmp_path: Path) -> None:
    head = load_head(sofa(tmp_path / "mine.sofa"), 48000)
    assert head.name == "mine" and len(head.sha256) == 64 and head.sample_rate == 48000
    assert onsets(head.responses).min() == pytest.approx(0.00075 * 48000, abs=2)
    assert head.nearest(0.0).square().sum().item() == pytest.approx(2, abs=1e-3)
    left, right = head.at(90.0).unbind(1)
    assert ild_db(left, right).item() == pytest.approx(20 * np.log10(1.5 / 0.5), abs=0.1)
    assert torch.equal(head.directions.norm(dim=1).round(decimals=9), torch.ones(4).double())


def test_wrong_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot open"):
        load_head(tmp_path / "none.sofa", 48000)
    with pytest.raises(InputError, match="cannot open"):
        load_head("kemer", 48000)


def test_system_kemar_is_the_published_one() -> None:
    if find_kemar() is None:
        pytest.skip("this system has no libmysofa data")
    head = load_head("kemar", 48000)
    assert head.name == "kemar" and head.sha256 == heads.KEMAR_SHA256
    assert "Gardner" in head.licence and len(head.directions) == 710
