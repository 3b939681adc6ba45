"""Fixtures of the whole suite: no network, no writing outside tmp, a seed per test."""

from __future__ import annotations

import socket
import zlib

import numpy as np
import pytest
import torch

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def block_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only loopback may be reached; a forgotten download fails at once."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0] if isinstance(address, tuple) else address
            if host not in LOOPBACK:
                raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def seed_per_test(request: pytest.FixtureRequest) -> None:
    """Each test starts from a seed made of its name, so order does not matter."""
    seed = zlib.crc32(request.node.nodeid.encode())
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
