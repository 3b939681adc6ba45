"""One space for words and pictures: a table of classes, and a network that finds them in frames.

A class is a row of a fixed table of orthogonal unit vectors. A picture becomes class scores and
then the score-weighted middle of the rows, so that a picture of a dog lies where the word does. The
same holds for every place of a picture: a frame of twice the side is read as a grid of places,
each seen as near as a whole picture is.

The body is that of `glance.py`. Ours, not from a paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.models.glance import Glance, GlanceConfig

TABLE_SEED = 20240


@dataclass(frozen=True)
class ConceptsConfig:
    """Shape of the network.

    Args:
        frame_size: side of the frames that it takes, pixels; it sees a whole picture at half of
            it, and places at all of it.
        widths: channels after each halving of the picture.
        dim: length of vectors in the space; at least the number of classes.
        classes: rows of the table, in order.
        sharpness: factor on class scores before their softmax when a vector is made.
        quiet: classes of which no sound is known; asked with a picture, one means to hear something,
            so these are believed less.
        quiet_score: added to their scores when a vector is made.
    """

    frame_size: int = 128
    widths: tuple[int, ...] = (32, 64, 128, 192)
    dim: int = 64
    classes: tuple[str, ...] = ("background", "dog", "speech")
    sharpness: float = 0.6
    quiet: tuple[str, ...] = ()
    quiet_score: float = -2.0


class Concepts(nn.Module):
    """Frames -> class scores -> vectors."""

    table: Tensor
    belief: Tensor

    def __init__(self, config: ConceptsConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("table", class_table(len(config.classes), config.dim))
        quiet = torch.tensor([float(name in config.quiet) for name in config.classes])
        self.register_buffer("belief", config.quiet_score * quiet, persistent=False)
        # Only the body of it is used.
        self.body = Glance(GlanceConfig(widths=config.widths)).body
        self.norm = nn.LayerNorm(config.widths[-1])
        self.head = nn.Linear(config.widths[-1], len(config.classes))

    def forward(self, frames: Tensor) -> Tensor:
        """Scores of whole pictures.

        Args:
            frames: uint8 [N, 3, S, S] with S = frame_size, or float of it in 0..1; float pictures
                may also come at half that side.

        Returns:
            float [N, classes], before softmax.
        """
        small = _as_float(frames)
        if small.shape[-1] == self.config.frame_size:
            small = functional.avg_pool2d(small, 2)
        features: Tensor = self.body((small - 0.45) / 0.25)
        pooled = self.norm(features.mean(dim=(2, 3)))  # [N, C, s, s] -> [N, C]
        if self.training:
            pooled = functional.dropout(pooled, 0.2)
        scores: Tensor = self.head(pooled)
        return scores

    def place_scores(self, frames: Tensor) -> Tensor:
        """Scores of every place, [N, 3, S, S] -> [N, classes, S / 16, S / 16] for four widths."""
        features: Tensor = self.body((_as_float(frames) - 0.45) / 0.25)
        # A place knows its neighbourhood, about a quarter of the picture.
        features = functional.avg_pool2d(features, 3, 1, padding=1, count_include_pad=False)
        scores: Tensor = self.head(self.norm(features.permute(0, 2, 3, 1)))
        return scores.permute(0, 3, 1, 2)

    def looked_over(self, frames: Tensor) -> Tensor:
        """Scores of whole pictures uint8 [N, 3, S, S], seen whole and from nearer, also mirrored."""
        whole = _as_float(frames)
        side = frames.shape[-1]
        edge = round(side * 0.075)
        near = functional.interpolate(
            whole[:, :, edge : side - edge, edge : side - edge],
            size=(side, side),
            mode="bilinear",
            antialias=True,
        )
        looks = [self(look) for look in (whole, whole.flip(3), near, near.flip(3))]
        return torch.stack(looks).mean(dim=0)

    def vectors(self, scores: Tensor) -> Tensor:
        """Places in the space for class scores, [..., classes] -> unit vectors [..., dim]."""
        believed = scores.float() + self.belief
        share = (self.config.sharpness * believed).softmax(dim=-1)
        return functional.normalize(share @ self.table, dim=-1)


def class_table(count: int, dim: int) -> Tensor:
    """Orthogonal unit vectors, always the same ones: float32 [count, dim].

    The first rows of a longer table are those of a shorter one.
    """
    if count > dim:
        raise ValueError(f"{count} classes do not fit into {dim} dimensions")
    generator = torch.Generator().manual_seed(TABLE_SEED)
    draws = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    rows: list[Tensor] = []
    for draw in draws[:count]:
        for row in rows:
            draw = draw - (draw @ row) * row
        rows.append(draw / draw.norm())
    return torch.stack(rows).float()


def _as_float(frames: Tensor) -> Tensor:
    return frames.float() / 255.0 if frames.dtype == torch.uint8 else frames


def tiny_concepts() -> Concepts:
    """Small seeded network for tests."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Concepts(
            ConceptsConfig(
                frame_size=32, widths=(8, 16), dim=8, classes=("background", "dog", "speech")
            )
        )
