"""Importing is free: no torch for the command line, no files, no network, no random state touched."""

from __future__ import annotations

import subprocess
import sys

from tests.repo.source import ROOT, modules

WITHOUT_TORCH = [
    "seehear",
    "seehear.errors",
    "seehear.config",
    "seehear.models",
    "seehear.registry",
    "seehear.tasks",
    "seehear.tasks.options",
    "seehear.tasks.highlight.config",
    "seehear.tasks.separate.config",
    *sorted(name for name in modules() if name.startswith("seehear.cli")),
]
HEAVY = ("torch", "scipy", "transformers", "accelerate", "matplotlib", "av")

# Runs in a fresh interpreter. An audit hook sees every file opened for writing, every socket and
# every child process, whoever opens them.
WATCH = """
import importlib, random, sys

import numpy as np
import torch

sys.dont_write_bytecode = True
events = []

def hook(event, args):
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        events.append(f"opened {args[0]} for writing")
    elif event.startswith(("socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename")):
        events.append(f"{event} {args}")

def state():
    from seehear import errors
    return (
        random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist(),
        torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(),
    )

before = state()
import logging
handlers = list(logging.root.handlers)
sys.addaudithook(hook)
for name in sys.argv[1:]:
    importlib.import_module(name)
    if events:
        sys.exit(f"{name}: {events[0]}")
    if state() != before:
        sys.exit(f"{name} changed random state, default dtype, threads or gradient mode")
    if logging.root.handlers != handlers:
        sys.exit(f"{name} installed a log handler")
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_command_line_does_not_import_torch() -> None:
    code = f"""
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    heavy = [h for h in {HEAVY!r} if h in sys.modules]
    if heavy:
        sys.exit(f"{{name}} imports {{heavy[0]}}")
"""
    done = run(code, *WITHOUT_TORCH)
    assert done.returncode == 0, done.stderr


def test_importing_every_module_touches_nothing() -> None:
    done = run(WATCH, *modules())
    assert done.returncode == 0, done.stderr


def test_core_imports_without_optional_packages() -> None:
    code = """
import importlib, sys
for extra in ("transformers", "accelerate", "matplotlib", "webdataset", "ray", "tensorboard"):
    sys.modules[extra] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
    done = run(code, *modules())
    assert done.returncode == 0, done.stderr[-500:]
