"""`seehear evaluate highlight`: a manifest and a model in, a table per clip and figures out.

Per clip the muddy mix is made again from stems and seed (or read, where a published one exists),
then scored as it is, level-normalised, compressed, and rebalanced by the model: with the clip's own
context, without any, and with the context of scenes that are about something else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seehear.config import to_dict
from seehear.data.manifest import ClipRow, Manifest, read_manifest, rows_sha256
from seehear.errors import InputError, OutputError
from seehear.features.captions import Caption
from seehear.metrics.report import write_table, write_text
from seehear.runtime import choose_runtime, versions
from seehear.tasks.highlight.evaluate_options import EvaluateOptions
from seehear.tasks.highlight.highlighter import Highlighter, load_highlighter
from seehear.tasks.highlight.pairs import load_pair
from seehear.tasks.highlight.scoring import Record, Runner, Trial, clip_context, score_clip
from seehear.tasks.highlight.semantic import load_semantic_scores
from seehear.tasks.highlight.summary import summarise
from seehear.tasks.highlight.summary_page import page
from seehear.tasks.highlight.timing import TIMED_CLIPS, measure_times
from seehear.types import Audio, Clip, Video

SUMMARY = "summary.json"
Progress = Callable[[int, int, str], None]


def evaluate_highlight(
    options: EvaluateOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Score a model and the baselines; write clips.csv, clips.jsonl, summary.json, summary.md.

    Args:
        options: what to score and where to write.
        progress: called with (clips done, all clips, note); may raise `Cancelled`.

    Returns:
        The headline: `output` (the folder), `clips`, MAG and pooled ENV x 100 of input and model,
        how far these lie below the input in per cent, `warnings`. All else is in summary.json.

    Raises:
        InputError: the manifest or a file it names is missing or wrong.
        OutputError: the folder holds an evaluation already, or cannot be written.
        ModelError: the model is unknown or not on this machine.
        UsageError: the model cannot use the context that was asked for.
    """
    manifest = read_manifest(options.manifest)
    rows = manifest.split(options.split)
    rows = rows[: options.limit] if options.limit else rows
    _check_files(replace(manifest, rows=rows))
    _check_output(options)
    highlighter = _load(options)
    trial = _trial(options, highlighter)
    records = score_rows(manifest, rows, trial, progress)
    summary = {
        "options": to_dict(options),
        "manifest": {
            "path": str(options.manifest),
            "split": options.split,
            "sha256": rows_sha256(rows),
        },
        "model": highlighter.describe() if highlighter else {},
        "versions": versions(),
        **summarise(records, rows, options.seed),
        "timing": _times(manifest, rows, trial, highlighter) if highlighter else {},
        "warnings": _warnings(rows, options),
    }
    write_table(options.output / "clips", records)
    write_text(options.output / "summary.md", page(summary))
    # Last, because its presence says that the evaluation is complete.
    write_text(options.output / SUMMARY, json.dumps(summary, indent=1) + "\n")
    return {"output": str(options.output), **_headline(summary)}


def score_rows(
    manifest: Manifest,
    rows: Sequence[ClipRow],
    trial: Trial,
    progress: Progress | None = None,
) -> list[Record]:
    """Run and score a list of clips; see `scoring.score_clip` for the records."""
    records: list[Record] = []
    for done, row in enumerate(rows):
        if progress is not None:
            progress(done, len(rows), f"scoring {row.id}")
        records += score_clip(manifest, row, rows, trial)
    if progress is not None:
        progress(len(rows), len(rows), "adding up")
    return records


def model_runner(highlighter: Highlighter) -> Runner:
    """The function that `scoring` calls, from a loaded model."""

    def run(mixture: Audio, frames: Video | None, captions: Sequence[Caption]) -> Audio:
        clip = Clip(audio=mixture, video=frames)
        return highlighter.run(clip, list(captions), use_frames=frames is not None)

    return run


def _load(options: EvaluateOptions) -> Highlighter | None:
    if options.model == "none":
        return None
    runtime = choose_runtime(options.device, options.precision)
    return load_highlighter(options.model, runtime, options.context, strict=True)


def _trial(options: EvaluateOptions, highlighter: Highlighter | None) -> Trial:
    encoder = highlighter.frame_encoder if highlighter else None
    return Trial(
        runner=model_runner(highlighter) if highlighter else None,
        use_frames=encoder is not None or bool(options.clip),
        use_captions=options.context in ("captions", "both"),
        frame_size=encoder.frame_size if encoder else None,
        by_level=options.by_level,
        swap_seeds=range(options.seed, options.seed + options.swaps),
        extra=load_semantic_scores(options.kld, options.clip) if options.kld else None,
    )


def _check_files(manifest: Manifest) -> None:
    missing = manifest.missing_files()
    if missing:
        raise InputError(
            f"{len(missing)} files that {manifest.path} names are missing, the first is "
            f"{missing[0]}; prepare the corpus again"
        )


def _check_output(options: EvaluateOptions) -> None:
    done = options.output / SUMMARY
    if options.output.exists() and not options.output.is_dir():
        raise OutputError(f"{options.output} is a file; -o names a folder")
    if done.exists() and not options.force:
        raise OutputError(f"{done} exists already; use --force or another folder")


def _times(
    manifest: Manifest, rows: Sequence[ClipRow], trial: Trial, highlighter: Highlighter
) -> dict[str, Any]:
    clips = []
    for row in rows[: TIMED_CLIPS + 1]:
        frames, captions = clip_context(manifest, row, trial)
        clips.append((Clip(audio=load_pair(manifest, row).mixture, video=frames), captions))
    return measure_times(highlighter, clips)


def _headline(summary: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"clips": summary["clips"]}
    for name, label in (("mag", "MAG"), ("env_pooled", "ENV")):
        found[label] = {
            method: round(summary["methods"][method][name]["x100"], 4)
            for method in ("input", "model")
            if method in summary["methods"]
        }
        below = summary["reduction"].get("model", {}).get(name)
        if below is not None:
            found[label]["below_input_percent"] = round(100 * below["value"], 2)
    return {**found, "warnings": summary["warnings"]}


def _warnings(rows: Sequence[ClipRow], options: EvaluateOptions) -> list[str]:
    found = []
    for what, used in (("frames", ("frames", "both")), ("captions", ("captions", "both"))):
        without = sum(getattr(row, what) is None for row in rows)
        if options.model != "none" and options.context in used and without:
            found.append(f"{without} of {len(rows)} clips have no {what}")
    return found
