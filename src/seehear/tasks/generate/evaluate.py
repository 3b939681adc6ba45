"""`seehear evaluate generate`: score what a model makes for silent clips, beside references and baselines.

Reads a manifest of clips with picture and sound, hides the sound, generates, and compares; `contenders.py`
says what competes, `scoring.py` what is measured. The classifier of sounds learns from the manifest's own
training clips.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from seehear.config import to_dict
from seehear.data.clip_manifest import GenerateClip, clip_line, read_clips
from seehear.errors import InputError, OutputError
from seehear.metrics.clap import is_here, load_clap
from seehear.metrics.generation import hear
from seehear.metrics.report import write_table, write_text
from seehear.metrics.semantics import load_audio_classifier
from seehear.runtime import choose_runtime, versions
from seehear.tasks.generate.classifier import Example, SoundClassifier, classifier_of
from seehear.tasks.generate.contenders import (
    MODEL,
    REFERENCE,
    Sounds,
    baselines,
    generated,
    reconstructions,
)
from seehear.tasks.generate.drawing_sounds import Drawing
from seehear.tasks.generate.evaluate_options import EvaluateOptions
from seehear.tasks.generate.evaluate_summary import by_class, page, summarise
from seehear.tasks.generate.loading import System, load_system
from seehear.tasks.generate.scored_clips import (
    ScoredClip,
    examples_of,
    of_one_length,
    open_clip,
    spread,
)
from seehear.tasks.generate.scoring import Judges, Scored, onsets_of, score_sounds
from seehear.tasks.generate.sound_features import SAMPLE_RATE
from seehear.tasks.generate.transfer_sweep import sweep_transfer

SUMMARY = "summary.json"
CLASSIFIER = "classifier"
Progress = Callable[[int, int, str], None]


def evaluate_generate(options: EvaluateOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Score a model; write clips.csv, clips.jsonl, summary.json, summary.md, and sounds if asked.

    Args:
        options: what to score and where to write.
        progress: told (things done, all things, note); may raise `Cancelled`.

    Returns:
        The headline: `output`, `clips`, and by contender onset error (median ms), share of onsets
        within 50 ms, share of classes right; `notes`. All else is in summary.json.

    Raises:
        InputError: the manifest or a file it names is missing or wrong, or no clip can be scored.
        OutputError: the folder holds an evaluation already, or cannot be written.
        ModelError: a model is unknown, damaged or not on this machine.
    """
    done = options.output / SUMMARY
    if done.exists() and not options.force:
        raise OutputError(f"{done} exists already; use --force or another folder")
    rows = read_clips(options.manifest)
    system = load_system(options.model, choose_runtime(options.device, options.precision))
    clips, left_out = _open(options, rows, system, progress)
    notes = [f"{len(left_out)} clips could not be scored, see summary.json"] if left_out else []
    judges = _judges(options, rows, system, clips, notes, progress)
    drawing = Drawing(
        options.steps or system.steps,
        system.guidance if options.guidance is None else options.guidance,
        options.seed,
        options.batch,
    )
    scored = _score_all(options, rows, clips, judges, drawing, progress)
    swept = []
    if options.transfer:
        chosen = clips[: options.transfers]
        swept = sweep_transfer(chosen, judges, options.transfer, drawing, options.band)
    classifier = judges.classifier
    own_lines = "\n".join(clip_line(clip.row) for clip in clips)
    summary = {
        "options": to_dict(options),
        "manifest": {
            "path": str(options.manifest),
            "sha256": hashlib.sha256(own_lines.encode()).hexdigest(),
        },
        "model": system.described,
        "drawn": {"steps": drawing.steps, "guidance": drawing.guidance, "seed": drawing.seed},
        "versions": versions(),
        "clips": len(clips),
        "seconds": len(clips[0].sound) / SAMPLE_RATE,
        "classes": len({clip.row.label for clip in clips}),
        "recordings": len({clip.row.recording for clip in clips}),
        "left_out": left_out,
        "band_hz": options.band,
        "gallery": min(options.gallery, len(clips)),
        "chance": {
            "retrieval": 1 / min(options.gallery, len(clips)),
            "class": 1 / len(classifier.labels) if classifier else float("nan"),
        },
        "classifier": {"labels": list(classifier.labels), **classifier.about} if classifier else {},
        "notes": notes,
        **summarise(scored, options.seed),
        "by_class": by_class(scored[MODEL].records, scored[REFERENCE].records, options.seed),
        "transfer": swept,
    }
    write_table(options.output / "clips", _flat(scored))
    write_text(options.output / "summary.md", page(summary))
    # Last, because its presence says that the evaluation is complete.
    write_text(done, json.dumps(summary, indent=1) + "\n")
    return _headline(options, summary)


def _open(
    options: EvaluateOptions,
    rows: Sequence[GenerateClip],
    system: System,
    progress: Progress | None,
) -> tuple[list[ScoredClip], dict[str, str]]:
    """Clips to be scored, and why others are not."""
    own = [row for row in rows if row.split == options.split]
    if not own:
        raise InputError(f"{options.manifest} has no clips of the split {options.split!r}")
    chosen = spread(own, options.limit, options.seed)
    window_s = system.window / system.codec.latent_rate
    opened: list[ScoredClip] = []
    left_out: dict[str, str] = {}
    for number, row in enumerate(chosen, 1):
        try:
            opened.append(
                open_clip(options.manifest.parent, row, system.sight, window_s, options.band)
            )
        except InputError as error:
            left_out[row.id] = str(error)
        if progress is not None:
            progress(number, len(chosen), "looking")
    if not opened:
        raise InputError(
            f"no clip can be scored; of the first one: {next(iter(left_out.values()))}"
        )
    clips, other = of_one_length(opened)
    left_out |= dict.fromkeys(other, "shorter or longer than the others")
    return clips, left_out


def _judges(
    options: EvaluateOptions,
    rows: Sequence[GenerateClip],
    system: System,
    clips: Sequence[ScoredClip],
    notes: list[str],
    progress: Progress | None,
) -> Judges:
    """Who scores; adds to `notes` who is missing."""
    names = tuple(sorted({clip.row.label for clip in clips}))
    ast = clap = places = None
    if options.ast and is_here(options.ast):
        ast = load_audio_classifier(options.ast)
    elif options.ast:
        notes.append(f"FD, IS and KL are left out: {options.ast} is not on this machine")
    if options.clap and is_here(options.clap) and all(names):
        clap = load_clap(options.clap)
        places = clap.embed_classes(names)
    elif options.clap:
        notes.append(f"CLAP is left out: {options.clap} is not on this machine")
    classifier = _classifier(options, rows, len(clips[0].sound) / SAMPLE_RATE, notes, progress)
    return Judges(system, classifier, options.gallery, ast, clap, places, names)


def _classifier(
    options: EvaluateOptions,
    rows: Sequence[GenerateClip],
    seconds: float,
    notes: list[str],
    progress: Progress | None,
) -> SoundClassifier | None:
    def examples(split: str) -> Sequence[Example]:
        own = [row for row in rows if row.split == split and row.label]
        root = options.manifest.parent
        return examples_of(root, own, options.band, seconds, options.seed, progress)

    splits = {row.split for row in rows if row.label}
    folder = options.classifier or options.output / CLASSIFIER
    if not {"train", "val"} <= splits and not folder.is_dir():
        notes.append("classes are not judged: the manifest has no training and validation clips")
        return None
    return classifier_of(folder, options.band, examples)


def _score_all(
    options: EvaluateOptions,
    rows: Sequence[GenerateClip],
    clips: Sequence[ScoredClip],
    judges: Judges,
    drawing: Drawing,
    progress: Progress | None,
) -> dict[str, Scored]:
    onsets = onsets_of([clip.sound for clip in clips])
    heard = hear(judges.ast, [clip.sound for clip in clips]) if judges.ast is not None else None
    train = [row for row in rows if row.split == "train"]
    found: dict[str, Scored] = {}

    def take(sounds: Sounds) -> None:
        ours = sounds if sounds.name == REFERENCE else sounds.matched(clips, options.band)
        found[sounds.name] = score_sounds(clips, ours, judges, onsets, heard)
        if options.sounds:
            _write_sounds(options.output / "sounds", clips, ours)
        if progress is not None:
            progress(len(found), 8, f"scored {sounds.name}")

    for sounds in baselines(options.manifest.parent, clips, train, options.seed):
        take(sounds)
    for sounds in reconstructions(judges.system, clips, options.batch):
        take(sounds)
    for sounds in generated(judges.system, clips, drawing):
        take(sounds)
    return found


def _write_sounds(folder: Path, clips: Sequence[ScoredClip], sounds: Sounds) -> None:
    own = folder / sounds.name.replace(", ", "-")
    try:
        own.mkdir(parents=True, exist_ok=True)
        for clip, wave in zip(clips, sounds.waves, strict=True):
            name = clip.row.id.replace("/", "_")
            soundfile.write(own / f"{name}.wav", wave.numpy(), SAMPLE_RATE, subtype="FLOAT")
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"cannot write into {own}: {error}") from error


def _flat(scored: dict[str, Scored]) -> list[dict[str, Any]]:
    """Rows of the table; the list of distances becomes its median."""
    table = []
    for found in scored.values():
        for record in found.records:
            apart = record["onset_ms"]
            middle = float(np.median(apart)) if apart else None
            table.append({**record, "onset_ms": middle})
    return table


def _headline(options: EvaluateOptions, summary: dict[str, Any]) -> dict[str, Any]:
    def values(score: str) -> dict[str, float]:
        rows = summary["contenders"].items()
        return {name: row[score]["value"] for name, row in rows if score in row}

    return {
        "output": str(options.output),
        "clips": summary["clips"],
        "classes": summary["classes"],
        "onset_ms": values("onset_ms"),
        "within": values("within"),
        "right": values("right"),
        "picture_finds_sound": values("v2s_r1"),
        "notes": summary["notes"],
    }
