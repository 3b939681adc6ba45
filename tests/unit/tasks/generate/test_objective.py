"""Windows, splices and dropped videos; the loss of networks that say nothing and of those that know all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor, nn

from seehear.errors import ConfigError, InputError
from seehear.models.visualaudio.denoiser import Denoiser, tiny_denoiser
from seehear.tasks.generate.denoiser_options import Showing
from seehear.tasks.generate.latent_batches import (
    LatentBatch,
    LatentBatches,
    cells_of,
    draw_times,
    fixed_batches,
    in_turns,
)
from seehear.tasks.generate.latent_clips import LatentClips
from seehear.tasks.generate.objective import DenoiserObjective, measure_flow
from tests.unit.tasks.generate.latent_kit import NULL, make_latents

PLAIN = Showing(windows_s=(2.0,), splice=0.0, drop=0.0, splice_least_s=0.4)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> LatentClips:
    return LatentClips(make_latents(tmp_path_factory.mktemp("latents")))


def batches(clips: LatentClips, showing: Showing, batch: int = 4) -> LatentBatches:
    return LatentBatches(clips, clips.keys("train"), showing, batch, 0)


class Says(nn.Module):
    """A network whose answer is a function of what it sees."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, state: Tensor, times: Tensor, video: Tensor) -> Tensor:
        made: Tensor = self.answer(state, times, video)  # type: ignore[operator]
        return made


def test_silent_network_has_loss_two_and_the_oracle_none() -> None:
    latents = torch.randn(64, 20, 50)
    batch = LatentBatch(latents, torch.zeros(64, 40, 32), torch.rand(64), torch.randn(64, 20, 50))
    nothing = DenoiserObjective(Says(lambda state, times, video: torch.zeros_like(state)))  # type: ignore[arg-type]
    assert float(nothing(batch)["loss"]) == pytest.approx(2.0, abs=0.03)
    truth = latents - (1 - 1e-4) * batch.noise
    oracle = DenoiserObjective(Says(lambda state, times, video: truth))  # type: ignore[arg-type]
    assert float(oracle(batch)["loss"]) == 0.0
    # A network that is told nothing of its noise cannot know it: other noise, other answer.
    assert float(oracle(replace(batch, noise=None))["loss"]) > 1.5


def test_untrained_denoiser_says_nothing() -> None:
    model = Denoiser(tiny_denoiser().config)
    batch = LatentBatch(torch.zeros(8, 20, 10), torch.randn(8, 8, 32), torch.rand(8))
    loss = DenoiserObjective(model)(batch)["loss"].detach()
    assert float(loss) == pytest.approx(1.0, abs=0.15)


def test_splices_cut_sound_and_picture_at_the_same_moment(clips: LatentClips) -> None:
    made = batches(clips, replace(PLAIN, splice=1.0), batch=40)(0)
    assert made.latents.shape == (40, 20, 50) and made.video.shape == (40, 40, 32)
    cuts = 0
    for latents, video in zip(made.latents[:, 0], made.video[:, :, 0], strict=True):
        # Channel 0 says the clip (hundreds) and the column; 5 columns are 4 features.
        assert torch.equal(latents[::5], video[::4])
        jumps = (latents.diff() != 1).nonzero()[:, 0]
        # Halves of a number are rounded in the corpus.
        steps = ((video.diff() - 1.25).abs() > 2).nonzero()[:, 0]
        assert len(jumps) == len(steps) <= 1
        if len(jumps):
            cuts += 1
            at = int(jumps[0]) + 1
            assert at % 5 == 0 and 10 <= at <= 40  # 0.4 s at least on both sides
            assert int(steps[0]) + 1 == at * 4 // 5
    assert cuts > 30
    plain = batches(clips, PLAIN, batch=40)(0)
    assert bool((plain.latents[:, 0].diff(dim=1) == 1).all())


def test_shares_of_dropped_and_hidden_videos(clips: LatentClips) -> None:
    null = torch.tensor(NULL)
    made = batches(clips, replace(PLAIN, drop=0.2, hidden=0.5), batch=400)(0)
    empty = (made.video == null).all(dim=2)  # [B, S]
    assert float(empty.all(dim=1).float().mean()) == pytest.approx(0.2, abs=0.06)
    part = empty.any(dim=1) & ~empty.all(dim=1)
    assert float(part.float().mean()) == pytest.approx(0.4, abs=0.08)
    # What is hidden is one stretch at an end.
    for row in empty[part]:
        assert int(row.int().diff().abs().sum()) == 1
    assert torch.equal(
        made.latents, batches(clips, replace(PLAIN, drop=0.2, hidden=0.5), 400)(0).latents
    )


def test_short_clips_are_repeated_and_batches_keep_their_size(clips: LatentClips) -> None:
    showing = replace(PLAIN, windows_s=(8.0, 2.0), shares=(0.5, 0.5))
    lengths = {
        made.latents.shape[0::2] for made in (batches(clips, showing, 2)(n) for n in range(9))
    }
    assert lengths == {(2, 200), (8, 50)}
    long = batches(clips, replace(PLAIN, windows_s=(8.0,)), 2)(0)
    assert torch.equal(long.latents[..., 75:150], long.latents[..., :75])
    assert torch.equal(long.video[:, 60:120], long.video[:, :60])


def test_times_are_spread_and_each_is_fair() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([draw_times(rng, 8, "uniform") for _ in range(400)])
    assert all(np.array_equal(np.sort((row * 8).astype(int)), np.arange(8)) for row in drawn)
    assert kstest(drawn[:, 3], "uniform").pvalue > 0.01
    normal = np.concatenate([draw_times(rng, 8, "logit_normal") for _ in range(400)])
    assert kstest(np.log(normal / (1 - normal)), "norm").pvalue > 0.01


def test_cells(clips: LatentClips) -> None:
    ours = cells_of(clips.info)
    assert (ours.columns, ours.features, ours.seconds) == (5, 4, 0.2)
    paper = cells_of(replace(clips.info, video_rate=4.0))
    assert (paper.columns, paper.features, paper.seconds) == (25, 4, 1.0)
    with pytest.raises(InputError, match="no short stretch"):
        cells_of(replace(clips.info, video_rate=9.37))


def test_validation_is_fixed_and_tells_a_network_that_looks(clips: LatentClips) -> None:
    keys = clips.keys("val")
    assert [clips.rows[key].label for key in in_turns(clips, keys)] == ["a", "b"] * 3
    kept = fixed_batches(clips, keys, replace(PLAIN, validation=5), 2, 0)
    again = fixed_batches(clips, keys, replace(PLAIN, validation=5), 2, 0)
    assert [len(b.latents) for b in kept] == [2, 2, 1]
    assert all(torch.equal(a.latents, b.latents) for a, b in zip(kept, again, strict=True))
    model = Denoiser(replace(tiny_denoiser().config, rotate_video=True))
    model.load_state_dict(tiny_denoiser().state_dict())
    numbers = measure_flow(DenoiserObjective(model), kept, torch.tensor(NULL))
    assert numbers == measure_flow(DenoiserObjective(model), kept, torch.tensor(NULL))
    assert len({numbers[name] for name in ("loss", "other", "late", "empty")}) == 4
    assert numbers["score"] == -numbers["loss"]


def test_damaged_corpora_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        LatentClips(tmp_path)
    manifest = make_latents(tmp_path, count=1)
    with pytest.raises(InputError, match="no clips of the split 'test'"):
        LatentClips(manifest).keys("test")
    manifest.write_text("{}")
    with pytest.raises(InputError, match="does not describe latents"):
        LatentClips(manifest)
    with pytest.raises(ConfigError, match="one share per window"):
        Showing(windows_s=(1.0, 2.0))
    with pytest.raises(ConfigError, match=r"showing\.drop"):
        Showing(drop=2.0)
