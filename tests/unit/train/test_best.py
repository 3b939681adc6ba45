"""Which weights count as the best, also after a restart."""

from pathlib import Path

import pytest
from torch import nn

from seehear.errors import ModelError
from seehear.train.best import BestWeights


def layer(value: float) -> nn.Linear:
    module = nn.Linear(2, 1)
    for tensor in module.parameters():
        nn.init.constant_(tensor, value)
    return module


def test_only_better_weights_are_kept(tmp_path: Path) -> None:
    best = BestWeights(tmp_path / "run", "sdr")
    fresh = layer(9.0)
    assert best.restore(fresh) == {} and float(fresh.weight.detach()[0, 0]) == 9.0
    assert best.offer(layer(1.0), {"sdr": 3.0, "loss": 0.5})
    assert not best.offer(layer(2.0), {"sdr": 3.0, "loss": 0.1}), "equal is not better"
    # Another process, after a restart.
    again = BestWeights(tmp_path / "run", "sdr")
    assert not again.offer(layer(2.0), {"sdr": -1.0})
    assert again.offer(layer(4.0), {"sdr": 3.5})
    assert again.restore(fresh) == {"sdr": 3.5} and float(fresh.bias.detach()[0]) == 4.0
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["best.safetensors"]


def test_damage_and_other_models_are_named(tmp_path: Path) -> None:
    best = BestWeights(tmp_path, "sdr")
    best.offer(layer(1.0), {"sdr": 0.0})
    with pytest.raises(ModelError, match="another model"):
        best.restore(nn.Linear(3, 1))
    (tmp_path / "best.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        best.offer(layer(1.0), {"sdr": 1.0})
