"""Clips in memory: the same functions as for files, batch neighbours without influence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seehear.errors import InputError, UsageError
from seehear.features.captions import Caption
from seehear.runtime import choose_runtime
from seehear.tasks.highlight.highlighter import Highlighter, WindowContext, load_highlighter
from seehear.types import Audio, Clip, Video

MODELS = ("highlight/tiny", "highlight/tiny-bands")


@pytest.fixture(scope="module", params=MODELS)
def highlighter(request: pytest.FixtureRequest) -> Highlighter:
    return load_highlighter(request.param, choose_runtime("cpu", "fp32"))


def sound(seconds: float, rate: int, channels: int) -> Audio:
    generator = torch.Generator().manual_seed(7)
    return Audio(0.1 * torch.randn(channels, round(seconds * rate), generator=generator), rate)


def pictures(highlighter: Highlighter, seconds: int, seed: int = 0) -> Video:
    assert highlighter.frame_encoder is not None
    size = highlighter.frame_encoder.frame_size
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (seconds, 3, size, size), generator=generator)
    return Video(frames.to(torch.uint8), torch.arange(seconds, dtype=torch.float64))


@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (16000, 2), (48000, 6)])
def test_rate_channels_and_length_stay(highlighter: Highlighter, rate: int, channels: int) -> None:
    audio = sound(1.3, rate, channels)
    made = highlighter.run(Clip(audio=audio, video=pictures(highlighter, 2)))
    assert made.sample_rate == rate
    assert made.waveform.shape == audio.waveform.shape


def test_silence_stays_silence(highlighter: Highlighter) -> None:
    silent = Audio(torch.zeros(2, 30000), 44100)
    assert not highlighter.run(Clip(audio=silent)).waveform.any()


def test_neighbours_in_a_batch_do_not_matter(highlighter: Highlighter) -> None:
    rng = np.random.default_rng(0)
    length = highlighter.plan.length
    one, other = (0.1 * rng.standard_normal(length).astype(np.float32) for _ in range(2))
    dim = highlighter.frame_encoder.dim if highlighter.frame_encoder else 0
    seen = WindowContext(frames=(torch.randn(10, dim), torch.arange(10.0)))
    alone = highlighter.run_windows([one], [seen])[0]
    together = highlighter.run_windows([one, other[: length // 2]], [seen, WindowContext()])
    np.testing.assert_allclose(together[0], alone, atol=1e-4)
    blind = highlighter.run_windows([other[: length // 2]], [WindowContext()])[0]
    if highlighter.kind == "bands":
        columns = blind.shape[1] - 8
        np.testing.assert_allclose(together[1][:, :columns], blind[:, :columns], atol=1.0)
    else:
        np.testing.assert_allclose(together[1], blind, atol=1e-4)


def test_frames_belong_to_their_seconds(highlighter: Highlighter) -> None:
    numbers = highlighter.frame_numbers(highlighter.plan.spans(10**7)[0])
    assert list(numbers) == list(range(len(numbers)))
    second = highlighter.plan.spans(10**7)[1]
    first_s = second[0] / highlighter.sample_rate
    assert highlighter.frame_numbers(second)[0] == int(np.ceil(first_s))


def test_frames_of_a_wrong_size_are_refused(highlighter: Highlighter) -> None:
    video = Video(torch.zeros(1, 3, 5, 5, dtype=torch.uint8), torch.zeros(1, dtype=torch.float64))
    with pytest.raises(InputError, match="read them with size="):
        highlighter.run(Clip(audio=sound(0.5, 16000, 1), video=video))
    with pytest.raises(InputError, match="no sound"):
        highlighter.run(Clip(video=video))


def test_captions_change_the_result_of_a_model_that_reads() -> None:
    reader = load_highlighter("highlight/tiny", choose_runtime("cpu", "fp32"))
    clip = Clip(audio=sound(2.0, 44100, 1))
    plain = reader.run(clip)
    told = reader.run(clip, captions=[Caption(0.0, 1.0, "a dog barks")])
    assert (plain.waveform - told.waveform).abs().max() > 1e-5


def test_a_model_that_cannot_read_says_so() -> None:
    runtime = choose_runtime("cpu", "fp32")
    blind = load_highlighter("highlight/tiny-bands", runtime)
    if not blind.config.caption_encoder:
        with pytest.raises(UsageError, match="does not read captions"):
            load_highlighter("highlight/tiny-bands", runtime, "both", strict=True)
