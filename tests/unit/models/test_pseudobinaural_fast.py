"""The quick Mono2Binaural computes what the plain one computes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from seehear.models.pseudobinaural import APNet, Mono2Binaural, tiny, tiny_pyramid
from seehear.models.pseudobinaural.fast import FRAMES, FastMono2Binaural, faster
from seehear.models.pseudobinaural.packed import can_pack, halved

pytestmark = pytest.mark.skipif(
    not can_pack(torch.float32), reason="this build of torch has no packed layers"
)


def lively(module: nn.Module) -> nn.Module:
    """Weights and statistics under which every term counts."""
    g = torch.Generator().manual_seed(3)
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(part.weight, 0, (2 / part.weight[0].numel()) ** 0.5, generator=g)
            if part.bias is not None:
                nn.init.normal_(part.bias, 0, 0.2, generator=g)
        if isinstance(part, nn.BatchNorm2d):
            for values, middle in (
                (part.weight, 1.0),
                (part.bias, 0.0),
                (part.running_mean, 0.1),
                (part.running_var, 1.2),
            ):
                assert values is not None
                nn.init.normal_(values, middle, 0.1, generator=g)
    return module.eval()


@pytest.fixture(scope="module")
def plain() -> Mono2Binaural:
    made = lively(Mono2Binaural(replace(tiny(), trunk_blocks=(2, 2, 1, 1))))
    assert isinstance(made, Mono2Binaural)
    return made


def relative(made: Tensor, expected: Tensor) -> float:
    return float((made - expected).norm() / expected.norm())


def inputs(count: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(4)
    pictures = torch.randint(0, 256, (count, 3, 64, 128), dtype=torch.uint8, generator=g)
    return pictures, torch.randn(count, 2, 257, 64, generator=g)


@pytest.mark.parametrize("count", [1, FRAMES + 1])
def test_the_same_numbers(plain: Mono2Binaural, count: int) -> None:
    quick = faster(plain)
    assert isinstance(quick, FastMono2Binaural) and quick.config is plain.config
    pictures, spectrum = inputs(count)
    kept = spectrum.clone()
    with torch.inference_mode():
        seen = plain.look(pictures)
        expected = plain(spectrum, seen)
    assert relative(quick.look(pictures), seen) < 1e-5
    assert torch.allclose(quick.look(pictures.float() / 255), seen, atol=1e-4)
    made = quick(spectrum, seen)
    assert made.shape == expected.shape and relative(made, expected) < 1e-5
    assert not made[:, :, -1].any() and torch.equal(spectrum, kept)
    # Nothing that is kept is written to.
    assert torch.equal(quick(spectrum, seen), made)


def test_instance_norm() -> None:
    model = lively(APNet(tiny_pyramid()))
    assert isinstance(model, APNet)
    pictures, spectrum = inputs(2)
    with torch.inference_mode():
        seen = model.look(pictures)
        expected = model(spectrum, seen)
    assert relative(faster(model)(spectrum, seen), expected) < 1e-5


@pytest.mark.skipif(not can_pack(torch.bfloat16), reason="no bfloat16 on this processor")
def test_bfloat16_is_near(plain: Mono2Binaural) -> None:
    quick = faster(plain, torch.bfloat16)
    pictures, spectrum = inputs(2)
    with torch.inference_mode():
        seen = plain.look(pictures)
        expected = plain(spectrum, seen)
    told = quick.look(pictures)
    assert told.dtype == torch.float32 and 1e-5 < relative(told, seen) < 0.05
    made = quick(spectrum, told)
    assert made.dtype == torch.float32 and relative(made, expected) < 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pooling(dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(5)
    x = torch.randn(2, 3, 6, 10, generator=g).relu().to(dtype)
    x = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(halved(x), torch.nn.functional.max_pool2d(x, 3, 2, 1))


def test_the_plain_network_where_nothing_can_be_gained(plain: Mono2Binaural) -> None:
    with torch.device("meta"):
        elsewhere = Mono2Binaural(tiny())
    assert faster(elsewhere) is elsewhere
    half = Mono2Binaural(tiny()).half()
    assert faster(half) is half
