"""The codec: exact lengths, pieces equal the whole, checkpoints that do not fit are refused."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seehear.checkpoint import save_checkpoint
from seehear.dsp.mel import MelConfig
from seehear.errors import ModelError
from seehear.models.visualaudio.bigvgan import BigVGAN, BigVGANConfig, tiny_bigvgan
from seehear.models.visualaudio.spectral_vocoder import MelWave, MelWaveConfig, tiny_melwave
from seehear.models.visualaudio.vae import MelVAE, MelVAEConfig, tiny_vae
from seehear.tasks.generate.codec import Codec, load_codec, tiny_codec

SMALL = MelVAEConfig(width=32, multipliers=(1, 2), blocks=1, kernel=3)
LOCAL = replace(SMALL, norm="column", attention=False, shortcut=True)


def local_codec() -> Codec:
    torch.manual_seed(0)
    return Codec(MelVAE(LOCAL), tiny_melwave(), 2.0)


@pytest.mark.parametrize("samples", [1, 639, 640, 641, 16001])
def test_lengths(samples: int) -> None:
    codec = tiny_codec()
    latents = codec.encode(0.1 * torch.randn(2, samples))
    length = math.ceil(samples / 640)
    assert latents.shape == (2, 20, length) and latents.isfinite().all()
    mel = codec.decode(latents)
    assert mel.shape == (2, 80, 2 * length)
    assert codec.vocode(mel).shape == (2, 640 * length)
    assert (codec.latent_rate, codec.samples_per_latent, codec.hop_length) == (25.0, 640, 320)


def test_scale_is_undone() -> None:
    codec, sound = local_codec(), 0.1 * torch.randn(1, 6400)
    plain = Codec(codec.vae, codec.vocoder, 1.0)
    assert torch.allclose(codec.encode(sound), 2 * plain.encode(sound))
    assert torch.allclose(
        codec.decode(codec.encode(sound)), plain.decode(plain.encode(sound)), atol=1e-5
    )


def shaky_bigvgan() -> BigVGAN:
    """Weights large enough that a missing column of context would be heard."""
    torch.manual_seed(0)
    model = BigVGAN(BigVGANConfig(channels=64, block_kernels=(3,), dilations=(1,)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6 if parameter.ndim > 1 else 1)
    return model


@pytest.mark.parametrize("vocoder", ["melwave", "bigvgan"])
@pytest.mark.parametrize("cut", [3, 29, 200])
def test_stream_equals_the_whole(vocoder: str, cut: int) -> None:
    codec = Codec(tiny_vae(), tiny_melwave() if vocoder == "melwave" else shaky_bigvgan(), 1.0)
    mel = 0.5 * torch.randn(1, 80, 90, generator=torch.Generator().manual_seed(1)) - 2
    whole = codec.vocode(mel)
    pieces = list(codec.vocode_stream(mel.split(cut, dim=-1), block=20))
    joined = torch.cat(pieces, dim=-1)
    assert joined.shape == whole.shape == (1, 90 * 320)
    assert torch.allclose(joined, whole, atol=1e-5 * float(whole.abs().max()))
    assert len(pieces) >= 4 and list(codec.vocode_stream([])) == []


def test_long_latents_of_a_local_autoencoder_are_exact() -> None:
    codec, latents = local_codec(), torch.randn(1, 20, 130)
    assert torch.allclose(codec.decode_long(latents, piece=33), codec.decode(latents), atol=1e-5)


def test_context_of_the_autoencoder_is_what_it_sees() -> None:
    model = MelVAE(LOCAL).double()
    latents = torch.randn(1, 20, 121, dtype=torch.float64, requires_grad=True)
    heard = model.decode(latents)[..., 120:122].sum()
    (slope,) = torch.autograd.grad(heard, latents)
    touched = slope[0].abs().sum(0).nonzero()[:, 0]
    reach = max(60 - int(touched.min()), int(touched.max()) - 60)
    assert model.config.context is not None and 0 <= model.config.context - reach <= 1
    assert SMALL.context is None


def test_long_latents_of_a_global_one_have_no_seams() -> None:
    torch.manual_seed(0)
    codec = Codec(MelVAE(SMALL), tiny_melwave(), 1.0)
    latents = torch.randn(1, 20, 330)
    made, whole = codec.decode_long(latents, 100, 20), codec.decode(latents)
    assert made.shape == whole.shape
    # Untrained and on noise: about the worst there is.
    assert float((made - whole).abs().mean()) < 0.3 * float(whole.std())
    short = latents[..., :100]
    assert torch.equal(codec.decode_long(short, 100, 20), codec.decode(short))


def test_folders(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "vae", tiny_vae(), "melvae", {"latent_scale": 0.5})
    save_checkpoint(tmp_path / "bare", tiny_vae(), "melvae", {})
    save_checkpoint(tmp_path / "vocoder", tiny_melwave(), "melwave", {})
    save_checkpoint(tmp_path / "gan", tiny_bigvgan(), "bigvgan", {})
    assert load_codec(tmp_path / "vae", tmp_path / "vocoder").scale == 0.5
    assert load_codec(tmp_path / "bare", tmp_path / "gan", 2.0).scale == 2.0
    with pytest.raises(ModelError, match="scale of its latents"):
        load_codec(tmp_path / "bare", tmp_path / "vocoder")
    with pytest.raises(ModelError, match="a melvae is needed"):
        load_codec(tmp_path / "vocoder", tmp_path / "vocoder")
    with pytest.raises(ModelError, match="melwave or bigvgan"):
        load_codec(tmp_path / "vae", tmp_path / "vae")


def test_parts_of_two_front_ends_are_refused() -> None:
    other = MelWave(MelWaveConfig(mel=MelConfig(hop_length=256), width=16, blocks=1))
    with pytest.raises(ModelError, match="one front end"):
        Codec(tiny_vae(), other, 1.0)
    with pytest.raises(ModelError, match="above 0"):
        Codec(tiny_vae(), tiny_melwave(), 0.0)
