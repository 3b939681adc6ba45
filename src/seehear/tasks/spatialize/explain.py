"""Pictures of where the sound was put: `--explain DIR`.

Networks that know directions: the frame, brighter in the colour of warmth where more of the power comes from;
below it one row per band, low bands at the bottom. Networks that know two ears only: the mean over the
channels of their last map of the frame, from least to most, laid over the frame (the papers' recipe; it shows
where they look, not what they hear).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from seehear.errors import OutputError
from seehear.media.part import PartFolder
from seehear.media.read import FrameStream
from seehear.tasks.drawn import LIST, DrawnFolder
from seehear.tasks.source import SoundSource
from seehear.tasks.spatialize.difference import AnyEngine, DifferenceEngine
from seehear.tasks.spatialize.engine import ShareEngine, kept_shares

MOST = 12
SHORTEST_SIDE, LONGEST_SIDE = 320, 1280
"""Longer side of a picture: at least and at most."""
WARM = np.array([255.0, 80.0, 0.0])
OPACITY = 0.4
STRIP = 0.4
"""Height of the rows of bands, as a share of the frame's."""
AROUND_S = 0.25

Map = NDArray[np.float32]


class ExplainFolder(DrawnFolder):
    """Pictures of where the sound was put."""

    def draw(
        self,
        engine: AnyEngine,
        source: SoundSource,
        spans: Sequence[tuple[int, int]],
        part: PartFolder,
        fov_deg: float,
    ) -> list[dict[str, Any]]:
        """Draw up to `MOST` moments spread over the sound.

        Args:
            engine: who heard it.
            source: the input.
            spans: of all windows.
            part: where their results are.
            fov_deg: angle that the picture's width covers.

        Returns:
            One row per picture, for the receipt.

        Raises:
            OutputError: the folder cannot be written.
        """
        end_s = max(source.expected_samples() / source.sample_rate, 1e-3)
        count = min(max(round(end_s), 1), MOST)
        middles = np.array([(begin + stop) / 2 for begin, stop in spans]) / engine.sample_rate
        rows = []
        try:
            self.folder.mkdir(exist_ok=True)
            for number in range(count):
                moment_s = end_s * (number + 0.5) / count
                index = int(np.abs(middles - moment_s).argmin())
                begin_s = spans[index][0] / engine.sample_rate
                frame = _frame(source, moment_s)
                facts: dict[str, Any] = {}
                if isinstance(engine, DifferenceEngine):
                    picture = overlay(frame, attention(engine, frame))
                else:
                    shares = kept_shares(part.load(index))
                    picture, facts = _directions(engine, shares, moment_s - begin_s, frame, fov_deg)
                name = f"{moment_s:09.2f}s.png"
                picture.save(self.part_of(name), format="PNG")
                rows.append({"picture": name, "at_s": round(moment_s, 3), **facts})
            self.part_of(LIST).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write to {str(self.folder)!r}: {error.strerror}") from error
        return rows


def _frame(source: SoundSource, moment_s: float) -> Image.Image:
    moment = source.begin_s + moment_s
    stream = FrameStream(source.path, None, start_s=moment)
    try:
        frame = stream.at([moment])[0]
    finally:
        stream.close()
    picture = Image.fromarray(frame.permute(1, 2, 0).numpy())
    if max(picture.size) < SHORTEST_SIDE:  # rows of bands need room
        times = SHORTEST_SIDE // max(picture.size) + 1
        return picture.resize((times * picture.width, times * picture.height))
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return picture


def attention(engine: DifferenceEngine, frame: Image.Image) -> Map:
    """Mean of the channels of a network's map of a frame, from 0 (least) to 1 (most), [h, w]."""
    small = np.asarray(frame.resize(engine.frame_size, Image.Resampling.BOX)).copy()
    maps = engine.encode(torch.from_numpy(small).permute(2, 0, 1)[None])
    mean = maps[0].mean(dim=0).cpu().numpy()
    made: Map = (mean - mean.min()) / max(float(mean.max() - mean.min()), 1e-9)
    return made


def _directions(
    engine: ShareEngine, shares: Map, at_s: float, frame: Image.Image, fov_deg: float
) -> tuple[Image.Image, dict[str, Any]]:
    """Frame and bands around a moment of a window, and the mean direction."""
    first = max(int((at_s - AROUND_S) * engine.columns_per_s), 0)
    last = int((at_s + AROUND_S) * engine.columns_per_s) + 1
    mean = shares[:, :, first:last].mean(axis=2)  # [A + 1, F]
    order = np.argsort(-engine.positions)  # from the left edge to the right one
    placed = mean[:-1][order]
    across = placed.mean(axis=1)
    facts = {
        "azimuth_deg": round(
            float((across * engine.positions[order]).sum() / max(across.sum(), 1e-9)) * fov_deg / 2,
            1,
        ),
        "placed_share": round(float(across.sum()), 4),
    }
    heat = across[None] / max(float(across.max()), 1e-9) * min(float(across.sum()) * 2, 1.0)
    top = overlay(frame, heat.astype(np.float32))
    strip = Image.fromarray((255 * np.sqrt(placed.T[::-1].clip(0, 1))).astype(np.uint8))
    strip = strip.resize(
        (frame.width, max(int(STRIP * frame.height), 1)), Image.Resampling.BILINEAR
    )
    sheet = Image.new("RGB", (frame.width, frame.height + strip.height))
    sheet.paste(top, (0, 0))
    sheet.paste(strip.convert("RGB"), (0, frame.height))
    return sheet, facts


def overlay(frame: Image.Image, heat: Map) -> Image.Image:
    """Colour a picture where a map [h, w] in 0..1 is warm."""
    smooth = Image.fromarray(heat.astype(np.float32)).resize(frame.size, Image.Resampling.BILINEAR)
    share = OPACITY * np.asarray(smooth).clip(0.0, 1.0)[..., None]
    mixed = np.asarray(frame, np.float32) * (1 - share) + WARM * share
    return Image.fromarray(mixed.round().astype(np.uint8))
