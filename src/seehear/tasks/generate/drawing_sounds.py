"""Sounds for many clips of one window at once: what the job does for one, in batches.

For a clip of one shot that is as long as the model's window this is what `seehear generate` makes from the same
noise (up to rounding); a shorter one is shown again and again, as in training, and cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seehear.sampling.flow import flow_path, sample_flow
from seehear.sampling.guidance import classifier_free
from seehear.tasks.generate.compose import Sampling, column_noise
from seehear.tasks.generate.loading import System


@dataclass(frozen=True)
class Drawing:
    """How sounds are drawn.

    Args:
        steps: of the sampler.
        guidance: weight of the condition.
        seed: of the noise; each clip has its own.
        batch: clips at once.
    """

    steps: int
    guidance: float
    seed: int = 0
    batch: int = 8


def draw_sounds(
    system: System,
    videos: Sequence[Tensor],
    num_samples: int,
    drawing: Drawing,
    references: Sequence[Tensor] | None = None,
    amount: float = 1.0,
) -> Iterator[Tensor]:
    """Sounds for pictures, in order.

    Args:
        system: networks.
        videos: features of each clip, [S, dim], all of one length, at most the model's window.
        num_samples: of each sound.
        drawing: how.
        references: scaled latents [latent, L] of sounds to carry over, one per clip.
        amount: share of the way that is gone, 0 = the reference as the codec hears it.

    Yields:
        float32 [num_samples] each, on the CPU.
    """
    for start in range(0, len(videos), drawing.batch):
        chosen = range(start, min(start + drawing.batch, len(videos)))
        known = None
        if references is not None:
            known = torch.stack([_tiled(references[i], system.window) for i in chosen])
        if known is not None and amount == 0.0:
            latents = known
        else:
            latents = _compose(system, [videos[i] for i in chosen], chosen, drawing, known, amount)
        columns = -(-num_samples // system.codec.samples_per_latent)
        waves = system.codec.vocode(system.codec.decode(latents[..., :columns]))
        yield from waves[:, :num_samples].cpu().unbind(0)


def _compose(
    system: System,
    videos: Sequence[Tensor],
    numbers: Sequence[int],
    drawing: Drawing,
    known: Tensor | None,
    amount: float,
) -> Tensor:
    """Scaled latents [B, latent, window] for some clips."""
    way = Sampling(drawing.steps, drawing.guidance, drawing.seed, amount=amount)
    channels = system.codec.latent_channels
    noise = torch.stack(
        [column_noise(drawing.seed, number, system.window, channels) for number in numbers]
    )
    if known is not None and way.begin > 0.0:
        noise = flow_path(known.cpu(), noise, torch.full((len(noise),), way.begin))[0]
    device = system.runtime.device
    rows = round(system.window / system.codec.latent_rate * system.sight.rate)
    seen = torch.stack([_repeated(video, rows) for video in videos]).to(device)
    empty = system.null.to(device).expand_as(seen)
    with system.runtime.inference():
        velocity = classifier_free(system.denoiser, seen, empty, drawing.guidance)
        return sample_flow(
            lambda state, times: velocity(state, times).float(),
            noise.to(device),
            way.steps_taken,
            begin=way.begin,
        )


def _repeated(rows: Tensor, count: int) -> Tensor:
    """Rows again and again, [count, dim]."""
    return rows[torch.arange(count) % len(rows)]


def _tiled(latents: Tensor, count: int) -> Tensor:
    """Latents [latent, L] again and again, [latent, count]."""
    return latents[:, torch.arange(count) % latents.shape[1]]
