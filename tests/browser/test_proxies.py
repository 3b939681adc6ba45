"""What `listen new` writes comes back from the browser's decoder in place, to the sample."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from seehear.listen.proxies import displacement, write_sound
from seehear.listen.sounds import RATE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DECODE = """
async ([data, rate]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const decoded = await new OfflineAudioContext(2, 1, rate).decodeAudioData(bytes.buffer);
  const raw = new Uint8Array(decoded.getChannelData(0).slice().buffer);
  let text = "";
  for (let i = 0; i < raw.length; i += 4096) {
    text += String.fromCharCode(...raw.subarray(i, i + 4096));
  }
  return [decoded.sampleRate, decoded.numberOfChannels, btoa(text)];
}
"""


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_sounds_are_decoded_in_place(suffix: str, tmp_path: Path, chromium: Browser) -> None:
    noise = torch.randn(2, 61_441) * 0.1
    noise[:, 20_000:30_000] = 0.0
    path = tmp_path / f"sound.{suffix}"
    write_sound(path, noise, seed=0)
    page = chromium.new_page()
    try:
        given = base64.b64encode(path.read_bytes()).decode()
        rate, channels, data = page.evaluate(DECODE, [given, RATE])
    finally:
        page.close()
    left = torch.from_numpy(np.frombuffer(base64.b64decode(data), np.float32).copy())
    assert (rate, channels) == (RATE, 2)
    assert left.shape == noise[0].shape
    assert displacement(noise[0], left) == 0
    if suffix == "flac":
        assert float((left - noise[0]).abs().max()) <= 2 * 2.0**-15
