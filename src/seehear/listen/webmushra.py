"""Configurations of webMUSHRA (YAML), read and written.

A test here and a file there correspond like this; everything else in a file is passed over:

    mushra                  page `mushra`: the reference is shown and hidden, anchors made or given
    pairwise                page `paired_comparison`: it always compares one condition with what it
                            calls the reference, so that every pair becomes a page of its own
    mos-quality, -alignment page `likert_single_stimulus` (or `likert_multi_stimulus`, together)
    ranking                 page `ranking`: listeners there eliminate, so that 1 is the *worst*

What the format cannot say (which MOS kind, roles, to which clip a pair's page belongs) stands in
keys called `seehear`, which webMUSHRA does not read. Pictures have no place in it.

Source: webMUSHRA's documentation for experimenters and its example configurations.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from seehear.errors import ConfigError, InputError, MissingDependency
from seehear.listen.config import ASK_KEY, Ask, Kind, Label, ListeningTest, Scale, Trial
from seehear.listen.design import counting_trials
from seehear.listen.matching import clip_id

KIND_OF: dict[str, Kind] = {
    "mushra": "mushra",
    "paired_comparison": "pairwise",
    "likert_single_stimulus": "mos-quality",
    "likert_multi_stimulus": "mos-quality",
    "ranking": "ranking",
}
REFERENCE = "reference"
"""How webMUSHRA names the reference in results."""
OURS = "seehear"
FLAGS = {"createAnchor35": "anchor35", "createAnchor70": "anchor70"}
PERSONAL = frozenset({"email", "e-mail", "mail", "name"})
"""Questions of webMUSHRA's usual page that are not taken over: they would name people."""


@dataclass(frozen=True)
class ForeignPage:
    """One page of comparisons.

    Args:
        id: `trial_id` in the results.
        clip: our name of the clip.
        reference: our name of what the page calls the reference, "" if it has none.
        files: version -> path as written in the file, reference included.
        made: anchors that are made by low-pass.
    """

    id: str
    clip: str
    reference: str
    files: dict[str, str]
    made: tuple[str, ...] = ()


@dataclass(frozen=True)
class Foreign:
    """What a file of webMUSHRA says about one kind of test.

    Args:
        type: webMUSHRA's page type.
        kind: ours.
        title: heading.
        question: text of the pages, without markup.
        pages: its pages.
        responses: value and label of every step of a Likert scale.
        no_preference: whether a pair may be undecided.
        roles: version -> role, where the file says it.
        asks: questions of the last page, without those that name people.
    """

    type: str
    kind: Kind
    title: str
    question: str
    pages: tuple[ForeignPage, ...]
    responses: tuple[tuple[str, str], ...] = ()
    no_preference: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Versions in order of appearance, the reference first; made anchors are not among them."""
        names = [page.reference for page in self.pages if page.reference]
        names += [name for page in self.pages for name in page.files]
        return tuple(dict.fromkeys(names))

    def scale(self) -> Scale | None:
        """Scale of the Likert responses: their numbers if they are even, else 1 to n."""
        if not self.responses:
            return None
        values = response_values(self.responses)
        labels = tuple(Label(values[text], label) for text, label in self.responses if label)
        ordered = sorted(values.values())
        return Scale(ordered[0], ordered[-1], ordered[1] - ordered[0], labels)


def response_values(responses: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Text in the results -> number on our scale.

    >>> response_values([("20", "bad"), ("40", "poor")])
    {'20': 20.0, '40': 40.0}
    >>> response_values([("not at all", ""), ("much", "")])
    {'not at all': 1.0, 'much': 2.0}
    """
    texts = [text for text, _ in responses]
    try:
        numbers = sorted(float(text) for text in texts)
        even = {round(b - a, 9) for a, b in pairwise(numbers)}
        if len(even) == 1 and even != {0.0}:
            return {text: float(text) for text in texts}
    except ValueError:
        pass
    return {text: float(i + 1) for i, text in enumerate(texts)}


def yaml_module() -> Any:
    """The package that reads YAML.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingDependency("PyYAML", "listen", "reading webMUSHRA's files") from error
    return yaml


def read_foreign(path: Path, wanted: str = "") -> Foreign:
    """Read a configuration.

    Args:
        path: YAML file.
        wanted: page type, where the file has several.

    Raises:
        InputError: unreadable.
        ConfigError: no page of a kind that is known, several kinds, pages that do not fit together.
    """
    yaml = yaml_module()
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise InputError(f"{str(path)!r} is not valid YAML: {said}") from error
    if not isinstance(told, dict) or not isinstance(told.get("pages"), list):
        raise ConfigError(f"{path} is no webMUSHRA configuration: it has no list of pages")
    pages = list(flat(told["pages"]))
    chosen = of_one_type(path, pages, wanted)
    return foreign_of(path, told, pages, chosen)


def flat(pages: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Pages of nested lists; the word `random` in front of a list is passed over."""
    for page in pages:
        if isinstance(page, list):
            yield from flat(page)
        elif isinstance(page, dict):
            yield page


def of_one_type(path: Path, pages: Sequence[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """Pages of the type that is imported.

    Raises:
        ConfigError: none, or several types and none named.
    """
    types = list(dict.fromkeys(str(p.get("type")) for p in pages if p.get("type") in KIND_OF))
    if wanted and wanted not in types:
        raise ConfigError(f"{path} has no page of type {wanted!r}; it has {', '.join(types)}")
    if not types:
        raise ConfigError(f"{path} has no page of type {', '.join(KIND_OF)}; nothing to import")
    if len(types) > 1 and not wanted:
        raise ConfigError(
            f"{path} holds several tests in one ({', '.join(types)}); take one by --type"
        )
    return [page for page in pages if page.get("type") == (wanted or types[0])]


def foreign_of(
    path: Path,
    told: Mapping[str, Any],
    pages: Sequence[dict[str, Any]],
    chosen: Sequence[dict[str, Any]],
) -> Foreign:
    """Everything that is taken over.

    Raises:
        ConfigError: pages with different conditions or steps.
    """
    kind = str(chosen[0]["type"])
    ours = ours_of(told)
    read: list[ForeignPage] = []
    for page in chosen:
        read.append(page_of(path, page, {p.clip for p in read}))
    steps = {responses_of(page) for page in chosen}
    if len(steps) > 1:
        raise ConfigError(f"{path} has pages of type {kind} with different responses; split it")
    made = Foreign(
        type=kind,
        kind=ours.get("kind", KIND_OF[kind]),
        title=str(told.get("testname") or "Listening test"),
        question=plain(chosen[0].get("content")) or plain(chosen[0].get("name")),
        pages=tuple(read),
        responses=next(iter(steps)),
        no_preference=bool(chosen[0].get("unforced")),
        roles=dict(ours.get("roles") or {}),
        asks=tuple(asks_of(pages)),
    )
    for page_read in read:
        lacking = set(made.names) - set(page_read.files)
        if kind != "paired_comparison" and (lacking or page_read.made != read[0].made):
            raise ConfigError(
                f"{path}: page {page_read.id!r} has other conditions than the others "
                f"({', '.join(sorted(lacking)) or 'anchors'} missing); every clip needs every version"
            )
    return made


def ours_of(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """What we wrote into a table of the file, empty if somebody else wrote the file."""
    ours = table.get(OURS)
    return ours if isinstance(ours, dict) else {}


def page_of(path: Path, page: Mapping[str, Any], taken: set[str]) -> ForeignPage:
    """One page.

    Raises:
        ConfigError: without id or stimuli.
    """
    name = page.get("id")
    stimuli = page.get("stimuli")
    if name is None or not isinstance(stimuli, dict) or not stimuli:
        raise ConfigError(f"{path}: a page of type {page.get('type')} lacks its id or its stimuli")
    ours = ours_of(page)
    files = {str(key): str(value) for key, value in stimuli.items()}
    reference = ""
    if page.get("reference"):
        reference = str(ours.get("reference", REFERENCE))
        files = {reference: str(page["reference"]), **files}
    made = tuple(anchor for flag, anchor in FLAGS.items() if page.get(flag) is True)
    clip = str(ours.get("clip") or clip_id(str(name), taken))
    return ForeignPage(str(name), clip, reference, files, made)


def responses_of(page: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Value and label of the steps of a Likert page, () for other pages."""
    steps = page.get("response")
    if not isinstance(steps, list):
        return ()
    return tuple((str(s.get("value")).strip(), str(s.get("label") or "")) for s in steps)


def asks_of(pages: Sequence[Mapping[str, Any]]) -> Iterator[Ask]:
    """Questions of the last page, as ours."""
    finish = next((page for page in pages if page.get("type") == "finish"), {})
    for item in finish.get("questionnaire") or ():
        key = str(item.get("name", "")).lower()
        if not ASK_KEY.match(key) or key in PERSONAL:
            continue
        choices = tuple(str(step.get("value")) for step in item.get("response") or ())
        required = item.get("optional") is not True
        yield Ask(key, plain(item.get("label")) or key, choices, required)


def plain(content: Any) -> str:
    """Text of a piece of HTML; breaks and paragraphs become lines.

    >>> plain("Rate <b>all</b> of<br/>them &amp; go on.")
    'Rate all of\\nthem & go on.'
    """
    collected: list[str] = []

    class Text(HTMLParser):
        def handle_data(self, data: str) -> None:
            collected.append(re.sub(r"\s+", " ", data))

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag in ("br", "p", "div", "li"):
                collected.append("\n")

    parser = Text()
    parser.feed("" if content is None else str(content))
    parser.close()
    return "\n".join(line.strip() for line in "".join(collected).split("\n")).strip()


def marked_up(text: str) -> str:
    """Text as HTML; the reverse of `plain`."""
    return html.escape(text, quote=False).replace("\n", "<br/>")


def foreign_yaml(test: ListeningTest, test_id: str, files: Mapping[str, Mapping[str, str]]) -> str:
    """Write a configuration.

    Args:
        test: our test.
        test_id: name of the test and of its folder of results.
        files: clip -> version -> path as webMUSHRA wants it, relative to its own root.

    Raises:
        InputError: a version is called as webMUSHRA calls its reference.
    """
    if REFERENCE in test.names and test.reference != REFERENCE:
        raise InputError(
            f"webMUSHRA calls the reference {REFERENCE!r}, but another version has that name; "
            f"rename it in test.toml"
        )
    first = next(iter(files[counting_trials(test)[0].id].values()))
    welcome = marked_up(f"{test.instructions}\n\n{test.consent}")
    volume = {"content": "Set a comfortable volume.", "stimulus": first, "defaultVolume": 0.5}
    told = {
        "testname": test.title,
        "testId": test_id,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": True,
        "remoteService": "service/write.php",
        OURS: {"kind": test.kind, "roles": {v.name: v.role for v in test.versions}},
        "pages": [
            {"type": "generic", "id": "welcome", "name": test.title, "content": welcome},
            {"type": "volume", "id": "volume", "name": "Volume", **volume},
            ["random", *(p for t in counting_trials(test) for p in foreign_pages(test, t, files))],
            {
                "type": "finish",
                "name": "Thank you",
                "content": marked_up(test.thanks),
                "showResults": False,
                "writeResults": True,
                "questionnaire": [foreign_ask(ask) for ask in test.asks],
            },
        ],
    }
    return str(yaml_module().safe_dump(told, sort_keys=False, allow_unicode=True))


def foreign_pages(
    test: ListeningTest, trial: Trial, files: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, Any]]:
    """Pages of one clip."""
    paths = files[trial.id]
    page: dict[str, Any] = {
        "id": trial.id,
        "name": test.title,
        "content": marked_up(test.question),
        "showWaveform": False,
        "enableLooping": True,
    }
    if test.kind == "pairwise":
        for first, second in combinations(test.names, 2):
            yield {
                "type": "paired_comparison",
                **page,
                "id": pair_id(test, trial.id, first, second),
                "unforced": "no preference" if test.no_preference else "",
                "reference": paths[first],
                "stimuli": {second: paths[second]},
                OURS: {"clip": trial.id, "reference": first},
            }
    elif test.kind == "mushra":
        others = {name: path for name, path in paths.items() if name != test.reference}
        flags = dict.fromkeys(FLAGS, False)
        reference = paths[test.reference]
        more = {"reference": reference, "randomize": True, "showConditionNames": False, **flags}
        ours = {"clip": trial.id, "reference": test.reference}
        yield {"type": "mushra", **page, **more, "stimuli": others, OURS: ours}
    elif test.kind == "ranking":
        more = {"randomize": True, "showConditionNames": False, "forceRankAll": True}
        yield {"type": "ranking", **page, **more, "stimuli": dict(paths), OURS: {"clip": trial.id}}
    else:
        scale = test.scale
        assert scale is not None, "checked when the test was built"
        labels = {label.value: label.text for label in scale.labels}
        steps = [{"value": f"{v:g}", "label": labels.get(v, f"{v:g}")} for v in test.values()]
        kind = "likert_single_stimulus" if test.one_at_a_time else "likert_multi_stimulus"
        more = {"mustRate": True, "mustPlayback": "processUpdate", "response": steps}
        yield {"type": kind, **page, **more, "stimuli": dict(paths), OURS: {"clip": trial.id}}


def pair_id(test: ListeningTest, clip: str, first: str, second: str) -> str:
    """Page id of a pair: the clip, with the places of both names where there are several pairs."""
    if len(test.names) == 2:
        return clip
    return f"{clip}__{test.names.index(first)}-{test.names.index(second)}"


def foreign_ask(ask: Ask) -> dict[str, Any]:
    """A question in webMUSHRA's words."""
    told: dict[str, Any] = {"type": "text", "label": ask.question, "name": ask.key}
    if ask.choices:
        steps = [{"value": choice, "label": choice} for choice in ask.choices]
        told |= {"type": "likert", "response": steps}
    return told if ask.required else {**told, "optional": True}
