"""Reads what `probe.js` recorded: gaps of the sound, and the distance of flashes and clicks."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tests.browser.kit import CLICK_HZ, EVERY_S, FPS, tone_hz

if TYPE_CHECKING:
    from tests.browser.browsing import Visit

HERE = Path(__file__).parent
Samples = NDArray[np.float64]


class Unusable(Exception):
    """The machine was too busy to record; measure again."""


@dataclass(frozen=True)
class Recording:
    """What a page played and showed.

    Args:
        sound: [T, 2], at the page's own sample rate.
        sample_rate: Hz.
        begin_s: time of the first sample on the audio context's clock.
        stamps: [N, 2], pairs of the context's time (s) and the page's time (ms) of what leaves the
            loudspeaker at that moment, as the browser says.
        frames: [M, 3], time in the clip (s), moment of display (page's time, ms), brightness 0..255.
    """

    sound: Samples
    sample_rate: int
    begin_s: float
    stamps: Samples
    frames: Samples


def install(visit: Visit) -> None:
    """Put the probe into the pages of a visit (its context must have `bypass_csp`)."""
    worklet = (HERE / "probe-worklet.js").read_text("utf-8")
    visit.page.add_init_script(f"window.probeWorklet = {json.dumps(worklet)};")
    visit.page.add_init_script(path=HERE / "probe.js")


def watch(visit: Visit) -> None:
    """Begin afresh with the video that is shown now."""
    visit.page.evaluate("probe.ready.then(() => { probe.watch(); probe.take(); })")


def take(visit: Visit, needs_picture: bool = True) -> Recording:
    """Everything since `watch` or the last `take`.

    Raises:
        Unusable: the recording has a hole of its own, or nothing in it.
    """
    got: dict[str, Any] = visit.page.evaluate("probe.take()")
    if got["lost"] or not got["stamps"] or (needs_picture and not got["frames"]):
        raise Unusable("the recording has holes")
    sides = [
        np.frombuffer(base64.b64decode(got[side]), np.float32).astype(np.float64)
        for side in ("left", "right")
    ]
    rate = int(got["rate"])
    return Recording(
        np.stack(sides, axis=1),
        rate,
        got["begin"] / rate,
        np.array(got["stamps"]).reshape(-1, 2),
        np.array(got["frames"]).reshape(-1, 3),
    )


def longest_gap_s(recording: Recording, window_s: float = 0.004, down_db: float = 20.0) -> float:
    """Longest time for which the sound is `down_db` under its usual level, s.

    Looked at from the first to the last moment with sound, in windows that overlap by 15/16.
    """
    wave = recording.sound[:, 0]
    sounding = np.flatnonzero(np.abs(wave) > 1e-3)
    assert len(sounding), "nothing was played"
    wave = wave[sounding[0] : sounding[-1] + 1]
    length = round(window_s * recording.sample_rate)
    hop = max(length // 16, 1)
    power = np.convolve(wave**2, np.ones(length) / length, mode="valid")[::hop]
    quiet = power < np.median(power) * 10 ** (-down_db / 10)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(int), [0]])))
    runs = (edges[1::2] - edges[::2]) * hop / recording.sample_rate
    return float(runs.max(initial=0.0))


def click_times_s(recording: Recording) -> Samples:
    """When clicks begin, on the context's clock."""
    wave = recording.sound[:, 0]
    t = np.arange(round(0.004 * recording.sample_rate)) / recording.sample_rate
    # A short window of the click's own frequency; the steady tones are far below it.
    energy = np.abs(np.convolve(wave, np.exp(2j * np.pi * CLICK_HZ * t), mode="full"))
    loud = energy > 0.3 * energy.max()
    starts = np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))
    apart = np.concatenate([[True], np.diff(starts) > 0.1 * recording.sample_rate])
    # It passes 0.3 of the full value when 0.3 of the window is filled.
    delay = 0.3 * len(t)
    return recording.begin_s + (starts[apart] - delay) / recording.sample_rate


def heard_at_ms(recording: Recording, times_s: Samples) -> Samples:
    """When times of the context leave the loudspeaker, on the page's clock."""
    context, page = recording.stamps.T
    # The clocks run at the same speed; single stamps are late by what the page was busy with.
    return times_s * 1000 + np.median(page - context * 1000)


def flash_times_ms(recording: Recording) -> Samples:
    """When the first bright frame of each flash was displayed, on the page's clock.

    A jump into the middle of a flash shows bright frames too, without a click: they do not count.
    """
    bright = recording.frames[:, 2] > 128
    begins = np.round(recording.frames[:, 0] * FPS) % round(EVERY_S * FPS) == 0
    first = bright & begins & ~np.concatenate([[True], bright[:-1]])
    return recording.frames[first, 1]


def offsets_ms(recording: Recording, settle_s: float = 1.0) -> Samples:
    """Flash minus nearest click, ms; positive where the picture is late.

    Args:
        recording: clicks and flashes.
        settle_s: what comes earlier after the first frame is left out.
    """
    clicks = heard_at_ms(recording, click_times_s(recording))
    flashes = flash_times_ms(recording)
    flashes = flashes[flashes > recording.frames[0, 1] + 1000 * settle_s]
    if not (len(clicks) and len(flashes)):
        raise Unusable("no click or no flash was found")
    nearest = np.abs(flashes[:, None] - clicks[None]).argmin(axis=1)
    return flashes - clicks[nearest]


def share_of_tones(recording: Recording, versions: int, from_s: float, to_s: float) -> Samples:
    """Level of each version's tone in a part of the recording, as parts of the loudest."""
    rate = recording.sample_rate
    part = recording.sound[round(from_s * rate) : round(to_s * rate), 0]
    t = np.arange(len(part)) / rate
    shape = np.hanning(len(part))
    levels = np.array(
        [abs(np.sum(part * shape * np.exp(2j * np.pi * tone_hz(v) * t))) for v in range(versions)]
    )
    return levels / levels.max()


def click_grid_error_s(recording: Recording) -> float:
    """Largest distance of a click from the even grid of all clicks, s (0 if position never jumps)."""
    clicks = click_times_s(recording)[1:]  # the first one may be under the fade at the beginning
    phase = np.angle(np.exp(2j * np.pi * clicks / EVERY_S)) / (2 * np.pi) * EVERY_S
    centred = (phase - phase[0] + EVERY_S / 2) % EVERY_S - EVERY_S / 2
    return float(np.ptp(centred))
