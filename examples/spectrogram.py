"""Draw what a change of the sound looks like: film strip, focus, spectrograms on one scale.

NumPy and Pillow only. The frequency axis is logarithmic; the colour scale is in dBFS per bin and the
same for every panel, so that louder means brighter everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from examples.paint import Colour
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from seehear.dsp.stft import stft
from seehear.types import Audio, Video

WIDTH, PANEL, STRIP, BAR, LEFT, RIGHT = 900, 190, 82, 22, 64, 16
LOW_HZ, HIGH_HZ = 60.0, 16000.0
FLOOR_DB, TOP_DB = -105.0, -25.0
N_FFT = 4096
INK: Colour = (40, 44, 52)
FOCUS_COLOURS: Mapping[str, Colour] = {
    "speech": (66, 118, 190),
    "music": (62, 148, 96),
    "effects": (206, 122, 44),
}
# Dark blue over red to pale yellow, each stop brighter than the one before.
STOPS = ((8, 8, 24), (56, 22, 92), (142, 36, 96), (216, 78, 62), (246, 160, 70), (255, 244, 190))


def levels_db(audio: Audio, width: int, height: int) -> NDArray[np.float64]:
    """Spectrogram of the channels' mean as [height, width] in dBFS; the lowest pitch comes last."""
    mono = audio.waveform.mean(0)
    hop = max(mono.shape[0] // (2 * width), 1)
    power = (stft(mono, N_FFT, hop).abs() * (4.0 / N_FFT)).square().numpy()  # [F, N]
    edges = np.linspace(0, power.shape[1], width + 1).astype(int)
    columns = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)  # [F, width]
    rows = LOW_HZ * (HIGH_HZ / LOW_HZ) ** np.linspace(1, 0, height)
    at = rows * N_FFT / audio.sample_rate
    low = np.minimum(at.astype(int), power.shape[0] - 2)
    rest = np.clip(at - low, 0, 1)[:, None]
    return 10 * np.log10(columns[low] * (1 - rest) + columns[low + 1] * rest + 1e-12)


def colours(level_db: NDArray[np.float64]) -> Image.Image:
    """Turn dBFS into the colour scale."""
    place = np.clip((level_db - FLOOR_DB) / (TOP_DB - FLOOR_DB), 0, 1) * (len(STOPS) - 1)
    stops = np.array(STOPS, dtype=float)
    rgb = np.stack([np.interp(place, range(len(STOPS)), stops[:, c]) for c in range(3)], axis=-1)
    return Image.fromarray(rgb.round().astype(np.uint8))


def compare(panels: Mapping[str, Audio], video: Video, focus: Sequence[str]) -> Image.Image:
    """Film strip and focus on top, then one spectrogram a panel.

    Args:
        panels: title -> sound, all of the same length.
        video: frames of the clip; as many as fit are shown at their times.
        focus: what the picture is about in each second.
    """
    seconds = next(iter(panels.values())).duration_s
    plot = WIDTH - LEFT - RIGHT
    height = STRIP + BAR + len(panels) * (PANEL + 4) + 24
    picture = Image.new("RGB", (WIDTH, height), (255, 255, 255))
    _film_strip(picture, video, seconds, plot)
    draw = ImageDraw.Draw(picture)
    _focus_bar(draw, focus, seconds, plot)
    y = STRIP + BAR
    for title, audio in panels.items():
        picture.paste(colours(levels_db(audio, plot, PANEL)), (LEFT, y))
        _axis(draw, y)
        draw.text((LEFT + 8, y + 6), title, fill=(255, 255, 255), font=ImageFont.load_default(16))
        y += PANEL + 4
    small = ImageFont.load_default(12)
    for second in range(0, int(seconds) + 1, 2):
        x = LEFT + plot * second / seconds
        draw.text((x, y + 4), f"{second} s", fill=INK, font=small, anchor="ma" if second else "la")
    return picture.quantize(256)


def _film_strip(picture: Image.Image, video: Video, seconds: float, plot: int) -> None:
    height = STRIP - 4
    width = round(height * video.frames.shape[3] / video.frames.shape[2])
    count = plot // width
    for number in range(count):
        time_s = (number + 0.5) * seconds / count
        index = int((video.times <= time_s).sum()) - 1
        frame = Image.fromarray(video.frames[max(index, 0)].permute(1, 2, 0).numpy())
        left = LEFT + round(number * plot / count)
        right = LEFT + round((number + 1) * plot / count)
        picture.paste(frame.resize((right - left, height)), (left, 0))


def _focus_bar(draw: ImageDraw.ImageDraw, focus: Sequence[str], seconds: float, plot: int) -> None:
    font = ImageFont.load_default(13)
    draw.text((LEFT - 6, STRIP + 2), "in shot", fill=INK, font=font, anchor="ra")
    start = 0
    for second in range(1, len(focus) + 1):
        if second < len(focus) and focus[second] == focus[start]:
            continue
        left, right = (LEFT + plot * s / seconds for s in (start, second))
        draw.rectangle((left, STRIP, right - 1, STRIP + BAR - 4), fill=FOCUS_COLOURS[focus[start]])
        middle = ((left + right) / 2, STRIP + 9)
        draw.text(middle, focus[start], fill=(255, 255, 255), font=font, anchor="mm")
        start = second


def _axis(draw: ImageDraw.ImageDraw, top: int) -> None:
    font = ImageFont.load_default(12)
    for hertz, label in ((100, "100 Hz"), (1000, "1 kHz"), (10000, "10 kHz")):
        y = top + (PANEL - 1) * (1 - np.log(hertz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ))
        draw.line((LEFT - 5, y, LEFT - 1, y), fill=INK)
        draw.text((LEFT - 8, y), label, fill=INK, font=font, anchor="rm")
