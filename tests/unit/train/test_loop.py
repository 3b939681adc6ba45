"""The training loop: it learns, stops, resumes to the same bits, and leaves threads alone."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seehear.errors import Cancelled, ConfigError, ModelError
from seehear.train.log import read_log
from seehear.train.loop import fit
from seehear.train.settings import LoopConfig, OptimConfig, RunLimits
from seehear.train.state import FILE

OPTIM = OptimConfig(learning_rate=0.05, warmup=2)
CPU = RunLimits(seed=3, device="cpu")


@dataclass(frozen=True)
class Batch:
    x: Tensor

    def to(self, device: torch.device) -> "Batch":
        return Batch(self.x.to(device))


class Objective(nn.Module):
    """Fit y = sum of x through dropout and a norm, so that hidden randomness would show."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(4, width), nn.BatchNorm1d(width), nn.Dropout(0.2), nn.Linear(width, 1)
        )

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": (self.model(batch.x)[:, 0] - batch.x.sum(1)).square().mean()}


def make_batch(number: int) -> Batch:
    return Batch(torch.randn(16, 4, generator=torch.Generator().manual_seed(number)))


def validate(objective: nn.Module) -> dict[str, float]:
    assert not objective.training
    return {"loss": float(objective(make_batch(-1))["loss"]), "noise": float(torch.rand(()))}


def run(folder: Path, steps: int, **changes: object) -> Objective:
    objective = Objective()
    loop = LoopConfig(
        **{"steps": steps, "average": 0.9, "save_every": 2, "log_every": 1, **changes}
    )  # type: ignore[arg-type]
    fit(objective, make_batch, folder, loop, OPTIM, CPU, validate)
    return objective


def same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_it_learns(tmp_path: Path) -> None:
    run(tmp_path, 150, log_every=50)
    losses = [line["loss"] for line in read_log(tmp_path / "log.jsonl") if line["kind"] == "train"]
    assert len(losses) == 3 and losses[2] < 0.5 * losses[0]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_resume_is_equal_bit_for_bit(tmp_path: Path, accumulate: int) -> None:
    """A kill between two states loses steps, not equality."""

    def stop(done: int, total: int, note: str) -> None:
        if done == 3:
            raise Cancelled("stopped")

    optim = OptimConfig(learning_rate=0.05, warmup=2, schedule="constant")
    loop = LoopConfig(steps=6, average=0.9, save_every=2, log_every=1, accumulate=accumulate)
    whole = Objective()
    fit(whole, make_batch, tmp_path / "whole", loop, optim, CPU, validate)
    with pytest.raises(Cancelled):
        fit(Objective(), make_batch, tmp_path / "cut", loop, optim, CPU, validate, stop)
    resumed = Objective()
    torch.manual_seed(99)
    report = fit(resumed, make_batch, tmp_path / "cut", loop, optim, CPU, validate)
    assert report.step == 6 and report.stopped_by == "steps"
    assert same(whole, resumed)


def test_a_finished_run_is_not_trained_on(tmp_path: Path) -> None:
    first = run(tmp_path, 4)
    assert same(first, run(tmp_path, 4))


def test_validation_neither_changes_training_nor_varies(tmp_path: Path) -> None:
    assert same(run(tmp_path / "a", 4), run(tmp_path / "b", 4, validate_every=1))
    lines = [x for x in read_log(tmp_path / "b" / "log.jsonl") if x["kind"] == "val"]
    assert len(lines) == 5 and len({line["noise"] for line in lines}) == 1


def test_accumulated_batches_are_different_ones(tmp_path: Path) -> None:
    seen: list[int] = []

    def watch(number: int) -> Batch:
        seen.append(number)
        return make_batch(number)

    loop = LoopConfig(steps=3, accumulate=2)
    fit(Objective(), watch, tmp_path, loop, OPTIM, CPU)
    # One batch is made ahead and left unused at the end.
    assert seen == list(range(7))


def test_the_clock_stops_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(step=5.0)
    monkeypatch.setattr("seehear.train.loop.time.monotonic", lambda: next(ticks))
    optim = OptimConfig(schedule="clock")
    limits = RunLimits(device="cpu", max_minutes=2.0)
    report = fit(Objective(), make_batch, tmp_path, LoopConfig(steps=1000), optim, limits)
    assert report.stopped_by == "clock" and 0 < report.step < 30
    again = fit(Objective(), make_batch, tmp_path, LoopConfig(steps=1000), optim, limits)
    assert again.step == report.step, "time spent before counts"


def test_clock_schedule_needs_a_clock(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="max_minutes"):
        fit(Objective(), make_batch, tmp_path, LoopConfig(), OptimConfig(schedule="clock"), CPU)


def test_states_of_other_models_are_refused(tmp_path: Path) -> None:
    run(tmp_path, 2)
    with pytest.raises(ModelError, match="another model"):
        fit(Objective(width=4), make_batch, tmp_path, LoopConfig(steps=3), OPTIM, CPU)
    (tmp_path / FILE).write_bytes(b"not a state")
    with pytest.raises(ModelError, match="damaged"):
        fit(Objective(), make_batch, tmp_path, LoopConfig(steps=3), OPTIM, CPU)


def test_low_precision_trains_too(tmp_path: Path) -> None:
    objective = run(tmp_path, 3, precision="bf16")
    assert all(p.dtype == torch.float32 for p in objective.parameters())


def test_batched_solve_is_right_after_accelerate_started(tmp_path: Path) -> None:
    """accelerate may set the number of threads; some builds then solve batches wrongly."""
    run(tmp_path, 1)
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(64, 24, 24, dtype=torch.float64, generator=generator)
    b = torch.randn(64, 24, 2, dtype=torch.float64, generator=generator)
    looped = torch.stack([torch.linalg.solve(x, y) for x, y in zip(a, b, strict=True)])
    assert torch.allclose(torch.linalg.solve(a, b), looped, rtol=1e-8, atol=1e-10)
