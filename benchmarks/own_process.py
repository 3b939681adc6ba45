"""Run one measurement in a process of its own, so that memory and threads of others do not count."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def in_own_process(
    module: str, words: Sequence[str], what: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `python -m module words` prints on its last line, a JSON object.

    Args:
        module: program that measures.
        words: its arguments.
        what: is measured, for the sentence when it fails.
        environment: variables; None for those of this process.

    Raises:
        SystemExit: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr}")
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts
