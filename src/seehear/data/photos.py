"""Photos as square uint8 frames, as the frame decoder delivers them (aspect ratio ignored)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from seehear.errors import InputError


def read_photo(path: Path, size: int) -> Tensor:
    """Read a picture file as a square frame.

    Args:
        path: any picture file that Pillow reads.
        size: side of the square, pixels.

    Returns:
        uint8 [3, size, size], RGB.

    Raises:
        InputError: not a picture.
    """
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"cannot read the photo {path}: {error}") from error
    return torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1).contiguous()
