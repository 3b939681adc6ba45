"""Find out by listening what there is: in a stretch that the user names, or in the whole file.

Every thing that the model knows is asked for alone, over at most `MAX_PROBES` windows spread evenly.
Of those that are heard (`analyse.PRESENT_SHARE`) the strongest are then asked for together, so that they
compete: what another thing explains better drops out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.segments import Segment, cut_segments
from seehear.media.mux import Cut
from seehear.media.read import SoundReport
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.plans import expected_spans
from seehear.tasks.progress import Progress
from seehear.tasks.separate.analyse import Heard, per_second
from seehear.tasks.separate.config import SeparateOptions
from seehear.tasks.separate.queries import Query
from seehear.tasks.separate.separator import Separator
from seehear.tasks.source import SoundSource

Block = NDArray[np.float32]

MAX_PROBES = 12
MAX_CANDIDATES = 8
MAX_SOURCES = 6
BATCH = 8


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
    probes = _probes(source, separator)
    alone = _ask_alone(separator, probes, progress)
    order = np.argsort(-alone.overall, kind="stable")
    heard = [int(k) for k in order if alone.present[k]][:MAX_CANDIDATES] or [int(order[0])]
    vectors = separator.class_vectors()
    together = _ask_together(separator, probes, vectors[heard])
    ranked = [int(k) for k in np.argsort(-together.overall, kind="stable")]
    if span is not None:
        best = heard[ranked[0]]
        name = _name(separator, best)
        absent = f"nothing known is heard in --span {options.span} (the likeliest was: {name})"
        facts = {"span": list(span), "nearest": name}
        return [Query("span", vectors[best], absent, facts)]
    kept = [k for k in ranked if together.present[k]][:MAX_SOURCES] or ranked[:1]
    return [
        Query(
            _name(separator, heard[k]),
            vectors[heard[k]],
            "nothing that this model knows is heard",
            {"nearest": _name(separator, heard[k])},
        )
        for k in kept
    ]


def _name(separator: Separator, index: int) -> str:
    return separator.classes[index].replace("_", " ")


def _probes(source: SoundSource, separator: Separator) -> list[Block]:
    """Waveforms of a few windows of the sound, at the network's rate."""
    count = max(len(expected_spans(source, separator.plan, separator.sample_rate)), 1)
    chosen = set(np.linspace(0, count - 1, min(count, MAX_PROBES)).round().astype(int).tolist())
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


def _ask_alone(separator: Separator, probes: list[Block], progress: Progress) -> Heard:
    """Each class by itself: rows of the result are classes."""
    vectors = separator.class_vectors()
    taken, total = [], []
    for done, probe in enumerate(probes):
        progress(0.0, 1.0, f"looking for sources, {done + 1} of {len(probes)}")
        rows = []
        for part in torch.split(vectors, BATCH):
            heard = torch.from_numpy(probe).expand(len(part), -1)
            rows.append(separator.ask(heard, part[:, None])[:, 0, -2:])  # [b, 2, N]
        seconds = per_second(np.concatenate(rows), separator.columns_per_s)
        taken.append(seconds[:, 0])
        total.append(seconds[0, 1])
    return _joined(taken, total, len(vectors))


def _ask_together(separator: Separator, probes: list[Block], vectors: Tensor) -> Heard:
    taken, total = [], []
    for probe in probes:
        powers = separator.run_windows([probe], vectors)[0][:, -2:]
        seconds = per_second(powers, separator.columns_per_s)
        taken.append(seconds[:, 0])
        total.append(seconds[0, 1])
    return _joined(taken, total, len(vectors))


def _joined(
    taken: list[NDArray[np.float64]], total: list[NDArray[np.float64]], count: int
) -> Heard:
    if not total:
        return Heard(np.zeros((count, 0)), np.zeros(0))
    return Heard(np.concatenate(taken, axis=1), np.concatenate(total))
