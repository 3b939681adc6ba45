"""Mono2Binaural (CVPR 2019), APNet (ECCV 2020), PseudoBinaural (CVPR 2021). Read `network.py` first."""

from seehear.models.pseudobinaural.config import (
    APNetConfig,
    Mono2BinauralConfig,
    paper_apnet,
    paper_mono2binaural,
    tiny,
    tiny_pyramid,
)
from seehear.models.pseudobinaural.network import APNet, Mono2Binaural, rearranged
from seehear.models.pseudobinaural.small import tiny_apnet, tiny_mono2binaural

__all__ = [
    "APNet",
    "APNetConfig",
    "Mono2Binaural",
    "Mono2BinauralConfig",
    "paper_apnet",
    "paper_mono2binaural",
    "rearranged",
    "tiny",
    "tiny_apnet",
    "tiny_mono2binaural",
    "tiny_pyramid",
]
