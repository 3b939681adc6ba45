"""Options of `highlight`: what the job can be told beyond `CommonOptions`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError
from seehear.tasks.options import CommonOptions

DEFAULT_MODEL = "highlight/starter"


@dataclass(frozen=True, kw_only=True)
class HighlightOptions(CommonOptions):
    """Rebalance a muddy soundtrack so that what matters in the picture stands out.

    Args:
        model: id (see `seehear models list`) or path of a checkpoint folder.
        context: what the network is shown beside the sound.
        captions: text that describes the picture: one caption a line (one a second), SRT or VTT.
        strength: 0 leaves the sound as it is, 1 is the network's full result.

    Raises:
        UsageError: a value is out of range, or `context` and `captions` contradict each other.
    """

    model: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = DEFAULT_MODEL
    context: Literal["frames", "captions", "both", "none"] = "frames"
    captions: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    strength: Annotated[float, tyro.conf.arg(metavar="0..1")] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.strength <= 1:
            raise UsageError(f"--strength must be between 0 and 1, not {self.strength:g}")
        if not self.model:
            raise UsageError("--model is empty; see seehear models list")
        wants_captions = self.context in ("captions", "both")
        if wants_captions and self.captions is None:
            raise UsageError(f"--context {self.context} needs --captions FILE")
        if self.captions is not None and not wants_captions:
            raise UsageError(
                f"--captions is of no use with --context {self.context}; "
                f"say --context both or --context captions"
            )
