"""`safelight init`."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.errors import InvalidField, SettingsError

from .commands import config_path
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.policy.coverage import Cell
    from safelight.policy.findings import Stage
    from safelight.policy.waivers import Waiver

    from .upstream import Upstream

app = typer.Typer(add_completion=False)

#: The installation's own word for the waiver that is recorded here.
_WAIVER = "init"


@app.command()
def init(
    ctx: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="The data directory.")] = Path("data"),
    waiver_name: Annotated[
        str | None,
        typer.Option("--waiver-name", help="The person who decides to run without what is missing."),
    ] = None,
    waiver_why: Annotated[
        str | None, typer.Option("--waiver-why", help="Why that is acceptable here.")
    ] = None,
    waiver_expires: Annotated[
        str,
        typer.Option("--waiver-expires", help="When the waiver ends: 90d, a day such as 2027-03-31, never."),
    ] = "90d",
    upstream: Annotated[
        str | None,
        typer.Option(help="A server that speaks /v1/videos: ask it for its models, and make it the default."),
    ] = None,
    upstream_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the upstream's key. [default: the variable SAFELIGHT_UPSTREAM_KEY]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Offer only this model of the upstream's; may be given again. [default: all]"),
    ] = None,
    paid: Annotated[
        bool, typer.Option("--paid", help="The upstream charges: an order is sent to it at most once.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON; asks nothing.")] = False,
) -> int:
    """Write safelight.toml, make the data directory, and say what is missing.

    Safe to run again: what is there is kept. Required checks that no installed detector can make are listed;
    until a detector is added or a named person waives them, what they touch is held or blocked.
    """
    from safelight.bootstrap import load

    if (waiver_name is None) != (waiver_why is None):
        raise InvalidField(
            "--waiver-name and --waiver-why go together.",
            param="waiver",
            remedy="A waiver is a named person's decision, with its reason.",
        )
    path = config_path(ctx) or Path("safelight.toml")
    attached = _attach(upstream, upstream_key_file, model, paid=paid)
    written = _write(path, data, attached)
    container = load(path)
    tenant = container.persistence.tenant
    container.persistence.signing_keys.signing()
    gaps = find_gaps(container)
    open_gaps = _without_waived(container, gaps)
    if open_gaps and waiver_by is None and not yes and not as_json and sys.stdin.isatty():
        waiver_by, waiver_reason = _ask_for_waiver(open_gaps)
    if open_gaps and waiver_by and waiver_reason:
        _record_waiver(
            container, open_gaps, decided_by=waiver_by, reason=waiver_reason, expires=waiver_expires
        )
        open_gaps = _without_waived(container, gaps)
    result = InitResult(
        settings=path,
        written=written,
        data=container.core.settings.data,
        gaps=gaps,
        open_gaps=open_gaps,
        waivers=container.persistence.waivers_in_force(container.persistence.tenant),
        upstream=attached,
    )
    emit(_to_json(result), as_json, _format(result))
    return Exit.OK


def _attach(
    url: str | None, key_file: Path | None, models: Sequence[str] | None, *, paid: bool
) -> Upstream | None:
    from .upstream import UpstreamAnswers, attach

    if url is None:
        if models or paid or key_file:
            raise SettingsError("--model, --paid and --upstream-key-file go with --upstream.")
        return None
    return attach(UpstreamAnswers(url=url, key_file=key_file, models=models or (), paid=paid))


def gaps(container: Container) -> list[tuple[Stage, Cell]]:
    """What the policy requires and no installed detector can check, stage by stage."""
    from safelight.policy.decisions import required_coverage
    from safelight.policy.findings import Modality, Stage

    looked = {
        Stage.PROMPT: (Modality.TEXT,),
        Stage.REFERENCE: (Modality.IMAGE,),
        Stage.OUTPUT: (Modality.FRAMES, Modality.AUDIO),
    }
    found = []
    for stage, modalities in looked.items():
        wanted = required_coverage(container.core.configured_policy, container.core.taxonomy, stage, modalities)
        cells = container.core.detectors.cells(wanted, *modalities)
        found += [(stage, cell) for cell in cells if cell.required and not cell.available]
    return found


def _open(
    container: Container, missing: Sequence[tuple[Stage, Cell]], waivers: Sequence[Waiver]
) -> list[tuple[Stage, Cell]]:
    from safelight.policy.waivers import covers

    return [
        (stage, cell)
        for stage, cell in missing
        if not any(covers(waiver.terms, cell.category, container.core.taxonomy) for waiver in waivers)
    ]


def _write(path: Path, data: Path, upstream: Upstream | None) -> bool:
    """Write the settings file unless there is one; whether it was written."""
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


def _ask(missing: Sequence[tuple[Stage, Cell]]) -> tuple[str | None, str | None]:
    typer.echo("No installed detector can check:", err=True)
    for line in _lines(missing):
        typer.echo(f"  {line}", err=True)
    typer.echo(
        "Until one is added, what they touch is held or blocked, unless a person decides to run without.",
        err=True,
    )
    name = typer.prompt("Your name, to put such a decision on record (empty: no)", default="", err=True)
    if not name.strip():
        return None, None
    return name, typer.prompt("Why is that acceptable", err=True)


def _record_waiver(
    container: Container,
    gaps: Sequence[tuple[Stage, Cell]],
    *,
    decided_by: str,
    reason: str,
    expires: str,
) -> None:
    from safelight.trust.waivers import NewWaiver, parse_expiry

    used = {waiver.name for waiver in container.persistence.waivers.list()}
    names = (_WAIVER_NAME, *(f"{_WAIVER_NAME}-{number}" for number in range(2, 10_000)))
    container.persistence.waivers.add(
        NewWaiver(
            name=next(name for name in names if name not in used),
            decided_by=decided_by,
            reason=reason,
            categories={cell.category for _, cell in gaps},
            expires_at=parse_expiry(expires, container.persistence.database.clock()),
        ),
        taxonomy=container.core.taxonomy,
        expires_at=parse_expiry(expires, container.persistence.database.clock()),
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


def _text(
    payload: dict[str, Any],
    missing: Sequence[tuple[Stage, Cell]],
    waivers: Sequence[Waiver],
    open_: Sequence[tuple[Stage, Cell]],
) -> str:
    lines = [
        f"{payload['settings']}: {'written' if payload['written'] else 'was there already, and is kept'}.",
        f"Data directory: {payload['data']}.",
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
            "Not waived: what these touch is held or blocked. To run without them, a person has to say so:",
            '  safelight init --waiver-name "YOUR NAME" --waiver-why "WHY THAT IS ACCEPTABLE"',
        ]
    lines += ["", "Next: safelight doctor, then safelight serve."]
    return "\n".join(lines)


def _upstream_lines(table: dict[str, Any], *, written: bool) -> list[str]:
    lines = [f"Upstream: {table['url']}: {', '.join(table['models'])} ({table['billing']})."]
    lines += [f"WARNING: {warning}" for warning in table["warnings"]]
    if not written:
        lines.append(f"It is NOT in the settings. Serve it with: safelight serve --upstream {table['url']}")
    return lines


def _day(at: float) -> str:
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d}"
