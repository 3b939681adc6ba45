"""Sentences and numbers of a report, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

KINDS = {
    "ranking": "ranking, 1 is the best",
    "pairwise": "choices between two",
    "mos-quality": "ratings of quality (MOS)",
    "mos-alignment": "ratings of how sound follows picture (MOS)",
    "mushra": "ratings against a reference (MUSHRA)",
}
LEVEL = 0.05


def number(value: float | None, main: Mapping[str, Any] | None = None) -> str:
    """A figure with the digits that its scale deserves; a dash for none.

    >>> number(0.771, {"highest": 1}), number(71.26, {"highest": 100}), number(None)
    ('77 %', '71.3', '–')
    """
    if value is None:
        return "–"
    highest = main["highest"] if main else 1
    if highest == 1:
        return f"{100 * value:.0f} %"
    return f"{value:.1f}" if highest > 20 else f"{value:.2f}"


def with_interval(figure: Mapping[str, Any] | None, main: Mapping[str, Any] | None = None) -> str:
    """A figure with its interval in brackets."""
    if not figure or figure.get("value") is None:
        return "–"
    value = number(figure["value"], main)
    if figure.get("low") is None:
        return value
    return f"{value} ({number(figure['low'], main)} to {number(figure['high'], main)})"


def p_text(p: float | None) -> str:
    """A p-value.

    >>> p_text(0.0321), p_text(1e-7), p_text(None)
    ('0.032', '< 0.001', '–')
    """
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def listed(names: Sequence[str], word: str = "and") -> str:
    """Names in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def headline(made: Mapping[str, Any]) -> list[str]:
    """What was found, in a few sentences."""
    results = made["results"]
    main = results["main"]
    known = [row for row in results["versions"] if row["main"]["value"] is not None]
    sign = -1 if main["better"] == "low" else 1
    # That the reference is best and the anchors are worst is no finding.
    roles = {version["name"]: version["role"] for version in made["test"]["versions"]}
    own = [row for row in known if roles[row["name"]] == "version"] or known
    best = max(own, key=lambda row: sign * row["main"]["value"])
    figure = best["main"]
    said = [
        f"{best['name']} has the best {main['name']}{_among(roles)}: {with_interval(figure, main)}, from "
        f"{figure['answers']} answers of {people(figure['participants'])} on "
        f"{counted(figure['clips'], 'clip')}."
    ]
    told = _told_apart(results, best["name"]) if figure["low"] is not None else ""
    if told:
        said.append(told)
    reference = made["test"]["reference"]
    for row in known:
        said += _shares(row, reference)
    return said


def _among(roles: Mapping[str, str]) -> str:
    """What else stood in the test beside the versions that are compared."""
    others = [
        word
        for role, word in (("reference", "the reference"), ("anchor", "anchors"))
        if role in roles.values()
    ]
    return f" ({listed(others)} aside)" if others else ""


def _told_apart(results: Mapping[str, Any], name: str) -> str:
    apart: list[str] = []
    open_: list[str] = []
    for pair in results["pairs"]:
        if name in (pair["first"], pair["second"]):
            other = pair["second"] if pair["first"] == name else pair["first"]
            p = pair["difference"].get("p_holm")
            (apart if p is not None and p < LEVEL else open_).append(other)
    parts = [f"it is told apart from {listed(apart)}"] if apart else []
    parts += [f"not told apart from {listed(open_, 'or')}"] if open_ else []
    if not parts:
        return ""
    if not apart:
        parts[0] = "it is " + parts[0]
    sentence = ", ".join(parts)
    return sentence[0].upper() + sentence[1:] + f" (Holm-corrected p below {LEVEL:g})."


def _shares(row: Mapping[str, Any], reference: str) -> list[str]:
    if row["name"] == reference:
        return []
    parts = []
    if "top_two" in row:
        parts.append(f"among the two best in {with_interval(row['top_two'])} of rankings")
    if "above_reference" in row:
        parts.append(f"preferred to {reference} in {with_interval(row['above_reference'])}")
    return [f"{row['name']} was {listed(parts)}."] if parts else []


def people(count: int) -> str:
    """`1 participant`, `12 participants`."""
    return counted(count, "participant")


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def origin(made: Mapping[str, Any]) -> str:
    """Who answered, when, and who was left out."""
    counts, screening = made["answers"], made["screening"]
    said = f"{people(counts['participants'])} gave {counted(counts['answers'], 'answer')}"
    if counts["first"]:
        span = counts["first"]
        said += f" from {span} to {counts['last']}" if counts["last"] != span else f" on {span}"
    parts = [said]
    if counts["began_only"]:
        parts.append(f"{counts['began_only']} more began and answered nothing")
    if counts["finished"] is not None:
        parts.append(f"{counts['finished']} reached the last page")
    if counts["median_minutes"] is not None:
        parts.append(f"half of them within {counts['median_minutes']:g} minutes")
    left = len(screening["left_out"])
    parts.append(f"{left} left out by screening" if left else "nobody was left out by screening")
    return "; ".join(parts) + "."


METHODS = {
    "interval": (
        "Intervals hold at 95 % for other participants and other clips like these: both are taken "
        "as random and crossed; their variances come from the sums of squares (Henderson), the "
        "degrees of freedom from Satterthwaite. Counting all answers as independent would give "
        "narrower intervals that are wrong. Shares use Wilson's interval with as many answers as "
        "would have the same variance if they were independent."
    ),
    "bootstrap": (
        "The bootstrap draws participants and clips anew, independently of each other (pigeonhole "
        "bootstrap, 4000 draws); it is the second opinion and tends to be too wide."
    ),
    "pairs ranking": (
        "Pairs of versions are compared cell by cell (same participant, same clip) with the same "
        "crossed interval; p is corrected for all pairs by Holm. Wilcoxon (signed ranks), Nemenyi "
        "and Conover use one mean per participant, so they say nothing about other clips."
    ),
    "pairs ratings": (
        "Pairs of versions are compared cell by cell (same participant, same clip) with the same "
        "crossed interval; p is corrected for all pairs by Holm. Wilcoxon (signed ranks) uses one "
        "mean per participant, so it says nothing about other clips."
    ),
    "pairs pairwise": (
        "No preference counts as half. p asks whether the share differs from one half, "
        "participants and clips random, corrected for all pairs by Holm. The exact binomial test "
        "leaves answers without a preference out and takes all others as independent, which one "
        "person's answers are not."
    ),
    "friedman ranking": (
        "The first test takes each participant's mean ranks as one block. The second takes every "
        "ranking as a block, as papers often do; that counts one person's answers as independent "
        "and finds too much."
    ),
    "friedman ratings": "Each participant's mean ratings are one block.",
    "friedman pairwise": "",
    "strengths": (
        "Bradley-Terry: the chance that one version is preferred to another follows from the "
        "difference of their log strengths. Rankings enter as their pairs, no preference as half "
        "a win each. The first interval takes participants and clips as random, the second (from "
        "the Hessian) takes all comparisons as independent."
    ),
    "agreement ranking": (
        "Kendall's W is 0 if participants order the versions independently and 1 if they all agree."
    ),
    "agreement pairwise": (
        "By chance: if everybody chose at random, with the shares that all choices of the test have."
    ),
    "agreement ratings": (
        "Kendall's W is 0 if participants order the versions independently and 1 if they all agree. "
        "ICC(2,1) is how well one participant's rating stands for all, ICC(2,k) how well the mean of "
        "these k participants does, in absolute terms; ICC(3, ...) forgive different use of the scale."
    ),
    "screening": (
        "Rules look at one participant at a time and never at which version that participant "
        "likes. They were set before the answers were seen, or should have been."
    ),
}
