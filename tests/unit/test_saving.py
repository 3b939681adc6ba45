"""A checkpoint never holds numbers that its format cannot hold."""

from pathlib import Path

import pytest
import torch

from seehear.checkpoint import save_checkpoint
from seehear.errors import ModelError
from seehear.models.bandmask import tiny_bandmask


def test_overflow_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    model = tiny_bandmask()
    with torch.no_grad():
        model.dec3.norm.running_var.fill_(1e5)
    folder = tmp_path / "checkpoint"
    with pytest.raises(
        ModelError, match=r"dec3\.norm\.running_var .* not finite as torch\.float16"
    ):
        save_checkpoint(folder, model, "bandmask", {}, dtype=torch.float16)
    assert not folder.exists()
    save_checkpoint(folder, model, "bandmask", {})


def test_shipped_weights_are_finite() -> None:
    from safetensors.torch import load_file

    import seehear

    folders = sorted((Path(seehear.__file__).parent / "weights").iterdir())
    assert folders
    for folder in folders:
        for name, value in load_file(folder / "model.safetensors").items():
            assert not value.is_floating_point() or value.isfinite().all(), f"{folder.name}: {name}"
