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

__all__ = [
    "DavisConfig",
    "flow",
    "narrow",
    "paper_ave",
    "paper_music",
    "paper_music_resnet",
    "tiny",
]
