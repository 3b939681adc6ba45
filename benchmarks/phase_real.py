"""What phases of their own bring to real estimates: the masks of a band-mask network.

    python -m benchmarks.phase_real MIXES/manifest.jsonl [--model separate/starter] [--limit N]

The manifest is one of `seehear prepare mixes`. On the network's own transform, against the masks as
they are: SI-SDR, paired per mixture (mean of its sounds), with a bootstrap over recordings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear import registry
from seehear.data.mix_manifest import read_mixes
from seehear.dsp.masks import wiener_masks
from seehear.dsp.phase import refine_phases
from seehear.dsp.stft import istft, stft
from seehear.features.concepts import load_query_encoder
from seehear.metrics.report import RecordingBootstrap
from seehear.metrics.separation import si_sdr
from seehear.tasks.separate.scoring import read_stems

ROUNDS = 10
Grid = Callable[[Tensor], Tensor]


def own_phases(masks: Tensor, mixture: Tensor, consistent: Grid) -> Tensor:
    """Magnitudes of the masks, phases by joint inversion."""
    magnitudes = masks * mixture.abs()
    return refine_phases(magnitudes, mixture, consistent, ROUNDS, torch.tensor(0.0))


def consistent_wiener(masks: Tensor, mixture: Tensor, consistent: Grid) -> Tensor:
    """Masked spectra, drawn to consistency where the masks are undecided.

    Source: Le Roux and Vincent 2013, by fixed-point iteration, with the variance m (1 - m) |X|^2.
    """
    power = mixture.abs().square()
    variance = masks * (1 - masks) * power / power.mean()
    masked = masks * mixture
    made = masked
    for _ in range(ROUNDS):
        made = masked + variance / (1 + variance) * (consistent(made) - masked)
    return made


WAYS: dict[str, Callable[[Tensor, Tensor, Grid], Tensor]] = {
    "masks as they are": lambda m, x, _: m * x,
    "own phases, masks as magnitudes": own_phases,
    "own phases, roots of masks as magnitudes": lambda m, x, c: own_phases(m.sqrt(), x, c),
    "consistent Wiener filter": consistent_wiener,
    "masks squared": lambda m, x, _: wiener_masks(m) * x,
    "masks to the power of 0.7": lambda m, x, _: wiener_masks(m.pow(0.35)) * x,
}


def main() -> None:
    """Print one row per way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", default="separate/starter")
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    rows = read_mixes(options.manifest)
    rows = rows[: options.limit] if options.limit else rows
    model: Any = registry.load(options.model, "separate").module
    encoder = load_query_encoder(model.config.query_encoder)
    scores: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        stems = read_stems(options.manifest.parent, row, model.config.sample_rate)
        names = [stem.label.replace("_", " ") for stem in row.stems]
        for (asked, way), made in estimates(model, encoder.encode_texts(names), stems).items():
            value = si_sdr(stems.double().numpy(), made.double().numpy())
            scores.setdefault((asked, way), []).append(float(value.mean()))
    weights = RecordingBootstrap(
        [{"sounds": [r for stem in row.stems for r in stem.recordings]} for row in rows]
    )
    print(f"{len(rows)} mixtures, {weights.num_recordings} recordings")
    print("| asked by | way back | SI-SDR, dB | against the masks, dB |\n|---|---|---|---|")
    for (asked, way), values in scores.items():
        than = weights.paired_difference(values, scores[asked, "masks as they are"])
        change = f"{than.value:+.3f} [{than.low:.3f}, {than.high:.3f}]"
        print(f"| {asked} | {way} | {np.mean(values):.2f} | {change} |")


@torch.inference_mode()
def estimates(model: Any, queries: Tensor, stems: Tensor) -> dict[tuple[str, str], Tensor]:
    """Waveforms [S, T] by how they were asked for and by the way back."""
    n_fft, hop, length = model.config.n_fft, model.config.hop_length, stems.shape[-1]
    mixture = stems.sum(0)
    spectrum = stft(mixture, n_fft, hop)

    def consistent(spectra: Tensor) -> Tensor:
        return stft(istft(spectra, n_fft, hop, length=length), n_fft, hop)

    count = len(queries)
    present = torch.ones(count, 1, dtype=torch.bool)
    alone = model.gather.T @ model(mixture.expand(count, -1), queries[:, None], present)
    joint = model.gather.T @ model(mixture[None], queries[None], present[None, :, 0])
    made = {}
    for way, back in WAYS.items():
        one = torch.stack([back(masks, spectrum, consistent)[0] for masks in alone])
        made["text", way] = istft(one, n_fft, hop, length=length)
        both = back(joint[0], spectrum, consistent)[:count]
        made["joint", way] = istft(both, n_fft, hop, length=length)
    return made


if __name__ == "__main__":
    main()
