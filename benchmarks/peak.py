"""Run `seehear` and note its peak memory: python -m benchmarks.peak NOTE ARGUMENT...

The kernel's highest resident size of this very program is read at its end. What `getrusage` reports is
no use here: a new process inherits the peak of the one that started it.
"""

from __future__ import annotations

import sys
from pathlib import Path


def peak_mb() -> float:
    """Highest resident size of this process since it began, MB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024


def main() -> None:
    """Command line."""
    from seehear.cli.main import main as run_seehear

    code = run_seehear(sys.argv[2:])
    Path(sys.argv[1]).write_text(str(peak_mb()), encoding="ascii")
    sys.exit(code)


if __name__ == "__main__":
    main()
