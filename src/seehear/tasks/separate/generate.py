"""Draw spectrograms of wanted sounds with a DAVIS model: window and queries in, magnitudes out.

All queries of all windows run in one batch, and all begin with the same noise: what differs between two
results is then what was asked and heard, not chance, and neighbouring windows agree where they overlap.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seehear.errors import InputError
from seehear.models.davis import Davis
from seehear.models.davis.frontend import Picture, expand_magnitude, picture_of
from seehear.sampling.flow import sample_flow
from seehear.sampling.gaussian import sample_ddim, sigmoid_schedule
from seehear.sampling.guidance import keep_silence

LARGEST_BATCH = 8
"""Pictures at once: memory grows with it (0.6 GB per picture with the paper's network)."""

Noise = Callable[[int], Tensor]
"""-1 for the start, then the number of the step -> noise [1, 1, rows, columns]."""


def shared_noise(model: Davis, seed: int) -> Noise:
    """Noise that depends on the seed and the step's number only.

    Args:
        model: decides shape and device.
        seed: any number >= 0.
    """
    shape = (1, 1, model.config.rows, model.config.columns)
    device = next(model.parameters()).device

    def draw(number: int) -> Tensor:
        generator = torch.Generator().manual_seed((seed << 16) + number + 1)
        return torch.randn(shape, generator=generator).to(device)

    return draw


def estimate_magnitudes(
    model: Davis,
    waveform: Tensor,
    seen: Tensor,
    noise: Noise,
    steps: int | None = None,
    batch_size: int = LARGEST_BATCH,
) -> tuple[Tensor, Tensor]:
    """Magnitudes of each wanted sound in each window.

    Args:
        model: in eval mode.
        waveform: windows [B, L] at the model's rate.
        seen: from `model.look`, [B, Q, D]: Q queries for each window.
        noise: from `shared_noise`.
        steps: network calls per picture; default the configuration's.
        batch_size: pictures that go through the network at once.

    Returns:
        Magnitudes [B, Q, bins, columns] on the grid of the mixture's transform (undivided, so up to
        twice as loud as inside the mixture of two), and that transform, complex [B, bins, columns].

    Raises:
        InputError: another number of windows than of query rows.
    """
    if waveform.shape[0] != seen.shape[0] or seen.ndim != 3:
        raise InputError(
            f"each window needs its row of queries [B, Q, D]; got {tuple(seen.shape)} for "
            f"{waveform.shape[0]} windows"
        )
    heard = picture_of(waveform, model.config)
    queries = seen.shape[1]
    pictures = heard.compressed.repeat_interleave(queries, dim=0)  # [B * Q, 1, rows, columns]
    wanted = seen.flatten(0, 1)
    drawn = torch.cat(
        [
            draw_pictures(model, part, asked, noise, steps)
            for part, asked in zip(
                torch.split(pictures, batch_size), torch.split(wanted, batch_size), strict=True
            )
        ]
    )
    return _expand(model, drawn, heard, queries), heard.spectrum


def draw_pictures(
    model: Davis, mixture: Tensor, seen: Tensor, noise: Noise, steps: int | None = None
) -> Tensor:
    """Run the model's sampler.

    Args:
        model: in eval mode.
        mixture: compressed pictures [N, 1, rows, columns].
        seen: [N, D].
        noise: see `shared_noise`.
        steps: network calls; default the configuration's.

    Returns:
        [N, 1, rows, columns]: in 0..1 with the silence mask, else roughly so.
    """
    config = model.config
    steps = steps or config.steps

    def call(state: Tensor, times: Tensor) -> Tensor:
        return model(state, times, mixture, seen)

    def draw(number: int) -> Tensor:
        return noise(number).expand(mixture.shape)

    with torch.inference_mode():
        if config.process == "flow":
            return sample_flow(call, draw(-1), steps)
        guide = keep_silence(mixture) if config.silence_mask else None
        return sample_ddim(call, draw(-1), sigmoid_schedule(), steps, config.eta, draw, guide)


def _expand(model: Davis, drawn: Tensor, heard: Picture, queries: int) -> Tensor:
    made = expand_magnitude(drawn[:, 0], model.config, heard.spectrum.shape[-1])
    return made.reshape(-1, queries, *made.shape[1:])
