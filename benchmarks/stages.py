"""One measurement in a process of its own: python -m benchmarks.stages WHAT CLIP --model ID

Prints one JSON object: wall and processor seconds, and peak memory of the process in MB (which begins
at what Python and torch take, see `idle`). `benchmarks/run.py` calls it and writes the tables.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from benchmarks.peak import peak_mb
from benchmarks.plain import plain_highlight
from numpy.typing import NDArray

from seehear.media.read import FrameStream, SoundReport
from seehear.runtime import Stopwatch, choose_runtime
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.highlight.highlighter import Highlighter, WindowContext, load_highlighter
from seehear.tasks.highlight.render import make_renderer
from seehear.tasks.output import write_output
from seehear.tasks.progress import silent
from seehear.tasks.source import SoundSource, open_source

Block = NDArray[np.float32]
Facts = dict[str, Any]


class PassThrough:
    """A renderer that changes nothing: what is left is decoding, encoding and copying."""

    def push(self, block: Block) -> Block:
        """The same block."""
        return block

    def finish(self) -> Block:
        """Nothing was held."""
        return np.zeros((2, 0), np.float32)


def spans_of(source: SoundSource, highlighter: Highlighter) -> list[tuple[int, int]]:
    """Windows of the whole clip."""
    samples = round(source.expected_samples() * highlighter.sample_rate / source.sample_rate)
    return highlighter.plan.spans(samples)


def frame_count(source: SoundSource, highlighter: Highlighter) -> int:
    """Context frames of the whole clip."""
    return int(source.expected_samples() / source.sample_rate * highlighter.config.frame_rate)


def decode(source: SoundSource, highlighter: Highlighter) -> Callable[[], None]:
    """Sound of all channels to mono blocks, and the frames that the encoder will see."""
    size = highlighter.frame_encoder.frame_size if highlighter.frame_encoder else 64

    def work() -> None:
        for _ in mono_blocks(
            source.blocks(SoundReport()), source.sample_rate, source.channel_names
        ):
            pass
        stream = FrameStream(source.path, (size, size))
        for number in range(frame_count(source, highlighter)):
            stream.at([number / highlighter.config.frame_rate])
        stream.close()

    return work


def features(source: SoundSource, highlighter: Highlighter) -> Callable[[], None]:
    """Frames of the size wanted -> features."""
    encoder = highlighter.frame_encoder
    assert encoder is not None, "both presets look at frames"
    size = encoder.frame_size
    count = frame_count(source, highlighter)
    frames = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
    encoder.encode(frames[:1])

    def work() -> None:
        for first in range(0, count, 10):
            encoder.encode(frames[first : first + 10])

    return work


def windows(source: SoundSource, highlighter: Highlighter) -> Iterator[tuple[Block, WindowContext]]:
    """Random sound and features in the shape of every window."""
    rng = np.random.default_rng(0)
    for span in spans_of(source, highlighter):
        count = len(highlighter.frame_numbers(span))
        values = torch.from_numpy(rng.standard_normal((count, highlighter.config.frame_dim)))
        sound = 0.1 * rng.standard_normal(span[1] - span[0])
        yield (
            sound.astype(np.float32),
            WindowContext((values.float(), torch.arange(count).float())),
        )


def network(source: SoundSource, highlighter: Highlighter) -> Callable[[], None]:
    """Every window through the network, after one to warm up."""
    prepared = list(windows(source, highlighter))
    highlighter.run_windows([prepared[0][0]], [prepared[0][1]])

    def work() -> None:
        for sound, context in prepared:
            highlighter.run_windows([sound], [context])

    return work


def plain_network(source: SoundSource, highlighter: Highlighter) -> Callable[[], None]:
    """The same through the network as its paper has it, not arranged for this processor."""
    return network(source, replace(highlighter, forward=highlighter.checkpoint.module))


def render(source: SoundSource, highlighter: Highlighter) -> Callable[[], None]:
    """Results of windows -> gains -> all channels."""
    spans = spans_of(source, highlighter)
    rng = np.random.default_rng(0)
    results: list[Block] = []
    for start, stop in spans:
        shape: tuple[int, ...] = (stop - start,)
        if highlighter.kind == "bands":
            columns = (stop - start) // highlighter.config.hop_length + 1
            shape = (highlighter.config.num_bands, columns)
        results.append(rng.standard_normal(shape).astype(np.float32))
    second = 0.1 * rng.standard_normal((2, source.sample_rate)).astype(np.float32)
    names = source.channel_names
    renderer = make_renderer(highlighter, spans, results, source.sample_rate, names, 1.0)

    def work() -> None:
        for _ in range(source.expected_samples() // source.sample_rate):
            renderer.push(second)
        renderer.finish()

    return work


def encode(source: SoundSource, highlighter: Highlighter) -> Callable[[], None]:
    """Decode the sound again, encode it, copy all other packets, read the result and check it."""
    out = source.path.with_name("encoded.mp4")

    def work() -> None:
        write_output(source, out, PassThrough(), 128_000, False, silent, Stopwatch())
        out.unlink()

    return work


PLAIN_NETWORK = "plain-network"
STAGES = {
    "decode": decode,
    "features": features,
    "network": network,
    "render": render,
    "encode": encode,
}


def measure(work: Callable[[], Any]) -> tuple[Any, Facts]:
    """Run and measure."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    begin = time.perf_counter()
    value = work()
    wall_s = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return value, {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb()}


def run_plain(clip: Path, out: Path, highlighter: Highlighter) -> Facts:
    """The baseline; what loading costs is not counted."""
    (sound, rate, seconds), facts = measure(lambda: plain_highlight(clip, highlighter))
    soundfile.write(out, sound.T, rate, subtype="FLOAT")
    return {**facts, "timings": seconds}


def run_job(clip: Path, out: Path, model: str, precision: str) -> Facts:
    """The real job through the command line; what a dry run costs (start, loading) is not counted."""
    note = out.with_suffix(".peak")
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peak", str(note)]
    command += ["highlight", str(clip)]
    command += ["-o", str(out), "--model", model, "--precision", precision]
    command += ["--device", "cpu", "--force", "--quiet"]
    spent = []
    for more in (["--dry-run"], []):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command, *more], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    receipt = json.loads(out.with_name(f"{out.name}.seehear.json").read_text(encoding="utf-8"))
    timings = receipt["timings"]
    wall_s = sum(timings[stage] for stage in ("hear", "write", "verify", "hash_input"))
    cpu_s = spent[1] - spent[0]
    peak = float(note.read_text(encoding="ascii"))
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak, "timings": timings}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("idle", "plain", "job", PLAIN_NETWORK, *STAGES))
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", default="highlight/starter")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("-o", "--output", type=Path, default=Path("out.wav"))
    arguments = parser.parse_args()
    if arguments.what == "job":
        facts = run_job(arguments.clip, arguments.output, arguments.model, arguments.precision)
        print(json.dumps(facts))
        return
    runtime = choose_runtime("cpu", arguments.precision)
    highlighter = load_highlighter(arguments.model, runtime, "frames", strict=True)
    if arguments.what == "plain":
        facts = run_plain(arguments.clip, arguments.output, highlighter)
    elif arguments.what == "idle":
        facts = measure(lambda: None)[1]
    else:
        source = open_source(str(arguments.clip), 0)
        prepare = {**STAGES, PLAIN_NETWORK: plain_network}[arguments.what]
        facts = measure(prepare(source, highlighter))[1]
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
