"""Pack the clips of a manifest into tar files: sound at one rate, a few frames a second.

Each tar file is made by one worker and appears complete or not at all; a later run with the same options
passes over those that are there. Clips that cannot be read are left out and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seehear.config import to_dict
from seehear.data.shards import ShardIndex, write_shard
from seehear.data.thing_clips import DESCRIPTION, SHARDS, FileClips, pack_clip, unpack_description
from seehear.data.thing_manifest import ThingClip
from seehear.errors import InputError
from seehear.tasks.corpora import claim_shards
from seehear.tasks.engines import run_all
from seehear.tasks.separate.corpora_options import CorpusOptions

CLAIM = "shards.json"
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Shards:
    """What was packed.

    Args:
        paths: tar files in order.
        bad: id of a clip that could not be read -> why.
    """

    paths: tuple[Path, ...] = ()
    bad: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardJob:
    """One tar file to make; this is what is sent to a worker.

    Args:
        manifest: that the clips' paths are relative to.
        clips: what goes into it.
        path: of the tar file.
        sample_rate: Hz.
        frame_rate: frames per second.
        frame_size: pixels.
    """

    manifest: Path
    clips: tuple[ThingClip, ...]
    path: Path
    sample_rate: int
    frame_rate: float
    frame_size: int


def write_clip_shards(
    manifest: Path, clips: Sequence[ThingClip], options: CorpusOptions, progress: Progress | None
) -> Shards:
    """Write `shards/SPLIT-000000.tar`, ... beside the manifest.

    Args:
        manifest: where it will lie; paths of clips are relative to its folder.
        clips: all clips.
        options: clips per file, rate, frames, engine.
        progress: told (files done, all files, note); may raise `Cancelled`.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = manifest.parent / SHARDS
    jobs = list(_jobs(manifest, folder, clips, options))
    claim_shards(folder / CLAIM, [to_dict(job) for job in jobs])
    left = [job for job in jobs if not job.path.is_file()]
    reasons: dict[str, str] = {}
    for number, found in enumerate(run_all(pack_shard, left, options.engine, options.workers)):
        reasons |= found
        if progress is not None:
            progress(number + 1, len(left), "packing")
    paths = tuple(job.path for job in jobs)
    there = _ids(paths)
    known = {clip.id: reasons.get(clip.id, "could not be read") for clip in clips}
    return Shards(paths, {name: why for name, why in known.items() if name not in there})


def pack_shard(job: ShardJob) -> dict[str, str]:
    """Make one tar file; returns why clips were left out, by id."""
    source = FileClips(job.manifest, job.clips)
    bad: dict[str, str] = {}

    def samples() -> Iterator[tuple[str, Mapping[str, bytes]]]:
        for number, clip in enumerate(job.clips):
            try:
                parts = pack_clip(source, clip, job.sample_rate, job.frame_rate, job.frame_size)
            except InputError as error:
                bad[clip.id] = str(error)
                continue
            yield f"{job.path.stem}-{number:06d}", parts

    write_shard(job.path, samples())
    return bad


def _jobs(
    manifest: Path, folder: Path, clips: Sequence[ThingClip], options: CorpusOptions
) -> Iterator[ShardJob]:
    for split in sorted({clip.split for clip in clips}):
        own = tuple(clip for clip in clips if clip.split == split)
        for number, start in enumerate(range(0, len(own), options.shards)):
            yield ShardJob(
                manifest,
                own[start : start + options.shards],
                folder / f"{split}-{number:06d}.tar",
                options.sample_rate,
                options.frame_rate,
                options.frame_size,
            )


def _ids(paths: Sequence[Path]) -> set[str]:
    """Ids of the clips that are in tar files."""
    index = ShardIndex(paths)
    return {unpack_description(index.read(key, DESCRIPTION), key).clip.id for key in index.places}
