"""A loaded model with a head, for sound and frames in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seehear.dsp.hrir import HrirSet
from seehear.errors import InputError, UsageError
from seehear.runtime import Runtime
from seehear.tasks.channels import channel_names_of
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.spatialize.analyse import hear_windows
from seehear.tasks.spatialize.difference import AnyEngine, DifferenceEngine
from seehear.tasks.spatialize.heads import default_head, load_head
from seehear.tasks.spatialize.loading import load_engine
from seehear.tasks.spatialize.looking import FramesAt
from seehear.tasks.spatialize.render import make_renderer
from seehear.types import Audio, Clip, Video

BLOCK_S = 1.0


@dataclass(frozen=True)
class Spatializer:
    """A spatialization model, ready to run.

    Args:
        engine: who hears where sounds are.
        head: name of the head to hear with, as `--hrtf` takes it; None for ambisonics.
        fov_deg: angle that the picture's width covers.
    """

    engine: AnyEngine
    head: str | None
    fov_deg: float = 120.0

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the frames that `run` wants, pixels."""
        return self.engine.frame_size

    def run(self, clip: Clip) -> Audio:
        """Spread the sound of a clip.

        Args:
            clip: with sound of any channels, which are mixed down, and frames of `frame_size`.

        Returns:
            Two ears, left first, or four channels of ambisonics; rate and length of the clip's sound.

        Raises:
            InputError: sound or picture is missing, or frames have another size.
        """
        if clip.audio is None or clip.video is None:
            raise InputError("spatialize needs sound and picture; this clip lacks one of them")
        audio = clip.audio
        names = channel_names_of(audio.num_channels)
        step = max(int(BLOCK_S * audio.sample_rate), 1)
        samples = audio.waveform.numpy()
        blocks = [samples[:, i : i + step] for i in range(0, audio.num_samples, step)]
        mono = mono_blocks(blocks, audio.sample_rate, names)
        seen = _frames_of(clip.video, self.frame_size)
        heard = list(hear_windows(self.engine, mono, audio.sample_rate, seen))
        results = [window.result for window in heard if window.result is not None]
        spans = [window.span for window in heard]
        renderer = make_renderer(
            self.engine,
            spans,
            results,
            audio.sample_rate,
            names,
            self._head_at(audio.sample_rate),
            self.fov_deg,
        )
        made = [renderer.push(block) for block in blocks]
        joined = np.concatenate([*made, renderer.finish()], axis=1)
        return Audio(torch.from_numpy(joined), audio.sample_rate)

    def _head_at(self, sample_rate: int) -> HrirSet | None:
        return None if self.head is None else load_head(self.head, sample_rate)


def load_spatializer(
    model: str,
    runtime: Runtime,
    head: str | None = "default",
    fov_deg: float = 120.0,
) -> Spatializer:
    """Load a model of this task.

    Args:
        model: id or checkpoint folder.
        runtime: device and number format.
        head: as `--hrtf` takes it; `default` is KEMAR where the system has it, else a sphere; None
            gives ambisonics.
        fov_deg: angle that the picture's width covers.

    Raises:
        ModelError: unknown model, or one of another task.
        UsageError: ambisonics from a network that knows two ears only.
    """
    engine = load_engine(model, runtime)
    if head is None and isinstance(engine, DifferenceEngine):
        raise UsageError(f"{model} knows the difference of two ears and no directions; name a head")
    return Spatializer(engine, default_head() if head == "default" else head, fov_deg)


def _frames_of(video: Video, size: tuple[int, int]) -> FramesAt:
    """Answer "what is seen at second t" from frames in memory."""
    width, height = size
    if tuple(video.frames.shape[2:]) != (height, width):
        raise InputError(
            f"this model wants frames of {width} x {height} pixels, the clip's are "
            f"{video.frames.shape[3]} x {video.frames.shape[2]}"
        )

    def frames_at(moments: list[float]) -> Tensor:
        wanted = torch.tensor(moments, dtype=torch.float64) + 1e-6
        last_before = torch.searchsorted(video.times.double(), wanted, right=True) - 1
        return video.frames[last_before.clamp_min(0)]

    return frames_at
