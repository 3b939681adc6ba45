"""A generating model is a folder with parts: loaded whole, refused when something is missing or changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from seehear.checkpoint import save_checkpoint
from seehear.cli.main import main
from seehear.errors import ModelError
from seehear.models import build_tiny
from seehear.runtime import choose_runtime
from seehear.tasks.generate.config import GenerateOptions
from seehear.tasks.generate.infer import generate
from seehear.tasks.generate.loading import load_system
from tests.media_kit import write_clip

PARTS = {"cavp": "quick_cavp", "vae": "melvae", "vocoder": "melwave"}


def write_model(folder: Path, **meta: Any) -> Path:
    facts = {
        "task": "generate",
        "licence": "Apache-2.0",
        "parts": {name: name for name in PARTS},
        "latent_scale": 1.0,
        "window_s": 4.0,
        "steps": 2,
        "guidance": 1.5,
        "null": [1.0] + [0.0] * 31,
        **meta,
    }
    save_checkpoint(folder, build_tiny("denoiser"), "denoiser", facts)
    for name, kind in PARTS.items():
        save_checkpoint(folder / name, build_tiny(kind), kind, {"licence": "Apache-2.0"})
    return folder


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    system = load_system(str(model), choose_runtime("cpu"))
    assert (system.window, system.steps, system.guidance) == (100, 2, 1.5)
    assert torch.equal(system.null, torch.eye(32)[0])
    clip = write_clip(tmp_path / "clip.mp4", None, seconds=1.0)
    out = tmp_path / "out.wav"
    options = GenerateOptions(input=str(clip), output=out, model=str(model))
    record = generate(options).record
    assert (record["options"]["steps"], record["options"]["guidance"]) == (2, 1.5)
    assert set(record["model"]["parts"]) == set(PARTS)
    again = ["replay", f"{out}.seehear.json", "-o", str(tmp_path / "again.wav"), "--quiet"]
    assert main(again) == 0
    assert out.read_bytes() == (tmp_path / "again.wav").read_bytes()
    other = build_tiny("melwave")
    with torch.no_grad():
        next(other.parameters()).add_(0.1)
    save_checkpoint(model / "vocoder", other, "melwave", {"licence": "Apache-2.0"})
    assert main([*again, "--force"]) == 1


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"null": [1.0, 0.0]}, "features of an empty video as 32 numbers"),
        ({"parts": {"cavp": "eyes", "vae": "vae", "vocoder": "vocoder"}}, "has no cavp"),
    ],
)
def test_incomplete_models_are_refused(tmp_path: Path, meta: dict[str, Any], said: str) -> None:
    model = write_model(tmp_path / "model", **meta)
    with pytest.raises(ModelError, match=said):
        load_system(str(model), choose_runtime("cpu"))


def test_other_models_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "vae", build_tiny("melvae"), "melvae", {})
    with pytest.raises(ModelError, match="needs a flow transformer"):
        load_system(str(tmp_path / "vae"), choose_runtime("cpu"))
    with pytest.raises(ModelError, match="generate/tiny"):
        load_system("generate/huge", choose_runtime("cpu"))
