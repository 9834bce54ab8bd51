"""`safelight init`: write the settings file and create the data directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.dates import format_day
from safelight.core.errors import ConfigurationError, InvalidField, SettingsError

from .commands import config_path
from .doctor_checks import DoctorState, packages
from .language import translate, translate_lines
from .output import Exit, emit
from .upstream import KeyFile, OfferedModels, Paid, Upstream, UpstreamAnswers, attach

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.policy.findings import Cell, Stage
    from safelight.policy.waivers import Waiver


app = typer.Typer(add_completion=False)

#: Name of the waiver that this command records.
_WAIVER_NAME = "init"


@app.command()
def init(
    ctx: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="The data directory.")] = Path("data"),
    waiver_by: Annotated[
        str | None,
        typer.Option("--waiver-by", help="The person who decides to run without the missing checks."),
    ] = None,
    waiver_reason: Annotated[
        str | None, typer.Option("--waiver-reason", help="Why that is acceptable.")
    ] = None,
    waiver_expires: Annotated[
        str,
        typer.Option("--waiver-expires", help="End of the waiver: 90d, a date such as 2027-03-31, or never."),
    ] = "90d",
    upstream: Annotated[
        str | None,
        typer.Option(help="A server with /v1/videos: read its models, and make it the default generator."),
    ] = None,
    upstream_key_file: KeyFile = None,
    model: OfferedModels = None,
    paid: Paid = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask no questions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; asks no questions.")] = False,
) -> int:
    """Write safelight.toml, create the data directory and list what is missing.

    Existing files are kept, so it can run again. It lists required checks that no installed detector can do.
    Until a detector is installed or a named person waives them, affected videos are held or blocked.
    """
    _require_packages()
    _require_both(waiver_by, waiver_reason)
    path = config_path(ctx) or Path("safelight.toml")
    attached = _attach(upstream, upstream_key_file, model, paid=paid)
    written = _write_settings(path, data, attached)
    container = _create_installation(path, is_new=written)
    gaps = find_gaps(container)
    if not yes and not as_json and sys.stdin.isatty() and waiver_by is None:
        waiver_by, waiver_reason = _ask_for_waiver(_without_waived(container, gaps))
    if waiver_by and waiver_reason:
        _record_waiver(container, gaps, decided_by=waiver_by, reason=waiver_reason, expires=waiver_expires)
    open_gaps = _without_waived(container, gaps)
    waivers = container.persistence.waivers_in_force(container.persistence.tenant)
    result = InitResult(
        settings=path,
        written=written,
        data=container.core.settings.data,
        gaps=gaps,
        open_gaps=open_gaps,
        waivers=waivers,
        upstream=attached,
    )
    emit(_to_json(result), as_json, _format(result))
    return Exit.OK


@dataclass(frozen=True, kw_only=True)
class InitResult:
    """What `safelight init` found and did."""

    settings: Path
    #: Whether the command wrote the settings file; False if the file already existed.
    written: bool
    data: Path
    #: Required checks that no installed detector can do.
    gaps: Sequence[tuple[Stage, Cell]]
    #: The checks in `gaps` that no waiver covers.
    open_gaps: Sequence[tuple[Stage, Cell]]
    waivers: Sequence[Waiver]
    upstream: Upstream | None


def _require_packages() -> None:
    """Refuse before anything is written: the settings of a half-made installation stop `safelight check`."""
    found = packages()
    if found.state is DoctorState.FAILED:
        raise ConfigurationError(found.message, remedy=found.remedy)


def _require_both(waiver_by: str | None, waiver_reason: str | None) -> None:
    if (waiver_by is None) != (waiver_reason is None):
        raise InvalidField(
            "--waiver-by and --waiver-reason go together.",
            param="waiver",
            remedy="A waiver is a named person's decision, with its reason.",
        )


def _attach(
    url: str | None, key_file: Path | None, models: Sequence[str] | None, *, paid: bool
) -> Upstream | None:
    if url is None:
        if models or paid or key_file:
            raise SettingsError("--model, --paid and --upstream-key-file go with --upstream.")
        return None
    return attach(UpstreamAnswers(url=url, key_file=key_file, models=models or (), paid=paid))


def _create_installation(path: Path, *, is_new: bool) -> Container:
    """Create the data directories and signing keys for these settings. Returns the container.

    `is_new`: the settings file is new, and gets the id of the folder of keys.
    """
    from safelight.app.container import load
    from safelight.core.fileio import write_atomic
    from safelight.store.data_directory import mark_installation

    from .config_template import NO_INSTALLATION

    container = load(path)
    if is_new:
        marked = mark_installation(container.persistence.key_folder)
        text = path.read_text("utf-8").replace(NO_INSTALLATION, f'installation = "{marked}"', 1)
        write_atomic(path, text.encode(), mode=0o644)
    container.persistence.signing_keys.signing()
    if container.core.settings.sealing.seal == "watermark":
        container.persistence.watermark_keys.current()
    return container


def find_gaps(container: Container) -> list[tuple[Stage, Cell]]:
    """The checks that the policy requires and no installed detector can do, each with its stage."""
    from safelight.policy.decisions import required_coverage
    from safelight.policy.findings import Modality, Stage

    checked = {
        Stage.PROMPT: (Modality.TEXT,),
        Stage.REFERENCE: (Modality.IMAGE,),
        Stage.OUTPUT: (Modality.FRAMES, Modality.AUDIO),
    }
    found = []
    for stage, modalities in checked.items():
        required = required_coverage(
            container.core.configured_policy, container.core.taxonomy, stage, modalities
        )
        cells = container.core.detectors.cells(required, *modalities)
        found += [(stage, cell) for cell in cells if cell.required and not cell.available]
    return found


def _without_waived(container: Container, gaps: Sequence[tuple[Stage, Cell]]) -> list[tuple[Stage, Cell]]:
    from safelight.policy.waivers import covers

    waivers = container.persistence.waivers_in_force(container.persistence.tenant)
    return [
        (stage, cell)
        for stage, cell in gaps
        if not any(covers(waiver.terms, cell.category, container.core.taxonomy) for waiver in waivers)
    ]


def _write_settings(path: Path, data: Path, upstream: Upstream | None) -> bool:
    """Write the settings file unless it exists. Returns whether it was written."""
    from .config_template import settings_toml

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Name another file: safelight --config FILE init",
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(settings_toml(str(data), None if upstream is None else upstream.table))
    return True


def _ask_for_waiver(gaps: Sequence[tuple[Stage, Cell]]) -> tuple[str | None, str | None]:
    """Ask for the name and reason of the person who waives the gaps. Returns None for both without a
    waiver.
    """
    if not gaps:
        return None, None
    lines = [
        "No installed detector can check:",
        *(f"  {line}" for line in _format_gaps(gaps)),
        "Until a detector is installed, affected videos are held or blocked.",
        "A person can waive these checks.",
    ]
    typer.echo(translate_lines("\n".join(lines)), err=True)
    question = translate_lines("Your name, to record such a waiver (empty: no waiver)")
    name = typer.prompt(question, default="", err=True)
    if not name.strip():
        return None, None
    return name, typer.prompt(translate_lines("Why is that acceptable"), err=True)


def _record_waiver(
    container: Container,
    gaps: Sequence[tuple[Stage, Cell]],
    *,
    decided_by: str,
    reason: str,
    expires: str,
) -> None:
    """Record a waiver of the gaps that no waiver covers yet. Records nothing if every gap is covered."""
    from safelight.accounts.waivers import parse_expiry
    from safelight.policy.waivers import NewWaiver

    open_gaps = _without_waived(container, gaps)
    if not open_gaps:
        return
    used = {waiver.name for waiver in container.persistence.waivers.list()}
    names = (_WAIVER_NAME, *(f"{_WAIVER_NAME}-{number}" for number in range(2, 10_000)))
    container.persistence.waivers.add(
        NewWaiver(
            name=next(name for name in names if name not in used),
            decided_by=decided_by,
            reason=reason,
            categories={cell.category for _, cell in open_gaps},
            expires_at=parse_expiry(expires, container.persistence.database.clock()),
        ),
        taxonomy=container.core.taxonomy,
    )


def _to_json(result: InitResult) -> dict[str, Any]:
    upstream = result.upstream
    return {
        "settings": result.settings,
        "written": result.written,
        "data": result.data,
        "missing": [
            {"stage": stage, "category": cell.category, "modality": cell.modality}
            for stage, cell in result.gaps
        ],
        "waivers": [
            {
                "name": waiver.name,
                "decided_by": waiver.decided_by,
                "reason": waiver.reason,
                "categories": waiver.categories,
            }
            for waiver in result.waivers
        ],
        "held": sorted({cell.category for _, cell in result.open_gaps}),
        "upstream": None if upstream is None else {**upstream.table, "warnings": upstream.warnings},
    }


def _format(result: InitResult) -> str:
    lines = [
        f"{result.settings}: {'written' if result.written else 'already exists and is kept'}.",
        f"Data directory: {result.data}.",
    ]
    if result.upstream is not None:
        lines += _format_upstream(result.upstream, written=result.written)
    if result.gaps:
        lines += ["", "Required, but no installed detector can check it:"]
        lines += [f"  {line}" for line in _format_gaps(result.gaps)]
    for waiver in result.waivers:
        until = "without end date" if waiver.expires_at is None else f"until {format_day(waiver.expires_at)}"
        categories = ", ".join(waiver.categories)
        lines += ["", f"Waived {until} by {waiver.decided_by} (“{waiver.name}”): {categories}."]
    if result.open_gaps:
        lines += [
            "",
            "Not waived: affected videos are held or blocked. A person can waive these checks:",
            '  safelight init --waiver-by "YOUR NAME" --waiver-reason "WHY THAT IS ACCEPTABLE"',
        ]
    lines += ["", "Next: safelight doctor, then safelight serve."]
    return "\n".join(lines)


def _format_gaps(gaps: Sequence[tuple[Stage, Cell]]) -> list[str]:
    from safelight.screening.coverage_limits import UNSUPPORTED

    by_category: dict[str, list[str]] = {}
    for stage, cell in gaps:
        place = translate_lines(f"{stage.value} {cell.modality.value}")
        by_category.setdefault(cell.category, []).append(place)
    lines = []
    for category, places in sorted(by_category.items()):
        reason = f". {translate(UNSUPPORTED[category])}" if category in UNSUPPORTED else ""
        lines.append(f"{category}: {', '.join(places)}{reason}")
    return lines


def _format_upstream(upstream: Upstream, *, written: bool) -> list[str]:
    table = upstream.table
    lines = [f"Upstream: {table['url']}: {', '.join(table['models'])} ({table['billing']})."]
    lines += [f"WARNING: {warning}" for warning in upstream.warnings]
    if not written:
        lines.append(
            "It is NOT in the settings, because that file already exists. "
            f"Serve it with: safelight serve --upstream {table['url']}"
        )
    return lines
