"""Pictures of what the network looks at: `--explain DIR`.

    attention.png   for some denoising times: how much each moment of sound (down) looks at each moment of the
                    picture (across); below, every head counted by its gate
    frames.png      which frames are looked at, all sound together (across), over denoising time (down)
    aligned.png     share of the looks that lie within 0.25 s of the moment itself, over denoising time, and
                    the share by chance
    experts.png     which expert speaks at which denoising time, and how loud the experts of the bands are

One window in the middle of the video is shown. All numbers are in `pictures.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seehear.errors import OutputError, UsageError
from seehear.media.part import PartFolder
from seehear.media.read import FrameStream
from seehear.models.visualaudio.experts import TimeExperts
from seehear.tasks.drawn import LIST, DrawnFolder
from seehear.tasks.generate.compose import Batch, windows_of
from seehear.tasks.generate.conditions import Condition
from seehear.tasks.generate.keeping import FileKeep
from seehear.tasks.generate.loading import System
from seehear.tasks.generate.watching import Look, LookTable, aligned_share, chance_share
from seehear.tasks.picture_source import PictureSource

WITHIN_S = 0.25
MOST_MAPS = 8
MAP, GAP, LINE = 160, 12, 16
"""Side of a map, distance of maps, and height of a line of text, pixels."""
THUMBNAILS = 10
INK, PAPER, FAINT = (30, 30, 30), (255, 255, 255), (170, 170, 170)
COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189))

Map = NDArray[np.float32]


class ExplainFolder(DrawnFolder):
    """Watches one window while it is composed, then draws.

    Args:
        folder: made if missing.
        part: where looks are kept meanwhile.
        system: networks.
        columns: latents of the whole sound.

    Raises:
        UsageError: a network that sees otherwise than by cross-attention.
    """

    def __init__(self, folder: Path, part: PartFolder, system: System, columns: int) -> None:
        super().__init__(folder)
        if system.denoiser.config.conditioning != "cross":
            raise UsageError(
                "--explain shows cross-attention, which this model has not; leave it out"
            )
        self._system, self._windows = system, windows_of(system, columns)
        self._rows = round(self._windows.length * system.sight.rate / system.codec.latent_rate)
        self.window = len(self._windows.starts) // 2
        keep = FileKeep(part, "explain-")
        self._table = LookTable(keep, system.denoiser, self._windows.length, self._rows)

    def watch(self, first: int, time: float, batch: Batch) -> None:
        """See `compose.Watcher`."""
        at = self.window - first
        if 0 <= at < len(batch.latents):
            mask = None if batch.mask is None else batch.mask[at : at + 1]
            one = slice(at, at + 1)
            self._table.add(
                Batch(batch.latents[one], batch.tokens[one], batch.pooled[one], mask), time
            )

    def draw(self, source: PictureSource, condition: Condition) -> dict[str, Any]:
        """Draw everything.

        Args:
            source: the video.
            condition: what was seen in it.

        Returns:
            The numbers, for the receipt.

        Raises:
            OutputError: the folder cannot be written.
        """
        looks = self._table.looks()
        begin_s = self._windows.starts[self.window] / self._system.codec.latent_rate
        within = WITHIN_S * condition.rate
        facts: dict[str, Any] = {
            "window_s": [begin_s, begin_s + self._rows / condition.rate],
            "times": [round(look.time, 4) for look in looks],
            "aligned": [round(aligned_share(look.attention, within), 4) for look in looks],
            "aligned_gated": [round(aligned_share(look.gated, within), 4) for look in looks],
            "aligned_by_chance": round(chance_share(looks[0].attention.shape, within), 4)
            if looks
            else None,
            "experts": self._experts(looks),
        }
        try:
            self.folder.mkdir(exist_ok=True)
            if looks:
                self._save(maps(looks), "attention.png")
                self._save(self._frames(looks, source, begin_s), "frames.png")
                self._save(
                    curves(
                        facts["times"],
                        {"all heads": facts["aligned"], "by gates": facts["aligned_gated"]},
                        facts["aligned_by_chance"],
                    ),
                    "aligned.png",
                )
                self._save(bands(looks, facts["experts"]), "experts.png")
            text = json.dumps(facts, indent=1) + "\n"
            self.part_of(LIST).write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write to {str(self.folder)!r}: {error.strerror}") from error
        return {key: facts[key] for key in ("window_s", "aligned_by_chance", "aligned")}

    def _save(self, picture: Image.Image, name: str) -> None:
        picture.save(self.part_of(name), format="PNG")

    def _experts(self, looks: list[Look]) -> list[int]:
        """Which expert of time spoke at each step; nothing where a network has none."""
        import torch

        modules = self._system.denoiser.modules()
        layer = next((m for m in modules if isinstance(m, TimeExperts)), None)
        if layer is None:
            return []
        return layer.route(torch.tensor([look.time for look in looks])).tolist()

    def _frames(self, looks: list[Look], source: PictureSource, begin_s: float) -> Image.Image:
        """Frames of the window above the map of which are looked at over time."""
        mass = np.stack([look.gated.mean(axis=0) for look in looks]).astype(np.float32)
        width = 4 * MAP
        heat = grey(mass / max(float(mass.max()), 1e-9)).resize(
            (width, MAP), Image.Resampling.NEAREST
        )
        side = width // THUMBNAILS
        sheet = Image.new("RGB", (width + 2 * GAP, side + MAP + 3 * GAP + LINE), PAPER)
        length_s = self._rows / self._system.sight.rate
        moments = [
            source.begin_s + min(begin_s + (k + 0.5) * length_s / THUMBNAILS, source.length_s)
            for k in range(THUMBNAILS)
        ]
        stream = FrameStream(source.path, (side, side), start_s=moments[0])
        try:
            for index, frame in enumerate(stream.at(moments)):
                picture = Image.fromarray(frame.permute(1, 2, 0).numpy())
                sheet.paste(picture, (GAP + index * side, GAP))
        finally:
            stream.close()
        sheet.paste(heat.convert("RGB"), (GAP, 2 * GAP + side))
        text = f"{begin_s:.1f} s to {begin_s + length_s:.1f} s; noise above, sound below"
        ImageDraw.Draw(sheet).text((GAP, side + MAP + 2 * GAP + 4), text, fill=INK)
        return sheet


def grey(values: Map) -> Image.Image:
    """Values 0..1 as a picture, 1 = white."""
    return Image.fromarray((255 * np.clip(values, 0, 1)).astype(np.uint8))


def maps(looks: list[Look]) -> Image.Image:
    """Maps of up to `MOST_MAPS` times side by side; gated ones below."""
    chosen = np.unique(
        np.linspace(0, len(looks) - 1, min(MOST_MAPS, len(looks))).round().astype(int)
    )
    size = (len(chosen) * (MAP + GAP) + GAP, 2 * (MAP + GAP + LINE) + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, index in enumerate(chosen):
        look = looks[int(index)]
        left = GAP + place * (MAP + GAP)
        for row, values in enumerate((look.attention, look.gated)):
            top = GAP + row * (MAP + GAP + LINE)
            shown = np.sqrt(values / max(float(values.max()), 1e-9))
            picture = grey(shown).resize((MAP, MAP), Image.Resampling.BILINEAR).convert("RGB")
            sheet.paste(picture, (left, top + LINE))
            label = f"t = {look.time:.2f}" + (", by gates" if row else "")
            draw.text((left, top), label, fill=INK)
    return sheet


def curves(times: list[float], rows: dict[str, list[float]], chance: float) -> Image.Image:
    """Shares over denoising time, and a line for chance."""
    width, height = 4 * MAP, 2 * MAP
    sheet = Image.new("RGB", (width + 4 * GAP, height + 4 * GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    left, bottom = 3 * GAP, height + 2 * GAP
    highest = max([chance, *(value for row in rows.values() for value in row)], default=1.0) * 1.1

    def at(time: float, value: float) -> tuple[float, float]:
        return left + width * time, bottom - height * value / max(highest, 1e-9)

    draw.line([at(0, 0), at(1, 0)], fill=INK)
    draw.line([at(0, 0), at(0, highest)], fill=INK)
    draw.line([at(0, chance), at(1, chance)], fill=FAINT)
    draw.text(at(0.02, chance), f"chance {chance:.3f}", fill=FAINT)
    for colour, (name, values) in zip(COLOURS, rows.items(), strict=False):
        points = [at(t, v) for t, v in zip(times, values, strict=True)]
        if len(points) > 1:
            draw.line(points, fill=colour, width=2)
        draw.text((points[-1][0] - 70, points[-1][1] - LINE), name, fill=colour)
    draw.text((left, bottom + 4), "noise ... sound", fill=INK)
    draw.text((4, GAP), f"{highest:.2f}", fill=INK)
    return sheet


def bands(looks: list[Look], experts: list[int]) -> Image.Image:
    """Experts of time as steps above, power of the experts of bands below (a row per layer and band)."""
    count = max(experts, default=0) + 1
    steps = np.zeros((count, len(looks)), np.float32)
    for column, expert in enumerate(experts):
        steps[expert, column] = 1.0
    power = np.stack([look.bands.reshape(-1) for look in looks], axis=1)
    width = 4 * MAP
    above = grey(steps).resize((width, MAP // 2), Image.Resampling.NEAREST)
    sheet = Image.new("RGB", (width + 2 * GAP, 2 * MAP + 4 * GAP + 2 * LINE), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, GAP), "expert of time (down) at each step (across)", fill=INK)
    sheet.paste(above.convert("RGB"), (GAP, GAP + LINE))
    top = 2 * GAP + LINE + MAP // 2
    draw.text((GAP, top), "power of the experts of bands, layer by layer", fill=INK)
    if power.size:
        below = grey(np.sqrt(power)).resize((width, MAP), Image.Resampling.NEAREST)
        sheet.paste(below.convert("RGB"), (GAP, top + LINE))
    return sheet
