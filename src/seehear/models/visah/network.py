"""VisAH: a mono mixture + what is seen -> the same sources, rebalanced.

Dual U-Net (magnitude and waveform) around a latent transformer:

    |X| -> magnitude encoder -+-> latent transformer -> magnitude decoder -> mask M
     x  -> waveform encoder  -+      (context)       -> waveform decoder  -> w
    y = iSTFT(M * |X| * phase(X)) + w * std(x) + mean(x)

The mask is unbounded and signed; the magnitude is not normalised, the waveform is.
Source: Huang et al., CVPR 2025 (arXiv 2505.12154), supplementary material; layer order after the public
code. Letters: B batch, C channels, F bins, T columns, L samples.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.stft import istft, stft
from seehear.models.visah.config import VisAHConfig
from seehear.models.visah.dconv import ResidualBranches
from seehear.models.visah.latent import LatentTransformer
from seehear.models.visah.layers import DecoderLayer, EncoderLayer
from seehear.nn.context import Context

KERNEL, STRIDE, PADDING = 8, 4, 2
INNER_KERNEL, INNER_STRIDE, INNER_PADDING = 4, 2, 1
EMBEDDING_WEIGHT = 0.2
EMBEDDING_SCALE = 10.0
RESCALE = 0.1
EDGE_COLUMNS = 2


class Highlighted(NamedTuple):
    """What one pass gives.

    Args:
        waveform: [B, 1, L].
        magnitude: mask times mixture magnitude, [B, 1, F, T].
    """

    waveform: Tensor
    magnitude: Tensor


class VisAH(nn.Module):
    """The network; see the module's text.

    Args:
        config: sizes and switches.
    """

    def __init__(self, config: VisAHConfig) -> None:
        super().__init__()
        self.config = config
        widths = [1, *(config.channels * config.growth**i for i in range(config.depth))]
        self.spectral_encoder = nn.ModuleList(
            _spectral_encoder(config, i, widths[i], widths[i + 1]) for i in range(config.depth)
        )
        self.wave_encoder = nn.ModuleList(
            _wave_encoder(config, i, widths[i], widths[i + 1]) for i in range(config.depth - 1)
        )
        self.spectral_decoder = nn.ModuleList(
            _spectral_decoder(config, i, widths[i + 1], widths[i])
            for i in reversed(range(config.depth))
        )
        self.wave_decoder = nn.ModuleList(
            _wave_decoder(config, i, widths[i + 1], widths[i])
            for i in reversed(range(config.depth - 1))
        )
        bins = config.n_fft // 2 // STRIDE
        self.frequency_embedding = nn.Parameter(_smooth_table(bins, config.channels))
        _rescale(self)
        columns_per_s = config.sample_rate / (config.hop_length * INNER_STRIDE)
        # Attached after rescaling: the transformer keeps its own initialisation.
        self.latent = LatentTransformer(config, columns_per_s)

    def forward(self, mixture: Tensor, context: Context) -> Tensor:
        """Rebalance.

        Args:
            mixture: [B, 1, L], L >= 2, nominal range -1..1.
            context: frames and captions of the same seconds; either may be None.

        Returns:
            [B, 1, L].
        """
        return self._estimate(mixture, context)[0]

    def highlight(self, mixture: Tensor, context: Context) -> Highlighted:
        """`forward` with the magnitude beside the waveform."""
        waveform, mask, magnitude = self._estimate(mixture, context)
        return Highlighted(waveform, mask * magnitude)

    def _estimate(self, mixture: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """Waveform [B, 1, L], mask and the mixture's magnitude [B, 1, F, T]."""
        length = mixture.shape[-1]
        spectrum = self.analyse(mixture)  # [B, 1, F, T] complex
        magnitude = spectrum.abs().contiguous()
        mean = mixture.mean(dim=(1, 2), keepdim=True)
        std = mixture.std(dim=(1, 2), keepdim=True)
        skips, wave_skips, inner = self._encode(magnitude, (mixture - mean) / (std + 1e-5))
        mask, wave = self._decode(self.latent(inner, context), skips, wave_skips, length)
        # mask * magnitude * phase; a transform takes no half precision, which autocast may have chosen
        spectral = self.synthesise(spectrum * mask.float(), length)
        return spectral + wave * std + mean, mask, magnitude

    # Branches -------------------------------------------------------------------------------

    def _encode(self, magnitude: Tensor, wave: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        x, skips, wave_skips = magnitude, [], []
        for index, layer in enumerate(self.spectral_encoder):
            inject = None
            if index < len(self.wave_encoder):
                wave = self.wave_encoder[index](wave)
                if self.wave_encoder[index].conv_only:
                    inject = wave
                else:
                    wave_skips.append(wave)
            x = layer(x, inject)
            if index == 0:
                table = self.frequency_embedding.t()[None, :, :, None] * EMBEDDING_SCALE
                x = x + EMBEDDING_WEIGHT * table
            skips.append(x)
        return skips, wave_skips, x

    def _decode(
        self, x: Tensor, skips: list[Tensor], wave_skips: list[Tensor], length: int
    ) -> tuple[Tensor, Tensor]:
        columns = math.ceil(length / self.config.hop_length)
        wave_lengths = [length]
        for skip in wave_skips:
            wave_lengths.append(skip.shape[-1])
        wave: Tensor | None = None
        for index, layer in enumerate(self.spectral_decoder):
            x, before = layer(x, skips[-1 - index], columns)
            if index == 0:
                continue
            wave_layer = self.wave_decoder[index - 1]
            wave_length = wave_lengths[-index]
            if wave is None:
                wave, _ = wave_layer(before[:, :, 0], None, wave_length)
            else:
                wave, _ = wave_layer(wave, wave_skips[1 - index], wave_length)
        assert wave is not None, "the waveform decoder has at least one layer"
        return x, wave

    # Transform ------------------------------------------------------------------------------

    def analyse(self, waveform: Tensor) -> Tensor:
        """[B, 1, L] -> complex [B, 1, F, ceil(L / hop)], Nyquist bin dropped."""
        hop = self.config.hop_length
        columns = math.ceil(waveform.shape[-1] / hop)
        edge = hop // 2 * 3
        padded = _reflect(waveform, edge, edge + columns * hop - waveform.shape[-1])
        spectrum = stft(padded, self.config.n_fft, hop)
        return spectrum[..., :-1, EDGE_COLUMNS : EDGE_COLUMNS + columns]

    def synthesise(self, spectrum: Tensor, length: int) -> Tensor:
        """Inverse of `analyse` but for the dropped columns: about 1500 samples at either end fade."""
        hop = self.config.hop_length
        edge = hop // 2 * 3
        full = functional.pad(spectrum, (EDGE_COLUMNS, EDGE_COLUMNS, 0, 1))
        padded_length = hop * math.ceil(length / hop) + 2 * edge
        waveform = istft(full, self.config.n_fft, hop, length=padded_length)
        return waveform[..., edge : edge + length]


def _branches(config: VisAHConfig, index: int, width: int) -> ResidualBranches:
    with_memory = index >= config.depth - 2
    return ResidualBranches(
        width, config.dconv_compress, config.dconv_depth, with_memory, config.lstm_steps
    )


def _groups(config: VisAHConfig, index: int) -> int:
    return config.norm_groups if index >= config.depth - 2 else 0


def _spectral_encoder(config: VisAHConfig, index: int, inputs: int, outputs: int) -> EncoderLayer:
    branches, groups = _branches(config, index, outputs), _groups(config, index)
    if index == config.depth - 1:
        return EncoderLayer(
            inputs, outputs, False, INNER_KERNEL, INNER_STRIDE, INNER_PADDING, groups, branches
        )
    # The last layer along frequency has eight bins and collapses them into one.
    padding = 0 if index == config.depth - 2 else PADDING
    return EncoderLayer(inputs, outputs, True, KERNEL, STRIDE, padding, groups, branches)


def _wave_encoder(config: VisAHConfig, index: int, inputs: int, outputs: int) -> EncoderLayer:
    if index == config.depth - 2:
        return EncoderLayer(
            inputs, outputs, False, KERNEL, STRIDE, PADDING, 0, None, conv_only=True
        )
    branches = _branches(config, index, outputs)
    return EncoderLayer(inputs, outputs, False, KERNEL, STRIDE, PADDING, 0, branches)


def _spectral_decoder(config: VisAHConfig, index: int, inputs: int, outputs: int) -> DecoderLayer:
    groups = _groups(config, index)
    if index == config.depth - 1:
        return DecoderLayer(
            inputs, outputs, False, INNER_KERNEL, INNER_STRIDE, INNER_PADDING, groups
        )
    padding = 0 if index == config.depth - 2 else PADDING
    return DecoderLayer(inputs, outputs, True, KERNEL, STRIDE, padding, groups, is_last=index == 0)


def _wave_decoder(config: VisAHConfig, index: int, inputs: int, outputs: int) -> DecoderLayer:
    innermost = index == config.depth - 2
    return DecoderLayer(
        inputs,
        outputs,
        False,
        KERNEL,
        STRIDE,
        PADDING,
        _groups(config, index),
        is_last=index == 0,
        conv_only=innermost,
    )


def _smooth_table(rows: int, dim: int) -> Tensor:
    """Neighbouring frequencies start alike: cumulative sums of noise, divided by their deviation."""
    steps = torch.arange(1, rows + 1, dtype=torch.float32).sqrt()[:, None]
    return torch.randn(rows, dim).cumsum(dim=0) / steps / EMBEDDING_SCALE


def _rescale(module: nn.Module) -> None:
    """Bring the deviation of convolution weights closer to 0.1 (Demucs' initialisation)."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
    for layer in module.modules():
        if isinstance(layer, kinds):
            scale = (layer.weight.std().detach() / RESCALE).sqrt()
            with torch.no_grad():
                layer.weight.div_(scale)
                if layer.bias is not None:
                    layer.bias.div_(scale)


def _reflect(x: Tensor, left: int, right: int) -> Tensor:
    """Reflect-pad; a sound shorter than the padding is lengthened with silence first."""
    extra = max(max(left, right) - x.shape[-1] + 1, 0)
    extra_right = min(right, extra)
    extra_left = extra - extra_right
    x = functional.pad(x, (extra_left, extra_right))
    return functional.pad(x, (left - extra_left, right - extra_right), mode="reflect")
