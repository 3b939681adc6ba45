"""`seehear evaluate spatialize` on recordings of two ears: the published protocol and what a listener goes by.

The manifest is one of `seehear.data.binaural_clips`. Every recording of the test split is cut into pieces of
ten seconds, summed to mono, given back its two ears by the network, and compared with what was recorded.
Methods: `mono` gives both ears the same; `model` is the network; `swapped` is the network with its ears
exchanged, which a network that looks cannot afford.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear import registry
from seehear.config import to_dict
from seehear.data.binaural_clips import BinauralClip, read_clips
from seehear.dsp.resample import resample
from seehear.errors import InputError, ModelError
from seehear.media.read import FrameStream, read_audio
from seehear.metrics.report import RecordingBootstrap, write_table, write_text
from seehear.metrics.spatial import score
from seehear.models.pseudobinaural import Mono2Binaural
from seehear.models.pseudobinaural.fast import Listener, faster
from seehear.models.pseudobinaural.windows import centre_times, spatialised, window_starts
from seehear.runtime import versions
from seehear.tasks.spatialize.evaluate_options import EvaluateOptions

PIECE_S = 10.0
SHORTEST_S = 0.1
SPLIT = "test"
METHODS = ("mono", "model", "swapped")
SHOWN = ("stft_peak", "env_peak", "mag_peak", "d_phase_peak", "snr_db_peak", "stft", "env")
LISTENED = ("stft_matched", "ild_error_db", "itd_error_us", "side_agrees")
Record = dict[str, Any]
Progress = Callable[[int, int, str], None]


def is_of_recordings(manifest: Path) -> bool:
    """Whether a manifest lists videos with two ears, not simulated pairs."""
    try:
        with manifest.open(encoding="utf-8") as stream:
            first = json.loads(next((line for line in stream if line.strip()), "{}"))
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and "path" in first and "sources" not in first


def evaluate_recordings(
    options: EvaluateOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Score a network; write recordings.csv, recordings.jsonl, summary.json, summary.md.

    Args:
        options: what to score and where to write.
        progress: called with (recordings done, all, note).

    Returns:
        The headline: `output` (the folder), number of pieces, STFT and ENV by method.

    Raises:
        InputError: the manifest or a file it names is wrong, or it has no test split.
        ModelError: the model is no Mono2Binaural or APNet.
    """
    loaded = registry.load(options.model, "spatialize")
    if not isinstance(loaded.module, Mono2Binaural):
        raise ModelError(
            f"{options.model} is a {loaded.name}; recordings of two ears score mono2binaural or apnet, "
            f"bearings are scored on the pairs of 'prepare pseudo-pairs'"
        )
    network = faster(loaded.module.eval())
    clips = [clip for clip in read_clips(options.manifest) if clip.split == SPLIT]
    clips = clips[: options.limit] if options.limit else clips
    if not clips:
        raise InputError(f"{options.manifest} has no recordings of the split {SPLIT!r}")
    records: list[Record] = []
    for index, clip in enumerate(clips):
        if progress is not None:
            progress(index, len(clips), f"scoring {clip.id}")
        records += score_clip(options.manifest.parent, clip, network)
    summary: dict[str, Any] = {
        "options": to_dict(options),
        "manifest": {"path": str(options.manifest), "sha256": _digest(clips)},
        "model": {"id": loaded.meta.get("id", options.model), "sha256": loaded.sha256},
        "versions": versions(),
        "recordings": len({clip.recording for clip in clips}),
        "pieces": len(records) // len(METHODS),
        "methods": {method: _figures(records, method, options.seed) for method in METHODS},
    }
    write_table(options.output / "recordings", records)
    write_text(options.output / "summary.md", page(summary))
    # Last, because its presence says that the evaluation is complete.
    write_text(options.output / "summary.json", json.dumps(summary, indent=1) + "\n")
    headline = {n: {m: f[n]["value"] for m, f in summary["methods"].items()} for n in SHOWN[:2]}
    return {"output": str(options.output), "pieces": summary["pieces"], **headline}


def score_clip(folder: Path, clip: BinauralClip, network: Listener) -> list[Record]:
    """All methods on all pieces of one recording.

    Args:
        folder: of the manifest.
        clip: the recording.
        network: Mono2Binaural or APNet.

    Raises:
        InputError: unreadable, or not of two channels.
    """
    records: list[Record] = []
    rate = network.config.sample_rate
    for number, (start_s, truth) in enumerate(_pieces(folder, clip, rate)):
        mixture = truth.sum(dim=0)
        made = _both_ears(folder / clip.path, start_s, mixture, network)
        mono = (mixture / 2).expand(2, -1)
        for method, estimate in zip(METHODS, (mono, made, made.flip(0)), strict=True):
            facts = {"id": clip.id, "recording": clip.recording, "piece": number, "method": method}
            records.append({**facts, **score(estimate[None], truth[None], rate)[0]})
    return records


def _pieces(folder: Path, clip: BinauralClip, rate: int) -> Iterator[tuple[float, Tensor]]:
    """Where each piece begins in the video, and both ears there."""
    path = folder / (clip.sound or clip.path)
    audio = read_audio(path, clip.start_s, clip.duration_s)
    if audio.waveform.shape[0] != 2:
        raise InputError(
            f"{path} has {audio.waveform.shape[0]} channels; a recording of two ears has two"
        )
    ears = resample(audio.waveform, audio.sample_rate, rate)
    for number, piece in enumerate(torch.split(ears, round(PIECE_S * rate), dim=1)):
        if piece.shape[1] >= SHORTEST_S * rate:
            yield clip.start_s + number * PIECE_S, piece


def _both_ears(path: Path, start_s: float, mixture: Tensor, network: Listener) -> Tensor:
    """Sum [T] -> [2, T], with the pictures on the screen at the windows' centres."""
    config = network.config
    starts = window_starts(len(mixture), config)
    shown = [int(t * config.frame_rate + 1e-9) for t in centre_times(starts, config)]
    distinct = sorted(set(shown))
    stream = FrameStream(path, (config.frame_width, config.frame_height))
    frames = stream.at([start_s + number / config.frame_rate for number in distinct])
    stream.close()
    which = [distinct.index(number) for number in shown]
    with torch.inference_mode():
        return spatialised(network, config, mixture, network.look(frames), which).clone()


def _figures(records: Sequence[Record], method: str, seed: int) -> dict[str, Any]:
    """Means with intervals drawn over recordings."""
    own = [record for record in records if record["method"] == method]
    bootstrap = RecordingBootstrap([{"recording": (r["recording"],)} for r in own], seed=seed)
    found = {}
    for name in (*SHOWN, *LISTENED):
        interval = bootstrap.mean([r[name] for r in own])
        found[name] = {"value": interval.value, "low": interval.low, "high": interval.high}
    return found


def page(summary: dict[str, Any]) -> str:
    """A page for people."""
    names = (*SHOWN, *LISTENED)
    lines = [
        f"# {summary['model']['id']} on {summary['pieces']} pieces of {summary['recordings']} recordings",
        "",
        "Means over pieces of up to ten seconds at 16 kHz; `_peak`: files scaled to their peaks, as in "
        "PseudoBinaural's tables; `_matched`: the estimate at its best level. Lower is better but for "
        "`snr_db` and `side_agrees`. In brackets 95 % of draws over recordings.",
        "",
        "| method | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for method, figures in summary["methods"].items():
        cells = [
            f"{figures[n]['value']:.3f} ({figures[n]['low']:.3f} to {figures[n]['high']:.3f})"
            for n in names
        ]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _digest(clips: Sequence[BinauralClip]) -> str:
    lines = (json.dumps(to_dict(clip), sort_keys=True) for clip in clips)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
