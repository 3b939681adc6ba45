"""Scores of one mixture: every sound asked for by word, by picture, together with the others.

Methods: `text` asks for one sound by the name of its class and knows nothing else; `photo` does so by
a picture, `click` and `box` by a place in a simulated frame (`looking.py`), weighed by what is heard as
in the job; `joint` asks for all sounds of the mixture at once, by name. Each answer is also compared
with the other sounds: asking for one must not give another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.data.mix_manifest import MixRow
from seehear.errors import InputError
from seehear.features.concepts import ConceptEncoder
from seehear.metrics.separation import bss_eval, si_sdr
from seehear.models.bandmask import BandMask
from seehear.tasks.separate.analyse import largest_shares, per_second
from seehear.tasks.separate.looking import look
from seehear.tasks.separate.weighing import weigh

Record = dict[str, Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Asker:
    """A model with the encoder of its queries.

    Args:
        model: the separator.
        encoder: makes its queries.
        bss: whether SDR, SIR and SAR are computed.
        known: classes that the model was trained on, by its own account.
    """

    model: BandMask
    encoder: ConceptEncoder
    bss: bool = True
    known: tuple[str, ...] = ()

    def answer(self, mixture: Tensor, queries: Tensor) -> Floats:
        """Estimates [Q, T] for queries [Q, D], asked one by one."""
        count = len(queries)
        mask = torch.ones(count, 1, dtype=torch.bool)
        with torch.inference_mode():
            made = self.model.estimates(mixture.expand(count, -1), queries[:, None], mask)
        return np.asarray(made[:, 0].double().numpy())

    def answer_together(self, mixture: Tensor, queries: Tensor) -> Floats:
        """Estimates [Q, T] for queries [Q, D], asked at once."""
        mask = torch.ones(1, len(queries), dtype=torch.bool)
        with torch.inference_mode():
            made = self.model.estimates(mixture[None], queries[None], mask)
        return np.asarray(made[0, :-1].double().numpy())

    def shares(self, mixture: Tensor) -> Floats:
        """Largest share of the power of a second that each known class gets, [known]."""
        names = [name.replace("_", " ") for name in self.known]
        if not names:
            return np.zeros(0)
        queries = self.encoder.encode_texts(names)[None]
        mask = torch.ones(queries.shape[:2], dtype=torch.bool)
        with torch.inference_mode():
            power = self.model.band_power(mixture[None]).float()  # [1, F, N]
            taken = (self.model.masks(power, queries, mask)[0, :-1] * power).sum(1)  # [K, N]
        rate = self.model.config.sample_rate / self.model.config.hop_length
        return largest_shares(
            per_second(taken.numpy(), rate), per_second(power[0].sum(0).numpy(), rate)
        )


def score_mix(root: Path, row: MixRow, asker: Asker, others: Sequence[MixRow] = ()) -> list[Record]:
    """Score one mixture.

    Args:
        root: folder of the manifest.
        row: the mixture.
        asker: model and encoder.
        others: mixtures that lend pictures to simulated frames.

    Returns:
        One record per sound and method: SI-SDR before, after and gained, nearest sound, and with
        `bss` also SDR gained, SIR and SAR.

    Raises:
        InputError: a file cannot be read, or a class has no word.
    """
    stems = read_stems(root, row, asker.model.config.sample_rate)
    mixture = stems.sum(0)
    texts = asker.encoder.encode_texts([stem.label.replace("_", " ") for stem in row.stems])
    answers = {
        "text": asker.answer(mixture, texts),
        "joint": asker.answer_together(mixture, texts),
    }
    truth = stems.double().numpy()
    before = si_sdr(truth, np.broadcast_to(truth.sum(0), truth.shape))
    base = _bss(truth, np.broadcast_to(truth.sum(0), truth.shape)) if asker.bss else None
    records: list[Record] = []
    for method, made in answers.items():
        records += _records(row, method, truth, made, before, base)
    seen = [index for index, stem in enumerate(row.stems) if stem.picture is not None]
    if seen:
        shares = asker.shares(mixture).tolist()
        for method, looks in look(root, row, seen, others, asker.encoder).items():
            made = answers["text"].copy()
            made[seen] = asker.answer(mixture, weigh(asker.encoder, looks, asker.known, shares))
            found = _records(row, method, truth, made, before, base)
            records += [found[index] for index in seen]
    return records


def read_stems(root: Path, row: MixRow, sample_rate: int) -> Tensor:
    """Sounds of a mixture, float32 [S, T].

    Raises:
        InputError: not a sound file, or another rate or length than the model needs.
    """
    waves = []
    for stem in row.stems:
        try:
            wave, rate = soundfile.read(root / stem.path, dtype="float32")
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"cannot decode {root / stem.path}: {error}") from error
        if rate != sample_rate or wave.ndim != 1:
            raise InputError(
                f"{root / stem.path} must be mono at {sample_rate} Hz, not {wave.ndim} axes at "
                f"{rate} Hz; prepare the mixtures again"
            )
        waves.append(torch.from_numpy(wave))
    if len({len(wave) for wave in waves}) > 1:
        raise InputError(f"the sounds of {row.id} differ in length; prepare the mixtures again")
    return torch.stack(waves)


def _bss(truth: Floats, made: Floats) -> tuple[Floats, Floats, Floats]:
    scores = bss_eval(truth, made)
    return scores.sdr, scores.sir, scores.sar


def _records(
    row: MixRow,
    method: str,
    truth: Floats,
    made: Floats,
    before: Floats,
    base: tuple[Floats, Floats, Floats] | None,
) -> list[Record]:
    """One record per sound; `made` [S, T] is the answer to each."""
    # [S answers, S truths]
    table = np.stack([si_sdr(truth, np.broadcast_to(answer, truth.shape)) for answer in made])
    after = _bss(truth, made) if base is not None else None
    records = []
    for index, stem in enumerate(row.stems):
        others = [i for i in range(len(row.stems)) if i != index]
        record: Record = {
            "id": row.id,
            "sound": index,
            "method": method,
            "label": stem.label,
            "others": "+".join(row.stems[i].label for i in others),
            "si_sdr_before": float(before[index]),
            "si_sdr": float(table[index, index]),
            "si_sdr_gain": float(table[index, index] - before[index]),
            # What asking for something else does to this sound.
            "wrong_query_gain": float(np.mean([table[i, index] for i in others]) - before[index]),
            "right": float(table[index].argmax() == index),
        }
        if base is not None and after is not None:
            record |= {
                "sdr_gain": float(after[0][index] - base[0][index]),
                "sdr": float(after[0][index]),
                "sir": float(after[1][index]),
                "sir_gain": float(after[1][index] - base[1][index]),
                "sar": float(after[2][index]),
            }
        records.append(record)
    return records
