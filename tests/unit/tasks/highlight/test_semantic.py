"""How the semantic judges are put together, with judges that can be foretold."""

from __future__ import annotations

import pytest
import torch

from seehear.errors import ModelError
from seehear.features.frames import FrameEncoder
from seehear.metrics.semantics import AudioClassifier
from seehear.tasks.highlight.semantic import load_semantic_scores, semantic_scores
from seehear.types import Audio, Video


class Loudspeaker(AudioClassifier):
    """Hears class 0 in loud sound and class 1 in quiet sound."""

    def probabilities(self, waveform: torch.Tensor) -> torch.Tensor:
        loud = min(float(waveform.abs().max()), 1.0)
        return torch.tensor([loud, 1 - loud], dtype=torch.float64)


def _audio(level: float) -> Audio:
    return Audio(torch.full((2, 48000), level), 48000)


CLASSIFIER = Loudspeaker("made up", ("loud", "quiet"), None, None)
ENCODER = FrameEncoder("red", 2, 4, "", "", lambda x: x[:, :2, 0, 0].float())
LABELS = torch.eye(2)


def test_divergence_alone_without_an_encoder() -> None:
    score = semantic_scores(CLASSIFIER)(_audio(0.9), None)
    assert set(score(_audio(0.9))) == {"kld_ast"}
    assert score(_audio(0.9))["kld_ast"] == pytest.approx(0, abs=1e-4)
    assert score(_audio(0.2))["kld_ast"] > 0.5


def test_image_and_sound() -> None:
    frames = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    frames[:, 0] = 255  # the encoder says: class 0
    video = Video(frames, torch.arange(2, dtype=torch.float64))
    score = semantic_scores(CLASSIFIER, ENCODER, LABELS)(_audio(1.0), video)
    good, bad = score(_audio(1.0)), score(_audio(0.0))
    assert good["image_audio_clip_ast"] == pytest.approx(1)
    assert good["image_audio_clip_ast_change"] == pytest.approx(0)
    assert bad["image_audio_clip_ast"] == pytest.approx(0)
    assert bad["image_audio_clip_ast_change"] == pytest.approx(1)
    blind = semantic_scores(CLASSIFIER, ENCODER, LABELS)(_audio(1.0), None)
    assert set(blind(_audio(1.0))) == {"kld_ast"}


def test_missing_weights() -> None:
    pytest.importorskip("transformers")
    with pytest.raises(ModelError, match="get its weights first"):
        load_semantic_scores("nobody/has-this-model")
