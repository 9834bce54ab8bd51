"""Audio: synthesised ambience, a quiet pad, footsteps, thunder; stereo float32 at 48 kHz."""

from __future__ import annotations

import math

import numpy as np

from safelight_storyboard.lexicon import (
    RAINY,
    Environment,
    Mood,
    Sound,
    SubjectAction,
    TimeOfDay,
    Weather,
)
from safelight_storyboard.raster import Raster
from safelight_storyboard.scene import Scene
from safelight_storyboard.subject_style import pace_of
from safelight_storyboard.subject_words import PEOPLE, SubjectKind

RATE = 48_000

#: Two chords per mood, as semitones above the key. They alternate every four seconds.
CHORDS: dict[Mood, tuple[tuple[int, ...], ...]] = {
    Mood.CALM: ((0, 7, 12, 16, 19), (-3, 4, 9, 16, 21)),
    Mood.JOYFUL: ((0, 7, 12, 16, 23), (5, 12, 16, 21, 24)),
    Mood.MELANCHOLY: ((0, 7, 12, 15, 22), (-4, 3, 8, 15, 19)),
    Mood.TENSE: ((0, 7, 12, 13, 18), (-1, 6, 11, 12, 18)),
    Mood.EPIC: ((0, 7, 12, 19, 24), (-5, 2, 7, 14, 23)),
}
KEYS = (110.0, 123.47, 130.81, 146.83, 98.0)


def compose(scene: Scene, seconds: float, rng: np.random.Generator, *, voice: Raster | None) -> Raster:
    """The clip's audio, (2, n) within -1..1. Equal scenes and seeds give equal samples."""
    n = round(seconds * RATE)
    mix = np.zeros((2, n), np.float32)
    if Sound.SILENCE not in scene.sounds:
        for part, gain in _ambience(scene, n, rng):
            mix += gain * part
        mix += _steps(scene, n, rng)
        mix += (0.11 if Sound.MUSIC in scene.sounds else 0.06) * _pad(scene, n, rng)
        if scene.weather is Weather.STORM or Sound.THUNDER in scene.sounds:
            mix += 0.5 * _thunder(n, 0.7, rng)
    if voice is not None and voice.size:
        start = min(int(0.25 * RATE), max(0, n - voice.size))
        length = min(voice.size, n - start)
        duck = np.ones(n, np.float32)
        duck[start : start + length] = 0.42
        mix *= np.convolve(duck, np.ones(4800, np.float32) / 4800, "same").astype(np.float32)
        mix[:, start : start + length] += 0.78 * voice[:length]
    fade = min(n // 3, int(0.35 * RATE))
    ramp = 0.5 - 0.5 * np.cos(np.linspace(0, math.pi, fade, dtype=np.float32))
    mix[:, :fade] *= ramp
    mix[:, n - fade :] *= ramp[::-1]
    return np.asarray(np.tanh(mix * 0.95).astype(np.float32))


def insert(mix: Raster, tone: Raster, at: float) -> None:
    """Mixes a signal into both channels at `at` seconds, and lowers the volume of the other sound during
    it.
    """
    start = int(at * RATE)
    length = min(tone.size, mix.shape[1] - start)
    if length > 0:
        mix[:, start : start + length] = 0.06 * mix[:, start : start + length] + tone[:length]


def _shaped(n: int, rng: np.random.Generator, low: float, high: float, slope: float) -> Raster:
    """Stereo noise between `low` and `high` Hz, with a loudness of about 1. `slope` is the fall: 1 is
    pink, 2 brown.
    """
    size = 1 << max(12, (n - 1).bit_length())
    size = min(size, 1 << 18)
    freq = np.fft.rfftfreq(size, 1 / RATE).astype(np.float32)
    gain = np.maximum(freq, 20.0) ** (-slope / 2)
    gain *= 1 / (1 + (low / np.maximum(freq, 1)) ** 4) / (1 + (freq / high) ** 4)
    out = np.empty((2, n), np.float32)
    for channel in range(2):
        phase = rng.random(len(freq), np.float32) * np.float32(2 * math.pi)
        loop = np.fft.irfft(gain * np.exp(1j * phase), size).astype(np.float32)
        loop /= float(loop.std()) + 1e-9
        out[channel] = np.resize(loop, n)
    return out


def _swell(n: int, rng: np.random.Generator, period: float, floor: float) -> Raster:
    """A slow, uneven loudness envelope from `floor` to 1."""
    knots = rng.random(int(n / RATE / period) + 4).astype(np.float32)
    at = np.arange(n, dtype=np.float32) / (RATE * period)
    left = at.astype(np.int64)
    u = at - left
    u = u * u * (3 - 2 * u)
    return np.asarray(floor + (1 - floor) * (knots[left] * (1 - u) + knots[left + 1] * u))


def _ambience(scene: Scene, n: int, rng: np.random.Generator) -> list[tuple[Raster, float]]:
    parts: list[tuple[Raster, float]] = []
    indoors = scene.setting is Environment.ROOM
    muffled = 0.35 if indoors else 1.0
    watery = scene.setting in (Environment.SEA, Environment.BEACH)
    if watery or Sound.WAVES in scene.sounds:
        parts.append((_waves(n, rng), 0.15 * muffled))
    if scene.weather in RAINY or Sound.RAIN in scene.sounds:
        parts.append((_shaped(n, rng, 500, 9000 if not indoors else 1400, 0.5), 0.07 * muffled))
        parts.append((_drops(n, rng), 0.16 * muffled))
    open_air = scene.setting in (
        Environment.MOUNTAINS,
        Environment.DESERT,
        Environment.MEADOW,
        Environment.FOREST,
        Environment.LAKE,
    )
    rough = scene.weather is Weather.STORM or Sound.WIND in scene.sounds
    if open_air or rough or scene.weather is Weather.SNOW:
        gain = 0.11 if rough else 0.05
        parts.append((_shaped(n, rng, 90, 700, 1.2) * _swell(n, rng, 1.7, 0.25), gain * muffled))
    if scene.setting is Environment.LAKE:
        parts.append((_waves(n, rng, period=2.6), 0.035))
    lively = scene.hour in (TimeOfDay.DAWN, TimeOfDay.DAY, TimeOfDay.GOLDEN) and scene.weather in (
        Weather.CLEAR,
        Weather.FOG,
    )
    if Sound.BIRDS in scene.sounds or (
        lively and scene.setting in (Environment.FOREST, Environment.MEADOW, Environment.LAKE)
    ):
        parts.append((_birds(n, rng), 0.09))
    if Sound.CRICKETS in scene.sounds or (
        scene.hour in (TimeOfDay.NIGHT, TimeOfDay.DUSK)
        and scene.weather is Weather.CLEAR
        and scene.setting in (Environment.MEADOW, Environment.FOREST, Environment.LAKE)
    ):
        parts.append((_crickets(n, rng), 0.022))
    if scene.setting in (Environment.CITY, Environment.STREET) or Sound.CITY in scene.sounds:
        parts.append((_shaped(n, rng, 40, 420, 1.6) * _swell(n, rng, 2.3, 0.5), 0.075))
        parts.append((_shaped(n, rng, 300, 1800, 1.0) * _swell(n, rng, 1.3, 0.1), 0.012))
    if scene.setting is Environment.ROOM:
        parts.append((_shaped(n, rng, 60, 300, 1.4), 0.012))
    if any(s.kind is SubjectKind.TRAM for s in scene.subjects):
        parts.append((_rails(n, rng), 0.16))
    if any(s.kind is SubjectKind.CAR for s in scene.subjects):
        parts.append((_shaped(n, rng, 60, 380, 1.4) * _swell(n, rng, 1.1, 0.6), 0.09))
    return parts


def _waves(n: int, rng: np.random.Generator, period: float = 5.2) -> Raster:
    t = np.arange(n, dtype=np.float32) / RATE
    out = np.zeros((2, n), np.float32)
    for high, shift in ((900.0, 0.0), (3600.0, 0.35)):
        u = (t / period + float(rng.random()) * 0.3 + shift) % 1.0
        swell = np.where(u < 0.38, (u / 0.38) ** 2, np.exp(-(u - 0.38) * 4.2))
        out += (
            _shaped(n, rng, 120 if high < 1000 else 900, high, 1.0)
            * (0.22 + 0.78 * swell)
            * (1.0 if high < 1000 else 0.45)
        )
    return out


def _drops(n: int, rng: np.random.Generator) -> Raster:
    out = np.zeros((2, n), np.float32)
    length = int(0.03 * RATE)
    t = np.arange(length, dtype=np.float32) / RATE
    for _ in range(int(46 * n / RATE)):
        at = int(rng.integers(0, max(1, n - length)))
        tone = np.sin(2 * math.pi * float(rng.uniform(900, 3800)) * t) * np.exp(
            -t * float(rng.uniform(160, 420))
        )
        pan = float(rng.uniform(0.2, 0.8))
        gain = float(rng.uniform(0.05, 0.4))
        out[0, at : at + length] += tone * gain * (1 - pan)
        out[1, at : at + length] += tone * gain * pan
    return out


def _birds(n: int, rng: np.random.Generator) -> Raster:
    out = np.zeros((2, n), np.float32)
    at = float(rng.uniform(0.2, 0.7))
    while at * RATE < n:
        base, sweep = float(rng.uniform(2300, 4300)), float(rng.uniform(-900, 1300))
        pan, gain = float(rng.uniform(0.15, 0.85)), float(rng.uniform(0.25, 1.0))
        for note in range(int(rng.integers(2, 6))):
            length = int(float(rng.uniform(0.05, 0.13)) * RATE)
            start = int((at + note * float(rng.uniform(0.11, 0.17))) * RATE)
            if start + length >= n:
                break
            u = np.linspace(0, 1, length, dtype=np.float32)
            freq = base + sweep * u + 220 * np.sin(2 * math.pi * 3 * u)
            tone = np.sin(2 * math.pi * np.cumsum(freq) / RATE) * np.sin(math.pi * u) ** 2
            out[0, start : start + length] += tone * gain * (1 - pan)
            out[1, start : start + length] += tone * gain * pan
        at += float(rng.uniform(0.6, 1.7))
    return out


def _crickets(n: int, rng: np.random.Generator) -> Raster:
    t = np.arange(n, dtype=np.float32) / RATE
    out = np.zeros((2, n), np.float32)
    for freq, rate, pan in ((4200.0, 1.9, 0.3), (4700.0, 2.3, 0.7)):
        trill = np.clip(np.sin(2 * math.pi * 31 * t), 0, 1) * (
            np.sin(2 * math.pi * rate * t + float(rng.random()) * 6) > -0.1
        )
        tone = np.sin(2 * math.pi * freq * t) * trill
        out[0] += tone * (1 - pan)
        out[1] += tone * pan
    return out


def _rails(n: int, rng: np.random.Generator) -> Raster:
    t = np.arange(n, dtype=np.float32) / RATE
    out = 0.5 * _shaped(n, rng, 50, 500, 1.3)
    beat = (t * 2.3) % 1.0
    for offset in (0.0, 0.16):
        u = (beat - offset) % 1.0
        out += 1.3 * np.exp(-u * 34) * np.sin(2 * math.pi * 120 * u) * np.ones((2, 1), np.float32)
    return out


def _steps(scene: Scene, n: int, rng: np.random.Generator) -> Raster:
    out = np.zeros((2, n), np.float32)
    for subject in scene.subjects:
        feet = subject.kind in PEOPLE or subject.kind is SubjectKind.HORSE
        if not feet or subject.action not in (SubjectAction.WALK, SubjectAction.RUN):
            continue
        _, rate = pace_of(subject)
        soft = (
            scene.setting in (Environment.BEACH, Environment.DESERT, Environment.MEADOW, Environment.FOREST)
            or scene.weather is Weather.SNOW
        )
        length = int((0.11 if soft else 0.07) * RATE)
        t = np.arange(length, dtype=np.float32) / RATE
        at = 0.2
        while (at + 0.15) * RATE < n:
            hiss = rng.normal(0, 1, length).astype(np.float32)
            hiss = np.convolve(hiss, np.ones(18 if soft else 9, np.float32) / 9, "same").astype(np.float32)
            thump = np.sin(2 * math.pi * (62 if soft else 92) * t) * np.exp(-t * 46)
            sound = 0.09 * hiss * np.exp(-t * (38 if soft else 80)) + 0.11 * thump
            start = int(at * RATE)
            out[:, start : start + length] += sound.astype(np.float32) * float(rng.uniform(0.75, 1.0))
            at += math.pi / rate
        break
    return out


def _thunder(n: int, at: float, rng: np.random.Generator) -> Raster:
    t = np.arange(n, dtype=np.float32) / RATE - at
    envelope = np.where(
        t > 0, (1 - np.exp(-np.clip(t, 0, None) * 14)) * np.exp(-np.clip(t, 0, None) * 1.1), 0
    )
    return _shaped(n, rng, 25, 210, 1.4) * envelope.astype(np.float32) * _swell(n, rng, 0.22, 0.4)


def _pad(scene: Scene, n: int, rng: np.random.Generator) -> Raster:
    """Slow chords of slightly detuned voices. Each voice has its own loudness envelope."""
    # The pad has no content above 2 kHz, so a quarter of the sample rate is enough.
    whole, n = n, n // 4 + 2
    t = np.arange(n, dtype=np.float64) / (RATE / 4)
    key = KEYS[scene.seed % len(KEYS)] * (0.5 if scene.mood in (Mood.TENSE, Mood.EPIC) else 1.0)
    chords = CHORDS[scene.mood]
    out = np.zeros((2, n), np.float32)
    turn = 0.5 - 0.5 * np.cos(2 * math.pi * np.clip((t % 8.0 - 3.0) / 2.0, 0, 1) / 2)
    turn = np.where(t % 8.0 > 7.0, 1 - (0.5 - 0.5 * np.cos(math.pi * (t % 8.0 - 7.0))), turn)
    for number, chord in enumerate(chords):
        share = (turn if number else 1 - turn).astype(np.float32)
        if not share.any():
            continue
        for voice, step in enumerate(chord):
            freq = key * 2 ** (step / 12)
            gain = 0.5 / (1 + 0.35 * voice)
            for channel, detune in ((0, 0.9985), (1, 1.0015)):
                breath = 0.75 + 0.25 * np.sin(
                    2 * math.pi * float(rng.uniform(0.07, 0.2)) * t + float(rng.random()) * 6.28
                )
                phase = 2 * math.pi * freq * detune * t + float(rng.random()) * 6.28
                tone = np.sin(phase) + 0.22 * np.sin(2 * phase) + 0.07 * np.sin(3 * phase)
                out[channel] += (gain * breath * tone).astype(np.float32) * share
    at = np.arange(whole, dtype=np.float32) / 4
    coarse = np.arange(n, dtype=np.float32)
    return np.stack([np.interp(at, coarse, channel).astype(np.float32) for channel in out])
