from __future__ import annotations

import io
import json
import logging
import re
import sys

import pytest

from safelight.cli.log_format import AccessFilter, JsonFormatter, LineFormatter, LogHandler
from support.rows import each_row


def record(message: str, *arguments: object, error: bool = False) -> logging.LogRecord:
    made = logging.LogRecord(
        "safelight.videos.runner",
        logging.WARNING,
        __file__,
        1,
        message,
        arguments,
        sys.exc_info() if error else None,
    )
    made.created = 1_700_000_000.25
    return made


def failed() -> logging.LogRecord:
    secret = "sk-12345678"
    try:
        raise ValueError("no" + secret[:0])
    except ValueError:
        return record("A step failed", error=True)


def test_messages_are_aligned_and_their_further_lines_indented() -> None:
    start = "2023-11-14T22:13:20.250Z warning  "
    assert LineFormatter().format(record("%s steps\nmore", 3)) == (
        f"{start}3 steps\n{' ' * len(start)}more  safelight.videos.runner"
    )
    text = JsonFormatter().format(record("two\nlines"))
    assert "\n" not in text
    assert json.loads(text) == {
        "event": "two\nlines",
        "level": "warning",
        "logger": "safelight.videos.runner",
        "timestamp": "2023-11-14T22:13:20.250000Z",
    }
    made = record("The disk is full.")
    made.left_out = 7
    assert "The disk is full. (Not written since the last time: 7 like this.)" in LineFormatter().format(made)


def test_a_message_is_broken_at_the_width_of_the_terminal() -> None:
    text = "Stopping. No new step starts; running requests and steps may end."
    for colours in (False, True):
        lines = LineFormatter(width=80, colours=colours).format(record(text)).split("\n")
        lines = [re.sub("\x1b\\[[0-9]+m", "", line) for line in lines]
        assert max(map(len, lines)) <= 80
        assert " ".join(line[34:].strip() for line in lines) == f"{text}  safelight.videos.runner"


@each_row
def test_a_request_is_logged_if_the_server_failed_or_with_verbose(
    status: int, verbose: bool, kept: bool
) -> None:
    access = record("%s %s %d in %.1f ms, %s", "GET", "/v1/videos", status, 1.5, "req_1")
    assert AccessFilter(verbose=verbose).filter(access) is kept
    assert AccessFilter(verbose=False).filter(record("%s steps", 3))


def test_a_line_has_the_traceback_without_values() -> None:
    text = LineFormatter().format(failed())
    assert text.endswith("\nValueError: no")
    assert "sk-12345678" not in text


def test_colours_do_not_change_the_text() -> None:
    plain, coloured = (LineFormatter(colours=colours).format(record("x")) for colours in (False, True))
    assert "\x1b[33m" in coloured
    for code in (0, 1, 2, 33, 34):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


def test_json_has_the_whole_traceback_in_one_field() -> None:
    def fail(depth: int) -> None:
        if not depth:
            raise ValueError("x" * 9000 + "\nend")
        fail(depth - 1)

    try:
        fail(30)
    except ValueError:
        text = JsonFormatter().format(record("A step failed", error=True))
    assert "\n" not in text
    found = json.loads(text)["exc_info"]
    assert found.startswith("Traceback (most recent call last):\n")
    assert found.endswith("\nend")
    assert "fail(30)" in found


class Log:
    """A log in memory with a clock."""

    def __init__(self) -> None:
        self.now, self._stream = 0.0, io.StringIO()
        self._handler = LogHandler(self._stream, monotonic=lambda: self.now)
        self._handler.setFormatter(JsonFormatter())

    def handle(self, made: logging.LogRecord, *, at: float) -> None:
        self.now = at
        self._handler.handle(made)

    def close(self) -> None:
        self._handler.close()

    @property
    def events(self) -> list[tuple[str, int]]:
        lines = map(json.loads, self._stream.getvalue().splitlines())
        return [(line["event"], line.get("left_out", 0)) for line in lines]


def test_a_failure_that_repeats_is_written_once_a_minute_with_the_number_of_those_left_out() -> None:
    log = Log()
    for second in range(125):
        log.handle(record("sweeper failed (%d in a row)", second), at=second)
    assert log.events == [
        ("sweeper failed (0 in a row)", 0),
        ("sweeper failed (59 in a row)", 58),
        ("sweeper failed (119 in a row)", 59),
    ]
    log.close()
    assert log.events[3:] == [("sweeper failed (124 in a row)", 4)]


def test_what_was_left_out_is_written_with_the_next_record_of_any_kind_and_information_always() -> None:
    log = Log()
    for second in range(3):
        log.handle(record("the disk is full"), at=second)
    calm = record("calm")
    calm.levelno = logging.INFO
    # Information is never left out.
    for _ in range(3):
        log.handle(calm, at=200)
    assert log.events == [("the disk is full", 0), ("the disk is full", 1), *[("calm", 0)] * 3]


def test_other_failures_and_other_errors_are_not_left_out() -> None:
    log = Log()
    made = [record("%s failed", part) for part in ("sweeper", "notifier")]
    for one in (*made, *made, failed(), failed()):
        log.handle(one, at=1)
    assert [event for event, _ in log.events] == ["sweeper failed", "notifier failed", "A step failed"]
    other = failed()
    other.exc_info = (KeyError, KeyError("no"), None)
    log.handle(other, at=2)
    assert [event for event, _ in log.events][3:] == ["A step failed"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("req_1a at /v1/videos\nTraceback", "req_2b at /v1/videos\nTraceback"),
        ("Retrying in 1.20s (attempt 0)", "Retrying in 250ms (attempt 2)"),
    ],
    ids=["of two requests", "that waits longer"],
)
def test_the_same_failure_is_one(first: str, second: str) -> None:
    log = Log()
    for text in (first, second):
        log.handle(record(text), at=1)
    assert log.events == [(first, 0)]
