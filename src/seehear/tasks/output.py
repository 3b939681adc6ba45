"""The output of a file job: new sound in a copy of the input, checked packet by packet.

After writing, the finished file is read again: hashes of all copied payloads must be those of the input.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.resample import ResampleStream
from seehear.errors import InputError, OutputError
from seehear.media.codecs import (
    SoundFormat,
    choose_format,
    is_sound_file,
    layout_channels,
    output_format,
)
from seehear.media.mux import CopiedStream, Remux, packet_hashes
from seehear.media.opening import open_input
from seehear.media.read import SoundDecoder, SoundReport, track_stream
from seehear.runtime import Stopwatch
from seehear.tasks.progress import Progress
from seehear.tasks.rendering import Renderer
from seehear.tasks.source import JobSource, SoundSource, Trim

Block = NDArray[np.float32]


@dataclass
class Written:
    """What was written.

    Args:
        sound: how the new sound is coded.
        begin_s: when it begins, seconds on the input's clock.
        num_samples: its length.
        streams: one row per copied stream with both packet hashes.
        warnings: sentences that matter.
        last_end_s: end of the last packet read.
    """

    sound: SoundFormat
    begin_s: float = 0.0
    num_samples: int = 0
    streams: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    last_end_s: float = 0.0


def check_container(
    source: SoundSource, path: Path, keep_original: bool, layout: str | None = None
) -> SoundFormat:
    """Try the output's header before any work is done.

    Args:
        source: the input.
        path: scratch file; it is gone afterwards.
        keep_original: see `Remux`.
        layout: channel layout of the new sound; None for the source's.

    Returns:
        How the new sound would be coded, by what headers say.

    Raises:
        OutputError: the container cannot hold a stream of the input or the sound.
    """
    muxer = output_format(path)
    with open_input(source.path) as container:
        track = track_stream(container, source.track)
        sound = choose_format(track, muxer, 0, layout)
        remux = Remux(
            container, path, muxer, track, sound, keep_original, source.cut, is_sound_file(path)
        )
        remux.abandon()
    path.unlink(missing_ok=True)
    return sound


def write_output(
    source: SoundSource,
    path: Path,
    renderer: Renderer,
    measured_bit_rate: int,
    keep_original: bool,
    progress: Progress,
    clock: Stopwatch,
    layout: str | None = None,
) -> Written:
    """Decode, render, encode, and copy everything else.

    Args:
        source: the input.
        path: file to write; its suffix decides the container.
        renderer: makes the new sound from the old.
        measured_bit_rate: bit/s of the old track, counted from its packets.
        keep_original: keep the old track behind the new one.
        progress: told seconds rendered.
        clock: told the seconds of `render` and `verify`.
        layout: channel layout that the renderer gives; None for the source's.

    Raises:
        OutputError: the disk is full, or a copied picture came out different.
    """
    with clock("write"):
        written, copied = _write(
            source, path, renderer, measured_bit_rate, keep_original, progress, layout
        )
    with clock("verify"):
        verify_copies(source.path, path, copied, written)
    return written


def copy_output(
    source: SoundSource,
    path: Path,
    report: SoundReport,
    progress: Progress,
    clock: Stopwatch,
) -> Written:
    """Copy everything, the chosen sound track too; for a job that leaves the sound alone.

    Args:
        source: the input, whole.
        path: file to write, a container.
        report: of a decoder that has read the sound.
        progress: told that something is going on.
        clock: told the seconds of `write` and `verify`.

    Raises:
        OutputError: as in `write_output`, or the container cannot hold the sound.
    """
    stream = source.stream
    sound = SoundFormat("copy", stream.sample_rate, stream.layout, stream.sample_format, 0)
    written = Written(sound, report.first_s or 0.0, report.num_samples)
    with clock("write"), open_input(source.path) as container:
        track = track_stream(container, source.track)
        remux = Remux(container, path, output_format(path), track, None)
        complete = False
        try:
            for _ in remux.packets():
                raise AssertionError("no packet is for a decoder")
            progress(1.0, 1.0, "writing")
            remux.finish()
            complete = True
        finally:
            if not complete:
                remux.abandon()
    written.last_end_s = remux.last_end_s
    written.warnings += [*remux.dropped, *report.sentences()]
    with clock("verify"):
        verify_copies(source.path, path, remux.copied, written)
    return written


def _write(
    source: SoundSource,
    path: Path,
    renderer: Renderer,
    measured_bit_rate: int,
    keep_original: bool,
    progress: Progress,
    layout: str | None,
) -> tuple[Written, dict[int, CopiedStream]]:
    muxer = output_format(path)
    with open_input(source.path) as container:
        track = track_stream(container, source.track)
        sound = choose_format(track, muxer, measured_bit_rate, layout)
        decoder = SoundDecoder(track)
        trim = Trim(source.cut, decoder)
        written = Written(sound)
        remux = Remux(
            container, path, muxer, track, sound, keep_original, source.cut, is_sound_file(path)
        )
        sink = _Sink(remux, written, trim, progress, source)
        complete = False
        try:
            for packet in remux.packets():
                for block in decoder.decode(packet):
                    kept = trim.keep(block)
                    if kept.shape[1]:
                        sink.write(renderer.push(kept))
            sink.write(renderer.finish())
            sink.finish()
            remux.finish()
            complete = True
        finally:
            if not complete:
                remux.abandon()
    written.last_end_s = remux.last_end_s
    written.warnings += [*remux.dropped, *decoder.report.sentences(), *sink.sentences()]
    return written, remux.copied


class _Sink:
    """Hands rendered blocks to the encoder; counts samples and those beyond full scale."""

    def __init__(
        self, remux: Remux, written: Written, trim: Trim, progress: Progress, source: SoundSource
    ) -> None:
        self._remux, self._written, self._trim = remux, written, trim
        self._progress, self._rate = progress, source.sample_rate
        self._expected_s = source.expected_samples() / source.sample_rate
        self._is_integer = written.sound.sample_format.startswith(("s16", "s32", "u8"))
        self._clipped = 0
        channels = layout_channels(written.sound.layout)
        # Only where the codec does not know the source's rate (see `SoundFormat.sample_rate`).
        self._resampler = ResampleStream(self._rate, written.sound.sample_rate, channels)

    def write(self, block: Block) -> None:
        """Encode a rendered block at the source's rate."""
        self._encode(self._resampler.push(block))

    def finish(self) -> None:
        """Encode what is left."""
        self._encode(self._resampler.finish())

    def _encode(self, block: Block) -> None:
        if block.shape[1] == 0:
            return
        self._written.begin_s = self._trim.begin_s
        self._remux.write(block, self._trim.begin_s)
        self._written.num_samples += block.shape[1]
        if self._is_integer:
            self._clipped += int((np.abs(block) > 1.0).sum())
        done_s = self._written.num_samples / self._written.sound.sample_rate
        self._progress(done_s, max(self._expected_s, done_s), "writing")

    def sentences(self) -> list[str]:
        said = []
        if self._clipped:
            said.append(clipped_sentence(self._clipped))
        if self._written.sound.sample_rate != self._rate:
            sound = self._written.sound
            said.append(rate_sentence(sound.encoder, self._rate, sound.sample_rate))
        return said


def verify_copies(
    source: Path, path: Path, copied: dict[int, CopiedStream], written: Written
) -> None:
    """Read an output again and compare the hashes of all copied payloads with the input's.

    Args:
        source: the input.
        path: the output.
        copied: what was copied, by stream.
        written: gets one row per copied stream, and a warning for what came out different.

    Raises:
        OutputError: a picture came out different in the same container.
    """
    found = packet_hashes(path)
    same_container = path.suffix.lower() == source.suffix.lower()
    for stream in copied.values():
        if stream.kind == "attachment":
            continue
        digest, count = found.get(stream.output_index, ("", 0))
        if stream.packets == 0 and count == 0:
            continue
        wanted = stream.digest.hexdigest()
        identical = digest == wanted
        written.streams.append(
            {
                "stream": stream.index,
                "kind": stream.kind,
                "packets": stream.packets,
                "input_packet_sha256": wanted,
                "output_packet_sha256": digest,
                "identical": identical,
            }
        )
        if identical:
            continue
        what = f"{stream.kind} stream {stream.index}"
        if same_container and stream.kind == "video":
            raise OutputError(f"{what} did not come out as it went in; nothing was written")
        written.warnings.append(f"{what} was re-wrapped for the {path.suffix} container")


def clipped_sentence(count: int) -> str:
    """What to say when a format of whole numbers could not hold some samples."""
    return (
        f"{count} samples exceed full scale and were clipped; write a .wav file, which keeps them"
    )


def rate_sentence(encoder: str, wanted: int, rate: int) -> str:
    """What to say when a codec does not know a sample rate, both in Hz."""
    return f"the {encoder} codec does not know {wanted} Hz; the new track has {rate} Hz"


def damages(source: JobSource, written: Written, report: SoundReport) -> list[str]:
    """Sentences about what was odd in the input and what became of it."""
    said = list(dict.fromkeys(written.warnings))
    missing = source.missing_end_s(max(written.last_end_s, report.last_packet_end_s))
    if missing:
        said.append(
            f"the input ends {missing:.2f} s before the end that its header promises; "
            "what is there was processed"
        )
    return said


def require_picture(source: SoundSource, advice: str) -> None:
    """Refuse an input without a picture.

    Args:
        source: the input.
        advice: what to do instead, as the second half of a sentence.

    Raises:
        InputError: there is no picture.
    """
    if source.info.video is None:
        raise InputError(f"{str(source.path)!r} has no picture to look at; {advice}")
