"""Stands in for the job of `highlight`: does what its input's name says."""

from __future__ import annotations

from collections.abc import Callable

from seehear.errors import InputError
from seehear.tasks import TASKS, Action, TaskSpec
from seehear.tasks.highlight.config import HighlightOptions
from seehear.types import Result

CALLS: list[HighlightOptions] = []


def job(options: HighlightOptions, progress: Callable[[float, float, str], None] | None) -> Result:
    """Succeed, warn, refuse, crash or wait, as the input is called."""
    CALLS.append(options)
    if progress is not None:
        progress(1, 2, "half of [bold]it[/bold]")
    record = {"seed": options.seed, "windows": {"total": 2, "reused": 0}, "secret": 1}
    if options.dry_run:
        return Result(record={"windows": [[0.0, 10.0], [10.0, 12.5]], "model": options.model})
    if options.input == "refused.mp4":
        raise InputError("refused.mp4 holds no sound\nat all")
    if options.input == "bug.mp4":
        raise KeyError("lost")
    if options.input == "stop.mp4":
        raise KeyboardInterrupt
    warnings = ("the input ends too early",) if options.input == "short.mp4" else ()
    return Result(record=record, path=options.output, warnings=warnings)


SPEC = TaskSpec(
    name="highlight",
    job=Action("fake", TASKS["highlight"].job.options, "tests.unit.cli.fake_job:job"),
)
