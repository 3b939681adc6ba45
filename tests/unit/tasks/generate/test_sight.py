"""Sight: one interface over both networks, whole shots or pieces of them."""

from pathlib import Path

import pytest
import torch

from seehear.checkpoint import save_checkpoint
from seehear.errors import InputError, ModelError
from seehear.models import build_tiny
from seehear.models.visualaudio.cavp import CAVPConfig
from seehear.runtime import choose_runtime
from seehear.tasks.generate.sight import Sight, _reach, load_sight, reduced, tiny_sight


@pytest.fixture(scope="module", params=["quick_cavp", "cavp"])
def sight(request: pytest.FixtureRequest) -> Sight:
    return tiny_sight(request.param)


def shot(sight: Sight, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, sight.frame_size, sight.frame_size, generator=generator)


@pytest.mark.parametrize("size", [1, 7, 30, 200])
def test_pieces_give_what_the_whole_gives(sight: Sight, size: int) -> None:
    frames = shot(sight, 75)
    whole = sight.encode(frames)
    pieces = torch.cat(list(sight.encode_pieces(torch.split(frames, size))))
    assert whole.shape == (75, sight.dim)
    torch.testing.assert_close(pieces, whole, rtol=0, atol=2e-6)


def test_the_context_is_enough_and_is_needed(sight: Sight) -> None:
    frames = shot(sight, 80)
    context, every = round(sight.context_s * sight.rate), round(sight.piece_s * sight.rate)
    begin = 40 // every * every
    whole = sight.encode(frames)
    middle = sight.encode(frames[begin - context : begin + every + context])
    torch.testing.assert_close(
        middle[context : context + every], whole[begin : begin + every], rtol=0, atol=2e-6
    )
    bare = sight.encode(frames[begin : begin + every])
    assert not torch.allclose(bare, whole[begin : begin + every], atol=1e-4)


def test_rows_have_unit_length_and_rates_agree(sight: Sight) -> None:
    frames = shot(sight, round(3 * sight.frame_rate))
    seen = sight.encode(frames)
    heard = sight.embed_sound(0.1 * torch.randn(2, 48000))
    assert heard.shape == (2, len(seen), sight.dim)
    for rows in (seen, heard[0]):
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows)))
    assert sight.embed_sound(torch.randn(1, 100)).shape == (1, 1, sight.dim)


def test_bytes_and_fractions_are_the_same_picture(sight: Sight) -> None:
    bytes_ = (shot(sight, 12) * 255).to(torch.uint8)
    torch.testing.assert_close(sight.encode(bytes_), sight.encode(bytes_.float() / 255))


def test_scores(sight: Sight) -> None:
    rows = sight.encode(shot(sight, round(10 * sight.rate)))
    assert sight.score(rows, rows) == pytest.approx(1.0, abs=1e-5)
    other = sight.embed_sound(torch.randn(1, 160000))[0]
    mine = sight.score(rows, other)
    assert -1 <= mine < 1
    assert sight.score(rows, other[: len(rows) // 2]) == pytest.approx(
        sight.score(rows[: len(rows) // 2], other), abs=1e-6
    )
    with pytest.raises(InputError, match="has none"):
        sight.score(rows[:0], other)


def test_only_the_quick_one_hears_when() -> None:
    """Steps in another order score alike for CAVP (maxima over time), not for QuickCAVP."""
    for kind, same in (("cavp", True), ("quick_cavp", False)):
        sight = tiny_sight(kind)
        rows = sight.encode(shot(sight, round(4 * sight.rate)))
        turned = sight.score(rows, rows.flip(0))
        assert (turned == pytest.approx(1.0, abs=1e-5)) is same


def test_frames_of_another_size_are_refused(sight: Sight) -> None:
    with pytest.raises(InputError, match=r"takes frames \[S, 3"):
        sight.encode(torch.zeros(4, 3, 20, 20))
    with pytest.raises(InputError, match="evenly"):
        reduced(torch.zeros(1, 3, 20, 20), 16)


def test_the_published_network_reaches_nine_frames() -> None:
    assert _reach(CAVPConfig()) == 9


def test_checkpoints_load(tmp_path: Path) -> None:
    runtime = choose_runtime("cpu")
    for kind in ("quick_cavp", "cavp"):
        save_checkpoint(tmp_path / kind, build_tiny(kind), kind, {})
        sight = load_sight(tmp_path / kind, runtime)
        frames = shot(sight, 20)
        torch.testing.assert_close(sight.encode(frames), tiny_sight(kind).encode(frames))
    save_checkpoint(tmp_path / "vae", build_tiny("melvae"), "melvae", {})
    with pytest.raises(ModelError, match="needs cavp"):
        load_sight(tmp_path / "vae", runtime)
