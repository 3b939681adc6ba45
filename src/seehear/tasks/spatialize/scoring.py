"""Scores of one simulated pair: every method's ears against the true ones, for every head.

Methods: `mono` gives both ears the same; `picture` puts everything where most is to be seen; `middle` puts
everything in the middle of the true places, as if a detector had found all things but nobody knew which
sounds when; `model` is the model, told the head as users are; `other head` is the model heard through the
first head although the truth is another's; `known` has the true power and place of every source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from seehear.data.pair_manifest import PairRow
from seehear.data.pseudo_pairs import ears
from seehear.dsp.binaural import difference_masks
from seehear.dsp.hrir import HrirSet
from seehear.dsp.stft import istft
from seehear.errors import InputError
from seehear.features.concepts import ConceptEncoder
from seehear.features.places import detailed_maps
from seehear.metrics.spatial import score
from seehear.models.bearings import Bearings
from seehear.tasks.spatialize.baselines import busiest_place, everything_at, known_parts
from seehear.tasks.spatialize.data import direction_azimuths, small_frame
from seehear.tasks.spatialize.objective import difference_mask

Record = dict[str, Any]
METHODS = ("mono", "picture", "middle", "model", "other head", "known")


@dataclass(frozen=True)
class Listener:
    """A model with its eyes and the heads it is heard through.

    Args:
        model: the network.
        encoder: of its frames.
        heads: of the truth, at the network's rate.
        masks: of heads and fields of view that were asked for before.
    """

    model: Bearings
    encoder: ConceptEncoder
    heads: Sequence[HrirSet]
    masks: dict[tuple[int, float], Tensor] = field(default_factory=dict)

    def shares(self, mono: Tensor, picture: NDArray[np.uint8]) -> Tensor:
        """Shares [A + 1, F, N] for one sound [T] and one picture that stays."""
        config = self.model.config
        frame = small_frame(picture, config.frame_height, config.frame_width)
        maps = detailed_maps(self.encoder, frame[None])[None]
        with torch.inference_mode():
            seen = torch.ones(1, 1, dtype=torch.bool)
            made = self.model.shares(mono[None], maps, torch.zeros(1, 1), seen)
        return made[0].float().clone()

    def ears(self, mono: Tensor, shares: Tensor, head: HrirSet, fov_deg: float) -> Tensor:
        """Sound [T] and shares -> [2, T], on the network's own grid; the mean of both is the sound."""
        config = self.model.config
        mask = difference_mask(shares[None], self._masks(head, fov_deg), self.model.gather)[0]
        spectrum = self.model.spectrum(mono[None])[0] * (config.n_fft / 4.0) * mask
        difference = istft(spectrum, config.n_fft, config.hop_length, length=len(mono))
        return torch.stack([mono + difference, mono - difference])

    def _masks(self, head: HrirSet, fov_deg: float) -> Tensor:
        key = (id(head), fov_deg)
        if key not in self.masks:
            azimuths = direction_azimuths(self.model.config.num_directions, fov_deg)
            self.masks[key] = difference_masks(head, azimuths, self.model.config.n_fft)
        return self.masks[key]


def score_pair(root: Path, row: PairRow, listener: Listener) -> list[Record]:
    """Score one pair.

    Args:
        root: folder of the manifest.
        row: the pair.
        listener: model and heads.

    Returns:
        One record per head and method: all of `metrics.spatial.score`, and for one source the error
        of its azimuth.

    Raises:
        InputError: a file cannot be read.
    """
    rate = listener.model.config.sample_rate
    stems = _stems(root, row, rate)
    picture = _picture(root / row.picture)
    aims = [(source.azimuth_deg, source.elevation_deg) for source in row.sources]
    records: list[Record] = []
    for index, head in enumerate(listener.heads):
        apart = torch.from_numpy(ears(stems, aims, head))  # [K, 2, T]
        truth = apart.sum(0)
        mono = truth.mean(0)
        made = _answers(listener, row, picture, apart.mean(1), index)
        waves = {"mono": mono.expand(2, -1)}
        waves |= {
            name: listener.ears(mono, shares, heard, row.fov_deg)
            for name, (shares, heard) in made.items()
        }
        scores = score(torch.stack(list(waves.values())), truth.expand(len(waves), -1, -1), rate)
        for name, found in zip(waves, scores, strict=True):
            record = {"id": row.id, "head": head.name, "method": name, **_facts(row), **found}
            if len(row.sources) == 1 and name in made:
                error = _azimuth(listener.model, made[name][0], mono, row.fov_deg) - aims[0][0]
                record["azimuth_error_deg"] = abs(error)
            records.append(record)
    return records


def _answers(
    listener: Listener, row: PairRow, picture: NDArray[np.uint8], parts: Tensor, index: int
) -> dict[str, tuple[Tensor, HrirSet]]:
    """Shares of every method but mono, and the head through which they are heard."""
    model, head = listener.model, listener.heads[index]
    mono = parts.sum(0)
    power = model.band_power(mono[None])[0]
    places = torch.tensor([2 * s.azimuth_deg / row.fov_deg for s in row.sources]).float()
    shares = listener.shares(mono, picture)
    found = {
        "picture": (everything_at(model, busiest_place(picture), power), head),
        "middle": (everything_at(model, float(places.mean()), power), head),
        "model": (shares, head),
        "known": (known_parts(model, parts, places), head),
    }
    if index > 0:
        found["other head"] = (shares, listener.heads[0])
    return found


def _azimuth(model: Bearings, shares: Tensor, mono: Tensor, fov_deg: float) -> float:
    """Mean direction by power, degrees; what comes from nowhere counts as the middle."""
    power = model.band_power(mono[None])[0]
    weight = (shares[:-1] * power).sum((1, 2)) / power.sum().clamp_min(1e-12)
    return float(weight @ model.positions) * fov_deg / 2


def _facts(row: PairRow) -> Record:
    widest = max(abs(source.azimuth_deg) for source in row.sources)
    return {
        "sources": len(row.sources),
        "backdrop": row.backdrop,
        "labels": "+".join(source.label for source in row.sources),
        "azimuth_deg": row.sources[0].azimuth_deg if len(row.sources) == 1 else None,
        "widest_deg": widest,
    }


def _stems(root: Path, row: PairRow, sample_rate: int) -> NDArray[np.float32]:
    waves = []
    for source in row.sources:
        try:
            wave, rate = soundfile.read(root / source.path, dtype="float32")
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"cannot decode {root / source.path}: {error}") from error
        if rate != sample_rate or wave.ndim != 1:
            raise InputError(
                f"{root / source.path} must be mono at {sample_rate} Hz, not {wave.ndim} axes at "
                f"{rate} Hz; prepare the pairs again"
            )
        waves.append(wave)
    if len({len(wave) for wave in waves}) > 1:
        raise InputError(f"the sounds of {row.id} differ in length; prepare the pairs again")
    return np.stack(waves)


def _picture(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError as error:
        raise InputError(f"cannot read the picture {path}: {error}") from error
