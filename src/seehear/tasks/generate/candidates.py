"""Several attempts with other noise: made one after another, the one that fits the picture best is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from seehear.errors import InputError
from seehear.media.part import PartFolder
from seehear.runtime import Stopwatch
from seehear.tasks.generate.compose import Sampling, Watcher, compose
from seehear.tasks.generate.conditions import Condition
from seehear.tasks.generate.keeping import FileKeep, Keep, Table
from seehear.tasks.generate.level import wave_blocks
from seehear.tasks.generate.loading import System
from seehear.tasks.generate.mixing import Wave
from seehear.tasks.generate.sight import SAMPLE_RATE
from seehear.tasks.generate.sounding import MEL, WAVE, sound_of

NOTE = "candidates"
SCORED_S = 32.0
"""Sound is scored in stretches of this length, so that memory stays flat."""
COMPOSING_SHARE = 0.75
PARTS = (MEL, WAVE, "answers", "tokens", "state0", "state1")


@dataclass(frozen=True)
class Chosen:
    """The waveform that was kept.

    Args:
        wave: rows of samples.
        candidate: its number.
        scores: of all candidates; empty if there was one.
    """

    wave: Table
    candidate: int
    scores: tuple[float, ...]

    def facts(self) -> dict[str, Any]:
        """For the receipt."""
        return {"chosen": self.candidate, "scores": [round(score, 6) for score in self.scores]}


def make_candidates(
    system: System,
    condition: Condition,
    columns: int,
    num_samples: int,
    sampling: Sampling,
    count: int,
    part: PartFolder,
    reference: Callable[[int, int], Tensor] | None,
    told: Callable[[float], None],
    watcher: Watcher | None,
    clock: Stopwatch,
) -> Chosen:
    """Compose, decode and score; see `compose` for what is not said here.

    Args:
        system: networks.
        condition: what is seen.
        columns: latents to make.
        num_samples: of the waveform, at the codec's rate.
        sampling: how; `candidate` is counted up.
        count: how many.
        part: where state goes.
        reference: of a transfer.
        told: told the share that is done; may raise `Cancelled`.
        watcher: sees the first candidate only.
        clock: told the seconds of `compose`, `decode`, `vocode` and `score`.
    """
    shared = FileKeep(part)
    scores: list[float] = list((shared.noted(NOTE) or {"scores": []})["scores"])
    for number in range(len(scores), count):
        keep = FileKeep(part, f"candidate{number}-")

        def share(stage: float, number: int = number) -> None:
            told((number + stage) / count)

        wave = _make(
            system, condition, columns, replace(sampling, candidate=number), keep, reference,
            share, watcher if number == 0 else None, clock,
        )  # fmt: skip
        if count == 1:
            return Chosen(wave, 0, ())
        with clock("score"):
            scores.append(score(system, condition, Wave(wave, SAMPLE_RATE, num_samples)))
        shared.note(NOTE, {"scores": scores})
        _forget_all_but(part, scores)
    best = max(range(count), key=lambda number: scores[number])
    kept = FileKeep(part, f"candidate{best}-").table(WAVE, system.codec.hop_length)
    return Chosen(kept, best, tuple(scores))


def _make(
    system: System,
    condition: Condition,
    columns: int,
    sampling: Sampling,
    keep: Keep,
    reference: Callable[[int, int], Tensor] | None,
    told: Callable[[float], None],
    watcher: Watcher | None,
    clock: Stopwatch,
) -> Table:
    with clock("compose"):
        latents = compose(
            system, condition, columns, sampling, keep, reference,
            lambda share: told(COMPOSING_SHARE * share), watcher,
        )  # fmt: skip
    return sound_of(
        system.codec,
        latents,
        keep,
        lambda share: told(COMPOSING_SHARE + (1 - COMPOSING_SHARE) * share),
        clock,
    )


def _forget_all_but(part: PartFolder, scores: list[float]) -> None:
    """Tables of candidates that cannot win any more."""
    best = max(range(len(scores)), key=lambda number: scores[number])
    for number in range(len(scores)):
        keep = FileKeep(part, f"candidate{number}-")
        for name in PARTS:
            if not (number == best and name == WAVE):
                keep.drop(name)


def score(system: System, condition: Condition, wave: Wave) -> float:
    """How well a sound fits what is seen, by CAVP: mean over stretches, weighed by their length.

    Args:
        system: its sight.
        condition: what is seen.
        wave: the sound, at 16 kHz.

    Raises:
        InputError: the codec works at another rate than sight hears at.
    """
    if wave.sample_rate != SAMPLE_RATE:
        raise InputError(f"scores need sound at {SAMPLE_RATE} Hz, not {wave.sample_rate}")
    size = round(SCORED_S * SAMPLE_RATE)
    rows = round(SCORED_S * condition.rate)
    blocks = wave_blocks(wave.table, wave.num_samples)
    held = torch.zeros(1, 0)
    scores, weights, done = [], [], 0

    def take(samples: Tensor) -> None:
        seen = condition.features(done, min(done + rows, len(condition)))
        if len(seen):
            heard = system.sight.embed_sound(samples)[0]
            scores.append(system.sight.score(seen, heard) * len(seen))
            weights.append(len(seen))

    for block in blocks:
        held = torch.cat([held, torch.from_numpy(block)], dim=1)
        while held.shape[1] >= size:
            take(held[:, :size])
            held, done = held[:, size:], done + rows
    if held.shape[1]:
        take(held)
    return sum(scores) / max(sum(weights), 1)
