"""Output of commands: one JSON document or plain text on stdout, progress on stderr."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from safelight.core.errors import SafelightError


class Exit(IntEnum):
    #: The command succeeded; for a check or scan: allowed; for `verify`: trusted.
    OK = 0
    #: The command failed; the reason is on stderr.
    ERROR = 1
    #: Invalid settings, policy or usage; nothing was started.
    CONFIGURATION = 2
    #: Blocked by the policy; for `verify`: the file was changed after it was sealed.
    BLOCKED = 3
    #: Held for review.
    HELD = 4
    #: A check could not be made, or nothing is known. Does not mean "safe".
    NOT_COVERED = 5
    #: Allowed under a waiver.
    WAIVED = 6
    #: Allowed with a label; only with `scan --fail-on label`.
    LABELLED = 7
    #: Ctrl-C.
    INTERRUPTED = 130


#: A text or its lines, which are printed without markup, or a function that prints to a console.
Printed: TypeAlias = "str | Iterable[str] | Callable[[Console], None]"


def emit(payload: Any, as_json: bool, human: Printed) -> None:
    """Print the result of a command: `payload` as JSON, or `human` as text."""
    if as_json:
        write_json(payload)
    elif callable(human):
        human(make_console())
    else:
        from .language import translate_lines

        text = human if isinstance(human, str) else "\n".join(human)
        sys.stdout.write(fit_terminal(translate_lines(text.rstrip("\n")), sys.stdout) + "\n")


def write_json(payload: Any) -> None:
    """Write `payload` (structs, dataclasses, enums, dates, paths) to stdout as one indented JSON document."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(payload, enc_hook=str), indent=2)
    sys.stdout.write(text.decode() + "\n")


def make_console(*, stderr: bool = False) -> Console:
    """A console that prints text unchanged: text in square brackets is not markup, and colours appear only on
    a terminal. Lines are wrapped only on a terminal.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=not stream.isatty())


def print_prose(console: Console, text: str, *, start: str = "", style: str = "") -> None:
    """Print `start` and then the text. On a terminal, lines are broken and continue below the text."""
    from rich.cells import cell_len
    from rich.text import Text

    from .wrapping import wrap_lines

    indent = cell_len(start)
    lines = wrap_lines(text, sys.maxsize if console.soft_wrap else console.width, indent=indent)
    console.print(Text(start, style="dim").append(lines[indent:], style=style or "none"), soft_wrap=True)


def fit_terminal(text: str, stream: TextIO) -> str:
    """The text with its lines broken at the width of the terminal, or unchanged if there is no terminal."""
    from .wrapping import wrap_lines

    return wrap_lines(text, shutil.get_terminal_size().columns) if stream.isatty() else text


def make_table(console: Console, *columns: str) -> Table:
    """An empty table, with a box on a terminal only."""
    from rich import box
    from rich.table import Table

    table = Table(*columns, box=box.HEAVY_HEAD if console.is_terminal else None, pad_edge=console.is_terminal)
    table.padding = (0, 1) if console.is_terminal else (0, 2, 0, 0)
    return table


def progress_console() -> Console:
    """A console that writes progress and warnings to stderr, so that stdout contains only the result."""
    return make_console(stderr=True)


def printable(text: str) -> str:
    """The text without characters that control a terminal or the direction of writing."""
    return "".join(
        letter if letter.isprintable() or letter in "\u200c\u200d" else "\ufffd"
        for letter in text.replace("\n", " ")
    )


def error_payload(error: SafelightError) -> dict[str, Any]:
    """The error as in the HTTP API, with its remedy. A policy error also lists the problems of the
    document.
    """
    body: dict[str, Any] = {
        "message": error.message,
        "type": error.kind,
        "code": error.code,
        "param": error.param,
    }
    if error.remedy:
        body["remedy"] = error.remedy
    for name in ("problems", "details"):
        if value := getattr(error, name, None):
            body[name] = value
    return {"error": body}


class ProgressBar:
    """A progress bar on stderr; hidden if stderr is not a terminal."""

    def __init__(self, total: int | None, label: str) -> None:
        from rich.progress import Progress

        console = progress_console()
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(label, total=total)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def update(self, number: int, total: int | None = None) -> None:
        """Set the number of finished items, and `total` once it is known."""
        self._bar.update(self._task, completed=number, total=total)


def format_time(at: float) -> str:
    """A timestamp as UTC date and time, such as 2027-03-31 14:05 UTC."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
