"""`safelight logos`: logos, brands and characters to find in images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .operations import Result, command

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.detectors.image.logo_store import EnrolledLogo

app = typer.Typer(no_args_is_help=True)


class LogoKindOption(StrEnum):
    BRAND = "brand"
    CHARACTER = "character"


@command(app)
def add(
    container: Container,
    name: Annotated[str, typer.Argument(help="A name for the logo, such as acme-roundel.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Images of the logo alone: PNG, JPEG or WebP.")
    ] = None,
    kind: Annotated[
        LogoKindOption, typer.Option("--kind", help="What the logo shows.")
    ] = LogoKindOption.BRAND,
    word: Annotated[list[str] | None, typer.Option("--word", help="The logo as text; repeatable.")] = None,
) -> Result:
    """Enrol a logo by images, words or both. Files and words are added to an existing logo."""
    from safelight.detectors.image.logo_store import LogoKind

    logo = container.persistence.enrolments.add_logo(
        name, files or [], kind=LogoKind(kind.value), words=tuple(word or ())
    )
    return Result(_to_json(logo), f"Enrolled: {_format_line(logo)}. A running gateway uses it immediately.")


@command(app)
def list_(container: Container) -> Result:
    """List the enrolled logos."""
    logos = container.core.logos
    found = logos.all()
    payload = {"folder": str(logos.folder), "logos": [_to_json(logo) for logo in found]}
    return Result(payload, "\n".join(_format_line(logo) for logo in found) or "No logo is enrolled.")


@command(app)
def remove(container: Container, name: Annotated[str, typer.Argument(help="The logo's name.")]) -> Result:
    """Remove a logo. A running gateway stops using it immediately."""
    logo = container.persistence.enrolments.remove_logo(name)
    return Result(_to_json(logo), f"Removed: {_format_line(logo)}.")


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
