"""The reference of a transfer: any file with sound, fitted to the video's length and encoded.

A longer reference is cut at the end, a shorter one is repeated, the end of each round cross-faded into the next
one's beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.checkpoint import file_sha256
from seehear.dsp.resample import ResampleStream
from seehear.dsp.window import fade_in
from seehear.errors import InputError
from seehear.media.codecs import named_layout
from seehear.media.opening import open_input
from seehear.media.read import SoundDecoder, sound_blocks, track_stream
from seehear.tasks.generate.codec import PIECE, Codec, piece_starts
from seehear.tasks.generate.keeping import Keep, Table
from seehear.tasks.generate.sounding import joined
from seehear.tasks.hearing import mono_blocks

Block = NDArray[np.float32]

NOTE, WAVE, LATENTS = "reference", "reference-wave", "reference-latents"
FADE_S = 0.02
SHORTEST_S = 0.05


def check_reference(path: str) -> None:
    """Refuse a reference without sound before anything heavy is loaded.

    Raises:
        InputError: unreadable, or no sound.
    """
    with open_input(path) as container:
        SoundDecoder(track_stream(container, 0))


def hear_reference(
    codec: Codec, path: str, columns: int, num_samples: int, keep: Keep
) -> tuple[Callable[[int, int], Tensor], dict[str, Any]]:
    """Read, fit and encode a reference.

    Args:
        codec: encoder.
        path: file with sound.
        columns: latents of the video.
        num_samples: its length at the codec's rate; latents beyond it are filled as `Codec.encode` does.
        keep: where waveform and latents go.

    Returns:
        Function (start, stop) -> scaled latents [latent, stop - start], and facts for the receipt.

    Raises:
        InputError: not even `SHORTEST_S` of sound.
    """
    table = keep.table(LATENTS, codec.latent_channels)
    facts = keep.noted(NOTE)
    if facts is None:
        wave = keep.table(WAVE, 1)
        fewest = (columns - 1) * codec.samples_per_latent + 1
        wanted = min(max(num_samples, fewest), columns * codec.samples_per_latent)
        facts = _fit(path, wave, wanted, codec.sample_rate)
        table.cut(0)

        def encode(start: int) -> Tensor:
            size = codec.samples_per_latent
            stop = min(start + PIECE, columns)
            samples = torch.from_numpy(wave.read(start * size, stop * size)).T
            return codec.encode(samples)[0].cpu()

        for block in joined(piece_starts(columns), encode, 1):
            table.append(block.T.contiguous().numpy())
        keep.drop(WAVE)
        keep.note(NOTE, facts)

    def read(start: int, stop: int) -> Tensor:
        return torch.from_numpy(table.read(start, stop).T.copy())

    return read, facts


def _fit(path: str, wave: Table, wanted: int, sample_rate: int) -> dict[str, Any]:
    """Fill a table with so many samples of the reference."""
    wave.cut(0)
    is_longer = False
    for block in _mono(path, sample_rate):
        missing = wanted - len(wave)
        wave.append(block.T[:missing])
        if block.shape[1] > missing:
            is_longer = True
            break
    heard = len(wave)
    if heard < min(round(SHORTEST_S * sample_rate), wanted):
        raise InputError(
            f"the reference {path!r} has only {heard / sample_rate:.3f} s of sound; "
            f"at least {SHORTEST_S:g} s are needed"
        )
    facts = {
        "path": path,
        "sha256": file_sha256(Path(path)),
        "fitted": "cut" if is_longer else "as it is",
        "heard_s": round(heard / sample_rate, 4),
    }
    if heard < wanted:
        facts["fitted"] = "repeated"
        facts["rounds"] = round(_repeat(wave, heard, wanted, round(FADE_S * sample_rate)), 3)
    return facts


def _repeat(wave: Table, heard: int, wanted: int, fade: int) -> float:
    """Go round until there are enough samples; returns how many rounds that took."""
    fade = min(fade, heard // 4)
    rise = fade_in(fade)[:, None]
    seam = wave.read(heard - fade, heard) * (1 - rise) + wave.read(0, fade) * rise
    wave.cut(heard - fade)
    while len(wave) < wanted:
        wave.append(seam[: wanted - len(wave)])
        rest = min(wanted - len(wave), heard - 2 * fade)
        wave.append(wave.read(fade, fade + rest))
    return wanted / (heard - fade)


def _mono(path: str, sample_rate: int) -> Iterator[Block]:
    """The first sound track, mixed down, at a rate; blocks [1, n]."""
    with open_input(path) as container:
        stream = track_stream(container, 0)
        decoder = SoundDecoder(stream)
        names = [c.name for c in named_layout(stream.codec_context.layout).channels]
        resampler = ResampleStream(decoder.sample_rate, sample_rate, 1)
        for block in mono_blocks(sound_blocks(container, decoder), decoder.sample_rate, names):
            yield resampler.push(block)
        yield resampler.finish()
