"""`safelight logos`: logos, brands and characters to find in images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .output import Exit, emit

if TYPE_CHECKING:
    from safelight.detectors.image.logo_store import EnrolledLogo

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class LogoKindOption(StrEnum):
    BRAND = "brand"
    CHARACTER = "character"


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name for the logo, such as acme-roundel.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Images of the logo alone: PNG, JPEG or WebP.")
    ] = None,
    kind: Annotated[
        LogoKindOption, typer.Option("--kind", help="What the logo shows.")
    ] = LogoKindOption.BRAND,
    word: Annotated[list[str] | None, typer.Option("--word", help="The logo as text; repeatable.")] = None,
    as_json: Json = False,
) -> int:
    """Enrol a logo by images, words or both. Files and words are added to an existing logo."""
    from safelight.detectors.image.logo_store import LogoKind

    logo = load_container(ctx).persistence.enrolments.add_logo(
        name, files or [], kind=LogoKind(kind.value), words=tuple(word or ())
    )
    emit(_to_json(logo), as_json, f"Enrolled: {_format_line(logo)}. A running gateway uses it immediately.")
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
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The logo's name.")], as_json: Json = False
) -> int:
    """Remove a logo. A running gateway stops using it immediately."""
    logo = load_container(ctx).persistence.enrolments.remove_logo(name)
    emit(_to_json(logo), as_json, f"Removed: {_format_line(logo)}.")
    return Exit.OK


def _to_json(logo: EnrolledLogo) -> dict[str, Any]:
    return {
        "name": logo.name,
        "kind": logo.kind.value,
        "words": list(logo.words),
        "pictures": len(logo.views),
        "at": logo.enrolled_at,
    }


def _format_line(logo: EnrolledLogo) -> str:
    words = f", words: {', '.join(logo.words)}" if logo.words else ""
    return f"{logo.name}: {logo.kind.value}, {len(logo.views)} pictures{words}"
