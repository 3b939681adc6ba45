"""Configuration of VisAH: published values are the defaults, variants are small functions.

Source: Huang et al., "Learning to Highlight Audio by Watching Movies", CVPR 2025 (arXiv 2505.12154),
supplementary material, and the public code's defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class VisAHConfig:
    """Sizes and switches of VisAH.

    Args:
        sample_rate: Hz (paper 44100).
        window_s: length of a training clip, seconds (paper 10).
        n_fft: transform length, samples (paper 4096).
        hop_length: samples between columns (paper 1024).
        channels: width of the first layer (paper 24).
        growth: factor of width from layer to layer (paper 2).
        depth: layers of the magnitude branch; the waveform branch has one less (paper 6).
        dconv_depth: residual branches per encoder layer (paper 2).
        dconv_compress: width divisor inside a residual branch (paper 4).
        norm_groups: groups of the normalisation in the two innermost levels (paper 4).
        lstm_steps: longest stretch that the recurrent layers see at once, columns (paper 200).
        latent_dim: width of the latent transformer (paper 512).
        heads: attention heads (paper 16).
        latent_depth: decoder blocks (paper 6).
        context_layers: encoder layers over the context (paper 3 for frames, 6 for captions).
        frame_encoder: id of the frame encoder, "" for none.
        frame_dim: length of its features, 0 for none (paper 768).
        frame_rate: context frames per second (paper 1).
        caption_encoder: id of the caption encoder, "" for none.
        caption_dim: length of its features, 0 for none (paper 4096 instead of frames).
        batch_axis_context: reproduce the published defect: the context encoder attends across the
            clips of a batch instead of across seconds. Only imported weights carry it.
        time_positions: give audio tokens and context the time at which they are, so that it matters
            when a frame is seen. Off in imported weights, which were trained without.
    """

    sample_rate: int = 44100
    window_s: float = 10.0
    n_fft: int = 4096
    hop_length: int = 1024
    channels: int = 24
    growth: int = 2
    depth: int = 6
    dconv_depth: int = 2
    dconv_compress: int = 4
    norm_groups: int = 4
    lstm_steps: int = 200
    latent_dim: int = 512
    heads: int = 16
    latent_depth: int = 6
    context_layers: int = 3
    frame_encoder: str = "openai/clip-vit-large-patch14"
    frame_dim: int = 768
    frame_rate: float = 1.0
    caption_encoder: str = ""
    caption_dim: int = 0
    batch_axis_context: bool = False
    time_positions: bool = True

    @property
    def bottleneck(self) -> int:
        """Width of the innermost level."""
        return int(self.channels * self.growth ** (self.depth - 1))


def paper_vision() -> VisAHConfig:
    """Frames as context, 3 layers: 59,956,090 parameters."""
    return VisAHConfig()


def paper_text() -> VisAHConfig:
    """Captions as context, 6 layers: 67,968,378 parameters (the paper's best)."""
    return VisAHConfig(
        frame_encoder="",
        frame_dim=0,
        caption_encoder="google/t5-v1_1-xxl",
        caption_dim=4096,
        context_layers=6,
    )


def no_context() -> VisAHConfig:
    """No context: cross-attention looks at the sound itself; 53,254,010 parameters."""
    return VisAHConfig(frame_encoder="", frame_dim=0)


def fused() -> VisAHConfig:
    """Ours: frames and captions together, 6 layers; either may be absent."""
    return replace(
        VisAHConfig(),
        caption_encoder="google/t5-v1_1-xxl",
        caption_dim=4096,
        context_layers=6,
    )


def tiny() -> VisAHConfig:
    """For tests and dry runs: every part, a few thousand weights."""
    return VisAHConfig(
        channels=2,
        latent_dim=32,
        heads=4,
        latent_depth=1,
        context_layers=1,
        norm_groups=2,
        frame_encoder="grid",
        frame_dim=48,
        caption_encoder="hash",
        caption_dim=64,
    )
