"""`safelight explain-error`: explain an error message of a video provider."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.errors import InvalidField, NotFound

from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from safelight.generation.provider_errors import ProviderError

app = typer.Typer()

#: Maximum length of the text that is read.
MAX_BYTES = 8 * 1024 * 1024


@app.command()
def explain_error(
    text: Annotated[
        str | None,
        typer.Argument(
            help="The error message; `-` reads standard input, as does a pipe without this argument."
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the error from a file.")] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", help="The provider, if you know it: veo, fal, kling ...")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Explain a provider's error: which party refused at which stage, the charge, and the next step.

    Sends nothing. Exit code 0: known. 5: not known.
    """
    from safelight.generation.provider_errors import ErrorKind
    from safelight.generation.provider_errors import decode as decoded

    found = decoded(_read_error(text, file), provider=provider)
    emit(found.as_json(), as_json, lambda console: _print_error(console, found))
    return Exit.NOT_COVERED if found.kind is ErrorKind.UNKNOWN else Exit.OK


def _read_error(text: str | None, file: Path | None) -> str:
    if text is not None and file is not None:
        raise InvalidField("Give the error itself or --file, not both.", param="text")
    if file is not None:
        try:
            with file.open("rb") as opened:
                given = opened.read(MAX_BYTES)
        except OSError as error:
            raise NotFound(f"{file} cannot be read: {error.strerror}.") from error
        return given.decode("utf-8", "replace")
    if text == "-" or (text is None and not sys.stdin.isatty()):
        return sys.stdin.buffer.read(MAX_BYTES).decode("utf-8", "replace")
    if text is None:
        raise InvalidField("Give the error as an argument, with --file or through a pipe.", param="text")
    return text


_KINDS = {
    "content_block": "a content block",
    "rate_limit": "a rate limit",
    "quota": "quota or billing",
    "auth": "a key or permission",
    "transient": "a temporary problem, unrelated to the content",
    "invalid_request": "an invalid request",
    "timeout": "a timeout",
    "unknown": "not known",
}
_OWNERS = {
    "gateway": "our gateway (Safelight)",
    "provider": "the provider",
    "relay": "a relay between you and the provider",
    "network": "the network or its infrastructure",
    "client": "the caller's own program",
}
_RETRIES = {
    "same": "yes, the same request",
    "new_seed": "yes, with another seed",
    "change_prompt": "only with a changed prompt or reference",
    "never": "no",
    "unknown": "not known",
}
_COLOURS = {"content_block": "red", "transient": "yellow", "timeout": "yellow", "rate_limit": "yellow"}


def _print_error(console: Console, found: ProviderError) -> None:
    from rich.table import Table
    from rich.text import Text

    if found.kind.value == "unknown":
        console.print(Text(f"{found.summary} {found.next_step}"))
        return
    console.print(Text(found.summary, style=f"bold {_COLOURS.get(found.kind.value, '')}".strip()))
    table = Table.grid(padding=(0, 2))
    provider = (
        f" ({found.provider})" if found.provider and found.source.value in ("provider", "relay") else ""
    )
    via = f", through {found.via}" if found.via else ""
    source = f" ({found.charge_source})" if found.charge_source else ""
    wait = f", after {found.after_s:g} s" if found.after_s is not None else ""
    rows = [
        ("Kind", _KINDS[found.kind.value]),
        ("Charged", f"{found.charged.value}{source}"),
        ("Try again", f"{_RETRIES[found.retry.value]}{wait}"),
        ("Next step", found.next_step),
    ]
    if found.category != "unknown":
        rows.insert(1, ("Category", found.category))
    if found.stage.value != "unknown":
        rows.insert(1, ("Stage", {"input": "the request", "output": "the finished video"}[found.stage.value]))
    if found.source.value != "unknown":
        rows.insert(1, ("Refused by", f"{_OWNERS[found.source.value]}{provider}{via}"))
    if found.code or found.message:
        rows.append(("Original message", " ".join(part for part in (found.code, found.message) if part)))
    if found.rule:
        rows.append(("Source", f"{found.documented} ({found.confidence.value})"))
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    console.print()
    console.print(table)
