"""A small corpus of latents made of noise, and checkpoints of tiny parts."""

import json
from pathlib import Path

import numpy as np

from seehear.checkpoint import save_checkpoint
from seehear.config import to_dict
from seehear.data.shards import write_shard
from seehear.models import build_tiny
from seehear.tasks.generate.latent_clips import INFO, LatentRow, LatentsInfo, pack_latents

NULL = tuple(np.eye(32)[0].tolist())
COLUMNS, FEATURES = 75, 60


def make_latents(root: Path, count: int = 6) -> Path:
    """Clips of 3 s; column c of clip n has latents 100 n + c in channel 0 and features likewise."""
    for split in ("train", "val"):
        samples = []
        for n in range(count):
            rng = np.random.default_rng([n, len(split)])
            latents = rng.standard_normal((20, COLUMNS)).astype(np.float32)
            video = rng.standard_normal((FEATURES, 32)).astype(np.float32)
            latents[0] = 100 * n + np.arange(COLUMNS)
            video[:, 0] = 100 * n + np.arange(FEATURES) * 1.25
            row = LatentRow(f"{split}{n}", split, "ab"[n % 2], 3.0, f"{split}:{n}")
            samples.append((f"{split}-000000-{n:06d}", pack_latents(row, latents, video)))
        write_shard(root / "shards" / f"{split}-000000.tar", samples)
    counts = {"train": count, "val": count}
    info = LatentsInfo(20, 25.0, 32, 20.0, 0.7, NULL, "cavp", "vae", counts)
    (root / INFO).write_text(json.dumps(to_dict(info)))
    return root / INFO


def make_part(folder: Path, name: str, **facts: float) -> Path:
    """Checkpoint of a tiny model."""
    save_checkpoint(folder, build_tiny(name), name, {"licence": "x", **facts})
    return folder
