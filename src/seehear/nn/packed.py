"""Layers for inference on a CPU with weights in oneDNN's own order, packed once.

Without packing, torch brings the weights into that order in every call, and takes a slower library for
plain matrix products on some processors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def has_packing(dtype: torch.dtype) -> bool:
    """Whether torch multiplies with packed weights of this format here (x86 with oneDNN)."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class PackedLinear(nn.Module):
    """`nn.Linear` for inference with weights in oneDNN's own order, where this build has it.

    Args:
        weight: [N, K].
        bias: [N] or None.
        dtype: number format of weights, work and result.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.dtype = dtype
        self.bias = None if bias is None else bias.detach().to(dtype).contiguous()
        self.weight = weight.detach().to(dtype).contiguous()
        self.is_packed = has_packing(dtype)
        if self.is_packed:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] -> [..., N]."""
        return self.plus(x, self.bias)

    def plus(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """The same with another bias [N]: [..., K] -> [..., N]."""
        x = x.to(self.dtype)
        if not self.is_packed:
            with torch.autocast("cpu", enabled=False):
                return functional.linear(x, self.weight, bias)
        made: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, bias, "none", [], "")
        return made
