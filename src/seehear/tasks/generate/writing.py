"""Last stage: the new track into a copy of the video, everything else packet by packet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.resample import ResampleStream, resampled_length
from seehear.media.codecs import (
    SoundFormat,
    choose_format,
    is_sound_file,
    layout_channels,
    new_format,
    output_format,
)
from seehear.media.mux import Remux
from seehear.media.opening import open_input
from seehear.media.read import track_stream
from seehear.runtime import Stopwatch
from seehear.tasks.generate.config import GenerateOptions
from seehear.tasks.generate.mixing import Track
from seehear.tasks.output import Written, clipped_sentence, rate_sentence, verify_copies
from seehear.tasks.picture_source import PictureSource
from seehear.tasks.progress import Progress

Block = NDArray[np.float32]

AHEAD_S = 0.5
"""How far the sound is written ahead of the packets copied."""
SILENT_LAYOUT = "mono"


def takes_place(options: GenerateOptions, source: PictureSource) -> bool:
    """Whether the new track takes the old one's place; else it stands beside it, or is the first."""
    return source.sound is not None and (options.mix or options.replace)


def sound_format(
    options: GenerateOptions, source: PictureSource, path: Path, measured_bit_rate: int = 0
) -> SoundFormat:
    """How the new sound will be coded.

    Args:
        options: as given.
        source: the input.
        path: file to write.
        measured_bit_rate: bit/s of the old track, 0 when unknown.
    """
    muxer = output_format(path)
    if not takes_place(options, source):
        return new_format(muxer, source.sample_rate, SILENT_LAYOUT)
    with open_input(source.path) as container:
        track = track_stream(container, options.track)
        layout = None if options.mix else SILENT_LAYOUT
        return choose_format(track, muxer, measured_bit_rate, layout)


def check_container(options: GenerateOptions, source: PictureSource, path: Path) -> None:
    """Try the output's header before any work is done.

    Args:
        options: as given.
        source: the input.
        path: scratch file; it is gone afterwards.

    Raises:
        OutputError: the container cannot hold a stream of the input or the sound.
    """
    with open_input(source.path) as container:
        _remux(container, options, source, path, sound_format(options, source, path)).abandon()
    path.unlink(missing_ok=True)


def _remux(
    container: Any,
    options: GenerateOptions,
    source: PictureSource,
    path: Path,
    sound: SoundFormat,
) -> Remux:
    replaced = takes_place(options, source)
    track = track_stream(container, options.track) if replaced else None
    return Remux(
        container,
        path,
        output_format(path),
        track,
        sound,
        options.keep_original and replaced,
        source.cut,
        is_sound_file(path),
    )


def write_track(
    options: GenerateOptions,
    source: PictureSource,
    track: Track,
    path: Path,
    progress: Progress,
    clock: Stopwatch,
) -> Written:
    """Encode the new track and copy everything else.

    Args:
        options: as given.
        source: the input.
        track: the new sound.
        path: file to write; its suffix decides the container.
        progress: told the share that is done; may raise `Cancelled`.
        clock: told the seconds of `write` and `verify`.

    Raises:
        OutputError: the disk is full, or a copied picture came out different.
    """
    measured = 0
    if track.report is not None:
        heard_s = max(track.report.num_samples / track.sample_rate, 1e-9)
        measured = round(8 * track.report.packet_bytes / heard_s)
    sound = sound_format(options, source, path, measured)
    written = Written(sound, track.begin_s)
    with clock("write"), open_input(source.path) as container:
        remux = _remux(container, options, source, path, sound)
        sink = _Sink(remux, track, written, progress)
        complete = False
        try:
            for moment in remux.moments():
                sink.write_until(moment + AHEAD_S)
            sink.write_until(float("inf"))
            remux.finish()
            complete = True
        finally:
            if not complete:
                remux.abandon()
    written.last_end_s = max(remux.last_end_s, source.span.end_s)
    written.warnings += [*remux.dropped, *sink.sentences()]
    if track.report is not None:
        written.warnings += track.report.sentences()
    with clock("verify"):
        verify_copies(source.path, path, remux.copied, written)
    return written


class _Sink:
    """Hands the track's blocks to the encoder, in step with the packets copied."""

    def __init__(self, remux: Remux, track: Track, written: Written, progress: Progress) -> None:
        self._remux, self._track, self._written = remux, track, written
        self._progress, self._rate = progress, written.sound.sample_rate
        self._total = resampled_length(track.num_samples, track.sample_rate, self._rate)
        channels = layout_channels(written.sound.layout)
        self._blocks: Iterator[Block] = self._resampled(channels)
        self._is_integer = written.sound.sample_format.startswith(("s16", "s32", "u8"))
        self._clipped = 0

    def _resampled(self, channels: int) -> Iterator[Block]:
        # Only where the codec does not know the old sound's rate (see `SoundFormat.sample_rate`).
        resampler = ResampleStream(self._track.sample_rate, self._rate, channels)
        for block in self._track.blocks:
            yield resampler.push(block)
        yield resampler.finish()

    def write_until(self, moment_s: float) -> None:
        """Encode what begins before a moment on the input's clock."""
        while self._track.begin_s + self._written.num_samples / self._rate < moment_s:
            block = next(self._blocks, None)
            if block is None:
                return
            if not block.shape[1]:
                continue
            self._remux.write(block, self._track.begin_s)
            self._written.num_samples += block.shape[1]
            if self._is_integer:
                self._clipped += int((np.abs(block) > 1.0).sum())
            self._progress(self._written.num_samples, max(self._total, 1), "writing")

    def sentences(self) -> list[str]:
        """Warnings that matter."""
        said = []
        if self._clipped:
            said.append(clipped_sentence(self._clipped))
        if self._rate != self._track.sample_rate:
            wanted = self._track.sample_rate
            said.append(rate_sentence(self._written.sound.encoder, wanted, self._rate))
        return said
