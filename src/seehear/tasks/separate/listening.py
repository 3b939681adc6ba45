"""Find out by listening what there is: in a stretch that the user names, or in the whole file.

Pictures, clicks and boxes listen too: what they may show is weighed by what is heard (`weighing.py`).

All things that the model knows are asked for together, over a limited number of windows spread evenly,
so that they compete for the sound. Asked for one by one, a network gives each of them whatever is most
like it. A network that can take only a few at once is asked for those that are most like what is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.segments import Segment, cut_segments
from seehear.errors import InputError
from seehear.media.mux import Cut
from seehear.media.read import SoundReport
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.plans import expected_spans
from seehear.tasks.progress import Progress
from seehear.tasks.separate.analyse import Heard, heard_in
from seehear.tasks.separate.config import SeparateOptions
from seehear.tasks.separate.queries import Query, glances, nearest
from seehear.tasks.separate.separator import POWERS, Separator
from seehear.tasks.separate.weighing import weigh
from seehear.tasks.source import SoundSource

Block = NDArray[np.float32]

MAX_SOURCES = 6
LISTED_SHARE = 0.1
"""`--all` lists what gets more than this share of the power of some second (of 8 % of the absent too)."""


def listen_for_queries(
    options: SeparateOptions, source: SoundSource, separator: Separator, progress: Progress
) -> list[Query]:
    """Queries of `--span` and `--all`; the strongest thing even if nothing is heard.

    Args:
        options: as given.
        source: the input.
        separator: the model.
        progress: told that something is going on.
    """
    span = options.seconds
    if span is not None:
        begin = source.info.start_s
        source = replace(source, cut=Cut(begin + span[0], begin + span[1]))
    asked = _candidates(source, separator)
    vectors = separator.class_vectors()[asked]
    names = [separator.classes[k].replace("_", " ") for k in asked]
    heard = _listen(source, separator, vectors, progress)
    if heard is None:
        raise InputError(f"the sound of {options.input!r} has no samples there to listen to")
    ranked = [int(k) for k in np.argsort(-heard.overall, kind="stable")]
    if span is not None:
        name = names[ranked[0]]
        absent = f"nothing known is heard in --span {options.span} (the likeliest was: {name})"
        return [Query("span", vectors[ranked[0]], absent, {"span": list(span), "nearest": name})]
    threshold = LISTED_SHARE if separator.known else separator.present_share
    kept = [k for k in ranked if heard.shares[k] > threshold][:MAX_SOURCES] or ranked[:1]
    return [
        Query(
            names[k],
            vectors[k],
            "nothing that this model knows is heard",
            {"nearest": names[k]},
        )
        for k in kept
    ]


def weigh_by_ear(
    options: SeparateOptions,
    source: SoundSource,
    separator: Separator,
    queries: list[Query],
    progress: Progress,
) -> list[Query]:
    """Queries that come from a picture, pulled towards what is heard; others as they are.

    Args:
        options: as given.
        source: the input.
        separator: the model; one that does not say what it knows weighs nothing.
        queries: of `read_queries`.
        progress: told that something is going on.
    """
    weighs = separator.known and separator.listener.takes_rivals
    if options.query not in ("image", "at", "box") or not weighs:
        return queries
    heard = _listen(source, separator, separator.class_vectors(), progress)
    if heard is None or heard.is_silent:
        return queries
    encoder = separator.encoder
    seen = torch.stack([query.vector for query in queries])
    pulled = weigh(encoder, seen, separator.classes, heard.shares.tolist())
    return [
        replace(query, vector=vector, facts={**query.facts, "taken_for": nearest(encoder, vector)})
        for query, vector in zip(queries, pulled, strict=True)
    ]


def _listen(
    source: SoundSource, separator: Separator, vectors: Tensor, progress: Progress
) -> Heard | None:
    """How much each of several things gets of the sound in a few windows; None without samples."""
    powers = []
    probes = _probes(source, separator)
    for done, probe in enumerate(probes):
        progress(0.0, 1.0, f"looking for sources, {done + 1} of {len(probes)}")
        powers.append(separator.run_windows([probe], vectors)[0][:, POWERS])
    return heard_in(separator, powers) if powers else None


def _candidates(source: SoundSource, separator: Separator) -> list[int]:
    """Which of the model's classes to ask for: all, or as many as it can take of those most seen."""
    every = list(range(len(separator.classes)))
    most = separator.listener.max_asked
    if most is None or len(every) <= most or source.info.video is None:
        return every
    frames = glances(source, separator.encoder)
    if frames is None:
        return every
    views = separator.encoder.encode_frames(frames)
    likeness = separator.encoder.similarity(separator.class_vectors()[:, None], views[None])
    return sorted(likeness.amax(dim=1).topk(most).indices.tolist())


def _probes(source: SoundSource, separator: Separator) -> list[Block]:
    """Waveforms of a few windows of the sound, at the network's rate."""
    count = max(len(expected_spans(source, separator.plan, separator.sample_rate)), 1)
    chosen = set(
        np.linspace(0, count - 1, min(count, separator.max_probes)).round().astype(int).tolist()
    )
    blocks = source.blocks(SoundReport())
    mono = mono_blocks(blocks, source.sample_rate, source.channel_names)
    segments: Sequence[Segment] = list(
        cut_segments(
            mono,
            source.sample_rate,
            separator.sample_rate,
            separator.plan,
            skip=lambda index: index not in chosen,
        )
    )
    return [segment.waveform for segment in segments if segment.waveform is not None]
