"""Only what a model learns from stands in its card."""

from pathlib import Path

from seehear.data.sources import SourceRow
from seehear.tasks.highlight.card import used_rows


def row(author: str, kind: str = "recording", label: str = "dog", note: str = "") -> SourceRow:
    return SourceRow(Path("x"), label, "train", "a set", "CC-BY-3.0", kind, "id", author, note)


def test_only_rows_that_teach_are_listed() -> None:
    photo, note, unused = row("P", "photo"), row("N", "note", note="midi=60"), row("U", "rir", "x")
    rows = [photo, note, row("D"), unused]
    assert [r.author for r in used_rows("bandgain", rows)] == ["P", "N", "D"]
    assert used_rows("glance", rows) == [photo]
