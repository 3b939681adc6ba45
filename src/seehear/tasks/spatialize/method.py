"""What a run works with: a network or sources or given places, and the head to hear with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from seehear.checkpoint import file_sha256
from seehear.dsp.hrir import HrirSet
from seehear.errors import UsageError
from seehear.runtime import Runtime
from seehear.tasks.parts import Parts
from seehear.tasks.progress import Progress
from seehear.tasks.source import SoundSource
from seehear.tasks.spatialize.config import SpatializeOptions
from seehear.tasks.spatialize.difference import AnyEngine, DifferenceEngine
from seehear.tasks.spatialize.heads import load_head
from seehear.tasks.spatialize.loading import load_engine, load_parts
from seehear.tasks.spatialize.positions import Trajectory, read_positions
from seehear.tasks.spatialize.sources import PerSourceEngine


@dataclass(frozen=True)
class Method:
    """How the places of the sound are found, and how they are made heard.

    Args:
        engine: who hears where sounds are, None if the user says it.
        head: at the sound's rate; None for ambisonics.
        trajectories: places that the user gave.
        parts: what the engine separates the sound with, if it does.
        facts: about files that were read, for the receipt.
    """

    engine: AnyEngine | None
    head: HrirSet | None
    trajectories: list[Trajectory] = field(default_factory=list)
    parts: Parts | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def without_engine(self) -> Method:
        """For a sound that is left alone."""
        return replace(self, engine=None, parts=None)

    def find_sources(self, source: SoundSource, progress: Progress) -> None:
        """Listen to the whole file first, if that is how it is done."""
        if self.parts is not None:
            self.parts.find(source, progress)
            self.facts["sources"] = list(self.parts.labels)

    def describe(self) -> dict[str, Any]:
        """Models and head for the receipt: ids, hashes, licences."""
        found = {} if self.engine is None else self.engine.describe()
        if self.head is not None:
            found["head"] = {
                "id": self.head.name,
                "sha256": self.head.sha256,
                "licence": self.head.licence,
            }
        return found


def choose_method(options: SpatializeOptions, source: SoundSource, runtime: Runtime) -> Method:
    """Load what the options ask for; without a head the result is ambisonics.

    Raises:
        InputError: head or positions cannot be used.
        ModelError: the model is unknown or damaged.
        UsageError: ambisonics from a network that knows two ears only, or a source that is none of the
            channels.
    """
    head = None
    if options.hrtf is not None:
        head = load_head(options.hrtf, source.sample_rate)
    if options.positions is not None:
        trajectories = read_positions(options.positions)
        _check_sources(trajectories, options, source)
        facts = {"path": str(options.positions), "sha256": file_sha256(options.positions)}
        return Method(None, head, trajectories, facts={"positions": facts})
    assert options.model is not None, "filled in when the options were made"
    if options.per_source:
        parts = load_parts(options.model, runtime, options.seed)
        return Method(PerSourceEngine(parts), head, parts=parts)
    engine = load_engine(options.model, runtime)
    if head is None and isinstance(engine, DifferenceEngine):
        raise UsageError(
            f"{options.model} knows the difference of two ears and no directions; "
            "use a bearings model for --format foa"
        )
    return Method(engine, head)


def _check_sources(
    trajectories: list[Trajectory], options: SpatializeOptions, source: SoundSource
) -> None:
    count = len(source.channel_names)
    for trajectory in trajectories:
        if trajectory.source is not None and trajectory.source >= count:
            raise UsageError(
                f"{str(options.positions)!r} places source {trajectory.source}, but the sound has "
                f"{count} channels, counted from 0"
            )
