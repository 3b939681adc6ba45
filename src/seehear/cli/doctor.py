"""`seehear doctor`: whether this machine is ready, and what is slow or missing if it is not."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

from seehear import registry
from seehear.cli.models import state_of
from seehear.cli.output import say, say_json, warn
from seehear.cli.parsing import parse
from seehear.errors import SeehearError
from seehear.tasks import TASKS, resolve

# Containers need these: mp4/mov, mkv and flac, webm, and the commonest codecs of sources.
NEEDED_ENCODERS = ("aac", "flac", "libopus", "pcm_s16le")
USEFUL_ENCODERS = ("alac", "ac3", "eac3", "libmp3lame", "vorbis", "mp2")
LOW_DISK_BYTES = 2 * 10**9


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Say whether this machine is ready.

    Args:
        json: print one JSON object on stdout.
        debug: show a traceback when something fails.
    """

    json: bool = False
    debug: bool = False


def run(verb: str, argv: list[str]) -> int:
    """Examine, show, and exit 3 if something needs attention."""
    options = parse(DoctorOptions, argv, verb)
    facts, complaints = examine()
    if options.json:
        say_json({**facts, "warnings": complaints})
    else:
        for title, entries in facts.items():
            say(title)
            for key, value in entries.items():
                say(f"  {key}: {value}")
        if not complaints:
            say("ready")
    for sentence in complaints:
        warn(sentence)
    return 3 if complaints else 0


def examine() -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Facts by heading, and sentences about what needs attention."""
    complaints: list[str] = []
    facts = {
        "versions": library_versions(),
        "machine": machine(),
        "encoders": encoders(complaints),
        "models": models(complaints),
        "free disk": free_disk(complaints),
    }
    return facts, complaints


def library_versions() -> dict[str, str]:
    """Versions that results depend on, with those of FFmpeg's libraries inside PyAV."""
    import av

    from seehear.runtime import versions

    inner = {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}
    return {**versions(), **inner}


def machine() -> dict[str, Any]:
    """Processor, threads, devices, and whether bf16 runs in hardware."""
    import torch

    facts: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "torch threads": torch.get_num_threads(),
        "vector unit": torch.backends.cpu.get_cpu_capability(),
        "bf16 on the CPU": bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()),
    }
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for index in range(count):
        facts[f"cuda:{index}"] = torch.cuda.get_device_name(index)
    facts["--device auto"] = "cuda" if count else "cpu"
    if count:
        facts["bf16 on the GPU"] = torch.cuda.is_bf16_supported()
    return facts


def encoders(complaints: list[str]) -> dict[str, str]:
    """Which sound encoders FFmpeg's libraries have here."""
    import av
    from av.error import FFmpegError

    found = {}
    for name in (*NEEDED_ENCODERS, *USEFUL_ENCODERS):
        try:
            av.Codec(name, "w")
        except (FFmpegError, ValueError):
            found[name] = "missing"
        else:
            found[name] = "available"
    lacking = [name for name in NEEDED_ENCODERS if found[name] == "missing"]
    if lacking:
        complaints.append(
            f"PyAV was built without the encoders {', '.join(lacking)}; install its usual wheel"
        )
    return found


def models(complaints: list[str]) -> dict[str, str]:
    """State of every model and encoder; files that are here are hashed again."""
    found = {row.id: state_of(row) for row in registry.rows().values()}
    here = {name: name for name, state in found.items() if state in ("built in", "fetched")}
    known = {row.builtin for row in registry.rows().values()}
    for config in sorted(registry.PACKAGE.glob("weights/*/config.json")):
        name = f"weights/{config.parent.name}"
        if name not in known:  # encoders are not chosen by --model, so they have no row
            found[name], here[name] = "built in", str(config.parent)
    for name, where in here.items():
        try:
            registry.verify(where)
        except SeehearError as error:
            found[name] = "damaged"
            complaints.append(str(error))
        else:
            found[name] += ", hash is right"
    for task in TASKS.values():
        default = resolve(task.job.options).__dataclass_fields__["model"].default
        if found.get(default) == "missing":
            complaints.append(
                f"{default}, the default model of {task.name}, is not part of this installation; "
                f"install the package again or name another with --model"
            )
    return {**found, **hub_models()}


def hub_models() -> dict[str, str]:
    """Encoders and classifiers that lie in the hub's cache on this machine."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cached = scan_cache_dir().repos
    except CacheNotFound:
        return {}
    return {
        repo.repo_id: f"in the hub's cache, {repo.size_on_disk / 1e6:.0f} MB"
        for repo in sorted(cached, key=lambda repo: str(repo.repo_id))
    }


def free_disk(complaints: list[str]) -> dict[str, str]:
    """Room where results, temporary files and fetched models go."""
    places = {
        "here": Path.cwd(),
        "temporary files": Path(tempfile.gettempdir()),
        "model cache": registry.cache_folder(),
    }
    found = {}
    for name, place in places.items():
        there = next(folder for folder in (place, *place.parents) if folder.is_dir())
        free = shutil.disk_usage(there).free
        found[name] = f"{free / 1e9:.1f} GB in {place}"
        if free < LOW_DISK_BYTES:
            complaints.append(f"only {free / 1e9:.1f} GB are free in {place}; long files need more")
    return found
