"""Transcriber that calls a server in the format of OpenAI's API, `/v1/audio/transcriptions`."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
import wave
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from safelight.core.net.client import AnswerTooLong, read_limited
from safelight.detectors.audio.transcripts import TRANSCRIPT_CAPABILITIES, assign_words, validate_transcript
from safelight.detectors.protocol import Capability, MediaText, SpokenWord, TranscriptionFailed
from safelight.detectors.remote.circuit_breaker import CircuitBreaker

NAME, VERSION = "transcription", "1"
PATH = "audio/transcriptions"
MAX_ANSWER_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class TranscriptionOptions:
    """Options of the transcription server, as the operator configured them."""

    model: str
    #: A language code, such as `en`; empty: the server detects it.
    language: str = ""
    #: Time limit for one file: `timeout_s` seconds, plus `timeout_per_s` seconds for each second of speech.
    timeout_s: float = 30.0
    timeout_per_s: float = 0.5
    #: The circuit breaker opens after this number of consecutive failures, and stays open for `cooldown_s`
    #: seconds.
    failure_threshold: int = 3
    cooldown_s: float = 30.0
    #: Number of transcripts kept in memory. The key is the hash of the file.
    max_cached_transcripts: int = 64
    #: Size of the largest file that is sent to the server, in MiB.
    max_mb: float = 25.0
    #: Maximum minutes of speech sent in any 24 hours; 0: no limit. The server may charge for each minute.
    minutes_per_day: float = 0.0


class EndpointTranscriber:
    """The `Transcriber` that sends speech to the configured server. Thread-safe."""

    name = NAME

    def __init__(
        self,
        client: httpx.Client,
        options: TranscriptionOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        digest = hashlib.sha256(repr((options.model, options.language)).encode()).hexdigest()
        self.version = f"{VERSION}+{digest[:8]}"
        self.capabilities: tuple[Capability, ...] = TRANSCRIPT_CAPABILITIES
        self._client, self._options, self._clock = client, options, clock
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, tuple[MediaText, ...]] = OrderedDict()
        self._breaker = CircuitBreaker(
            failure_threshold=options.failure_threshold, cooldown_s=options.cooldown_s, clock=clock
        )
        self._sent_seconds: list[tuple[float, float]] = []

    def transcribe(self, wav: Path) -> Sequence[MediaText]:
        size = wav.stat().st_size
        if size > self._options.max_mb * (1 << 20):
            raise TranscriptionFailed(
                f"The speech takes {size / (1 << 20):.1f} MiB; the settings send {self._options.max_mb:g}."
            )
        data = wav.read_bytes()
        seconds = _seconds(wav)
        key = hashlib.sha256(data).hexdigest()
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
            self._check_limits(seconds)
        try:
            lines = validate_transcript(parse_answer(self._post(data, seconds)), seconds)
        except (httpx.HTTPError, AnswerTooLong, TranscriptionFailed, ValueError) as error:
            self._breaker.record_failure()
            if isinstance(error, TranscriptionFailed):
                raise
            raise TranscriptionFailed(
                f"The transcription server gave no answer that can be used: {type(error).__name__}: {error}"[
                    :300
                ]
            ) from error
        self._breaker.record_success()
        with self._lock:
            self._cache[key] = lines
            while len(self._cache) > self._options.max_cached_transcripts:
                self._cache.popitem(last=False)
        return lines

    def _check_limits(self, seconds: float) -> None:
        if self._breaker.is_open:
            raise TranscriptionFailed(
                "The transcription server failed several times in a row; it is not called for a while."
            )
        limit = self._options.minutes_per_day * 60
        if limit:
            now = self._clock()
            self._sent_seconds = [(when, sent) for when, sent in self._sent_seconds if now - when < 86_400]
            if sum(sent for _when, sent in self._sent_seconds) + seconds > limit:
                raise TranscriptionFailed(
                    f"The limit of {self._options.minutes_per_day:g} minutes of speech per day in the"
                    " settings is reached."
                )
            self._sent_seconds.append((now, seconds))

    def _post(self, data: bytes, seconds: float) -> Mapping[str, Any]:
        within = self._options.timeout_s + self._options.timeout_per_s * seconds
        fields: dict[str, Any] = {
            "model": self._options.model,
            "response_format": "verbose_json",
            "temperature": "0",
            "timestamp_granularities[]": ["word", "segment"],
        }
        if self._options.language:
            fields["language"] = self._options.language
        files = {"file": ("speech.wav", data, "audio/wav")}
        began = self._clock()
        with self._client.stream("POST", PATH, data=fields, files=files, timeout=within) as response:
            left = max(within - (self._clock() - began), 0.01)
            raw = read_limited(response, max_bytes=MAX_ANSWER_BYTES, within_s=left)
            if response.status_code != 200:
                raise TranscriptionFailed(
                    f"The transcription server answered with status {response.status_code}."
                )
        answer: Any = json.loads(raw)
        if not isinstance(answer, Mapping):
            raise TranscriptionFailed("The transcription server's answer is not a JSON object.")
        return answer


def parse_answer(answer: Mapping[str, Any]) -> tuple[MediaText, ...]:
    """Read the transcript lines of a `verbose_json` answer. Raises `TranscriptionFailed` if the answer is
    not valid.
    """
    try:
        text = answer["text"]
        lines = [_line(one) for one in answer.get("segments") or ()]
        words = [
            SpokenWord(text=_text(one["word"]), start_s=_number(one["start"]), end_s=_number(one["end"]))
            for one in answer.get("words") or ()
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TranscriptionFailed(
            "The transcription server's answer is not a transcript with times."
        ) from error
    if not isinstance(text, str) or (text.strip() and not lines and not words):
        raise TranscriptionFailed("The transcription server's answer is not a transcript with times.")
    found = tuple(line for line in assign_words(lines, words) if line.text.strip())
    if text.strip() and not found:
        raise TranscriptionFailed("The transcription server's answer has text, but no lines with text.")
    return found


def _line(segment: Mapping[str, Any]) -> MediaText:
    log_probability = segment.get("avg_logprob")
    return MediaText(
        text=_text(segment["text"]),
        confidence=1.0 if log_probability is None else round(math.exp(min(_number(log_probability), 0.0)), 4),
        start_s=_number(segment["start"]),
        end_s=_number(segment["end"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value.strip()


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no number")
    return float(value)


def _seconds(wav: Path) -> float:
    try:
        with wave.open(str(wav), "rb") as file:
            return file.getnframes() / file.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError) as error:
        raise TranscriptionFailed("The speech file is not a WAV file.") from error
