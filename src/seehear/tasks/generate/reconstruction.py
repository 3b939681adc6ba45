"""How much of a sound the codec keeps: the table of reconstruction.

`reconstruct(codec, waveforms)` gives one row per sound and system; `summarise` gives means with intervals over
recordings; `measure_reconstruction` does both for the test split of a source manifest. Systems:

- `vae`: the spectrogram decoded from the latents, compared as a spectrogram only;
- `vocoder`: the sound vocoded from its own spectrogram;
- `codec`: both, what a perfect generator would be limited to;
- `griffin-lim`: no network: magnitudes spread over bins, phases by 32 rounds of Griffin and Lim (1984);
- `noise`: white noise at the sound's own level: what knowing nothing but the level gives.

Numbers: `mel_l1`, the mean absolute distance of log10 mel magnitudes of the codec's front end (0.05 = 1 dB);
`log_magnitude` and `convergence`, the multi-resolution distances of spectra of `seehear.losses` at 2048, 1024
and 512 samples (natural logarithm; both times 0.1, as published there). Spectrograms of what has phases made
up anew are compared, waveforms are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from seehear.dsp.mel import log_mel
from seehear.dsp.stft import istft, stft
from seehear.errors import InputError
from seehear.losses import spectral_terms
from seehear.metrics.report import Interval, RecordingBootstrap
from seehear.models.visualaudio.spectral_vocoder import bands_to_bins
from seehear.tasks.generate.codec import Codec
from seehear.tasks.generate.sound_crops import SHORTEST, codec_rows, read_floats

SYSTEMS = ("vae", "vocoder", "codec", "griffin-lim", "noise")
NUMBERS = ("mel_l1", "log_magnitude", "convergence")
ROUNDS = 32
PEAK = 0.5
"""Sounds of a manifest are compared at this peak."""
LONGEST_S = 10.0


@dataclass(frozen=True)
class ReconstructionRow:
    """One sound through one system.

    Args:
        sound: index into the waveforms.
        system: one of `SYSTEMS`.
        mel_l1: see the module.
        log_magnitude: see the module; nan where there is no waveform.
        convergence: see the module; nan where there is no waveform.
    """

    sound: int
    system: str
    mel_l1: float
    log_magnitude: float = float("nan")
    convergence: float = float("nan")


def reconstruct(codec: Codec, waveforms: Sequence[Tensor]) -> list[ReconstructionRow]:
    """Send sounds through the codec, its parts, and two baselines.

    Args:
        codec: to be measured.
        waveforms: mono sounds [T] at the codec's rate, within -1..1, 50 ms or more each.

    Raises:
        InputError: a sound of another shape, or too short.
    """
    return [row for index, wave in enumerate(waveforms) for row in _rows(codec, index, wave)]


def summarise(
    rows: Sequence[ReconstructionRow], recordings: Sequence[str]
) -> dict[str, dict[str, Interval]]:
    """Means with 95 % intervals over recordings: system -> number -> interval.

    Args:
        rows: of `reconstruct`.
        recordings: id of the recording behind each sound.
    """
    bootstrap = RecordingBootstrap([{"": (name,)} for name in recordings])
    table: dict[str, dict[str, Interval]] = {}
    for system in SYSTEMS:
        own = sorted((row for row in rows if row.system == system), key=lambda row: row.sound)
        for number in NUMBERS:
            values = [float(getattr(row, number)) for row in own]
            if all(value == value for value in values):
                table.setdefault(system, {})[number] = bootstrap.mean(values)
    return table


def measure_reconstruction(
    codec: Codec, sources: Path, most: int = 0
) -> tuple[list[ReconstructionRow], dict[str, dict[str, Interval]]]:
    """Reconstruction of the test split of a source manifest.

    Args:
        codec: to be measured.
        sources: source manifest.
        most: number of sounds, evenly spread over the manifest; 0 = all.

    Raises:
        InputError: the manifest or a file is wrong.
    """
    rows = codec_rows(sources, "test")
    if 0 < most < len(rows):
        rows = [rows[index * len(rows) // most] for index in range(most)]
    waves, names = [], []
    for row in rows:
        wave = torch.from_numpy(read_floats(row.path, PEAK))[: round(LONGEST_S * codec.sample_rate)]
        if len(wave) >= SHORTEST:
            waves.append(wave)
            names.append(row.source_id)
    made = reconstruct(codec, waves)
    return made, summarise(made, names)


@torch.no_grad()
def griffin_lim(mel: Tensor, codec: Codec, rounds: int = ROUNDS) -> Tensor:
    """Sound from a spectrogram without a network, [B, num_mels, M] -> [B, M * hop_length].

    Magnitudes are what the bands say of bins; phases begin at random (seeded) and are made consistent.
    """
    front = codec.mel
    spread = bands_to_bins(front, front.n_fft)
    # Columns of the centred transform begin on the first sample, those of the front end half a hop in.
    columns = torch.nn.functional.pad(mel, (1, 1), mode="replicate")
    magnitude = spread @ torch.pow(10.0, columns)
    hop, length = front.hop_length, (mel.shape[-1] + 1) * front.hop_length
    generator = torch.Generator().manual_seed(0)
    angle = torch.rand(magnitude.shape, generator=generator) * (2 * torch.pi)
    wave = istft(torch.polar(magnitude, angle), front.n_fft, hop, length=length)
    for _ in range(rounds):
        angle = stft(wave, front.n_fft, hop).angle()
        wave = istft(torch.polar(magnitude, angle), front.n_fft, hop, length=length)
    return wave[..., hop // 2 : length - hop // 2]


def _rows(codec: Codec, index: int, wave: Tensor) -> Iterator[ReconstructionRow]:
    if wave.ndim != 1 or len(wave) < SHORTEST:
        raise InputError(
            f"sound {index} is {tuple(wave.shape)}; reconstruction takes mono sounds of {SHORTEST} "
            f"samples or more"
        )
    real = wave[None].float()
    mel = codec.analyse(real).cpu()
    decoded = codec.decode_long(codec.encode(real)).cpu()
    yield ReconstructionRow(index, "vae", float((decoded - mel).abs().mean()))
    level = real.square().mean().sqrt()
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(index)) * level
    made = {
        "vocoder": codec.vocode(mel).cpu(),
        "codec": codec.vocode(decoded).cpu(),
        "griffin-lim": griffin_lim(mel, codec),
        "noise": noise,
    }
    for system, other in made.items():
        yield _compare(codec, index, system, other[..., : real.shape[-1]].clone(), real)


def _compare(
    codec: Codec, index: int, system: str, made: Tensor, real: Tensor
) -> ReconstructionRow:
    # The longest window needs more than half of itself.
    missing = max(1025 - real.shape[-1], 0)
    made, real = (torch.nn.functional.pad(x, (0, missing)) for x in (made, real))
    with torch.no_grad():
        mel = (log_mel(made, codec.mel) - log_mel(real, codec.mel)).abs().mean()
        terms = spectral_terms(made, real)
    return ReconstructionRow(
        index, system, float(mel), float(terms.log_magnitude), float(terms.convergence)
    )
