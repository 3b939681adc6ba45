"""seehear: make a video's sound right by looking at its picture."""

__version__ = "0.1.0"
