"""Measure how well encoders of picture and sound find partners among unseen clips.

    python -m benchmarks.retrieval --cavp runs/cavp/checkpoint --manifest CLIPS/manifest.jsonl

Both ways, in galleries of a given size and among clips of one class; once step by step in time, once with
time averaged away, and for sounds shifted in time, which tells whether timing counts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seehear.metrics.retrieval import chance, retrieval_in_galleries, retrieval_within
from seehear.runtime import choose_runtime
from seehear.tasks.generate.pair_batches import ListedPairs
from seehear.tasks.generate.sight import Sight, load_sight
from seehear.tasks.generate.train_cavp import likeness_of

SHIFT_S = 0.2


def features(
    sight: Sight, manifest: Path, split: str, seconds: float
) -> tuple[Tensor, Tensor, list[str]]:
    """Rows of all clips: pictures [N, S, D], sounds [N, S, D], labels."""
    clips = ListedPairs(manifest, split, sight.frame_rate, sight.frame_size, 0)
    seen, heard, labels = [], [], []
    for number in range(len(clips.rows)):
        pair = clips.pair(number, seconds)
        seen.append(sight.encode(pair.frames))
        heard.append(sight.embed_sound(pair.waveform[None])[0])
        labels.append(pair.label)
    count = min(len(seen[0]), len(heard[0]))
    return (
        torch.stack([row[:count] for row in seen]),
        torch.stack([row[:count] for row in heard]),
        labels,
    )


def tables(
    sight: Sight, seen: Tensor, heard: Tensor, labels: Sequence[str], gallery: int
) -> dict[str, Mapping[str, Any]]:
    """All figures, 0..1."""
    means = [functional.normalize(rows.mean(dim=1), dim=-1) for rows in (seen, heard)]
    pooled = means[0] @ means[1].t()
    shift = round(SHIFT_S * sight.rate)
    late = likeness_of(sight, seen, heard.roll(shift, dims=1))
    in_time = likeness_of(sight, seen, heard)
    nearest = pooled.argmax(dim=1).tolist()
    hits = [labels[i] == labels[n] for i, n in enumerate(nearest)]
    return {
        "chance": chance(gallery),
        "step by step": retrieval_in_galleries(in_time, gallery),
        "time averaged away": retrieval_in_galleries(pooled, gallery),
        "within one class": retrieval_within(in_time, labels),
        "within one class, time averaged away": retrieval_within(pooled, labels),
        "likeness": {
            "own sound": float(in_time.diagonal().mean()),
            f"own sound {SHIFT_S:g} s late": float(late.diagonal().mean()),
            "sounds of others": float(in_time[~torch.eye(len(in_time), dtype=torch.bool)].mean()),
        },
        "class of the nearest sound": {"right": sum(hits) / len(hits)},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cavp", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--manifest", type=Path, required=True, help="clips")
    parser.add_argument("--split", default="test")
    parser.add_argument("--gallery", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=8.0)
    words = parser.parse_args()
    sight = load_sight(words.cavp, choose_runtime("cpu"))
    seen, heard, labels = features(sight, words.manifest, words.split, words.seconds)
    told = tables(sight, seen, heard, labels, min(words.gallery, len(labels)))
    facts = {"clips": len(labels), "classes": len(set(labels)), "gallery": words.gallery}
    print(json.dumps({"facts": facts, **told}, indent=1))


if __name__ == "__main__":
    main()
