"""What a highlight model has to beat, and the test of whether it looks at the picture."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seehear.data.manifest import ClipRow
from seehear.dsp.level import compress, integrated_loudness, loudness_gain
from seehear.dsp.resample import resample
from seehear.tasks.highlight.pairs import Pair
from seehear.types import Audio

METRIC_RATE = 44100
"""All sound is scored at this rate, so that figures of different corpora stand beside each other."""


def unchanged(pair: Pair) -> Audio:
    """The muddy mix as it is."""
    return pair.mixture


def level_normalised(pair: Pair) -> Audio:
    """The muddy mix scaled to the *target's* integrated loudness: more than a user could know."""
    return _to_target(pair.mixture, pair)


def compressed(pair: Pair) -> Audio:
    """The stated compressor (4:1 above -24 dBFS, 5/100 ms), without make-up gain."""
    audio = pair.mixture
    return Audio(compress(audio.waveform, audio.sample_rate), audio.sample_rate)


def compressed_normalised(pair: Pair) -> Audio:
    """The compressor, then scaled to the target's integrated loudness."""
    return _to_target(compressed(pair), pair)


BASELINES: Mapping[str, Callable[[Pair], Audio]] = {
    "input": unchanged,
    "level_normalised": level_normalised,
    "compressor": compressed,
    "compressor_normalised": compressed_normalised,
}


def choose_donor(row: ClipRow, rows: Sequence[ClipRow], seed: int) -> ClipRow | None:
    """Another scene whose picture is about something else.

    A donor has frames or captions, at least one focus, and another main focus than the clip (the
    stem class of most seconds).

    Args:
        row: the clip.
        rows: all clips of the split.
        seed: another seed, another choice; the same for everybody who asks again.

    Returns:
        None if the clip has no focus or no scene differs.
    """
    own = row.main_focus()
    donors = [
        other
        for other in rows
        if other.main_focus() not in ("", own) and (other.frames or other.captions)
    ]
    if not own or not donors:
        return None
    rng = np.random.default_rng([seed, zlib.crc32(row.id.encode())])
    return donors[int(rng.integers(len(donors)))]


def _to_target(audio: Audio, pair: Pair) -> Audio:
    # Several channels are measured as one and at the metrics' rate, as all scores see them.
    own, wanted = (
        resample(sound.waveform.mean(0), sound.sample_rate, METRIC_RATE)
        for sound in (audio, pair.target)
    )
    gain = loudness_gain(own, METRIC_RATE, integrated_loudness(wanted, METRIC_RATE))
    return Audio(audio.waveform * gain, audio.sample_rate)
