"""The quick DAVIS is the plain one, for every kind of weights and in every company."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seehear.errors import InputError
from seehear.models.davis import Davis, DavisConfig, tiny
from seehear.models.davis.fast import FastDavis, faster
from seehear.models.davis.fast_layers import Larger, Plane, image, rows
from seehear.models.davis.unet import Up
from seehear.nn.packed import has_packing

pytestmark = pytest.mark.skipif(
    not has_packing(torch.float32), reason="torch has no packed layers on this processor"
)
Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


def varied(config: DavisConfig) -> Davis:
    """Weights of which none is at its start: gains, offsets, slopes and biases too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = Davis(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def inputs(config: DavisConfig, count: int = 2, columns: int | None = None) -> Inputs:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 1, config.rows, columns or config.columns)
    return (
        torch.randn(shape, generator=generator),
        torch.full((count,), 0.5 if config.process == "flow" else 400),
        torch.rand(shape, generator=generator),
        torch.randn(count, config.frame_dim, generator=generator),
    )


def snr_db(estimate: Tensor, reference: Tensor) -> float:
    error = (estimate - reference).square().sum()
    return float(10 * torch.log10(reference.square().sum() / error))


@pytest.mark.parametrize(
    "config",
    [
        tiny(),
        replace(tiny(), process="diffusion", middle_time=False),
        replace(tiny(), multipliers=(1, 2, 4, 4), columns=64, heads=4),
    ],
    ids=["flow", "published", "deeper"],
)
def test_same_as_plain(config: DavisConfig) -> None:
    model = varied(config)
    given = inputs(config)
    with torch.inference_mode():
        plain = model(*given)
        quick = FastDavis(model)(*given)
    assert quick.shape == plain.shape
    torch.testing.assert_close(quick, plain, atol=1e-4, rtol=1e-4)
    with torch.inference_mode():
        low = FastDavis(model, torch.bfloat16)(*given)
    assert snr_db(low, plain) > 25


def test_other_lengths_and_wrong_sizes() -> None:
    model = varied(tiny())
    quick = FastDavis(model)
    given = inputs(tiny(), 1, columns=48)
    with torch.inference_mode():
        torch.testing.assert_close(quick(*given), model(*given), atol=1e-4, rtol=1e-4)
    with pytest.raises(InputError, match="multiple of 4 columns"):
        quick(*inputs(tiny(), 1, columns=30))


def test_company_changes_nothing() -> None:
    """What queries share (the way down, times, planes) is shared only where it is the same."""
    model = varied(tiny())
    state, times, mixture, seen = inputs(tiny(), 4)
    state[1], mixture[1] = state[0], mixture[0]  # two queries of one window
    state[2] = state[0]  # another window, same noise
    seen[3] = seen[0]
    times = torch.tensor([0.5, 0.5, 0.5, 0.0])
    quick = FastDavis(model)
    with torch.inference_mode():
        together = quick(state, times, mixture, seen)
        for k in range(4):
            pick = slice(k, k + 1)
            alone = FastDavis(model)(state[pick], times[pick], mixture[pick], seen[pick])
            assert torch.equal(alone, together[pick])
        torch.testing.assert_close(
            together, model(state, times, mixture, seen), atol=1e-4, rtol=1e-4
        )
        # Nothing that was kept has been written over.
        assert torch.equal(together, quick(state, times, mixture, seen))


def test_attention_over_the_plane_survives_large_keys() -> None:
    """Keys of later pieces that are far above the first piece's would overflow its offset."""
    model = varied(tiny())
    layer = model.unet.down[0].plane  # type: ignore[union-attr]
    with torch.no_grad():
        layer.qkv.weight.mul_(100.0)  # type: ignore[union-attr, operator]
    x = torch.randn(1, 8, 1, 1, generator=torch.Generator().manual_seed(0)).repeat(1, 1, 128, 64)
    x[..., 32:] *= -1  # a piece is 32 columns here
    x += 0.01 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    c = torch.zeros(1, 32)
    with torch.inference_mode():
        plain = layer(x, c)  # type: ignore[operator]
        film = layer.time(c)  # type: ignore[union-attr, operator]
        made = Plane(layer, torch.float32)(  # type: ignore[arg-type]
            x[0].permute(2, 1, 0).contiguous(), (film[0][0], film[1][0])
        )
    assert bool(made.isfinite().all())
    torch.testing.assert_close(made.permute(2, 1, 0)[None], plain, atol=1e-3, rtol=1e-3)


def test_repeated_positions_as_a_transposed_convolution() -> None:
    torch.manual_seed(0)
    up = Up(3, 5)
    x = torch.randn(1, 3, 4, 6)
    with torch.inference_mode():
        plain = up(x)
        made = Larger(up.conv, torch.float32)(rows(x.mT))
    torch.testing.assert_close(image(made).mT, plain, atol=1e-5, rtol=1e-5)


def test_only_where_it_pays() -> None:
    model = varied(tiny())
    assert isinstance(faster(model), FastDavis)
    assert faster(model.double()) is model
