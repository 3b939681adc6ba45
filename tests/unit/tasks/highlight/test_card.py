"""Model cards name everybody whose work is in the weights."""

from pathlib import Path

from seehear.data.sources import SourceRow
from seehear.tasks.highlight.card import model_card, used_rows


def row(author: str, kind: str = "recording", label: str = "dog", note: str = "") -> SourceRow:
    return SourceRow(Path("x"), label, "train", "a set", "CC-BY-3.0", kind, "id", author, note)


def test_every_author_is_named_once() -> None:
    rows = [row("Ann"), row("Ann"), row("freesound.org/s/12"), row("freesound.org/s/3")]
    card = model_card("runs", "bandgain", {"licence": "Apache-2.0", "validation": {"a": 0.5}}, rows)
    assert card.count("Ann") == 1 and "N = 3, 12" in card
    assert "| a set | CC-BY-3.0 | 4 |" in card and "validation: a | 0.5" in card


def test_only_rows_that_teach_are_listed() -> None:
    photo, note, unused = row("P", "photo"), row("N", "note", note="midi=60"), row("U", "rir", "x")
    rows = [photo, note, row("D"), unused]
    assert [r.author for r in used_rows("bandgain", rows)] == ["P", "N", "D"]
    assert used_rows("glance", rows) == [photo]
