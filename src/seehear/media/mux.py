"""Write a new sound track into a copy of a file whose other streams stay bit for bit as they are.

`Remux` walks over the input's packets once: those of the chosen sound track go to the caller, who answers
with samples; all others are copied and hashed. The new track takes the old one's place, language, title
and flags. Nothing is held but what the container needs for interleaving.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import Disposition
from numpy.typing import NDArray

from seehear.errors import OutputError
from seehear.media.codecs import AMBISONIC, SoundFormat
from seehear.media.opening import open_input

Block = NDArray[np.float32]

# Tags that MP4's classic tag list holds; others need QuickTime's key list.
CLASSIC_MP4_TAGS = frozenset(
    """
    title artist album_artist composer album date encoder comment genre copyright grouping lyrics
    description synopsis show episode_id network keywords major_brand minor_version
    compatible_brands creation_time timecode track disc compilation media_type hd_video
    gapless_playback account_id rating performer author
    """.split()  # noqa: SIM905 - forty quoted words would be harder to read
)


# Containers that cannot say "the first samples are the encoder's own".
NO_PRIMING = frozenset({"avi"})


@dataclass(frozen=True)
class Cut:
    """Part of the input to keep, in seconds on the input's clock."""

    begin_s: float
    end_s: float


@dataclass
class CopiedStream:
    """What happened to one copied stream.

    Args:
        index: stream index in the input.
        kind: `video`, `audio`, ...
        output_index: stream index in the output.
        digest: running hash over the payloads read.
        packets: number of packets copied.
    """

    index: int
    kind: str
    output_index: int
    digest: Any = field(default_factory=hashlib.sha256)
    packets: int = 0


class Remux:
    """An output container that copies everything of a source but one sound track.

    Args:
        source: open input container (stays the caller's).
        path: file to write.
        muxer: FFmpeg's muxer name.
        track: the input's sound stream that is replaced; None adds the new one behind all others.
        sound: how the new sound is coded; None copies the chosen track like all others.
        keep_original: whether the old track is kept, behind the new one.
        cut: keep only this part, or None.
        alone: write the new sound only (WAV, FLAC).

    Raises:
        OutputError: the container cannot hold a stream of the input, or cannot be written.
    """

    def __init__(
        self,
        source: InputContainer,
        path: Path,
        muxer: str,
        track: Any,
        sound: SoundFormat | None,
        keep_original: bool = False,
        cut: Cut | None = None,
        alone: bool = False,
    ) -> None:
        self._source, self._path, self._muxer = source, path, muxer
        self._track, self._sound, self._cut = track, sound, cut
        self.dropped: list[str] = []
        self.copied: dict[int, CopiedStream] = {}
        self._outputs: dict[int, Any] = {}
        self._held: list[Any] = []
        self.last_end_s = float("-inf")
        self._position = 0
        self._first: int | None = None
        self._shift_s: float | None = None if cut is not None else 0.0
        try:
            self._container: OutputContainer = av.open(
                f"file:{path}", "w", format=muxer, container_options=self._options()
            )
            self._add_streams(keep_original, alone)
            self._copy_descriptions(alone)
            self._container.start_encoding()
        except FFmpegError as error:
            raise OutputError(f"cannot write a {path.suffix} file: {error.strerror}") from error

    # Building -------------------------------------------------------------------------------

    def _options(self) -> dict[str, str]:
        options = {}
        if self._muxer in ("mp4", "mov", "ipod", "3gp"):
            flags = []
            tags = {key.lower() for key in self._source.metadata}
            if self._muxer in ("mp4", "mov") and tags - CLASSIC_MP4_TAGS:
                flags.append("use_metadata_tags")
            if _index_in_front(self._source):
                flags.append("faststart")  # a file made for streaming stays one
            if flags:
                options["movflags"] = "+".join(flags)
            # Without this the muxer would shorten a late track's edit list to 1 ms steps.
            options["movie_timescale"] = "90000"
        if self._muxer == "wav":
            options["rf64"] = "auto"
        if self._muxer == "mpegts":
            options["mpegts_copyts"] = "1"
        return options

    def _add_streams(self, keep_original: bool, alone: bool) -> None:
        replaced = None if self._track is None else self._track.index
        for stream in self._source.streams:
            if stream.index == replaced and self._sound is not None:
                self.encoded = self._add_sound(stream, self._sound, alone)
                if keep_original and not alone:
                    self._add_copy(stream, clear_default=True)
            elif not alone:
                self._add_copy(stream)
        if replaced is None and self._sound is not None:
            self.encoded = self._add_sound(None, self._sound, alone)

    def _add_sound(self, template: Any | None, sound: SoundFormat, alone: bool) -> Any:
        # Some encoders (Vorbis) count as experiments and must be asked for expressly. To FLAC the same
        # word means 32 bits, which few readers know.
        options = {} if sound.encoder == "flac" else {"strict": "experimental"}
        if sound.layout == AMBISONIC and sound.encoder == "libopus":
            options["mapping_family"] = "2"  # says "ambisonics" in the header
        encoded: Any = self._container.add_stream(
            sound.encoder, rate=sound.sample_rate, options=options
        )
        context = encoded.codec_context
        context.layout = sound.layout
        context.format = sound.sample_format
        if sound.bit_rate:
            context.bit_rate = sound.bit_rate
        encoded.time_base = context.time_base = Fraction(1, sound.sample_rate)
        if alone:
            return encoded
        if template is not None:
            encoded.metadata.update(_stream_tags(template, new_codec=True))
            encoded.disposition = template.disposition
        elif not self._source.streams.audio:
            encoded.disposition = Disposition.default
        return encoded

    def _add_copy(self, stream: Any, clear_default: bool = False) -> None:
        if self._is_remade(stream):
            return
        what = f"{stream.type} stream {stream.index}"
        try:
            out = self._container.add_stream_from_template(stream, opaque=True)
        except (ValueError, FFmpegError) as error:
            if stream.type in ("data", "attachment"):
                self.dropped.append(f"{what} cannot be kept in a {self._path.suffix} file")
                return
            name = stream.codec_context.name if stream.codec_context else "unknown"
            raise OutputError(
                f"a {self._path.suffix} file cannot hold the {name} of {what}; "
                "use the input's own suffix or .mkv"
            ) from error
        if stream.codec_context is not None and self._muxer in str(self._source.format.name):
            out.codec_context.codec_tag = stream.codec_context.codec_tag
        out.metadata.update(_stream_tags(stream, new_codec=False))
        flags = stream.disposition
        out.disposition = flags & ~Disposition.default if clear_default else flags
        self._outputs[stream.index] = out
        self.copied[stream.index] = CopiedStream(stream.index, stream.type, out.index)

    def _is_remade(self, stream: Any) -> bool:
        """Tracks that MP4 and MOV writers make themselves: time code and chapter titles."""
        if stream.type != "data" or "mov" not in self._source.format.name:
            return False
        if "timecode" in stream.metadata:
            return self._muxer in ("mov", "mp4")
        return bool(self._source.chapters()) and stream.codec_context is None

    def _copy_descriptions(self, alone: bool) -> None:
        skipped = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration"}
        tags = {k: v for k, v in self._source.metadata.items() if k.lower() not in skipped}
        self._container.metadata.update(tags)
        chapters = self._source.chapters()
        if chapters and not alone:
            self._container.set_chapters(self._moved_chapters(chapters))

    def _moved_chapters(self, chapters: list[Any]) -> list[Any]:
        if self._cut is None:
            return chapters
        kept = []
        for chapter in chapters:
            base = chapter["time_base"]
            begin = max(float(chapter["start"] * base), self._cut.begin_s) - self._cut.begin_s
            end = min(float(chapter["end"] * base), self._cut.end_s) - self._cut.begin_s
            if end > begin:
                moved = {"start": round(begin / base), "end": round(end / base)}
                kept.append({**chapter, **moved})
        return kept

    # Writing --------------------------------------------------------------------------------

    def packets(self) -> Iterator[Any]:
        """Walk over the input: copy what is copied, yield the packets of the chosen track.

        The caller decodes them and answers with `write`. A damaged end of the input ends the walk.
        """
        track = self._track.index
        wanted = [self._source.streams[i] for i in {*self._outputs, track}]
        for packet in _demuxed(self._source, wanted):
            self._note_end(packet)
            index = packet.stream_index
            if index == track and self._sound is not None:
                yield packet  # decoded by the caller before it is muxed, which empties it
            if packet.size and index in self._outputs:
                self._copy(packet, self.copied[index])

    def moments(self) -> Iterator[float]:
        """Walk over the input and copy what is copied, for a sound that does not come from it.

        Yields:
            Seconds on the input's clock up to which everything is copied; the caller keeps step with
            `write`. Nothing before a cut.
        """
        kinds = ("video", "audio")  # what is not copied counts where the input ends
        wanted = [s for s in self._source.streams if s.index in self._outputs or s.type in kinds]
        for packet in _demuxed(self._source, wanted):
            self._note_end(packet)
            if not packet.size or packet.stream_index not in self._outputs:
                continue
            moment = packet.dts if packet.dts is not None else packet.pts
            seconds = None if moment is None else float(moment * packet.time_base)
            self._copy(packet, self.copied[packet.stream_index])
            if seconds is not None and (self._cut is None or seconds >= self._cut.begin_s):
                yield seconds

    def _note_end(self, packet: Any) -> None:
        if packet.size and packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.last_end_s = max(self.last_end_s, end)

    def _copy(self, packet: Any, counted: CopiedStream) -> None:
        if self._cut is None:
            self._mux_copy(packet, counted)
            return
        moment = packet.dts if packet.dts is not None else packet.pts
        seconds = None if moment is None else float(moment * packet.time_base)
        if seconds is None or seconds >= self._cut.end_s:
            return
        if counted.kind == "video":
            self._hold_or_copy(packet, counted, seconds)
            return
        length = float((packet.duration or 0) * packet.time_base)
        if seconds + length > self._cut.begin_s:
            self._release()
            self._mux_copy(packet, counted)

    def _hold_or_copy(self, packet: Any, counted: CopiedStream, seconds: float) -> None:
        """Before the cut keep the last group of pictures: it is needed to show the first frame."""
        if seconds >= self._cut.begin_s:  # type: ignore[union-attr]
            self._release()
            self._mux_copy(packet, counted)
            return
        if packet.is_keyframe:
            self._held = [(p, c) for p, c in self._held if c is not counted]
        self._held.append((packet, counted))

    def _release(self) -> None:
        if self._held:
            self._settle_shift()  # decided by what is held, so before that is let go
        held, self._held = self._held, []
        for packet, counted in held:
            self._mux_copy(packet, counted)

    def _mux_copy(self, packet: Any, counted: CopiedStream) -> None:
        counted.digest.update(bytes(packet))
        counted.packets += 1
        self._move(packet)
        packet.stream = self._outputs[counted.index]
        self._mux(packet)

    def _move(self, packet: Any) -> None:
        if self._cut is None:
            return
        ticks = round(self.shift_s / packet.time_base)
        if packet.pts is not None:
            packet.pts -= ticks
        if packet.dts is not None:
            packet.dts -= ticks

    @property
    def shift_s(self) -> float:
        """Seconds by which everything moves to an earlier time.

        With an edit list (MP4, MOV) frames before the cut get negative times and are not shown;
        other containers begin with the group of pictures that the cut needs.
        """
        return self._settle_shift()

    def _settle_shift(self) -> float:
        if self._shift_s is None:
            assert self._cut is not None, "only a cut moves time stamps"
            moments = [self._cut.begin_s]
            if self._muxer not in ("mp4", "mov", "ipod", "3gp"):
                moments += [float((p.pts or p.dts or 0) * p.time_base) for p, _ in self._held]
            self._shift_s = min(moments)
        return self._shift_s

    def write(self, block: Block, begin_s: float) -> None:
        """Encode samples of the new sound.

        Args:
            block: float32 [C, n], following the block before.
            begin_s: where the first block of all begins, seconds on the input's clock.
        """
        assert self._sound is not None, "a copied track takes no samples"
        rate = self._sound.sample_rate
        if self._first is None:
            self._first = round((begin_s - self.shift_s) * rate)
            block = self._with_lead(block, self._sound)
        packed = np.ascontiguousarray(block.T).reshape(1, -1)  # [C, n] -> [1, n * C]
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=self._sound.layout)
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = self._first + self._position
        self._position += block.shape[1]
        self._mux_new(self.encoded.encode(frame))

    def _with_lead(self, block: Block, sound: SoundFormat) -> Block:
        """Silence in front that fills the encoder's delay up to whole packets.

        AVI has no way to say that the first samples are the encoder's own, and no time before zero;
        there the packets that hold nothing else are left out, so that the sound begins in place.
        """
        if self._muxer not in NO_PRIMING:
            return block
        size = self.encoded.codec_context.frame_size
        lead = -_encoder_delay(sound) % size if size else 0
        self._position = -lead
        return np.pad(block, ((0, 0), (lead, 0)))

    def _mux_new(self, packets: list[Any]) -> None:
        for packet in packets:
            early = self._first is not None and packet.pts is not None and packet.pts < self._first
            if not (self._muxer in NO_PRIMING and early):
                self._mux(packet)

    def finish(self) -> None:
        """Flush the encoder and complete the file.

        Raises:
            OutputError: the disk is full, or the container refuses its content.
        """
        self._release()
        if self._sound is not None:
            self._mux_new(self.encoded.encode(None))
        try:
            self._container.close()
        except (FFmpegError, OSError) as error:
            raise OutputError(f"cannot complete the output: {error.strerror}") from error

    def abandon(self) -> None:
        """Close the file after an error; its content is of no use."""
        try:
            self._container.close()
        except (FFmpegError, OSError):
            return  # the error that led here is the one to tell

    def _mux(self, packet: Any) -> None:
        try:
            self._container.mux_one(packet)
        except (FFmpegError, OSError) as error:
            raise OutputError(f"cannot write the output: {error.strerror}") from error


def _index_in_front(source: InputContainer) -> bool:
    """Whether an MP4 or MOV has its index (moov) before the media data (mdat)."""
    if "mov" not in source.format.name:
        return False
    with Path(source.name.removeprefix("file:")).open("rb") as stream:
        while len(head := stream.read(8)) == 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind in (b"moov", b"mdat"):
                return kind == b"moov"
            if size == 1:
                size = int.from_bytes(stream.read(8), "big") - 8
            if size < 8:
                return False
            stream.seek(size - 8, 1)
    return False


def _stream_tags(stream: Any, new_codec: bool) -> dict[str, str]:
    """Tags of a stream that stay true; counts and bit rates that Matroska writes do not."""
    tags = {}
    for key, value in stream.metadata.items():
        lower = key.lower()
        stale = lower.startswith(("bps", "number_of_", "duration", "_statistics"))
        if not stale and not (new_codec and lower == "encoder"):
            tags[key] = value
    return tags


def _demuxed(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """Packets up to the end or to where the file is damaged."""
    walk = container.demux(streams)
    while True:
        try:
            packet = next(walk)
        except StopIteration:
            return
        except FFmpegError:
            return  # reading stops here; the caller compares with the declared duration
        yield packet


def _encoder_delay(sound: SoundFormat) -> int:
    """Samples that an encoder puts in front, found by encoding a little silence."""
    trial: Any = av.CodecContext.create(sound.encoder, "w")
    trial.sample_rate, trial.layout = sound.sample_rate, sound.layout
    trial.format, trial.time_base = sound.sample_format, Fraction(1, sound.sample_rate)
    silence = np.zeros((1, 8192 * len(trial.layout.channels)), np.float32)
    frame = av.AudioFrame.from_ndarray(silence, format="flt", layout=sound.layout)
    frame.sample_rate, frame.pts = sound.sample_rate, 0
    frame.time_base = Fraction(1, sound.sample_rate)
    packets = [*trial.encode(frame), *trial.encode(None)]
    return -min((packet.pts for packet in packets if packet.pts is not None), default=0)


def packet_hashes(path: Path) -> dict[int, tuple[str, int]]:
    """sha256 over all payloads and number of packets of each stream of a file, without decoding."""
    digests: dict[int, Any] = {}
    counts: dict[int, int] = {}
    with open_input(path) as container:
        for packet in _demuxed(container, list(container.streams)):
            if packet.size:
                index = packet.stream_index
                digests.setdefault(index, hashlib.sha256()).update(bytes(packet))
                counts[index] = counts.get(index, 0) + 1
    return {index: (digest.hexdigest(), counts[index]) for index, digest in digests.items()}
