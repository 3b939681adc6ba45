"""Evaluation of generated sound from end to end on a tiny model, and its parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from seehear.data.clip_manifest import GenerateClip, read_clips, write_clips
from seehear.dsp.level import rms
from seehear.errors import InputError, ModelError, OutputError, UsageError
from seehear.metrics.retrieval import retrieval_in_galleries
from seehear.runtime import choose_runtime
from seehear.tasks.generate.classifier import (
    Example,
    classifier_of,
    load_classifier,
    train_classifier,
)
from seehear.tasks.generate.compose import Sampling, compose
from seehear.tasks.generate.contenders import elsewhere
from seehear.tasks.generate.drawing_sounds import Drawing, draw_sounds
from seehear.tasks.generate.evaluate import evaluate_generate
from seehear.tasks.generate.evaluate_options import EvaluateOptions
from seehear.tasks.generate.keeping import MemoryKeep
from seehear.tasks.generate.loading import System, load_system
from seehear.tasks.generate.scored_clips import fitted, matched, spread
from seehear.tasks.generate.scoring import recall_at_1
from seehear.tasks.generate.sound_features import sound_features
from tests.media_kit import write_clip
from tests.unit.metrics.ast_kit import write_tiny_ast
from tests.unit.metrics.clap_kit import write_tiny_clap

RATE = 16000
SECONDS = 2.0


def sound(label: str, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Knocks of noise, or a tone that comes and goes."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(SECONDS * RATE)) / RATE
    if label == "knock":
        wave = np.zeros_like(time)
        for hit in rng.uniform(0.1, 1.8, 4):
            since = time - hit
            wave += (since > 0) * np.exp(-since.clip(0) / 0.03) * rng.standard_normal(len(time))
    else:
        wave = np.sin(2 * np.pi * rng.uniform(300, 500) * time) * (1 + np.sin(9 * time))
    return (0.2 * wave).astype(np.float32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    rows: list[GenerateClip] = []
    counts = {"train": 5, "val": 2, "test": 3}
    for label in ("knock", "tone"):
        for split, count in counts.items():
            for number in range(count):
                name = f"{split}-{label}-{number}"
                wave = sound(label, len(rows))
                soundfile.write(root / f"{name}.wav", wave, RATE, subtype="FLOAT")
                video = ""
                if split == "test":
                    video = f"{name}.mp4"
                    write_clip(root / video, wave[None], RATE, "mono", seconds=SECONDS)
                rows.append(
                    GenerateClip(
                        name,
                        split,
                        label,
                        video,
                        f"{name}.wav",
                        0.0,
                        SECONDS,
                        name,
                        scene=None if video else {},
                    )
                )
    write_clips(root / "clips.jsonl", rows)
    return root


@pytest.fixture(scope="module")
def tiny() -> Iterator[System]:
    yield load_system("generate/tiny", choose_runtime("cpu"))


def options(corpus: Path, output: Path, **told: Any) -> EvaluateOptions:
    made = EvaluateOptions(
        manifest=corpus / "clips.jsonl",
        output=output,
        model="generate/tiny",
        steps=2,
        batch=4,
        ast="",
        clap="",
    )
    return replace(made, **told)


def test_an_evaluation_has_all_contenders_and_figures(corpus: Path, tmp_path: Path) -> None:
    told = options(corpus, tmp_path / "out", transfer=(0.0, 0.5, 1.0), transfers=2, sounds=True)
    report = evaluate_generate(told)
    assert report["clips"] == 6 and report["classes"] == 2 and report["notes"] == []
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    rows = summary["contenders"]
    assert list(rows) == [
        *("reference", "copy", "copy, told", "noise", "vocoder", "codec", "model", "model, moved")
    ]
    truth = rows["reference"]
    assert truth["onset_ms"]["value"] == 0 and truth["within"]["value"] == 1
    assert truth["mel_l1"]["value"] == 0 and truth["right"]["value"] == 1
    assert truth["right"]["num_clips"] == 6 and truth["right"]["num_recordings"] == 6
    assert rows["copy, told"]["right"]["value"] == 1
    assert rows["noise"]["mel_l1"]["value"] > rows["codec"]["mel_l1"]["value"] * 0.1
    assert summary["chance"] == {"retrieval": pytest.approx(1 / 6), "class": 0.5}
    assert [row["amount"] for row in summary["transfer"]] == [0.0, 0.5, 1.0]
    table = (tmp_path / "out" / "clips.csv").read_text().splitlines()
    assert len(table) == 1 + 8 * 6
    page = (tmp_path / "out" / "summary.md").read_text()
    assert "| model, moved |" in page and "| amount |" in page
    # Level-matched and of one length.
    waves = {
        name: soundfile.read(tmp_path / "out" / "sounds" / name / "test-tone-0.wav")[0]
        for name in ("reference", "noise", "model")
    }
    levels = [float(np.sqrt((wave**2).mean())) for wave in waves.values()]
    np.testing.assert_allclose(levels, levels[0], rtol=1e-3)
    with pytest.raises(OutputError, match="exists already"):
        evaluate_generate(told)


def test_the_same_seed_gives_the_same_figures(corpus: Path, tmp_path: Path) -> None:
    made = []
    for name in "ab":
        told = options(corpus, tmp_path / name, limit=2, classifier=tmp_path / "judge")
        evaluate_generate(told)
        made.append(json.loads((tmp_path / name / "summary.json").read_text()))
        # The second time features come from the disk.
        assert len(list(corpus.glob("features/*/*.npy"))) >= 2
    assert made[0]["contenders"] == made[1]["contenders"]
    assert made[0]["classes"] == 2 and made[0]["gallery"] == 2


def test_weights_of_others_add_columns(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    told = options(
        corpus,
        tmp_path / "out",
        limit=2,
        ast=str(write_tiny_ast(tmp_path / "ast")),
        clap=str(write_tiny_clap(tmp_path / "clap")),
    )
    evaluate_generate(told)
    rows = json.loads((tmp_path / "out" / "summary.json").read_text())["contenders"]
    truth = rows["reference"]
    assert truth["frechet"] == {"value": pytest.approx(0, abs=1e-3), "sounds": 2}
    assert truth["kl"]["value"] == pytest.approx(0, abs=1e-6)
    for figures in rows.values():
        assert 1 <= figures["inception"]["value"] <= 5 and figures["kl"]["value"] >= 0
        assert -1 <= figures["clap_text"]["value"] <= 1


def test_what_is_not_here_is_left_out_with_a_sentence(corpus: Path, tmp_path: Path) -> None:
    told = options(corpus, tmp_path / "out", limit=2, ast="nobody/ast", clap="nobody/clap")
    report = evaluate_generate(told)
    assert len(report["notes"]) == 2 and "nobody/ast is not on this machine" in report["notes"][0]
    only = [row for row in read_clips(corpus / "clips.jsonl") if row.split == "test"]
    moved = [replace(row, video=f"../{corpus.name}/{row.video}", sound="") for row in only]
    other = corpus.parent / "other"
    other.mkdir()
    write_clips(other / "clips.jsonl", moved)
    report = evaluate_generate(replace(told, manifest=other / "clips.jsonl", output=tmp_path / "b"))
    assert any("classes are not judged" in note for note in report["notes"])
    with pytest.raises(InputError, match="no clips of the split 'val'"):
        evaluate_generate(
            replace(told, manifest=other / "clips.jsonl", output=tmp_path / "c", split="val")
        )


def test_a_batch_draws_what_the_job_composes(tiny: System) -> None:
    rows = round(tiny.window / tiny.codec.latent_rate * tiny.sight.rate)
    videos = [torch.nn.functional.normalize(torch.randn(rows, tiny.sight.dim), dim=1) for _ in "ab"]
    samples = tiny.window * tiny.codec.samples_per_latent
    drawing = Drawing(steps=3, guidance=2.0, seed=5, batch=2)
    made = list(draw_sounds(tiny, videos, samples, drawing))
    alone = list(draw_sounds(tiny, videos, samples, replace(drawing, batch=1)))
    for index, video in enumerate(videos):
        latents = compose(
            tiny,
            _Plain(video, tiny.sight.rate),
            tiny.window,
            Sampling(3, 2.0, 5, index),
            MemoryKeep(),
        )
        expected = tiny.codec.vocode(tiny.codec.decode(latents[None]))[0]
        torch.testing.assert_close(made[index], expected, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(alone[index], made[index], rtol=1e-3, atol=1e-4)


class _Plain:
    """Features of one shot."""

    def __init__(self, rows: torch.Tensor, rate: float) -> None:
        self.rows, self.rate = rows, rate

    def __len__(self) -> int:
        return len(self.rows)

    def features(self, start: int, stop: int) -> torch.Tensor:
        return self.rows[start:stop]

    def shot_of(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(rows)


def test_transfer_of_nothing_is_the_codecs_reference(tiny: System) -> None:
    wave = torch.from_numpy(sound("tone", 3))
    latents = tiny.codec.encode(wave[None])[0]
    video = torch.nn.functional.normalize(torch.randn(40, tiny.sight.dim), dim=1)
    drawing = Drawing(2, 1.0)
    made = next(draw_sounds(tiny, [video], len(wave), drawing, [latents], 0.0))
    expected = tiny.codec.vocode(tiny.codec.decode(latents[None]))[0, : len(wave)]
    torch.testing.assert_close(made, expected)
    whole = next(draw_sounds(tiny, [video], len(wave), drawing, [latents], 1.0))
    torch.testing.assert_close(whole, next(draw_sounds(tiny, [video], len(wave), drawing)))


def examples(split: str, shift: float = 0.0) -> list[Example]:
    seed = {"train": 0, "val": 100, "test": 200}[split]
    return [
        Example(
            sound_features(torch.from_numpy(sound(label, seed + k))[None], 5500.0)[0] + shift,
            label,
            f"{split}{k}",
        )
        for label in ("knock", "tone")
        for k in range(6)
    ]


def test_the_classifier_learns_and_comes_back(tmp_path: Path) -> None:
    made = classifier_of(tmp_path / "c", 5500.0, examples)
    assert made.about["val_accuracy"] == 1.0 and made.about["train_recordings"] == 6
    waves = torch.stack([torch.from_numpy(sound(x, 300)) for x in ("knock", "tone")])
    assert made.classes(waves) == ["knock", "tone"]
    torch.testing.assert_close(made.scores(0.1 * waves), made.scores(waves), rtol=1e-2, atol=1e-2)
    back = load_classifier(tmp_path / "c")
    torch.testing.assert_close(back.scores(waves), made.scores(waves))
    with pytest.raises(InputError, match="5500 Hz, not 7000"):
        classifier_of(tmp_path / "c", 7000.0, examples)
    (tmp_path / "c" / "classifier.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="holds no classifier"):
        classifier_of(tmp_path / "c", 5500.0, examples)
    with pytest.raises(InputError, match="two classes"):
        train_classifier(examples("train")[:6], examples("val"), 5500.0)


def test_gallery_recalls_are_exact() -> None:
    likeness = torch.randn(30, 30) + 1.5 * torch.eye(30)
    drawn = retrieval_in_galleries(likeness, 10, rounds=1000)["video_to_sound_r1"]
    own = (likeness >= likeness.diagonal()[:, None]).sum(1)
    exact = sum(recall_at_1(int(rank), 30, 10) for rank in own) / 30
    assert drawn == pytest.approx(exact, abs=0.02)


def test_sounds_are_matched_fitted_and_spread(corpus: Path) -> None:
    wave = torch.from_numpy(sound("knock", 1))
    heard = matched(wave, 0.05, 2000.0)
    assert rms(heard) == pytest.approx(0.05, rel=1e-4)
    spectrum = torch.fft.rfft(heard).abs()
    assert float(spectrum[round(2500 * SECONDS) :].max()) < 1e-3 * float(spectrum.max())
    assert not matched(torch.zeros(100), 0.05, 0.0).any()
    assert len(fitted(wave, 50000)) == 50000 and len(fitted(wave, 10)) == 10
    rows = read_clips(corpus / "clips.jsonl")
    chosen = spread(rows, 4, 0)
    assert [row.label for row in chosen] == ["knock", "tone", "knock", "tone"]
    assert spread(rows, 0, 0) == rows


def test_elsewhere_is_never_the_same_recording() -> None:
    keys = ["a", "a", "b", "c"]
    for seed in range(20):
        for index, other in enumerate(elsewhere(keys, seed)):
            assert keys[other] != keys[index]
    assert elsewhere(["a", "a"], 0) == [1, 0]


@pytest.mark.parametrize(
    "told",
    [
        {"gallery": 1},
        {"band": 100.0},
        {"transfer": (2.0,)},
        {"batch": 0},
        {"model": ""},
        {"seed": -1},
        {"device": "tpu"},
    ],
)
def test_options_out_of_range_are_refused(told: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        options(tmp_path, tmp_path, **told)
