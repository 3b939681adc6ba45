"""File jobs: run one, report its result, and do a recorded one again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from seehear.cli.output import progress_bar, say, say_json, warn
from seehear.cli.parsing import parse
from seehear.cli.stopping import stoppable
from seehear.config import from_dict
from seehear.errors import InputError, ModelError
from seehear.tasks import TASKS, resolve
from seehear.tasks.options import CommonOptions

if TYPE_CHECKING:
    from seehear.types import Result

RESUME_ADVICE = "no output was written; the same command with --resume goes on from here"
# What a run is told about the console and about files in its way is not part of what it computes.
# Fields of options that name files beside the input; receipts hold their hashes under the same names.
FURTHER_INPUTS = ("input2", "like")
NOT_REPLAYED = ("force", "resume", "dry_run", "json", "quiet", "debug")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """Do a recorded run again: the same samples on the same kind of machine.

    Args:
        receipt: file `OUT.seehear.json` that the first run wrote.
        output: file to write; stems and pictures, if the first run wrote any, go to `OUT-stems` and
            `OUT-explain` beside it.
        device: use another device than the recorded one.
        force: overwrite the output if it exists.
        resume: go on with an interrupted replay.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    receipt: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RECEIPT")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT")]
    device: Annotated[str | None, tyro.conf.arg(metavar="auto|cpu|cuda[:N]")] = None
    force: bool = False
    resume: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False


def run_job(verb: str, argv: list[str]) -> int:
    """`seehear VERB INPUT -o OUT ...` for every task of the table."""
    job = TASKS[verb].job
    return perform(job.run, parse(resolve(job.options), argv, verb))


def replay(verb: str, argv: list[str]) -> int:
    """`seehear replay RECEIPT -o OUT`: check that input and weights are the same, then run."""
    told = parse(ReplayOptions, argv, verb)
    receipt = read_receipt(told.receipt)
    task = receipt["verb"]
    options = replayed_options(receipt, told)
    options = at_home(options, told.receipt.parent)
    check_same_input(receipt, options.input)
    for name in FURTHER_INPUTS:
        check_same_input(receipt, getattr(options, name, None), name)
    check_same_model(receipt, task)
    return perform(TASKS[task].job.run, options)


def perform(run: str, options: CommonOptions) -> int:
    """Run a job with progress and signals handled, then report."""
    with (
        stoppable(RESUME_ADVICE) as stop,
        progress_bar(options.quiet, stop.check) as progress,
    ):
        result: Result = resolve(run)(options, progress)
    return report(result, options)


def report(result: Result, options: CommonOptions) -> int:
    """Result on stdout, warnings on stderr; returns the exit code."""
    if options.json:
        say_json(result.record if options.dry_run else summary(result))
    elif options.dry_run:
        for key, value in result.record.items():
            say(f"{key}: {plain(value)}")
    else:
        for path in result.outputs or (result.path,):
            say(f"{path}")
        if getattr(options, "all", False):
            for row in result.record["sources"]:
                say(source_line(row))
    for sentence in result.warnings:
        warn(sentence)
    return 3 if result.warnings else 0


def source_line(row: Mapping[str, Any]) -> str:
    """What a person wants to know of a source that was found.

    >>> source_line({"label": "dog", "heard": True, "share_of_power": 0.31})
    'dog: heard, 31 % of the power'
    """
    words = [f"heard, {100 * row['share_of_power']:.0f} % of the power"]
    if not row["heard"]:
        words = ["not heard"]
    place = row.get("place")
    if place is not None:
        where = f"{place['x']:.2f},{place['y']:.2f}@{place['at_s']:.1f}"
        words.append(f"seen at {where}" if place["seen"] else "not seen")
    return f"{row['label']}: {'; '.join(words)}"


def summary(result: Result) -> dict[str, Any]:
    """What `--json` prints after a run: where things are and how it went."""
    path = result.path
    kept = ("model", "seed", "windows", "timings", "sources")
    several = {"outputs": [str(output) for output in result.outputs]} if result.outputs else {}
    return {
        "output": str(path) if path else None,
        "receipt": str(path.with_name(f"{path.name}.seehear.json")) if path else None,
        **several,
        "stems": {name: str(stem) for name, stem in result.stems.items()},
        "warnings": list(result.warnings),
        **{key: result.record[key] for key in kept if key in result.record},
    }


def plain(value: Any) -> str:
    """A value of a plan for people: long lists are counted."""
    if isinstance(value, (list, tuple)) and len(value) > 4:
        return f"{len(value)} in all, from {value[0]} to {value[-1]}"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def read_receipt(path: Path) -> dict[str, Any]:
    """Parse a receipt.

    Raises:
        InputError: missing, not JSON, or not a receipt of a verb that exists.
    """
    try:
        receipt = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the receipt {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(
            f"{str(path)!r} is not a receipt; expected the JSON file that lies beside an output"
        ) from error
    if not isinstance(receipt, dict) or not isinstance(receipt.get("options"), dict):
        raise InputError(f"{str(path)!r} holds no options; it is not a receipt of this program")
    if receipt.get("verb") not in TASKS:
        raise InputError(
            f"{str(path)!r} records the verb {receipt.get('verb')!r}; "
            f"only {', '.join(TASKS)} can be replayed"
        )
    return receipt


def replayed_options(receipt: Mapping[str, Any], told: ReplayOptions) -> CommonOptions:
    """Recorded options with output and console behaviour of this call.

    Raises:
        ConfigError: the receipt has options that this version does not know.
    """
    recorded = {key: v for key, v in receipt["options"].items() if key not in NOT_REPLAYED}
    changed = {
        "output": str(told.output),
        "force": told.force,
        "resume": told.resume,
        "json": told.json,
        "quiet": told.quiet,
        "debug": told.debug,
    }
    if told.device is not None:
        changed["device"] = told.device
    for folder in ("stems", "explain"):
        if recorded.get(folder):  # those of the first run stay where they are
            changed[folder] = str(told.output.with_name(f"{told.output.stem}-{folder}"))
    cls: type[CommonOptions] = resolve(TASKS[receipt["verb"]].job.options)
    return from_dict(cls, {**recorded, **changed}, where=f"options of {told.receipt}")


def at_home(options: CommonOptions, folder: Path) -> CommonOptions:
    """Relative inputs count from here; what is not here counts from the receipt's folder."""
    moved: dict[str, Any] = {}
    for name in ("input", *FURTHER_INPUTS):
        path = getattr(options, name, None)
        if path and not Path(path).exists() and (folder / path).exists():
            moved[name] = str(folder / path)
    return dataclasses.replace(options, **moved)


def check_same_input(receipt: Mapping[str, Any], source: str | None, name: str = "input") -> None:
    """Compare an input with what the receipt recorded of it, if it did.

    Args:
        receipt: of the first run.
        source: the file now; None if the job takes none of that name.
        name: of the entry in the receipt.

    Raises:
        InputError: the file is not there or has changed.
    """
    recorded = receipt.get(name)
    if source is None:
        return
    sha256 = recorded.get("sha256") if isinstance(recorded, dict) else None
    if not sha256:
        return
    from seehear.checkpoint import file_sha256

    try:
        found = file_sha256(Path(source))
    except OSError as error:
        raise InputError(
            f"cannot read the recorded input {source!r}: {error.strerror}; "
            f"replay from the folder of the first run"
        ) from error
    if found != sha256:
        raise InputError(
            f"{source!r} has changed since the receipt was written: sha256 {found[:12]}… "
            f"instead of {sha256[:12]}…"
        )


def check_same_model(receipt: Mapping[str, Any], task: str) -> None:
    """Compare the weights with those of the receipt, if it recorded any.

    Raises:
        ModelError: the model is missing or has other weights.
        InputError: the receipt has a hash but names no model.
    """
    recorded = receipt.get("model")
    if not isinstance(recorded, dict) or not recorded.get("sha256"):
        return
    from seehear.registry import part_folders, weights_sha256

    model = receipt["options"].get("model")
    if not isinstance(model, str):
        raise InputError("the receipt has a model hash but its options name no model")
    of_task = recorded.get("task", task)
    hashes = {model: (weights_sha256(model, of_task), recorded["sha256"])}
    for part, folder in part_folders(model, of_task).items():
        if part in recorded.get("parts", {}):
            hashes[str(folder)] = weights_sha256(str(folder), of_task), recorded["parts"][part]
    for name, (found, expected) in hashes.items():
        if found != expected:
            raise ModelError(
                f"{name} has other weights than the recorded run: sha256 {found[:12]}… "
                f"instead of {expected[:12]}…"
            )
