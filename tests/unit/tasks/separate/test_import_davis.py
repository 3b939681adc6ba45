"""Import of published DAVIS weights: every name once, in its place, or a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seehear.errors import ModelError
from seehear.models.davis import Davis, flow, paper_ave, paper_music, paper_music_resnet
from seehear.tasks.separate.importing import (
    published_config,
    read_published,
    translate_frames,
    translate_unet,
)

GOLDEN = Path(__file__).parents[3] / "golden"


def rows(fixture: str, key: str) -> list[Any]:
    spec = json.loads((GOLDEN / fixture / "spec.json").read_text())
    listed: list[Any] = spec[key]
    return listed


def blank(listed: list[Any]) -> dict[str, Tensor]:
    """Tensors without memory under the published names."""
    return {row[0]: torch.empty(row[1], device="meta") for row in listed}


@pytest.fixture
def unet() -> dict[str, Tensor]:
    return blank(rows("davis_unet", "parameters"))


@pytest.fixture
def frames() -> dict[str, Tensor]:
    return blank(rows("davis_visual_temporal", "parameters_clip_wrapper"))


def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def test_every_published_name_has_one_place(
    unet: dict[str, Tensor], frames: dict[str, Tensor]
) -> None:
    with torch.device("meta"):
        model = Davis(paper_music())
    made = translate_unet(unet, "x")
    assert shapes(made) == shapes(dict(model.unet.state_dict()))
    unused = sum(v.numel() for n, v in unet.items() if n.startswith("time_mlp."))
    assert sum(v.numel() for v in made.values()) == sum(v.numel() for v in unet.values()) - unused
    frames["model.visual.conv1.weight"] = torch.empty(3, device="meta")
    assert shapes(translate_frames(frames, "x")) == shapes(dict(model.temporal.state_dict()))


def test_the_resnet_variant() -> None:
    published = blank(rows("davis_visual_temporal", "parameters_resnet_wrapper"))
    published["features.0.weight"] = torch.empty(3, device="meta")
    config = published_config(published, paper_music())
    assert config.first_frame_only and config.feed_forward == paper_music_resnet().feed_forward
    with torch.device("meta"):
        model = Davis(config)
    assert shapes(translate_frames(published, "x")) == shapes(dict(model.temporal.state_dict()))


def test_published_behaviour_comes_along(frames: dict[str, Tensor]) -> None:
    for base in (paper_music(), flow(paper_music()), paper_ave(), flow(paper_ave())):
        config = published_config(frames, base)
        assert not config.middle_time and not config.first_frame_only
        assert config.process == base.process and config.sample_rate == base.sample_rate


def test_unknown_and_missing_names_are_refused(
    unet: dict[str, Tensor], frames: dict[str, Tensor]
) -> None:
    for strange in ("net_unet.downs.0.4.weight", "net_unet.mid_block1.extra.weight", "other"):
        with pytest.raises(ModelError, match="unknown tensor"):
            translate_unet({**unet, strange: torch.zeros(1)}, "x")
    gone = "net_unet.ups.1.2.fn.attn_conv_V_2.2.gamma"
    with pytest.raises(ModelError, match="lacks a head"):
        translate_unet({name: v for name, v in unet.items() if name != gone}, "x")
    with pytest.raises(ModelError, match="unknown tensor"):
        translate_frames({**frames, "decoder.norm.weight": torch.zeros(1)}, "x")
    with pytest.raises(ModelError, match="no transformer"):
        translate_frames({"model.visual.proj": torch.zeros(1)}, "x")


def test_files(tmp_path: Path) -> None:
    first, second = torch.zeros(2), torch.ones(2)
    with pytest.raises(ModelError, match=r"unet_best\.pth"):
        read_published(tmp_path)
    torch.save({"module.net_unet.first": first}, tmp_path / "unet_latest.pth")
    torch.save({"temporal_transformer.x": second}, tmp_path / "frame_latest.pth")
    for place in (tmp_path, tmp_path / "unet_latest.pth", tmp_path / "frame_latest.pth"):
        unet, frames = read_published(place)
        assert list(unet) == ["net_unet.first"] and list(frames) == ["temporal_transformer.x"]
    both = tmp_path / "both.pt"
    torch.save({"net_unet.first": first, "temporal_transformer.x": second}, both)
    assert len(read_published(both)[0]) == len(read_published(both)[1]) == 1
    torch.save({"net_unet.first": first, "module.net_unet.first": first}, both)
    with pytest.raises(ModelError, match="already"):
        read_published(both)
    both.write_bytes(b"no weights")
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        read_published(both)
