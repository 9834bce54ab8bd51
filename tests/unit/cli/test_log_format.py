from __future__ import annotations

import json
import logging
import re
import sys

import pytest

from safelight.cli.log_format import AccessFilter, JsonFormatter, LineFormatter


def record(message: str, *arguments: object, error: bool = False) -> logging.LogRecord:
    made = logging.LogRecord(
        "safelight.jobs.runner",
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
        f"{start}3 steps\n{' ' * len(start)}more  safelight.jobs.runner"
    )


def test_a_message_is_broken_at_the_width_of_the_terminal() -> None:
    text = "Stopping. No new step starts; running requests and steps may end."
    for colours in (False, True):
        lines = LineFormatter(width=80, colours=colours).format(record(text)).split("\n")
        lines = [re.sub("\x1b\\[[0-9]+m", "", line) for line in lines]
        assert max(map(len, lines)) <= 80
        assert " ".join(line[34:].strip() for line in lines) == f"{text}  safelight.jobs.runner"


def access(path: str, status: int) -> logging.LogRecord:
    return record("%s %s %d in %.1f ms, %s", "GET", path, status, 1.5, "req_1")


@pytest.mark.parametrize(
    ("status", "verbose", "kept"),
    [(200, False, False), (404, False, False), (500, False, True), (200, True, True)],
)
def test_a_request_is_logged_if_the_server_failed_or_with_verbose(
    status: int, verbose: bool, kept: bool
) -> None:
    assert AccessFilter(verbose=verbose).filter(access("/v1/videos", status)) is kept


def test_a_line_that_is_not_about_a_request_is_kept() -> None:
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


def test_json_is_one_object_on_one_line() -> None:
    text = JsonFormatter().format(record("two\nlines"))
    assert "\n" not in text
    assert json.loads(text) == {
        "event": "two\nlines",
        "level": "warning",
        "logger": "safelight.jobs.runner",
        "timestamp": "2023-11-14T22:13:20.250000Z",
    }
    assert json.loads(JsonFormatter().format(failed()))["exc_info"][:2] == [
        "<class 'ValueError'>",
        "ValueError('no')",
    ]
