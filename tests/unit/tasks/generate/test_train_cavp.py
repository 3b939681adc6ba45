"""Training of both encoders, from configuration to Sight; losses against closed forms."""

import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from torch import distributed

from seehear.config import load_config
from seehear.errors import Cancelled, ConfigError
from seehear.models.visualaudio.cavp import tiny_cavp
from seehear.models.visualaudio.quick_cavp import tiny_quick_cavp
from seehear.runtime import choose_runtime
from seehear.tasks.generate.cavp_objective import CAVPObjective, QuickObjective, gathered
from seehear.tasks.generate.cavp_options import CAVPTerms, CAVPTrainConfig
from seehear.tasks.generate.pair_batches import Pair, PairBatches
from seehear.tasks.generate.prepare_procedural import prepare_procedural
from seehear.tasks.generate.procedural_options import ProceduralOptions
from seehear.tasks.generate.sight import load_sight, tiny_sight
from seehear.tasks.generate.train import train_generate
from seehear.tasks.generate.train_cavp import measure
from tests.repo.source import ROOT
from tests.unit.data.corpus import make_corpus

TINY_CAVP = {
    "dim": 32,
    "frame_size": 32,
    "video_width": 4,
    "video_blocks": [1, 1, 1, 1],
    "audio_widths": [4, 4, 8, 8, 16, 16],
}


def config(root: Path, output: str, **words: object) -> CAVPTrainConfig:
    named = [f"sources={root / 'sources.csv'}", f"output={root / output}", "device=cpu"]
    words = {"batch": 4, "seconds": 1.0, "validation": 4, "validation_s": 1.0, **words}
    named += [f"{key}={value}" for key, value in words.items()]
    return load_config(CAVPTrainConfig, ROOT / "configs" / "generate" / "cavp-tiny.toml", named)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    make_corpus(folder)
    return folder


def test_training_goes_on_bit_for_bit_and_can_be_loaded(root: Path) -> None:
    words = {"loop.average": 0.5, "loop.log_every": 1, "uses": 2}

    def stop(done: int, planned: int, note: str) -> None:
        if done == 3:
            raise Cancelled("stopped by the test")

    whole = train_generate(config(root, "whole", **words))
    with pytest.raises(Cancelled):
        train_generate(config(root, "parts", **words), stop)
    parts = train_generate(config(root, "parts", **words))
    assert whole["step"] == parts["step"] == 4
    assert whole["sha256"] == parts["sha256"]
    assert 0 <= whole["validation"]["video_to_sound_r1"] <= 1
    assert load_sight(Path(whole["checkpoint"]), choose_runtime("cpu")).dim == 32
    assert "procedural" in (root / "whole" / "checkpoint" / "README.md").read_text("utf-8")
    facts = json.loads((root / "whole" / "checkpoint" / "config.json").read_text())["meta"]
    assert facts["classes"] == ["dog", "piano", "rain", "speech"]


def test_the_published_kind_trains_on_a_manifest(root: Path) -> None:
    clips = root / "clips"
    made = ProceduralOptions(
        source=root / "sources.csv",
        output=clips,
        train=6,
        val=4,
        test=0,
        seconds=3.0,
        frame_size=32,
    )
    prepare_procedural(made)
    report = train_generate(
        CAVPTrainConfig(
            kind="cavp",
            manifest=clips / "manifest.jsonl",
            output=root / "paper",
            model=TINY_CAVP,
            batch=3,
            seconds=3.0,
            window_s=1.0,
            validation=4,
            validation_s=2.0,
            loop=config(root, "x").loop,
            device="cpu",
        )
    )
    assert report["step"] == 4
    assert load_sight(Path(report["checkpoint"]), choose_runtime("cpu")).rate == 4.0


def test_wrong_configurations_are_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="either sources"):
        CAVPTrainConfig(kind="cavp")
    with pytest.raises(ConfigError, match="do not fit"):
        CAVPTrainConfig(kind="cavp", sources=root, seconds=2.0)
    with pytest.raises(ConfigError, match="multiple of uses"):
        CAVPTrainConfig(kind="quick_cavp", sources=root, batch=5, uses=2)


class Fixed:
    """Clips of noise, all different."""

    labels = ("a", "b")

    def pair(self, number: int, seconds: float) -> Pair:
        generator = torch.Generator().manual_seed(number)
        frames = torch.randint(0, 256, (round(20 * seconds), 3, 32, 32), generator=generator)
        wave = 0.1 * torch.randn(round(16000 * seconds), generator=generator)
        return Pair(frames.to(torch.uint8), wave, self.labels[number % 2])


def batches(uses: int = 1) -> PairBatches:
    def prepare(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return frames.float()[..., ::2, ::2] / 255, torch.ones(len(frames) // 10, 8)

    return PairBatches(Fixed(), 4, 1.0, 20.0, prepare, uses)


def test_clips_are_used_again_with_other_partners() -> None:
    made = batches(uses=2)
    first, second = made(0).waveforms, made(1).waveforms
    assert torch.equal(first[2:], second[:2])
    assert not torch.equal(first[:2], second[2:])
    assert torch.equal(batches(uses=2)(1).waveforms, second)


def test_terms_of_the_quick_objective() -> None:
    objective = QuickObjective(tiny_quick_cavp(), 2, CAVPTerms(), 0.1).eval()
    batch = batches()(0)
    losses = objective(batch)
    assert set(losses) == {"loss", "aligned", "pooled", "moments", "onsets", "levels", "classes"}
    terms = CAVPTerms()
    expected = (
        losses["aligned"]
        + terms.pooled * losses["pooled"]
        + terms.temporal * losses["moments"]
        + terms.onsets * (losses["onsets"] + 4.0 * losses["levels"])
        + terms.classes * losses["classes"]
    )
    torch.testing.assert_close(losses["loss"], expected)
    # All clips alike: nothing tells partners apart.
    rows = torch.nn.functional.normalize(torch.ones(4, 20, 32), dim=-1)
    with torch.no_grad():
        alike = objective._losses(rows, rows, batch)
    assert float(alike["aligned"]) == pytest.approx(math.log(4), rel=1e-5)
    assert float(alike["moments"]) == pytest.approx(math.log(5), rel=1e-5)
    plain = QuickObjective(tiny_quick_cavp(), 0, CAVPTerms(0.0, 0.0, 1.0, 0.0), 0.0)
    assert set(plain(batch)) == {"loss", "aligned"}


def test_windows_of_the_published_objective() -> None:
    objective = CAVPObjective(tiny_cavp(), 3, 4.0, CAVPTerms())
    assert objective.frames == 16
    for _ in range(50):
        starts = objective._starts(40)
        assert starts[0] >= 0
        assert starts[-1] <= 24
        assert all(later - earlier >= 8 for earlier, later in itertools.pairwise(starts))
    assert objective._starts(24) == [0, 4, 8]
    assert objective._starts(16) == [0, 0, 0]


def test_rows_of_all_processes_meet_and_gradients_return() -> None:
    rows = torch.randn(3, 4, requires_grad=True)
    assert gathered(rows) is rows
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        together = gathered(rows)
        torch.testing.assert_close(together, rows)
        together.square().sum().backward()
    finally:
        distributed.destroy_process_group()
    torch.testing.assert_close(rows.grad, 2 * rows.detach())


def test_targets_stand_at_onsets() -> None:
    wave = 1e-4 * torch.randn(32000)
    wave[16000:] += 0.3 * torch.randn(16000)
    pair = Pair(torch.zeros(40, 3, 32, 32, dtype=torch.uint8), wave, "")
    made = batches().gather([pair])
    assert made.labels.tolist() == [-1]
    assert made.onsets[0].nonzero().flatten().tolist() in ([20], [19])
    assert float(made.levels[0, :18].max()) < 0.2 < float(made.levels[0, 22:].min())


def test_measuring_speaks_of_all_ways() -> None:
    numbers = measure(tiny_sight(), [Fixed().pair(n, 1.0) for n in range(6)])
    assert numbers["within_chance"] == pytest.approx(2 / 6)
    assert {"video_to_sound_r1", "sound_to_video_map", "pooled_r1"} <= numbers.keys()
    slow = tiny_sight("cavp")
    pairs = [Fixed().pair(n, 1.0) for n in range(4)]
    pairs = [Pair(p.frames[::5], p.waveform, p.label) for p in pairs]
    assert "score" in measure(slow, pairs)
