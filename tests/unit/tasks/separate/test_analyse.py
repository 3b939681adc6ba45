"""Who is heard when."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.tasks.separate.analyse import Heard, per_second


def test_means_per_second() -> None:
    columns = np.concatenate([np.full((2, 50), 1.0), np.full((2, 20), 3.0)], axis=1).astype("f4")
    np.testing.assert_allclose(per_second(columns, 50.0), [[1.0, 3.0], [1.0, 3.0]])


def test_a_short_appearance_counts() -> None:
    taken = np.zeros((2, 600))
    taken[0, 77] = 0.05  # one second of ten minutes
    heard = Heard(taken, taken, np.full(600, 0.1), 0.05)
    assert heard.present.tolist() == [True, False]
    assert heard.overall[0] < 0.05
    assert heard.loudest_s(0) == pytest.approx(77.5)


def test_what_a_network_makes_of_the_noise_between_does_not_count() -> None:
    total = np.array([0.1, 1e-7])
    taken = np.array([[0.0, 1e-7]])
    heard = Heard(taken, taken, total, 0.05)
    assert not heard.present.any()


def test_silence() -> None:
    heard = Heard(np.zeros((1, 3)), np.zeros((1, 3)), np.zeros(3), 0.05)
    assert heard.is_silent
    assert not heard.present.any()
    assert heard.overall[0] == 0.0
    assert not Heard(np.zeros((1, 1)), np.zeros((1, 1)), np.array([1e-6]), 0.05).is_silent


def test_rivals_decide_who_is_heard() -> None:
    taken, among = np.array([[0.8], [0.7]]), np.array([[0.02], [0.6]])
    assert Heard(taken, among, np.ones(1), 0.05).present.tolist() == [False, True]
