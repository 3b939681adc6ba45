"""The band-mask network: masks sum to one, queries have no order, neighbours do not matter."""

import pytest
import torch
from torch import Tensor

from seehear.models import build_config, build_model
from seehear.models.bandmask import BandMask, BandMaskConfig, mask_bands, tiny_bandmask


def lively() -> BandMask:
    """The tiny model with its decisions blown up, so that small effects show."""
    model = tiny_bandmask().eval()
    with torch.no_grad():
        for layer in (model.to_classes, model.to_cells, model.read.look_for):
            layer.weight.mul_(8.0)
    return model


def asked(batch: int, count: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    queries = torch.nn.functional.normalize(torch.randn(batch, count, 32), dim=-1)
    return queries, torch.ones(batch, count, dtype=torch.bool)


@pytest.mark.parametrize("num_samples", [100, 1601, 16000, 33333])
@pytest.mark.parametrize("count", [1, 5])
def test_masks_sum_to_one_for_any_length_and_number(num_samples: int, count: int) -> None:
    with torch.no_grad():
        masks = lively()(torch.randn(2, num_samples), *asked(2, count))
    assert masks.shape == (2, count + 1, 16, 1 + num_samples // 320)
    assert bool((masks >= 0).all())
    assert torch.allclose(masks.sum(1), torch.ones(()), atol=1e-5)


def test_order_of_queries_is_the_order_of_masks() -> None:
    model, sound = lively(), torch.randn(2, 16000)
    queries, mask = asked(2, 4)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        plain = model(sound, queries, mask)
        moved = model(sound, queries[:, order], mask)
    assert torch.allclose(plain[:, :-1][:, order], moved[:, :-1], atol=1e-5)
    assert torch.allclose(plain[:, -1], moved[:, -1], atol=1e-5)
    assert float((plain[:, 0] - plain[:, 1]).abs().max()) > 1e-3


def test_padding_queries_take_nothing_and_change_nothing() -> None:
    model, sound = lively(), torch.randn(1, 16000)
    queries, mask = asked(1, 2)
    padded = torch.cat([queries, torch.randn(1, 3, 32)], dim=1)
    shown = torch.tensor([[True, True, False, False, False]])
    with torch.no_grad():
        plain, wide = model(sound, queries, mask), model(sound, padded, shown)
    assert torch.equal(wide[:, 2:5], torch.zeros_like(wide[:, 2:5]))
    assert torch.allclose(wide[:, [0, 1, 5]], plain, atol=1e-5)


def test_neighbours_in_a_batch_do_not_matter() -> None:
    model, sound = lively(), torch.randn(2, 16000)
    queries, mask = asked(2, 1)
    with torch.no_grad():
        both = model(sound, queries, mask)
        alone = model(sound[:1], queries[:1], mask[:1])
    assert torch.allclose(both[:1], alone, atol=1e-5)


def test_what_is_asked_decides() -> None:
    model, sound = lively(), torch.randn(1, 16000)
    queries, mask = asked(1, 2)
    with torch.no_grad():
        first, second = (model(sound, queries[:, i : i + 1], mask[:, :1]) for i in range(2))
    assert float((first - second).abs().max()) > 1e-2


def test_queries_share_out_the_classes() -> None:
    model = tiny_bandmask().eval()
    classes = torch.randn(1, 9, 2, 3).log_softmax(1)
    queries = torch.zeros(1, 2, 32)
    queries[0, 0, 3] = queries[0, 1, 5] = 1.0
    chosen = model._selected(classes, queries, torch.ones(1, 2, dtype=torch.bool)).exp()
    assert torch.allclose(chosen[0, 0], classes[0, 3].exp(), atol=2e-3)
    assert torch.allclose(chosen[0, 1], classes[0, 5].exp(), atol=2e-3)
    others = classes[0, [0, 1, 2, 4, 6, 7, 8]].exp().sum(0)
    assert torch.allclose(chosen[0, 2], others, atol=4e-3)


@pytest.mark.parametrize("num_samples", [300, 16000, 20001])
def test_estimates_sum_to_the_waveform(num_samples: int) -> None:
    sound = torch.randn(2, num_samples)
    with torch.no_grad():
        made = lively().estimates(sound, *asked(2, 3))
    assert made.shape == (2, 4, num_samples)
    assert torch.allclose(made.sum(1), sound, atol=1e-4)


def test_silence_gives_finite_masks() -> None:
    with torch.no_grad():
        masks = lively()(torch.zeros(1, 8000), *asked(1, 2))
    assert bool(torch.isfinite(masks).all())


@pytest.mark.parametrize("num_bands", [8, 16, 64, 144, 192])
def test_bands_increase_and_are_no_narrower_than_a_bin(num_bands: int) -> None:
    centres = mask_bands(num_bands, 7900.0, 15.625)
    assert len(centres) == num_bands
    steps = centres.diff()
    assert float(steps.min()) >= 15.6
    assert float(centres[-1]) == pytest.approx(7900.0)
    # The scale never narrows on its way up, but for the joint of its two parts.
    assert bool((steps[1:] >= 0.98 * steps[:-1]).all())


def test_published_shape_builds_from_the_table() -> None:
    model = build_model("bandmask", build_config("bandmask", {}))
    assert isinstance(model, BandMask)
    assert model.config == BandMaskConfig()
    assert model.band_centres_hz.shape == (144,)
