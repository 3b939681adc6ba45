"""Two players in one objective: what reaches whom, and closed forms of penalty and weight."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seehear.train.adversarial import adaptive_weight, held, r1_penalty
from seehear.train.log import read_log
from seehear.train.loop import fit
from seehear.train.settings import LoopConfig, OptimConfig, RunLimits


def test_penalty_of_a_linear_critic_is_its_slope() -> None:
    critic = nn.Linear(4, 1, bias=False)
    real = torch.randn(3, 4, requires_grad=True)
    penalty = r1_penalty(critic(real), real)
    assert float(penalty.detach()) == pytest.approx(float(critic.weight.detach().square().mean()))
    penalty.backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(critic.weight.grad, critic.weight.detach() / 2)  # type: ignore[arg-type]


def test_weight_is_the_ratio_of_slopes() -> None:
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    known, fooling = 10 * weight.sum(), 2 * weight.sum()
    found = adaptive_weight(known, fooling, weight)
    assert float(found) == pytest.approx(5.0, rel=1e-3) and not found.requires_grad
    assert float(adaptive_weight(known, 0 * weight.sum(), weight)) == 1e4


def test_held_critics_pass_gradients_on_and_keep_none() -> None:
    critic, made = nn.Linear(2, 1), torch.randn(5, 2, requires_grad=True)
    with held(critic):
        score = critic(made).mean()
    score.backward()
    assert made.grad is not None and critic.weight.grad is None
    assert all(p.requires_grad for p in critic.parameters())


class Batch:
    def to(self, device: torch.device) -> "Batch":
        return self


class Game(nn.Module):
    """One player with a steep loss, one with a flat one."""

    players = ("model", "critic")

    def __init__(self) -> None:
        super().__init__()
        self.model, self.critic = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": 1000 * self.model.weight.sum() + 0.5 * self.critic.weight.sum()}


def test_players_are_clipped_apart(tmp_path: Path) -> None:
    loop = LoopConfig(steps=1, log_every=1, clip_norm=1.0)
    limits = RunLimits(device="cpu")
    fit(Game(), lambda number: Batch(), tmp_path, loop, OptimConfig(), limits)
    (line,) = read_log(tmp_path / "log.jsonl")
    assert line["grad_norm_model"] == pytest.approx(1000.0)
    assert line["grad_norm_critic"] == pytest.approx(0.5)
