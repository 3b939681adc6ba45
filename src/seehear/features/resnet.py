"""The frozen encoders of DAVIS, through transformers: ResNet-18, and CLIP without normalised vectors.

Ids carry what the published code does to the picture:

    resnet:ID     ResNet, averaged over the picture, ImageNet's colour statistics (the paper's MUSIC models)
    raw:ID        CLIP's image embedding as it is, CLIP's colour statistics (AVE)
    imagenet:ID   the same with ImageNet's statistics (the released MUSIC models; a slip, but they were
                  trained with it)

All run in eval mode. (In the public code the frozen ResNet stays in training mode, so that its statistics
drift while the rest learns.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.errors import MissingDependency, ModelError
from seehear.features.clip import MEAN, STD
from seehear.features.frames import FrameEncoder
from seehear.features.weights import weights_sha256
from seehear.runtime import Runtime

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
RESNET_SIZE = 224
BATCH = 32
PREFIXES = ("resnet", "raw", "imagenet")
LICENCE = "see the model's page"
PROMPT = "A photo of {}."
"""Frame of a class name in the published demonstration of text queries."""


@dataclass(frozen=True)
class ImageModel:
    """One of the encoders above with its preprocessing.

    Args:
        id: for receipts, with a version.
        kind: one of `PREFIXES`.
        module: the network of transformers.
        dim: length of a vector.
        frame_size: side of the squares that it wants, pixels.
        runtime: where and in which number format it works.
    """

    id: str
    kind: str
    module: Any
    dim: int
    frame_size: int
    runtime: Runtime

    def vectors(self, frames: Tensor) -> Tensor:
        """uint8 [N, 3, S, S] -> float32 [N, D] on the CPU."""
        return self._in_batches(frames, self._vectors)

    def maps(self, frames: Tensor) -> Tensor:
        """The same per place: uint8 [N, 3, H, W] -> float32 [N, D, h, w] on the CPU.

        The network's own scale differs between a place and the whole; vectors of places are brought
        to the whole's on average, because other networks were trained on that.
        """
        return self._in_batches(frames, self._maps)

    def _in_batches(self, frames: Tensor, run: Callable[[Tensor], Tensor]) -> Tensor:
        device = self.runtime.device
        colours = (MEAN, STD) if self.kind == "raw" else (IMAGENET_MEAN, IMAGENET_STD)
        mean, std = (torch.tensor(values).reshape(1, 3, 1, 1).to(device) for values in colours)
        with self.runtime.inference():
            parts = [
                run((part.to(device).float() / 255.0 - mean) / std).float().cpu()
                for part in torch.split(frames, BATCH)
            ]
        return torch.cat(parts).clone()

    def _vectors(self, pixels: Tensor) -> Tensor:
        if self.kind == "resnet":
            pooled: Tensor = self.module(pixel_values=pixels).pooler_output
            return pooled.flatten(1)
        made: Tensor = self.module(pixel_values=pixels).image_embeds
        return made

    def _maps(self, pixels: Tensor) -> Tensor:
        if self.kind == "resnet":
            made = self.module(pixel_values=pixels)
            places, whole = made.last_hidden_state, made.pooler_output.flatten(1)
        else:
            places, whole = self._clip_maps(pixels)
        scale = whole.norm(dim=1) / places.norm(dim=1).mean(dim=(1, 2)).clamp_min(1e-6)
        return places * scale[:, None, None, None]

    def _clip_maps(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Patches through the values of the last attention, which stay with their place.

        Source: Zhou et al., "Extract free dense labels from CLIP" (2022).
        """
        tower = self.module.vision_model
        other_size = tuple(pixels.shape[2:]) != (self.frame_size, self.frame_size)
        seen = self.module(
            pixel_values=pixels, output_hidden_states=True, interpolate_pos_encoding=other_size
        )
        layer = tower.encoder.layers[-1]
        patches = layer.layer_norm1(seen.hidden_states[-2][:, 1:])
        values = layer.self_attn.out_proj(layer.self_attn.v_proj(patches))
        projected = self.module.visual_projection(tower.post_layernorm(values))  # [N, h * w, D]
        patch = int(tower.config.patch_size)
        high, wide = (side // patch for side in pixels.shape[2:])
        return projected.mT.unflatten(2, (high, wide)), seen.image_embeds


def load_image_model(encoder_id: str, runtime: Runtime) -> ImageModel:
    """Load one of the encoders above.

    Args:
        encoder_id: prefix, colon, hub id or folder.
        runtime: where and in which number format it works.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: no such prefix, or the weights are not on this machine.
    """
    kind, _, model_id = encoder_id.partition(":")
    if kind not in PREFIXES or not model_id:
        raise ModelError(
            f"no encoder is called {encoder_id!r}; known: {', '.join(PREFIXES)} + ':ID'"
        )
    if kind == "resnet":
        model = load_part("ResNetModel", model_id)
        dim, size = int(model.config.hidden_sizes[-1]), RESNET_SIZE
    else:
        model = load_part("CLIPVisionModelWithProjection", model_id)
        dim, size = int(model.config.projection_dim), int(model.config.image_size)
    model.to(runtime.device)
    return ImageModel(f"{kind}:{Path(model_id).name}@1", kind, model, dim, size, runtime)


def load_image_encoder(encoder_id: str, runtime: Runtime) -> FrameEncoder:
    """The same as an encoder of frames; see `load_image_model`."""
    model = load_image_model(encoder_id, runtime)
    return FrameEncoder(
        id=model.id,
        dim=model.dim,
        frame_size=model.frame_size,
        sha256=weights_sha256(model.module),
        licence=LICENCE,
        encode=model.vectors,
    )


def load_clip_texts(model_id: str) -> Callable[[list[str]], Tensor]:
    """CLIP's text tower, for names in the place of pictures: texts -> float32 [N, D], as they are.

    Args:
        model_id: hub id or folder of the whole CLIP model, with its tokenizer.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine.
    """
    model = load_part("CLIPTextModelWithProjection", model_id)
    tokenizer = load_part("CLIPTokenizer", model_id)

    def encode(texts: list[str]) -> Tensor:
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            made: Tensor = model(**tokens).text_embeds.float()
        return made.clone()

    return encode


def load_part(part: str, model_id: str) -> Any:
    """A class of transformers, from weights that are on this machine."""
    try:
        import transformers
    except ImportError as error:
        raise MissingDependency("transformers", "encoders", "this encoder of pictures") from error
    try:
        if part.endswith("Tokenizer"):
            return getattr(transformers, part).from_pretrained(model_id, local_files_only=True)
        with _quiet(transformers.utils.logging):
            made, found = getattr(transformers, part).from_pretrained(
                model_id, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the weights of the encoder {model_id} are not on this machine; fetch them with "
            f"'huggingface-cli download {model_id}' or use a model with another encoder"
        ) from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise ModelError(
            f"{model_id} has no {missing[0]} (and lacks {len(missing)} weights in all), which "
            f"{part} needs; get the whole model"
        )
    return made.eval()


@contextlib.contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """No report about weights of other parts of a model, which are passed over on purpose; no bars."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()
