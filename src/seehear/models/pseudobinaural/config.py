"""Configuration of Mono2Binaural and APNet: published values are the defaults.

Sources: Gao & Grauman, "2.5D Visual Sound", CVPR 2019 (arXiv 1812.04204); Zhou et al., "Sep-Stereo", ECCV
2020 (arXiv 2007.09902); Xu et al., "Visually Informed Binaural Audio Generation without Binaural Audios",
CVPR 2021 (arXiv 2104.06162); their public code where the papers leave values open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

LEVELS = 5
"""Levels of the audio network; each halves bins and columns."""
SHRINK = 32
"""How many times smaller the picture's map is than the picture."""


@dataclass(frozen=True)
class Mono2BinauralConfig:
    """Sizes and switches of the U-Net that turns a sum spectrum into a difference spectrum.

    Args:
        sample_rate: Hz (paper 16000).
        window_s: seconds of one window (paper 0.63).
        hop_s: seconds from one window to the next (PseudoBinaural 0.1, 2.5D 0.05).
        frame_rate: frames per second of the published pictures (10).
        n_fft: transform length, samples (paper 512).
        hop_length: samples between columns (paper 160).
        win_length: samples of the Hann window inside n_fft (paper 400).
        padding: what the transform sees beyond a window's ends. The weights were trained with `reflect`;
            libraries of later years put zeros there.
        rms: level to which every window's sum is brought (paper 0.1).
        rms_floor: a window is taken for at least this loud, so that silence stays silence (paper 1e-4).
        frame_height: rows of the picture (paper 224).
        frame_width: columns of the picture (paper 448).
        trunk_blocks: residual blocks of each stage; (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) ResNet-34.
        trunk_widths: channels of each stage (paper 64, 128, 256, 512).
        width: channels of the audio network's first level (paper 64).
        look_channels: channels of the picture at the bottleneck, before it is spread out (paper 8).
        norm: normalisation of the audio network: `batch` (2.5D, Sep-Stereo) or `instance` (PseudoBinaural's
            training with recordings added).
        short_inverse: reproduce the public code, which inverts 256 rows as if they came from a transform of
            510 points: all frequencies 0.4 % off. Only imported weights carry it.
    """

    sample_rate: int = 16000
    window_s: float = 0.63
    hop_s: float = 0.1
    frame_rate: float = 10.0
    n_fft: int = 512
    hop_length: int = 160
    win_length: int = 400
    padding: Literal["reflect", "constant"] = "reflect"
    rms: float = 0.1
    rms_floor: float = 1e-4
    frame_height: int = 224
    frame_width: int = 448
    trunk_blocks: tuple[int, ...] = (2, 2, 2, 2)
    trunk_widths: tuple[int, ...] = (64, 128, 256, 512)
    width: int = 64
    look_channels: int = 8
    norm: Literal["batch", "instance"] = "batch"
    short_inverse: bool = False

    @property
    def num_samples(self) -> int:
        """Samples of one window."""
        return int(self.window_s * self.sample_rate)

    @property
    def hop_samples(self) -> int:
        """Samples from one window to the next."""
        return int(self.hop_s * self.sample_rate)

    @property
    def bins(self) -> int:
        """Bins of the transform; the mask has one less, the highest stays zero."""
        return self.n_fft // 2 + 1

    @property
    def columns(self) -> int:
        """Columns of one window."""
        return 1 + self.num_samples // self.hop_length

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the picture's map (paper 7, 14)."""
        return self.frame_height // SHRINK, self.frame_width // SHRINK

    @property
    def audio_widths(self) -> tuple[int, ...]:
        """Channels after each level on the way in (paper 64, 128, 256, 512, 512)."""
        return tuple(self.width * min(2**level, 8) for level in range(LEVELS))


@dataclass(frozen=True)
class APNetConfig(Mono2BinauralConfig):
    """The same with two outputs of their own, left and right, seen through the picture's cells.

    Args:
        norm: as before; here `instance` is the default, with which the published size is 36,024,004.
        fusion: `pyramid` fuses at four levels (APNet), `last` at the last only (AssoConv).
        spare_maps: keep the second map of every fusion that the public code stores and never uses; it is
            part of the published size. Not trained, never run.
    """

    norm: Literal["batch", "instance"] = "instance"
    fusion: Literal["pyramid", "last"] = "pyramid"
    spare_maps: bool = True


def paper_mono2binaural() -> Mono2BinauralConfig:
    """2.5D Visual Sound: 34,262,746 parameters with ResNet-18."""
    return Mono2BinauralConfig()


def paper_apnet() -> APNetConfig:
    """Sep-Stereo and PseudoBinaural: 36,024,004 parameters with ResNet-18."""
    return APNetConfig()


def tiny() -> Mono2BinauralConfig:
    """For tests and dry runs: every part, small pictures, a few ten thousand weights."""
    return Mono2BinauralConfig(
        frame_height=64,
        frame_width=128,
        trunk_blocks=(1, 1, 1, 1),
        trunk_widths=(8, 8, 16, 16),
        width=4,
        look_channels=4,
    )


def tiny_pyramid() -> APNetConfig:
    """The same with a pyramid."""
    base = tiny()
    return replace(
        APNetConfig(spare_maps=False),
        frame_height=base.frame_height,
        frame_width=base.frame_width,
        trunk_blocks=base.trunk_blocks,
        trunk_widths=base.trunk_widths,
        width=base.width,
        look_channels=base.look_channels,
    )
