"""The short-time Fourier transform of the whole project, in memory and as a stream.

Conventions: periodic Hann window, column n of a centred transform belongs to sample n·hop_length,
un-normalised unless asked. Long files are transformed block by block in `dsp/gains.py`, which
needs overlap-add with exact reconstruction.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def hann(win_length: int, device: torch.device | None = None) -> Tensor:
    """Periodic Hann window [win_length], float32."""
    return torch.hann_window(win_length, periodic=True, device=device)


def stft(
    waveform: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    center: bool = True,
    normalized: bool = False,
    pad_mode: Literal["reflect", "constant"] = "reflect",
) -> Tensor:
    """Transform waveforms to complex spectra.

    Args:
        waveform: float [..., T].
        n_fft: transform length in samples.
        hop_length: samples between columns.
        win_length: length of the Hann window, centred in n_fft; default n_fft.
        center: pad by n_fft/2 so that column n is centred on sample n·hop_length.
        normalized: scale by 1/sqrt(n_fft).
        pad_mode: what lies beyond the ends: the sound mirrored (needs more than n_fft/2 samples), or
            silence.

    Returns:
        complex [..., n_fft/2 + 1, N] with N = 1 + T // hop_length when centred.

    >>> stft(torch.zeros(2, 4096), 1024, 256).shape
    torch.Size([2, 513, 17])
    """
    flat = waveform.reshape(-1, waveform.shape[-1])
    spectrum = torch.stft(
        flat,
        n_fft,
        hop_length,
        win_length,
        window=hann(win_length or n_fft, waveform.device).to(waveform.dtype),
        center=center,
        normalized=normalized,
        pad_mode=pad_mode,
        return_complex=True,
    )
    return spectrum.reshape(*waveform.shape[:-1], *spectrum.shape[-2:])


def istft(
    spectrum: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    length: int | None = None,
    center: bool = True,
    normalized: bool = False,
) -> Tensor:
    """Invert `stft` by weighted overlap-add.

    Args:
        spectrum: complex [..., n_fft/2 + 1, N].
        n_fft: transform length in samples.
        hop_length: samples between columns.
        win_length: as in `stft`.
        length: samples to return; default what the columns cover.
        center: as in `stft`.
        normalized: as in `stft`.

    Returns:
        float [..., length].

    >>> x = torch.randn(3, 5000)
    >>> torch.allclose(istft(stft(x, 512, 128), 512, 128, length=5000), x, atol=1e-5)
    True
    """
    flat = spectrum.reshape(-1, *spectrum.shape[-2:])
    waveform = torch.istft(
        flat,
        n_fft,
        hop_length,
        win_length,
        window=hann(win_length or n_fft, spectrum.device),
        center=center,
        normalized=normalized,
        length=length,
    )
    return waveform.reshape(*spectrum.shape[:-2], waveform.shape[-1])
