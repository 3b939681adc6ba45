"""Run somebody else's separator on a file: a command line, or a Python function.

Either gets the path of a WAV file and of an empty folder, and writes `speech`, `music` and `effects`
(wav or flac) somewhere below that folder, of the input's length. Nothing is shipped or fetched here.
"""

from __future__ import annotations

import importlib
import shlex
import subprocess
from pathlib import Path

import torch
from torch import Tensor

from seehear.data.muddy import STEMS
from seehear.dsp.resample import resample
from seehear.errors import InputError, UsageError
from seehear.media.read import read_audio

SUFFIXES = (".wav", ".flac")
LENGTH_TOLERANCE_S = 0.1


def run_separator(separator: str, source: Path, folder: Path) -> None:
    """Call the separator.

    Args:
        separator: command with `{input}` and `{output_dir}`, or `package.module:function`.
        source: sound to take apart.
        folder: empty folder to write to.

    Raises:
        UsageError: the command or the function does not exist.
        InputError: it failed on this input.
    """
    if "{input}" in separator:
        _run_command(separator, source, folder)
    else:
        _call_function(separator, source, folder)


def _run_command(template: str, source: Path, folder: Path) -> None:
    # Split before filling in, so that a name with blanks stays one argument; no shell is involved.
    command = [
        word.replace("{input}", str(source)).replace("{output_dir}", str(folder))
        for word in shlex.split(template)
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise UsageError(f"cannot run the separator {command[0]!r}: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise InputError(f"the separator failed with code {done.returncode}: {said}")


def _call_function(name: str, source: Path, folder: Path) -> None:
    module, _, function = name.partition(":")
    try:
        separate = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"cannot import the separator {name!r} ({error}); is its folder on PYTHONPATH?"
        ) from error
    try:
        separate(source, folder)
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"the separator failed: {error}") from error


def read_separated(folder: Path, num_samples: int, sample_rate: int, num_channels: int) -> Tensor:
    """Read what a separator wrote.

    Args:
        folder: where it wrote.
        num_samples: length of the mix.
        sample_rate: of the mix, Hz; stems at another rate are resampled.
        num_channels: of the mix; mono stems are copied to all channels, others averaged to mono
            where the mix is.

    Returns:
        float32 [3, C, T] in the order speech, music, effects.

    Raises:
        InputError: a stem is missing, ambiguous, or of another length than the mix.
    """
    stems = []
    for name in STEMS:
        found = sorted(p for p in folder.rglob(f"{name}.*") if p.suffix.lower() in SUFFIXES)
        if len(found) != 1:
            raise InputError(
                f"the separator should write one {name}.wav or {name}.flac, found {len(found)}"
            )
        audio = read_audio(found[0])
        waveform = resample(audio.waveform, audio.sample_rate, sample_rate)
        surplus = waveform.shape[1] - num_samples
        if abs(surplus) > LENGTH_TOLERANCE_S * sample_rate:
            raise InputError(
                f"the separator made {name} {surplus / sample_rate:+.2f} s longer than the mix"
            )
        waveform = torch.nn.functional.pad(waveform, (0, max(-surplus, 0)))[:, :num_samples]
        stems.append(fit_channels(waveform, num_channels))
    return torch.stack(stems)


def fit_channels(waveform: Tensor, num_channels: int) -> Tensor:
    """Bring sound [C, T] to a number of channels: average to one, or copy one to all.

    Raises:
        InputError: neither is possible.
    """
    if waveform.shape[0] == num_channels:
        return waveform
    if num_channels == 1:
        return waveform.mean(0, keepdim=True)
    if waveform.shape[0] == 1:
        return waveform.expand(num_channels, -1)
    raise InputError(
        f"expected sound of {num_channels} channels, got {waveform.shape[0]}; use --channels mono"
    )


def fold_residual(stems: Tensor, mix: Tensor) -> Tensor:
    """Add what no stem claims to the effects, so that the stems sum to the mix.

    Args:
        stems: float [3, C, T].
        mix: float [C, T].

    Returns:
        float [3, C, T], computed in float64 and rounded once.
    """
    exact = stems.double()
    residual = mix.double() - exact.sum(0)
    exact[2] += residual
    return exact.to(stems.dtype)
