"""Heads for tests: MIT KEMAR where the machine has it, and ones that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seehear.dsp.hrir import HrirSet
from seehear.tasks.spatialize.heads import find_kemar, head_from_file

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "hrir"


def kemar(sample_rate: int) -> HrirSet:
    """The measured dummy head at a rate; skips the test where there is none."""
    shared = SHARED / "mit_kemar_normal_pinna.sofa"
    found = find_kemar() or (shared if shared.is_file() else None)
    if found is None:
        pytest.skip("no MIT KEMAR: neither libmysofa nor ../shared/data/hrir has it")
    return head_from_file(found, sample_rate)


def lag_us(left: torch.Tensor, right: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Broadband delay of the left ear behind the right one, by cross-correlation, microseconds."""
    n_fft = 1 << (2 * left.shape[-1]).bit_length()
    cross = torch.fft.rfft(left.double(), n_fft) * torch.fft.rfft(right.double(), n_fft).conj()
    best = torch.fft.irfft(cross, 8 * n_fft).argmax(dim=-1)
    return torch.where(best > 4 * n_fft, best - 8 * n_fft, best) * 1e6 / (8 * sample_rate)
