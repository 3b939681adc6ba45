"""CAVP: published size, time axes, and a contrast that is what it should be."""

import math

import pytest
import torch
from torch.nn import functional

from seehear.errors import ModelError
from seehear.models.visualaudio.cavp import (
    CAVP,
    audio_picture,
    contrast,
    diff_foley,
    pooled,
    temporal_contrast,
    tiny_cavp,
)
from seehear.tasks.generate.import_cavp import translate


def test_published_size() -> None:
    with torch.device("meta"):
        model = CAVP(diff_foley())
    assert sum(p.numel() for p in model.parameters()) == 113_406_593


def test_four_seconds_are_sixteen_steps_on_both_sides() -> None:
    model = tiny_cavp().eval()
    picture = audio_picture(0.1 * torch.randn(2, 64000), model.config)
    assert picture.shape == (2, 128, 256) and 0 <= float(picture.min()) <= float(picture.max()) <= 1
    audio = model.embed_audio(picture)
    video = model.embed_video(torch.rand(2, 16, 3, 32, 32))
    assert audio.shape == video.shape == (2, 16, 32)
    assert torch.allclose(pooled(audio).norm(dim=1), torch.ones(2), atol=1e-5)
    assert not audio_picture(torch.zeros(64000), model.config).any()


def test_contrast_knows_its_bounds() -> None:
    scale = torch.tensor(math.log(1 / 0.07))
    same = functional.normalize(torch.ones(8, 16), dim=1)
    assert float(contrast(same, same, scale)) == pytest.approx(math.log(8), abs=1e-5)
    apart = torch.eye(8)
    best = math.log(1 + 7 * math.exp(-1 / 0.07))
    assert float(contrast(apart, apart, scale)) == pytest.approx(best, abs=1e-6)
    a, b = (functional.normalize(torch.randn(5, 7), dim=1) for _ in range(2))
    assert torch.allclose(contrast(a, b, scale), contrast(b, a, scale))


def test_temporal_contrast_stays_inside_a_video() -> None:
    scale = torch.tensor(1.0)
    same = functional.normalize(torch.ones(6, 16), dim=1)
    assert float(temporal_contrast(same, same, scale, 3)) == pytest.approx(math.log(3), abs=1e-5)
    a, b = (functional.normalize(torch.randn(6, 16), dim=1) for _ in range(2))
    swapped = torch.cat([a[3:], a[:3]]), torch.cat([b[3:], b[:3]])
    assert torch.allclose(
        temporal_contrast(a, b, scale, 3), temporal_contrast(*swapped, scale, 3), atol=1e-6
    )


def test_temperature_starts_and_stays() -> None:
    model = tiny_cavp()
    assert float(model.log_scale.detach().exp()) == pytest.approx(1 / 0.07)
    with torch.no_grad():
        model.log_scale.fill_(9.0)
    model.limit_scale()
    assert float(model.log_scale.detach().exp()) == pytest.approx(100.0)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ModelError, match="no part of CAVP"):
        translate({"strange": torch.zeros(1)}, "x.ckpt")
