"""What the autoencoder is trained on: reconstruction, divergence, and after a while a critic.

Source: Make-An-Audio 2's loss (reconstruction as the likelihood of a Laplace distribution with one learned
scale; KL; least-squares critic on patches with a gradient penalty and an adaptive weight; the maker's own
adversarial term is linear). Sums run over elements and are divided by the batch, as there.

Deviations: before its start the critic is not run at all (with the penalty alone it would learn to say
nothing); both players move at once (`train/adversarial.py`).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from seehear.dsp.mel import log_mel
from seehear.models.visualaudio.mel_critic import MelCritic
from seehear.models.visualaudio.vae import MelVAE, Posterior
from seehear.tasks.generate.codec_options import VAELosses
from seehear.tasks.generate.sound_crops import SoundBatch
from seehear.train.adversarial import adaptive_weight, held, r1_penalty


class VAEObjective(nn.Module):
    """Losses of a batch of sounds.

    Args:
        model: the autoencoder.
        weights: of the terms.
        accumulate: batches per step, for counting steps.
    """

    seen: Tensor
    players: ClassVar[tuple[str, ...]] = ("model",)

    def __init__(self, model: MelVAE, weights: VAELosses, accumulate: int = 1) -> None:
        super().__init__()
        self.model, self.weights, self.accumulate = model, weights, accumulate
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.critic: MelCritic | None = None
        if weights.adversary > 0:
            self.critic = MelCritic()
            self.players = ("model", "critic")  # type: ignore[misc]
        # Batches seen so far: part of the state, so that a resumed run knows whether the critic plays.
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, batch: SoundBatch) -> dict[str, Tensor]:
        with torch.no_grad():
            mel = log_mel(batch.waveform, self.model.config.mel)
        noise = torch.randn(
            len(mel), self.model.config.latent, -(-mel.shape[-1] // 2), device=mel.device
        )
        made, posterior = self.model(mel, noise)
        with torch.autocast(mel.device.type, enabled=False):
            terms = self._terms(mel, made.float(), posterior)
        if self.training:
            self.seen += 1
        return terms

    def _terms(self, mel: Tensor, made: Tensor, posterior: Posterior) -> dict[str, Tensor]:
        distance = (mel - made).abs()
        likely = reconstruction(distance, self.log_scale)
        divergence = Posterior(posterior.mean.float(), posterior.logvar.float()).divergence()
        loss = likely + self.weights.kl * divergence.mean()
        told = {"mel_l1": distance.mean(), "divergence": divergence.mean() / mel.shape[-1]}
        if self.critic is not None and self.training and self.plays():
            ours, theirs, parts = self._against(mel, made, likely)
            loss, told = loss + ours + theirs, {**told, **parts}
        return {"loss": loss, **told}

    def plays(self) -> bool:
        """Whether the critic's time has come."""
        return int(self.seen) // self.accumulate >= self.weights.start

    def _against(
        self, mel: Tensor, made: Tensor, likely: Tensor
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The maker's adversarial term, the critic's loss, and numbers to log."""
        assert self.critic is not None, "called with a critic only"
        weights = self.weights
        with held(self.critic):
            fooling = -self.critic(made).mean()
        pull = weights.adversary * adaptive_weight(likely, fooling, self.model.decoder.exit.weight)
        real = mel.detach().requires_grad_(True)
        scores, other = self.critic(real), self.critic(made.detach())
        penalty = r1_penalty(scores, real)
        judged = critic_terms(scores, other)
        told = {"fooling": fooling, "pull": pull, "critic": judged, "penalty": penalty}
        return (
            pull * weights.factor * fooling,
            weights.factor * judged + weights.r1 * penalty,
            told,
        )


def reconstruction(distance: Tensor, log_scale: Tensor) -> Tensor:
    """Absolute distances under one learned scale: summed over elements, a mean over the batch."""
    return (distance * (-log_scale).exp() + log_scale).sum() / len(distance)


def critic_terms(real: Tensor, made: Tensor) -> Tensor:
    """Half of the least squares: real ones towards 1, made ones towards 0."""
    return 0.5 * ((1 - real).square().mean() + made.square().mean())
