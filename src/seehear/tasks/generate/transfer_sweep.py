"""How transfer goes from the old sound to the new picture: likeness to both, amount by amount.

Each clip gets the sound of another clip of another class. `cavp_new`: cosine of the new picture and the
output; `caap_old`: cosine of the old sound and the output (CAAP); `right_new`, `right_old`: share of outputs
heard as the picture's class, and as the old sound's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from seehear.metrics.report import RecordingBootstrap
from seehear.tasks.generate.contenders import Sounds, elsewhere
from seehear.tasks.generate.drawing_sounds import Drawing, draw_sounds
from seehear.tasks.generate.scored_clips import ScoredClip
from seehear.tasks.generate.scoring import Judges


def sweep_transfer(
    clips: Sequence[ScoredClip],
    judges: Judges,
    amounts: Sequence[float],
    drawing: Drawing,
    band: float,
) -> list[dict[str, Any]]:
    """One row per amount, in rising order.

    Args:
        clips: whose pictures get another clip's sound.
        judges: who scores.
        amounts: 0 = the old sound as the codec hears it, 1 = as without it.
        drawing: how sounds are made.
        band: common low-pass, Hz.
    """
    system = judges.system
    keys = [clip.row.label or clip.row.recording for clip in clips]
    old = [clips[index] for index in elsewhere(keys, drawing.seed)]
    latents = [system.codec.encode(clip.sound[None])[0].cpu() for clip in old]
    sources = [
        {"picture": [new.row.recording], "sound": [was.row.recording]}
        for new, was in zip(clips, old, strict=True)
    ]
    bootstrap = RecordingBootstrap(sources, seed=drawing.seed)
    rows = []
    for amount in sorted(set(amounts)):
        videos = [clip.video for clip in clips]
        length = len(clips[0].sound)
        waves = list(draw_sounds(system, videos, length, drawing, latents, amount))
        made = Sounds("transfer", waves).matched(old, band)
        found = _scores(clips, old, made, judges)
        figures = {name: asdict(bootstrap.mean(values)) for name, values in found.items()}
        rows.append({"amount": amount, "clips": len(clips), **figures})
    return rows


def _scores(
    clips: Sequence[ScoredClip], old: Sequence[ScoredClip], made: Sounds, judges: Judges
) -> dict[str, list[float]]:
    sight = judges.system.sight
    found: dict[str, list[float]] = {"cavp_new": [], "caap_old": []}
    for new, was, wave in zip(clips, old, made.waves, strict=True):
        output, before = sight.embed_sound(torch.stack([wave, was.sound]))
        found["cavp_new"].append(sight.score(new.video, output))
        found["caap_old"].append(sight.score(before, output))
    if judges.classifier is not None:
        heard = judges.classifier.classes(torch.stack(made.waves))
        for name, group in (("right_new", clips), ("right_old", old)):
            pairs = zip(heard, group, strict=True)
            found[name] = [float(label == clip.row.label) for label, clip in pairs]
    return found
