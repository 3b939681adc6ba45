"""Model cards name everybody whose work is in the weights."""

from pathlib import Path

from seehear.data.sources import SourceRow
from seehear.tasks.cards import model_card


def row(author: str) -> SourceRow:
    return SourceRow(Path("x"), "dog", "train", "a set", "CC-BY-3.0", "recording", "id", author, "")


def test_every_author_is_named_once() -> None:
    rows = [row("Ann"), row("Ann"), row("freesound.org/s/12"), row("freesound.org/s/3")]
    facts = {"licence": "Apache-2.0", "heard": ["dog", "rain"], "validation": {"a": 0.5}}
    card = model_card("runs", "What it is.", "What it is not.", facts, rows)
    assert card.count("Ann") == 1 and "N = 3, 12" in card
    assert "| a set | CC-BY-3.0 | 4 |" in card and "validation: a | 0.5" in card
    assert "| heard | dog, rain |" in card and "What it is not." in card
