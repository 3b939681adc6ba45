"""What the model card of a generating model says about it."""

from __future__ import annotations

ABOUT = (
    "A flow transformer that turns features of a silent video into latents of its sound "
    "(`seehear.models.visualaudio.denoiser`), for `seehear generate`. The folders beside it hold what it was "
    "trained with and needs: `cavp` sees, `vae` says what latents mean, `vocoder` makes the waveform."
)
LIMITS = (
    "16 kHz, one channel, trained on windows of a few seconds. It knows the kinds of things under `classes`; for "
    "anything else it makes up the sound of something that it knows. No words are spoken that anybody said."
)
