"""How well `spatialize` knows binaural sound when it hears it: python -m benchmarks.two_ears --sources CSV HEAD.sofa ...

Simulates pairs of channels from the test recordings of a source manifest: one to three sources heard by the given
heads, dry and in drawn rooms; the same sources panned by level, with reverberation, picked up by two microphones, or
unrelated. Prints the table of docs/spatialize.md: the share of power that the rule of
`tasks/spatialize/guard.py` calls coherent and delayed, and how many pairs count as binaural.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.data.sources import SAMPLE_RATE, read_sound, read_sources
from seehear.dsp.convolve import convolve
from seehear.dsp.hrir import HrirSet
from seehear.dsp.rooms import draw_room, image_sources, room_responses
from seehear.tasks.spatialize.guard import PairReport, measure_pair
from seehear.tasks.spatialize.heads import load_head

Wave = NDArray[np.float64]
SECONDS = 6
SPEED_OF_SOUND = 343.0
WIDEST_DEG, LEAST_DEG = 60.0, 10.0
LEVEL = 0.1


class Scenes:
    """Pairs of channels, seeded.

    Args:
        paths: recordings.
        seed: of everything that is drawn.
    """

    def __init__(self, paths: list[Path], seed: int) -> None:
        self._paths = paths
        self.rng = np.random.default_rng(seed)

    def sound(self) -> Wave:
        """A recording [T], repeated if it is short, at one level."""
        samples = read_sound(self._paths[self.rng.integers(len(self._paths))]) / 32768.0
        length = SECONDS * SAMPLE_RATE
        wave = np.resize(samples, length)
        return wave * LEVEL / max(float(np.sqrt(np.square(wave).mean())), 1e-6)

    def azimuths(self, count: int) -> Wave:
        """Degrees, at least one of them clearly to a side."""
        while True:
            drawn = self.rng.uniform(-WIDEST_DEG, WIDEST_DEG, count)
            if np.abs(drawn).max() > LEAST_DEG:
                return drawn

    def heard(self, head: HrirSet, count: int) -> Wave:
        """Sources around a head, dry."""
        responses = head.at(self.azimuths(count))
        return np.sum([_through(self.sound(), response) for response in responses], axis=0)

    def in_room(self, head: HrirSet, count: int) -> Wave:
        """Sources 1 to 3 m away in a room."""
        room, listener = draw_room(self.rng)
        made = np.zeros((2, SECONDS * SAMPLE_RATE))
        for azimuth in np.radians(self.azimuths(count)):
            away = self.rng.uniform(1.0, 3.0) * np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
            walls = np.array(room.size_m)
            place = np.clip(np.array(listener) + away, 0.3, walls - 0.3)
            found = image_sources(room, listener, (place[0], place[1], place[2]))
            made += _through(self.sound(), room_responses(head, room, found, self.rng))
        return made

    def panned(self, count: int, wet: float = 0.0) -> Wave:
        """Sources between two loudspeakers, by level; with reverberation of its own in each channel."""
        made = np.zeros((2, SECONDS * SAMPLE_RATE))
        time = np.arange(round(0.8 * SAMPLE_RATE)) / SAMPLE_RATE
        for angle in self.rng.uniform(0, np.pi / 2, count):
            sound = self.sound()
            made += np.outer([np.cos(angle), np.sin(angle)], sound)
            if wet:
                tail = wet * self.rng.standard_normal((2, len(time))) * np.exp(-8 * time)
                made += _through(sound, torch.from_numpy(tail))
        return made

    def microphones(self, apart_m: float, count: int) -> Wave:
        """Two equal microphones side by side, far sources."""
        length = SECONDS * SAMPLE_RATE
        cycles = np.fft.rfftfreq(length)
        made = np.zeros((2, length))
        for azimuth in np.radians(self.azimuths(count)):
            late = apart_m * np.sin(azimuth) / SPEED_OF_SOUND * SAMPLE_RATE
            turn = np.exp(1j * np.pi * cycles * late)
            spectrum = np.fft.rfft(self.sound())
            made += np.fft.irfft(np.stack([spectrum * turn, spectrum / turn]), length)
        return made

    def unrelated(self) -> Wave:
        """Another sound in each channel."""
        return np.stack([self.sound(), self.sound()])


def _through(sound: Wave, response: torch.Tensor) -> Wave:
    made = convolve(torch.from_numpy(sound)[None], response.double())[:, : len(sound)]
    return np.asarray(made.numpy())


def rows(scenes: Scenes, heads: list[HrirSet]) -> Iterator[tuple[str, Callable[[], Wave]]]:
    """Kinds of pairs with their makers."""
    for head in heads:
        for count in (1, 2, 3):
            yield f"{head.name}, {count}", lambda head=head, count=count: scenes.heard(head, count)
    for count in (1, 3):
        yield f"in rooms, {count}", lambda count=count: scenes.in_room(heads[0], count)
    for count in (1, 2, 4):
        yield f"panned by level, {count}", lambda count=count: scenes.panned(count)
    yield "panned, 3, reverberant", lambda: scenes.panned(3, 0.02)
    for apart in (0.17, 0.5, 2.0):
        yield f"microphones {apart:g} m apart, 3", lambda apart=apart: scenes.microphones(apart, 3)
    yield "unrelated channels", scenes.unrelated


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sources", type=Path, required=True, metavar="CSV")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("heads", type=Path, nargs="+")
    arguments = parser.parse_args()
    wanted = ("recording", "speech", "music")
    found = [r for r in read_sources(arguments.sources) if r.split == "test" and r.kind in wanted]
    scenes = Scenes([row.path for row in found], arguments.seed)
    heads = [load_head(path, SAMPLE_RATE) for path in arguments.heads]
    print(f"{arguments.pairs} pairs a row of {SECONDS} s, seed {arguments.seed}\n")
    print("| pairs | share of power, least / median / most | called binaural |\n|---|---|---|")
    for title, make in rows(scenes, heads):
        reports: list[PairReport] = [
            measure_pair([make().astype(np.float32)], SAMPLE_RATE) for _ in range(arguments.pairs)
        ]
        shares = [report.binaural_share for report in reports]
        spread = f"{min(shares):.2f} / {np.median(shares):.2f} / {max(shares):.2f}"
        count = sum(report.is_binaural and not report.is_flat for report in reports)
        print(f"| {title} | {spread} | {count} of {len(reports)} |")


if __name__ == "__main__":
    main()
