"""Synthesized speech with exact word times, taken from the events of espeak-ng."""

from __future__ import annotations

import ctypes
import ctypes.util
import io
import threading
import wave
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.errors import ConfigurationError

_SYNCHRONOUS, _UTF8, _RATE, _WORD, _END = 2, 1, 1, 1, 5
#: The library has one voice for the whole process, so only one thread may use it at a time.
_ONE_AT_A_TIME = threading.Lock()


class SpeechMissing(ConfigurationError):
    """espeak-ng is not installed or cannot be initialized."""


@dataclass(frozen=True, kw_only=True)
class TimedWord:
    """One word and its time, in seconds from the start of the samples."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """Synthesized speech: mono samples in [-1, 1], and the words with their times."""

    samples: npt.NDArray[np.float32]
    rate: int
    words: tuple[TimedWord, ...]

    @property
    def seconds(self) -> float:
        return self.samples.size / self.rate

    def at(self, rate: int) -> npt.NDArray[np.float32]:
        """The samples resampled to another rate."""
        moments = np.arange(round(self.seconds * rate)) / rate
        found = np.interp(moments, np.arange(self.samples.size) / self.rate, self.samples)
        return found.astype(np.float32)


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


def synthesize(text: str, *, voice: str = "en", pace: int = 150) -> Spoken:
    """Synthesizes the text in an espeak-ng voice, such as `en` or `cmn`, at `pace` words per minute.

    Raises `SpeechMissing` if espeak-ng is not available.
    """
    with _ONE_AT_A_TIME:
        return _spoken(text, voice, pace)


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, int]:
    """The library and its sample rate. It is never stopped, because starting it twice in one process
    hangs.
    """
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise SpeechMissing("espeak-ng is not installed: install Debian's package espeak-ng.")
    library = ctypes.CDLL(name)
    rate = library.espeak_Initialize(_SYNCHRONOUS, 200, None, 0)
    if rate <= 0:
        raise SpeechMissing("espeak-ng could not be initialized.")
    return library, rate


def _spoken(text: str, voice: str, pace: int) -> Spoken:
    library, rate = _library()
    pieces: list[npt.NDArray[np.int16]] = []
    begun: list[tuple[int, int, int]] = []
    ended = 0

    def told(wave: Any, count: int, events: Any) -> int:
        nonlocal ended
        if count > 0 and wave:
            pieces.append(np.ctypeslib.as_array(wave, shape=(count,)).astype(np.int16))
        index = 0
        while events[index].type:
            one = events[index]
            if one.type == _WORD:
                begun.append((one.text_position, one.length, one.audio_position))
            elif one.type == _END:
                ended = one.audio_position
            index += 1
        return 0

    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )
    callback = kind(told)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(_RATE, pace, 0)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    seconds = samples.size / rate
    ends = [start for _position, _length, start in begun[1:]] + [ended or round(seconds * 1000)]
    words = tuple(
        TimedWord(
            text=text[position - 1 : position - 1 + length],
            start_s=start / 1000,
            end_s=min(max(end, start) / 1000, seconds),
        )
        for (position, length, start), end in zip(begun, ends, strict=True)
    )
    scaled = (samples / 32768).astype(np.float32)
    return Spoken(samples=scaled, rate=rate, words=words)


def samples_of(wav: bytes) -> tuple[npt.NDArray[np.float32], int]:
    """The samples of a 16-bit mono WAV file, in [-1, 1], and the sample rate."""
    with wave.open(io.BytesIO(wav)) as file:
        raw, rate = file.readframes(file.getnframes()), file.getframerate()
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768), rate


def found_at(spoken: Spoken, samples: npt.NDArray[np.float32], rate: int) -> float | None:
    """The second at which `spoken` starts in `samples`, found by correlation; None if it does not occur."""
    wanted = spoken.at(rate)
    if not wanted.size or samples.size < wanted.size // 2:
        return None
    size = 1 << (samples.size + wanted.size - 1).bit_length()
    product = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(wanted, size))
    likeness = np.fft.irfft(product, size)[: samples.size]
    best = int(likeness.argmax())
    there = samples[best : best + wanted.size]
    power = float(np.linalg.norm(there) * np.linalg.norm(wanted[: there.size]))
    return best / rate if power and float(likeness[best]) / power > 0.4 else None
