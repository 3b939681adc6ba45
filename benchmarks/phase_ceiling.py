"""How far true magnitudes reach without the true phase, on fixed lists of 21 pairs.

    python -m benchmarks.phase_ceiling SOURCES.csv [--list test] [--disturbed] [--json FILE]

Two recordings at equal loudness, 5.9 s at 11 025 Hz, DAVIS's front end for MUSIC. What a perfect
network would draw (the picture of each sound) goes back to sound in different ways, scored by BSS-eval SDR,
mean of both sounds, with a bootstrap over recordings. `--disturbed` adds errors to the pictures. Lists
(`phase_pairs.csv`): `test` 21 pairs of instruments from the test split; `kinds` all pairs of seven test
recordings of different kinds; `val` 21 pairs from the validation split, on which choices were made.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seehear.data.scenes import active_rms
from seehear.data.sources import SAMPLE_RATE, read_sound
from seehear.dsp.logfreq import compress, expand, warped_positions
from seehear.dsp.masks import (
    MaskStems,
    ratio_masks,
    upper_centres,
    wiener_masks,
    with_upper_band,
)
from seehear.dsp.resample import resample
from seehear.dsp.stft import istft
from seehear.metrics.report import Interval, RecordingBootstrap
from seehear.metrics.separation import bss_eval
from seehear.models.davis.config import DavisConfig, paper_music
from seehear.models.davis.frontend import (
    FLOOR,
    compress_magnitude,
    expand_magnitude,
    spectrum_of,
)
from seehear.models.davis.phases import resynthesise_together

LISTS = Path(__file__).with_name("phase_pairs.csv")
FILE_RATE = 44100
LEVEL = 10 ** (-23 / 20)
COUNT = 2
Way = Callable[["Case"], Tensor]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Pairs and what is known of them.

    Args:
        sounds: [P, 2, L], undivided.
        pictures: [P, 2, rows, columns], drawn by a network that is perfect or nearly so.
        config: of the front end.
    """

    sounds: Tensor
    pictures: Tensor
    config: DavisConfig

    @property
    def spectrum(self) -> Tensor:
        """Of the mixture, which is the mean: complex [P, F, T]."""
        return spectrum_of(self.sounds.mean(1), self.config)

    @property
    def drawn(self) -> Tensor:
        """Magnitudes from the pictures, undivided, [P, 2, F, T]."""
        return expand_magnitude(self.pictures, self.config, self.spectrum.shape[-1])

    @property
    def true(self) -> Tensor:
        """True spectra, undivided, complex [P, 2, F, T]."""
        return spectrum_of(self.sounds, self.config)

    def back(self, spectra: Tensor) -> Tensor:
        """To sound, without the published clipping."""
        return istft(spectra, self.config.n_fft, self.config.hop_length)

    def with_phase(self, magnitude: Tensor, spectrum: Tensor) -> Tensor:
        """Magnitudes with another spectrum's phase, as sound."""
        return self.back(torch.polar(magnitude, spectrum.angle().expand_as(magnitude)))

    def masked(self, masks: Tensor) -> Tensor:
        """Masks on the mixture, as sound."""
        return self.back(masks * self.spectrum[:, None])


def _passed(case: Case) -> Tensor:
    """Magnitudes of the mixture after the picture."""
    picture = compress_magnitude(case.spectrum.abs() + FLOOR, case.config)
    return expand_magnitude(picture, case.config, case.spectrum.shape[-1])


def _together(case: Case, magnitude: Tensor, iterations: int, error: float | None) -> Tensor:
    given = None if error is None else torch.full((len(magnitude),), error)
    return resynthesise_together(magnitude, case.spectrum, case.config, iterations, given)


def _alone(case: Case) -> Tensor:
    """Each sound asked for without the other; the rest is what is left."""
    inside, mixture = case.drawn / COUNT, _passed(case)
    each = [ratio_masks(inside[:, i : i + 1], mixture)[:, 0] for i in range(COUNT)]
    return case.masked(torch.stack(each, dim=1))


def _job(case: Case, window_s: float) -> Tensor:
    """As the file job does it: masks on the picture's rows, each sound alone, at the file's rate."""
    config, rate = case.config, FILE_RATE
    mixture = compress_magnitude(case.spectrum.abs() + FLOOR, config)
    rows, whole = expand(case.pictures, config.sigma) / COUNT, expand(mixture, config.sigma)
    hz = warped_positions(config.rows, config.bins) * (config.sample_rate / config.n_fft)
    sounds = []
    for own, all_of_it, wave in zip(rows, whole, case.sounds.mean(1), strict=True):
        masks = torch.cat([ratio_masks(one[None], all_of_it) for one in own])
        masks = with_upper_band(masks, all_of_it.square(), hz.float())
        per_s = config.sample_rate / config.hop_length
        stream = MaskStems(upper_centres(hz.numpy()), per_s, rate, 1, COUNT, window_s)
        stream.feed(masks.numpy())
        heard = resample(wave[None], config.sample_rate, rate).numpy()
        stems = np.concatenate([stream.push(heard), stream.finish()], axis=-1)[:COUNT, 0]
        sounds.append(resample(torch.from_numpy(stems), rate, config.sample_rate))
    length = config.hop_length * (case.spectrum.shape[-1] - 1)
    return torch.stack(sounds)[..., :length]


def _amplitude_masks(case: Case) -> Tensor:
    return case.masked(case.drawn / case.drawn.sum(1, keepdim=True).clamp_min(FLOOR))


WAYS: dict[str, Way] = {
    "the mixture itself": lambda c: c.back(c.spectrum)[:, None].expand(-1, COUNT, -1),
    "a. true magnitudes, phase of the mixture": lambda c: c.with_phase(
        c.true.abs(), c.spectrum[:, None]
    ),
    "b. picture, phase of the mixture (published)": lambda c: c.with_phase(
        c.drawn, c.spectrum[:, None]
    ),
    "picture, masks of amplitudes, rest unknown": _alone,
    "the same in the file job, transform of 46 ms": lambda c: _job(c, 0.046),
    "the same in the file job, transform of 93 ms (as it is)": lambda c: _job(c, 0.093),
    "picture, masks of amplitudes": _amplitude_masks,
    "picture, Wiener masks": lambda c: c.masked(wiener_masks(c.drawn)),
    "picture, own phases trusting magnitudes, 10 rounds": lambda c: _together(c, c.drawn, 10, 0.0),
    "**picture, own phases, 10 rounds**": lambda c: _together(c, c.drawn, 10, None),
    "picture, own phases, 30 rounds": lambda c: _together(c, c.drawn, 30, None),
    "picture, true phases": lambda c: c.with_phase(c.drawn, c.true),
}
BASE = "b. picture, phase of the mixture (published)"
SHOWN_DISTURBED = (
    BASE,
    "picture, masks of amplitudes, rest unknown",
    "picture, masks of amplitudes",
    "picture, Wiener masks",
    "picture, own phases trusting magnitudes, 10 rounds",
    "**picture, own phases, 10 rounds**",
)


def main() -> None:
    """Print one table, or one per disturbance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--list", default="test", choices=("test", "kinds", "val"))
    parser.add_argument("--disturbed", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with LISTS.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["list"] == options.list]
    config = paper_music()
    sounds = load_pairs(options.manifest.parent, rows, config)
    weights = RecordingBootstrap([{"sounds": (row["first"], row["second"])} for row in rows])
    pictures = compress_magnitude(spectrum_of(sounds, config).abs(), config)
    found: dict[str, dict[str, list[float]]] = {}
    for name, picture in disturbances(pictures, config, options.disturbed):
        case = Case(sounds, picture, config)
        ways = SHOWN_DISTURBED if options.disturbed else tuple(WAYS)
        found[name] = show(f"{options.list}, {name}", case, ways, weights)
    if options.json:
        options.json.write_text(json.dumps(found) + "\n")


def load_pairs(root: Path, rows: list[dict[str, str]], config: DavisConfig) -> Tensor:
    """Sounds [P, 2, L] at equal active RMS; a recording that is too short is repeated."""
    pairs = []
    for row in rows:
        pair = [
            _cut(root / row[name], float(row[f"{name}_start_s"]), config)
            for name in ("first", "second")
        ]
        both = np.stack(pair)
        pairs.append(both / active_rms(both)[:, None] * LEVEL)
    return torch.from_numpy(np.stack(pairs).astype(np.float32))


def _cut(path: Path, start_s: float, config: DavisConfig) -> NDArray[np.float32]:
    heard = torch.from_numpy(read_sound(path).astype(np.float32) / 32768.0)
    wave = resample(heard[None], SAMPLE_RATE, config.sample_rate)[0].numpy()
    length = config.num_samples
    begin = min(round(start_s * config.sample_rate), max(len(wave) - length, 0))
    return np.resize(wave[begin:], length) if len(wave) < length else wave[begin : begin + length]


def disturbances(
    pictures: Tensor, config: DavisConfig, wanted: bool
) -> Iterator[tuple[str, Tensor]]:
    """Pictures that a network could draw: perfect, or with errors of known kinds."""
    if not wanted:
        yield "perfect pictures", pictures
        return
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    smooth = functional.avg_pool2d(noise, 15, 1, 7) * 15
    shown = pictures > 0.01
    for level in (0.02, 0.05, 0.1):
        yield f"noise of {level}", (pictures + level * noise * shown).clamp(0, 1)
    yield "smooth noise of 0.05", (pictures + 0.05 * smooth * shown).clamp(0, 1)
    linear = expand(pictures, config.sigma)
    for share in (0.1, 0.3):
        leaked = compress(linear + share * linear.flip(1), config.sigma)
        yield f"{share:.0%} of the other sound's magnitude added", leaked


def show(
    title: str, case: Case, ways: tuple[str, ...], weights: RecordingBootstrap
) -> dict[str, list[float]]:
    """Print a table; returns SDR per pair."""
    found: dict[str, list[float]] = {}
    print(f"\n{title}, n = {len(case.sounds)} pairs, {weights.num_recordings} recordings\n")
    print("| way back | SDR, dB | lowest, highest | above b, dB | s |\n|---|---|---|---|---|")
    for name in ways:
        begin = time.process_time()
        with torch.inference_mode():
            made = WAYS[name](case)
        seconds = time.process_time() - begin
        found[name] = score(case.sounds, made).tolist()
        above = ""
        if BASE in found:
            above = _text(weights.paired_difference(found[name], found[BASE]))
        value = _text(weights.mean(found[name]))
        ends = f"{min(found[name]):.1f}, {max(found[name]):.1f}"
        print(f"| {name} | {value} | {ends} | {above} | {seconds:.1f} |", flush=True)
    return found


def score(sounds: Tensor, made: Tensor) -> Values:
    """SDR of each pair [P], mean of both sounds."""
    length = made.shape[-1]
    sdr = bss_eval(sounds[..., :length].double().numpy(), made.double().numpy()).sdr
    return np.asarray(sdr.mean(-1))


def _text(interval: Interval) -> str:
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


if __name__ == "__main__":
    main()
