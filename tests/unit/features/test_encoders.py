"""Encoders: what they say, and that they say it without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seehear.errors import InputError, ModelError
from seehear.features.captions import load_caption_encoder, read_captions
from seehear.features.frames import load_frame_encoder


def test_grid_sees_where_colours_are() -> None:
    encoder = load_frame_encoder("grid")
    frames = torch.zeros(2, 3, encoder.frame_size, encoder.frame_size, dtype=torch.uint8)
    frames[1, 0, :8, :8] = 255  # red in the top left cell
    values = encoder.encode(frames)
    assert values.shape == (2, encoder.dim)
    assert (values[0] == -1).all()
    changed = (values[1] != values[0]).nonzero().flatten().tolist()
    assert changed == [0]
    assert values[1, 0] == pytest.approx(1.0)


def test_weights_that_are_not_here_are_named() -> None:
    with pytest.raises(ModelError, match="openai/clip-vit-large-patch14 are not on this machine"):
        load_frame_encoder("openai/clip-vit-large-patch14")


def test_clip_from_a_folder_gives_unit_vectors(tmp_path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=12,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
    encoder = load_frame_encoder(str(tmp_path))
    frames = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    values = encoder.encode(frames)
    assert (encoder.dim, encoder.frame_size, values.shape) == (12, 32, (3, 12))
    torch.testing.assert_close(values.norm(dim=1), torch.ones(3))
    # Frames do not depend on their neighbours.
    torch.testing.assert_close(encoder.encode(frames[1:2]), values[1:2], atol=1e-5, rtol=0)


def test_plain_lines_hold_for_a_second_each(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_text("a man speaks\n\na dog barks\n", encoding="utf-8")
    found = read_captions(path)
    assert [(c.start_s, c.end_s, c.text) for c in found] == [
        (0.0, 1.0, "a man speaks"),
        (2.0, 3.0, "a dog barks"),
    ]


SRT = "1\n00:00:01,500 --> 00:00:03,000\n<i>first</i>\nline\n\n2\n01:00:00,000 --> 01:00:01,250\nlate\n"
VTT = "WEBVTT\n\nNOTE nothing\n\n00:01.500 --> 00:03.000 align:start\nfirst line\n\n01:00:00.000 --> 01:00:01.250\nlate\n"


@pytest.mark.parametrize(("suffix", "text"), [(".srt", SRT), (".vtt", VTT)])
def test_timed_captions(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"captions{suffix}"
    path.write_text(text, encoding="utf-8")
    found = read_captions(path)
    assert [(c.start_s, c.end_s, c.text) for c in found] == [
        (1.5, 3.0, "first line"),
        (3600.0, 3601.25, "late"),
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"\xff\xfe\x00x"])
def test_captions_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "captions.srt"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_captions(path)


def test_hashed_words_tell_texts_apart() -> None:
    encoder = load_caption_encoder("hash")
    values = encoder.encode(["a man speaks", "a dog barks loudly", "a man speaks"])
    assert values.shape == (3, encoder.dim)
    torch.testing.assert_close(values[0], values[2])
    assert (values[0] - values[1]).norm() > 0.5
