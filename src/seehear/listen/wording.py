"""Words of the pages for each kind, to be changed in `test.toml`.

The scales are those of the published tests; the wording is ours.
"""

from __future__ import annotations

from seehear.listen.config import Kind, Label, Scale

TITLES: dict[Kind, str] = {
    "ranking": "Which mix fits best?",
    "pairwise": "Which of the two fits better?",
    "mos-quality": "How good does it sound?",
    "mos-alignment": "Does the sound follow the picture?",
    "mushra": "How close to the reference?",
}
QUESTIONS: dict[Kind, str] = {
    "ranking": (
        "Put the versions in order, 1 for the best. Judge how well speech, music and effects are "
        "balanced, and how well the sound fits what you see. Pay no attention to distortion."
    ),
    "pairwise": "Which version has the better sound for this picture?",
    "mos-quality": (
        "How good is the quality of this sound? Listen for naturalness, noise and distortion; "
        "whether it fits the picture does not matter here."
    ),
    "mos-alignment": (
        "How well does this sound follow the picture: is what you hear what you see, and does it "
        "happen when you see it? The quality of the sound does not matter here."
    ),
    "mushra": (
        "Compare each version with the reference. How close does it come? One of them is the "
        "reference itself and should get 100."
    ),
}
TASKS: dict[Kind, str] = {
    "ranking": (
        "On every page you see one short video with several versions of its sound. Switch between "
        "them as often as you like while it plays, and give every version its place."
    ),
    "pairwise": (
        "On every page you see one short video with two versions of its sound. Switch between them "
        "as often as you like while it plays, and choose."
    ),
    "mos-quality": "On every page you hear one short clip and rate its sound on a scale of five steps.",
    "mos-alignment": (
        "On every page you see one short clip and rate on a scale of five steps how well its sound "
        "follows the picture."
    ),
    "mushra": (
        "On every page you hear one short clip as a reference and in several versions. Switch "
        "between them as often as you like, and rate every version from 0 to 100."
    ),
}
PLACE = (
    "Use headphones and sit in a quiet room. You can stop at any time and go on later with the same "
    "link. It takes about {minutes}."
)
CONSENT = (
    "Taking part is voluntary. Your answers, the time they took, the result of the headphone check, "
    "the kind of your browser and what you fill in yourself are stored under a random number, "
    "nothing else. I agree that they are used, also in publications."
)
QUALITY = (
    Label(20, "bad"),
    Label(40, "poor"),
    Label(60, "fair"),
    Label(80, "good"),
    Label(100, "excellent"),
)
ALIGNMENT = (
    Label(20, "not at all"),
    Label(40, "hardly"),
    Label(60, "somewhat"),
    Label(80, "mostly"),
    Label(100, "completely"),
)
CLOSENESS = (
    Label(10, "bad"),
    Label(30, "poor"),
    Label(50, "fair"),
    Label(70, "good"),
    Label(90, "excellent"),
)


def scale_of(kind: Kind, num_versions: int) -> Scale | None:
    """Values of an answer.

    Source: ranks after VisAH's study, 20 to 100 in steps of 20 after VisualAudio's MOS-Q and MOS-F,
        0 to 100 after ITU-R BS.1534.
    """
    if kind == "pairwise":
        return None
    if kind == "ranking":
        return Scale(1, num_versions, 1, (Label(1, "best"), Label(num_versions, "worst")))
    if kind == "mushra":
        return Scale(0, 100, 1, CLOSENESS)
    return Scale(20, 100, 20, QUALITY if kind == "mos-quality" else ALIGNMENT)


def instructions(kind: Kind, minutes: int) -> str:
    """Text of the first page."""
    said = f"{minutes} minute{'s' * (minutes != 1)}"
    return f"{TASKS[kind]}\n\n{PLACE.format(minutes=said)}"
