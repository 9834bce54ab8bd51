"""`safelight marks`: logos, brands and characters to look for in pictures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.detectors.image.logo_store import EnrolledLogo

app = typer.Typer(no_args_is_help=True, help="Enrol, list and remove marks to look for in pictures.")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


class LogoKindOption(StrEnum):
    BRAND = "brand"
    CHARACTER = "character"


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A word for it, such as acme-roundel.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Pictures of the mark alone: PNG, JPEG, WebP.")
    ] = None,
    kind: Annotated[LogoKindOption, typer.Option("--kind", help="What it is.")] = LogoKindOption.BRAND,
    word: Annotated[
        list[str] | None, typer.Option("--word", help="How it is written out; repeat for more.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Enrol a mark by pictures of it, by words, or both; a known one is added to."""
    from safelight.detectors.image.logo_store import MarkKind

    mark = load_container(ctx).persistence.enrolments.add_mark(
        name, files or [], kind=MarkKind(kind.value), words=tuple(word or ())
    )
    emit(_payload(mark), as_json, f"Enrolled: {_line(mark)}. A running gateway sees it at once.")
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List the marks."""
    marks = load_container(ctx).core.logos
    found = marks.all()
    payload = {"folder": str(marks.folder), "marks": [_payload(mark) for mark in found]}
    emit(payload, as_json, "\n".join(_line(mark) for mark in found) or "No mark is enrolled.")
    return Exit.OK


@app.command()
def remove(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The mark.")], as_json: Json = False
) -> int:
    """Take a mark away. A running gateway sees it at once."""
    mark = load_container(ctx).persistence.enrolments.remove_mark(name)
    emit(_payload(mark), as_json, f"Removed: {_line(mark)}.")
    return Exit.OK


def _payload(mark: EnrolledLogo) -> dict[str, Any]:
    return {
        "name": mark.name,
        "kind": mark.kind.value,
        "words": list(mark.words),
        "pictures": len(mark.views),
        "at": mark.at,
    }


def _line(mark: EnrolledLogo) -> str:
    words = f", words: {', '.join(mark.words)}" if mark.words else ""
    return f"{mark.name}: {mark.kind.value}, {len(mark.views)} pictures{words}"
