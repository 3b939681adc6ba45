"""The shipped weights: whole, small, and of the kind that they say."""

import hashlib
from pathlib import Path

import pytest
import torch

from seehear import registry
from seehear.checkpoint import load_checkpoint
from seehear.errors import ModelError
from seehear.features.frames import load_frame_encoder
from seehear.features.glance import FOLDER, load_glance
from seehear.nn.context import Context, Tokens

WEIGHTS = FOLDER.parent


def test_the_encoder_that_is_shipped() -> None:
    encoder = load_frame_encoder("glance")
    assert (encoder.id, encoder.dim, encoder.frame_size) == ("glance@1", 48, 64)
    data = (FOLDER / "model.safetensors").read_bytes()
    assert encoder.sha256 == hashlib.sha256(data).hexdigest()
    frames = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    features = encoder.encode(frames)
    assert features.shape == (3, 48) and features.dtype == torch.float32
    assert encoder.encode(frames[:0]).shape == (0, 48)
    assert not features.is_inference(), "may enter a graph"


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ModelError, match="looks at frames"):
        load_glance().encode(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


def test_another_model_is_refused() -> None:
    with pytest.raises(ModelError, match="needs a glance"):
        load_glance(WEIGHTS / "highlight-starter")


def test_starter_belongs_to_the_encoder_and_is_small() -> None:
    starter = registry.load("highlight/starter", "highlight")
    assert starter.meta["frame_encoder"] == load_glance().id
    assert starter.meta["frame_encoder_sha256"] == load_glance().sha256
    assert starter.module.config.frame_dim == load_glance().dim
    folders = (WEIGHTS / "glance", WEIGHTS / "highlight-starter")
    assert sum(f.stat().st_size for x in folders for f in x.iterdir()) < 16 * 2**20
    assert all("## Sources" in (x / "README.md").read_text(encoding="utf-8") for x in folders)


def test_starter_lifts_what_the_picture_is_about() -> None:
    """A face instead of a guitar raises speech against music, even over plain noise."""
    starter = load_checkpoint(WEIGHTS / "highlight-starter").module
    glance = load_checkpoint(WEIGHTS / "glance").module
    classes = glance.config.classes

    def embedding_of(label: str) -> torch.Tensor:
        """The corner of the embedding that the head likes best for a class."""
        return torch.tanh(4.0 * glance.head.weight[classes.index(label)].detach())

    generator = torch.Generator().manual_seed(0)
    waveform = 0.05 * torch.randn(1, 48000, generator=generator)

    def speech_against_music(label: str) -> float:
        frames = Tokens(
            embedding_of(label).expand(1, 3, -1),
            torch.tensor([[0.5, 1.5, 2.5]]),
            torch.ones(1, 3, dtype=torch.bool),
        )
        with torch.no_grad():
            gains = starter.parts(waveform, Context(frames)).stem_gains_db
        return float((gains[0, 0] - gains[0, 1]).mean())

    assert speech_against_music("face") > speech_against_music("electric_guitar") + 0.5


def test_weights_folder_is_inside_the_package() -> None:
    assert Path(registry.__file__).parent in FOLDER.parents
