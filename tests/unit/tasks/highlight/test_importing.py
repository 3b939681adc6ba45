"""Import of published VisAH weights: every name by a rule, nothing lost, nothing run, one sentence.

The published file is imitated: a narrow model's tensors under the published names, which are written
down here a second time, from our names to theirs.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.cli.main import main
from seehear.errors import ModelError
from seehear.models.visah import VisAH, VisAHConfig
from seehear.nn.context import Context, Tokens
from seehear.tasks.highlight import importing
from seehear.tasks.highlight.importing import detect_config, import_visah

NARROW = VisAHConfig(
    channels=2,
    norm_groups=2,
    latent_dim=16,
    heads=2,
    latent_depth=2,
    frame_dim=12,
)
SAID = replace(NARROW, frame_encoder="", frame_dim=0, caption_encoder="words", caption_dim=20)
ALONE = replace(NARROW, frame_encoder="", frame_dim=0)

RENAMED = (
    (r"^frequency_embedding$", "freq_emb.embedding.weight"),
    (r"^spectral_encoder\.", "encoder."),
    (r"^wave_encoder\.", "tencoder."),
    (r"^spectral_decoder\.", "decoder."),
    (r"^wave_decoder\.", "tdecoder."),
    (r"branches\.(\d)\.", r"dconv.layers.\1."),
    (r"(dconv\.layers\.\d)\.reduce\.", r"\1.0."),
    (r"(dconv\.layers\.\d)\.norm1\.", r"\1.1."),
    (r"^(t?encoder\.[0-3]\.dconv\.layers\.\d)\.expand\.", r"\1.3."),
    (r"^(t?encoder\.[0-3]\.dconv\.layers\.\d)\.norm2\.", r"\1.4."),
    (r"^(t?encoder\.[0-3]\.dconv\.layers\.\d)\.scale", r"\1.6.scale"),
    (r"^(encoder\.[45]\.dconv\.layers\.\d)\.recurrent\.", r"\1.3."),
    (r"^(encoder\.[45]\.dconv\.layers\.\d)\.attention\.", r"\1.4."),
    (r"^(encoder\.[45]\.dconv\.layers\.\d)\.expand\.", r"\1.5."),
    (r"^(encoder\.[45]\.dconv\.layers\.\d)\.norm2\.", r"\1.6."),
    (r"^(encoder\.[45]\.dconv\.layers\.\d)\.scale", r"\1.8.scale"),
    (r"^latent\.(frame|caption)_projection\.", "latent.context_proj."),
    (r"^latent\.blocks\.(\d)\.self_attention\.", r"latent.transformer_blocks.\1.attn1."),
    (r"^latent\.blocks\.(\d)\.cross_attention\.", r"latent.transformer_blocks.\1.attn2."),
    (r"^latent\.blocks\.(\d)\.expand\.", r"latent.transformer_blocks.\1.ff.net.0.proj."),
    (r"^latent\.blocks\.(\d)\.reduce\.", r"latent.transformer_blocks.\1.ff.net.2."),
    (r"^latent\.blocks\.", "latent.transformer_blocks."),
    (r"(attn[12])\.query\.", r"\1.to_q."),
    (r"(attn[12])\.key\.", r"\1.to_k."),
    (r"(attn[12])\.value\.", r"\1.to_v."),
    (r"(attn[12])\.out\.", r"\1.to_out.0."),
    (r"^latent\.context_encoder\.(\d)\.", r"latent.context_transformer_encoder.layers.\1."),
    (r"(encoder\.layers\.\d)\.attention\.", r"\1.self_attn."),
    (r"(encoder\.layers\.\d)\.expand\.", r"\1.linear1."),
    (r"(encoder\.layers\.\d)\.reduce\.", r"\1.linear2."),
    (r"^latent\.", "latent_transformer."),
)
# Taken from a released checkpoint's list of names.
KNOWN = {
    "freq_emb.embedding.weight",
    "encoder.0.dconv.layers.1.6.scale",
    "encoder.4.dconv.layers.0.3.lstm.weight_ih_l0_reverse",
    "encoder.5.dconv.layers.1.4.query_decay.bias",
    "tencoder.4.conv.weight",
    "tdecoder.0.norm2.weight",
    "decoder.5.conv_tr.bias",
    "latent_transformer.transformer_blocks.1.attn2.to_out.0.bias",
    "latent_transformer.transformer_blocks.0.ff.net.0.proj.weight",
    "latent_transformer.context_proj.weight",
    "latent_transformer.context_transformer_encoder.layers.2.self_attn.in_proj_weight",
}


def published_name(name: str) -> str:
    for pattern, theirs in RENAMED:
        name = re.sub(pattern, theirs, name)
    return name


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The importer knows the paper's three sizes; here they are narrow."""
    monkeypatch.setattr(importing, "paper_vision", lambda: NARROW)
    monkeypatch.setattr(importing, "paper_text", lambda: SAID)
    monkeypatch.setattr(importing, "no_context", lambda: ALONE)


def original(config: VisAHConfig = NARROW) -> VisAH:
    """What the authors would have trained: their context attention, nothing at zero."""
    model = VisAH(replace(config, batch_axis_context=True, time_positions=False)).eval()
    with torch.no_grad():
        model.latent.proj_out.weight.normal_(std=0.1)
    return model


def published(model: VisAH) -> dict[str, Tensor]:
    state = {published_name(name): value for name, value in model.state_dict().items()}
    # Sinusoid tables, which are computed anew.
    state["latent_transformer.pe.pe"] = torch.zeros(1, 4, 8)
    state["latent_transformer.pe_context.pe"] = torch.zeros(1, 4, 8)
    return state


def lightning(state: dict[str, Tensor]) -> dict[str, Any]:
    """With prefix, a window of the loss, and what a trainer keeps beside the weights."""
    prefixed = {f"model.{name}": value for name, value in state.items()}
    prefixed["stft_loss.stft_losses.0.window"] = torch.hann_window(8)
    return {"state_dict": prefixed, "epoch": 7, "optimizer_states": [{"lr": 1e-4}]}


def look() -> Context:
    times = torch.arange(3.0)[None]
    mask = torch.ones(1, 3, dtype=torch.bool)
    return Context(Tokens(torch.randn(1, 3, 12), times, mask))


def test_the_names_written_here_are_the_released_ones() -> None:
    assert published(original()).keys() >= KNOWN


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("form", ["lightning", "bare", "safetensors"])
def test_every_published_form_gives_the_same_network(form: str, tmp_path: Path) -> None:
    model = original()
    state = published(model)
    if form == "safetensors":
        path = tmp_path / "published.safetensors"
        save_file({name: value.contiguous() for name, value in state.items()}, str(path))
    else:
        path = tmp_path / "published.ckpt"
        torch.save(lightning(state) if form == "lightning" else state, path)
    sha256 = import_visah(path, tmp_path / "ours")
    found = load_checkpoint(tmp_path / "ours")
    assert found.sha256 == sha256 and found.name == "visah"
    loaded: Any = found.module
    assert loaded.config == replace(NARROW, batch_axis_context=True, time_positions=False)
    x, context = 0.1 * torch.randn(1, 1, 6000), look()
    with torch.no_grad():
        assert torch.equal(loaded(x, context), model(x, context))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("config", [NARROW, replace(NARROW, context_layers=1), SAID, ALONE])
def test_the_variant_follows_from_the_shapes(config: VisAHConfig) -> None:
    state = published(original(config))
    found = detect_config(state, "file")
    layers = config.context_layers if config.frame_dim or config.caption_dim else 0
    assert found == replace(
        config, context_layers=layers, batch_axis_context=True, time_positions=False
    )


def refusal(state: Any, tmp_path: Path) -> str:
    path = tmp_path / "published.ckpt"
    torch.save(state, path)
    with pytest.raises(ModelError) as caught:
        import_visah(path, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


@pytest.mark.usefixtures("narrow")
def test_tensors_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    good = published(original())
    extra = torch.zeros(3)
    for name in (
        "head.weight",
        "encoder.x.conv.weight",
        "encoder.0.dconv.layers.0.8.scale",
        "latent_transformer.mystery.weight",
    ):
        assert f"unknown tensor '{name}'" in refusal({**good, name: extra}, tmp_path)
    # Known to a rule, but not to this model.
    surplus = refusal({**good, "encoder.0.norm1.weight": extra}, tmp_path)
    assert "has the unknown tensor 'spectral_encoder.0.norm1.weight'" in surplus
    twice = {**lightning(good)["state_dict"], "encoder.0.conv.bias": good["encoder.0.conv.bias"]}
    assert "'encoder.0.conv.bias' twice" in refusal(twice, tmp_path)


@pytest.mark.usefixtures("narrow")
def test_missing_and_misshapen_tensors_are_refused(tmp_path: Path) -> None:
    good = published(original())
    missing = {name: value for name, value in good.items() if name != "tdecoder.4.conv_tr.bias"}
    assert "lacks tensor 'wave_decoder.4.conv_tr.bias'" in refusal(missing, tmp_path)
    misshapen = {**good, "encoder.0.conv.bias": torch.zeros(5)}
    assert "'spectral_encoder.0.conv.bias' is (5,)" in refusal(misshapen, tmp_path)
    for shape in ((16, 99), (16,)):
        width = {**good, "latent_transformer.context_proj.weight": torch.zeros(shape)}
        assert f"context projection is {shape}" in refusal(width, tmp_path)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    assert "no state dict" in refusal([torch.zeros(2)], tmp_path)
    assert "no state dict" in refusal({"state_dict": {"epoch": 3}}, tmp_path)
    assert "no state dict" in refusal({3: torch.zeros(2)}, tmp_path)
    noise = (b"noise" * 50, b"", b"\x8d" * 9, b"\x80\x02]", b"K" * 30, b"PK\x03\x04", b"(.")
    for suffix in (".ckpt", ".safetensors"):
        path = (tmp_path / "noise").with_suffix(suffix)
        for content in noise:
            path.write_bytes(content)
            with pytest.raises(ModelError, match=path.name):
                import_visah(path, tmp_path / "ours")
    with pytest.raises(ModelError, match=r"absent\.ckpt"):
        import_visah(tmp_path / "absent.ckpt", tmp_path / "ours")


class Malicious:
    """Unpickling this writes a file, if unpickling runs what it finds."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.target, "ran"))


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    message = refusal({"state_dict": {}, "callback": Malicious(trace)}, tmp_path)
    assert "not a readable checkpoint" in message
    assert not trace.exists()


@pytest.mark.usefixtures("narrow")
def test_the_command_line_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, folder = tmp_path / "published.ckpt", tmp_path / "ours"
    torch.save(lightning(published(original())), path)
    assert main(["models", "import", "visah", str(path), "-o", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    described = json.loads((folder / "config.json").read_text())
    assert described["model"] == "visah" and described["config"]["batch_axis_context"] is True
    assert "not stated" in described["meta"]["licence"]
    path.write_bytes(b"noise")
    assert main(["models", "import", "visah", str(path), "-o", str(folder)]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and len(shown.err.strip().splitlines()) == 1
