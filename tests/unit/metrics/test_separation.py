"""SDR, SIR, SAR and SI-SDR against mir_eval, closed forms and the stated rules."""

from __future__ import annotations

import warnings

import mir_eval
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

from seehear.errors import InputError
from seehear.metrics.separation import bss_eval, si_sdr

Floats = NDArray[np.float64]


def sounds(seed: int, sources: int = 2, length: int = 9000) -> Floats:
    random = np.random.RandomState(seed)
    poles = random.uniform(-0.8, 0.95, sources)
    noise = random.standard_normal((sources, length))
    return np.stack([lfilter([1.0], [1.0, -p], x) for p, x in zip(poles, noise, strict=True)])


def judged(references: Floats, estimates: Floats, permute: bool) -> list[Floats]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return list(mir_eval.separation.bss_eval_sources(references, estimates, permute))


@pytest.mark.parametrize("permute", [False, True])
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_same_numbers_as_mir_eval(sources: int, permute: bool) -> None:
    true = sounds(sources, sources)
    random = np.random.RandomState(9)
    mixing = np.eye(sources)[::-1] + 0.3 * random.uniform(size=(sources, sources))
    made = mixing @ true + 0.05 * random.standard_normal(true.shape)
    made[0] = lfilter([1.0, 0.4, -0.2], [1.0], made[0])
    scores = bss_eval(true, made, permute)
    sdr, sir, sar, order = judged(true, made, permute)
    assert scores.sdr == pytest.approx(sdr, abs=1e-6)
    assert scores.sar == pytest.approx(sar, abs=1e-6)
    assert scores.permutation.tolist() == order.tolist()
    if sources == 1:  # nothing to interfere: rounding on their side, exactly nothing on ours
        assert scores.sir.min() > 200 and sir.min() > 200
    else:
        assert scores.sir == pytest.approx(sir, abs=1e-6)


def test_same_numbers_for_sounds_without_treble() -> None:
    # The normal equations are badly conditioned here, as with all resampled recordings.
    b, a = butter(4, 0.5)
    true = lfilter(b, a, sounds(3)) + 1e-5 * sounds(4)
    made = np.clip(true + 0.2 * true[::-1], -1.0, 1.0)
    scores = bss_eval(true, made)
    for ours, theirs in zip(
        (scores.sdr, scores.sir, scores.sar), judged(true, made, False)[:3], strict=True
    ):
        assert ours == pytest.approx(theirs, abs=1e-6)


def test_a_batch_is_scored_item_by_item() -> None:
    true = np.stack([sounds(1), sounds(2)])
    made = true + 0.1 * np.stack([sounds(3), sounds(4)])
    both = bss_eval(true, made)
    assert both.sdr.shape == (2, 2) and both.silent.shape == (2,)
    assert both.sdr[1] == pytest.approx(bss_eval(true[1], made[1]).sdr, abs=1e-12)


def test_white_sources() -> None:
    true = np.random.RandomState(0).standard_normal((2, 20000))
    mixed = bss_eval(true, np.stack([true.mean(0)] * 2))
    assert mixed.sdr == pytest.approx(mixed.sir, abs=1e-9) and abs(mixed.sdr).max() < 0.5
    assert mixed.sar.min() > 100
    noise = np.random.RandomState(1).standard_normal(true.shape)
    assert bss_eval(true, true + 0.1 * noise).sdr == pytest.approx([20, 20], abs=0.3)
    leak = bss_eval(true, 0.9 * true + 0.1 * true[::-1])
    assert leak.sdr == pytest.approx(leak.sir, abs=1e-6)
    assert leak.sir == pytest.approx([19.1, 19.1], abs=0.4)


def test_gain_and_short_filters_are_forgiven() -> None:
    true = sounds(5)
    made = true + 0.1 * true[::-1] + 0.01 * sounds(6)
    before, halved = bss_eval(true, made), bss_eval(true, 0.5 * made)
    assert halved.sdr == pytest.approx(before.sdr, abs=1e-9)
    delayed = np.pad(true, ((0, 0), (40, 0)))[:, : true.shape[1]]
    assert bss_eval(true, delayed).sdr.min() > 15
    assert si_sdr(true, delayed).max() < 15


def test_permutation_is_found() -> None:
    true = sounds(7, 3)
    scores = bss_eval(true, true[[2, 0, 1]] + 0.01 * sounds(8, 3), permute=True)
    assert scores.permutation.tolist() == [1, 2, 0] and scores.sdr.min() > 20


def test_filtered_copies_of_each_other_have_scores() -> None:
    true = sounds(9)
    true[1] = lfilter([0.5, 0.1], [1.0], true[0])
    scores = bss_eval(true, true + 0.1 * sounds(10))
    assert np.isfinite(scores.sdr).all()


def test_silence_is_marked_and_not_scored() -> None:
    true = np.stack([sounds(1), sounds(2)])
    made = true.copy()
    made[0, 1] = 1e-10
    scores = bss_eval(true, made)
    assert scores.silent.tolist() == [True, False]
    for values in (scores.sdr, scores.sir, scores.sar):
        assert np.isnan(values[0]).all() and not np.isnan(values[1]).any()
    assert np.isnan(si_sdr(true, made)[0, 1])
    assert bss_eval(0 * true, made).silent.all()


def test_si_sdr_closed_forms() -> None:
    true = np.random.RandomState(0).standard_normal(4000)
    noise = np.random.RandomState(1).standard_normal(4000)
    noise -= true * (noise @ true) / (true @ true)
    noise *= np.linalg.norm(true) / np.linalg.norm(noise)
    assert si_sdr(true, true + 0.1 * noise) == pytest.approx(20.0)
    assert si_sdr(true, -3 * (true + 0.1 * noise)) == pytest.approx(20.0)
    assert si_sdr(true, noise) < -200


@pytest.mark.parametrize(
    ("true", "made"),
    [
        (np.ones((2, 100)), np.ones((2, 99))),
        (np.ones(100), np.ones(100)),
        (np.ones((2, 0)), np.ones((2, 0))),
        (np.ones((0, 5)), np.ones((0, 5))),
        (np.full((2, 100), np.nan), np.ones((2, 100))),
    ],
)
def test_bad_input_is_refused(true: Floats, made: Floats) -> None:
    with pytest.raises(InputError):
        bss_eval(true, made)


def test_too_many_orders_are_refused() -> None:
    with pytest.raises(InputError, match="orders"):
        bss_eval(np.ones((9, 10)), np.ones((9, 10)), permute=True)
