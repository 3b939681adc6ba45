"""Measure the paper's network in the job against one window at a time: python -m benchmarks.spatialize

One window at a time is how the public code goes through a sound: a frame through ResNet-18 and 0.63 s through
the U-Net every 0.1 s. The job encodes every different frame once and takes sixteen windows together, through the
network as `faster` arranges it. Both read the same clip, which is made on the spot; weights are random.
Every figure comes from a process of its own; ways take turns and the quickest of each counts. Writes
benchmarks/SPATIALIZE.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.material import RATE, make_clip
from benchmarks.own_process import in_own_process
from benchmarks.peak import peak_mb
from benchmarks.run import has_bf16
from numpy.typing import NDArray

from seehear.checkpoint import Checkpoint
from seehear.dsp.segments import cut_segments
from seehear.dsp.window import WindowPlan
from seehear.media.read import FrameStream, SoundReport
from seehear.models.pseudobinaural import Mono2Binaural, paper_mono2binaural
from seehear.models.pseudobinaural.windows import (
    averaged,
    centre_times,
    differences,
    window_starts,
)
from seehear.runtime import Stopwatch, choose_runtime
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.pictures import Pictures
from seehear.tasks.source import SoundSource, open_source
from seehear.tasks.spatialize.difference import joined, load_difference
from seehear.tasks.spatialize.looking import Sight

Block = NDArray[np.float32]
PAGE = Path(__file__).parent / "SPATIALIZE.md"
WAYS = {"one window at a time": "plain", "job": "fp32", "job, bf16": "bf16"}


def network() -> Mono2Binaural:
    """The published size with random weights."""
    torch.manual_seed(0)
    return Mono2Binaural(paper_mono2binaural()).eval()


def blocks_of(source: SoundSource, report: SoundReport) -> Any:
    """Mono sound of the clip."""
    return mono_blocks(source.blocks(report), source.sample_rate, source.channel_names)


def one_by_one(source: SoundSource) -> tuple[Block, float, float]:
    """Difference of the ears at 16 kHz, wall and processor seconds of the networks."""
    model = network()
    config = model.config
    whole = WindowPlan(length=2**24, fade=0, margin=0)
    heard = cut_segments(
        blocks_of(source, SoundReport()), source.sample_rate, config.sample_rate, whole
    )
    waveform = next(iter(heard)).waveform
    assert waveform is not None, "nothing is skipped"
    mixture = 2 * torch.from_numpy(waveform)
    starts = window_starts(len(mixture), config)
    stream = FrameStream(source.path, (config.frame_width, config.frame_height))
    made = []
    computing = Watch()
    for start, moment in zip(starts, centre_times(starts, config), strict=True):
        # The published pictures were cut at 10 per second.
        frame = stream.at([int(moment * config.frame_rate + 1e-9) / config.frame_rate])
        window = mixture[start : start + config.num_samples]
        with computing, torch.inference_mode():
            made.append(differences(model, config, window[None], model.look(frame))[0].numpy())
    stream.close()
    joint = np.concatenate(list(averaged(starts, made, len(mixture))))
    return joint, float(computing.spent[0]), float(computing.spent[1])


class Watch:
    """Adds up wall and processor seconds spent inside."""

    def __init__(self) -> None:
        self.spent = np.zeros(2)
        self._began = np.zeros(2)

    def __enter__(self) -> None:
        self._began = np.array([time.perf_counter(), time.process_time()])

    def __exit__(self, *_: object) -> None:
        self.spent += np.array([time.perf_counter(), time.process_time()]) - self._began


def by_the_job(source: SoundSource, precision: str) -> tuple[Block, float, float]:
    """The same through the job's first pass; decoding does not count here either."""
    runtime = choose_runtime("cpu", "bf16" if precision == "bf16" else "fp32")
    checkpoint = Checkpoint(network(), "mono2binaural", "", {"id": "", "licence": ""})
    engine = load_difference(checkpoint, runtime)
    report, computing, decoding = SoundReport(), Watch(), Watch()
    pictures = Pictures(source, report, engine.frame_size)

    def frames_at(moments: list[float]) -> torch.Tensor:
        with decoding:
            return pictures.at(moments)

    sight = Sight(frames_at, engine.frame_rate, engine.encode, Stopwatch())
    mono = blocks_of(source, report)
    spans, made = [], []
    for segment in cut_segments(mono, source.sample_rate, engine.sample_rate, engine.plan):
        with computing:
            made += engine.run([segment], sight)
        spans.append(segment.span)
    pictures.close()
    joint = np.concatenate(list(joined(engine.plan, spans, iter(made))))
    wall_s, cpu_s = computing.spent - decoding.spent
    return joint, float(wall_s), float(cpu_s)


def stage(way: str, clip: Path, out: Path) -> None:
    """One measurement: prints its seconds, keeps its sound."""
    source = open_source(str(clip), 0)
    made, wall_s, cpu_s = one_by_one(source) if way == "plain" else by_the_job(source, way)
    np.save(out, made)
    print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb()}))


def measure(seconds: float, rounds: int) -> str:
    """All ways in turns, as a table."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    if not has_bf16():
        del found["job, bf16"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        make_clip(clip, seconds)
        for _ in range(rounds):
            for title in found:
                words = ["--way", WAYS[title], str(clip), str(folder / f"{WAYS[title]}.npy")]
                found[title].append(in_own_process("benchmarks.spatialize", words, title))
        sounds = {title: np.load(folder / f"{WAYS[title]}.npy") for title in found}
    best = {title: min(each, key=lambda row: row["wall_s"]) for title, each in found.items()}
    plain = best["one window at a time"]
    reference = sounds["one window at a time"]
    lines = [
        "| way | wall s per s of sound | CPU s per s | wall less | CPU less | largest difference / peak | SNR dB "
        "| peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for title, row in best.items():
        error = sounds[title][: len(reference)] - reference
        noise = float(np.square(error, dtype=np.float64).sum())
        power = float(np.square(reference, dtype=np.float64).sum())
        snr = f"{10 * np.log10(power / noise):.1f}" if noise else ""
        lines.append(
            f"| {title} | {row['wall_s'] / seconds:.3f} | {row['cpu_s'] / seconds:.3f} | "
            f"{plain['wall_s'] / row['wall_s']:.2f} | {plain['cpu_s'] / row['cpu_s']:.2f} | "
            f"{np.abs(error).max() / np.abs(reference).max():.1e} | {snr} | "
            f"{row['peak_mb']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", nargs=3, metavar=("WAY", "CLIP", "OUT"))
    arguments = parser.parse_args()
    if arguments.way:
        way, clip, out = arguments.way
        stage(way, Path(clip), Path(out))
        return
    text = measure(arguments.seconds, arguments.rounds)
    PAGE.write_text(
        "# Mono2Binaural in the job\n\n"
        "Written by `python -m benchmarks.spatialize`: the published network with random weights on "
        f"{arguments.seconds:g} s of video at {RATE} Hz, windows of 0.63 s every 0.1 s, networks only "
        f"(without decoding and rendering); {torch.get_num_threads()} threads, torch "
        f"{torch.__version__}, the quickest of {arguments.rounds}.\n\n{text}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
