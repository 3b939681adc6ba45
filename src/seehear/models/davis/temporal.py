"""The transformer over frame features: what is seen in several frames becomes one vector.

Encoder and one decoder layer over the same frames, without positions: the mean of its output does not
depend on the order of frames. Source: public code of DAVIS (`torch.nn.Transformer`, post-norm, ReLU).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seehear.models.davis.config import DavisConfig


class FrameTransformer(nn.Module):
    """[B, N, D] -> [B, N, D]; see the module's text.

    Args:
        config: sizes and switches.
    """

    def __init__(self, config: DavisConfig) -> None:
        super().__init__()
        self.first_frame_only = config.first_frame_only
        sizes = (config.frame_dim, config.temporal_heads, config.feed_forward, config.dropout)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*sizes, batch_first=True),
            config.temporal_layers,
            nn.LayerNorm(config.frame_dim),
            enable_nested_tensor=False,
        )
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*sizes, batch_first=True), 1, nn.LayerNorm(config.frame_dim)
        )
        for tensor in self.parameters():
            if tensor.ndim > 1:
                nn.init.xavier_uniform_(tensor)

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let frames look at each other.

        Args:
            frames: features [B, N, D].
            mask: bool [B, N], True where a frame is real; None = all are.

        Returns:
            [B, N, D]; [B, 1, D] where only the first frame is taken.
        """
        if self.first_frame_only:
            frames, mask = frames[:, :1], mask[:, :1] if mask is not None else None
        padding = ~mask if mask is not None else None
        memory = self.encoder(frames, src_key_padding_mask=padding)
        return self.decoder(
            frames,
            memory,
            tgt_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )

    def summary(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mean over real frames of `forward`: [B, N, D] -> [B, D]."""
        made = self(frames, mask)
        if mask is None:
            return made.mean(dim=1)
        weight = mask[:, : made.shape[1], None].to(made)
        total: Tensor = torch.where(weight > 0, made, 0.0).sum(dim=1)
        return total / weight.sum(dim=1).clamp_min(1.0)
