"""The baseline: our own models run plainly. fp32, one window at a time, nothing shared, all in memory.

Same windows, same weights, same cross-fades as the real job, so the result is the same sound; what is
missing is what the job does to be quick and small: each window decodes and looks at its own frames
again, the whole file lies in memory, the network is called as it was written.

    python -m benchmarks.plain INPUT OUT.wav --model ID
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from seehear.dsp.segments import cut_segments
from seehear.media.read import read_audio, read_frames
from seehear.runtime import choose_runtime
from seehear.tasks.channels import channel_names_of
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.highlight.highlighter import Highlighter, WindowContext, load_highlighter
from seehear.tasks.highlight.render import make_renderer

Wave = NDArray[np.float32]


def plain_highlight(path: Path, highlighter: Highlighter) -> tuple[Wave, int, dict[str, float]]:
    """Rebalance a whole file in memory.

    Args:
        path: input.
        highlighter: the model, fp32 on the CPU.

    Returns:
        New sound [C, T], its rate, and the seconds spent in `decode, features, network, render`.
    """
    seconds = dict.fromkeys(("decode", "features", "network", "render"), 0.0)

    def timed(stage: str, function: Any, *arguments: Any) -> Any:
        begin = time.perf_counter()
        value = function(*arguments)
        seconds[stage] += time.perf_counter() - begin
        return value

    # The network as its paper has it, not arranged for this processor.
    highlighter = replace(highlighter, forward=highlighter.checkpoint.module)
    audio = timed("decode", read_audio, path)
    names = channel_names_of(audio.num_channels)
    samples = audio.waveform.numpy()
    joined = np.concatenate(list(mono_blocks([samples], audio.sample_rate, names)), axis=1)
    segments = list(
        cut_segments([joined], audio.sample_rate, highlighter.sample_rate, highlighter.plan)
    )
    results = []
    for segment in segments:
        context = WindowContext(frames=look(path, highlighter, segment.span, timed))
        results.append(timed("network", run_plainly, highlighter, segment.waveform, context))
    spans = [segment.span for segment in segments]
    renderer = make_renderer(highlighter, spans, results, audio.sample_rate, names, 1.0)

    def render() -> Wave:
        return np.concatenate([renderer.push(samples), renderer.finish()], axis=1)

    return timed("render", render), audio.sample_rate, seconds


def look(path: Path, highlighter: Highlighter, span: tuple[int, int], timed: Any) -> Any:
    """Frames of one window, decoded and encoded for this window alone."""
    encoder = highlighter.frame_encoder
    if encoder is None:
        return None
    rate = highlighter.config.frame_rate
    numbers = highlighter.frame_numbers(span)
    begin, count = numbers[0] / rate, len(numbers)
    video = timed("decode", read_frames, path, rate, encoder.frame_size, begin, count / rate)
    values = timed("features", encoder.encode, video.frames[:count])
    times = torch.tensor([k / rate - span[0] / highlighter.sample_rate for k in numbers])
    return values, times[: len(values)]


def run_plainly(highlighter: Highlighter, window: Wave, context: WindowContext) -> Wave:
    """One forward pass for one window."""
    return highlighter.run_windows([window], [context])[0]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="highlight/starter")
    parser.add_argument("--context", default="frames", choices=("frames", "none"))
    arguments = parser.parse_args()
    runtime = choose_runtime("cpu", "fp32")
    highlighter = load_highlighter(arguments.model, runtime, arguments.context)
    sound, rate, seconds = plain_highlight(arguments.input, highlighter)
    soundfile.write(arguments.output, sound.T, rate, subtype="FLOAT")
    print(", ".join(f"{stage} {spent:.2f} s" for stage, spent in seconds.items()))


if __name__ == "__main__":
    main()
