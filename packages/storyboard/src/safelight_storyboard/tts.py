"""Speech for spoken lines by espeak-ng. Without espeak-ng there is silence."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import wave

import numpy as np

from safelight_storyboard.raster import Raster

PATIENCE_S = 15.0


def synthesiser() -> str | None:
    """The path of espeak-ng; None if it is not installed."""
    return shutil.which("espeak-ng")


def speak(text: str, rate: int, *, seconds: float) -> Raster | None:
    """Speech for `text` as mono float32 at `rate` Hz, at most `seconds` long; None without espeak-ng."""
    program = synthesiser()
    words = "".join(c for c in text if c.isprintable())
    if program is None or not words.strip():
        return None
    voice = "cmn" if re.search(r"[\u4e00-\u9fff]", words) else "en"
    # The speech is faster if the text would not fit, but it stays intelligible.
    pace = 150
    need = len(words.split()) / 2.4 if voice == "en" else len(words) / 3.6
    if need > seconds:
        pace = min(230, int(150 * need / seconds))
    try:
        done = subprocess.run(
            [program, "--stdin", "--stdout", "-v", voice, "-s", str(pace), "-p", "42"],
            input=words.encode(),
            capture_output=True,
            timeout=PATIENCE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _decode(done.stdout, rate, seconds)


def _decode(data: bytes, rate: int, seconds: float) -> Raster | None:
    try:
        with wave.open(io.BytesIO(data)) as sound:
            own = sound.getframerate()
            raw = sound.readframes(min(sound.getnframes(), int(own * 60)))
    except (wave.Error, EOFError):
        return None
    samples = np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float32) / 32768
    if not samples.size:
        return None
    at = np.arange(0, samples.size - 1, own / rate)
    voice = np.interp(at, np.arange(samples.size), samples).astype(np.float32)[: int(seconds * rate)]
    tail = min(len(voice), rate // 50)
    voice[len(voice) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
    return voice
