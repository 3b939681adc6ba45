"""`seehear evaluate spatialize`: fixed pairs and a model in, a table per pair and figures out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from seehear import registry
from seehear.config import to_dict
from seehear.data.pair_manifest import PairRow, pair_line, read_pairs
from seehear.errors import ModelError, OutputError
from seehear.features.concepts import load_query_encoder
from seehear.metrics.report import write_table, write_text
from seehear.models.bearings import Bearings
from seehear.runtime import versions
from seehear.tasks.spatialize.evaluate_options import EvaluateOptions
from seehear.tasks.spatialize.evaluate_recordings import evaluate_recordings, is_of_recordings
from seehear.tasks.spatialize.heads import load_head
from seehear.tasks.spatialize.scoring import Listener, Record, score_pair
from seehear.tasks.spatialize.summary import page, summarise

SUMMARY = "summary.json"
Progress = Callable[[int, int, str], None]


def evaluate_spatialize(
    options: EvaluateOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Score a model; write pairs.csv, pairs.jsonl, summary.json, summary.md.

    A manifest of recordings goes to `evaluate_recordings`.

    Args:
        options: what to score and where to write.
        progress: called with (pairs done, all pairs, note); may raise `Cancelled`.

    Returns:
        The headline: `output` (the folder), pairs, STFT and ENV over mono's and the share of right
        sides by method; all else is in summary.json.

    Raises:
        InputError: the manifest, a head or a file it names is missing or wrong.
        OutputError: the folder holds an evaluation already, or cannot be written.
        ModelError: the model is unknown, not on this machine, or does not give directions.
    """
    done = options.output / SUMMARY
    if done.exists() and not options.force:
        raise OutputError(f"{done} exists already; use --force or another folder")
    if is_of_recordings(options.manifest):
        return evaluate_recordings(options, progress)
    rows = _first(read_pairs(options.manifest), options.limit)
    loaded = registry.load(options.model, "spatialize")
    model = loaded.module
    if not isinstance(model, Bearings):
        raise ModelError(f"{options.model} is a {loaded.name}; this evaluation scores bearings")
    encoder = load_query_encoder(model.config.frame_encoder)
    heads = [load_head(name, model.config.sample_rate) for name in options.heads]
    listener = Listener(model.eval(), encoder, heads)
    records: list[Record] = []
    for index, row in enumerate(rows):
        if progress is not None:
            progress(index, len(rows), f"scoring {row.id}")
        records += score_pair(options.manifest.parent, row, listener)
    digest = hashlib.sha256("\n".join(pair_line(row) for row in rows).encode()).hexdigest()
    summary = {
        "options": to_dict(options),
        "manifest": {"path": str(options.manifest), "sha256": digest},
        "model": {
            "id": loaded.meta.get("id", options.model),
            "sha256": loaded.sha256,
            "frame_encoder": encoder.id,
            "frame_encoder_sha256": encoder.sha256,
        },
        "truth": [{"name": h.name, "sha256": h.sha256, "licence": h.licence} for h in heads],
        "versions": versions(),
        **summarise(records, rows, options.seed),
    }
    write_table(options.output / "pairs", records)
    write_text(options.output / "summary.md", page(summary))
    # Last, because its presence says that the evaluation is complete.
    write_text(done, json.dumps(summary, indent=1) + "\n")
    return {"output": str(options.output), "pairs": len(rows), **_headline(summary["methods"])}


def _headline(methods: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("stft_peak_ratio", "env_peak_ratio", "one_source_side"):
        found[name] = {m: v[name]["value"] for m, v in methods.items() if v[name] is not None}
    return found


def _first(rows: Sequence[PairRow], limit: int) -> list[PairRow]:
    """At most so many pairs of each number of sources."""
    taken: Counter[int] = Counter()
    kept = []
    for row in rows:
        taken[len(row.sources)] += 1
        if not limit or taken[len(row.sources)] <= limit:
            kept.append(row)
    return kept
