"""How a verb speaks: one JSON document or plain text on stdout, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from safelight.errors import SafelightError


def emit(payload: Any, as_json: bool, human: str | RenderableType | Callable[[Console], None]) -> None:
    """The verb's answer: `payload` as one JSON document, or `human` (text, a rich renderable, or a function
    that prints to the console it is given). Plain text is printed as it is, without markup."""
    if as_json:
        write_json(payload)
    elif isinstance(human, str):
        sys.stdout.write(human.rstrip("\n") + "\n")
    else:
        from rich.console import Console

        console = Console(soft_wrap=not sys.stdout.isatty())
        if callable(human):
            human(console)
        else:
            console.print(human)


def write_json(payload: Any) -> None:
    """`payload` (structs, dataclasses, enums, dates, paths) as one indented JSON document on stdout."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(payload, enc_hook=str), indent=2)
    sys.stdout.write(text.decode() + "\n")


def progress_console() -> Console:
    """The console for progress bars and side remarks: stderr, so that stdout stays a clean answer."""
    from rich.console import Console

    return Console(stderr=True)


def error_payload(error: SafelightError) -> dict[str, Any]:
    """The error in the wire's shape, with the remedy and a policy's problems where there are any."""
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


class Bar:
    """A bar on stderr, where that is a terminal."""

    def __init__(self, total: int | None, what: str) -> None:
        from rich.progress import Progress

        console = progress_console()
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def done(self, number: int, total: int | None = None) -> None:
        """So many are done; `total` where it was not known before."""
        self._bar.update(self._task, completed=number, total=total)
