"""VisAH: published sizes and shapes, its identities, and what may and may not depend on what.

Behaviour is tested on `SMALL`: two levels less and shorter columns, every part in place. Shapes and
counts of the paper are computed without any arithmetic, on the meta device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seehear.models.visah import (
    Highlighted,
    VisAH,
    VisAHConfig,
    fused,
    network,
    no_context,
    paper_text,
    paper_vision,
    tiny_visah,
)
from seehear.models.visah.dconv import SCALE_AT_START, LocalAttention, RecurrentLayer
from seehear.models.visah.latent import sinusoids
from seehear.nn.context import Context, Tokens

SMALL = VisAHConfig(
    sample_rate=8000,
    n_fft=256,
    hop_length=64,
    channels=4,
    depth=4,
    dconv_compress=2,
    lstm_steps=20,
    latent_dim=16,
    heads=4,
    latent_depth=2,
    context_layers=2,
    frame_encoder="grid",
    frame_dim=12,
    caption_encoder="hash",
    caption_dim=6,
)
FRAMES_ONLY = replace(SMALL, caption_encoder="", caption_dim=0)
PUBLISHED = replace(FRAMES_ONLY, batch_axis_context=True, time_positions=False)
NO_CONTEXT = replace(SMALL, frame_encoder="", frame_dim=0, caption_encoder="", caption_dim=0)
LENGTH = 4001


def tokens(batch: int, count: int, dim: int) -> Tokens:
    """Random features at one per second."""
    times = torch.arange(count, dtype=torch.float32).expand(batch, -1)
    return Tokens(torch.randn(batch, count, dim), times, torch.ones(batch, count, dtype=torch.bool))


def both(batch: int = 1, count: int = 5) -> Context:
    return Context(tokens(batch, count, SMALL.frame_dim), tokens(batch, count, SMALL.caption_dim))


def frames(batch: int = 1, count: int = 5) -> Context:
    return Context(tokens(batch, count, SMALL.frame_dim))


def opened(config: VisAHConfig) -> VisAH:
    """A model some way from its start: every part is audible, decays are those before rescaling."""
    model = VisAH(config).eval()
    with torch.no_grad():
        model.latent.proj_out.weight.normal_(std=0.5)
        for name, parameter in model.named_parameters():
            if name.endswith(".scale"):
                parameter.fill_(0.5)
            if name.endswith("query_decay.bias"):
                parameter.fill_(-2.0)
    return model


def run(model: VisAH, waveform: Tensor, context: Context) -> Tensor:
    with torch.no_grad():
        return model(waveform, context)


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


# Sizes ------------------------------------------------------------------------------------------


def on_meta(config: VisAHConfig) -> VisAH:
    with torch.device("meta"):
        return VisAH(config).eval()


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (paper_vision(), 59_956_090),
        (replace(paper_vision(), context_layers=6), 66_264_442),
        (paper_text(), 67_968_378),
        (replace(paper_text(), context_layers=3), 61_660_026),
        (replace(paper_text(), context_layers=0), 55_351_674),
        (no_context(), 53_254_010),
        # Both projections, two marks of 512 numbers, six layers.
        (fused(), 67_968_378 + 393_728 + 1024),
    ],
)
def test_published_numbers_of_parameters(config: VisAHConfig, expected: int) -> None:
    model = on_meta(config)
    assert count(model) == expected
    assert count(model) - count(model.latent) == 20_955_258


def test_published_numbers_of_parameters_per_layer() -> None:
    model = on_meta(paper_vision())
    for layers, expected in (
        (model.spectral_encoder, [3228, 20472, 80112, 316896, 2120864, 7264544]),
        (model.wave_encoder, [3228, 20472, 80112, 316896, 590208]),
        (model.spectral_decoder, [4724352, 3246912, 811488, 202992, 50808, 10609]),
        (model.wave_decoder, [590400, 369120, 92400, 23160, 3697]),
        (model.latent.blocks, [31509504 // 6] * 6),
        (model.latent.context_encoder, [2102784] * 3),
    ):
        assert [count(layer) for layer in layers] == expected


def test_published_shapes_of_a_clip_of_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    model = on_meta(paper_vision())
    # The inverse transform checks its window's values, which do not exist here.
    monkeypatch.setattr(model, "synthesise", lambda spectrum, n: spectrum.real.new_empty(2, 1, n))
    # Keeps its shape, but slowly: step by step even without numbers.
    monkeypatch.setattr(RecurrentLayer, "forward", lambda self, x: x)
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_: nn.Module, __: Any, made: Any) -> None:
            shapes[name] = tuple((made[0] if isinstance(made, tuple) else made).shape)

        return hook

    for name, module in model.named_modules():
        module.register_forward_hook(note(name))
    context = Context(tokens(2, 10, 768).to(torch.device("meta")))
    made = model.highlight(torch.empty(2, 1, 441_000, device="meta"), context)

    def of(side: str) -> list[tuple[int, ...]]:
        return [shapes[f"{side}.{i}"][1:] for i in range(len(getattr(model, side)))]

    spectral = [(24, 512, 431), (48, 128, 431), (96, 32, 431), (192, 8, 431), (384, 1, 431)]
    wave = [(24, 110_250), (48, 27_563), (96, 6891), (192, 1723)]
    assert of("spectral_encoder") == [*spectral, (768, 216)]
    assert of("wave_encoder") == [*wave, (384, 431)]
    assert shapes["latent"] == (2, 768, 216)
    assert of("spectral_decoder") == [(384, 431), *spectral[-2::-1], (1, 2048, 431)]
    assert of("wave_decoder") == [*wave[::-1], (1, 441_000)]
    assert made.magnitude.shape == (2, 1, 2048, 431)
    assert made.waveform.shape == (2, 1, 441_000)


def test_normalisation_and_memory_only_in_the_two_innermost_levels() -> None:
    model = on_meta(paper_vision())
    memory = (RecurrentLayer, LocalAttention)
    for side, groups, remembers in (
        (model.spectral_encoder, [0, 0, 0, 0, 4, 4], [4, 5]),
        (model.wave_encoder, [0, 0, 0, 0, 0], []),
        (model.spectral_decoder, [4, 4, 0, 0, 0, 0], []),
        (model.wave_decoder, [4, 0, 0, 0, 0], []),
    ):
        norms: list[Any] = [getattr(layer, "norm2", nn.Identity()) for layer in side]
        assert [getattr(norm, "num_groups", 0) for norm in norms] == groups
        found = [i for i, y in enumerate(side) if any(isinstance(m, memory) for m in y.modules())]
        assert found == remembers


def test_rescaling_brings_deviations_closer_to_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    rescaled = VisAH(SMALL)
    monkeypatch.setattr(network, "_rescale", lambda module: None)
    torch.manual_seed(3)
    drawn = dict(VisAH(SMALL).named_modules())
    kinds = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
    seen = 0
    for name, module in rescaled.named_modules():
        if not isinstance(module, kinds):
            continue
        before: Any = drawn[name]
        if name.startswith("latent."):  # attached afterwards
            assert torch.equal(module.weight, before.weight)
            continue
        seen += 1
        deviation = before.weight.detach().std()
        after = module.weight.detach().std()
        assert float(after) == pytest.approx(float((0.1 * deviation).sqrt()), rel=1e-4)
        ratio = after / deviation
        assert torch.allclose(module.bias, before.bias * ratio, atol=1e-6)
    assert seen > 30


def test_residual_branches_start_almost_silent() -> None:
    model = VisAH(SMALL)
    scales = [p for name, p in model.named_parameters() if name.endswith(".scale")]
    assert len(scales) == 2 * (SMALL.depth + SMALL.depth - 2)
    assert all(bool((p == SCALE_AT_START).all()) for p in scales) and SCALE_AT_START == 1e-4


@pytest.mark.parametrize("length", [20, 21, 25, 26, 43, 65])
def test_long_sounds_are_remembered_in_overlapping_pieces(length: int) -> None:
    layer = RecurrentLayer(3, 20)
    x = torch.randn(2, 3, length)
    with torch.no_grad():
        made = layer(x) - x
        if length <= 20:
            assert torch.allclose(made, layer._run(x), atol=1e-6)
            return
        padded = nn.functional.pad(x, (0, 40))
        for column in range(length):
            piece = max((column - 5) // 10, 0)  # the one in whose middle half it lies
            heard = layer._run(padded[:, :, 10 * piece : 10 * piece + 20])
            assert torch.allclose(made[:, :, column], heard[:, :, column - 10 * piece], atol=1e-6)


# The latent module and its context --------------------------------------------------------------


def test_the_latent_module_starts_as_the_identity_and_learns_from_there() -> None:
    model = VisAH(SMALL)
    x = torch.randn(2, SMALL.bottleneck, 30)
    made = model.latent(x, both(2))
    assert torch.equal(made, x)
    made.square().mean().backward()
    for name, parameter in model.latent.named_parameters():
        moved = parameter.grad is not None and bool(parameter.grad.any())
        assert moved == name.startswith("proj_out."), name


def test_context_matters_only_after_the_output_layer_has_moved() -> None:
    x, one, other = torch.randn(1, 1, LENGTH), both(), both()
    start = VisAH(SMALL).eval()
    assert torch.equal(run(start, x, one), run(start, x, other))
    model = opened(SMALL)
    assert difference(run(model, x, one), run(model, x, other)) > 1e-3


@pytest.mark.parametrize("config", [SMALL, PUBLISHED, NO_CONTEXT])
def test_gradient_reaches_every_parameter_once_the_output_layer_has_moved(
    config: VisAHConfig,
) -> None:
    model = opened(config).train()
    context = both(2) if config is SMALL else frames(2)
    made = model(torch.randn(2, 1, LENGTH), context)
    (made * torch.randn_like(made)).sum().backward()
    without = {
        name
        for name, p in model.named_parameters()
        if p.grad is None or float(p.grad.abs().max()) < 1e-6
    }
    # A bias on keys adds the same number to all scores of a query, and softmax takes it out again.
    assert without == {name for name in without if name.endswith("attention.key.bias")}
    assert len(without) == 4


def test_no_context_given_equals_a_model_told_nothing_but_padding() -> None:
    model = opened(SMALL)
    x = torch.randn(2, 1, LENGTH)
    nothing = run(model, x, Context())
    empty = both(2)
    assert empty.frames and empty.captions
    hidden = Context(
        replace(empty.frames, mask=torch.zeros(2, 5, dtype=torch.bool)),
        replace(empty.captions, mask=torch.zeros(2, 5, dtype=torch.bool)),
    )
    assert bool(torch.isfinite(nothing).all())
    assert torch.allclose(run(model, x, hidden), nothing, atol=1e-5)


def test_padding_is_ignored() -> None:
    model = opened(SMALL)
    x, real = torch.randn(2, 1, LENGTH), both(2, 3)

    def padded(given: Tokens | None) -> Tokens:
        assert given is not None
        dim = given.values.shape[2]
        return Tokens(
            torch.cat([given.values, 9.0 * torch.randn(2, 2, dim)], dim=1),
            torch.cat([given.times, 99.0 * torch.ones(2, 2)], dim=1),
            torch.cat([given.mask, torch.zeros(2, 2, dtype=torch.bool)], dim=1),
        )

    longer = Context(padded(real.frames), padded(real.captions))
    assert difference(run(model, x, longer), run(model, x, real)) < 1e-5


def test_either_kind_of_context_may_be_absent() -> None:
    model = opened(SMALL)
    x, context = torch.randn(1, 1, LENGTH), both()
    heard = [
        run(model, x, given)
        for given in (context, Context(context.frames), Context(None, context.captions), Context())
    ]
    assert all(bool(torch.isfinite(y).all()) for y in heard)
    for i in range(4):
        for j in range(i):
            assert difference(heard[i], heard[j]) > 1e-4
    assert context.frames and context.captions
    masked = replace(context.frames, mask=torch.zeros_like(context.frames.mask))
    assert difference(run(model, x, Context(masked, context.captions)), heard[2]) < 1e-5


def test_a_model_for_frames_does_not_read_captions() -> None:
    model = opened(FRAMES_ONLY)
    x, context = torch.randn(1, 1, LENGTH), both()
    assert torch.equal(run(model, x, context), run(model, x, Context(context.frames)))


def shuffled(context: Context) -> Context:
    """The same pictures at other times."""
    assert context.frames
    return Context(replace(context.frames, values=context.frames.values.flip(1)))


def test_when_a_frame_is_seen_matters() -> None:
    model = opened(FRAMES_ONLY)
    x, context = torch.randn(1, 1, LENGTH), frames()
    assert difference(run(model, x, shuffled(context)), run(model, x, context)) > 1e-4
    assert context.frames
    later = Context(replace(context.frames, times=context.frames.times + 0.5))
    assert difference(run(model, x, later), run(model, x, context)) > 1e-5


def test_published_weights_do_not_know_when_a_frame_is_seen() -> None:
    model = opened(PUBLISHED)
    x, context = torch.randn(1, 1, LENGTH), frames()
    assert difference(run(model, x, shuffled(context)), run(model, x, context)) < 1e-5


def second_replaced(x: Tensor, context: Context) -> tuple[Tensor, Context]:
    """The same first clip beside another second clip."""
    assert context.frames
    values = torch.cat([context.frames.values[:1], torch.randn_like(context.frames.values[1:])])
    return torch.cat([x[:1], torch.randn_like(x[1:])]), Context(
        replace(context.frames, values=values)
    )


def test_a_clip_does_not_depend_on_its_neighbours() -> None:
    model = opened(FRAMES_ONLY)
    x, context = torch.randn(2, 1, LENGTH), frames(2)
    first = run(model, x, context)
    other = run(model, *second_replaced(x, context))
    assert difference(other[:1], first[:1]) < 1e-5
    assert difference(other[1:], first[1:]) > 0.1


def test_published_weights_mix_the_clips_of_a_batch() -> None:
    model = opened(PUBLISHED)
    x, context = torch.randn(2, 1, LENGTH), frames(2)
    other = run(model, *second_replaced(x, context))
    assert difference(other[:1], run(model, x, context)[:1]) > 1e-4


def test_sinusoids_are_in_seconds() -> None:
    table = sinusoids(torch.tensor([[0.0, 0.5]]), 8)
    assert table.shape == (1, 2, 8)
    assert torch.equal(table[0, 0], torch.tensor([0.0, 1.0]).repeat(4))
    assert table[0, 1, :2].tolist() == pytest.approx([0.479426, 0.877583], abs=1e-5)


# The whole ----------------------------------------------------------------------------------------


def test_silence_stays_exact_silence() -> None:
    made = opened(SMALL).highlight(torch.zeros(1, 1, LENGTH), both())
    assert not bool(made.waveform.any()) and not bool(made.magnitude.any())


@pytest.mark.parametrize("length", [2, 63, 64, 65, 1000, 5001])
def test_any_length_is_kept(length: int) -> None:
    made = opened(SMALL).highlight(torch.randn(2, 1, length), both(2))
    assert made.waveform.shape == (2, 1, length)
    assert made.magnitude.shape == (2, 1, 128, -(-length // 64))
    assert bool(torch.isfinite(made.waveform).all())


@pytest.mark.parametrize("length", [2, 1000, 50_001])
def test_any_length_is_kept_at_the_papers_transform(length: int) -> None:
    made = run(tiny_visah(), 0.1 * torch.randn(1, 1, length), Context())
    assert made.shape == (1, 1, length)
    assert bool(torch.isfinite(made).all())


def test_the_tiny_model_is_reproducible_and_close_to_its_input() -> None:
    state = torch.get_rng_state()
    one, two = tiny_visah(), tiny_visah()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    x = 0.1 * torch.randn(1, 1, 40_000)
    inner = slice(3000, -3000)
    assert 1e-3 < difference(run(one, x, Context())[..., inner], x[..., inner]) < 0.3


def test_the_waveform_branch_hears_the_same_at_any_level() -> None:
    model = opened(SMALL)
    heard = []
    first: Any = model.wave_encoder[0]
    first.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    x = torch.randn(1, 1, LENGTH) + 0.3
    run(model, x, Context())
    run(model, 7.0 * x, Context())
    assert difference(heard[1], heard[0]) < 1e-4


def masked_with(value: float) -> tuple[Highlighted, Tensor]:
    """A model whose mask is one number and whose waveform branch is silent."""
    model = VisAH(SMALL).eval()
    mask, wave = (side[-1].conv_tr for side in (model.spectral_decoder, model.wave_decoder))
    with torch.no_grad():
        for layer in (mask, wave):
            layer.weight.zero_()
            layer.bias.zero_()
        mask.bias.fill_(value)
    place = torch.arange(LENGTH) / SMALL.sample_rate
    x = sum(torch.sin(2 * torch.pi * f * place + f) for f in (200.0, 731.0, 2200.0))
    assert isinstance(x, Tensor)
    with torch.no_grad():
        return model.highlight(x[None, None], Context()), x[None, None]


def test_the_mask_is_neither_bounded_nor_positive() -> None:
    made, x = masked_with(-3.0)
    inner = slice(160, -160)
    assert difference(made.waveform[..., inner], -3.0 * x[..., inner]) < 1e-3
    assert float(made.magnitude.max()) <= 0.0


def test_analysis_and_synthesis_are_inverse_but_at_the_edges() -> None:
    made, x = masked_with(1.0)
    error = (made.waveform - x).abs()[0, 0]
    assert float(error[160:-160].max()) < 1e-3  # 2560 samples at the paper's sizes
    assert float(error[0] / x.abs().max()) > 0.01  # the columns that are dropped


def test_imported_and_own_weights_share_one_state_dict() -> None:
    assert on_meta(FRAMES_ONLY).state_dict().keys() == on_meta(PUBLISHED).state_dict().keys()
