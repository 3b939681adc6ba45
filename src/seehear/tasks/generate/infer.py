"""generate: the job. A video in, the same with sound that fits and is in time with it.

    open -> look (shots, features) -> compose latents, all windows together -> decode, vocode
    -> choose a candidate, set the level -> encode, copy the rest -> verify -> publish

Every stage keeps what it has finished in the part folder: `looking`, `compose`, `sounding`. References of
transfers are in `reference`, ways between two videos in `conditions` and `paths`, levels and mixing in
`level` and `mixing`, files in `writing`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from seehear import registry
from seehear.checkpoint import file_sha256
from seehear.media.codecs import output_format
from seehear.media.opening import check_is_file
from seehear.media.part import PartFolder, check_output, claimed, finish_published
from seehear.media.read import FrameStream, SoundReport
from seehear.runtime import Runtime, Stopwatch, choose_runtime, seed_everything
from seehear.tasks.drawn import check_folder
from seehear.tasks.generate.candidates import Chosen, make_candidates
from seehear.tasks.generate.compose import Sampling, tells_shots_apart, windows_of
from seehear.tasks.generate.conditions import Between, Condition
from seehear.tasks.generate.config import GenerateOptions
from seehear.tasks.generate.explain import ExplainFolder
from seehear.tasks.generate.keeping import FileKeep, Keep
from seehear.tasks.generate.loading import System, load_system
from seehear.tasks.generate.looking import Seen, frame_count, look
from seehear.tasks.generate.mixing import Track, Wave, alone, beneath_old
from seehear.tasks.generate.paths import make_path
from seehear.tasks.generate.reference import check_reference, hear_reference
from seehear.tasks.generate.work import Work
from seehear.tasks.generate.writing import (
    check_container,
    sound_format,
    takes_place,
    write_track,
)
from seehear.tasks.output import damages
from seehear.tasks.picture_source import PictureSource, open_picture_source
from seehear.tasks.plans import make_fingerprint
from seehear.tasks.progress import Progress, silent
from seehear.tasks.receipts import make_receipt
from seehear.types import Result

# They decide how results are shown, not what they are.
SHOWN_ONLY = ("explain",)
LOOKING_SHARE, MAKING_SHARE = 0.3, 0.6
"""Of the progress bar; the rest is writing."""
FEWEST = 2
"""Latents of the shortest sound; a single one has nothing that autoencoders could normalise over."""


def generate(options: GenerateOptions, progress: Progress | None = None) -> Result:
    """Make sound for a video: from the picture alone, from a reference, or between two videos.

    Args:
        options: see `GenerateOptions`.
        progress: told how far the job is; may raise `Cancelled`.

    Returns:
        Result with the output's path, the receipt, and warnings that matter; with `interpolate` the paths
        of all files. After a dry run the record is the plan and nothing was written.

    Raises:
        UsageError: options that do not go together.
        InputError: an input is unreadable, has no picture, or the reference no sound.
        OutputError: the output exists, or cannot be written.
        ModelError: the model is unknown or damaged.
    """
    progress = progress or silent
    if options.interpolate is not None and not options.dry_run:
        check_output(check_is_file(options.input), options.output, force=True)
        registry.find(options.model, "generate")
        return make_path(options, progress, make_one)
    return make_one(options, progress)


def make_one(
    options: GenerateOptions,
    progress: Progress,
    system: System | None = None,
    eyes: PartFolder | None = None,
) -> Result:
    """Write one file.

    Args:
        options: with `interpolate` only for a dry run.
        progress: told how far the job is; may raise `Cancelled`.
        system: networks that are loaded already.
        eyes: where features go if several files share them; None for the output's own part folder.
    """
    clock = Stopwatch()
    done = finish_published(options.output) if options.resume else None
    if done is not None:
        return Result(record=done, path=options.output, warnings=tuple(done["warnings"]))
    with clock("total"):
        source = _open(options)
        second = None if options.input2 is None else _open_second(options.input2)
        with clock("load"):
            runtime = choose_runtime(options.device, options.precision)
            system = system or load_system(options.model, runtime)
        options = _decided(options, system)
        if options.dry_run:
            return Result(record=_plan(options, source, system, runtime))
        seed_everything(options.seed)
        fingerprint = _fingerprint(options, source, system, runtime)
        with claimed(options.output, fingerprint, options.force, options.resume) as part:
            check_container(options, source, part.media)
            job = _Job(options, source, second, system, part, eyes or part, progress, clock)
            receipt = job.run()
    return Result(record=receipt, path=options.output, warnings=tuple(receipt["warnings"]))


def _open(options: GenerateOptions) -> PictureSource:
    """Everything that can be refused before a network is loaded."""
    path = check_is_file(options.input)
    if options.interpolate is None:
        check_output(path, options.output, options.force)
    output_format(options.output)
    source = open_picture_source(options.input, options.track, options.start, options.duration)
    if options.like is not None:
        check_reference(options.like)
    registry.find(options.model, "generate")
    if options.explain is not None:
        check_folder(options.explain, options.force or options.resume)
    return source


def _open_second(path: str) -> PictureSource:
    """The video at the other end, whole; its sound does not matter."""
    check_is_file(path)
    return open_picture_source(path, 0)


def _decided(options: GenerateOptions, system: System) -> GenerateOptions:
    """Options with what the model says where the user said nothing, so that receipts are complete."""
    steps = system.steps if options.steps is None else options.steps
    guidance = system.guidance if options.guidance is None else options.guidance
    return replace(options, steps=steps, guidance=guidance)


def _columns(source: PictureSource, system: System) -> tuple[int, int]:
    """Latents and samples at the codec's rate of a video's sound."""
    codec = system.codec
    samples = max(round(source.length_s * codec.sample_rate), 1)
    return max(-(-samples // codec.samples_per_latent), FEWEST), samples


def _plan(
    options: GenerateOptions, source: PictureSource, system: System, runtime: Runtime
) -> dict[str, Any]:
    """What a run would do; windows are those of the flow transformer."""
    columns, samples = _columns(source, system)
    windows, rate = windows_of(system, columns), system.codec.latent_rate
    frames = frame_count(source.length_s, system.sight.rate)
    width = system.denoiser.config.width
    rows = round(windows.length * system.sight.rate / rate)
    numbers = [
        frames * system.sight.dim,
        len(windows.starts) * (rows * width + windows.length * system.codec.latent_channels),
        2 * windows.padded * system.codec.latent_channels,
        2 * columns * system.codec.mel.num_mels,
        samples,
    ]
    return {
        "verb": "generate",
        "input": source.facts(),
        "output": str(options.output),
        "model": system.described,
        "files": options.interpolate or 1,
        "windows": [
            [
                options.start + start / rate,
                options.start + min((start + windows.length) / rate, source.length_s),
            ]
            for start in windows.starts
        ],
        "steps": options.steps,
        "guidance": options.guidance,
        "state_bytes": 4 * sum(numbers),
        "device": str(runtime.device),
    }


def _fingerprint(
    options: GenerateOptions, source: PictureSource, system: System, runtime: Runtime
) -> dict[str, Any]:
    """Identity of the job; further inputs count like the first."""
    made = make_fingerprint(options, source, system.described, runtime, SHOWN_ONLY)
    for name in ("input2", "like"):
        path = getattr(options, name)
        if path is not None:
            stat = Path(path).stat()
            made[name] = [str(Path(path).resolve()), stat.st_size, stat.st_mtime_ns]
    return made


class _Job:
    """One output on its way through the stages."""

    def __init__(
        self,
        options: GenerateOptions,
        source: PictureSource,
        second: PictureSource | None,
        system: System,
        part: PartFolder,
        eyes: PartFolder,
        progress: Progress,
        clock: Stopwatch,
    ) -> None:
        self.options, self.source, self.second, self.system = options, source, second, system
        self.part, self.eyes, self.progress, self.clock = part, eyes, progress, clock
        self.work = Work(part)
        self.damaged_packets = 0

    def run(self) -> dict[str, Any]:
        """All stages, the receipt, and everything gets its name."""
        options, source = self.options, self.source
        columns, samples = _columns(source, self.system)
        condition, seen = self._look()
        folder = None
        if options.explain is not None:
            folder = ExplainFolder(options.explain, self.part, self.system, columns)
        complete = False
        try:
            chosen, facts = self._make(condition, columns, samples, folder)
            windows = self.work.windows(len(windows_of(self.system, columns).starts))
            wave = Wave(chosen.wave, self.system.codec.sample_rate, samples)
            with self.clock("level"):
                track = self._track(wave)
            written = write_track(
                options, source, track, self.part.media, self._writing, self.clock
            )
            warnings = [
                *damages(source, written, track.report or SoundReport()),
                *self._odd(seen),
                *_replaced(options, source),
            ]
            receipt = make_receipt(
                "generate", options, source, written, self.system.described, windows, self.clock, warnings
            )  # fmt: skip
            receipt |= {"level": track.gains.facts(), "shots": _shots(seen), **facts}
            if folder is not None:
                with self.clock("explain"):
                    receipt["pictures"] = folder.draw(source, condition)
                folder.publish()
            self.part.publish(receipt)
            complete = True
        finally:
            # While the part folder is there the output is not published; a signal may come just after.
            if folder is not None and not complete and self.part.folder.is_dir():
                folder.abandon()
        return receipt

    def _look(self) -> tuple[Condition, Seen]:
        """First stage, for both videos if there are two."""
        first = self._see(self.source, FileKeep(self.eyes, "first-"), 0)
        if self.second is None:
            return first, first
        other = self._see(self.second, FileKeep(self.eyes, "second-"), 1)
        assert self.options.between is not None, "two videos come with a place between them"
        return Between(first, other, self.options.between, self.options.slerp), first

    def _see(self, source: PictureSource, keep: Keep, number: int) -> Seen:
        sight = self.system.sight
        count = frame_count(source.length_s, sight.rate)
        videos = 1 if self.second is None else 2
        stream: FrameStream | None = None

        def frames_from(first: int, wanted: int) -> Tensor:
            nonlocal stream
            moments = [source.begin_s + (first + k) / sight.rate for k in range(wanted)]
            if stream is None:
                size = (sight.frame_size, sight.frame_size)
                stream = FrameStream(source.path, size, start_s=moments[0])
            return stream.at(moments)

        def told(share: float) -> None:
            self.work.mark()
            self.progress(LOOKING_SHARE * (number + share) / videos, 1.0, "looking")

        try:
            return look(sight, count, frames_from, keep, told, self.clock)
        finally:
            if stream is not None:
                self.damaged_packets += stream.damaged_packets
                stream.close()

    def _make(
        self, condition: Condition, columns: int, samples: int, folder: ExplainFolder | None
    ) -> tuple[Chosen, dict[str, Any]]:
        """Second and third stage, for all candidates."""
        options, system = self.options, self.system
        facts: dict[str, Any] = {}
        reference, amount = None, 1.0
        if options.like is not None:
            with self.clock("reference"):
                reference, facts["like"] = hear_reference(
                    system.codec, options.like, columns, samples, FileKeep(self.part)
                )
            amount = 1.0 if options.amount is None else options.amount
        assert options.steps is not None and options.guidance is not None, "decided before"
        sampling = Sampling(options.steps, options.guidance, options.seed, amount=amount)

        def told(share: float) -> None:
            self.work.mark()
            self.progress(LOOKING_SHARE + MAKING_SHARE * share, 1.0, "composing")

        watcher = None if folder is None else folder.watch
        chosen = make_candidates(
            system, condition, columns, samples, sampling, options.candidates, self.part, reference,
            told, watcher, self.clock,
        )  # fmt: skip
        if options.input2 is not None:
            facts["input2"] = {"path": options.input2, "sha256": file_sha256(Path(options.input2))}
        if chosen.scores:
            facts["candidates"] = chosen.facts()
        return chosen, facts

    def _track(self, wave: Wave) -> Track:
        """Level, and the old sound if it is mixed with."""
        options, source = self.options, self.source
        if options.mix and takes_place(options, source):
            return beneath_old(source, wave, options.loudness)
        rate = sound_format(options, source, self.part.media).sample_rate
        return alone(source, wave, rate, options.loudness)

    def _writing(self, done: float, total: float, note: str) -> None:
        begun = LOOKING_SHARE + MAKING_SHARE
        self.progress(begun + (1 - begun) * done / max(total, 1e-9), 1.0, note)

    def _odd(self, seen: Seen) -> list[str]:
        """Sentences about what was odd in the picture."""
        said = []
        if self.damaged_packets:
            said.append(
                f"{self.damaged_packets} damaged packets of the picture could not be decoded; the frames "
                "before them were looked at instead"
            )
        if len(seen.starts) > 1 and not tells_shots_apart(self.system):
            said.append(
                f"this model cannot tell the {len(seen.starts)} shots of the video apart; around cuts the "
                "sound follows both sides"
            )
        return said


def _replaced(options: GenerateOptions, source: PictureSource) -> list[str]:
    """A sentence if the sound that is thrown away was damaged: then the file may be, too."""
    if source.sound is None or not options.replace:
        return []
    report = SoundReport()
    for _ in source.sound.blocks(report):
        pass
    if not report.damaged_packets:
        return []
    return [f"{report.damaged_packets} packets of the sound that was replaced were damaged"]


def _shots(seen: Seen) -> dict[str, Any]:
    """How many shots there are, and where the first hundred begin."""
    begins = [round(start / seen.rate, 3) for start in seen.starts]
    return {"count": len(begins), "begin_s": begins[:100]}
