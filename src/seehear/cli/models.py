"""`seehear models list|show|fetch|verify|import|assemble`: which models there are, and where their files lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from seehear import registry
from seehear.cli.output import complain, flatten, progress_bar, say, say_json, table
from seehear.cli.parsing import parse
from seehear.cli.second_word import run_second_word
from seehear.cli.stopping import stoppable
from seehear.config import to_dict
from seehear.errors import ModelError, OutputError, UsageError
from seehear.registry import ModelRow
from seehear.tasks import IMPORTERS, resolve

ModelName = tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListOptions:
    """List the models that this version knows.

    Args:
        json: print one JSON object on stdout.
        debug: show a traceback when something fails.
    """

    json: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShowOptions:
    """Show what is known about one model: configuration, licence, training facts.

    Args:
        model: id, or path of a checkpoint folder.
        json: print one JSON object on stdout.
        debug: show a traceback when something fails.
    """

    model: ModelName
    json: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """Download a model into the cache and check it.

    Args:
        model: id.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="ID")]]
    json: bool = False
    quiet: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Hash model files again and compare with what is recorded.

    Args:
        models: ids or checkpoint folders; all models on this machine if none is given.
        json: print one JSON object on stdout.
        debug: show a traceback when something fails.
    """

    models: tyro.conf.Positional[tuple[str, ...]] = ()
    json: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Turn published weights into a checkpoint folder of this project.

    Args:
        kind: whose weights they are.
        checkpoint: file as published; read without running any code in it.
        output: folder to write.
        force: overwrite a checkpoint that is there.
        json: print one JSON object on stdout.
        debug: show a traceback when something fails.
    """

    kind: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="KIND")]]
    checkpoint: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="CKPT")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    force: bool = False
    json: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class AssembleOptions:
    """Put a generating model together: a denoiser with its parts in folders beside it.

    Args:
        denoiser: folder of its checkpoint; parts that lie in it already are taken along.
        output: folder to write.
        cavp: folder of the checkpoint that sees.
        vae: folder of the autoencoder.
        vocoder: folder of the vocoder.
        json: print one JSON object on stdout.
        debug: show a traceback when something fails.
    """

    denoiser: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    cavp: Path | None = None
    vae: Path | None = None
    vocoder: Path | None = None
    json: bool = False
    debug: bool = False


def run(verb: str, argv: list[str]) -> int:
    """Pick the second word."""
    return run_second_word(verb, ACTIONS, argv)


def state_of(row: ModelRow) -> str:
    """Where a model is: `made on the spot`, `built in`, `fetched`, `not fetched` or `missing`."""
    if row.tiny:
        return "made on the spot"
    present = registry.folder_of(row) is not None
    if row.builtin:
        return "built in" if present else "missing"
    return "fetched" if present else "not fetched"


def list_models(argv: list[str]) -> int:
    """What this version knows, and what of it is on this machine."""
    options = parse(ListOptions, argv, "models list")
    known = registry.rows().values()
    if options.json:
        say_json({"models": [{**to_dict(row), "state": state_of(row)} for row in known]})
        return 0
    rows = [("id", "state", "licence", "what it is")]
    rows += [(row.id, state_of(row), row.licence, row.summary) for row in known]
    for line in table(rows):
        say(line)
    return 0


def show_model(argv: list[str]) -> int:
    """Configuration, licence and training facts of one model."""
    options = parse(ShowOptions, argv, "models show")
    facts = describe(options.model)
    if options.json:
        say_json(facts)
        return 0
    for key, value in flatten(facts):
        say(f"{key}: {value}")
    return 0


def describe(model: str) -> dict[str, Any]:
    """Everything known about a model without loading its weights.

    Raises:
        ModelError: neither an id nor a checkpoint folder.
    """
    from seehear.checkpoint import read_description

    if (Path(model) / "config.json").is_file():
        return {"folder": model, **read_description(Path(model))}
    row = registry.row_of(model)
    folder = registry.folder_of(row)
    facts: dict[str, Any] = {**to_dict(row), "state": state_of(row)}
    if folder is not None:
        facts |= {"folder": str(folder), **read_description(folder)}
    return facts


def fetch_model(argv: list[str]) -> int:
    """Download a model into the cache and check it."""
    options = parse(FetchOptions, argv, "models fetch")
    with (
        stoppable("the model is not complete; fetch it again") as stop,
        progress_bar(options.quiet, stop.check) as progress,
    ):
        folder = registry.fetch(options.model, progress)
    if options.json:
        say_json({"model": options.model, "folder": str(folder)})
    else:
        say(str(folder))
    return 0


def verify_models(argv: list[str]) -> int:
    """Hash files again; every model is looked at, even after one has failed."""
    options = parse(VerifyOptions, argv, "models verify")
    here = [row.id for row in registry.rows().values() if row.tiny or registry.folder_of(row)]
    good, bad = {}, {}
    for model in options.models or here:
        try:
            good[model] = registry.verify(model)
        except ModelError as error:
            bad[model] = str(error)
            complain(str(error))
    if bad:
        return ModelError.exit_code
    if options.json:
        say_json({"models": good})
        return 0
    for model, hashes in good.items():
        for name, sha256 in hashes.items():
            say(f"{model}  {name}  {sha256}")
    return 0


def import_model(argv: list[str]) -> int:
    """Turn published weights into a checkpoint folder of this project."""
    options = parse(ImportOptions, argv, "models import")
    if options.kind not in IMPORTERS:
        raise UsageError(
            f"no importer is called {options.kind!r}; known: {', '.join(sorted(IMPORTERS))}"
        )
    if (options.output / "config.json").exists() and not options.force:
        raise OutputError(
            f"{str(options.output)!r} holds a checkpoint; add --force to overwrite it"
        )
    with stoppable("the folder may be incomplete; import again"):
        sha256 = resolve(IMPORTERS[options.kind])(options.checkpoint, options.output)
    if options.json:
        say_json({"folder": str(options.output), "sha256": sha256})
    else:
        say(str(options.output))
    return 0


def assemble_model(argv: list[str]) -> int:
    """Put a generating model together from checkpoints in different places."""
    options = parse(AssembleOptions, argv, "models assemble")
    given = {"cavp": options.cavp, "vae": options.vae, "vocoder": options.vocoder}
    parts = {name: folder for name, folder in given.items() if folder is not None}
    resolve(ASSEMBLER)(options.denoiser, parts, options.output)
    if options.json:
        say_json({"folder": str(options.output), "parts": sorted(parts)})
    else:
        say(str(options.output))
    return 0


ASSEMBLER = "seehear.tasks.generate.pack:assemble"
ACTIONS: dict[str, Callable[[list[str]], int]] = {
    "list": list_models,
    "show": show_model,
    "fetch": fetch_model,
    "verify": verify_models,
    "import": import_model,
    "assemble": assemble_model,
}
