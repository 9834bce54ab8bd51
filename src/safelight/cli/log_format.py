"""Formatters of the gateway's log: aligned lines for people, or one JSON object per line."""

from __future__ import annotations

import datetime as dt
import json
import logging
import traceback
from typing import Any

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
        message = f"{record.getMessage()}  {record.name}"
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
        if record.exc_info:
            fields["exc_info"] = [None if part is None else repr(part) for part in record.exc_info]
        if record.stack_info:
            fields["stack_info"] = record.stack_info
        fields |= {
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _timestamp(record),
        }
        return json.dumps(fields)


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
