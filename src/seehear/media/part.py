"""The folder of an unfinished output: `OUT.seehear-part/` beside OUT.

It holds the lock, the fingerprint of the job, one float32 file per finished window, and the output
while it is being written. A finished run publishes output and receipt under their final names and
removes the folder; an error removes it too; an interruption leaves it for `--resume`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.errors import Cancelled, OutputError, UsageError

Window = NDArray[np.float32]

SUFFIX = ".seehear-part"
RECEIPT_SUFFIX = ".seehear.json"


def receipt_path(output: Path) -> Path:
    """Where the receipt of an output lies."""
    return output.with_name(output.name + RECEIPT_SUFFIX)


def check_output(source: Path, output: Path, force: bool) -> None:
    """Refuse an output name that cannot or must not be written.

    Raises:
        UsageError: the output is the input.
        OutputError: it exists and may not be overwritten, or its folder does not exist.
    """
    if output.exists() and source.exists() and output.samefile(source):
        raise UsageError("the output is the input itself; choose another name")
    if not output.parent.is_dir():
        raise OutputError(f"the folder {str(output.parent)!r} does not exist; make it first")
    if output.is_dir():
        raise OutputError(f"{str(output)!r} is a folder; name a file")
    if output.exists() and not force:
        raise OutputError(f"{str(output)!r} exists already; add --force to overwrite it")


class PartFolder:
    """An unfinished output that this process owns.

    Args:
        output: final name.
        folder: `OUT.seehear-part`.
        force: whether an existing output may be replaced.
    """

    def __init__(self, output: Path, force: bool) -> None:
        self.output = output
        self.folder = output.with_name(output.name + SUFFIX)
        self._force = force
        self._lock = -1

    @property
    def media(self) -> Path:
        """The output while it is written."""
        return self.folder / f"output{self.output.suffix}"

    def has(self, index: int) -> bool:
        """Whether a window is finished."""
        return self._window(index).is_file()

    def store(self, index: int, window: Window) -> None:
        """Keep a finished window; it appears complete or not at all."""
        part = self.folder / "window.tmp"
        with said_plainly(self.output):
            with part.open("wb") as stream:
                np.save(stream, window, allow_pickle=False)
            part.replace(self._window(index))

    def load(self, index: int) -> Window:
        """Read a finished window."""
        window: Window = np.load(self._window(index), allow_pickle=False)
        return window

    def note(self, name: str, value: dict[str, Any]) -> None:
        """Keep a JSON-ready fact about the job; it appears complete or not at all."""
        part = self.folder / "note.tmp"
        with said_plainly(self.output):
            part.write_text(json.dumps(value), encoding="utf-8")
            part.replace(self.folder / f"{name}.json")

    def noted(self, name: str) -> dict[str, Any] | None:
        """Read such a fact, None if it was never noted."""
        path = self.folder / f"{name}.json"
        if not path.is_file():
            return None
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return value

    def _window(self, index: int) -> Path:
        return self.folder / f"window-{index:06d}.npy"

    def claim(self, fingerprint: dict[str, Any], resume: bool) -> None:
        """Take the name: lock it against other runs, then keep or drop what an earlier run left.

        Args:
            fingerprint: JSON-ready identity of the job; windows are reused only if it is equal.
            resume: keep finished windows.

        Raises:
            OutputError: another run holds the name, the folder cannot be written, or `resume`
                meets the state of a different job.
        """
        with said_plainly(self.output):
            self._lock = self._take_lock()
        plan = self.folder / "job.json"
        if resume and plan.is_file():
            if json.loads(plan.read_text(encoding="utf-8")) != fingerprint:
                self.release()
                raise OutputError(
                    f"the interrupted run of {str(self.output)!r} had another input, model or "
                    "options; run without --resume to start afresh"
                )
            return
        with said_plainly(self.output):
            for old in self.folder.iterdir():
                if old.name != "lock":
                    old.unlink()
            part = self.folder / "job.tmp"
            part.write_text(json.dumps(fingerprint), encoding="utf-8")
            part.replace(plan)

    def _take_lock(self) -> int:
        path = self.folder / "lock"
        while True:
            self.folder.mkdir(exist_ok=True)
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:
                continue  # its owner finished between the two calls
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(handle)
                raise OutputError(
                    f"another run is writing {str(self.output)!r} right now; wait for it or choose "
                    "another name"
                ) from error
            try:
                if os.fstat(handle).st_ino == path.stat().st_ino:
                    return handle
            except FileNotFoundError:
                pass  # the lock was taken on a file that its owner has just removed
            os.close(handle)

    def publish(self, receipt: dict[str, Any]) -> None:
        """Give output and receipt their final names, then remove the folder.

        Raises:
            OutputError: the output appeared meanwhile and may not be overwritten.
        """
        text = json.dumps(receipt, indent=1, ensure_ascii=False) + "\n"
        draft = self.folder / "receipt.json"
        with said_plainly(self.output):
            draft.write_text(text, encoding="utf-8")
            with _undisturbed():
                if self._force:
                    self.media.replace(self.output)
                else:
                    self._link()
                draft.replace(receipt_path(self.output))
                self.remove()

    def _link(self) -> None:
        """Rename that fails if the name is taken."""
        try:
            os.link(self.media, self.output)
        except FileExistsError as error:
            raise OutputError(
                f"{str(self.output)!r} appeared while it was being made; add --force to overwrite it"
            ) from error
        except OSError:
            # A file system without hard links; the lock still keeps other runs of ours away.
            if self.output.exists():
                raise
            self.media.replace(self.output)

    def remove(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Give up the lock but leave the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def finish_published(output: Path) -> dict[str, Any] | None:
    """Complete a run that was killed between giving the output and the receipt their names.

    Returns:
        The receipt, or None if there is nothing of the kind.
    """
    part = PartFolder(output, force=False)
    draft = part.folder / "receipt.json"
    if not (output.is_file() and draft.is_file()):
        return None
    if part.media.exists() and not part.media.samefile(output):
        return None
    receipt: dict[str, Any] = json.loads(draft.read_text(encoding="utf-8"))
    with said_plainly(output):
        draft.replace(receipt_path(output))
    part.remove()
    return receipt


@contextlib.contextmanager
def claimed(
    output: Path, fingerprint: dict[str, Any], force: bool, resume: bool
) -> Iterator[PartFolder]:
    """Own an output while working on it: kept on interruption, removed on any error.

    Raises:
        OutputError: see `PartFolder.claim`.
    """
    part = PartFolder(output, force)
    part.claim(fingerprint, resume)
    try:
        if output.exists() and not force:  # finished by another run while we waited for nothing
            raise OutputError(f"{str(output)!r} exists already; add --force to overwrite it")
        yield part
    except (Cancelled, KeyboardInterrupt):
        part.release()
        raise
    except BaseException:
        part.remove()
        raise


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM, so that output and receipt appear both or not at all."""
    signals = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def said_plainly(output: Path) -> Iterator[None]:
    """Turn errors of the file system into one sentence about an output."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {str(output)!r}: {error.strerror}") from error
