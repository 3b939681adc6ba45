"""What is seen, weighed by what is heard."""

from __future__ import annotations

import torch
from torch.nn import functional

from seehear.features.concepts import ConceptEncoder, load_concepts
from seehear.tasks.separate.queries import nearest
from seehear.tasks.separate.weighing import weigh


def between(encoder: ConceptEncoder, shares: dict[str, float]) -> torch.Tensor:
    """Vector [1, D] of a picture that looks like several things."""
    vectors = encoder.encode_texts(list(shares))
    mixed = torch.tensor(list(shares.values())) @ vectors
    return functional.normalize(mixed, dim=0)[None]


def test_doubt_is_settled_by_ear() -> None:
    encoder = load_concepts()
    seen = between(encoder, {"clock tick": 0.5, "dog": 0.4})
    assert nearest(encoder, seen[0]) == "clock tick"
    heard = weigh(encoder, seen, ["dog", "clock_tick", "rain"], [0.6, 0.0, 0.9])
    assert nearest(encoder, heard[0]) == "dog"
    torch.testing.assert_close(heard.norm(dim=1), seen.norm(dim=1))
    other = weigh(encoder, seen, ["dog", "clock_tick", "rain"], [0.0, 0.3, 0.9])
    assert nearest(encoder, other[0]) == "clock tick"


def test_what_is_recognised_for_sure_stays() -> None:
    encoder = load_concepts()
    seen = between(encoder, {"dog": 0.95, "rain": 0.05})
    heard = weigh(encoder, seen, ["dog", "rain"], [0.0, 1.0])
    assert nearest(encoder, heard[0]) == "dog"
    word = encoder.encode_texts(["dog"])
    sure = weigh(encoder, word, ["dog", "rain"], [0.0, 1.0])
    torch.testing.assert_close(sure, word, atol=1e-3, rtol=0)


def test_without_listening_nothing_changes() -> None:
    encoder = load_concepts()
    seen = between(encoder, {"dog": 0.5, "rooster": 0.5})
    torch.testing.assert_close(weigh(encoder, seen, [], []), seen, atol=0, rtol=0)


def test_equal_shares_change_nothing_but_what_is_unknown() -> None:
    encoder = load_concepts()
    seen = between(encoder, {"dog": 0.5, "rooster": 0.3, "wild cat": 0.2})
    heard = weigh(encoder, seen, ["dog", "rooster"], [0.5, 0.5])
    before, after = (encoder.similarity(v, encoder.class_vectors()) for v in (seen, heard))
    dog, rooster, cat = (encoder.classes.index(n) for n in ("dog", "rooster", "wild_cat"))
    ratios = after[dog] / after[rooster], before[dog] / before[rooster]
    torch.testing.assert_close(*ratios, atol=0, rtol=1e-3)  # the table is stored in fp16
    assert after[cat] < before[cat]
