"""A way between two videos: files OUT-01, OUT-02, ... on the first one's picture.

Every file is a job of its own with its own receipt (`between` says where on the way it lies), so each can be
replayed alone. What they share, the features of both videos, lies in the part folder of OUT itself.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from seehear.config import to_dict
from seehear.media.opening import check_is_file
from seehear.media.part import PartFolder, check_output, claimed, receipt_path
from seehear.runtime import choose_runtime
from seehear.tasks.generate.config import GenerateOptions
from seehear.tasks.generate.loading import System, load_system
from seehear.tasks.plans import NOT_PART_OF_THE_JOB
from seehear.tasks.progress import Progress
from seehear.types import Result

NOTE = "finished"


class MakeOne(Protocol):
    """Writes one file; see `infer.make_one`."""

    def __call__(
        self,
        options: GenerateOptions,
        progress: Progress,
        system: System | None = None,
        eyes: PartFolder | None = None,
    ) -> Result:
        """Options with `between` -> result."""


def outputs(output: Path, count: int) -> list[Path]:
    """OUT-01.mp4, OUT-02.mp4, ... for OUT.mp4.

    >>> [path.name for path in outputs(Path("walk.mp4"), 2)]
    ['walk-01.mp4', 'walk-02.mp4']
    """
    return [output.with_name(f"{output.stem}-{n + 1:02d}{output.suffix}") for n in range(count)]


def make_path(options: GenerateOptions, progress: Progress, make_one: MakeOne) -> Result:
    """Write all files of the way; its ends are what each video gets by itself.

    Args:
        options: with `interpolate`.
        progress: told how far the whole is; may raise `Cancelled`.
        make_one: writes one of them.

    Returns:
        Result with all paths; its record holds their receipts.

    Raises:
        OutputError: one of the files exists.
    """
    count = options.interpolate
    assert count is not None, "a way has a number of files"
    source, paths = check_is_file(options.input), outputs(options.output, count)
    with claimed(options.output, _identity(options), True, options.resume) as part:
        finished = set((part.noted(NOTE) or {"files": []})["files"])
        for path in paths:
            if path.name not in finished:
                check_output(source, path, options.force or options.resume)
        runtime = choose_runtime(options.device, options.precision)
        system = load_system(options.model, runtime)
        results = []
        for number, path in enumerate(paths):
            if path.name in finished and path.is_file() and receipt_path(path).is_file():
                record = json.loads(receipt_path(path).read_text(encoding="utf-8"))
                results.append(Result(record, path, warnings=tuple(record["warnings"])))
                continue
            one = replace(options, output=path, interpolate=None, between=number / (count - 1))
            results.append(make_one(one, _part_of(progress, number, count), system, part))
            finished.add(path.name)
            part.note(NOTE, {"files": sorted(finished)})
        part.remove()
    warnings = tuple(dict.fromkeys(w for result in results for w in result.warnings))
    record = {"verb": "generate", "files": [result.record for result in results]}
    return Result(record, paths[0], warnings=warnings, outputs=tuple(paths))


def _identity(options: GenerateOptions) -> dict[str, object]:
    told = {k: v for k, v in to_dict(options).items() if k not in NOT_PART_OF_THE_JOB}
    files = [options.input, options.input2 or ""]
    stats = [Path(name).stat() for name in files if name]
    return {"options": told, "inputs": [[stat.st_size, stat.st_mtime_ns] for stat in stats]}


def _part_of(progress: Progress, number: int, count: int) -> Progress:
    def part(done: float, total: float, note: str) -> None:
        progress((number + done / max(total, 1e-9)) / count, 1.0, note)

    return part
