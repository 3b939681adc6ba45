"""Arguments -> options: any file name, every mistake one sentence."""

from __future__ import annotations

import io
import itertools
import sys
from pathlib import Path

import pytest

from seehear.cli.parsing import boil_down, option_names, parse
from seehear.errors import UsageError
from seehear.tasks.highlight.config import HighlightOptions

CALL = ["in.mp4", "-o", "out.mp4"]


def read(*argv: str) -> HighlightOptions:
    return parse(HighlightOptions, argv, "highlight")


@pytest.mark.parametrize("place", range(3))
def test_input_may_stand_anywhere(place: int) -> None:
    words: list[tuple[str, ...]] = [("-o", "out.mp4"), ("--strength", "0.5")]
    words.insert(place, ("in.mp4",))
    options = read(*itertools.chain(*words))
    assert (options.input, options.output, options.strength) == ("in.mp4", Path("out.mp4"), 0.5)


@pytest.mark.parametrize(
    "name",
    [
        "Übung 東京 🎻 e\u0301té.mp4",
        ' it\'s a "take"; $HOME & `x`.mp4',
        "take%03d 50%.mp4",
        "10:30 talk.mp4",
        "data:video,AAAA.mp4",
        "./-y.mp4",
        "[/red] x/[bold]clip[.mp4",
        "http://127.0.0.1:9/clip.mp4",
        "concat:a.ts|b.ts",
        "subfile,,start,0,end,0,,:/x/two.ts",
        "a=b.mp4",
        "None",
        "-",
    ],
)
def test_names_are_never_interpreted(name: str) -> None:
    assert read(name, "-o", "out.mp4").input == name
    assert read("in.mp4", "-o", name).output == Path(name)


def test_name_with_a_dash_after_the_end_of_options() -> None:
    assert read("-o", "out.mp4", "--", "-y.mp4").input == "-y.mp4"


def test_every_common_option_arrives() -> None:
    options = read(
        *CALL,
        *[
            "--seed",
            "7",
            "--device",
            "cuda:1",
            "--precision",
            "bf16",
            "--start",
            "1.5",
            "--duration",
            "2",
            "--track",
            "1",
        ],
        *["--keep-original", "--force", "--resume", "--dry-run", "--json", "--quiet", "--debug"],
        *["--model", "x", "--context", "both", "--captions", "c.srt", "--strength=0.25"],
    )
    assert options == HighlightOptions(
        input="in.mp4",
        output=Path("out.mp4"),
        seed=7,
        device="cuda:1",
        precision="bf16",
        start=1.5,
        duration=2.0,
        track=1,
        keep_original=True,
        force=True,
        resume=True,
        dry_run=True,
        json=True,
        quiet=True,
        debug=True,
        model="x",
        context="both",
        captions=Path("c.srt"),
        strength=0.25,
    )


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--no-such-option"], "unknown option --no-such-option for highlight; see seehear highlight --help"),
        (["--strenght", "1"], "did you mean --strength"),
        (["--no-force"], "unknown option --no-force"),
        (["--stems", "d"], "unknown option --stems"),
        (["--automation", "f"], "unknown option --automation"),
        (["--loudness", "-16"], "unknown option --loudness"),
        (["--no-guard"], "unknown option --no-guard"),
        (["--input", "b"], "unknown option --input"),
        (["-x"], "unknown option -x"),
        (["second.mp4"], "no use for the word 'second.mp4'"),
        (["--force=3"], "no use for the word '3'"),
        (["--seed", "abc"], "expected --seed INT, got 'abc'"),
        (["--seed", "1.5"], "expected --seed INT, got '1.5'"),
        (["--seed", "[bold]|"], r"expected --seed INT, got '\[bold\]\|'"),
        (["--duration", "long"], "expected --duration S, got 'long'"),
        (["--context", "smell"], "--context must be one of 'frames', .*, not 'smell'"),
        (["--strength"], "--strength needs a value"),
        (["--strength", "--quiet"], "--strength needs a value"),
        (["--strength", "7"], "--strength must be between 0 and 1, not 7"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(argv: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        read(*CALL, *argv)
    assert "\n" not in str(caught.value)


class Ascii(io.StringIO):
    """stdout of a terminal that cannot draw boxes."""

    encoding = "ascii"


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["in.mp4"], "highlight needs -o OUT, --output OUT; see seehear highlight --help"),
        ([*CALL, "--seed", "x"], "expected --seed INT, got 'x'; see seehear highlight --help"),
        ([*CALL, "--seed"], "--seed needs a value; see seehear highlight --help"),
    ],
)
def test_sentences_do_not_depend_on_the_terminal(
    argv: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stdout in (Ascii(), io.TextIOWrapper(io.BytesIO(), "utf-8")):
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(UsageError) as caught:
            read(*argv)
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("argv", "needed"),
    [
        (["in.mp4"], "highlight needs -o OUT, --output OUT"),
        (["-o", "out.mp4"], "highlight needs INPUT"),
        ([], "highlight needs INPUT and -o OUT"),
    ],
)
def test_missing_arguments_are_named(argv: list[str], needed: str) -> None:
    with pytest.raises(UsageError, match=needed):
        read(*argv)


def test_unknown_option_is_named_even_if_its_value_looks_like_the_input() -> None:
    with pytest.raises(UsageError, match="unknown option --stems"):
        read("--stems", "folder", "in.mp4", "-o", "out.mp4")


@pytest.mark.parametrize("name", ["-out.mp4", "-y.mp4"])
def test_leading_dash_is_explained_not_taken_apart(name: str) -> None:
    with pytest.raises(UsageError, match=f"write ./{name} if it is a file"):
        read("in.mp4", "-o", name)


def test_help_is_printed_and_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        read("--help")
    assert stop.value.code == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    for name in option_names(HighlightOptions):
        assert name in shown.out


def test_an_unfamiliar_box_still_becomes_one_line() -> None:
    box = "+- New kind -+\n| first part |\n| and second |\n| ────────── |\n| details |\n+---+"
    assert boil_down(box, "highlight") == "first part and second"
    assert boil_down("", "highlight") == "wrong use of highlight"
