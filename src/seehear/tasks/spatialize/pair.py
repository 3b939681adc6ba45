"""Channels of the input: what is mixed down, what is left alone, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from seehear.errors import InputError
from seehear.media.part import PartFolder
from seehear.media.read import SoundReport
from seehear.tasks.source import SoundSource
from seehear.tasks.spatialize.config import SpatializeOptions
from seehear.tasks.spatialize.guard import measure_pair
from seehear.tasks.spatialize.positions import read_positions

NOTE = "channels"


@dataclass(frozen=True)
class Pair:
    """What was found out about the channels.

    Args:
        leave_alone: whether the sound is binaural already.
        sentences: warnings that matter.
        facts: for the receipt.
    """

    leave_alone: bool = False
    sentences: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def check_channels(options: SpatializeOptions, source: SoundSource) -> None:
    """Refuse more channels than two, unless they are sources of their own or to be mixed.

    Raises:
        InputError: surround sound.
    """
    count = len(source.channel_names)
    if count <= 2 or options.force_mono or _places_channels(options):
        return
    raise InputError(
        f"the sound has {count} channels ({source.stream.layout}), but spatialize starts from mono "
        "or flat stereo; add --force-mono to mix them down first"
    )


def listen_to_pair(options: SpatializeOptions, source: SoundSource, part: PartFolder) -> Pair:
    """Listen to the beginning of a stereo sound: is it binaural already, or stereo, or flat?

    Raises:
        InputError: ambisonics are asked for and the sound is binaural.
    """
    if len(source.channel_names) != 2 or _places_channels(options):
        return Pair()
    facts = part.noted(NOTE)
    if facts is None:
        report = measure_pair(source.blocks(SoundReport()), source.sample_rate)
        facts = {
            **report.facts(),
            "binaural": report.is_binaural and not report.is_flat,
            "flat": report.is_flat,
        }
        part.note(NOTE, facts)
    if facts["binaural"] and not options.force_mono:
        measured = (
            f"{facts['binaural_share']:.0%} of its power below 1.5 kHz reaches the two channels "
            "coherently and with the delays of two ears"
        )
        if options.format == "foa":
            raise InputError(
                f"the sound is binaural already ({measured}); ambisonics are made from mono, so add "
                "--force-mono to mix it down"
            )
        sentence = f"the sound is binaural already ({measured}); it was left alone"
        return Pair(True, (sentence + ", add --force-mono to mix it down",), facts)
    if not facts["flat"]:
        sentence = (
            "the two channels of the input differ; they were mixed down, and what their stereo had "
            "left and right is lost"
        )
        return Pair(False, (sentence,), facts)
    return Pair(False, (), facts)


def _places_channels(options: SpatializeOptions) -> bool:
    if options.positions is None:
        return False
    return any(place.source is not None for place in read_positions(options.positions))
