"""How long a highlight model takes for a clip in memory, and which part of it takes the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from seehear.features.captions import Caption
from seehear.tasks.highlight.highlighter import Highlighter
from seehear.types import Clip

TIMED_CLIPS = 10
"""Clips that are timed, after one that warms everything up."""

WHOLE = "whole clip in memory"
NETWORK = "network"
FRAMES = "frame encoder"
CAPTIONS = "caption encoder"


def measure_times(
    highlighter: Highlighter, clips: Sequence[tuple[Clip, Sequence[Caption]]]
) -> dict[str, Any]:
    """Run a few clips and time them; decoding files is not part of it.

    Args:
        highlighter: the model.
        clips: clips with their captions; the first is run but not counted, unless it is alone.

    Returns:
        JSON-ready: `device, threads, precision, clips, audio_s` (mean length) and `stages`: name ->
        `mean_s, max_s` per clip and `real_time_factor` (seconds of sound per second).
    """
    seconds: dict[str, float] = {}
    timed, unhook = _timed(highlighter, seconds)
    runs: list[dict[str, float]] = []
    lengths: list[float] = []
    for clip, captions in clips:
        seconds.clear()
        begin = _now(highlighter)
        timed.run(clip, captions)
        seconds[WHOLE] = _now(highlighter) - begin
        runs.append(dict(seconds))
        lengths.append(clip.audio.duration_s if clip.audio else 0.0)
    unhook()
    counted = slice(1, None) if len(runs) > 1 else slice(None)
    mean_audio_s = sum(lengths[counted]) / len(lengths[counted])
    low = highlighter.runtime.autocast_dtype
    return {
        "device": str(highlighter.runtime.device),
        "threads": torch.get_num_threads(),
        "precision": "fp32" if low is None else str(low).removeprefix("torch."),
        "clips": len(runs[counted]),
        "audio_s": mean_audio_s,
        "stages": {
            name: _stage([run.get(name, 0.0) for run in runs[counted]], mean_audio_s)
            for name in (FRAMES, CAPTIONS, NETWORK, WHOLE)
            if any(name in run for run in runs)
        },
    }


def _stage(seconds: Sequence[float], audio_s: float) -> dict[str, float]:
    mean = sum(seconds) / len(seconds)
    return {"mean_s": mean, "max_s": max(seconds), "real_time_factor": audio_s / max(mean, 1e-9)}


def _timed(
    highlighter: Highlighter, seconds: dict[str, float]
) -> tuple[Highlighter, Callable[[], None]]:
    """The same model with stop watches on its encoders and its network."""

    def watch(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            begin = _now(highlighter)
            value = function(*args)
            seconds[name] = seconds.get(name, 0.0) + _now(highlighter) - begin
            return value

        return watched

    frames, words = highlighter.frame_encoder, highlighter.caption_encoder
    if frames is not None:
        frames = replace(frames, encode=watch(FRAMES, frames.encode))
    if words is not None:
        words = replace(words, encode=watch(CAPTIONS, words.encode))
    module = highlighter.checkpoint.module
    plain = module.forward
    module.forward = watch(NETWORK, plain)

    def unhook() -> None:
        module.forward = plain

    return replace(highlighter, frame_encoder=frames, caption_encoder=words), unhook


def _now(highlighter: Highlighter) -> float:
    if highlighter.runtime.device.type == "cuda":
        torch.cuda.synchronize(highlighter.runtime.device)
    return time.perf_counter()
