"""Third stage: latents -> log-mel -> waveform, in pieces, each kept as soon as it is done.

The autoencoder normalises over all columns it gets, so its pieces overlap and are cross-faded, as
`Codec.decode_long` does it; the vocoder looks at a limited number of columns, so its pieces are the whole's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from seehear.runtime import Stopwatch
from seehear.tasks.generate.codec import BLOCK, PIECE, Codec, piece_starts
from seehear.tasks.generate.keeping import Keep, Table

MEL, WAVE = "mel", "wave"
MEL_SHARE = 0.3
"""Of this stage's time."""


def sound_of(
    codec: Codec,
    latents: Tensor,
    keep: Keep,
    told: Callable[[float], None],
    clock: Stopwatch | None = None,
) -> Table:
    """Turn latents into a waveform.

    Args:
        codec: autoencoder and vocoder.
        latents: scaled, [latent, L].
        keep: where mel and waveform go, and from where an interrupted run goes on.
        told: told the share that is done; may raise `Cancelled`.
        clock: told the seconds of `decode` and `vocode`.

    Returns:
        Waveform at the codec's rate, one row of `hop_length` samples per mel column.
    """
    clock = clock or Stopwatch()
    with clock("decode"):
        mel = _mel(codec, latents, keep, told)
    wave = keep.table(WAVE, codec.hop_length)
    done = int((keep.noted(WAVE) or {"columns": 0})["columns"])
    wave.cut(done)
    while done < len(mel):
        stop = min(done + BLOCK, len(mel))
        first, last = max(done - codec.context, 0), min(stop + codec.context, len(mel))
        piece = torch.from_numpy(mel.read(first, last)).T[None]
        with clock("vocode"):
            whole = codec.vocode(piece)[0].cpu().reshape(-1, codec.hop_length)
        wave.append(whole[done - first : stop - first].numpy())
        done = stop
        keep.note(WAVE, {"columns": done})
        told(MEL_SHARE + (1 - MEL_SHARE) * done / len(mel))
    return wave


def _mel(codec: Codec, latents: Tensor, keep: Keep, told: Callable[[float], None]) -> Table:
    """Log-mel spectrogram, one row per column."""
    table = keep.table(MEL, codec.mel.num_mels)
    noted = keep.noted(MEL) or {"pieces": 0, "columns": 0}
    table.cut(noted["columns"])
    starts = piece_starts(latents.shape[1])

    def decode(start: int) -> Tensor:
        return codec.decode(latents[None, :, start : start + PIECE])[0].cpu()

    blocks = joined(starts, decode, 2, noted["pieces"])
    for number, block in enumerate(blocks, start=noted["pieces"] + 1):
        table.append(block.T.contiguous().numpy())
        keep.note(MEL, {"pieces": number, "columns": len(table)})
        told(MEL_SHARE * number / len(starts))
    return table


def joined(
    starts: Sequence[int], make: Callable[[int], Tensor], factor: int, done: int = 0
) -> Iterator[Tensor]:
    """Cross-fade overlapping pieces into blocks that follow each other.

    Args:
        starts: of the pieces, in steps of the input.
        make: start -> piece [C, n], in steps of the output.
        factor: steps of the output per step of the input.
        done: blocks that are not needed any more.

    Yields:
        [C, m]; block number k ends where piece number k + 1 begins.
    """
    tail: Tensor | None = make(starts[done - 1]) if 0 < done < len(starts) else None
    if tail is not None:
        tail = tail[:, factor * (starts[done] - starts[done - 1]) :]
    for number in range(done, len(starts)):
        piece = make(starts[number])
        if tail is not None:
            shared = tail.shape[1]
            rise = (torch.arange(shared) + 0.5) / shared
            mixed = tail * (1 - rise) + piece[:, :shared] * rise
            piece = torch.cat([mixed, piece[:, shared:]], dim=1)
        if number + 1 == len(starts):
            yield piece
            return
        stop = factor * (starts[number + 1] - starts[number])
        yield piece[:, :stop]
        tail = piece[:, stop:]
