"""Which container a name means, and how the new sound is coded in it.

The codec is the source's, if an encoder exists and the container takes it, at no less than its bit
rate; else AAC at 256 kbit/s (MP4, MOV), FLAC (Matroska), Opus (WebM). WAV is float32, FLAC 24 bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from seehear.errors import UsageError

# suffix -> FFmpeg's muxer
CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".m4a": "ipod",
    ".mov": "mov",
    ".3gp": "3gp",
    ".mkv": "matroska",
    ".mka": "matroska",
    ".webm": "webm",
    ".avi": "avi",
    ".ts": "mpegts",
    ".mts": "mpegts",
    ".m2ts": "mpegts",
    ".flv": "flv",
    ".asf": "asf",
    ".wmv": "asf",
    ".mxf": "mxf",
    ".nut": "nut",
    ".ogg": "ogg",
    ".ogv": "ogg",
    ".oga": "ogg",
    ".opus": "opus",
    ".mp3": "mp3",
}
SOUND_FILES = {".wav": "wav", ".flac": "flac"}

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}
# The only Vorbis encoder at hand knows two channels.
STEREO_ONLY = frozenset({"vorbis"})
# Encoders that the library marks as experiments, or that make something else of the same name.
NO_ENCODER = frozenset({"dts", "truehd", "mlp", "sonic", "wmapro", "amr_nb", "amr_wb"})
FALLBACK = {
    "mp4": "aac",
    "mov": "aac",
    "3gp": "aac",
    "ipod": "aac",
    "matroska": "flac",
    "webm": "libopus",
    "ogg": "libopus",
    "opus": "libopus",
    "mp3": "libmp3lame",
    "avi": "libmp3lame",
    "flv": "aac",
    "mpegts": "aac",
    "asf": "wmav2",
    "nut": "flac",
    "mxf": "pcm_s24le",
}
AMBISONIC = "ambisonic 1"
"""FFmpeg's layout of first-order ambisonics: four channels W, Y, Z, X (ACN order, SN3D)."""
AMBISONIC_MUXERS = frozenset({"wav", "flac", "matroska", "webm", "ogg", "opus"})
AMBISONIC_BIT_RATE = 512_000
USUAL_LAYOUTS = {
    1: "mono",
    2: "stereo",
    3: "2.1",
    4: "4.0",
    5: "5.0",
    6: "5.1",
    7: "6.1",
    8: "7.1",
}
FALLBACK_BIT_RATE = 256_000
FIXED_BIT_RATES = {
    "ac3": (192, 224, 256, 320, 384, 448, 512, 576, 640),
    "libmp3lame": (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}


@dataclass(frozen=True)
class SoundFormat:
    """How the new sound is stored.

    Args:
        encoder: FFmpeg's encoder name.
        sample_rate: Hz; the source's, unless the codec (Opus) does not know that.
        layout: FFmpeg's channel layout name.
        sample_format: FFmpeg's sample format for the encoder.
        bit_rate: bit/s, 0 for lossless codecs.
    """

    encoder: str
    sample_rate: int
    layout: str
    sample_format: str
    bit_rate: int


def named_layout(layout: Any) -> Any:
    """A channel layout, or FFmpeg's usual one for its number where the file names none."""
    if layout.name.endswith("channels") and layout.nb_channels in USUAL_LAYOUTS:
        return av.AudioLayout(USUAL_LAYOUTS[layout.nb_channels])
    return layout


def layout_channels(layout: str) -> int:
    """Number of channels of a layout by FFmpeg's name."""
    return int(av.AudioLayout(layout).nb_channels)


def output_format(output: Path) -> str:
    """FFmpeg's muxer for an output name.

    Raises:
        UsageError: no container has this suffix.
    """
    suffix = output.suffix.lower()
    known = {**CONTAINERS, **SOUND_FILES}
    if suffix not in known:
        raise UsageError(
            f"no container has the suffix {suffix!r}; use one of {' '.join(sorted(known))}"
        )
    return known[suffix]


def is_sound_file(output: Path) -> bool:
    """Whether an output name asks for the sound alone."""
    return output.suffix.lower() in SOUND_FILES


def choose_format(
    stream: Any, muxer: str, measured_bit_rate: int, layout: str | None = None
) -> SoundFormat:
    """Codec, sample format and bit rate of the new sound.

    Args:
        stream: PyAV audio stream of the source.
        muxer: FFmpeg's muxer of the output.
        measured_bit_rate: bit/s counted from packets, 0 when unknown.
        layout: of the new sound; None for the source's.

    Raises:
        UsageError: the container cannot say that its sound is ambisonics.
    """
    context = stream.codec_context
    source_layout = named_layout(context.layout)
    rate, layout = context.sample_rate, layout or source_layout.name
    channels = layout_channels(layout)
    decoded = context.format.name if context.format else "fltp"
    if layout == AMBISONIC:
        return _ambisonic(muxer, rate)
    if muxer == "wav":
        return SoundFormat("pcm_f32le", rate, layout, "flt", 0)
    if muxer == "flac":
        return SoundFormat("flac", rate, layout, "s32", 0)
    wanted = max(context.bit_rate or 0, measured_bit_rate)
    # As much for every channel as the old ones had.
    wanted = round(wanted * max(channels / source_layout.nb_channels, 1.0))
    encoder = _source_encoder(context, muxer, channels)
    crossing = "mov" not in stream.container.format.name
    if encoder and encoder.startswith("pcm_") and muxer in ("mp4", "ipod", "3gp") and crossing:
        encoder = None  # allowed by the standard, but hardly any player knows PCM in MP4
    if encoder is None:
        encoder, rate = _fallback(muxer, rate)
        wanted = FALLBACK_BIT_RATE
    codec = av.Codec(encoder, "w")
    chosen = _sample_format([f.name for f in codec.audio_formats or []], decoded)
    layout = _layout(codec, layout)
    return SoundFormat(encoder, rate, layout, chosen, _bit_rate(codec, wanted))


def new_format(muxer: str, rate: int, layout: str) -> SoundFormat:
    """Codec, sample format and bit rate of a track that takes no other's place.

    Args:
        muxer: FFmpeg's muxer of the output.
        rate: of the sound, Hz; Opus and others may take another one.
        layout: of the sound.
    """
    if muxer == "wav":
        return SoundFormat("pcm_f32le", rate, layout, "flt", 0)
    if muxer == "flac":
        return SoundFormat("flac", rate, layout, "s32", 0)
    encoder, rate = _fallback(muxer, rate)
    codec = av.Codec(encoder, "w")
    chosen = _sample_format([f.name for f in codec.audio_formats or []], "fltp")
    layout = _layout(codec, layout)
    return SoundFormat(encoder, rate, layout, chosen, _bit_rate(codec, FALLBACK_BIT_RATE))


def _ambisonic(muxer: str, rate: int) -> SoundFormat:
    """Four channels: as they are in sound files, Opus with mapping family 2 elsewhere."""
    if muxer not in AMBISONIC_MUXERS:
        raise UsageError(
            f"a file of the {muxer} format cannot say that its sound is ambisonics; "
            "use .wav, .flac, .mkv, .webm or .opus"
        )
    if muxer == "wav":
        return SoundFormat("pcm_f32le", rate, AMBISONIC, "flt", 0)
    if muxer == "flac":
        return SoundFormat("flac", rate, AMBISONIC, "s32", 0)
    rates = av.Codec("libopus", "w").audio_rates or [rate]
    known = rate if rate in rates else max(rates)
    return SoundFormat("libopus", known, AMBISONIC, "flt", AMBISONIC_BIT_RATE)


def _source_encoder(context: Any, muxer: str, channels: int) -> str | None:
    """Encoder of the source's own codec, if there is one and the container takes it."""
    name = context.codec.canonical_name
    encoder = ENCODERS.get(name, name)
    if name in NO_ENCODER or encoder not in av.codecs_available:
        return None
    if encoder in STEREO_ONLY and channels != 2:
        return None
    try:
        codec = av.Codec(encoder, "w")
    except ValueError:
        return None
    rates = codec.audio_rates
    if rates and context.sample_rate not in rates:
        return None
    # The name is not touched: a container opens its file only when its header is written.
    with av.open("unused", "w", format=muxer) as probe:
        return encoder if name in probe.supported_codecs else None


def _fallback(muxer: str, rate: int) -> tuple[str, int]:
    """Encoder and rate where the source's codec cannot be written."""
    encoder = FALLBACK.get(muxer, "aac")
    rates = av.Codec(encoder, "w").audio_rates
    if not rates or rate in rates:
        return encoder, rate
    lossless = {"mp4": "flac", "mov": "pcm_s24le"}.get(muxer)
    return (lossless, rate) if lossless else (encoder, max(rates))


def _sample_format(offered: Sequence[str], decoded: str) -> str:
    if not offered:
        return decoded
    plain = decoded.removesuffix("p")
    for name in (decoded, plain, f"{plain}p", "fltp", "flt", "s32", "s32p"):
        if name in offered:
            return name
    return offered[0]


def _layout(codec: Any, layout: str) -> str:
    """The layout itself, or the same speakers under the name that the encoder knows."""
    if codec.name == "aac" and layout in ("5.1(side)", "5.0(side)"):
        return layout.removesuffix("(side)")
    if codec.name == "libopus" and layout == "5.1(side)":
        return "5.1"
    return layout


def _bit_rate(codec: Any, wanted: int) -> int:
    if codec.name.startswith(("pcm_", "flac", "alac", "wavpack")):
        return 0
    wanted = wanted or FALLBACK_BIT_RATE
    steps = FIXED_BIT_RATES.get(codec.name)
    if steps:
        return 1000 * next((step for step in steps if step * 1000 >= wanted), steps[-1])
    return wanted
