"""What the picture gives: a residual network without its last two layers, trained along with the rest.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (basic blocks).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Args:
        wide_in: channels in.
        wide_out: channels out.
        stride: of the first convolution and of the shortcut.
    """

    def __init__(self, wide_in: int, wide_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(wide_in, wide_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(wide_out)
        self.conv2 = nn.Conv2d(wide_out, wide_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(wide_out)
        self.skip: nn.Sequential | None = None
        if stride != 1 or wide_in != wide_out:
            self.skip = nn.Sequential(
                nn.Conv2d(wide_in, wide_out, 1, stride, bias=False), nn.BatchNorm2d(wide_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H / stride, W / stride]."""
        made = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(made + (x if self.skip is None else self.skip(x)))


class Trunk(nn.Module):
    """Picture -> map of features, 32 times smaller.

    Args:
        blocks: residual blocks of each stage.
        widths: channels of each stage.
    """

    def __init__(self, blocks: tuple[int, ...], widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.pool = nn.MaxPool2d(3, 2, 1)
        stages, wide_in = [], widths[0]
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
            layers = []
            for index in range(count):
                stride = 2 if stage and not index else 1
                layers.append(ResidualBlock(wide_in, width, stride))
                wide_in = width
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)

    def forward(self, frames: Tensor) -> Tensor:
        """Normalised pictures [N, 3, H, W] -> [N, D, H / 32, W / 32]."""
        x = self.pool(torch.relu(self.stem_norm(self.stem(frames))))
        for stage in self.stages:
            x = stage(x)
        return x


def normalised(frames: Tensor) -> Tensor:
    """RGB in 0..255 (uint8) or 0..1 (float), [N, 3, H, W] -> what the trunk takes, float32."""
    colours = frames.float() / 255.0 if frames.dtype == torch.uint8 else frames
    mean, std = (torch.tensor(v, device=frames.device).reshape(1, 3, 1, 1) for v in (MEAN, STD))
    return (colours - mean) / std
