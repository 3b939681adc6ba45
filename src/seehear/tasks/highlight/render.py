"""Second pass: results of windows + the original sound -> the new sound, all channels, block by block.

A pure function of the two, so it can be done again after an interruption with the same samples. For one
channel and full strength a waveform model's own output is the result; otherwise real gains are applied
to every channel (`dsp/gains.py`). `highlight_clip` runs both passes in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.dsp.gains import BandGains, downmix_stream, gain_stream, ratio_rule
from seehear.dsp.overlap import SpectrumStream, transform_length
from seehear.dsp.window import cross_fade
from seehear.errors import InputError
from seehear.features.captions import Caption
from seehear.tasks.channels import channel_names_of
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.highlight.analyse import FramesAt, hear_windows
from seehear.tasks.highlight.highlighter import Highlighter
from seehear.tasks.rendering import Renderer, WaveformReader
from seehear.types import Audio, Clip, Video

Block = NDArray[np.float32]

BLOCK_S = 1.0


def make_renderer(
    highlighter: Highlighter,
    spans: list[tuple[int, int]],
    windows: Iterable[Block],
    sample_rate: int,
    channel_names: Sequence[str],
    strength: float,
) -> Renderer:
    """Choose how windows' results reach the channels.

    Args:
        highlighter: the model that made the windows.
        spans: of all windows, in samples at the network's rate.
        windows: their results, in order; read as needed.
        sample_rate: of the original, Hz.
        channel_names: FFmpeg's names of the original's channels.
        strength: 0..1.
    """
    stream = cross_fade(highlighter.plan, spans, iter(windows))
    if highlighter.kind == "bands":
        return _BandRenderer(highlighter, stream, sample_rate, len(channel_names), strength)
    waveform = WaveformReader(stream, highlighter.sample_rate, sample_rate)
    if len(channel_names) == 1 and strength == 1.0:
        return _OwnWaveform(waveform)
    return _RatioRenderer(waveform, sample_rate, channel_names, strength)


class _OwnWaveform:
    """One channel, full strength: the network's waveform is the result."""

    def __init__(self, waveform: WaveformReader) -> None:
        self._waveform = waveform

    def push(self, block: Block) -> Block:
        return self._waveform.read(block.shape[1])

    def finish(self) -> Block:
        return np.zeros((1, 0), np.float32)


class _RatioRenderer:
    """Gains |Y|/|X| of the downmix, applied to every channel."""

    def __init__(
        self,
        waveform: WaveformReader,
        sample_rate: int,
        channel_names: Sequence[str],
        strength: float,
    ) -> None:
        self._waveform = waveform
        self._downmix = downmix_stream(sample_rate, channel_names)
        self._gains = gain_stream(sample_rate, len(channel_names), 2, ratio_rule(strength))
        self._held = np.zeros((len(channel_names), 0), np.float32)

    def push(self, block: Block) -> Block:
        mono = block if self._downmix is None else self._downmix.push(block)
        return self._apply(block, mono)

    def finish(self) -> Block:
        empty = self._held[:, :0]
        rest = empty[:1] if self._downmix is None else self._downmix.finish()
        ready = self._apply(empty, rest)
        return np.concatenate([ready, self._gains.finish()], axis=1)

    def _apply(self, block: Block, mono: Block) -> Block:
        """The downmix lags behind the channels; hold those back until it is there."""
        self._held = np.concatenate([self._held, block], axis=1)
        count = mono.shape[1]
        made = self._waveform.read(count)
        together = np.concatenate([self._held[:, :count], mono, made])
        self._held = self._held[:, count:]
        return self._gains.push(together)


class _BandRenderer:
    """Decibels per band and column, applied to every channel."""

    def __init__(
        self,
        highlighter: Highlighter,
        columns: Iterator[Block],
        sample_rate: int,
        num_channels: int,
        strength: float,
    ) -> None:
        config = highlighter.config
        self._columns = columns
        self._per_s = highlighter.sample_rate / config.hop_length
        self._rate = sample_rate
        self._taken = 0
        module: Any = highlighter.checkpoint.module
        centres = module.band_centres_hz.double().cpu().numpy()
        n_fft = transform_length(sample_rate)
        self._ahead_s = 2 * n_fft / sample_rate
        self._bands = BandGains(centres, self._per_s, sample_rate, n_fft, strength)
        self._stream: SpectrumStream = gain_stream(sample_rate, num_channels, 0, self._bands.rule)

    def push(self, block: Block) -> Block:
        self._taken += block.shape[1]
        needed = (self._taken / self._rate + self._ahead_s) * self._per_s
        while self._bands.fed_columns < needed:
            columns = next(self._columns, None)
            if columns is None:
                break
            self._bands.feed(columns)
        return self._stream.push(block)

    def finish(self) -> Block:
        return self._stream.finish()


def highlight_clip(
    highlighter: Highlighter,
    clip: Clip,
    captions: Sequence[Caption] = (),
    strength: float = 1.0,
    use_frames: bool = True,
) -> Audio:
    """Rebalance a clip in memory.

    Args:
        highlighter: the model.
        clip: with sound; its frames (already of the encoder's size) are shown to the network.
        captions: with times in seconds from the clip's start.
        strength: 0..1.
        use_frames: False hides the picture.

    Returns:
        Sound of the same rate, channels and length.

    Raises:
        InputError: the clip has no sound, or frames of another size than the encoder's.
    """
    if clip.audio is None:
        raise InputError("this clip has no sound; there is nothing to rebalance")
    audio = clip.audio
    names = channel_names_of(audio.num_channels)
    step = max(int(BLOCK_S * audio.sample_rate), 1)
    samples = audio.waveform.numpy()
    blocks = [samples[:, i : i + step] for i in range(0, audio.num_samples, step)]
    frames_at = None
    if use_frames and clip.video is not None and highlighter.frame_encoder is not None:
        frames_at = frames_of(clip.video, highlighter.frame_encoder.frame_size)
    mono = mono_blocks(blocks, audio.sample_rate, names)
    heard = list(hear_windows(highlighter, mono, audio.sample_rate, frames_at, captions))
    results = [window.result for window in heard if window.result is not None]
    renderer = make_renderer(
        highlighter, [w.span for w in heard], results, audio.sample_rate, names, strength
    )
    made = [renderer.push(block) for block in blocks]
    joined = np.concatenate([*made, renderer.finish()], axis=1)
    return Audio(torch.from_numpy(joined), audio.sample_rate)


def frames_of(video: Video, size: int) -> FramesAt:
    """Answer "what is seen at second t" from frames in memory."""
    if tuple(video.frames.shape[2:]) != (size, size):
        raise InputError(
            f"the frame encoder wants {size}x{size} pixels, the clip's frames are "
            f"{video.frames.shape[3]}x{video.frames.shape[2]}; read them with size={size}"
        )

    def frames_at(moments: list[float]) -> torch.Tensor:
        wanted = torch.tensor(moments, dtype=torch.float64) + 1e-6
        last_before = torch.searchsorted(video.times.double(), wanted, right=True) - 1
        return video.frames[last_before.clamp_min(0)]

    return frames_at
