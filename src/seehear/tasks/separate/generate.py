"""Draw spectrograms of wanted sounds with a DAVIS model: window and queries in, magnitudes out.

All queries of all windows run in one batch, and all begin with the same noise: what differs between two
results is then what was asked and heard, not chance, and neighbouring windows agree where they overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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

Network = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""As `Davis.forward`."""
Noise = Callable[[int], Tensor]
"""-1 for the start, then the number of the step -> noise [1 or windows, 1, rows, columns]."""

# Steps of one run have neighbouring numbers; runs of neighbouring seeds must not share them.
SEED_STRIDE = 1_000_003


def shared_noise(model: Davis, seed: int) -> Noise:
    """Noise that depends on the seed and the step's number only.

    Args:
        model: decides shape and device.
        seed: any number >= 0.
    """
    config, device = model.config, next(model.parameters()).device
    shape = (config.rows, config.columns)
    return ClockNoise(seed, shape, config.columns, config.num_samples, device).at([0])


@dataclass(frozen=True)
class ClockNoise:
    """Noise on the clock of a sound, which repeats after a while.

    Args:
        seed: any number >= 0.
        shape: rows and columns of a picture.
        period: columns after which it repeats.
        samples: the same in samples; need not be a whole number of columns.
        device: of the result.
    """

    seed: int
    shape: tuple[int, int]
    period: int
    samples: int
    device: torch.device

    def at(self, starts: Sequence[int]) -> Noise:
        """Noise of windows that begin at these samples, [windows, 1, rows, columns]."""
        rows, columns = self.shape
        rate = self.period / self.samples
        first = torch.tensor([round(start % self.samples * rate) for start in starts])
        places = (first[:, None] + torch.arange(columns)) % self.period

        def draw(number: int) -> Tensor:
            seed = (self.seed * SEED_STRIDE + number + 1) % 2**63
            generator = torch.Generator().manual_seed(seed)
            drawn = torch.randn(rows, self.period, generator=generator)
            return drawn[:, places].movedim(1, 0)[:, None].to(self.device)

        return draw


def estimate_magnitudes(
    model: Davis,
    waveform: Tensor,
    seen: Tensor,
    noise: Noise,
    steps: int | None = None,
    batch_size: int = LARGEST_BATCH,
    network: Network | None = None,
) -> tuple[Tensor, Tensor]:
    """Magnitudes of each wanted sound in each window.

    Args:
        model: in eval mode.
        waveform: windows [B, L] at the model's rate.
        seen: from `model.look`, [B, Q, D]: Q queries for each window.
        noise: from `shared_noise`.
        steps: network calls per picture; default the configuration's.
        batch_size: pictures that go through the network at once.
        network: the same function as the model, arranged for a processor; default the model.

    Returns:
        Magnitudes [B, Q, bins, columns] on the grid of the mixture's transform (undivided, so up to
        twice as loud as inside the mixture of two), and that transform, complex [B, bins, columns].

    Raises:
        InputError: another number of windows than of query rows.
    """
    heard = picture_of(waveform, model.config)
    drawn = draw_queries(model, heard.compressed, seen, noise, steps, batch_size, network)
    return _expand(model, drawn, heard), heard.spectrum


def draw_queries(
    model: Davis,
    mixture: Tensor,
    seen: Tensor,
    noise: Noise,
    steps: int | None = None,
    batch_size: int = LARGEST_BATCH,
    network: Network | None = None,
) -> Tensor:
    """Draw all queries of all windows.

    Args:
        model: in eval mode.
        mixture: compressed pictures of windows [B, 1, rows, columns].
        seen: from `model.look`, [B, Q, D]: Q queries for each window.
        noise: the same for all queries of a window.
        steps: network calls per picture; default the configuration's.
        batch_size: pictures that go through the network at once.
        network: the same function as the model, arranged for a processor; default the model.

    Returns:
        [B, Q, rows, columns].

    Raises:
        InputError: another number of windows than of query rows.
    """
    if mixture.shape[0] != seen.shape[0] or seen.ndim != 3:
        raise InputError(
            f"each window needs its row of queries [B, Q, D]; got {tuple(seen.shape)} for "
            f"{mixture.shape[0]} windows"
        )
    windows, queries = seen.shape[:2]
    owner = torch.arange(windows, device=mixture.device).repeat_interleave(queries)
    parts = []
    for wanted, mine in zip(
        torch.split(seen.flatten(0, 1), batch_size), torch.split(owner, batch_size), strict=True
    ):

        def draw(number: int, mine: Tensor = mine) -> Tensor:
            drawn = noise(number)
            return drawn if len(drawn) == 1 else drawn[mine]

        parts.append(draw_pictures(model, mixture[mine], wanted, draw, steps, network))
    return torch.cat(parts)[:, 0].reshape(windows, queries, *mixture.shape[2:])


def draw_pictures(
    model: Davis,
    mixture: Tensor,
    seen: Tensor,
    noise: Noise,
    steps: int | None = None,
    network: Network | None = None,
) -> Tensor:
    """Run the model's sampler.

    Args:
        model: in eval mode.
        mixture: compressed pictures [N, 1, rows, columns].
        seen: [N, D].
        noise: see `shared_noise`.
        steps: network calls; default the configuration's.
        network: see `draw_queries`.

    Returns:
        [N, 1, rows, columns]: in 0..1 with the silence mask, else roughly so.
    """
    config = model.config
    steps = steps or config.steps
    called: Network = network or model

    def call(state: Tensor, times: Tensor) -> Tensor:
        return called(state, times, mixture, seen)

    def draw(number: int) -> Tensor:
        return noise(number).expand(mixture.shape)

    with torch.inference_mode():
        if config.process == "flow":
            return sample_flow(call, draw(-1), steps)
        guide = keep_silence(mixture) if config.silence_mask else None
        return sample_ddim(call, draw(-1), sigmoid_schedule(), steps, config.eta, draw, guide)


def _expand(model: Davis, drawn: Tensor, heard: Picture) -> Tensor:
    return expand_magnitude(drawn, model.config, heard.spectrum.shape[-1])
