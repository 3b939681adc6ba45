"""Names of channels where no file tells them."""

from __future__ import annotations


def channel_names_of(count: int) -> list[str]:
    """Names for channels in memory, where no layout is known; six are 5.1, eight are 7.1."""
    front = ["FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"]
    return front[:count] if count in (2, 6, 8) else [f"C{index}" for index in range(count)]
