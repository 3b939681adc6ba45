"""Configurations and results of webMUSHRA: hand-written files read, our own tests there and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seehear.errors import ConfigError, InputError, OutputError
from seehear.listen.answers import csv_text, read_answers
from seehear.listen.config import KINDS, Kind, read_test
from seehear.listen.exchange import export_test, import_test
from seehear.listen.making import new_test
from seehear.listen.options import ExportOptions, ImportOptions, NewOptions
from seehear.listen.simulated import Listeners, simulate
from seehear.listen.sounds import read_sound
from seehear.listen.webmushra import read_foreign
from seehear.listen.webmushra_results import read_results
from tests.listen_kit import RATE, two_folders
from tests.media_kit import files_in

# Written by hand after the documentation for experimenters; sounds lie beside the file.
HEAD = """
testname: Codecs
testId: codecs
bufferSize: 2048
stopOnErrors: true
showButtonPreviousPage: true
remoteService: service/write.php
"""
MUSHRA = (
    HEAD
    + """
pages:
  - type: generic
    id: intro
    name: Welcome
    content: Hello
  - - random
    - type: mushra
      id: Trial 1
      name: First
      content: Rate <b>all</b> of<br/>them.
      showWaveform: true
      enableLooping: true
      reference: sounds/ref.wav
      createAnchor35: true
      createAnchor70: false
      stimuli: {C1: sounds/one.wav, C2: sounds/two.wav}
    - - random
      - type: mushra
        id: Trial 2
        name: Second
        content: Rate <b>all</b> of<br/>them.
        reference: sounds/ref.wav
        createAnchor35: true
        createAnchor70: false
        stimuli: {C1: sounds/two.wav, C2: sounds/one.wav}
  - type: finish
    name: Thank you
    content: Bye
    showResults: true
    writeResults: true
    questionnaire:
      - {type: text, label: eMail, name: email}
      - {type: number, label: Your age, name: age, min: 0, max: 100, default: 30}
      - type: likert
        name: gender
        label: Gender
        response: [{value: female, label: Female}, {value: male, label: Male}]
"""
)
PAIRS = (
    HEAD
    + """
pages:
  - type: paired_comparison
    id: ab
    name: Which?
    unforced: no idea
    content: Which is better?
    reference: sounds/ref.wav
    stimuli: {C1: sounds/one.wav, C2: sounds/two.wav}
  - {type: finish, name: Thanks, content: Bye, showResults: false, writeResults: true}
"""
)
LIKERT = (
    HEAD
    + """
pages:
  - type: likert_single_stimulus
    id: l1
    name: Like it?
    content: null
    mustRate: true
    stimuli: {C1: sounds/one.wav, C2: sounds/two.wav}
    response:
      - {value: not at all, label: Not at all, img: a.png}
      - {value: a bit, label: A bit, img: a.png}
      - {value: much, label: Much, img: a.png}
"""
)


def written(root: Path, text: str) -> Path:
    (root / "sounds").mkdir(exist_ok=True)
    for i, name in enumerate(("ref", "one", "two")):
        noise = np.random.default_rng(i).integers(-9000, 9000, (RATE // 2, 2), dtype=np.int16)
        soundfile.write(root / "sounds" / f"{name}.wav", noise, RATE)
    path = root / "config.yaml"
    path.write_text(text)
    return path


def imported(path: Path, *results: Path, **more: object) -> Path:
    output = path.parent / "taken"
    options = ImportOptions(config=path, output=output, results=results, **more)  # type: ignore[arg-type]
    import_test(options, lambda *_: None)
    return output


def test_mushra_file(tmp_path: Path) -> None:
    path = written(tmp_path, MUSHRA)
    folder = imported(path)
    test = read_test(folder)
    assert (test.kind, test.title) == ("mushra", "Codecs")
    assert test.question == "Rate all of\nthem."
    assert [(v.name, v.role) for v in test.versions] == [
        ("reference", "reference"), ("C1", "version"), ("C2", "version"), ("anchor35", "anchor"),
    ]  # fmt: skip
    assert [t.id for t in test.trials] == ["trial-1", "trial-2"]
    assert [(a.key, a.question, a.choices) for a in test.asks] == [
        ("age", "Your age", ()), ("gender", "Gender", ("female", "male")),
    ]  # fmt: skip
    taken = read_sound(folder / test.trials[1].sounds["C1"]).waveform.numpy()
    given, _ = soundfile.read(tmp_path / "sounds" / "two.wav", dtype="float32")
    assert np.array_equal(taken.T, given), "sounds are taken over bit for bit"


def test_mushra_results_without_session_ids(tmp_path: Path) -> None:
    path = written(tmp_path, MUSHRA)
    results = tmp_path / "mushra.csv"
    rows = [
        "session_test_id,email,age,trial_id,rating_stimulus,rating_score,rating_time,rating_comment"
    ]
    for email, age, score in (("a@b.c", 30, 80), ("d@e.f", 31, 60), ("a@b.c", 30, 40)):
        for trial in ("Trial 1", "Trial 2"):
            rows += [
                f"codecs,{email},{age},{trial},C1,{score},5250,",
                f'codecs,{email},{age},{trial},reference,100,5250,"very, very good"',
                f"codecs,{email},{age},{trial},anchor35,5,5250,",
            ]
    results.write_text("\n".join(rows))
    folder = imported(path, results)
    answers = read_answers(folder, read_test(folder))
    assert [(p.id, dict(p.fields)) for p in answers.people] == [
        ("p001", {"age": "30"}), ("p002", {"age": "31"}), ("p003", {"age": "30"}),
    ]  # fmt: skip
    c1 = [
        (r.participant, r.value) for r in answers.rows if (r.clip, r.version) == ("trial-2", "C1")
    ]
    assert c1 == [("p001", 80), ("p002", 60), ("p003", 40)]
    assert {r.seconds for r in answers.rows} == {5.25}
    assert "a@b.c" not in "".join(p.read_text() for p in folder.glob("*.*"))


def test_paired_comparison_file_and_results(tmp_path: Path) -> None:
    path = written(tmp_path, PAIRS)
    results = tmp_path / "paired_comparison.csv"
    results.write_text(
        "session_test_id,session_uuid,trial_id,choice_reference,choice_non_reference,choice_answer,"
        "choice_time,choice_comment\n"
        "codecs,u1,ab,reference,C1,correct,1000,\n"
        "codecs,u1,ab,reference,C2,undecided,1000,\n"
        "codecs,u2,ab,reference,C1,incorrect,1000,\n"
        "codecs,u2,ab,reference,C2,unknown,1000,\n"
    )
    foreign = read_foreign(path)
    assert foreign.no_preference and foreign.names == ("reference", "C1", "C2")
    answers = read_results([results], foreign)
    assert [(r.participant, r.version, r.value) for r in answers.rows] == [
        ("p001", "reference~C1", "reference"),
        ("p001", "reference~C2", "none"),
        ("p002", "reference~C1", "C1"),
    ]
    folder = imported(path, results)
    assert len(read_answers(folder, read_test(folder)).rows) == 3


def test_likert_file_and_results(tmp_path: Path) -> None:
    path = written(tmp_path, LIKERT)
    results = tmp_path / "lss.csv"
    results.write_text(
        "session_test_id,age,trial_id,stimuli_rating,stimuli,rating_time\n"
        'codecs,9,l1," much ",C1,900\ncodecs,9,l1," NA ",C2,900\n'
    )
    folder = imported(path, results)
    test = read_test(folder)
    assert test.values() == (1, 2, 3) and test.scale is not None
    assert [label.text for label in test.scale.labels] == ["Not at all", "A bit", "Much"]
    assert test.question == "Like it?"
    assert [(r.version, r.value) for r in read_answers(folder, test).rows] == [("C1", 3.0)]


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind: Kind, tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=2, seconds=0.5)
    first = tmp_path / "first"
    options = NewOptions(
        kind=kind, output=first, reference="loud", practice="none", question="A < B?"
    )
    new_test(options, made, lambda *_: None)
    test = read_test(first)
    people = Listeners(4, dict.fromkeys(test.names, 60.0))
    answers = simulate(test, people)
    (first / "answers.csv").write_text(csv_text(answers))
    out = tmp_path / "out"
    said = export_test(ExportOptions(test=first, output=out), lambda *_: None)
    assert said["answers"] == len(answers.rows) > 0
    config = Path(said["config"])
    back_options = ImportOptions(
        config=config,
        output=tmp_path / "back",
        results=tuple((out / "results" / "first").iterdir()),
    )
    import_test(back_options, lambda *_: None)
    back = read_test(tmp_path / "back")
    for name in ("kind", "title", "question", "scale", "one_at_a_time", "no_preference", "asks"):
        if name != "no_preference" or kind == "pairwise":
            assert getattr(back, name) == getattr(test, name), name
    assert [(v.name, v.role) for v in back.versions] == [(v.name, v.role) for v in test.versions]
    for one, other in zip(test.trials, back.trials, strict=True):
        assert one.id == other.id
        for name in test.names:
            a, b = (
                read_sound(f / t.sounds[name]).waveform
                for f, t in ((first, one), (tmp_path / "back", other))
            )
            assert np.array_equal(a, b)
    again = read_answers(tmp_path / "back", back)
    names = {p.id: f"p{i:03d}" for i, p in enumerate(answers.people, start=1)}
    assert {(names[r.participant], r.clip, r.version, r.value) for r in answers.rows} == {
        (r.participant, r.clip, r.version, r.value) for r in again.rows
    }


def test_three_versions_make_a_page_for_every_pair(tmp_path: Path) -> None:
    from seehear.listen.webmushra import foreign_yaml
    from tests.listen_kit import made_up

    test = made_up("pairwise", 3, 2)
    files = {t.id: {n: f"x/{t.id}/{n}.wav" for n in test.names} for t in test.trials}
    path = tmp_path / "config.yaml"
    path.write_text(foreign_yaml(test, "three", files))
    foreign = read_foreign(path)
    assert [(p.id, p.clip) for p in foreign.pages][:3] == [
        ("c0__0-1", "c0"), ("c0__0-2", "c0"), ("c0__1-2", "c0"),
    ]  # fmt: skip
    assert foreign.names == ("v0", "v1", "v2")
    with pytest.raises(InputError, match="rename it"):
        bad = replace(test.versions[1], name="reference")
        swapped = tuple(replace(t, sounds={**{k: v for k, v in t.sounds.items() if k != "v1"}, "reference": "media/c0/a.flac"}) for t in test.trials)  # fmt: skip
        foreign_yaml(replace(test, versions=(test.versions[0], bad, test.versions[2]), trials=swapped), "x", files)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "no webMUSHRA configuration"),
        (HEAD + "pages: [{type: generic, id: x}]", "nothing to import"),
        (PAIRS.replace("id: ab", "idd: ab"), "lacks its id"),
        (MUSHRA.replace("{C1: sounds/two.wav, C2", "{C3: sounds/two.wav, C2"), "other conditions"),
        (MUSHRA + "  - {type: ranking, id: r, stimuli: {C1: a.wav}}\n", "several tests in one"),
    ],
)
def test_files_that_cannot_be_a_test(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, InputError), match=said):
        read_foreign(written(tmp_path, text))


def test_missing_sounds_are_all_named_and_nothing_is_left(tmp_path: Path) -> None:
    path = written(tmp_path, MUSHRA)
    (tmp_path / "sounds" / "one.wav").unlink()
    (tmp_path / "sounds" / "ref.wav").unlink()
    before = files_in(tmp_path)
    with pytest.raises(InputError, match=r"4 problems.*ref.wav of page Trial 1 is not there"):
        imported(path)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("trial_id,rating_stimulus\nTrial 1,C1", "lacks the column rating_score"),
        ("trial_id,rating_stimulus,rating_score,rating_time\nTrial 9,C1,5,", "no page 'Trial 9'"),
        ("trial_id,rating_stimulus,rating_score,rating_time\nTrial 1,C9,5,", "no condition 'C9'"),
        (
            "trial_id,rating_stimulus,rating_score,rating_time\nTrial 1,C1,good,",
            "expected a number",
        ),
        ("trial_id,rating_stimulus,rating_score,rating_time\nTrial 1,C1,500,1", "from 0 to 100"),
        ("trial_id,rating_stimulus,rating_score,rating_time\nTrial 1,C1", "not as many cells"),
    ],
)
def test_results_that_do_not_belong(rows: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, MUSHRA)
    results = tmp_path / "mushra.csv"
    results.write_text(rows)
    with pytest.raises(InputError, match=said):
        imported(path, results)
    assert not (tmp_path / "taken").exists()


def test_exports_are_not_overwritten_unasked(tmp_path: Path) -> None:
    folder = imported(written(tmp_path, LIKERT))
    options = ExportOptions(test=folder, output=tmp_path / "out")
    export_test(options, lambda *_: None)
    with pytest.raises(OutputError, match="add --force"):
        export_test(options, lambda *_: None)
    export_test(replace(options, force=True), lambda *_: None)
    with pytest.raises(OutputError, match="not an export"):
        export_test(replace(options, output=folder, force=True), lambda *_: None)
