"""The clip that everything is measured on: the example clips again and again, at 44.1 kHz.

Frames and sound are encoded anew (H.264 640 x 360 at 25 frames/s, stereo AAC), because containers do
not let packets of one clip follow another with the sound at a different rate.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from seehear.dsp.resample import resample
from seehear.media.read import read_audio

CLIPS = Path(__file__).resolve().parents[1] / "examples" / "clips"
NAMES = ("lesson", "platform", "street")
"""Other examples are not in it, so that figures stay comparable."""
RATE = 44100
FPS = 25


def make_clip(path: Path, seconds: float) -> None:
    """Write a clip of a given length."""
    names = [CLIPS / f"{name}.mp4" for name in NAMES]
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        video.options = {"preset": "veryfast", "crf": "26"}
        audio = out.add_stream("aac", rate=RATE)
        audio.bit_rate, audio.layout = 128_000, "stereo"
        shown = sent = 0
        while shown < seconds * FPS:
            source = names[(shown // FPS) % len(names)]
            sound = read_audio(source)
            waveform = resample(sound.waveform, sound.sample_rate, RATE).numpy()
            with av.open(str(source)) as clip:
                for frame in clip.decode(video=0):
                    if shown >= seconds * FPS:
                        break
                    fresh = frame.reformat(format="yuv420p")
                    fresh.pts, fresh.time_base = shown, Fraction(1, FPS)
                    out.mux(video.encode(fresh))
                    shown += 1
            wanted = min(round(shown * RATE / FPS), round(seconds * RATE)) - sent
            piece = np.ascontiguousarray(waveform[:, :wanted], dtype=np.float32)
            chunk = av.AudioFrame.from_ndarray(piece, "fltp", "stereo")
            chunk.sample_rate, chunk.pts, chunk.time_base = RATE, sent, Fraction(1, RATE)
            out.mux(audio.encode(chunk))
            sent += piece.shape[1]
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
