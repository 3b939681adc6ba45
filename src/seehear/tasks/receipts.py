"""Receipts: what was done, with what, to what (`OUT.seehear.json`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seehear.checkpoint import file_sha256
from seehear.config import to_dict
from seehear.runtime import Stopwatch, versions
from seehear.tasks.options import CommonOptions
from seehear.tasks.output import Written
from seehear.tasks.source import JobSource

SCHEMA = 1


def make_receipt(
    verb: str,
    options: CommonOptions,
    source: JobSource,
    written: Written,
    model: dict[str, Any],
    windows: dict[str, int],
    clock: Stopwatch,
    warnings: list[str],
) -> dict[str, Any]:
    """Build the receipt of a finished run.

    Args:
        verb: name of the job.
        options: as given.
        source: the input.
        written: what was written.
        model: ids, hashes and licences of all networks used.
        windows: `total` and `reused`.
        clock: seconds per stage.
        warnings: sentences that matter.
    """
    with clock("hash_input"):
        digest = file_sha256(source.path)
    sound = written.sound
    return {
        "schema": SCHEMA,
        "verb": verb,
        "options": to_dict(options),
        "seed": options.seed,
        "model": model,
        "versions": versions(),
        "timings": {stage: round(s, 4) for stage, s in clock.seconds.items()},
        "windows": windows,
        "input": {**source.facts(), "sha256": digest},
        "output": {
            "path": str(Path(options.output)),
            "codec": sound.encoder,
            "bit_rate": sound.bit_rate,
            "sample_rate": sound.sample_rate,
            "layout": sound.layout,
            "begin_s": written.begin_s,
            "num_samples": written.num_samples,
        },
        "packet_sha256": written.streams,
        "warnings": warnings,
    }
