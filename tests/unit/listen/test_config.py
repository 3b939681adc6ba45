"""The configuration of a test: a round trip, and refusals that say what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seehear.errors import ConfigError, InputError
from seehear.listen.config import (
    CONFIG_NAME,
    KINDS,
    Ask,
    Kind,
    Scale,
    Screening,
    Trial,
    Version,
    read_test,
    write_test,
)
from tests.listen_kit import made_up


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind: Kind, tmp_path: Path) -> None:
    asks = (Ask("age", 'Your "age"?', ("under 30", "30 or over"), True), Ask("words", "Else?"))
    test = made_up(kind, asks=asks, level_match_lufs=-23.0, practice="c1", seed=7)
    write_test(tmp_path, test)
    assert read_test(tmp_path) == test


def test_file_is_for_people(tmp_path: Path) -> None:
    text = write_test(tmp_path, made_up("mushra")).read_text()
    assert "# Clips that one participant hears; 0 = all.\nclips_each = 0\n" in text
    assert '"""\nListen.\n\nThen answer.' in text


def test_every_comment_belongs_to_a_key(tmp_path: Path) -> None:
    from seehear.listen.config import COMMENTS

    asks = (Ask("age", "Age?"),)
    text = write_test(tmp_path, made_up("ranking", asks=asks, level_match_lufs=-23.0)).read_text()
    unused = [key for key, comment in COMMENTS.items() if f"# {comment}\n" not in text]
    assert not unused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = ", "not valid TOML"),
        ('kind = "ranked"', "kind must be one of 'ranking'"),
        ("colour = 1", "unknown key 'colour'"),
        ('kind = "ranking"', "needs a value for 'title'"),
    ],
)
def test_broken_files_are_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / CONFIG_NAME).write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_test(tmp_path)
    assert CONFIG_NAME in str(caught.value)


def test_a_folder_that_is_no_test(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a listening test"):
        read_test(tmp_path)


def test_refuses_what_cannot_be_a_test() -> None:
    good = made_up("ranking")
    trial = good.trials[0]
    two = (Version("v0", "reference"), Version("v1", "reference"), Version("v2"))
    wrong = {
        "compares at least two": {"versions": good.versions[:1]},
        "occurs twice": {"versions": (Version("a"), Version("a"))},
        "cannot be a name": {"versions": (Version("a~b"), Version("none"))},
        "only one can be the reference": {"versions": two},
        "at least one clip that counts": {"trials": (replace(trial, counts=False),)},
        "occur once": {"trials": (trial, trial)},
        "has sounds of": {"trials": (replace(trial, sounds={"v0": "media/c0/a.flac"}),)},
        "longer than": {"trials": (replace(trial, seconds=0.0),)},
        "not of the form": {"trials": (replace(trial, picture="media/../secret.mp4"),)},
        "there is no clip": {"practice": "elsewhere"},
        "clips_each is": {"clips_each": 9},
        "goes from 1 to 3": {"scale": Scale(1, 4, 1)},
        "needs minimum": {"scale": None},
        "must be lower-case": {"asks": (Ask("Age", "?"),)},
    }
    for said, change in wrong.items():
        with pytest.raises(ConfigError, match=said):
            replace(good, **change)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="needs a version with role"):
        replace(made_up("mushra"), versions=good.versions)
    with pytest.raises(ConfigError, match="come out even"):
        replace(made_up("mos-quality"), scale=Scale(0, 100, 30))
    with pytest.raises(ConfigError, match="a share from 0 to 1"):
        Screening(same_answer=90)


def test_absolute_and_parent_paths_are_refused() -> None:
    for path in ("/etc/passwd", "media/c0/../../x.flac", "media/c0/a/b.flac", "x.flac"):
        with pytest.raises(ConfigError, match="not of the form"):
            replace(
                made_up("ranking"),
                trials=(Trial("c0", 1.0, dict.fromkeys(("v0", "v1", "v2"), path)),),
            )


def test_values_of_the_scale() -> None:
    assert made_up("mos-quality").values() == (20, 40, 60, 80, 100)
    assert made_up("ranking", versions=4).values() == (1, 2, 3, 4)
    assert made_up("pairwise").values() == ()
