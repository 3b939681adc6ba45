"""Sounds of the example clips: speech by espeak-ng, music by FluidSynth, effects by formula.

Everything is float64 [2, T] at 48 kHz and depends on nothing but its arguments (and the versions of
the two programs). Which clip uses what is in `render.py`.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

RATE = 48000
SPEED_OF_SOUND = 343.0  # m/s
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
Sound = NDArray[np.float64]


@dataclass(frozen=True)
class Note:
    """One note: MIDI key and velocity (0..127), start and length in seconds."""

    key: int
    start_s: float
    length_s: float
    velocity: int = 90


def samples(seconds: float) -> int:
    """Number of samples of a duration."""
    return round(seconds * RATE)


def level(sound: Sound, rms_db: float) -> Sound:
    """Scale to an RMS level in dBFS, measured where the sound is louder than its own mean - 20 dB."""
    power = np.convolve((sound**2).mean(axis=0), np.ones(4800) / 4800, mode="same")
    active = power > power.mean() * 0.01
    return sound * 10 ** (rms_db / 20) / np.sqrt(power[active].mean())


def place(sound: Sound, start_s: float, total_s: float) -> Sound:
    """Put a sound into silence of a given length; what sticks out is cut."""
    out = np.zeros((2, samples(total_s)))
    first = samples(start_s)
    length = min(sound.shape[1], out.shape[1] - first)
    out[:, first : first + length] = sound[:, :length]
    return out


def fade(sound: Sound, seconds: float = 0.02) -> Sound:
    """Raise and lower both ends with a cosine."""
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(samples(seconds)) / samples(seconds))
    out = sound.copy()
    out[:, : ramp.size] *= ramp
    out[:, -ramp.size :] *= ramp[::-1]
    return out


def band(sound: Sound, low_hz: float | None, high_hz: float | None, order: int = 2) -> Sound:
    """Butterworth band; None leaves a side open."""
    if low_hz is None:
        design = butter(order, high_hz, "low", fs=RATE, output="sos")
    elif high_hz is None:
        design = butter(order, low_hz, "high", fs=RATE, output="sos")
    else:
        design = butter(order, (low_hz, high_hz), "band", fs=RATE, output="sos")
    return sosfilt(design, sound, axis=-1)


def reverb(sound: Sound, seconds: float, amount: float, rng: np.random.Generator) -> Sound:
    """Add a diffuse tail: convolution with decaying noise that loses treble, cut to the same length."""
    length = samples(seconds)
    decay = np.exp(-6.9 * np.arange(length) / length)
    tail = band(rng.standard_normal((2, length)) * decay, 150, 5000, order=1)
    tail /= np.sqrt((tail**2).sum(axis=1, keepdims=True))
    wet = fftconvolve(sound, tail, axes=1)[:, : sound.shape[1]]
    return sound + amount * wet


# ---------------------------------------------------------------------------- speech and music


def speech(text: str, voice: str, pitch: int, words_per_minute: int) -> Sound:
    """Speak a text with espeak-ng, trimmed to where it is audible, same in both channels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        how = ["-v", voice, "-p", str(pitch), "-s", str(words_per_minute)]
        subprocess.run([_program("espeak-ng"), *how, "-w", str(path), text], check=True)
        mono, rate = soundfile.read(path)
    mono = resample_poly(mono, RATE, rate)
    audible = np.flatnonzero(np.abs(mono) > 0.01 * np.abs(mono).max())
    mono = mono[audible[0] : audible[-1] + samples(0.1)]
    return fade(np.stack([mono, mono]))


def music(parts: Sequence[tuple[int, Sequence[Note]]], seconds: float) -> Sound:
    """Play notes with FluidSynth and the free GM soundfont.

    Args:
        parts: (General MIDI program 0..127, notes) for each instrument.
        seconds: length of the result.
    """
    with tempfile.TemporaryDirectory() as folder:
        score, path = Path(folder) / "score.mid", Path(folder) / "music.wav"
        score.write_bytes(_midi_file(parts))
        how = ["-ni", "-q", "-g", "0.5", "-r", str(RATE), "-O", "float", "-T", "wav"]
        files = ["-F", str(path), str(SOUNDFONT), str(score)]
        subprocess.run(
            [_program("fluidsynth"), *how, *files], check=True, stdout=subprocess.DEVNULL
        )
        stereo, _ = soundfile.read(path, always_2d=True)
    return fade(place(stereo.T, 0.0, seconds), 0.05)


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SystemExit(
            f"rendering the examples needs {name}; on Debian or Ubuntu: "
            "sudo apt-get install -y espeak-ng fluidsynth fluid-soundfont-gm"
        )
    return path


def _midi_file(parts: Sequence[tuple[int, Sequence[Note]]]) -> bytes:
    """Standard MIDI file, format 1; 500 ticks a second (tempo 120, 250 ticks a quarter)."""
    tracks = b""
    for channel, (program, notes) in enumerate(parts):
        events = [(0, bytes([0xC0 | channel, program]))]
        for note in notes:
            start, stop = round(note.start_s * 500), round((note.start_s + note.length_s) * 500)
            events.append((start, bytes([0x90 | channel, note.key, note.velocity])))
            events.append((stop, bytes([0x80 | channel, note.key, 0])))
        data, now = b"", 0
        for tick, message in sorted(events):
            data += _variable_length(tick - now) + message
            now = tick
        data += b"\x00\xff\x2f\x00"
        tracks += b"MTrk" + struct.pack(">I", len(data)) + data
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(parts), 250) + tracks


def _variable_length(number: int) -> bytes:
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | number & 0x7F)
    return bytes(reversed(out))


# ---------------------------------------------------------------------------- effects


def noise(seconds: float, slope_db: float, rng: np.random.Generator) -> Sound:
    """Stereo noise whose level falls by `slope_db` per octave (3 = pink, 6 = brown)."""
    length = samples(seconds)
    spectrum = np.fft.rfft(rng.standard_normal((2, length)), axis=1)
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    spectrum *= np.maximum(frequency, 30.0) ** (-slope_db / 6.02)
    out = np.fft.irfft(spectrum, length, axis=1)
    return out / out.std()


def pass_by(
    source: Callable[[Sound], Sound],
    seconds: float,
    nearest_s: float,
    speed: float,
    distance: float,
    half_length: float = 0.0,
) -> Sound:
    """What a listener hears of a source driving past on a straight line, with Doppler shift.

    Args:
        source: function of emission time [T] in seconds, giving the source's sound [T].
        seconds: length of the result.
        nearest_s: when the source is nearest.
        speed: m/s, positive from left to right.
        distance: metres at the nearest point.
        half_length: metres; a long source (a train) sounds from its part nearest to the listener.
    """
    heard = np.arange(samples(seconds)) / RATE
    emitted = heard - distance / SPEED_OF_SOUND
    for _ in range(4):  # the delay depends on where the source was: fixed point, v/c << 1
        x = speed * (emitted - nearest_s)
        emitted = heard - np.hypot(x, distance) / SPEED_OF_SOUND
    x = speed * (emitted - nearest_s)
    x = np.sign(x) * np.maximum(np.abs(x) - half_length, 0.0)
    reach = np.hypot(x, distance)
    mono = source(emitted) * distance / reach
    right = 0.5 + 0.45 * x / reach
    return np.stack([mono * np.sqrt(1 - right), mono * np.sqrt(right)])


def train(seed: int) -> Callable[[Sound], Sound]:
    """Rumble, rolling noise, rail joints and a two-tone horn before it arrives."""

    def source(time: Sound) -> Sound:
        rumble = _texture(time, 20, 180, seed) * 1.2
        rolling = _texture(time, 400, 2500, seed + 1) * (0.5 + 0.2 * np.sin(2 * np.pi * 3.1 * time))
        joints = np.zeros_like(time)
        for offset in (0.0, 0.11):
            phase = (time - offset) % 0.62
            joints += np.exp(-phase * 45) * (phase < 0.2)
        clack = joints * _texture(time, 150, 3000, seed + 2) * 2.2
        whine = 0.12 * np.sin(2 * np.pi * 610 * time + 0.5 * np.sin(2 * np.pi * 5 * time))
        horn = sum(np.sin(2 * np.pi * f * time) / k for k, f in ((1, 311), (1, 370), (3, 622)))
        blow = np.clip((time - 1.2) * 8, 0, 1) * np.clip((2.4 - time) * 8, 0, 1)
        return rumble + rolling + clack + whine + 1.0 * blow * horn

    return source


def car(seed: int) -> Callable[[Sound], Sound]:
    """Engine harmonics and tyre noise."""

    def source(time: Sound) -> Sound:
        tyres = _texture(time, 300, 1800, seed)
        engine = sum(np.sin(2 * np.pi * 62 * k * time + k) / k**0.8 for k in range(1, 9))
        return tyres + 0.35 * engine * (1 + 0.2 * _texture(time, 5, 30, seed + 1))

    return source


def _texture(time: Sound, low_hz: float, high_hz: float, seed: int) -> Sound:
    """Band-limited noise that can be read at any time (so that it can be Doppler-shifted)."""
    length = samples(30.0)
    raw = np.random.default_rng(seed).standard_normal((1, length))
    table = band(raw, low_hz, high_hz)[0]
    table /= table.std()
    return np.interp((time % 29.0) * RATE, np.arange(length), table)


def footsteps(seconds: float, pace_s: float, rng: np.random.Generator) -> Sound:
    """Someone walks by from left to right: heel thumps with a scrape of the sole."""
    out = np.zeros((2, samples(seconds)))
    length = samples(0.16)
    time = np.arange(length) / RATE
    step_s = 0.2
    while step_s < seconds - 0.2:
        heel = np.sin(2 * np.pi * 95 * time) * np.exp(-time * 60)
        scrape = band(rng.standard_normal((1, length)), 900, 5000)[0] * np.exp(-time * 35)
        tap = heel + 0.5 * scrape * rng.uniform(0.7, 1.2)
        right = step_s / seconds
        first = samples(step_s)
        out[:, first : first + length] += np.stack([tap * (1 - right), tap * right])
        step_s += pace_s * rng.uniform(0.95, 1.05)
    return out


def birds(seconds: float, rng: np.random.Generator) -> Sound:
    """A few chirps: short tones that sweep down and up."""
    out = np.zeros((2, samples(seconds)))
    for start_s in np.sort(rng.uniform(0, seconds - 0.6, size=int(seconds))):
        right = rng.uniform(0.1, 0.9)
        for repeat in range(rng.integers(2, 5)):
            time = np.arange(samples(0.09)) / RATE
            pitch = rng.uniform(3200, 4600) + 9000 * (time - 0.045) ** 2 * 40
            chirp = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.hanning(time.size)
            first = samples(start_s + 0.13 * repeat)
            out[:, first : first + time.size] += np.stack([chirp * (1 - right), chirp * right])
    return out


def chime() -> Sound:
    """Three falling bells, as before an announcement."""
    out = np.zeros((2, samples(2.2)))
    for order, pitch_hz in enumerate((784.0, 659.3, 523.3)):
        time = np.arange(samples(1.3)) / RATE
        bell = sum(
            np.sin(2 * np.pi * pitch_hz * k * time) * np.exp(-time * 3 * k) / k for k in (1, 2, 3)
        )
        first = samples(0.4 * order)
        out[:, first : first + time.size] += 0.5 * np.stack([bell, bell])
    return out
