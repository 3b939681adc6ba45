"""Guidance and late starts of flows."""

import pytest
import torch
from torch import Tensor

from seehear.errors import UsageError
from seehear.sampling.flow import sample_flow
from seehear.sampling.guidance import classifier_free


def velocity(state: Tensor, times: Tensor, condition: Tensor) -> Tensor:
    return condition - state * times[:, None]


def test_scale_goes_from_empty_over_conditioned_to_beyond() -> None:
    wanted, empty, state = torch.randn(2, 3), torch.randn(2, 3), torch.randn(2, 3)
    times = torch.tensor([0.2, 0.7])
    for scale in (0.0, 1.0, 3.0):
        made = classifier_free(velocity, wanted, empty, scale)(state, times)
        v, e = velocity(state, times, wanted), velocity(state, times, empty)
        assert torch.allclose(made, e + scale * (v - e), atol=1e-6)


def test_one_doubled_batch_per_step() -> None:
    sizes: list[int] = []

    def counted(state: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        sizes.append(len(state))
        return velocity(state, times, condition)

    start = torch.zeros(2, 3)
    sample_flow(classifier_free(counted, start, start, 3.0), start, 5)
    assert sizes == [4] * 5
    sizes.clear()
    sample_flow(classifier_free(counted, start, start, 1.0), start, 5)
    assert sizes == [2] * 5


def test_flow_may_begin_late() -> None:
    noise, clean = torch.randn(1, 4), torch.randn(1, 4)
    middle = 0.6 * noise + 0.4 * clean
    made = sample_flow(lambda x, t: clean - noise, middle, 3, begin=0.4)
    assert torch.allclose(made, clean, atol=1e-6)
    with pytest.raises(UsageError, match="between 0 and 1"):
        sample_flow(lambda x, t: x, noise, 3, begin=1.0)
