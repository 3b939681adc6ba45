"""VisAH (CVPR 2025): visually-guided acoustic highlighting. Read `network.py` first."""

from seehear.models.visah.config import (
    VisAHConfig,
    fused,
    no_context,
    paper_text,
    paper_vision,
    tiny,
)
from seehear.models.visah.network import Highlighted, VisAH
from seehear.models.visah.small import tiny_visah

__all__ = [
    "Highlighted",
    "VisAH",
    "VisAHConfig",
    "fused",
    "no_context",
    "paper_text",
    "paper_vision",
    "tiny",
    "tiny_visah",
]
