"""Mono2Binaural and APNet whole: the picture and the sum of both ears -> their difference.

    frames -> trunk -> map [D, h, w]
    spectrum of L + R, map -> audio network -> mask x spectrum of L + R = spectrum of L - R
    APNet: its features and the map -> pyramid -> masks of left and right

L and R follow from sum and difference, so the sum is kept whatever the network says. APNet's own left and
right are for training and for separation; stereo comes from the difference, as its authors say.
Letters: B batch, F bins, N columns, D features of the picture, [h, w] its cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seehear.errors import InputError
from seehear.models.pseudobinaural.config import SHRINK, APNetConfig, Mono2BinauralConfig
from seehear.models.pseudobinaural.pyramid import Pyramid
from seehear.models.pseudobinaural.spectra import apply_mask
from seehear.models.pseudobinaural.trunk import Trunk, normalised
from seehear.models.pseudobinaural.unet import AudioNet


class Mono2Binaural(nn.Module):
    """2.5D Visual Sound (and PseudoBinaural, which is trained otherwise).

    Args:
        config: sizes and switches.
    """

    config: Mono2BinauralConfig

    def __init__(self, config: Mono2BinauralConfig) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.visual = Trunk(config.trunk_blocks, config.trunk_widths)
        self.audio = AudioNet(config)

    def look(self, frames: Tensor) -> Tensor:
        """What is seen.

        Args:
            frames: RGB [N, 3, frame_height, frame_width], uint8 or float in 0..1.

        Returns:
            Maps [N, D, h, w], >= 0.
        """
        seen: Tensor = self.visual(normalised(frames))
        return seen

    def forward(self, spectrum: Tensor, visual: Tensor) -> Tensor:
        """The difference.

        Args:
            spectrum: of the sum L + R at `config.rms`, [B, 2, F, N].
            visual: from `look`, [B, D, h, w].

        Returns:
            Spectrum of L - R, [B, 2, F, N]; its highest bin is zero.
        """
        return apply_mask(self.audio(spectrum, visual).mask, spectrum)


class APNet(Mono2Binaural):
    """Sep-Stereo's network.

    Args:
        config: sizes and switches.
    """

    config: APNetConfig

    def __init__(self, config: APNetConfig) -> None:
        super().__init__(config)
        self.pyramid = Pyramid(config)

    def sides(self, spectrum: Tensor, visual: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All three outputs.

        Args:
            spectrum: of the sum of both ears or of two sources, [B, 2, F, N].
            visual: from `look` or `rearranged`, [B, D, h, w].

        Returns:
            Spectra of the difference, of the left and of the right, [B, 2, F, N] each. Left and right need
            not sum to what came in.
        """
        decoded = self.audio(spectrum, visual)
        left, right = self.pyramid(decoded.features, visual)
        difference, first, second = (
            apply_mask(mask, spectrum) for mask in (decoded.mask, left, right)
        )
        return difference, first, second


def rearranged(left: Tensor, right: Tensor) -> Tensor:
    """Two pictures as one map for separation: the left one at the left edge, the other at the right.

    Args:
        left: map of the left source, [B, D, h, w].
        right: of the right one, same shape.

    Returns:
        [B, D, h, w]: largest value over the width in the first and the last column, zero between.

    Source: Sep-Stereo, section 3.4 and public code.
    """
    made = torch.zeros_like(left)
    made[..., 0], made[..., -1] = left.amax(dim=-1), right.amax(dim=-1)
    return made


def _check(config: Mono2BinauralConfig) -> None:
    if config.frame_height % SHRINK or config.frame_width % SHRINK:
        raise InputError(
            f"pictures of {config.frame_width} x {config.frame_height} cannot be made {SHRINK} times "
            f"smaller; choose multiples of {SHRINK}"
        )
    if (config.bins - 1) % SHRINK or config.columns % SHRINK:
        raise InputError(
            f"{config.bins - 1} bins and {config.columns} columns cannot be halved five times; choose "
            f"n_fft, hop_length and window_s so that both are multiples of {SHRINK}"
        )
