"""DAVIS (ACCV 2024) and DAVIS-Flow: separation by generating spectrograms. Read `network.py` first."""

from seehear.models.davis.config import (
    DavisConfig,
    flow,
    narrow,
    paper_ave,
    paper_music,
    paper_music_resnet,
    tiny,
)
from seehear.models.davis.network import Davis
from seehear.models.davis.small import tiny_davis, tiny_diffusion

__all__ = [
    "Davis",
    "DavisConfig",
    "flow",
    "narrow",
    "paper_ave",
    "paper_music",
    "paper_music_resnet",
    "tiny",
    "tiny_davis",
    "tiny_diffusion",
]
