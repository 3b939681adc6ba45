"""`seehear evaluate separate`: fixed mixtures and a model in, a table per sound and figures out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from seehear.config import to_dict
from seehear.data.mix_manifest import mix_line, read_mixes
from seehear.data.pair_list import is_pair_list
from seehear.errors import OutputError
from seehear.metrics.report import write_table, write_text
from seehear.runtime import choose_runtime, versions
from seehear.tasks.separate.evaluate_options import EvaluateOptions
from seehear.tasks.separate.evaluate_pairs import evaluate_pairs
from seehear.tasks.separate.mix_askers import load_mix_asker
from seehear.tasks.separate.scoring import Record, score_mix
from seehear.tasks.separate.summary import page, summarise
from seehear.tasks.separate.sweep import sweep

SUMMARY = "summary.json"
Progress = Callable[[int, int, str], None]


def evaluate_separate(options: EvaluateOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Score a model on a list of mixtures or of pairs, or several times over (`--sweep`).

    Writes sounds.csv, sounds.jsonl, summary.json, summary.md; see `evaluate_pairs.py` and `sweep.py` for
    what the other two write.

    Args:
        options: what to score and where to write.
        progress: called with (mixtures done, all mixtures, note); may raise `Cancelled`.

    Returns:
        The headline: `output` (the folder), mixtures, SI-SDR gain by method; all else is in
        summary.json.

    Raises:
        InputError: the manifest or a file it names is missing or wrong.
        OutputError: the folder holds an evaluation already, or cannot be written.
        ModelError: the model is unknown or not on this machine.
        UsageError: an option that does not fit the model or the list.
    """
    if options.sweep:
        return sweep(options, evaluate_separate, progress)
    if is_pair_list(options.manifest):
        return evaluate_pairs(options, progress)
    rows = read_mixes(options.manifest)
    rows = rows[: options.limit] if options.limit else rows
    done = options.output / SUMMARY
    if done.exists() and not options.force:
        raise OutputError(f"{done} exists already; use --force or another folder")
    runtime = choose_runtime(options.device, "fp32")
    asker, loaded = load_mix_asker(options, runtime, rows[0].sample_rate)
    encoder = asker.encoder
    records: list[Record] = []
    for index, row in enumerate(rows):
        if progress is not None:
            progress(index, len(rows), f"scoring {row.id}")
        records += score_mix(options.manifest.parent, row, asker, not options.quick, rows)
    digest = hashlib.sha256("\n".join(mix_line(row) for row in rows).encode()).hexdigest()
    summary = {
        "options": to_dict(options),
        "manifest": {"path": str(options.manifest), "sha256": digest},
        "model": {
            "id": loaded.meta.get("id", options.model),
            "sha256": loaded.sha256,
            "query_encoder": encoder.id,
            "query_encoder_sha256": encoder.sha256,
        },
        "versions": versions(),
        **summarise(records, rows, options.seed),
    }
    write_table(options.output / "sounds", records)
    write_text(options.output / "summary.md", page(summary))
    # Last, because its presence says that the evaluation is complete.
    write_text(done, json.dumps(summary, indent=1) + "\n")
    gains = {m: scores["si_sdr_gain"] for m, scores in summary["methods"].items()}
    return {"output": str(options.output), "mixtures": len(rows), "si_sdr_gain": gains}
