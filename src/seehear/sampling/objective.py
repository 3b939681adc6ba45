"""What a generative network is trained to answer: distances of a spectrogram picture to the right answer.

Most of a spectrogram is silence. That skewed target is learnt better with absolute than with squared
differences (DAVIS, supplement: 11.61 against 10.84 dB SDR on MUSIC), so absolute is the default.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

Distance = Literal["l1", "l2"]

SCALE = 1000.0
"""Factor of DAVIS's training loss, which sums over the sources of a mixture."""


def noise_loss(guess: Tensor, noise: Tensor, distance: Distance = "l1") -> Tensor:
    """Mean distance of a noise estimate to the noise, a scalar.

    Args:
        guess: [B, ...].
        noise: same shape.
        distance: `l1` (published) or `l2` (its ablation).
    """
    difference = guess - noise
    return difference.abs().mean() if distance == "l1" else difference.square().mean()


def flow_loss(velocity: Tensor, wanted: Tensor, distance: Distance = "l1") -> Tensor:
    """Twice the mean distance of a velocity to the right one, a scalar.

    The public code adds a second term, the distance of the implied signal to the true one; written out
    it is the same difference again, hence the factor.

    Args:
        velocity: [B, ...].
        wanted: same shape, from `flow_path`.
        distance: see `noise_loss`.
    """
    return 2.0 * noise_loss(velocity, wanted, distance)
