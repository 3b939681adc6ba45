"""Batches for the band-gain network, and what its objective asks for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from seehear.data.muddy import apply_changes, draw_continuous_changes
from seehear.data.sources import (
    SAMPLE_RATE,
    SoundLibrary,
    allows_any_use,
    load_sounds,
    read_sources,
)
from seehear.models.bandgain import tiny_bandgain
from seehear.tasks.highlight.data import SceneBatches, SceneSettings, fast_muddy
from seehear.tasks.highlight.objective import BandGainObjective
from seehear.tasks.highlight.validation import measure_scenes
from tests.unit.data.corpus import PHOTOS, make_corpus

PLAIN = SceneSettings(
    2, 0, untouched=0.0, blind=0.0, missing=0.0, wrong=0.0, shifted=0.0, short=0.0
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> SoundLibrary:
    rows = read_sources(make_corpus(tmp_path_factory.mktemp("corpus")))
    return load_sounds([r for r in rows if r.split == "train" and allows_any_use(r.licence)])


def batches(library: SoundLibrary, settings: SceneSettings) -> SceneBatches:
    """Every photo class has its own number as feature."""
    looks = {c: torch.full((3, 2, 48), float(i)) for i, c in enumerate(PHOTOS)}
    return SceneBatches(library, looks, settings)


def test_a_number_gives_one_batch(library: SoundLibrary) -> None:
    make = batches(library, SceneSettings(2))
    first, again, other = make(3), make(3), make(4)
    assert torch.equal(first.mixture, again.mixture)
    assert first.mixture.shape != other.mixture.shape or not torch.equal(
        first.mixture, other.mixture
    )


def test_stems_sum_and_frames_have_times(library: SoundLibrary) -> None:
    batch = batches(library, PLAIN)(0)
    assert torch.allclose(batch.muddy_stems.sum(1), batch.mixture, atol=1e-6)
    assert torch.allclose(batch.stems.sum(1), batch.target, atol=1e-6)
    frames = batch.context.frames
    assert frames is not None and bool(frames.mask.all())
    assert torch.allclose(frames.times.diff(dim=1), torch.ones(2, 9))


def test_cut_batches_hide_frames_outside(library: SoundLibrary) -> None:
    make = batches(library, replace(PLAIN, short=1.0))
    hidden = 0
    for number in range(4):
        batch = make(number)
        length_s = batch.mixture.shape[1] / SAMPLE_RATE
        frames = batch.context.frames
        assert 1.0 <= length_s < 10.0 and frames is not None
        assert torch.equal(frames.mask, (frames.times >= 0) & (frames.times < length_s))
        hidden += int((~frames.mask).sum())
    assert hidden > 0


def test_blind_and_untouched_scenes(library: SoundLibrary) -> None:
    batch = batches(library, replace(PLAIN, blind=1.0, untouched=1.0))(0)
    assert batch.context.frames is not None and not bool(batch.context.frames.mask.any())
    assert torch.equal(batch.mixture, batch.target)


def test_shifted_scenes_move_both_mixes_alike(library: SoundLibrary) -> None:
    settings = replace(PLAIN, untouched=1.0, shifted=1.0)
    batch = batches(library, settings)(0)
    assert torch.equal(batch.mixture, batch.target)
    assert float(batch.mixture.abs().max()) <= 1.0


def test_fast_muddy_is_muddy(library: SoundLibrary) -> None:
    stems = batches(library, PLAIN)(0).stems[0]
    changes = draw_continuous_changes([-23.0, -30.0, -35.0], 10.0, np.random.default_rng(0), "high")
    exact = apply_changes(stems, changes, SAMPLE_RATE)[1]
    fast = torch.from_numpy(fast_muddy(stems.numpy(), changes))
    assert float((fast - exact).abs().max()) < 1e-3 * float(exact.abs().max())


def test_nothing_is_lost_on_a_perfect_result(library: SoundLibrary) -> None:
    """With gains of 0 dB on scenes that are not muddied, all distances to the target vanish."""
    batch = batches(library, replace(PLAIN, untouched=1.0))(0)
    model = tiny_bandgain().eval()
    with torch.no_grad():
        model.timeline.decide[2].weight.zero_()
        model.timeline.decide[2].bias.zero_()
        losses = BandGainObjective(model)(batch)
    for name in ("magnitude", "envelope", "log", "stem_gains"):
        assert float(losses[name]) == pytest.approx(0.0, abs=1e-3), name
    assert float(losses["shares"]) > 0.1


def test_validation_numbers_of_doing_nothing(library: SoundLibrary) -> None:
    model = tiny_bandgain().eval()
    with torch.no_grad():
        model.timeline.decide[2].weight.zero_()
        model.timeline.decide[2].bias.zero_()
    numbers = measure_scenes(BandGainObjective(model), [batches(library, PLAIN)(0)])
    assert numbers == pytest.approx(
        {"magnitude": 0.0, "envelope": 0.0, "blind": 0.0, "swapped": 0.0}, abs=1e-4
    )
