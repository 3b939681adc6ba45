"""What a vocoder is trained on: spectrograms that agree with the true sound's, and critics.

Source: BigVGAN (L1 of log-mel spectrograms, least-squares critics of periods and resolutions, matching of
what their layers see). The distance of plain spectra at several resolutions is ours, for vocoders that are
trained in minutes and mostly without critics. A share of crops may come through an autoencoder, so that the
vocoder knows the spectrograms it will get.

Deviation: both players move at once (`train/adversarial.py`).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seehear.dsp.mel import MelConfig, log_mel
from seehear.losses import spectral_terms
from seehear.models.visualaudio.bigvgan import with_weight_norm
from seehear.models.visualaudio.vae import MelVAE
from seehear.models.visualaudio.wave_critics import (
    WaveCritics,
    critic_loss,
    fooling_loss,
    matching_loss,
)
from seehear.tasks.generate.codec_options import VocoderLosses
from seehear.tasks.generate.sound_crops import SoundBatch
from seehear.train.adversarial import held

N_FFTS = (2048, 1024, 512, 256, 128)


class VocoderObjective(nn.Module):
    """Losses of a batch of sounds.

    Args:
        model: the vocoder; its configuration says its front end.
        weights: of the terms.
        accumulate: batches per step, for counting steps.
        vae: autoencoder whose reconstructions are vocoded too, or None.
        share: of crops that go through it.
    """

    seen: Tensor
    players: ClassVar[tuple[str, ...]] = ("model",)

    def __init__(
        self,
        model: nn.Module,
        weights: VocoderLosses,
        accumulate: int = 1,
        vae: MelVAE | None = None,
        share: float = 0.0,
    ) -> None:
        super().__init__()
        self.model, self.weights, self.accumulate = model, weights, accumulate
        self.share = share
        settings: Any = model.config
        self.front: MelConfig = settings.mel
        self.critic: nn.Module | None = None
        if weights.adversary > 0:
            self.critic = with_weight_norm(WaveCritics(weights.periods, weights.width))
            self.players = ("model", "critic")  # type: ignore[misc]
        # In a tuple: frozen, and no part of the state.
        self._vae: tuple[MelVAE, ...] = (
            (vae.eval().requires_grad_(False),) if vae is not None else ()
        )
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, batch: SoundBatch) -> dict[str, Tensor]:
        real = whole_columns(batch.waveform, self.front)
        with torch.no_grad():
            wanted = log_mel(real, self.front)
            given = self.through_vae(wanted)
        made = self.model(given).flatten(1)
        with torch.autocast(real.device.type, enabled=False):
            terms = self._terms(real, made.float(), wanted)
        if self.training:
            self.seen += 1
        return terms

    def through_vae(self, mel: Tensor) -> Tensor:
        """The first `share` of a batch as the autoencoder gives it back, the rest as it is."""
        count = round(self.share * len(mel)) if self._vae else 0
        if count == 0:
            return mel
        made, _ = self._vae[0].to(mel.device)(mel[:count])
        return torch.cat([made.float(), mel[count:]])

    def plays(self) -> bool:
        """Whether the critics' time has come."""
        return int(self.seen) // self.accumulate >= self.weights.start

    def _terms(self, real: Tensor, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        weights = self.weights
        mel = (log_mel(made, self.front) - wanted).abs().mean()
        loss, told = weights.mel * mel, {"mel_l1": mel}
        if weights.spectra > 0:
            spectra = spectral_terms(made, real, N_FFTS)
            told |= {"log_magnitude": spectra.log_magnitude, "convergence": spectra.convergence}
            loss = loss + weights.spectra * (spectra.log_magnitude + spectra.convergence)
        if self.critic is not None and self.training and self.plays():
            parts = self._against(self.critic, *self._piece(real, made))
            fooling, matching, judged = parts["fooling"], parts["matching"], parts["critic"]
            loss = loss + weights.adversary * fooling + weights.matching * matching + judged
            told |= parts
        return {"loss": loss, **told}

    def _piece(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """The piece of every crop that critics hear; which one is drawn anew each time."""
        length = round(self.weights.seconds * self.front.sample_rate)
        if not 0 < length < real.shape[-1]:
            return real, made
        start = int(torch.randint(real.shape[-1] - length + 1, ()))
        return real[:, start : start + length], made[:, start : start + length]

    def _against(self, critic: nn.Module, real: Tensor, made: Tensor) -> dict[str, Tensor]:
        truth = critic(real[:, None])
        with held(critic):
            seen = critic(made[:, None])
        judged = critic(made.detach()[:, None])
        return {
            "fooling": fooling_loss(seen),
            "matching": matching_loss(truth, seen),
            "critic": critic_loss(truth, judged),
        }


def whole_columns(waveform: Tensor, mel: MelConfig) -> Tensor:
    """Cut the end so that a whole number of hops is left."""
    return waveform[..., : waveform.shape[-1] // mel.hop_length * mel.hop_length]
