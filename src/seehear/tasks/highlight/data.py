"""Batches for training the band-gain network: scenes made, muddied and shown on the fly.

Batch number n is a pure function of the seed and n, so a resumed run sees what an uninterrupted one
would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seehear.data.muddy import Changes, Level, draw_changes, draw_continuous_changes, gain_curve
from seehear.data.scenes import MixingRule, Scene, Wave, active_rms, draw_scene
from seehear.data.sources import SAMPLE_RATE, SoundLibrary
from seehear.dsp.level import CEILING_DB, ceiling_gain
from seehear.nn.context import Context, Tokens

LEVELS: tuple[Level, ...] = ("low", "moderate", "high", "mixed")
SHIFT_DB = (-20.0, 9.0)
SHORTEST_S = 1.0


@dataclass(frozen=True)
class SceneBatch:
    """One batch of scenes.

    Args:
        mixture: [B, T], the muddy mix.
        target: [B, T], the finished one.
        muddy_stems: [B, 3, T], sum to the mixture.
        stems: [B, 3, T], sum to the target.
        context: frames with times; masked out where a scene is to be heard only.
    """

    mixture: Tensor
    target: Tensor
    muddy_stems: Tensor
    stems: Tensor
    context: Context

    def to(self, device: torch.device) -> SceneBatch:
        """The same batch on another device."""
        return SceneBatch(
            self.mixture.to(device),
            self.target.to(device),
            self.muddy_stems.to(device),
            self.stems.to(device),
            self.context.to(device),
        )


@dataclass(frozen=True)
class SceneSettings:
    """How training scenes are drawn and shown.

    Args:
        batch: scenes per batch.
        seed: of everything.
        continuous: share of scenes muddied with changing gains.
        untouched: share of scenes that are not muddied at all.
        blind: share of scenes shown without frames.
        missing: share of single frames left out.
        wrong: share of single frames replaced by any photo.
        shifted: share of scenes whose muddy and finished mix are both moved by `SHIFT_DB`, so that
            material made for another level is not pulled to that of the rule.
        short: share of batches cut to a random stretch, as windows at the end of a file are.
    """

    batch: int = 12
    seed: int = 0
    continuous: float = 0.5
    untouched: float = 0.05
    blind: float = 0.1
    missing: float = 0.1
    wrong: float = 0.03
    shifted: float = 0.25
    short: float = 0.15


class SceneBatches:
    """Batch number -> scenes of one split.

    Args:
        library: sounds of the split.
        looks: photo class -> features [photos, versions, dim] of its photos.
        settings: how scenes are drawn.
        rule: mixing rule.
    """

    def __init__(
        self,
        library: SoundLibrary,
        looks: Mapping[str, Tensor],
        settings: SceneSettings,
        rule: MixingRule | None = None,
    ) -> None:
        self.library, self.looks, self.settings = library, looks, settings
        self.rule = rule or MixingRule()
        self.classes = sorted(looks)

    def __call__(self, number: int) -> SceneBatch:
        rng = np.random.default_rng([self.settings.seed, number])
        scenes = [
            draw_scene(self.library, self.classes, rng, self.rule)
            for _ in range(self.settings.batch)
        ]
        pairs = [self._shift(s.stems, self._muddy(s.stems, rng), rng) for s in scenes]
        frames = [self._frames(scene, rng) for scene in scenes]
        stems = np.stack([clean for clean, _ in pairs])
        muddy_stems = np.stack([muddy for _, muddy in pairs])
        tokens = Tokens(
            torch.stack([values for values, _, _ in frames]),
            torch.stack([times for _, times, _ in frames]),
            torch.stack([mask for _, _, mask in frames]),
        )
        if rng.random() < self.settings.short:
            span_s = rng.uniform(SHORTEST_S, self.rule.duration_s)
            start_s = rng.uniform(0.0, self.rule.duration_s - span_s)
            part = slice(int(start_s * SAMPLE_RATE), int((start_s + span_s) * SAMPLE_RATE))
            stems, muddy_stems = stems[..., part], muddy_stems[..., part]
            times = tokens.times - start_s
            tokens = Tokens(tokens.values, times, tokens.mask & (times >= 0) & (times < span_s))
        return SceneBatch(
            mixture=torch.from_numpy(muddy_stems.sum(1)),
            target=torch.from_numpy(stems.sum(1)),
            muddy_stems=torch.from_numpy(np.ascontiguousarray(muddy_stems)),
            stems=torch.from_numpy(np.ascontiguousarray(stems)),
            context=Context(frames=tokens),
        )

    def _shift(self, stems: Wave, muddy: Wave, rng: np.random.Generator) -> tuple[Wave, Wave]:
        """Both mixes at another level, no higher than full scale."""
        if rng.random() >= self.settings.shifted:
            return stems, muddy
        highest = max(float(np.abs(x.sum(0)).max()) for x in (stems, muddy))
        gain = min(10 ** (rng.uniform(*SHIFT_DB) / 20), 1.0 / highest)
        return stems * np.float32(gain), muddy * np.float32(gain)

    def _muddy(self, stems: Wave, rng: np.random.Generator) -> Wave:
        """Muddy stems of a scene; the loudest stem is found by active RMS, see `fast_muddy`."""
        if rng.random() < self.settings.untouched:
            return stems
        level = LEVELS[int(rng.integers(len(LEVELS)))]
        loudness = [float(20 * np.log10(value)) for value in active_rms(stems)]
        if rng.random() < self.settings.continuous:
            changes = draw_continuous_changes(loudness, self.rule.duration_s, rng, level)
        else:
            changes = draw_changes(loudness, rng, level)
        return fast_muddy(stems, changes)

    def _frames(self, scene: Scene, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Features [N, D], times [N] and mask [N] of the photos of a scene."""
        settings = self.settings
        values, chosen = [], dict[str, int]()
        for label in scene.photos:
            shown = label
            if rng.random() < settings.wrong:
                shown = self.classes[int(rng.integers(len(self.classes)))]
            looks = self.looks[shown]
            # One photo per class and scene most of the time: a shot shows one face, not ten.
            if shown not in chosen or rng.random() < 0.3:
                chosen[shown] = int(rng.integers(len(looks)))
            values.append(looks[chosen[shown], int(rng.integers(looks.shape[1]))])
        # Frames may be taken anywhere within their second, the same place in all.
        times = torch.arange(len(values), dtype=torch.float32) + float(rng.random())
        mask = torch.from_numpy(rng.random(len(values)) >= settings.missing)
        if rng.random() < settings.blind:
            mask = torch.zeros_like(mask)
        return torch.stack(values), times, mask


def fast_muddy(stems: Wave, changes: Changes) -> Wave:
    """`muddy.apply_changes` for training, in NumPy: gains on a grid of 10 ms, linear in between.

    It runs in the thread that makes batches while the network trains; torch would have its own
    threads fight for the same cores there. The difference stays 60 dB below the sound.

    Args:
        stems: float32 [3, T] at `SAMPLE_RATE`.
        changes: what to do to them.

    Returns:
        float32 [3, T] under the peak ceiling.
    """
    length = stems.shape[1]
    coarse = gain_curve(changes, length // 160 + 2, SAMPLE_RATE // 160).numpy()  # [3, 1 | K]
    if coarse.shape[1] == 1:
        scaled = stems * coarse
    else:
        at = np.arange(length) / 160
        grid = np.arange(coarse.shape[1])
        curves = np.stack([np.interp(at, grid, row) for row in coarse]).astype(np.float32)
        scaled = stems * curves
    scaled *= ceiling_gain(float(np.abs(scaled).max()), CEILING_DB)
    scaled *= ceiling_gain(float(np.abs(scaled.sum(0)).max()), CEILING_DB)
    return np.asarray(scaled, dtype=np.float32)


def fixed_batches(batches: SceneBatches, count: int, first: int = 0) -> Sequence[SceneBatch]:
    """A few batches kept in memory, for validation under the same conditions every time."""
    return [batches(first + n) for n in range(count)]
