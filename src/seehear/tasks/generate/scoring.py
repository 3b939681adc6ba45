"""Scores of a contender's sounds, clip by clip.

onset_ms      distances of the reference's onsets to their partners (`metrics.onsets`), a list
within        share of them that is at most 50 ms
onset_f1      F-measure at 50 ms; surplus onsets count
right         1 where the classifier hears the clip's class
cavp          cosine of picture and sound (`Sight.score`); the model's own conditioner judges here
v2s_r1, s2v_r1  chance that the picture finds this sound first in a gallery of N drawn from the test,
              and that the sound finds its picture; exact, over all galleries
mel_l1        mean absolute difference of log10-mel spectrograms from the reference
mr_stft       multi-resolution STFT distance from the reference
syllabic, pitched  signs of speech and music (`metrics.unwanted`), only for clips of other classes
clap_text, clap_right, kl  with CLAP and AST where their weights are on this machine
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import hypergeom
from torch import Tensor

from seehear.losses import multi_resolution_stft
from seehear.metrics.clap import Clap, clap_scores
from seehear.metrics.generation import Heard, hear, paired_kl
from seehear.metrics.onsets import WITHIN_MS, onset_distances, onset_f1, onset_times
from seehear.metrics.retrieval import ranks
from seehear.metrics.semantics import AudioClassifier
from seehear.metrics.unwanted import unwanted
from seehear.tasks.generate.classifier import SoundClassifier
from seehear.tasks.generate.contenders import Sounds
from seehear.tasks.generate.loading import System
from seehear.tasks.generate.scored_clips import ScoredClip
from seehear.tasks.generate.sound_features import SAMPLE_RATE
from seehear.tasks.generate.train_cavp import likeness_of

Record = dict[str, Any]
BATCH = 16
VOICES_AND_MUSIC = (
    *(
        "speech",
        "voice",
        "talk",
        "sing",
        "laugh",
        "music",
        "guitar",
        "piano",
        "saxophone",
        "violin",
    ),
    *("drum", "flute", "cello", "trumpet", "organ", "accordion", "clarinet", "choir", "dance"),
)
"""Classes whose names hold one of these may have syllables and pitch."""


@dataclass(frozen=True)
class Judges:
    """What judges sounds.

    Args:
        system: its `sight` scores fit, its `codec` makes spectrograms.
        classifier: of sounds; None where clips have no classes.
        gallery: items of a gallery.
        ast: AudioSet classifier, if it is here.
        clap: CLAP, if it is here.
        places: of the clips' classes in CLAP's space, [classes, D].
        names: these classes in order.
    """

    system: System
    classifier: SoundClassifier | None
    gallery: int
    ast: AudioClassifier | None = None
    clap: Clap | None = None
    places: Tensor | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scored:
    """Scores of a contender.

    Args:
        records: one per clip.
        heard: what AST hears, for scores of sets; None without it.
    """

    records: list[Record]
    heard: Heard | None


def score_sounds(
    clips: Sequence[ScoredClip],
    sounds: Sounds,
    judges: Judges,
    onsets: Sequence[Any],
    reference: Heard | None,
) -> Scored:
    """Score a contender.

    Args:
        clips: what is scored.
        sounds: its sounds, matched.
        judges: who scores.
        onsets: those of the references.
        reference: what AST hears in the references.
    """
    waves = torch.stack(sounds.waves)
    records: list[Record] = [
        {
            "id": clip.row.id,
            "contender": sounds.name,
            "label": clip.row.label,
            "recording": clip.row.recording,
        }
        for clip in clips
    ]
    _score_onsets(records, waves, onsets)
    _score_fit(records, clips, waves, judges)
    _score_distance(records, clips, waves, judges)
    if judges.classifier is not None:
        found = judges.classifier.classes(waves)
        for record, label in zip(records, found, strict=True):
            record["heard_as"] = label
            record["right"] = float(label == record["label"])
    for record, wave in zip(records, waves, strict=True):
        if not any(word in record["label"].lower() for word in VOICES_AND_MUSIC):
            record |= unwanted(wave, SAMPLE_RATE)._asdict()
    heard = None
    if judges.ast is not None:
        heard = hear(judges.ast, list(waves))
        apart = paired_kl((reference or heard).probabilities, heard.probabilities)
        for record, value in zip(records, apart, strict=True):
            record["kl"] = float(value)
    _score_words(records, waves, judges)
    return Scored(records, heard)


def onsets_of(waves: Sequence[Tensor]) -> list[Any]:
    """Onsets of sounds of one length."""
    found = []
    for start in range(0, len(waves), BATCH):
        found += onset_times(torch.stack(list(waves[start : start + BATCH])), SAMPLE_RATE)
    return found


def _score_onsets(records: list[Record], waves: Tensor, onsets: Sequence[Any]) -> None:
    for record, wanted, made in zip(records, onsets, onsets_of(list(waves)), strict=True):
        apart = onset_distances(wanted, made)
        record["onsets"], record["onsets_made"] = len(wanted), len(made)
        record["onset_ms"] = [round(float(value), 2) for value in apart]
        record["within"] = float(np.mean(apart <= WITHIN_MS + 1e-6)) if len(apart) else math.nan
        record["onset_f1"] = onset_f1(wanted, made)


def _score_fit(
    records: list[Record], clips: Sequence[ScoredClip], waves: Tensor, judges: Judges
) -> None:
    sight = judges.system.sight
    features = torch.cat(
        [sight.embed_sound(waves[k : k + BATCH]) for k in range(0, len(waves), BATCH)]
    )
    count = min(features.shape[1], *(len(clip.video) for clip in clips))
    video = torch.stack([clip.video[:count] for clip in clips])
    likeness = likeness_of(sight, video, features[:, :count])
    size = min(judges.gallery, len(clips))
    ways = {"v2s_r1": ranks(likeness), "s2v_r1": ranks(likeness.t())}
    for index, (record, clip) in enumerate(zip(records, clips, strict=True)):
        record["cavp"] = sight.score(clip.video[:count], features[index, :count])
        for name, found in ways.items():
            record[name] = recall_at_1(int(found[index]), len(clips), size)


def recall_at_1(rank: int, items: int, gallery: int) -> float:
    """Chance that the right item comes first in a gallery that is drawn around it.

    Args:
        rank: of the right item among all items, from 1.
        items: their number.
        gallery: of how many the right one is one.

    >>> recall_at_1(1, 200, 100), round(recall_at_1(2, 3, 2), 3)
    (1.0, 0.5)
    """
    return float(hypergeom.pmf(0, items - 1, rank - 1, gallery - 1))


def _score_distance(
    records: list[Record], clips: Sequence[ScoredClip], waves: Tensor, judges: Judges
) -> None:
    codec = judges.system.codec
    for record, clip, wave in zip(records, clips, waves, strict=True):
        both = codec.analyse(torch.stack([clip.sound, wave]))
        record["mel_l1"] = float((both[0] - both[1]).abs().mean())
        record["mr_stft"] = float(multi_resolution_stft(wave[None], clip.sound[None]))


def _score_words(records: list[Record], waves: Tensor, judges: Judges) -> None:
    if judges.clap is None or judges.places is None:
        return
    for record, wave in zip(records, waves, strict=True):
        own = judges.names.index(record["label"])
        found = clap_scores(judges.clap.embed_sound(wave, SAMPLE_RATE), judges.places, own, own)
        record |= {name: found[name] for name in ("clap_text", "clap_right")}
