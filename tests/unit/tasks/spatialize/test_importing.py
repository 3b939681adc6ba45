"""Import of published weights: every name once, in its place, or a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.errors import ModelError
from seehear.models.pseudobinaural import APNet, APNetConfig, Mono2Binaural, Mono2BinauralConfig
from seehear.tasks.spatialize.importing import (
    import_mono2binaural,
    published_config,
    read_published,
    translate,
)

GOLDEN = Path(__file__).parents[3] / "golden"
BASE = Mono2BinauralConfig()


def blank(fixture: str, *parts: str) -> dict[str, Tensor]:
    """Tensors without memory under the published names."""
    spec: dict[str, Any] = json.loads((GOLDEN / fixture / "spec.json").read_text())
    rows = [row for part in parts for row in spec[f"parameters_{part}"]]
    return {row[0]: torch.empty(row[1], device="meta") for row in rows}


@pytest.fixture
def published() -> dict[str, Tensor]:
    return blank("mono2binaural", "visual", "audio")


def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


@pytest.mark.parametrize("fusion", ["", "apnet", "assoconv"])
def test_every_published_name_has_one_place(fusion: str, published: dict[str, Tensor]) -> None:
    if fusion:
        published |= blank("apnet_stereo", fusion)
    config = published_config(published, BASE, "x", pyramid=bool(fusion))
    with torch.device("meta"):
        model = APNet(config) if isinstance(config, APNetConfig) else Mono2Binaural(config)
    assert isinstance(model, APNet) == bool(fusion)
    assert shapes(translate(published, "x")) == shapes(dict(model.state_dict()))
    assert config.short_inverse and config.norm == "batch"


def test_variants_are_told_by_names(published: dict[str, Tensor]) -> None:
    bare = {
        name: value
        for name, value in published.items()
        if not name.startswith("audionet") or ".0." in name
    }
    assert published_config(bare, BASE, "x").norm == "instance"
    published["feature_extraction.6.5.conv1.weight"] = torch.empty(1, device="meta")
    for block in (2, 3, 4):
        published[f"feature_extraction.6.{block}.conv1.weight"] = torch.empty(1, device="meta")
    assert published_config(published, BASE, "x").trunk_blocks == (2, 2, 6, 2)
    with pytest.raises(ModelError, match="no pyramid"):
        published_config(published, BASE, "x", pyramid=True)


def test_unknown_names_are_refused(published: dict[str, Tensor]) -> None:
    for strange in (
        "audionet_convlayer6.0.weight",
        "audionet_convlayer1.2.weight",
        "feature_extraction.8.0.conv1.weight",
        "feature_extraction.4.0.conv3.weight",
        "fc.weight",
    ):
        with pytest.raises(ModelError, match="unknown tensor"):
            translate({**published, strange: torch.zeros(1)}, "x")


def test_files(tmp_path: Path) -> None:
    parts = {
        "visual": "feature_extraction.0.weight",
        "audio": "audionet_convlayer1.0.bias",
        "fusion": "lastconv_left.0.bias",
    }
    for part, name in parts.items():
        if part == "audio":
            with pytest.raises(ModelError, match="no audio network"):
                read_published(tmp_path)
        torch.save({f"module.{name}": torch.ones(1)}, tmp_path / f"{part}_best.pth")
    for place in (tmp_path, *(tmp_path / f"{part}_best.pth" for part in parts)):
        assert sorted(read_published(place)) == sorted(parts.values())
    torch.save({parts["audio"]: torch.ones(1)}, tmp_path / "audio_latest.pth")
    with pytest.raises(ModelError, match="folder of their own"):
        read_published(tmp_path)
    assert sorted(read_published(tmp_path / "audio_best.pth")) == sorted(parts.values())
    whole = tmp_path / "whole.pt"
    torch.save(dict.fromkeys(parts.values(), torch.ones(1)), whole)
    assert sorted(read_published(whole)) == sorted(parts.values())


def test_other_shapes_are_refused(tmp_path: Path, published: dict[str, Tensor]) -> None:
    state = {name: torch.zeros(()).expand(value.shape) for name, value in published.items()}
    state["conv1x1.0.bias"] = torch.zeros(9)
    torch.save(state, tmp_path / "whole.pt")
    with pytest.raises(ModelError, match=r"audio\.look\.bias"):
        import_mono2binaural(tmp_path / "whole.pt", tmp_path / "made")


def test_counters_may_be_missing(tmp_path: Path, published: dict[str, Tensor]) -> None:
    state = {
        name: torch.zeros(()).expand(value.shape)
        for name, value in published.items()
        if not name.endswith("num_batches_tracked")
    }
    torch.save(state, tmp_path / "whole.pt")
    import_mono2binaural(tmp_path / "whole.pt", tmp_path / "made")
    made = load_checkpoint(tmp_path / "made")
    assert made.name == "mono2binaural" and made.meta["task"] == "spatialize"
    config = made.module.config
    assert isinstance(config, Mono2BinauralConfig) and config.hop_s == 0.05
