"""The gateway's log: aligned lines for people, or one JSON object per line. Repeated failures are counted."""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import io
import json
import logging
import math
import os
import re
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from .wrapping import wrap_lines

_RESET, _BOLD, _DIM, _BLUE, _CYAN, _MAGENTA = (f"\x1b[{code}m" for code in (0, 1, 2, 34, 36, 35))
_LEVEL_COLOURS = {
    "debug": f"\x1b[32m{_BOLD}",
    "info": f"\x1b[32m{_BOLD}",
    "warning": f"\x1b[33m{_BOLD}",
    "error": f"\x1b[31m{_BOLD}",
    "critical": f"\x1b[31m{_BOLD}",
}
_LEVEL_WIDTH = 8
#: Width of everything before the message: time, level and the spaces after them.
_INDENT = len("2026-01-31T12:00:00.000Z") + 1 + _LEVEL_WIDTH + 1
#: A failure that repeats is written once in this time.
_REPEAT_S = 60.0
#: The attribute of a record with the number of records like it that were not written.
_LEFT_OUT = "left_out"
#: What differs between two records of the same failure: a number, also of seconds, or the id of a request.
_VARIES = re.compile(r"\breq_\w+|(?<![\w.])\d+(?:\.\d+)?(?:m?s)?(?!\w)")
#: Text that others write to standard error is one record until nothing comes for this time, or until it has
#: this size.
_QUIET_S, _MAX_BYTES = 0.05, 1 << 20
#: How such text reports a failure: the command itself, Python, its interpreter, C++, Rust, the C library.
_REPORTS_FAILURE = re.compile(
    r"^(safelight: |Traceback \(most recent call last\):|Exception ignored |Fatal Python error:)"
    r"|terminate called |panicked at |Segmentation fault|Assertion .* failed",
    re.MULTILINE,
)


class LineFormatter(logging.Formatter):
    """Time, level, message and logger, so that messages are below each other. Further lines of a message are
    indented. After an exception, its traceback follows. A message is broken at `width`.

    The traceback omits the values of variables, because they may be prompts or keys.
    """

    def __init__(self, *, colours: bool = False, width: int | None = None) -> None:
        super().__init__()
        self._colours, self._width = colours, width

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        message = record.getMessage()
        if left_out := getattr(record, _LEFT_OUT, 0):
            message += f" (Not written since the last time: {left_out} like this.)"
        message += f"  {record.name}"
        if self._width is not None:
            message = wrap_lines(message, self._width - _INDENT)
        message = message.replace("\n", "\n" + " " * _INDENT).removesuffix(record.name)
        line = (
            f"{self._in(_DIM, _timestamp(record, 'milliseconds'))} "
            f"{self._in(_LEVEL_COLOURS.get(level, ''), f'{level:<{_LEVEL_WIDTH}}')} "
            f"{self._in(_BOLD, message)}{self._in(f'{_RESET}{_BLUE}', record.name)}"
        )
        if self._colours:
            line += _RESET
        if record.stack_info:
            line += f" {self._in(_CYAN, 'stack_info')}={self._in(_MAGENTA, repr(record.stack_info))}"
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        return line

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours else text


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"event": record.getMessage()}
        if record.exc_info and record.exc_info[0] is not None:
            fields["exc_info"] = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if left_out := getattr(record, _LEFT_OUT, 0):
            fields[_LEFT_OUT] = left_out
        if record.stack_info:
            fields["stack_info"] = record.stack_info
        fields |= {
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _timestamp(record),
        }
        return json.dumps(fields)


@dataclass(kw_only=True)
class _Failure:
    """A failure that was written at this time, and those like it since then."""

    written_at: float
    repeated: int = 0
    last: logging.LogRecord | None = None


class LogHandler(logging.StreamHandler["TextIO | JsonStandardError"]):
    """Writes records to a stream. Of a warning or error that repeats, it writes one a minute, with the number
    of those that it left out.

    Records of one logger with the same message and the same error repeat each other. Numbers in the message
    and the ids of requests may differ.
    """

    def __init__(
        self, stream: TextIO | JsonStandardError, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stream)
        self._monotonic = monotonic
        #: In the order of `written_at`.
        self._failures: dict[tuple[str, ...], _Failure] = {}

    def emit(self, record: logging.LogRecord) -> None:
        now = self._monotonic()
        self._write_repeated(now, written_before=now - _REPEAT_S)
        if record.levelno >= logging.WARNING:
            try:
                identity = _identity(record)
            except Exception:
                # The arguments do not fit the message. A caller of the log gets no errors.
                self.handleError(record)
                return
            if (known := self._failures.get(identity)) is not None:
                known.repeated += 1
                known.last = record
                return
            self._failures[identity] = _Failure(written_at=now)
        super().emit(record)

    def close(self) -> None:
        self._write_repeated(math.inf, written_before=math.inf)
        super().close()

    def _write_repeated(self, now: float, *, written_before: float) -> None:
        """Write the last record of each failure that was written before this time and came again."""
        for identity, known in list(self._failures.items()):
            if known.written_at > written_before:
                break
            del self._failures[identity]
            if known.last is not None:
                if known.repeated > 1:
                    setattr(known.last, _LEFT_OUT, known.repeated - 1)
                self._failures[identity] = _Failure(written_at=now)
                super().emit(known.last)


class JsonStandardError(io.TextIOBase):
    """The stream of a JSON log on standard error. Other text on standard error becomes records of the log.

    It is what the first screen, warnings of libraries and child processes write: the file descriptor 2 is a
    pipe, which a thread reads. Text that comes at once is one record. What the process writes while native
    code ends it, is lost.
    """

    def __init__(self, formatter: JsonFormatter) -> None:
        self._formatter = formatter
        self._lock = threading.Lock()
        self._real = os.dup(2)
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        self._thread = threading.Thread(target=self._read, args=(reading,), name="stderr", daemon=True)
        self._thread.start()
        atexit.register(self.restore)

    def write(self, text: str) -> int:
        data = text.encode(errors="backslashreplace")
        with self._lock, contextlib.suppress(BrokenPipeError):
            while data:
                data = data[os.write(self._real, data) :]
        return len(text)

    def restore(self) -> None:
        """Write what has come, and give the process its standard error back."""
        sys.stderr.flush()
        os.dup2(self._real, 2)
        # A child process that lives on may hold the other end.
        self._thread.join(_QUIET_S * 4)

    def _read(self, pipe: int) -> None:
        text = b""
        while True:
            is_quiet = not select.select([pipe], [], [], _QUIET_S if text else None)[0]
            piece = b"" if is_quiet else os.read(pipe, 65536)
            text += piece
            if text and (not piece or len(text) >= _MAX_BYTES):
                self._write_record(text.decode(errors="backslashreplace").strip())
                text = b""
            if not piece and not is_quiet:
                return

    def _write_record(self, text: str) -> None:
        if text:
            level = logging.ERROR if _REPORTS_FAILURE.search(text) else logging.INFO
            record = logging.LogRecord("stderr", level, "", 0, "%s", (text,), None)
            self.write(self._formatter.format(record) + "\n")


class AccessFilter(logging.Filter):
    """Of the lines about requests, keeps those with a failure of the server, or all with `--verbose`."""

    def __init__(self, *, verbose: bool) -> None:
        super().__init__()
        self._verbose = verbose

    def filter(self, record: logging.LogRecord) -> bool:
        if self._verbose or not isinstance(record.args, tuple) or len(record.args) != 5:
            return True
        status = record.args[2]
        return isinstance(status, int) and status >= 500


def _timestamp(record: logging.LogRecord, precision: str = "auto") -> str:
    at = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return at.isoformat(timespec=precision).replace("+00:00", "Z")


def _identity(record: logging.LogRecord) -> tuple[str, ...]:
    """The same for two records of one failure."""
    error = record.exc_info[1] if record.exc_info else None
    texts = (record.getMessage(), "" if error is None else f"{type(error).__name__}: {error}")
    return (record.name, record.levelname, *(_VARIES.sub("#", text) for text in texts))
