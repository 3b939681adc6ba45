"""Batched LU stays right after what training starts (docs/decisions/0006-threads.md)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.repo.source import ROOT

CODE = """
import sys
import torch
if sys.argv[1] == "accelerate":
    from accelerate import Accelerator
    Accelerator(cpu=True)
generator = torch.Generator().manual_seed(0)
for size in (200, 512):
    a = torch.randn(2, size, size, generator=generator, dtype=torch.float64)
    b = torch.randn(2, size, 1, generator=generator, dtype=torch.float64)
    batched = torch.linalg.solve(a, b)
    looped = torch.stack([torch.linalg.solve(m, v) for m, v in zip(a, b)])
    residual = (a @ batched - b).abs().max()
    assert residual < 1e-8, f"batched solve of size {size} is off by {residual}"
    assert torch.allclose(batched, looped, rtol=1e-6, atol=1e-8), size
"""


@pytest.mark.parametrize("started", ["nothing", "accelerate"])
def test_batched_solve_equals_looped_solve(started: str) -> None:
    if started == "accelerate":
        pytest.importorskip("accelerate")
    environment = {k: v for k, v in os.environ.items() if k != "MKL_DYNAMIC"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, started],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
