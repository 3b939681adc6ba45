"""Configuration of DAVIS: published values are the defaults, variants are small functions.

Source: Huang et al., "High-Quality Visually-Guided Sound Separation from Diverse Categories", ACCV 2024
(arXiv 2308.00122), supplementary material, and the public code's settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class DavisConfig:
    """Sizes and switches of DAVIS and DAVIS-Flow.

    Args:
        sample_rate: Hz (paper 11025 for MUSIC, 11000 for AVE and VGGSound).
        num_samples: samples of one window (paper 65535 and 110000).
        n_fft: transform length, samples (paper 1022, so that there are 512 bins).
        hop_length: samples between columns (paper 256).
        rows: log-frequency rows of the picture that the network sees (paper 256).
        columns: its columns; the window's columns are resampled to them (paper 256).
        sigma: factor of the logarithmic compression (paper 0.15).
        width: channels of the first level (paper 64).
        multipliers: channels after each level, as multiples of `width` (paper 1, 2, 4, 4, 8).
        heads: attention heads (paper 4).
        head_dim: channels per head of the attention over the whole plane (paper 32).
        token_dim: features of one moment per head in the attention along time (paper 512).
        norm_groups: groups of the normalisation (paper 8).
        frame_encoder: id of the frame encoder (released: CLIP's image embedding, not normalised).
        frame_dim: length of its features (paper 512).
        temporal_heads: heads of the transformer over frames (paper 8).
        temporal_layers: its encoder layers, followed by one decoder layer (paper 3).
        feed_forward: its inner width (released: 2048 for CLIP, 512 for ResNet).
        dropout: in it, while training (paper 0.1).
        process: how a spectrogram is generated: `diffusion` (DAVIS) or `flow` (DAVIS-Flow).
        steps: network calls per query (paper 15 for diffusion, 2 for flow).
        eta: share of fresh noise in every diffusion step, 0 = none (released 1).
        silence_mask: in a diffusion, keep the mixture where it is silent (released: MUSIC yes, AVE no).
        middle_time: tell the middle blocks the time, as the paper's figure shows. The public code has
            the layers and never feeds them; imported weights carry False.
        first_frame_only: reproduce the ResNet variant of the public code, which drops all frames but
            the first. Only imported weights carry it.
    """

    sample_rate: int = 11025
    num_samples: int = 65535
    n_fft: int = 1022
    hop_length: int = 256
    rows: int = 256
    columns: int = 256
    sigma: float = 0.15
    width: int = 64
    multipliers: tuple[int, ...] = (1, 2, 4, 4, 8)
    heads: int = 4
    head_dim: int = 32
    token_dim: int = 512
    norm_groups: int = 8
    frame_encoder: str = "raw:openai/clip-vit-base-patch32"
    frame_dim: int = 512
    temporal_heads: int = 8
    temporal_layers: int = 3
    feed_forward: int = 2048
    dropout: float = 0.1
    process: Literal["diffusion", "flow"] = "diffusion"
    steps: int = 15
    eta: float = 1.0
    silence_mask: bool = True
    middle_time: bool = True
    first_frame_only: bool = False

    @property
    def window_s(self) -> float:
        """Seconds of one window."""
        return self.num_samples / self.sample_rate

    @property
    def bins(self) -> int:
        """Bins of the transform."""
        return self.n_fft // 2 + 1

    @property
    def window_columns(self) -> int:
        """Columns of the transform of one window."""
        return 1 + self.num_samples // self.hop_length

    @property
    def shrink(self) -> int:
        """What the picture's columns must be a multiple of."""
        return int(2 ** (len(self.multipliers) - 1))


def paper_music() -> DavisConfig:
    """MUSIC with CLIP, as released: 36,549,603 parameters in the U-Net, 13,663,232 over frames."""
    return DavisConfig()


def paper_music_resnet() -> DavisConfig:
    """MUSIC with ResNet-18, as the paper says: 7,365,632 parameters over frames."""
    return replace(paper_music(), frame_encoder="resnet:microsoft/resnet-18", feed_forward=512)


def paper_ave() -> DavisConfig:
    """AVE and the VGGSound subsets: 10 s at 11 kHz, no silence mask."""
    return replace(paper_music(), sample_rate=11000, num_samples=110000, silence_mask=False)


def flow(config: DavisConfig) -> DavisConfig:
    """The flow variant of a configuration: two steps."""
    return replace(config, process="flow", steps=2)


def narrow() -> DavisConfig:
    """Ours, for computers without a GPU: a quarter of the width, two flow steps."""
    return replace(flow(paper_music()), width=16, token_dim=256, feed_forward=512)


def tiny() -> DavisConfig:
    """For tests and dry runs: every part, a few ten thousand weights, one-second windows."""
    return DavisConfig(
        num_samples=8192,
        rows=32,
        columns=32,
        width=8,
        multipliers=(1, 2, 2),
        heads=2,
        head_dim=4,
        token_dim=32,
        norm_groups=2,
        frame_encoder="grid-words",
        frame_dim=32,
        temporal_heads=2,
        temporal_layers=1,
        feed_forward=32,
        process="flow",
        steps=2,
    )
