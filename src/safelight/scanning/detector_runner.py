"""Calling detectors one at a time, so that a bad one spoils its own result and no other's."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import msgspec

from safelight.detectors.protocol import (
    Detector,
    FrameDetector,
    InProcessTranscriber,
    MediaText,
    OcrReader,
    SoundDetector,
    StreamDetector,
    VoiceActivityDetector,
)
from safelight.detectors.registry import load_plugin
from safelight.policy.findings import Finding
from safelight.scanning.report import DetectorRun

T = TypeVar("T")

#: More than this from one call is a fault.
_MOST = 500


class InvalidDetectorOutput(Exception):
    """A detector returned a value that is not a valid finding.

    Not in the error tree: the runner catches it and records a gap in coverage.
    """


class CallTimedOut(BaseException):
    """One call took too long. Not in the error tree and not an `Exception`: detectors must not catch it."""


class DetectorRunner:
    """One detector, and the account of how it fares. After a fault it is not called again."""

    def __init__(self, name: str, options: dict[str, Any], *, call_s: float) -> None:
        self.name = name
        self.version = ""
        self.detector: Detector | None = None
        self.reads_text = self.sees_frames = False
        self._cells = 0
        self._transcribes = False
        self._call_s = call_s
        self._calls = 0
        self._cpu_s = 0.0
        self._fault = ""
        self._remark = ""
        try:
            plugin = load_plugin(name)
            self.version = plugin.version
            self._cells = len(plugin.capabilities)
            self._transcribes = plugin.transcribes
            with _alarm(call_s * 3):
                loaded = plugin.load(options)
            if not isinstance(
                loaded,
                FrameDetector
                | OcrReader
                | StreamDetector
                | SoundDetector
                | VoiceActivityDetector
                | InProcessTranscriber,
            ):
                raise TypeError(
                    f"it loaded a {type(loaded).__name__}, which looks at neither frames nor sound"
                )
            self.detector = loaded
            #: Asked once: to look for every method of a protocol takes time.
            self.reads_text = isinstance(loaded, OcrReader)
            self.sees_frames = isinstance(loaded, FrameDetector)
        except CallTimedOut:
            self._fault = f"{name} did not load within {call_s * 3:g} s."
        except Exception as error:
            self._fault = f"{name} could not be loaded: {_said(error)}"

    @property
    def usable(self) -> bool:
        return self.detector is not None and not self._fault

    def findings(self, call: Callable[[], Iterable[Finding]]) -> list[Finding]:
        """What the call returns, checked; nothing where it fails, and the fault is on record."""
        return self._checked(call, _sound_finding)

    def texts(self, call: Callable[[], Iterable[MediaText]]) -> list[MediaText]:
        return self._checked(call, _sound_text)

    def spans(
        self, call: Callable[[], Iterable[tuple[float, float]]], whole_s: float
    ) -> list[tuple[float, float]]:
        """Stretches of time within `whole_s` seconds."""
        return self._checked(call, lambda answer: _sound_span(answer, whole_s))

    def notify(self, call: Callable[[], None]) -> None:
        """A call that answers nothing; where it fails, the fault is on record."""

        def asked() -> Iterable[Finding]:
            call()
            return ()

        self._checked(asked, _sound_finding)

    def mark_failed(self, sentence: str) -> None:
        """It could not look at everything: say why. The first reason is kept."""
        self._fault = self._fault or sentence

    def add_note(self, sentence: str) -> None:
        self._remark = sentence

    def reset(self) -> None:
        """A fresh account for the next file; a detector that would not load stays broken."""
        self._calls, self._cpu_s, self._remark = 0, 0.0, ""
        if self.detector is not None:
            self._fault = ""

    @property
    def idle_reason(self) -> str:
        """Why the detector has nothing to look for now; empty where it has."""
        try:
            return str(getattr(self.detector, "idle", ""))
        except Exception as error:
            self.mark_failed(f"{self.name} failed: {_said(error)}")
            return ""

    @property
    def is_slow(self) -> bool:
        """It takes longer than a first, quick look may."""
        return isinstance(self.detector, OcrReader) or bool(getattr(self.detector, "costly", False))

    def record(self) -> DetectorRun:
        idle = self.idle_reason
        return DetectorRun(
            name=self.name,
            version=self.version,
            calls=self._calls,
            cpu_s=round(self._cpu_s, 4),
            ran=self.detector is not None and not idle,
            complete=self.usable and not idle,
            idle=bool(idle),
            note=self._fault or idle or self._remark,
            reads=isinstance(self.detector, OcrReader) or (self.detector is None and not self._cells),
            transcribes=self._transcribes,
        )

    def _checked(self, call: Callable[[], Iterable[T]], check: Callable[[Any], T]) -> list[T]:
        if self.idle_reason or not self.usable:
            return []
        began = time.process_time()
        self._calls += 1
        try:
            with _alarm(self._call_s):
                answers = list(islice(call(), _MOST + 1))
            if len(answers) > _MOST:
                raise InvalidDetectorOutput(f"more than {_MOST} answers for one frame")
            return [check(answer) for answer in answers]
        except CallTimedOut:
            self._fault = f"{self.name} took longer than {self._call_s:g} s for one call."
        except MemoryError:
            self._fault = f"{self.name} ran out of memory."
        except Exception as error:
            self._fault = f"{self.name} failed: {_said(error)}"
        finally:
            self._cpu_s += time.process_time() - began
        return []


def _sound_finding(answer: Any) -> Finding:
    if not isinstance(answer, Finding):
        raise InvalidDetectorOutput(f"it returned a {type(answer).__name__}, no Finding")
    try:
        # Through plain data and back: whatever is not of its type shows.
        found = msgspec.convert(msgspec.to_builtins(answer), Finding)
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidDetectorOutput(f"its finding is malformed: {error}") from error
    if not (math.isfinite(found.score) and 0.0 <= found.score <= 1.0):
        raise InvalidDetectorOutput(f"its score {found.score} is no probability")
    return found


def _sound_text(answer: Any) -> MediaText:
    if not isinstance(answer, MediaText) or not isinstance(answer.text, str):
        raise InvalidDetectorOutput("it returned no text")
    if not (math.isfinite(answer.confidence) and 0.0 <= answer.confidence <= 1.0):
        raise InvalidDetectorOutput(f"its confidence {answer.confidence} is no probability")
    times = [answer.start_s, answer.end_s, *(t for word in answer.words for t in (word.start_s, word.end_s))]
    if not all(map(math.isfinite, times)):
        raise InvalidDetectorOutput("its times are no numbers")
    return answer


def _sound_span(answer: Any, whole_s: float) -> tuple[float, float]:
    try:
        start, end = (float(moment) for moment in answer)
    except (TypeError, ValueError) as error:
        raise InvalidDetectorOutput("it returned no stretch of time") from error
    # The last piece that a model takes may reach over the end.
    if not (math.isfinite(end) and 0.0 <= start <= end <= whole_s + 1.0):
        raise InvalidDetectorOutput(f"it heard speech from {start} to {end} s of {whole_s} s")
    return start, min(end, whole_s)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises `CallTimedOut` in slow Python code. Native code that hangs is ended by the scan's deadline."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: object) -> None:
        raise CallTimedOut

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:300]
