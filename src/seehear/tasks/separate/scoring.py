"""Scores of one mixture: every sound asked for by word, by picture, together with the others.

Methods: `text` asks for one sound by the name of its class and knows nothing else; `photo` does so by
a picture, `click` and `box` by a place in a simulated frame (`looking.py`), weighed by what is heard as
in the job; `joint` asks for all sounds of the mixture at once, by name. Each answer is also compared
with the other sounds: asking for one must not give another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.data.mix_manifest import MixRow
from seehear.dsp.resample import resample
from seehear.errors import InputError
from seehear.metrics.separation import bss_eval, si_sdr
from seehear.tasks.separate.looking import look
from seehear.tasks.separate.mix_askers import MixAsker
from seehear.tasks.separate.weighing import weigh

Record = dict[str, Any]
Floats = NDArray[np.float64]


def score_mix(
    root: Path, row: MixRow, asker: MixAsker, bss: bool = True, others: Sequence[MixRow] = ()
) -> list[Record]:
    """Score one mixture.

    Args:
        root: folder of the manifest.
        row: the mixture.
        asker: model and encoder.
        bss: whether SDR, SIR and SAR are computed.
        others: mixtures that lend pictures to simulated frames.

    Returns:
        One record per sound and method: SI-SDR before, after and gained, nearest sound, and with
        `bss` also SDR gained, SIR and SAR.

    Raises:
        InputError: a file cannot be read, or a class has no word.
    """
    stems = read_stems(root, row, asker.sample_rate)
    mixture = stems.sum(0)
    texts = asker.encoder.encode_texts([stem.label.replace("_", " ") for stem in row.stems])
    answers = {
        "text": asker.answer(mixture, texts),
        "joint": asker.answer_together(mixture, texts),
    }
    truth = stems.double().numpy()
    before = si_sdr(truth, np.broadcast_to(truth.sum(0), truth.shape))
    base = _bss(truth, np.broadcast_to(truth.sum(0), truth.shape)) if bss else None
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
    """Sounds of a mixture at a rate of choice, float32 [S, T].

    Raises:
        InputError: not a sound file, or not what the manifest says.
    """
    waves = []
    for stem in row.stems:
        try:
            wave, rate = soundfile.read(root / stem.path, dtype="float32")
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"cannot decode {root / stem.path}: {error}") from error
        if rate != row.sample_rate or wave.ndim != 1:
            raise InputError(
                f"{root / stem.path} must be mono at {row.sample_rate} Hz, not {wave.ndim} axes at "
                f"{rate} Hz; prepare the mixtures again"
            )
        waves.append(resample(torch.from_numpy(wave), rate, sample_rate))
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
