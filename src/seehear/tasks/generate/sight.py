"""Sight: what a generator sees of a shot, and how well sounds fit it.

Frames of one shot become feature vectors of unit length at a fixed rate, sounds become vectors of the same
space. Two networks stand behind it: the published CAVP (4 frames a second, 224 pixels) and QuickCAVP (20
frames a second, with frozen appearance vectors of the space of words and pictures).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.checkpoint import load_checkpoint, tensors_sha256
from seehear.dsp.mel import log_mel
from seehear.errors import InputError, ModelError
from seehear.features.concepts import ENCODER_ID, FOLDER
from seehear.models.concepts import Concepts, tiny_concepts
from seehear.models.visualaudio.cavp import CAVP, CAVPConfig, audio_picture, pooled, tiny_cavp
from seehear.models.visualaudio.quick_cavp import QuickCAVP, tiny_quick_cavp
from seehear.runtime import Runtime

SAMPLE_RATE = 16000
SCORE_WINDOW_S = 4.0
TINY_APPEARANCE = "concepts:tiny"
BATCH = 64

Appearance = Callable[[Tensor], Tensor]
"""Float frames [N, 3, S, S] in 0..1 -> [N, A]."""


class Sight:
    """A network that sees and hears.

    Args:
        module: CAVP or QuickCAVP, in eval mode.
        runtime: where it works, and in which number format.
        sha256: of its weights.
        appearance: what makes QuickCAVP's appearance vectors; None for CAVP.

    Attributes:
        dim: numbers of a feature.
        frame_rate: frames per second that it wants.
        frame_size: side of the square frames that it wants, pixels.
        rate: features per second.
        context_s: seconds on each side that a feature depends on.
        piece_s: pieces of a shot must begin at a multiple of this.
    """

    def __init__(
        self,
        module: CAVP | QuickCAVP,
        runtime: Runtime,
        sha256: str,
        appearance: Appearance | None = None,
    ) -> None:
        self.module = module.to(runtime.device).eval()
        self.runtime, self.sha256, self._appearance = runtime, sha256, appearance
        config = module.config
        self.name = "cavp" if isinstance(module, CAVP) else "quick_cavp"
        self.dim, self.frame_size = config.dim, config.frame_size
        self.frame_rate = self.rate = config.frame_rate
        if isinstance(module, CAVP):
            context, every = _reach(module.config), 1
        else:
            context, every = module.config.context, module.config.look_every
        self.context_s, self.piece_s = context / self.frame_rate, every / self.frame_rate

    def encode(self, frames: Tensor) -> Tensor:
        """Features of a shot, or of a piece of one.

        Args:
            frames: float [S, 3, H, W] in 0..1, or uint8; `frame_rate` of them a second, sides
                `frame_size`.

        Returns:
            float32 [S, dim] on the CPU, rows of unit length; row i belongs to frame i.

        Raises:
            InputError: frames of another shape.
        """
        size = self.frame_size
        if frames.ndim != 4 or tuple(frames.shape[1:]) != (3, size, size) or not len(frames):
            raise InputError(
                f"{self.name} takes frames [S, 3, {size}, {size}], S > 0, not {tuple(frames.shape)}"
            )
        scaled = frames.float() / 255.0 if frames.dtype == torch.uint8 else frames
        with self.runtime.inference():
            scaled = scaled.to(self.runtime.device)
            if isinstance(self.module, CAVP):
                made = self.module.embed_video(scaled[None])
            else:
                small = reduced(scaled, self.module.config.motion_size)
                looks = self.looks(scaled)
                made = self.module.embed_video(small[None], looks[None])
            return functional.normalize(made[0].float(), dim=-1).cpu().clone()

    def looks(self, frames: Tensor) -> Tensor:
        """Appearance vectors of every `look_every`-th frame, [S, 3, H, W] -> [K, A]."""
        assert isinstance(self.module, QuickCAVP) and self._appearance is not None
        chosen = frames[:: self.module.config.look_every]
        return torch.cat([self._appearance(part) for part in torch.split(chosen, BATCH)])

    def encode_pieces(self, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
        """Features of a long shot whose frames come bit by bit; as `encode` of the whole.

        Args:
            pieces: frames in order, each [S, 3, H, W] of any S.

        Yields:
            Features [S', dim]; all of them together are one for each frame.
        """
        context, every = round(self.context_s * self.rate), round(self.piece_s * self.rate)
        held: Tensor | None = None
        done = 0  # features of the frames held that are given away already
        for piece in pieces:
            held = piece if held is None else torch.cat([held, piece])
            ready = len(held) - context
            if ready - done < max(context, every):
                continue
            made = self.encode(held)
            yield made[done:ready]
            # What is kept begins at a multiple of `every`, with the context before what is next.
            begin = max((ready - context) // every * every, 0)
            held, done = held[begin:], ready - begin
        if held is not None and len(held) > done:
            yield self.encode(held)[done:]

    def embed_sound(self, waveform: Tensor) -> Tensor:
        """Features of sounds.

        Args:
            waveform: float [B, T] at 16 kHz, T > 0.

        Returns:
            float32 [B, S, dim] on the CPU, rows of unit length, `rate` of them a second; S is T in
            steps, rounded up. What is missing of the last step is silence.
        """
        step = round(SAMPLE_RATE / self.rate)
        count = math.ceil(waveform.shape[-1] / step)
        # Two steps are five mel columns of QuickCAVP, and a mel picture needs a few columns.
        wanted = max(math.ceil(count / 2) * 2, 4) * step
        waveform = functional.pad(waveform, (0, wanted - waveform.shape[-1]))
        with self.runtime.inference():
            waveform = waveform.to(self.runtime.device)
            if isinstance(self.module, CAVP):
                made = self.module.embed_audio(audio_picture(waveform, self.module.config))
            else:
                made = self.module.embed_audio(log_mel(waveform, self.module.config.mel))
            made = functional.normalize(made[:, :count].float(), dim=-1)
            return made.cpu().clone()

    def score(self, video_features: Tensor, sound_features: Tensor) -> float:
        """How well a sound fits a shot, -1..1.

        The mean over windows of 4 s, side by side, of the cosine of both: of their maxima over time
        (CAVP), or step by step (QuickCAVP), which tells when as well as what.

        Args:
            video_features: [S, dim] of unit rows.
            sound_features: likewise; the longer one is cut.

        Raises:
            InputError: one of them is empty.
        """
        count = min(len(video_features), len(sound_features))
        if not count:
            raise InputError("a score needs features of picture and sound, one of them has none")
        video, sound = self.summary(video_features[:count]), self.summary(sound_features[:count])
        scores = torch.stack([(v * s).sum(-1).mean() for v, s in zip(video, sound, strict=True)])
        window = round(SCORE_WINDOW_S * self.rate)
        steps = torch.tensor([min(window, count - b) for b in range(0, count, window)]).float()
        return float((scores * steps).sum() / steps.sum())

    def summary(self, features: Tensor) -> list[Tensor]:
        """What is compared of each window of 4 s: unit rows [1, dim] (CAVP) or [steps, dim]."""
        parts = torch.split(features, round(SCORE_WINDOW_S * self.rate))
        if isinstance(self.module, CAVP):
            return [pooled(part[None]) for part in parts]
        return list(parts)


def reduced(frames: Tensor, size: int) -> Tensor:
    """Frames [..., 3, H, W] as means over squares, [..., 3, size, size].

    Raises:
        InputError: the side is no multiple of it.
    """
    side = frames.shape[-1]
    if side % size:
        raise InputError(f"frames of {side} pixels cannot be reduced to {size} evenly")
    small = functional.avg_pool2d(frames.flatten(0, -4), side // size)
    return small.reshape(*frames.shape[:-2], size, size)


def _reach(config: CAVPConfig) -> int:
    """Frames on each side that a feature of CAVP depends on: one per block with a temporal kernel."""
    return sum(config.video_blocks[len(config.video_blocks) - config.temporal_stages :])


def load_sight(folder: Path, runtime: Runtime) -> Sight:
    """Load a checkpoint of CAVP or QuickCAVP.

    Raises:
        ModelError: missing, damaged, another kind of model, or its appearance vectors come from an
            encoder that is not here.
    """
    loaded = load_checkpoint(folder)
    if isinstance(loaded.module, CAVP):
        return Sight(loaded.module, runtime, loaded.sha256)
    if not isinstance(loaded.module, QuickCAVP):
        raise ModelError(f"{folder} holds a {loaded.name}; sight needs cavp or quick_cavp")
    return quick_sight(loaded.module, runtime, loaded.sha256)


def quick_sight(module: QuickCAVP, runtime: Runtime, sha256: str) -> Sight:
    """Sight around a QuickCAVP."""
    config = module.config
    concepts = load_appearance(config.appearance)
    if concepts.config.dim != config.appearance_dim:
        raise ModelError(
            f"{config.appearance} makes vectors of {concepts.config.dim} numbers, the model takes "
            f"{config.appearance_dim}; set model.appearance_dim"
        )
    concepts = concepts.to(runtime.device)
    return Sight(module, runtime, sha256, lambda frames: appearance(concepts, frames))


def load_appearance(encoder_id: str) -> Concepts:
    """The network behind the appearance vectors, frozen.

    Raises:
        ModelError: unknown id, or its weights are missing.
    """
    if encoder_id == TINY_APPEARANCE:
        return tiny_concepts().eval().requires_grad_(False)
    if encoder_id != ENCODER_ID:
        raise ModelError(
            f"no appearance encoder is called {encoder_id!r}; known: {ENCODER_ID}, {TINY_APPEARANCE}"
        )
    module = load_checkpoint(FOLDER).module
    if not isinstance(module, Concepts):
        raise ModelError(f"{FOLDER} does not hold the space of words and pictures")
    return module.requires_grad_(False)


def appearance(concepts: Concepts, frames: Tensor) -> Tensor:
    """Vectors of whole pictures, one look each, float [N, 3, S, S] in 0..1 -> [N, A].

    The queries of `separate` look four times at a picture; here a shot is looked at several times
    a second anyway.
    """
    return concepts.vectors(concepts(frames))


def tiny_sight(kind: str = "quick_cavp") -> Sight:
    """Small seeded one for tests; 32 numbers a feature."""
    module: nn.Module = tiny_cavp() if kind == "cavp" else tiny_quick_cavp()
    runtime = Runtime(torch.device("cpu"))
    if isinstance(module, CAVP):
        return Sight(module.eval(), runtime, tensors_sha256(module))
    assert isinstance(module, QuickCAVP), "one of two"
    return quick_sight(module, runtime, tensors_sha256(module))
