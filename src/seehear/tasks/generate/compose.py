"""Second stage: from noise to the latents of the whole sound, all windows together.

At every step the flow transformer answers for overlapping windows, each told only what is seen in it, and the
answers are blended with smooth weights; so neighbours agree from the first step on, and there are no seams to hide
afterwards. Inside a window every column looks only at features of its own shot, while columns of all shots hear
each other: conditions do not leak over cuts, and room tone goes on. Source: VisualAudio's sampler (guidance, Euler)
on windows blended as in MultiDiffusion (Bar-Tal et al. 2023).

Noise belongs to columns, not to windows. After each batch of windows the answers are kept, after each step the
state, so that a killed run goes on there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seehear.sampling.flow import flow_path, sample_flow
from seehear.tasks.generate.conditions import Condition, WindowSight, seen_in
from seehear.tasks.generate.keeping import Keep, Table
from seehear.tasks.generate.loading import System
from seehear.tasks.generate.windows import LatentWindows

BATCH = 4
"""Windows per call; with guidance twice as many sequences."""
NOISE_BLOCK = 25
NOTE, ANSWERS, TOKENS = "composed", "answers", "tokens"

Watcher = Callable[[int, float, "Batch"], None]
"""(index of the first window, time, what the network is asked) before each call, for pictures."""


@dataclass(frozen=True)
class Sampling:
    """How to go from noise to latents.

    Args:
        steps: of the whole way.
        guidance: 1 = as the picture says, more = more so.
        seed: of the noise.
        candidate: number of the attempt with that seed.
        amount: share of the way, 1 = all; less begins at a reference.
    """

    steps: int
    guidance: float
    seed: int = 0
    candidate: int = 0
    amount: float = 1.0

    @property
    def begin(self) -> float:
        """Time at which it begins, 0 = noise."""
        return 1.0 - self.amount

    @property
    def steps_taken(self) -> int:
        """Steps of the part that is left, about as long as those of the whole way."""
        return max(math.ceil(self.steps * self.amount - 1e-9), 1)


@dataclass(frozen=True)
class Batch:
    """What the network is asked about some windows.

    Args:
        latents: [B, latent, N].
        tokens: of what is seen, [B, Tv, D].
        pooled: [B, D], or [B, N, D] where a window shows several shots.
        mask: [B, N, Tv] then.
    """

    latents: Tensor
    tokens: Tensor
    pooled: Tensor
    mask: Tensor | None


def column_noise(seed: int, candidate: int, columns: int, channels: int) -> Tensor:
    """Standard normal noise that depends on seed, candidate and column only, float32 [channels, columns].

    Args:
        seed: 0 .. 2**63 - 1.
        candidate: likewise.
        columns: number of columns.
        channels: numbers per column.
    """
    blocks = []
    for block in range(-(-columns // NOISE_BLOCK)):
        key = np.array([seed, candidate], np.uint64)
        random = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, block, 0]))
        blocks.append(random.standard_normal((NOISE_BLOCK, channels), dtype=np.float32))
    return torch.from_numpy(np.concatenate(blocks)[:columns].T.copy())


def compose(
    system: System,
    condition: Condition,
    columns: int,
    sampling: Sampling,
    keep: Keep,
    reference: Callable[[int, int], Tensor] | None = None,
    told: Callable[[float], None] = lambda share: None,
    watcher: Watcher | None = None,
) -> Tensor:
    """Make latents for what is seen.

    Args:
        system: networks.
        condition: what is seen.
        columns: latents to make.
        sampling: how.
        keep: where state goes, and from where an interrupted run goes on.
        reference: scaled latents of a reference, (start, stop) -> [latent, stop - start], as many as
            `columns`; where `sampling.amount` is less than 1 the way begins there.
        told: told the share that is done; may raise `Cancelled`.
        watcher: see `Watcher`.

    Returns:
        Scaled latents, float32 [latent, columns] on the CPU.
    """
    if reference is not None and sampling.amount == 0.0:
        return reference(0, columns)
    composer = _Composer(system, condition, columns, sampling, keep, told, watcher)
    return composer.run(reference)[:, :columns]


class _Composer:
    """State of one way from noise to latents."""

    def __init__(
        self,
        system: System,
        condition: Condition,
        columns: int,
        sampling: Sampling,
        keep: Keep,
        told: Callable[[float], None],
        watcher: Watcher | None,
    ) -> None:
        self._denoiser, self._runtime = system.denoiser, system.runtime
        self._sampling, self._keep, self._told, self._watcher = sampling, keep, told, watcher
        self._columns, self._channels = columns, system.codec.latent_channels
        self._windows = windows_of(system, columns)
        self._per_column = condition.rate / system.codec.latent_rate
        self._rows = round(self._windows.length * self._per_column)
        self._starts = self._windows.starts
        self._weights = [self._windows.weights(index) for index in range(len(self._starts))]
        self._shots = [self._look(condition, at).shots for at in self._starts]
        if not tells_shots_apart(system):
            self._shots = [torch.zeros_like(shots) for shots in self._shots]
        self._tokens = self._encode(condition)
        null = system.null.to(self._runtime.device).expand(1, self._rows, -1)
        with self._runtime.inference():
            self._null = self._denoiser.encode_video(null)
        size = self._channels * self._windows.length
        self._answers = keep.table(ANSWERS, size)
        noted = keep.noted(NOTE) or {"step": 0, "windows": 0}
        self._step, self._done = int(noted["step"]), int(noted["windows"])
        self._answers.cut(self._done)

    def _look(self, condition: Condition, at: int) -> WindowSight:
        return seen_in(condition, round(at * self._per_column), self._rows, self._rows)

    def _encode(self, condition: Condition) -> Table:
        """Tokens of all windows; each is encoded once for all steps."""
        width = self._denoiser.config.width
        table = self._keep.table(TOKENS, self._rows * width)
        for at in self._starts[len(table) :]:
            features = self._look(condition, at).features.to(self._runtime.device)
            with self._runtime.inference():
                tokens, _ = self._denoiser.encode_video(features[None])
            table.append(tokens.float().cpu().reshape(1, -1).numpy())
        return table

    def run(self, reference: Callable[[int, int], Tensor] | None) -> Tensor:
        """All steps that are left; latents [latent, padded]."""
        sampling = self._sampling
        if self._step:
            table = self._state_table(self._step)
            state = torch.from_numpy(table.read(0, self._channels))
        else:
            state = self._start(reference)
        made = sample_flow(
            self._velocity,
            state[None],
            sampling.steps_taken,
            guide=self._save,
            begin=sampling.begin,
            done=self._step,
        )
        return made[0]

    def _start(self, reference: Callable[[int, int], Tensor] | None) -> Tensor:
        sampling, padded = self._sampling, self._windows.padded
        noise = column_noise(sampling.seed, sampling.candidate, padded, self._channels)
        if reference is None or sampling.begin == 0.0:
            return noise
        known = reference(0, self._columns)
        missing = padded - self._columns
        turns = -(-missing // self._columns)
        clean = torch.cat([known, known.repeat(1, turns)[:, :missing]], dim=1)
        time = torch.tensor([sampling.begin])
        return flow_path(clean[None], noise[None], time)[0][0]

    def _save(self, state: Tensor, _time: float) -> Tensor:
        self._step += 1
        table = self._state_table(self._step)
        table.cut(0)
        table.append(state[0].numpy())
        self._done = 0
        self._note()
        self._answers.cut(0)
        return state

    def _state_table(self, step: int) -> Table:
        """Two tables in turn, so that one is whole at any time."""
        return self._keep.table(f"state{step % 2}", self._windows.padded)

    def _note(self) -> None:
        self._keep.note(NOTE, {"step": self._step, "windows": self._done})

    def _velocity(self, state: Tensor, times: Tensor) -> Tensor:
        """Blend of all windows' answers, [1, latent, padded]."""
        length, count = self._windows.length, len(self._starts)
        while self._done < count:
            chosen = range(self._done, min(self._done + BATCH, count))
            parts = [state[0, :, self._starts[i] : self._starts[i] + length] for i in chosen]
            made = self._ask(torch.stack(parts), list(chosen), float(times[0]))
            self._answers.append(made.reshape(len(made), -1).numpy())
            self._done += len(made)
            self._note()
            share = (self._step + self._done / count) / self._sampling.steps_taken
            self._told(min(share, 1.0))
        blended = torch.zeros_like(state)
        for index, at in enumerate(self._starts):
            answer = torch.from_numpy(self._answers.read(index, index + 1))
            answer = answer.reshape(self._channels, length)
            blended[0, :, at : at + length] += self._weights[index] * answer
        return blended

    def _ask(self, latents: Tensor, chosen: list[int], time: float) -> Tensor:
        """Guided velocity of some windows, [B, latent, N] -> same, float32 on the CPU."""
        with self._runtime.inference():
            batch = self._batch(latents, chosen)
            if self._watcher is not None:
                self._watcher(chosen[0], time, batch)
            scale = self._sampling.guidance
            if scale != 1.0:
                batch = self._with_null(batch)
            times = torch.full((len(batch.latents),), time, device=self._runtime.device)
            made = self._denoiser.step(
                batch.latents, times, batch.tokens, batch.pooled, mask=batch.mask
            )
            if scale != 1.0:
                wanted, plain = made.chunk(2)
                made = plain + scale * (wanted - plain)
            return made.float().cpu()

    def _batch(self, latents: Tensor, chosen: list[int]) -> Batch:
        width = self._denoiser.config.width
        rows = self._tokens.read(chosen[0], chosen[-1] + 1)
        tokens = torch.from_numpy(rows).reshape(len(chosen), self._rows, width)
        tokens = tokens.to(self._runtime.device)
        shots = [self._shots[i] for i in chosen]
        on = latents.to(self._runtime.device)
        if all(bool((s == s[0]).all()) for s in shots):
            return Batch(on, tokens, self._denoiser.pool(tokens.mean(dim=1)), None)
        told = [self._in_shots(t, s, latents.shape[2]) for t, s in zip(tokens, shots, strict=True)]
        pooled, mask = (torch.stack(parts) for parts in zip(*told, strict=True))
        return Batch(on, tokens, pooled, mask)

    def _in_shots(self, tokens: Tensor, shots: Tensor, columns: int) -> tuple[Tensor, Tensor]:
        """Mean of each column's own shot after a layer, [N, D], and which rows it may see, [N, Tv]."""
        middles = (torch.arange(columns) + 0.5) * self._per_column
        of_column = shots[middles.long().clamp_max(len(shots) - 1)]
        mask = (of_column[:, None] == shots[None]).to(tokens.device)
        numbers, index = torch.unique(of_column, return_inverse=True)
        means = torch.stack([tokens[(shots == n).to(tokens.device)].mean(dim=0) for n in numbers])
        return self._denoiser.pool(means)[index.to(tokens.device)], mask

    def _with_null(self, batch: Batch) -> Batch:
        """The same windows once more, of a video in which nothing is seen."""
        count = len(batch.latents)
        tokens, pooled = self._null
        pooled = pooled if batch.pooled.ndim == 2 else pooled[:, None]
        mask = batch.mask
        return Batch(
            torch.cat([batch.latents, batch.latents]),
            torch.cat([batch.tokens, tokens.expand(count, -1, -1).to(batch.tokens)]),
            torch.cat([batch.pooled, pooled.expand_as(batch.pooled)]),
            None if mask is None else torch.cat([mask, torch.ones_like(mask)]),
        )


def tells_shots_apart(system: System) -> bool:
    """Whether a network can keep the shots of a window from each other: by cross-attention only."""
    return system.denoiser.config.conditioning == "cross"


def windows_of(system: System, columns: int) -> LatentWindows:
    """Windows of a system over so many latents."""
    return LatentWindows(columns, system.window, round(system.codec.latent_rate))
