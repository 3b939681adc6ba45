"""Versions of the example clips for two listening tests: python -m examples.listening [-o FOLDER]

FOLDER/mixes is for a ranking as in VisAH's study: the muddy mix, a compressed one, `highlight`'s and the mix
as it should be. FOLDER/sounds is for a MOS test as in VisualAudio's: the right sound, the same 0.4 s late, and
the sound of another clip. `docs/listening.md` goes on from here.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import soundfile
import torch
from torch import Tensor

import seehear
from seehear.data.manifest import ClipRow, Manifest, read_manifest
from seehear.dsp.level import compress
from seehear.media.read import read_audio

CLIPS = Path(__file__).parent / "clips"
LATE_S = 0.4


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("listening"))
    output = parser.parse_args().output
    manifest = read_manifest(CLIPS / "manifest.jsonl")
    targets = {row.id: target_of(manifest, row) for row in manifest.rows}
    rates = {row.id: row.sample_rate for row in manifest.rows}
    for name in targets:
        make_mixes(output / "mixes", name, targets[name], rates[name])
    make_sounds(output / "sounds", targets, rates)
    print(f"versions of {len(targets)} clips are in {output}")


def target_of(manifest: Manifest, row: ClipRow) -> Tensor:
    """The mix as it should be, float32 [2, T]."""
    assert row.stems is not None, "every example clip has stems"
    paths = [manifest.resolve(path) for path in row.stems.values()]
    waves = [soundfile.read(path, dtype="float32", always_2d=True)[0].T for path in paths]
    return torch.stack([torch.from_numpy(wave) for wave in waves]).sum(0)


def make_mixes(folder: Path, name: str, target: Tensor, sample_rate: int) -> None:
    """Four versions of one clip, two with its picture, two as sound."""
    muddy = CLIPS / f"{name}.mp4"
    places = {
        version: folder / version for version in ("muddy", "compressed", "highlight", "original")
    }
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    shutil.copy(muddy, places["muddy"])
    heard = read_audio(muddy)
    squeezed = compress(heard.waveform, heard.sample_rate)
    save(places["compressed"] / f"{name}.wav", squeezed, heard.sample_rate)
    save(places["original"] / f"{name}.wav", target, sample_rate)
    seehear.highlight(muddy, places["highlight"] / f"{name}.mp4", force=True)


def make_sounds(folder: Path, targets: dict[str, Tensor], rates: dict[str, int]) -> None:
    """Three versions of every clip as sound alone; `--picture` names the folder with the clips."""
    names = list(targets)
    for i, name in enumerate(names):
        target, rate = targets[name], rates[name]
        late = torch.nn.functional.pad(target, (round(LATE_S * rate), 0))[:, : target.shape[1]]
        other = targets[names[(i + 1) % len(names)]]
        repeated = other.repeat(1, -(-target.shape[1] // other.shape[1]))[:, : target.shape[1]]
        for version, sound in (("right", target), ("late", late), ("other", repeated)):
            (folder / version).mkdir(parents=True, exist_ok=True)
            save(folder / version / f"{name}.wav", sound, rate)


def save(path: Path, waveform: Tensor, sample_rate: int) -> None:
    """Write float32 WAV."""
    soundfile.write(path, waveform.numpy().T, sample_rate, subtype="FLOAT")


if __name__ == "__main__":
    main()
