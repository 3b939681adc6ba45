"""Which rows of a source manifest may be used, and what becomes of their sounds."""

from pathlib import Path

import numpy as np
import pytest

from seehear.data.melodies import PHRASE_S, render_melodies
from seehear.data.sources import (
    SAMPLE_RATE,
    SourceRow,
    allows_any_use,
    load_sounds,
    photos_by_class,
    read_sound,
    read_sources,
    trim,
)
from seehear.errors import InputError
from tests.unit.data.corpus import make_corpus


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC0-1.0", True),
        ("CC-BY-3.0", True),
        ("CC-BY-4.0 (dataset, somewhere)", True),
        ("Public domain (as stated in repo)", True),
        ("Unlicense (public domain)", True),
        ("Univ. of Iowa MIS: free for any project, no restriction", True),
        ("CC-BY-SA-3.0", False),
        ("CC-BY-NC-4.0", False),
        ("GPL-2.0-or-later", False),
        ("Free-Art-License-1.2", False),
        ("", False),
    ],
)
def test_licences(licence: str, free: bool) -> None:
    assert allows_any_use(licence) is free


def test_sounds_are_grouped_for_chaining(tmp_path: Path) -> None:
    rows = [r for r in read_sources(make_corpus(tmp_path)) if r.split == "train"]
    library = load_sounds([r for r in rows if allows_any_use(r.licence)])
    assert len(library.groups["speech"]) == 2, "one group per speaker"
    assert set(library.groups["music"]) == {
        "piano/made",
        "id:train-piece0.wav",
        "id:train-piece1.wav",
    }
    assert len(library.groups["effects"]["dog/made"]) == 2
    assert library.count("music") == 4
    assert len(photos_by_class(rows)["face"]) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    rows = read_sources(make_corpus(tmp_path))
    with pytest.raises(InputError, match=r"missing\.wav"):
        load_sounds(rows)


def test_a_manifest_without_a_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("path,class\na.wav,dog\n", encoding="utf-8")
    with pytest.raises(InputError, match="lacks the column"):
        read_sources(path)
    with pytest.raises(InputError, match="cannot read"):
        read_sources(tmp_path / "none.csv")


def test_silent_ends_go() -> None:
    sound = np.zeros(SAMPLE_RATE * 2, dtype=np.float32)
    sound[8000:24000] = np.sin(np.arange(16000) * 0.3)
    assert abs(len(trim(sound)) - 16000) <= 1600


def test_melodies_come_from_notes_only(tmp_path: Path) -> None:
    import soundfile

    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    soundfile.write(tmp_path / "a.wav", tone, SAMPLE_RATE)

    def row(kind: str, note: str) -> SourceRow:
        return SourceRow(
            tmp_path / "a.wav", "kalimba", "train", "x", "CC0-1.0", kind, "id", "me", note
        )

    made = render_melodies([row("note", "midi=69; velocity=1"), row("recording", "")], 2, 0)
    again = render_melodies([row("note", "midi=69; velocity=1")], 2, 0)
    assert [s.source_id for s in made] == ["melody:kalimba:0", "melody:kalimba:1"]
    assert all(len(s.samples) == int(PHRASE_S * SAMPLE_RATE) for s in made)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(made, again, strict=True))
    assert len(read_sound(tmp_path / "a.wav")) == SAMPLE_RATE
