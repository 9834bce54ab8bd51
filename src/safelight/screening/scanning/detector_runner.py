"""Runs each detector in isolation, so that the failure of one detector does not affect the others."""

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

from .report import DetectorRun

T = TypeVar("T")

#: If one call returns more results, it is treated as an error of the detector.
_MAX_RESULTS_PER_CALL = 500


class InvalidDetectorOutput(Exception):
    """A detector returned something that is not a valid finding, text or span.

    Not in the error tree: the runner catches it and records a gap in coverage.
    """


class CallTimedOut(BaseException):
    """A detector call took too long.

    Not in the error tree and not an `Exception`, so that a detector does not catch it by mistake.
    """


class DetectorRunner:
    """Calls one detector and records how it ran.

    After a failure, the detector is not called again for this file.
    """

    def __init__(self, name: str, options: dict[str, Any], *, call_timeout_s: float) -> None:
        self.name = name
        self.version = ""
        self.detector: Detector | None = None
        self.reads_text = self.sees_frames = False
        self._capability_count = 0
        self._transcribes = False
        self._call_timeout_s = call_timeout_s
        load_timeout_s = call_timeout_s * 3
        self._call_count = 0
        self._cpu_s = 0.0
        self._failure = ""
        self._note = ""
        self._load_timed_out = self._call_timed_out = self._over_budget = False
        try:
            plugin = load_plugin(name)
            self.version = plugin.version
            self._capability_count = len(plugin.capabilities)
            self._transcribes = plugin.transcribes
            with _alarm(load_timeout_s):
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
                    f"it loaded a {type(loaded).__name__}, which inspects neither frames nor audio"
                )
            self.detector = loaded
            #: Computed once, because `isinstance` with a protocol is slow.
            self.reads_text = isinstance(loaded, OcrReader)
            self.sees_frames = isinstance(loaded, FrameDetector)
        except CallTimedOut:
            self._load_timed_out = True
            self._failure = f"{name} did not load within {load_timeout_s:g} s."
        except Exception as error:
            self._failure = f"{name} could not be loaded: {_describe(error)}"

    @property
    def usable(self) -> bool:
        return self.detector is not None and not self._failure

    def findings(self, call: Callable[[], Iterable[Finding]]) -> list[Finding]:
        """The validated findings of a call; empty if the call fails, which is recorded."""
        return self._run(call, _valid_finding)

    def texts(self, call: Callable[[], Iterable[MediaText]]) -> list[MediaText]:
        """The validated texts of a call; empty if the call fails, which is recorded."""
        return self._run(call, _valid_text)

    def spans(
        self, call: Callable[[], Iterable[tuple[float, float]]], duration_s: float
    ) -> list[tuple[float, float]]:
        """The validated time spans of a call, within `duration_s` seconds; empty if the call fails."""
        return self._run(call, lambda span: _valid_span(span, duration_s))

    def notify(self, call: Callable[[], None]) -> None:
        """Run a call that returns nothing; a failure is recorded."""

        def call_without_result() -> Iterable[Finding]:
            call()
            return ()

        self._run(call_without_result, _valid_finding)

    def mark_failed(self, reason: str, *, over_budget: bool = False) -> None:
        """Record why the detector did not inspect the whole file; only the first reason is kept."""
        if not self._failure:
            self._failure, self._over_budget = reason, over_budget

    def add_note(self, note: str) -> None:
        """Set the note of the detector's record; if the detector failed, the reason replaces the note."""
        self._note = note

    def reset(self) -> None:
        """Clear the record before the next file. A detector that could not be loaded stays failed."""
        self._call_count, self._cpu_s, self._note = 0, 0.0, ""
        self._call_timed_out = self._over_budget = False
        if self.detector is not None:
            self._failure = ""

    @property
    def idle_reason(self) -> str:
        """Why the detector has no data to compare with, such as an empty hash list; empty if it has data."""
        try:
            return str(getattr(self.detector, "idle", ""))
        except Exception as error:
            self.mark_failed(f"{self.name} failed: {_describe(error)}")
            return ""

    @property
    def is_slow(self) -> bool:
        """Whether the detector is too slow for the quick pass of images."""
        return isinstance(self.detector, OcrReader) or bool(getattr(self.detector, "costly", False))

    def record(self) -> DetectorRun:
        """The record of how the detector ran on this file."""
        idle = self.idle_reason
        return DetectorRun(
            name=self.name,
            version=self.version,
            calls=self._call_count,
            cpu_s=round(self._cpu_s, 4),
            ran=self.detector is not None and not idle,
            complete=self.usable and not idle,
            idle=bool(idle),
            note=self._failure or idle or self._note,
            reads=isinstance(self.detector, OcrReader)
            or (self.detector is None and not self._capability_count),
            transcribes=self._transcribes,
            timed_out=self._load_timed_out or self._call_timed_out,
            over_budget=self._over_budget,
        )

    def _run(self, call: Callable[[], Iterable[T]], validate: Callable[[Any], T]) -> list[T]:
        """Run a call with a time limit and validate each result; empty if the call fails."""
        if self.idle_reason or not self.usable:
            return []
        started = time.process_time()
        self._call_count += 1
        try:
            with _alarm(self._call_timeout_s):
                results = list(islice(call(), _MAX_RESULTS_PER_CALL + 1))
            if len(results) > _MAX_RESULTS_PER_CALL:
                raise InvalidDetectorOutput(f"more than {_MAX_RESULTS_PER_CALL} results for one frame")
            return [validate(result) for result in results]
        except CallTimedOut:
            self._call_timed_out = True
            self._failure = f"{self.name} took longer than {self._call_timeout_s:g} s for one call."
        except MemoryError:
            self._failure = f"{self.name} ran out of memory."
        except Exception as error:
            self._failure = f"{self.name} failed: {_describe(error)}"
        finally:
            self._cpu_s += time.process_time() - started
        return []


def _valid_finding(answer: Any) -> Finding:
    if not isinstance(answer, Finding):
        raise InvalidDetectorOutput(f"it returned a {type(answer).__name__} instead of a Finding")
    try:
        # Encode and decode the finding: msgspec then checks the type of every field.
        finding = msgspec.convert(msgspec.to_builtins(answer), Finding)
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidDetectorOutput(f"its finding is malformed: {error}") from error
    if not (math.isfinite(finding.score) and 0.0 <= finding.score <= 1.0):
        raise InvalidDetectorOutput(f"its score {finding.score} is not a probability")
    return finding


def _valid_text(answer: Any) -> MediaText:
    if not isinstance(answer, MediaText) or not isinstance(answer.text, str):
        raise InvalidDetectorOutput("it returned something that is not a text")
    if not (math.isfinite(answer.confidence) and 0.0 <= answer.confidence <= 1.0):
        raise InvalidDetectorOutput(f"its confidence {answer.confidence} is not a probability")
    times = [answer.start_s, answer.end_s, *(t for word in answer.words for t in (word.start_s, word.end_s))]
    if not all(map(math.isfinite, times)):
        raise InvalidDetectorOutput("its times are not finite numbers")
    return answer


def _valid_span(answer: Any, duration_s: float) -> tuple[float, float]:
    try:
        start, end = (float(time_s) for time_s in answer)
    except (TypeError, ValueError) as error:
        raise InvalidDetectorOutput("it returned something that is not a time span") from error
    # The last chunk that a model processes may extend beyond the end of the audio.
    if not (math.isfinite(end) and 0.0 <= start <= end <= duration_s + 1.0):
        raise InvalidDetectorOutput(
            f"it reported speech from {start} to {end} s, but the audio has {duration_s} s"
        )
    return start, min(end, duration_s)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `CallTimedOut` in Python code that runs too long.

    Native code that hangs is ended by the time limit of the scan.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_alarm(_number: int, _frame: object) -> None:
        raise CallTimedOut

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:300]
