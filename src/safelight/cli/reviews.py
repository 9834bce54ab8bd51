"""`safelight reviews`: what waits for a person, and the decision."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import emit

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.trust.accounts import Principal
    from safelight.trust.reviews import Case, CaseFile

app = typer.Typer(no_args_is_help=True, help="List what waits for a person, and decide it.")

CaseId = Annotated[str, typer.Argument(help="The case's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands on the record.")]
Who = Annotated[str, typer.Option("--who", help="The person who decides this.")]
Clause = Annotated[str | None, typer.Option("--clause", help="The rule or clause it rests on.")]
Vault = Annotated[bool, typer.Option("--vault", help="As the vault officer: quarantined cases too.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Decided and expired ones too.")] = False,
    vault: Vault = False,
    as_json: Json = False,
) -> int:
    """List cases; of the open ones those due first come first. Exit 4 where one is open."""
    from safelight.trust.reviews import CaseState

    container = load_container(ctx)
    page = container.review.reviews.list(
        _reviewer(container, "operator", vault=vault), state=None if everything else CaseState.OPEN, limit=100
    )
    now = container.persistence.database.clock()
    lines = [_line(case, now) for case in page.cases]
    if page.has_more:
        lines.append("There are more.")
    emit(
        {"reviews": [_payload(case) for case in page.cases], "has_more": page.has_more},
        as_json,
        "\n".join(lines) or "Nothing waits for a person.",
    )
    return Exit.HELD if any(case.actions for case in page.cases) else Exit.OK


@app.command()
def show(ctx: typer.Context, case: CaseId, vault: Vault = False, as_json: Json = False) -> int:
    """Show one case: why it is there, until when, what was reported, what was decided."""
    container = load_container(ctx)
    file = container.review.reviews.get(_reviewer(container, "operator", vault=vault), case)
    emit(_file_payload(file), as_json, _told(file, container.persistence.database.clock()))
    return Exit.OK


@app.command()
def approve(
    ctx: typer.Context,
    case: CaseId,
    reason: Reason,
    who: Who = "operator",
    clause: Clause = None,
    vault: Vault = False,
    as_json: Json = False,
) -> int:
    """Let a held video go on; of a report: keep the video where it is; of an appeal: release it."""
    return _decide(ctx, case, True, reason=reason, who=who, clause=clause, vault=vault, as_json=as_json)


@app.command()
def refuse(
    ctx: typer.Context,
    case: CaseId,
    reason: Reason,
    who: Who = "operator",
    clause: Clause = None,
    vault: Vault = False,
    as_json: Json = False,
) -> int:
    """Refuse a held video; of a report: withdraw the video, and what was made from it; of an appeal: leave
    it blocked."""
    return _decide(ctx, case, False, reason=reason, who=who, clause=clause, vault=vault, as_json=as_json)


def _decide(
    ctx: typer.Context,
    case_id: str,
    yes: bool,
    *,
    reason: str,
    who: str,
    clause: str | None,
    vault: bool,
    as_json: bool,
) -> int:
    from safelight.trust.reviews.models import ACTIONS

    container = load_container(ctx)
    principal = _reviewer(container, who, vault=vault)
    kind = container.review.reviews.get(principal, case_id).case.kind
    decided = container.review.reviews.decide(
        principal, case_id, action=ACTIONS[kind][0 if yes else 1].value, reason=reason, clause=clause
    )
    emit(_file_payload(decided), as_json, _told(decided, container.persistence.database.clock()))
    return Exit.OK


def _reviewer(container: Container, who: str, *, vault: bool) -> Principal:
    """The person at the terminal, under the name given; the vault only where it was asked for."""
    from safelight.errors import InvalidField
    from safelight.trust.accounts import KeyScope, Principal, PrincipalKind

    name = who.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidField("A name has 1 to 100 printable characters.", param="who")
    scopes = {KeyScope.REVIEW, *({KeyScope.VAULT} if vault else ())}
    return Principal(
        tenant=container.persistence.tenant,
        id=name,
        kind=PrincipalKind.PERSON,
        name=name,
        scopes=frozenset(scopes),
    )


def _payload(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "video_id": case.video_id,
        "kind": case.kind,
        "stage": case.stage,
        "category": case.category,
        "rule": case.rule,
        "why": case.reason,
        "state": case.state,
        "quarantined": case.quarantined,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
        "closed_at": case.closed_at,
    }


def _file_payload(file: CaseFile) -> dict[str, Any]:
    made = file.decision
    return {
        **_payload(file.case),
        "others_only": file.others_only,
        "reports": file.reports,
        "notes": [dict(note) for note in file.notes],
        "decision": None
        if made is None
        else {
            "id": made.id,
            "action": made.action,
            "reason": made.reason,
            "clause": made.clause,
            "decided_by": made.decided_by,
            "at": made.at,
        },
    }


def _line(case: Case, now: float) -> str:
    when = f"due {_time(case.due_at)}" if case.actions else case.state.value
    late = " (late)" if case.actions and case.due_at < now else ""
    return f"{case.id}  {case.kind.value} at {case.stage.value}, {when}{late}: {case.reason or case.category}"


def _told(file: CaseFile, now: float) -> str:
    case, made = file.case, file.decision
    lines = [_line(case, now), f"  video: {case.video_id}"]
    if case.rule:
        lines.append(f"  rule: {case.rule} ({case.category})")
    if file.reports:
        lines.append(f"  {'appeals' if case.kind == 'appeal' else 'reports'}: {file.reports}")
    lines += [f"    {note['reason'] or note['category']}: {note['note']}" for note in file.notes]
    if made is not None:
        lines.append(
            f"  decided: {made.action.value}, by {made.decided_by}, {format_time(made.at)}: {made.reason}"
        )
    elif file.requires_other_reviewer:
        lines.append("  another reviewer must decide this case")
    elif case.actions:
        lines.append(f"  may be decided: {' or '.join(action.value for action in case.actions)}")
    return "\n".join(lines)


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
