"""Captions: reading them with their times, and turning them into features."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from seehear.errors import InputError

HASH_DIM = 64
TIMING = re.compile(
    r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})\s*-->\s*(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})"
)
TAG = re.compile(r"<[^>]*>|\{[^}]*\}")


@dataclass(frozen=True)
class Caption:
    """Words that hold for a stretch of time.

    Args:
        start_s: seconds from the start of the file.
        end_s: seconds.
        text: plain words.
    """

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class CaptionEncoder:
    """A function from texts to features, with what a receipt must say about it.

    Args:
        id: name including the version of weights and preprocessing.
        dim: length of a feature vector.
        sha256: of its weights ("" when it has none).
        licence: of its weights.
        encode: N texts -> float32 [N, dim].
    """

    id: str
    dim: int
    sha256: str
    licence: str
    encode: Callable[[Sequence[str]], Tensor]


def read_captions(path: Path) -> list[Caption]:
    """Read captions: SRT or WebVTT with times, or one caption a line, line k for second k.

    Args:
        path: `.srt`, `.vtt`, or anything else as plain lines (an empty line says nothing).

    Raises:
        InputError: unreadable, not text, or without a single caption.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read the captions {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the captions {str(path)!r} are not UTF-8 text") from error
    timed = path.suffix.lower() in (".srt", ".vtt")
    captions = _timed(text) if timed else _one_a_line(text)
    if not captions:
        form = "lines like 00:00:01,000 --> 00:00:02,000" if timed else "one caption a line"
        raise InputError(f"no captions were found in {str(path)!r}; expected {form}")
    return captions


def _one_a_line(text: str) -> list[Caption]:
    rows = [line.strip() for line in text.splitlines()]
    return [Caption(float(k), float(k + 1), row) for k, row in enumerate(rows) if row]


def _timed(text: str) -> list[Caption]:
    captions = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = block.strip().split("\n")
        for number, line in enumerate(lines):
            found = TIMING.search(line)
            if found is None:
                continue
            words = " ".join(TAG.sub("", row).strip() for row in lines[number + 1 :]).strip()
            if words:
                start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
                captions.append(Caption(start, max(end, start), words))
            break
    return captions


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def load_caption_encoder(encoder_id: str) -> CaptionEncoder:
    """Load an encoder by id.

    Args:
        encoder_id: `hash` (no weights), or the hub id or folder of a T5 model.

    Raises:
        ModelError: its weights are not on this machine.
        MissingDependency: transformers is not installed.
    """
    if encoder_id == "hash":
        return CaptionEncoder("hash@1", HASH_DIM, "", "Apache-2.0", hashed_words)
    from seehear.features.t5 import load_t5

    return load_t5(encoder_id)


def hashed_words(texts: Sequence[str]) -> Tensor:
    """Signed, hashed bag of words, unit length: for tests and tiny models.

    >>> hashed_words(["a dog barks", "A DOG, barks!"]).diff(dim=0).abs().max().item()
    0.0
    """
    values = torch.zeros(len(texts), HASH_DIM)
    for row, text in zip(values, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            code = zlib.crc32(word.encode())
            row[code % HASH_DIM] += 1.0 if code & 0x10000 else -1.0
    return torch.nn.functional.normalize(values, dim=-1)
