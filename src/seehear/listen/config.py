"""What a listening test is: the dataclass behind `TEST/test.toml`, checked when it is built.

Everything that a page shows and a report counts stands here, so that a person can read and edit it.
Which sound is which version is known to this file and the server only: media names are opaque.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seehear.config import load_config, to_dict
from seehear.errors import ConfigError, InputError
from seehear.listen.toml import toml_text

Kind = Literal["ranking", "pairwise", "mos-quality", "mos-alignment", "mushra"]
KINDS: tuple[Kind, ...] = ("ranking", "pairwise", "mos-quality", "mos-alignment", "mushra")
Role = Literal["version", "reference", "anchor"]

CONFIG_NAME = "test.toml"
NO_PREFERENCE = "none"
"""Value of a pairwise answer without a preference; no version may be called so."""
PAIR_MARK = "~"
"""Stands between the two names of a pair, so that no name may hold it."""
NAME = re.compile(r"[\w.+-][\w .+-]*\Z")
CLIP_ID = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
MEDIA_PATH = re.compile(r"media/[a-z0-9][a-z0-9_-]*/[a-z0-9]+\.[a-z0-9]+\Z")
ASK_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Version:
    """One of the sounds that are compared.

    Args:
        name: how the report calls it; a listener never sees it.
        role: `version`, `reference` (the truth; hidden among the others, in `mushra` also shown
            openly) or `anchor` (made bad on purpose).
        source: folder it came from, for the record.
    """

    name: str
    role: Role = "version"
    source: str = ""


@dataclass(frozen=True)
class Trial:
    """One clip in all its versions.

    Args:
        id: lower-case name of the clip; also its folder under `media`.
        seconds: length, the same for picture and all sounds.
        picture: picture without sound (H.264 MP4), relative to the test folder; "" for sound alone.
        poster: still of the first frame (JPEG), "" for sound alone.
        sounds: name of version -> sound file relative to the test folder.
        gains_db: name of version -> gain that level matching applied, dB; for the record.
        source: file name that the versions had in common.
        counts: whether its answers count; not for a clip that is kept for the practice page.
    """

    id: str
    seconds: float
    sounds: dict[str, str]
    picture: str = ""
    poster: str = ""
    gains_db: dict[str, float] = field(default_factory=dict)
    source: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Label:
    """Words that stand at a value of the scale."""

    value: float
    text: str


@dataclass(frozen=True)
class Scale:
    """Values that an answer can take (not used by `pairwise`).

    Args:
        minimum: lowest value; in `ranking` 1, the best.
        maximum: highest value; in `ranking` the number of versions.
        step: distance of neighbouring values.
        labels: words at some of the values.
    """

    minimum: float
    maximum: float
    step: float
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True)
class Ask:
    """Something that the test maker wants to know about a participant; nothing is asked by itself.

    Args:
        key: column name in the results, lower case.
        question: words on the page.
        choices: possible answers; none means free text of at most 200 characters.
        required: whether the test begins only when it is answered.
    """

    key: str
    question: str
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Screening:
    """Rules by which the report leaves participants out; it shows figures with and without them.

    Args:
        headphones: `require` leaves out who failed the headphone check, `ask` only records it,
            `off` shows no check.
        headphones_correct: right answers of six that pass the check.
        reference_below: a rating of the hidden reference under this value is a miss (`mushra` and
            the MOS kinds with a reference).
        reference_misses: share of clips with a miss above which a participant is left out.
        same_answer: share of a participant's answers that may be the same value (in `ranking` and
            `pairwise`: the same order of positions on the page) before it counts as straight-lining.
        min_seconds: answers given faster than this after the page was shown count as too fast,
            seconds; 0 switches the rule off.
        too_fast: share of answers that may be too fast.
    """

    headphones: Literal["require", "ask", "off"] = "ask"
    headphones_correct: int = 5
    reference_below: float = 90.0
    reference_misses: float = 0.15
    same_answer: float = 0.9
    min_seconds: float = 2.0
    too_fast: float = 0.25

    def __post_init__(self) -> None:
        for name in ("reference_misses", "same_answer", "too_fast"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"screening.{name} is a share from 0 to 1, not {getattr(self, name):g}"
                )
        if not 0 <= self.headphones_correct <= 6:
            raise ConfigError(
                f"screening.headphones_correct is 0 to 6, not {self.headphones_correct}"
            )


@dataclass(frozen=True)
class ListeningTest:
    """A listening test (see the fields' comments in the TOML file).

    Args:
        kind: what is asked, one of `KINDS`.
        title: heading of the pages.
        question: what every page asks.
        instructions: text of the first page; blank lines separate paragraphs.
        consent: what a participant agrees to.
        versions: the sounds compared, reference and anchors included, in the report's order.
        trials: the clips.
        scale: values of an answer, None for `pairwise`.
        no_preference: whether `pairwise` offers "no preference".
        one_at_a_time: MOS kinds only: one version a page (True) or all versions of a clip (False).
        practice: id of the clip of the practice page, whose answers do not count; "" for none. The
            same clip comes again among the others, unless its trial says `counts = false`.
        clips_each: number of clips that one participant hears, 0 for all of them.
        thanks: text of the last page.
        screening: rules of the report.
        asks: questions to participants.
        seed: decides the order of everything and the names of the media files.
        level_match_lufs: loudness that all sounds were brought to, None if they were left alone.
        order: `latin` (balanced Latin squares over participants) or `random`.
    """

    kind: Kind
    title: str
    question: str
    instructions: str
    consent: str
    versions: tuple[Version, ...]
    trials: tuple[Trial, ...]
    scale: Scale | None = None
    no_preference: bool = True
    one_at_a_time: bool = True
    practice: str = ""
    clips_each: int = 0
    thanks: str = "Thank you. Your answers are stored; you can close this page."
    screening: Screening = field(default_factory=Screening)
    asks: tuple[Ask, ...] = ()
    seed: int = 0
    level_match_lufs: float | None = None
    order: Literal["latin", "random"] = "latin"

    def __post_init__(self) -> None:
        check_versions(self.kind, self.versions)
        check_trials(self)
        check_scale(self)
        keys = [ask.key for ask in self.asks]
        for key in keys:
            if not ASK_KEY.match(key) or keys.count(key) > 1:
                raise ConfigError(
                    f"asks: {key!r} must be lower-case letters, digits and _, and occur once"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all versions that a listener judges, hidden reference and anchors included."""
        return tuple(version.name for version in self.versions)

    @property
    def reference(self) -> str:
        """Name of the reference, "" if the test has none."""
        return next((v.name for v in self.versions if v.role == "reference"), "")

    @property
    def anchors(self) -> tuple[str, ...]:
        """Names of the anchors."""
        return tuple(v.name for v in self.versions if v.role == "anchor")

    def trial(self, clip: str) -> Trial:
        """The trial of a clip.

        Raises:
            InputError: no such clip.
        """
        for trial in self.trials:
            if trial.id == clip:
                return trial
        raise InputError(f"the test has no clip {clip!r}")

    def values(self) -> tuple[float, ...]:
        """All values that the scale allows, ascending; empty for `pairwise`."""
        if self.scale is None:
            return ()
        count = round((self.scale.maximum - self.scale.minimum) / self.scale.step)
        return tuple(self.scale.minimum + i * self.scale.step for i in range(count + 1))


def check_versions(kind: Kind, versions: tuple[Version, ...]) -> None:
    """Names that can be told apart, and roles that make sense.

    Raises:
        ConfigError: fewer than two versions, a name twice or with forbidden characters, two
            references, `mushra` without a reference.
    """
    if len(versions) < 2 and not (kind.startswith("mos") and versions):
        raise ConfigError(f"versions: {kind} compares at least two versions, not {len(versions)}")
    names = [version.name for version in versions]
    for name in names:
        if not NAME.match(name) or name == NO_PREFERENCE:
            raise ConfigError(
                f"versions: {name!r} cannot be a name; use letters, digits, blanks and . + - _ "
                f"(and not {NO_PREFERENCE!r})"
            )
        if names.count(name) > 1:
            raise ConfigError(f"versions: the name {name!r} occurs twice")
    references = [v.name for v in versions if v.role == "reference"]
    if len(references) > 1:
        raise ConfigError(f"versions: only one can be the reference, not {', '.join(references)}")
    if kind == "mushra" and not references:
        raise ConfigError("versions: mushra needs a version with role = 'reference'")


def check_trials(test: ListeningTest) -> None:
    """Every clip has every version, and no path leads out of the media folder.

    Raises:
        ConfigError: no clip, a clip twice, a sound missing or too many, a path of another form.
    """
    if not any(trial.counts for trial in test.trials):
        raise ConfigError("trials: a test needs at least one clip that counts")
    ids = [trial.id for trial in test.trials]
    for trial in test.trials:
        if not CLIP_ID.match(trial.id) or ids.count(trial.id) > 1 or trial.id == "practice":
            raise ConfigError(
                f"trials: {trial.id!r} must be lower-case letters, digits, - and _, occur once, "
                f"and not be 'practice'"
            )
        if trial.seconds <= 0:
            raise ConfigError(f"trials: {trial.id} must be longer than {trial.seconds:g} seconds")
        if set(trial.sounds) != set(test.names):
            raise ConfigError(
                f"trials: {trial.id} has sounds of {', '.join(sorted(trial.sounds))}; the versions "
                f"are {', '.join(sorted(test.names))}"
            )
        for path in (trial.picture, trial.poster, *trial.sounds.values()):
            if path and not MEDIA_PATH.match(path):
                raise ConfigError(f"trials: {path!r} is not of the form media/CLIP/FILE.SUFFIX")
    if test.practice and test.practice not in ids:
        raise ConfigError(f"practice: there is no clip {test.practice!r}")
    if not 0 <= test.clips_each <= len(ids):
        raise ConfigError(f"clips_each is 0 (all) to {len(ids)}, not {test.clips_each}")


def check_scale(test: ListeningTest) -> None:
    """A scale that fits the kind.

    Raises:
        ConfigError: missing, reversed, uneven, or not 1 to k for a ranking.
    """
    scale = test.scale
    if test.kind == "pairwise":
        if scale is not None:
            raise ConfigError("scale: pairwise has no scale; leave the table out")
        return
    if scale is None:
        raise ConfigError(f"scale: {test.kind} needs minimum, maximum and step")
    steps = (scale.maximum - scale.minimum) / scale.step if scale.step > 0 else 0.0
    if steps < 1 or abs(steps - round(steps)) > 1e-6:
        raise ConfigError(
            f"scale: from {scale.minimum:g} to {scale.maximum:g} in steps of {scale.step:g} "
            f"does not come out even"
        )
    if test.kind == "ranking" and (scale.minimum, scale.maximum, scale.step) != (
        1,
        len(test.versions),
        1,
    ):
        raise ConfigError(
            f"scale: ranking {len(test.versions)} versions goes from 1 to {len(test.versions)} "
            f"in steps of 1"
        )


def read_test(folder: Path) -> ListeningTest:
    """Read `test.toml` of a test folder.

    Raises:
        InputError: the folder is no test.
        ConfigError: the file says something impossible; the message names key and file.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise InputError(
            f"{str(folder)!r} is not a listening test: it has no {CONFIG_NAME}; make one with "
            f"seehear listen new"
        )
    try:
        return load_config(ListeningTest, path)
    except ConfigError as error:
        said = str(error)
        raise ConfigError(said if str(path) in said else f"{path}: {said}") from error


def write_test(folder: Path, test: ListeningTest) -> Path:
    """Write `test.toml` with a comment above every key that a person may want to change."""
    path = folder / CONFIG_NAME
    path.write_text(toml_text(to_dict(test), COMMENTS, HEADING), encoding="utf-8")
    return path


HEADING = (
    "A listening test. Words, screening and questions may be edited while nobody is taking it.",
    "Editing versions, trials or seed afterwards would mix answers of two different tests.",
)
COMMENTS = {
    "kind": "ranking, pairwise, mos-quality, mos-alignment or mushra",
    "instructions": "First page; blank lines separate paragraphs.",
    "consent": "What participants agree to before anything is stored.",
    "no_preference": "pairwise: whether 'no preference' is offered.",
    "one_at_a_time": "MOS: one version a page (true), or all versions of a clip together (false).",
    "practice": "Clip of the practice page, whose answers do not count; empty for none.",
    "clips_each": "Clips that one participant hears; 0 = all.",
    "seed": "Decides all orders and the names of the media files.",
    "level_match_lufs": "Loudness of all sounds; absent if they were left as they are.",
    "order": "latin = balanced over participants, random = drawn for each.",
    "scale": "Values of an answer, and words at some of them.",
    "screening": "Who is left out by the report (which shows figures with and without).",
    "screening.headphones": "require, ask or off",
    "screening.headphones_correct": "Right answers of six that pass.",
    "screening.reference_below": "A rating of the hidden reference under this is a miss ...",
    "screening.reference_misses": "... and a larger share of misses than this leaves one out.",
    "screening.same_answer": "Share of equal answers that counts as straight-lining.",
    "screening.min_seconds": "Answers faster than this are too fast; 0 = no rule.",
    "screening.too_fast": "Share of answers that may be too fast.",
    "asks": "Asked of each participant: key, question, choices (none = free text), required.",
    "versions": "What is compared. Listeners see neither names nor sources.",
    "trials": "The clips.",
}
