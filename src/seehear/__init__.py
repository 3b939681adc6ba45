"""seehear: make a video's sound right by looking at its picture.

    import seehear
    result = seehear.highlight("in.mp4", "out.mp4", strength=0.5)

Importing this package costs nothing: what a name stands for is imported when it is first used.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.errors import (
    Cancelled,
    ConfigError,
    InputError,
    MissingDependency,
    ModelError,
    OutputError,
    SeehearError,
    UsageError,
)

if TYPE_CHECKING:
    from seehear.tasks.generate.config import GenerateOptions
    from seehear.tasks.highlight.config import HighlightOptions
    from seehear.tasks.highlight.highlighter import Highlighter, load_highlighter
    from seehear.tasks.separate.config import SeparateOptions
    from seehear.tasks.separate.separator import Separator, load_separator
    from seehear.tasks.spatialize.config import SpatializeOptions
    from seehear.tasks.spatialize.spatializer import Spatializer, load_spatializer
    from seehear.types import Audio, Clip, Features, Result, Video

__version__ = "0.1.0"
__all__ = [
    "Audio",
    "Cancelled",
    "Clip",
    "ConfigError",
    "Features",
    "GenerateOptions",
    "HighlightOptions",
    "Highlighter",
    "InputError",
    "MissingDependency",
    "ModelError",
    "OutputError",
    "Result",
    "SeehearError",
    "SeparateOptions",
    "Separator",
    "SpatializeOptions",
    "Spatializer",
    "UsageError",
    "Video",
    "__version__",
    "generate",
    "highlight",
    "load_highlighter",
    "load_separator",
    "load_spatializer",
    "separate",
    "spatialize",
]

_LAZY = {
    "Audio": "seehear.types",
    "Clip": "seehear.types",
    "Features": "seehear.types",
    "GenerateOptions": "seehear.tasks.generate.config",
    "HighlightOptions": "seehear.tasks.highlight.config",
    "Highlighter": "seehear.tasks.highlight.highlighter",
    "Result": "seehear.types",
    "SeparateOptions": "seehear.tasks.separate.config",
    "Separator": "seehear.tasks.separate.separator",
    "SpatializeOptions": "seehear.tasks.spatialize.config",
    "Spatializer": "seehear.tasks.spatialize.spatializer",
    "Video": "seehear.types",
    "load_highlighter": "seehear.tasks.highlight.highlighter",
    "load_separator": "seehear.tasks.separate.separator",
    "load_spatializer": "seehear.tasks.spatialize.spatializer",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'seehear' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def highlight(
    input: str | Path,
    output: str | Path,
    *,
    progress: Callable[[float, float, str], None] | None = None,
    **options: Any,
) -> Result:
    """Rebalance the sound of a file, as `seehear highlight INPUT -o OUT` does.

    Args:
        input: video, or sound alone with `context="none"`.
        output: file to write; its suffix decides between a video container and sound alone.
        progress: told (done, total, note) as the work goes on; may raise `Cancelled`.
        **options: fields of `HighlightOptions`: `model`, `strength`, `start`, `force`, ...

    Returns:
        Where the output is, its receipt, and warnings that matter.

    Raises:
        ConfigError: no such option, or a value of the wrong type.
        UsageError: a value out of range, or options that contradict each other.
        SeehearError: see `errors`.
    """
    return _run_job("highlight", input, output, progress, options)


def separate(
    input: str | Path,
    output: str | Path,
    *,
    progress: Callable[[float, float, str], None] | None = None,
    **options: Any,
) -> Result:
    """Give the sound of one thing in a file, as `seehear separate INPUT -o OUT` does.

    Args:
        input: video or sound.
        output: file to write; its suffix decides between a video container and sound alone.
        progress: told (done, total, note) as the work goes on; may raise `Cancelled`.
        **options: fields of `SeparateOptions`, one of them the query: `text`, `image`, `at`, `box`,
            `span` or `all`; then `remove`, `stems`, `model`, `start`, `force`, ...

    Returns:
        Where output and stems are, the receipt, and warnings that matter.

    Raises:
        ConfigError: no such option, or a value of the wrong type.
        UsageError: not exactly one query, or a value out of range.
        SeehearError: see `errors`.
    """
    return _run_job("separate", input, output, progress, options)


def spatialize(
    input: str | Path,
    output: str | Path,
    *,
    progress: Callable[[float, float, str], None] | None = None,
    **options: Any,
) -> Result:
    """Make mono sound come from where it is seen, as `seehear spatialize INPUT -o OUT` does.

    Args:
        input: video with mono or flat stereo sound; sound alone with `positions`.
        output: file to write; its suffix decides between a video container and sound alone.
        progress: told (done, total, note) as the work goes on; may raise `Cancelled`.
        **options: fields of `SpatializeOptions`: `model`, `positions`, `format`, `hrtf`, `fov`,
            `per_source`, `force_mono`, `explain`, `start`, `force`, ...

    Returns:
        Where the output is, its receipt, and warnings that matter.

    Raises:
        ConfigError: no such option, or a value of the wrong type.
        UsageError: a value out of range, or options that contradict each other.
        SeehearError: see `errors`.
    """
    return _run_job("spatialize", input, output, progress, options)


def generate(
    input: str | Path,
    output: str | Path,
    *,
    progress: Callable[[float, float, str], None] | None = None,
    **options: Any,
) -> Result:
    """Make fitting sound for a video, as `seehear generate INPUT -o OUT` does.

    Args:
        input: video, with or without sound.
        output: file to write; its suffix decides between a video container and sound alone.
        progress: told (done, total, note) as the work goes on; may raise `Cancelled`.
        **options: fields of `GenerateOptions`: `like`, `amount`, `input2`, `interpolate`, `between`,
            `mix`, `replace`, `candidates`, `loudness`, `model`, `steps`, `guidance`, `start`, ...

    Returns:
        Where the output is (with `interpolate`: all of `outputs`), its receipt, and warnings that matter.

    Raises:
        ConfigError: no such option, or a value of the wrong type.
        UsageError: a value out of range, or options that contradict each other.
        SeehearError: see `errors`.
    """
    return _run_job("generate", input, output, progress, options)


def _run_job(
    verb: str,
    input: str | Path,
    output: str | Path,
    progress: Callable[[float, float, str], None] | None,
    options: dict[str, Any],
) -> Result:
    from seehear.config import from_dict
    from seehear.tasks import TASKS, resolve

    job = TASKS[verb].job
    values = {"input": str(input), "output": str(output), **options}
    result: Result = resolve(job.run)(from_dict(resolve(job.options), values), progress)
    return result
