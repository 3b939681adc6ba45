"""The codec of `generate`: sound to scaled latents, and latents to sound.

Three steps with one rate each: a log-mel spectrogram (50 columns/s), latents of the autoencoder (25/s,
multiplied by a scale that gives them a deviation of about 1), and a vocoder (320 samples a column).

What is exact in pieces and what is not: vocoders look at a limited number of columns on each side, so
`vocode_stream` gives the samples that `vocode` gives. The starter's autoencoder does too, so its `decode_long`
is `decode`. The published one normalises and attends over all columns it gets, so pieces differ from the
whole; there `decode_long` cross-fades generous pieces (see there).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.checkpoint import Checkpoint, load_checkpoint
from seehear.dsp.mel import MelConfig, log_mel
from seehear.errors import ModelError
from seehear.models import build_tiny
from seehear.models.visualaudio.vae import MelVAE
from seehear.runtime import Runtime

VOCODERS = ("melwave", "bigvgan")
PIECE = 400
"""Latent columns that are decoded at once (16 s at 25/s)."""
OVERLAP = 50
"""Latent columns that neighbouring pieces share."""
BLOCK = 500
"""Mel columns that are vocoded at once, without their context."""


class SoundEncoder:
    """Sound to scaled latents, without a vocoder.

    Args:
        vae: autoencoder.
        scale: latents are multiplied by this; 1 / their deviation.
        runtime: where it runs; default: the CPU in float32.

    Raises:
        ModelError: a scale that is not above 0.
    """

    def __init__(self, vae: MelVAE, scale: float, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or Runtime(torch.device("cpu"))
        self.mel: MelConfig = vae.config.mel
        if not scale > 0:
            raise ModelError(f"the scale of latents must be above 0, not {scale}")
        self.vae = vae.eval().to(self.runtime.device)
        self.scale = scale
        self.sample_rate = self.mel.sample_rate
        self.hop_length = self.mel.hop_length
        self.samples_per_latent = self.hop_length * vae.config.compression
        self.latent_rate = self.sample_rate / self.samples_per_latent
        self.latent_channels = vae.config.latent

    def analyse(self, waveform: Tensor) -> Tensor:
        """Log-mel spectrogram of a sound, filled up to whole latents.

        Args:
            waveform: [B, T], T >= 1; beyond -1..1 it is clipped.

        Returns:
            [B, num_mels, 2 L], L = ceil(T / samples_per_latent).
        """
        waveform = waveform.to(self.runtime.device, torch.float32).clamp(-1.0, 1.0)
        missing = -waveform.shape[-1] % self.samples_per_latent
        # A sound shorter than its filling cannot be mirrored.
        mode = "reflect" if missing < waveform.shape[-1] else "constant"
        with torch.inference_mode():
            return log_mel(functional.pad(waveform, (0, missing), mode=mode), self.mel)

    def encode(self, waveform: Tensor) -> Tensor:
        """Sound to scaled latents (posterior means).

        Args:
            waveform: [B, T], T >= 1.

        Returns:
            [B, latent_channels, L], L = ceil(T / samples_per_latent).
        """
        mel = self.analyse(waveform)
        with self.runtime.inference():
            mean: Tensor = self.vae.encode(mel).mean
        return mean.float() * self.scale


class Codec(SoundEncoder):
    """Autoencoder and vocoder of one front end.

    Args:
        vae: autoencoder.
        vocoder: `forward(log-mel [B, num_mels, M])` gives M * hop_length samples; its configuration says
            its front end (`mel`) and how many columns it looks at on each side (`context`).
        scale: latents are multiplied by this; 1 / their deviation.
        runtime: where it runs; default: the CPU in float32.

    Raises:
        ModelError: the two do not share a front end; a scale that is not above 0.
    """

    def __init__(
        self, vae: MelVAE, vocoder: nn.Module, scale: float, runtime: Runtime | None = None
    ) -> None:
        super().__init__(vae, scale, runtime)
        settings: Any = vocoder.config
        if settings.mel != self.mel:
            raise ModelError(
                f"the autoencoder hears {self.mel}, the vocoder {settings.mel}; take two that "
                f"were trained for one front end"
            )
        self.vocoder = vocoder.eval().to(self.runtime.device)
        self.context: int = settings.context

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents [B, latent_channels, L] to a log-mel spectrogram [B, num_mels, 2 L]."""
        with self.runtime.inference():
            mel = self.vae.decode(latents.to(self.runtime.device, torch.float32) / self.scale)
        return mel.float()

    def decode_long(self, latents: Tensor, piece: int = PIECE, overlap: int = OVERLAP) -> Tensor:
        """`decode` in pieces, for sounds of any length.

        An autoencoder with a limited `context` gives what `decode` gives (equal up to rounding, about 1e-5).
        One that normalises and attends over all columns sees one piece at a time: overlapping pieces are
        cross-faded, and a column differs from `decode` of the whole by what the neighbourhood of 16 s says
        less than the whole. Up to `piece` columns it is `decode`, to the bit.

        Args:
            latents: [B, latent_channels, L].
            piece: columns decoded at once.
            overlap: columns that neighbours share where they are cross-faded, less than half of `piece`.
        """
        length, context = latents.shape[-1], self.vae.config.context
        if length <= piece:
            return self.decode(latents)
        if context is None:
            return self._decode_faded(latents, piece, overlap)
        made, step = [], self.vae.config.compression
        for start in range(0, length, piece):
            first, end = max(start - context, 0), min(start + piece, length)
            mel = self.decode(latents[..., first : end + context])
            made.append(mel[..., step * (start - first) : step * (end - first)])
        return torch.cat(made, dim=-1)

    def _decode_faded(self, latents: Tensor, piece: int, overlap: int) -> Tensor:
        made: Tensor | None = None
        for start in piece_starts(latents.shape[-1], piece, overlap):
            new = self.decode(latents[..., start : start + piece])
            made = new if made is None else _join(made, new, self.vae.config.compression * start)
        assert made is not None, "there is a piece"
        return made

    def vocode(self, mel: Tensor) -> Tensor:
        """Log-mel spectrogram [B, num_mels, M] to sound [B, M * hop_length]."""
        with self.runtime.inference():
            waveform = self.vocoder(mel.to(self.runtime.device, torch.float32))
        return waveform.float().flatten(1)

    def vocode_stream(self, mel_blocks: Iterable[Tensor], block: int = BLOCK) -> Iterator[Tensor]:
        """`vocode` of blocks that follow each other, in flat memory.

        The pieces joined are `vocode` of the joined blocks (equal up to rounding, about 1e-5), however the
        blocks are cut.

        Args:
            mel_blocks: [B, num_mels, m] each.
            block: columns vocoded at once.

        Yields:
            [B, n] each; together as many samples as there are columns times hop_length.
        """
        held: Tensor | None = None
        left = 0
        for new in mel_blocks:
            held = new if held is None else torch.cat([held, new], dim=-1)
            while held.shape[-1] - left >= block + self.context:
                yield self._inner(held[..., : left + block + self.context], left, block)
                drop = max(left + block - self.context, 0)
                held, left = held[..., drop:], left + block - drop
        if held is not None and held.shape[-1] > left:
            yield self._inner(held, left, held.shape[-1] - left)

    def _inner(self, mel: Tensor, left: int, count: int) -> Tensor:
        """Sound of `count` columns after `left` ones of context."""
        whole = self.vocode(mel)
        return whole[..., left * self.hop_length : (left + count) * self.hop_length]


def piece_starts(length: int, piece: int = PIECE, overlap: int = OVERLAP) -> list[int]:
    """Where the pieces of `decode_long` begin, latent columns.

    Pieces are equal: a short last one would be normalised by little.

    >>> piece_starts(1000)
    [0, 300, 600]
    """
    if length <= piece:
        return [0]
    count = -(-(length - overlap) // (piece - overlap))
    return [round(k * (length - piece) / (count - 1)) for k in range(count)]


def _join(made: Tensor, new: Tensor, start: int) -> Tensor:
    """Cross-fade `new`, which begins at column `start`, into what is there."""
    shared = made.shape[-1] - start
    rise = (torch.arange(shared, device=new.device) + 0.5) / shared
    mixed = made[..., start:] * (1 - rise) + new[..., :shared] * rise
    return torch.cat([made[..., :start], mixed, new[..., shared:]], dim=-1)


def load_codec(
    vae_folder: Path,
    vocoder_folder: Path,
    scale: float | None = None,
    runtime: Runtime | None = None,
) -> Codec:
    """Codec of two checkpoint folders.

    Args:
        vae_folder: of a `melvae`.
        vocoder_folder: of a `melwave` or `bigvgan`.
        scale: of latents; default: what the autoencoder's checkpoint says (`latent_scale`).
        runtime: where it runs.

    Raises:
        ModelError: a folder holds something else; the checkpoint says no scale and none is given.
    """
    encoder = load_sound_encoder(vae_folder, scale, runtime)
    vocoder = load_checkpoint(vocoder_folder)
    _expect(vocoder, vocoder_folder, VOCODERS)
    return Codec(encoder.vae, vocoder.module, encoder.scale, runtime)


def load_sound_encoder(
    vae_folder: Path, scale: float | None = None, runtime: Runtime | None = None
) -> SoundEncoder:
    """What makes latents, of a checkpoint folder of a `melvae`; see `load_codec`.

    Raises:
        ModelError: the folder holds something else; the checkpoint says no scale and none is given.
    """
    vae = load_checkpoint(vae_folder)
    _expect(vae, vae_folder, ("melvae",))
    assert isinstance(vae.module, MelVAE), "the table of models says so"
    if scale is None:
        if "latent_scale" not in vae.meta:
            raise ModelError(
                f"{vae_folder} does not say the scale of its latents; give it, or train with "
                f"`train generate`, which measures it"
            )
        scale = float(vae.meta["latent_scale"])
    return SoundEncoder(vae.module, scale, runtime)


def tiny_codec(runtime: Runtime | None = None) -> Codec:
    """Seeded codec of the tiny models, for tests and dry runs."""
    vae = build_tiny("melvae")
    assert isinstance(vae, MelVAE), "the table of models says so"
    return Codec(vae, build_tiny("melwave"), 1.0, runtime)


def _expect(found: Checkpoint, folder: Path, names: tuple[str, ...]) -> None:
    if found.name not in names:
        raise ModelError(f"{folder} holds a {found.name}; a {' or '.join(names)} is needed here")
