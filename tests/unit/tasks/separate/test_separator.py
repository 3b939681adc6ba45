"""What a window gives, and who competes."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from seehear.runtime import choose_runtime
from seehear.tasks.separate.separator import POWERS, Separator, load_separator


def tiny(*known: str) -> Separator:
    separator = load_separator("separate/tiny", choose_runtime("cpu"))
    meta = {**separator.checkpoint.meta, **({"heard": list(known)} if known else {})}
    checkpoint = dataclasses.replace(separator.checkpoint, meta=meta)
    return dataclasses.replace(separator, checkpoint=checkpoint)


def noise(samples: int = 16000) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype("f4")


def test_rows_of_a_window() -> None:
    separator = tiny()
    queries = separator.encoder.encode_texts(["dog", "violin"])
    (window,) = separator.run_windows([noise()], queries)
    assert window.shape == (2, len(separator.centres_hz) + 3, 51)
    full = np.zeros(separator.plan.length, np.float32)
    (whole,) = separator.run_windows([full], queries)
    assert whole.nbytes == separator.window_bytes(2)
    masks = window[:, : len(separator.centres_hz)]
    assert 0 <= masks.min() <= masks.max() <= 1
    taken, among, total = window[:, POWERS].transpose(1, 0, 2)
    np.testing.assert_array_equal(taken, among)  # no rivals
    assert (taken.sum(axis=0) <= total[0] * (1 + 1e-5)).all()


def test_rivals_take_from_a_query_but_not_from_its_masks() -> None:
    alone, rivalled = tiny(), tiny("dog", "violin", "rain", "piano")
    query = alone.encoder.encode_texts(["dog"])
    (free,), (pressed,) = (s.run_windows([noise()], query) for s in (alone, rivalled))
    np.testing.assert_array_equal(free[:, :-2], pressed[:, :-2])
    assert pressed[0, -2].sum() < free[0, -2].sum()
    assert rivalled.present_share > alone.present_share


def test_a_thing_is_no_rival_of_itself_or_of_its_group() -> None:
    separator = tiny("dog", "rooster", "rain")
    encoder = separator.encoder
    rivals = separator.rivals(encoder.encode_texts(["animal"]))
    likeness = encoder.similarity(rivals[:, None], encoder.encode_texts(["rain"])[None])
    assert len(rivals) == 1
    torch.testing.assert_close(likeness, torch.ones(1, 1))
