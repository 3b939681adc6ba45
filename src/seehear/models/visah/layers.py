"""Encoder and decoder layers of VisAH's two branches (reference: Hybrid Demucs v3, `hdemucs`).

The magnitude branch works on [B, C, F, T] with kernels along frequency, the waveform branch (and the
innermost level) on [B, C, T] with kernels along time.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from seehear.models.visah.dconv import ResidualBranches


class EncoderLayer(nn.Module):
    """conv -> (+ injected waveform branch) -> norm -> GELU -> residual branches -> 1x1 -> norm -> GLU.

    Args:
        inputs: channels in.
        outputs: channels out.
        along_frequency: kernel on the frequency axis (magnitude branch).
        kernel: kernel length.
        stride: stride along the same axis.
        padding: padding along the same axis.
        norm_groups: 0 for no normalisation.
        branches: residual branches, or None.
        conv_only: stop after the convolution (its output is injected into the other branch).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        along_frequency: bool,
        kernel: int,
        stride: int,
        padding: int,
        norm_groups: int,
        branches: ResidualBranches | None,
        conv_only: bool = False,
    ) -> None:
        super().__init__()
        self.along_frequency, self.stride = along_frequency, stride
        self.conv: nn.Conv1d | nn.Conv2d
        if along_frequency:
            self.conv = nn.Conv2d(inputs, outputs, (kernel, 1), (stride, 1), (padding, 0))
        else:
            self.conv = nn.Conv1d(inputs, outputs, kernel, stride, padding)
        self.conv_only = conv_only
        if conv_only:
            return
        pointwise = nn.Conv2d if along_frequency else nn.Conv1d
        self.norm1 = _norm(norm_groups, outputs)
        self.branches = branches
        self.rewrite = pointwise(outputs, 2 * outputs, 1)
        self.norm2 = _norm(norm_groups, 2 * outputs)

    def forward(self, x: Tensor, inject: Tensor | None = None) -> Tensor:
        """[B, C, F, T] or [B, C, T] -> the same with F or T divided by the stride, rounded up."""
        if not self.along_frequency:
            x = x.flatten(1, 2) if x.ndim == 4 else x  # [B, C, 1, T] -> [B, C, T]
            x = functional.pad(x, (0, -x.shape[-1] % self.stride))
        y = self.conv(x)
        if self.conv_only:
            return y
        if inject is not None:
            y = y + (inject[:, :, None] if y.ndim == 4 else inject)
        y = functional.gelu(self.norm1(y))
        if self.branches is not None:
            y = self._fold(y) if self.along_frequency else self.branches(y)
        return functional.glu(self.norm2(self.rewrite(y)), dim=1)

    def _fold(self, y: Tensor) -> Tensor:
        """Residual branches treat every frequency bin as a clip of its own."""
        batch, channels, bins, columns = y.shape
        folded = y.permute(0, 2, 1, 3).reshape(-1, channels, columns)  # [B * F, C, T]
        assert self.branches is not None, "only layers with branches fold"
        made = self.branches(folded).reshape(batch, bins, channels, columns)
        return made.permute(0, 2, 1, 3)  # -> [B, C, F, T]


class DecoderLayer(nn.Module):
    """+ skip -> conv to 2C -> norm -> GLU -> transposed conv -> norm -> crop -> GELU.

    Args:
        inputs: channels in.
        outputs: channels out.
        along_frequency: kernel on the frequency axis.
        kernel: kernel length.
        stride: stride along the same axis.
        padding: what is cropped at the front (and, along frequency, at the end).
        norm_groups: 0 for no normalisation.
        is_last: no activation.
        conv_only: no skip and no rewriting (waveform branch, innermost).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        along_frequency: bool,
        kernel: int,
        stride: int,
        padding: int,
        norm_groups: int,
        is_last: bool = False,
        conv_only: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.padding = inputs, padding
        self.along_frequency, self.is_last, self.conv_only = along_frequency, is_last, conv_only
        self.conv_tr: nn.ConvTranspose1d | nn.ConvTranspose2d
        if along_frequency:
            self.conv_tr = nn.ConvTranspose2d(inputs, outputs, (kernel, 1), (stride, 1))
        else:
            self.conv_tr = nn.ConvTranspose1d(inputs, outputs, kernel, stride)
        self.norm2 = _norm(norm_groups, outputs)
        if conv_only:
            return
        same = nn.Conv2d if along_frequency else nn.Conv1d
        self.rewrite = same(inputs, 2 * inputs, 3, padding=1)
        self.norm1 = _norm(norm_groups, 2 * inputs)

    def forward(self, x: Tensor, skip: Tensor | None, length: int) -> tuple[Tensor, Tensor]:
        """Decode one level.

        Args:
            x: from the level below.
            skip: encoder output of this level, None for `conv_only`.
            length: columns or samples to return (along time).

        Returns:
            output, and the tensor just before the transposed convolution.
        """
        if self.along_frequency and x.ndim == 3:
            x = x.unflatten(1, (self.inputs, -1))  # type: ignore[no-untyped-call]
        if skip is not None:
            x = functional.glu(self.norm1(self.rewrite(x + skip)), dim=1)
        z = self.norm2(self.conv_tr(x))
        if not self.along_frequency:
            z = z[..., self.padding : self.padding + length]
        elif self.padding:
            z = z[..., self.padding : -self.padding, :]
        return (z if self.is_last else functional.gelu(z)), x


def _norm(groups: int, channels: int) -> nn.Module:
    return nn.GroupNorm(groups, channels) if groups else nn.Identity()
