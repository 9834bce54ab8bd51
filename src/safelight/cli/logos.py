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

    logo = load_container(ctx).persistence.enrolments.add_logo(
        name, files or [], kind=MarkKind(kind.value), words=tuple(word or ())
    )
    emit(_payload(mark), as_json, f"Enrolled: {_line(mark)}. A running gateway sees it at once.")
    return Exit.OK


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List the enrolled logos."""
    logos = load_container(ctx).core.logos
    found = logos.all()
    payload = {"folder": str(logos.folder), "logos": [_to_json(logo) for logo in found]}
    emit(payload, as_json, "\n".join(_format_line(logo) for logo in found) or "No logo is enrolled.")
    return Exit.OK


@app.command()
def remove(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The mark.")], as_json: Json = False
) -> int:
    """Remove a logo. A running gateway stops using it immediately."""
    logo = load_container(ctx).persistence.enrolments.remove_logo(name)
    emit(_to_json(logo), as_json, f"Removed: {_format_line(logo)}.")
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
