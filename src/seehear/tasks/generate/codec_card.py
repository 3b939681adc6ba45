"""What the model cards of the codec's parts say about them."""

VAE_ABOUT = (
    "Autoencoder of log-mel spectrograms (`seehear.models.visualaudio.vae`) for `seehear generate`: 80 bands at "
    "50 columns/s become 20 numbers at 25/s. Latents are to be multiplied by `latent_scale`."
)
VAE_LIMITS = (
    "16 kHz, one channel. Fine structure that the latents cannot hold is smoothed. Trained on the few hours of "
    "sound listed below; sounds unlike them are reconstructed worse."
)
VOCODER_ABOUT = (
    "Vocoder (`seehear.models.visualaudio`) for `seehear generate`: a log-mel spectrogram of 80 bands becomes "
    "sound at 16 kHz."
)
VOCODER_LIMITS = (
    "16 kHz, one channel. A spectrogram does not say phases; the vocoder makes them up, so the waveform is not "
    "the original's, and steady tones may sound rough. Trained on the few hours of sound listed below."
)
