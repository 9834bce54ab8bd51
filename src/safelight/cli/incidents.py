"""`safelight incidents`: what went wrong, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from safelight.cases.incident_inputs import IncidentChange, IncidentClosing, IncidentOpening, IncidentQuery

from .keys import Administrator
from .language import category_name, texts
from .operations import Result, command
from .output import format_time, printable

if TYPE_CHECKING:
    from safelight.accounts.incidents import Incident
    from safelight.app.container import Container
    from safelight.core.i18n import Messages

app = typer.Typer(no_args_is_help=True)

IncidentId = Annotated[str, typer.Argument(help="The incident's id.")]


@command(app)
def open_(container: Container, asked: IncidentOpening, who: Administrator) -> Result:
    """Open an incident. It is public only after `incidents update ID --publish`."""
    return _print(container.case_reads.incidents.open(who.principal(container), asked))


@command(app)
def list_(container: Container, asked: IncidentQuery, who: Administrator) -> Result:
    """List incidents, newest first, at most 100."""
    from safelight.web.api import incidents

    page = container.case_reads.incidents.list(who.principal(container), asked)
    lines = "\n".join(map(_head, page.items)) or _texts()("none")
    return Result(incidents.show_list(page), lines)


@command(app)
def show(container: Container, incident: IncidentId, who: Administrator) -> Result:
    """Show an incident."""
    return _print(container.case_reads.incidents.read(who.principal(container), incident))


@command(app)
def update(container: Container, incident: IncidentId, asked: IncidentChange, who: Administrator) -> Result:
    """Change what is given of an incident, also of a closed one."""
    return _print(container.case_reads.incidents.update(who.principal(container), incident, asked))


@command(app)
def close(container: Container, incident: IncidentId, asked: IncidentClosing, who: Administrator) -> Result:
    """Close an incident, with what was done."""
    return _print(container.case_reads.incidents.close(who.principal(container), incident, asked))


def _texts() -> Messages:

    return texts("incidents")


def _head(one: Incident) -> str:
    t = _texts()
    words = [t(f"severity.{one.severity}"), t(f"kind.{one.kind}"), t(f"state.{one.state}")]
    words += [t("published")] if one.published else []
    return f"{one.id} {format_time(one.opened_at)} {', '.join(words)}"


def _print(one: Incident) -> Result:
    from safelight.web.api.incidents import show_incident

    t = _texts()
    facts = {
        "opened_by": one.opened_by,
        "began": "" if one.began_at is None else format_time(one.began_at),
        "ended": "" if one.ended_at is None else format_time(one.ended_at),
        "category": category_name(one.category) if one.category else "",
        "videos": " ".join(one.videos),
        "cases": " ".join(one.cases),
        "sentence": one.sentence,
        "done": one.done,
        "note": one.note,
        "revision": str(one.revision),
    }
    lines = [f"{t(name)}: {printable(text)}" for name, text in facts.items() if text]
    return Result(show_incident(one), "\n  ".join([_head(one), *lines]))
