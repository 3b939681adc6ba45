"""`seehear evaluate separate` on a list of pairs of clips: each sound asked for by its own frames.

A mixture is the mean of its clips. Scores: SDR, SIR, SAR (BSS Eval v3, both sounds together) and SI-SDR of
the answers and of the mixture itself, against the original clips cut to the answers' length; with CLAP
also likeness to the class in words. The mean over the sounds of a pair is one number per pair, and figures
are means over pairs.

Silence: a pair in which a clip or an answer is silent (sum of absolute samples <= 1e-5) has no scores; it
is left out of all means of that method, and counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.config import to_dict
from seehear.data.pair_list import PairRow, read_pairs
from seehear.data.thing_clips import SHARDS, ClipSource, open_clips
from seehear.data.thing_manifest import ThingClip
from seehear.errors import OutputError
from seehear.metrics.clap import Clap, clap_scores, is_here, load_clap
from seehear.metrics.report import write_table, write_text
from seehear.metrics.separation import bss_eval, si_sdr
from seehear.runtime import choose_runtime, versions
from seehear.tasks.separate.evaluate_options import EvaluateOptions
from seehear.tasks.separate.looks import Looks
from seehear.tasks.separate.pair_askers import Heard, PairAsker, load_asker
from seehear.tasks.separate.pair_summary import (
    Record,
    class_means,
    pair_page,
    pair_records,
    summarise_pairs,
)
from seehear.train.loop import Progress

SUMMARY = "summary.json"
FEATURES = "features"
FRAMES, FRAME_RATE = 11, 2.0
"""For models that do not say how many frames they were trained with."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Words:
    """CLAP with the classes of a corpus.

    Args:
        clap: the model.
        names: all classes.
        places: theirs, [classes, D].
    """

    clap: Clap
    names: tuple[str, ...]
    places: torch.Tensor


def evaluate_pairs(options: EvaluateOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Score a model; write sounds.csv, pairs.csv (and .jsonl), summary.json, summary.md.

    Args:
        options: what to score and where to write; the manifest beside the list is read.
        progress: called with (pairs done, all pairs, note); may raise `Cancelled`.

    Returns:
        The headline: `output`, `pairs`, mean `sdr` and `si_sdr_gain` by method, `notes`.

    Raises:
        InputError: the list, the manifest beside it or a file it names is missing or wrong; a class that
            the encoder has no word for.
        OutputError: the folder holds an evaluation already, or cannot be written.
        ModelError: the model or its encoder is unknown or not on this machine.
        UsageError: steps for a model that draws nothing, or words for one that knows none.
    """
    done = options.output / SUMMARY
    if done.exists() and not options.force:
        raise OutputError(f"{done} exists already; use --force or another folder")
    source = _source(options)
    rows = read_pairs(options.manifest, source.clips)
    rows = rows[: options.limit] if options.limit else rows
    asker = load_asker(options, choose_runtime(options.device, "fp32"))
    words, notes = _words(options, source)
    judge = _Judge(options, source, asker, words)
    records: list[Record] = []
    for index, row in enumerate(rows):
        if progress is not None:
            progress(index, len(rows), f"scoring {row.id}")
        records += judge.score(row)
    by_pair = pair_records(records)
    summary = {
        "options": to_dict(options),
        "list": {"path": str(options.manifest), "sha256": _digest(options.manifest)},
        "model": {
            "id": asker.checkpoint.meta.get("id", options.model),
            "sha256": asker.checkpoint.sha256,
            "frame_encoder": asker.encoder.id,
            "frame_encoder_sha256": asker.encoder.sha256,
            "frames": judge.frames,
        },
        "clap": words.clap.id if words else "",
        "notes": notes,
        "versions": versions(),
        **summarise_pairs(by_pair, options.seed),
        "classes": class_means(records),
    }
    write_table(options.output / "sounds", records)
    write_table(options.output / "pairs", by_pair)
    write_text(options.output / "summary.md", pair_page(summary))
    # Last, because its presence says that the evaluation is complete.
    write_text(done, json.dumps(summary, indent=1) + "\n")
    methods = summary["methods"]
    return {
        "output": str(options.output),
        "pairs": len(rows),
        **{score: _values(methods, score) for score in ("sdr", "si_sdr_gain")},
        "notes": notes,
    }


class _Judge:
    """Scores pairs one by one."""

    def __init__(
        self, options: EvaluateOptions, source: ClipSource, asker: PairAsker, words: Words | None
    ) -> None:
        self.options, self.source, self.asker, self.words = options, source, asker, words
        meta = asker.checkpoint.meta
        self.frames = options.frames or int(meta.get("frames", FRAMES))
        self.span_s = float(meta.get("span_s", asker.window_s))
        folder = options.manifest.parent / FEATURES
        rate = float(meta.get("frame_rate", FRAME_RATE))
        self.looks = Looks(source, asker.encoder, folder, rate)
        self.by_id = {clip.id: clip for clip in source.clips}

    def score(self, row: PairRow) -> list[Record]:
        """Records of one pair: one per method and sound."""
        clips = [self.by_id[name] for name in row.clips]
        heard = self.asker.cut(self.source, clips)
        seen = [
            self.looks.pick(clip, self.source.duration_s(clip) / 2, self.frames, self.span_s)
            for clip in clips
        ]
        answers = self.asker.answers(heard, torch.from_numpy(np.stack(seen)))
        if self.options.words:
            names = [clip.label.replace("_", " ") for clip in clips]
            named = self.asker.answers(heard, self.asker.encoder.encode_texts(names)[:, None])
            answers |= {f"{method}, words": made for method, made in named.items()}
        mixed = np.broadcast_to(heard.mixture.double().numpy(), heard.stems.shape)
        found = []
        for method, made in {"mixture": mixed, **answers}.items():
            found += self._records(row, clips, heard, method, made)
        return found

    def _records(
        self, row: PairRow, clips: Sequence[ThingClip], heard: Heard, method: str, made: Floats
    ) -> list[Record]:
        truth = heard.stems[:, : made.shape[-1]].double().numpy()
        plain = si_sdr(truth, made)
        before = si_sdr(truth, np.broadcast_to(truth.mean(0), truth.shape))
        scores: dict[str, Floats] = {"si_sdr": plain, "si_sdr_gain": plain - before}
        silent = bool(np.isnan(plain).any())
        if not self.options.quick:
            judged = bss_eval(truth, made)
            scores |= {"sdr": judged.sdr, "sir": judged.sir, "sar": judged.sar}
        records = []
        for index, clip in enumerate(clips):
            other = clips[index - 1]
            record: Record = {
                "id": row.id,
                "sound": index,
                "method": method,
                "clip": clip.id,
                "recording": clip.video_id,
                "label": clip.label,
                "other": other.label,
                "silent": silent,
                **{name: float(values[index]) for name, values in scores.items()},
            }
            if self.words is not None and not silent:
                record |= self._likeness(made[index], heard.sample_rate, clip, other)
            records.append(record)
        return records

    def _likeness(
        self, made: Floats, sample_rate: int, clip: ThingClip, other: ThingClip
    ) -> dict[str, float]:
        assert self.words is not None, "asked only where there are words"
        wave = torch.from_numpy(np.ascontiguousarray(made, dtype=np.float32))
        names = self.words.names
        place = self.words.clap.embed_sound(wave, sample_rate)
        own, rival = names.index(clip.label), names.index(other.label)
        return clap_scores(place, self.words.places, own, rival)


def _source(options: EvaluateOptions) -> ClipSource:
    """Clips that the list is about: shards if there are any, else (and for `full`) the files."""
    folder = options.manifest.parent
    manifest = folder / "manifest.jsonl"
    shards = (folder / SHARDS).is_dir()
    if shards and (options.protocol == "published" or not manifest.is_file()):
        return open_clips(folder / SHARDS)
    return open_clips(manifest)


def _words(options: EvaluateOptions, source: ClipSource) -> tuple[Words | None, list[str]]:
    """CLAP with the corpus's classes, or a note why its columns are left out."""
    if not options.clap:
        return None, []
    if not is_here(options.clap):
        note = f"columns of CLAP are left out: {options.clap} is not on this machine"
        return None, [note]
    clap = load_clap(options.clap)
    names = tuple(sorted({clip.label for clip in source.clips}))
    return Words(clap, names, clap.embed_classes(names)), []


def _values(methods: Mapping[str, Any], score: str) -> dict[str, float]:
    return {name: scores[score]["value"] for name, scores in methods.items() if score in scores}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
