"""The report's folder: complete, the same twice, honest about who is behind it."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seehear.errors import InputError, OutputError
from seehear.listen.answers import CSV_NAME, Answers, csv_text
from seehear.listen.config import KINDS, Kind, ListeningTest, write_test
from seehear.listen.options import ReportOptions
from seehear.listen.report import build, report, results_csv
from seehear.listen.report_page import page
from seehear.listen.report_words import headline, origin
from seehear.listen.simulated import Listeners, simulate
from tests.listen_kit import made_up
from tests.unit.listen.test_simulated import quality, requiring

pytest.importorskip("matplotlib")


def answered(test: ListeningTest, folder: Path, answers: Answers) -> Path:
    """A test folder with answers."""
    folder.mkdir()
    write_test(folder, test)
    (folder / CSV_NAME).write_text(csv_text(answers))
    return folder


FILES = {
    "index.html", "report.json", "results.csv", "answers.csv", "plots/main.png", "plots/main.svg",
    "plots/clips.svg",
}  # fmt: skip


def files_of(folder: Path) -> dict[str, bytes]:
    """Name -> content of all files."""
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


class Page(HTMLParser):
    """Checks that tags close, and collects what matters."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [told["id"] or ""] if "id" in told else []
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "br"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", KINDS)
def test_whole_report(kind: Kind, tmp_path: Path) -> None:
    test = requiring(made_up(kind, clips=4, title="Which <one> & why?"))
    answers = simulate(test, Listeners(8, quality(test), careless=2, seed=1))
    folder = answered(test, tmp_path / "test", answers)
    made = report(ReportOptions(test=folder, output=tmp_path / "one"))
    assert set(files_of(tmp_path / "one")) >= FILES
    assert (made["participants"], made["kept"]) == (10, 8)
    told = (tmp_path / "one" / "index.html").read_text()
    read = Page()
    read.feed(told)
    assert read.open == []
    assert len(set(read.ids)) == len(read.ids)
    assert all(link.startswith("#") for link in read.links)
    assert "<script" not in told
    assert "Which &lt;one&gt; &amp; why?" in told
    assert "10 participants of this report are simulated." in told
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", told, flags=re.DOTALL).lower().split()
    stored = json.loads((tmp_path / "one" / "report.json").read_text())
    assert stored["results"]["versions"][0]["main"]["participants"] == 8
    assert stored["everybody"]["versions"][0]["main"]["participants"] == 10


def test_same_answers_same_bytes_and_folders_that_exist_are_refused(tmp_path: Path) -> None:
    test = made_up("pairwise", versions=2, clips=2)
    folder = answered(test, tmp_path / "test", simulate(test, Listeners(3, quality(test))))
    options = ReportOptions(test=folder, output=tmp_path / "out")
    report(options)
    before = files_of(tmp_path / "out")
    with pytest.raises(OutputError, match="add --force"):
        report(options)
    # The report's own copy of the answers tells the same.
    (tmp_path / "copy.csv").write_bytes(before["answers.csv"])
    report(replace(options, force=True, answers=tmp_path / "copy.csv"))
    assert files_of(tmp_path / "out") == before
    with pytest.raises(OutputError, match="not a report"):
        report(replace(options, output=folder, force=True))
    with pytest.raises(OutputError, match="make it first"):
        report(replace(options, output=tmp_path / "no" / "where"))


def test_nothing_to_report(tmp_path: Path) -> None:
    test = made_up("ranking")
    with pytest.raises(InputError, match="nobody has answered"):
        build(test, Answers((), ()))
    folder = answered(test, tmp_path / "test", Answers((), ()))
    with pytest.raises(InputError, match="nobody has answered"):
        report(ReportOptions(test=folder, output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_one_participant_gets_a_sentence_instead_of_intervals(kind: Kind) -> None:
    test = made_up(kind, clips=3)
    made = build(test, simulate(test, Listeners(1, quality(test))))
    assert any("One participant" in text for text in made["warnings"])
    assert "One participant is behind these figures" in page(made, {})


def test_when_screening_leaves_nobody_the_report_says_so() -> None:
    test = requiring(made_up("ranking", clips=6))
    answers = simulate(test, Listeners(0, quality(test), careless=4))
    made = build(test, answers)
    assert made["screening"]["kept"] == 0
    assert "Screening left nobody" in made["warnings"][0]
    assert made["results"] == made["everybody"]


def test_a_required_check_without_record_is_not_held_against_people() -> None:
    test = requiring(made_up("ranking", clips=6))
    answers = simulate(test, Listeners(4, quality(test)))
    people = tuple(replace(p, headphones_correct=None) for p in answers.people)
    made = build(test, Answers(people, answers.rows))
    assert made["screening"]["kept"] == 4
    assert "do not tell its outcome" in made["warnings"][0]


def test_screening_changes_the_figures_and_both_are_told() -> None:
    test = requiring(made_up("mos-quality", clips=6))
    answers = simulate(test, Listeners(10, quality(test), careless=4, seed=4))
    made = build(test, answers)
    table = list(csv.DictReader(results_csv(made).splitlines()))
    assert len(table) == len(test.names) * (1 + 6)
    assert any(row["value"] != row["everybody"] for row in table if not row["clip"])
    assert made["screening"]["by_rule"]["headphones"] == 1
    assert "4 left out by screening" in origin(made)


def test_headline_of_a_ranking_names_the_published_shares() -> None:
    test = made_up("ranking", clips=10)
    made = build(test, simulate(test, Listeners(15, quality(test, step=1.5), seed=2)))
    said = " ".join(headline(made))
    best = next(n for n in test.names if n != test.reference)
    assert f"{best} has the best mean rank" in said
    assert "told apart from" in said
    assert "of 15 participants on" in said
    assert "among the two best in" in said
