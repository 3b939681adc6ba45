"""The training loop of every task: devices, autocast, accumulation, average, checkpoints, resume.

A task hands over an *objective*: a module whose forward takes a batch and returns named losses
(scalars, with the key `loss`), and a function that makes batch number n. Batches and random choices
depend on the seed and that number only, so a run that was stopped goes on with the same numbers:
on a CPU resumed and uninterrupted weights are equal bit for bit.

Devices and processes are accelerate's business (`accelerate launch` for several).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seehear.errors import ConfigError, MissingDependency
from seehear.runtime import seed_everything
from seehear.train.log import RunLog
from seehear.train.optim import WeightAverage, learning_rate, make_optimiser
from seehear.train.settings import LoopConfig, OptimConfig, RunLimits
from seehear.train.state import load_state, save_state

MakeBatch = Callable[[int], Any]
Validate = Callable[[nn.Module], dict[str, float]]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class FitReport:
    """What a run did.

    Args:
        step: optimiser steps done over all resumes.
        minutes: wall-clock minutes over all resumes.
        stopped_by: `steps`, `clock` or `patience`.
        validation: last numbers.
    """

    step: int
    minutes: float
    stopped_by: str
    validation: dict[str, float] = field(default_factory=dict)


def fit(
    objective: nn.Module,
    make_batch: MakeBatch,
    folder: Path,
    loop: LoopConfig,
    optim: OptimConfig,
    limits: RunLimits | None = None,
    validate: Validate | None = None,
    progress: Progress | None = None,
    enough: Callable[[], bool] | None = None,
) -> FitReport:
    """Train an objective in place; on return it holds the averaged weights if there is an average.

    Args:
        objective: forward(batch) -> dict of scalars with the key `loss`.
        make_batch: number -> batch (with a method `to(device)`), a pure function of the number.
        folder: run folder for state and log; a state in it is continued.
        loop: length and habits of the run.
        optim: optimiser and schedule.
        limits: seed, device, wall clock.
        validate: objective in eval mode with averaged weights -> numbers.
        progress: called with (steps done, steps planned, note).
        enough: asked before every step whether the run is over for a reason of its own.

    Raises:
        MissingDependency: accelerate is not installed.
        ConfigError: `clock` schedule without `max_minutes`.
    """
    limits = limits or RunLimits()
    if optim.schedule == "clock" and limits.max_minutes <= 0:
        raise ConfigError("the schedule 'clock' needs max_minutes greater than 0")
    run = _Run(objective, make_batch, folder, loop, optim, limits, enough)
    report = run.train(validate, progress)
    if run.average is not None:
        run.bare.load_state_dict(run.average.values)
    return report


class _Run:
    """State of one call of `fit`."""

    def __init__(
        self,
        objective: nn.Module,
        make_batch: MakeBatch,
        folder: Path,
        loop: LoopConfig,
        optim: OptimConfig,
        limits: RunLimits,
        enough: Callable[[], bool] | None = None,
    ) -> None:
        self.limits, self.enough = limits, enough
        self.accelerator = _accelerator(limits)
        self.low = loop.precision == "bf16"
        self.bare, self.make_batch = objective, make_batch
        self.folder, self.loop, self.optim = folder, loop, optim
        objective.to(self.accelerator.device)
        optimiser = make_optimiser(objective, optim)
        self.average = WeightAverage(objective, loop.average) if loop.average > 0 else None
        numbers = load_state(folder, objective, optimiser, self.average) or {}
        self.step, self.seconds = int(numbers.get("step", 0)), float(numbers.get("seconds", 0.0))
        self.objective, self.optimiser = self.accelerator.prepare(objective, optimiser)
        self.started = time.monotonic()

    def elapsed(self) -> float:
        """Seconds of training over all resumes."""
        return self.seconds + time.monotonic() - self.started

    def done(self) -> str:
        """Why the run is over, or ""."""
        if self.step >= self.loop.steps:
            return "steps"
        if self.enough is not None and self.enough():
            return "patience"
        limit = self.limits.max_minutes * 60
        spent = self.elapsed()
        if self.optim.schedule != "clock":
            spent -= self.seconds
        return "clock" if 0 < limit <= spent else ""

    def train(self, validate: Validate | None, progress: Progress | None) -> FitReport:
        loop, log, numbers = self.loop, RunLog(self.folder), {}
        batches = self._batches()
        sums: dict[str, float] = {}
        since, at_step = time.monotonic(), self.step
        while not (reason := self.done()):
            for name, value in self._step(batches).items():
                sums[name] = sums.get(name, 0.0) + value
            self.step += 1
            if self.step % loop.log_every == 0 or self.done():
                count, took = self.step - at_step, time.monotonic() - since
                means = {name: value / count for name, value in sums.items()}
                means |= {"steps_per_s": count / took, "minutes": self.elapsed() / 60}
                self._log(log, "train", means, progress)
                sums, since, at_step = {}, time.monotonic(), self.step
            if loop.validate_every and self.step % loop.validate_every == 0 and validate:
                numbers = self._validate(validate)
                self._log(log, "val", numbers, progress)
            if self.step % loop.save_every == 0:
                self.save()
        batches.close()
        self.save()
        if validate:
            numbers = self._validate(validate)
            self._log(log, "val", numbers, progress)
        log.close()
        return FitReport(self.step, self.elapsed() / 60, reason, numbers)

    def _step(self, batches: Iterator[Any]) -> dict[str, float]:
        """One optimiser step over `accumulate` batches."""
        loop, accelerator = self.loop, self.accelerator
        self.objective.train()
        rate = learning_rate(self.optim, self.step, self._progress())
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        seed_everything(
            _mix(
                self.limits.seed, self.step * accelerator.num_processes + accelerator.process_index
            )
        )
        totals: dict[str, float] = {}
        for micro in range(loop.accumulate):
            batch = next(batches).to(accelerator.device)
            last = micro == loop.accumulate - 1
            with nullcontext() if last else accelerator.no_sync(self.objective):
                with torch.autocast(accelerator.device.type, torch.bfloat16, self.low):
                    losses: dict[str, Tensor] = self.objective(batch)
                accelerator.backward(losses["loss"] / loop.accumulate)
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach()) / loop.accumulate
        if loop.clip_norm > 0:
            # Players of a game are clipped apart: one's large gradients say nothing about the other.
            for name in getattr(self.bare, "players", ("",)):
                part = self.bare.get_submodule(name) if name else self.objective
                norm = accelerator.clip_grad_norm_(part.parameters(), loop.clip_norm)
                totals[f"grad_norm_{name}" if name else "grad_norm"] = float(norm)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.bare, self.step)
        return {**totals, "learning_rate": rate}

    def _progress(self) -> float:
        if self.optim.schedule == "clock":
            return self.elapsed() / (self.limits.max_minutes * 60)
        return self.step / self.loop.steps

    def _batches(self) -> Generator[Any]:
        """Batches of this process from the current step on, made one ahead in a thread."""
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        number = self.step * self.loop.accumulate
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = pool.submit(self.make_batch, number * world + rank)
            while True:
                batch = ahead.result()
                number += 1
                ahead = pool.submit(self.make_batch, number * world + rank)
                yield batch

    def _validate(self, validate: Validate) -> dict[str, float]:
        """Numbers of the averaged weights under a fixed seed; training weights come back after."""
        kept = {k: v.detach().clone() for k, v in self.bare.state_dict().items()}
        if self.average is not None:
            self.bare.load_state_dict(self.average.values)
        self.bare.eval()
        seed_everything(self.limits.seed)
        with torch.no_grad():
            numbers = validate(self.bare)
        self.bare.load_state_dict(kept)
        return numbers

    def _log(
        self, log: RunLog, kind: str, values: dict[str, float], progress: Progress | None
    ) -> None:
        if not self.accelerator.is_main_process:
            return
        log.write(self.step, kind, values)
        if progress is not None:
            shown = ", ".join(f"{k} {v:.4g}" for k, v in values.items())
            progress(self.step, self.loop.steps, f"{kind}: {shown}")

    def save(self) -> None:
        """Write the state that a resumed run continues from."""
        if self.accelerator.is_main_process:
            numbers = {"step": self.step, "seconds": self.elapsed()}
            save_state(self.folder, self.bare, self.optimiser, self.average, numbers)


def _accelerator(limits: RunLimits) -> Any:
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        raise MissingDependency("accelerate", "train", "training") from error
    # Autocast is ours: accelerate keeps one number format for the life of the process.
    # A batch without captions leaves their layers without gradients.
    several = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=limits.device == "cpu", mixed_precision="no", kwargs_handlers=[several])


def _mix(seed: int, number: int) -> int:
    """A seed of its own for every step: distinct for distinct (seed, number) in practice."""
    return (seed * 1_000_003 + number * 7_919 + 12_345) % 2**31
