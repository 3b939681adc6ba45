"""MAG, ENV, W-dis: golden values, closed forms, independent libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import torch

from seehear.errors import InputError
from seehear.metrics import remix
from tests.unit import golden_metrics

RATE = 44100


@pytest.mark.parametrize("name", ["batch", "item0", "item1"])
def test_golden(name: str) -> None:
    prediction, target, scalars = golden_metrics.load()
    pick = slice(None) if name == "batch" else slice(int(name[-1]), int(name[-1]) + 1)
    p, q, expected = prediction[pick], target[pick], scalars[name]
    powers = remix.envelope_power(p, q).tolist()
    assert remix.magnitude_distance(p, q).mean().item() == pytest.approx(expected["MAG"], rel=1e-5)
    assert remix.pooled_envelope_distance(powers) == pytest.approx(expected["ENV"], rel=1e-5)
    assert remix.wasserstein_distance(p, q).mean().item() == pytest.approx(
        expected["W_dis"], rel=1e-5
    )


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.7])
def test_closed_forms_of_a_gain_error(gain: float) -> None:
    q = 0.2 * torch.randn(2, 20001)
    error = abs(1 - gain)
    spectrum = remix.stft(q, 2048, 441, 1764).abs().flatten(1).mean(1).double()
    envelope = remix.hilbert_envelope(q).double()
    assert torch.allclose(remix.magnitude_distance(gain * q, q), error * spectrum, rtol=1e-4)
    assert torch.allclose(
        remix.envelope_distance(gain * q, q), error * envelope.square().mean(1).sqrt(), rtol=1e-5
    )
    assert torch.allclose(
        remix.wasserstein_distance(gain * q, q), error * q.double().abs().mean(1), rtol=1e-5
    )


def test_equal_sound_scores_zero_everywhere() -> None:
    q = 0.1 * torch.randn(2, RATE)
    for row in remix.RemixReference(q, RATE).score(q.clone()):
        assert all(abs(value) < 1e-7 for value in row.values())


def test_level_matching_takes_the_gain_out() -> None:
    q = 0.1 * torch.randn(1, RATE)
    row = remix.RemixReference(q, RATE).score(0.3 * q)[0]
    assert row["mag"] > 0.1 and row["env"] > 0.05
    assert max(row["mag_matched"], row["env_matched"], row["w_dis_matched"]) < 1e-4
    assert row["loudness_difference_lu"] == pytest.approx(20 * math.log10(0.3), abs=1e-3)
    assert row["env_power"] == pytest.approx(row["env"] ** 2)


def test_least_squares_gain_is_the_best_one() -> None:
    p, q = torch.randn(1, 5000), torch.randn(1, 5000)
    p = p + q
    best = (remix.match_level(p, q) - q).norm()
    matched_gain = float(remix.match_level(p, q)[0, 0] / p[0, 0])
    for factor in (0.98, 1.02):
        assert (factor * matched_gain * p - q).norm() > best
    assert torch.equal(remix.match_level(-q, q), 0 * q), "reversed polarity is no level error"
    assert torch.equal(remix.match_level(torch.zeros(1, 9), torch.ones(1, 9)), torch.zeros(1, 9))


def test_w_dis_ignores_time_and_agrees_with_scipy() -> None:
    p, q = torch.randn(1, 3000), 0.4 * torch.randn(1, 3000)
    assert remix.wasserstein_distance(q[:, torch.randperm(3000)], q).item() == 0
    expected = scipy.stats.wasserstein_distance(p[0].numpy(), q[0].numpy())
    assert remix.wasserstein_distance(p, q).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("num_samples", [4000, 4001])
def test_envelope_agrees_with_scipy(num_samples: int) -> None:
    x = torch.randn(3, num_samples)
    expected = np.abs(scipy.signal.hilbert(x.double().numpy()))
    assert np.allclose(remix.hilbert_envelope(x).numpy(), expected, atol=1e-5)


def test_pooling_inside_the_root() -> None:
    powers = [1.0] * 20 + [4.0] * 20 + [0.0]
    assert remix.pooled_envelope_distance(powers) == pytest.approx((1 + 2 + 0) / 3)
    rng = np.random.default_rng(0)
    many = list(rng.random(50))
    per_clip = float(np.sqrt(many).mean())
    assert remix.pooled_envelope_distance(many, pool=25) >= per_clip
    assert remix.pooled_envelope_distance(many, pool=1) == pytest.approx(per_clip)


def test_scores_do_not_depend_on_the_batch() -> None:
    p, q = torch.randn(3, 5000), torch.randn(3, 5000)
    together = remix.RemixReference(q, RATE).score(p)
    for i in range(3):
        alone = remix.RemixReference(q[i : i + 1], RATE).score(p[i : i + 1])[0]
        assert together[i] == pytest.approx(alone, rel=1e-5)


def test_scoring_in_one_go_equals_the_single_functions() -> None:
    p, q = torch.randn(2, 6001), torch.randn(2, 6001)
    p[0] += 0.7 * q[0]
    rows = remix.RemixReference(q, RATE).score(p)
    for suffix, sound in (("", p), ("_matched", remix.match_level(p, q))):
        for name, function in (
            ("mag", remix.magnitude_distance),
            ("env", remix.envelope_distance),
            ("w_dis", remix.wasserstein_distance),
        ):
            expected = function(sound, q).tolist()
            assert [row[name + suffix] for row in rows] == pytest.approx(expected, rel=1e-5)
    expected = remix.loudness_difference(p, q, RATE).tolist()
    assert [row["loudness_difference_lu"] for row in rows] == expected


def test_grid_and_errors() -> None:
    assert remix.stft(torch.zeros(1, 441000), 2048, 441, 1764).shape == (1, 1025, 1001)
    with pytest.raises(InputError, match="of one shape"):
        remix.magnitude_distance(torch.zeros(1, 5000), torch.zeros(1, 5001))
    with pytest.raises(InputError, match="at least one clip"):
        remix.pooled_envelope_distance([])


def test_loudness_of_silence() -> None:
    silence, noise = torch.zeros(1, RATE), 0.1 * torch.randn(1, RATE)
    assert remix.loudness_difference(silence, silence, RATE).item() == 0
    assert remix.loudness_difference(silence, noise, RATE).item() == -math.inf
