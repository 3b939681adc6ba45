"""What a job in windows is going to do, and when two runs are the same job."""

from __future__ import annotations

from typing import Any

from seehear.config import to_dict
from seehear.dsp.window import WindowPlan
from seehear.runtime import Runtime, versions
from seehear.tasks.options import CommonOptions
from seehear.tasks.source import JobSource

# Options that change where or how a run is watched, not what it computes.
NOT_PART_OF_THE_JOB = ("output", "force", "resume", "dry_run", "json", "quiet", "debug")


def expected_spans(source: JobSource, plan: WindowPlan, sample_rate: int) -> list[tuple[int, int]]:
    """Windows by what the header says of the length, in samples at the network's rate."""
    samples = round(source.expected_samples() * sample_rate / source.sample_rate)
    return plan.spans(samples) if samples else []


def make_plan(
    verb: str,
    options: CommonOptions,
    source: JobSource,
    spans: list[tuple[int, int]],
    sample_rate: int,
    model: dict[str, Any],
    window_bytes: int,
    runtime: Runtime,
) -> dict[str, Any]:
    """What a run would do, by what headers say.

    Args:
        verb: name of the job.
        options: as given.
        source: the input.
        spans: of all windows, in samples.
        sample_rate: their rate, Hz.
        model: ids, hashes and licences of all networks used.
        window_bytes: size of a finished window on disk.
        runtime: device of the networks.
    """
    end = source.expected_samples() / source.sample_rate
    return {
        "verb": verb,
        "input": source.facts(),
        "output": str(options.output),
        "model": model,
        "windows": [
            [
                options.start + max(start / sample_rate, 0.0),
                options.start + min(stop / sample_rate, end),
            ]
            for start, stop in spans
        ],
        "state_bytes": len(spans) * window_bytes,
        "device": str(runtime.device),
    }


def make_fingerprint(
    options: CommonOptions,
    source: JobSource,
    model: dict[str, Any],
    runtime: Runtime,
    besides: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Identity of a job: finished windows may be reused only under the same one.

    Args:
        options: as given.
        source: the input.
        model: ids, hashes and licences of all networks used.
        runtime: device of the networks.
        besides: further options that change nothing in the windows.
    """
    stat = source.path.stat()
    left_out = (*NOT_PART_OF_THE_JOB, *besides)
    told = {k: v for k, v in to_dict(options).items() if k not in left_out}
    return {
        "options": {**told, "input": str(source.path.resolve())},
        "input": [stat.st_size, stat.st_mtime_ns],
        "model": model,
        "device": str(runtime.device),
        "versions": versions(),
    }
