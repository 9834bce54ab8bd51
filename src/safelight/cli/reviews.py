"""`safelight reviews`: list review cases and decide them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.i18n import load_messages, translate_reason

from .commands import load_container
from .language import category_name, language, texts
from .output import Exit, emit, format_time, printable

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.trust.accounts import Principal
    from safelight.trust.appeals import OverturnRate
    from safelight.trust.reviews import Case, CaseFile

#: How often `events --follow` looks for new events.
_FOLLOW_INTERVAL_S = 2.0

app = typer.Typer(no_args_is_help=True, help="List cases that wait for a reviewer, and decide them.")

CaseId = Annotated[str, typer.Argument(help="The case's id.")]
Reason = Annotated[str, typer.Option("--reason", help="The reason; it is recorded.")]
DecidedBy = Annotated[str, typer.Option("--by", help="The person who decides this.")]
Clause = Annotated[
    str | None, typer.Option("--clause", help="The rule or clause that the decision is based on.")
]
Facts = Annotated[
    str | None,
    typer.Option("--facts", help="What in the content breaks the rule; the person concerned reads it."),
]
Quarantined = Annotated[bool, typer.Option("--include-quarantined", help="Include quarantined cases.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Include decided and expired cases.")] = False,
    late: Annotated[bool, typer.Option("--late", help="Only open cases whose due time is over.")] = False,
    quarantined: Quarantined = False,
    as_json: Json = False,
) -> int:
    """List cases; open cases are in the order of the queue. Exit code 4: at least one case is open."""
    from safelight.trust.reviews import CaseState

    container = load_container(ctx)
    page = container.review.reviews.list(
        _make_reviewer(container, "operator", quarantined=quarantined),
        state=None if everything and not late else CaseState.OPEN,
        late=late,
        limit=100,
    )
    now = container.persistence.database.clock()
    lines = [_format_line(case, now) for case in page.items]
    if page.has_more:
        lines.append(texts()("reviews.more"))
    emit(
        {"reviews": [_to_json(case) for case in page.items], "has_more": page.has_more},
        as_json,
        "\n".join(lines) or texts()("reviews.none"),
    )
    return Exit.HELD if any(case.actions for case in page.items) else Exit.OK


@app.command("next")
def next_(
    ctx: typer.Context, by: DecidedBy = "operator", quarantined: Quarantined = False, as_json: Json = False
) -> int:
    """Take the next case of the queue for two minutes. Exit code 4: there is a case."""
    container = load_container(ctx)
    reviewer = _make_reviewer(container, by, quarantined=quarantined)
    case = container.review.review_queue.take_next(reviewer)
    if case is None:
        emit({"review": None}, as_json, texts()("reviews.none"))
        return Exit.OK
    file = container.review.reviews.get(reviewer, case.id)
    now = container.persistence.database.clock()
    emit({"review": _case_file_to_json(file)}, as_json, _format_case_file(file, now))
    return Exit.HELD


@app.command()
def skip(
    ctx: typer.Context,
    case: CaseId,
    reason: Annotated[str, typer.Option("--reason", help="The reason; only for this reviewer.")],
    by: DecidedBy = "operator",
    quarantined: Quarantined = False,
    as_json: Json = False,
) -> int:
    """Give a case back to the queue, and do not offer it to this reviewer again."""
    container = load_container(ctx)
    reviewer = _make_reviewer(container, by, quarantined=quarantined)
    container.review.review_queue.skip(reviewer, case, reason=reason)
    emit({"id": case, "skipped": True}, as_json, texts()("reviews.skipped", id=case))
    return Exit.OK


@app.command()
def show(ctx: typer.Context, case: CaseId, quarantined: Quarantined = False, as_json: Json = False) -> int:
    """Show one case: its reason, due date, reports and decision."""
    container = load_container(ctx)
    file = container.review.reviews.get(_make_reviewer(container, "operator", quarantined=quarantined), case)
    emit(_case_file_to_json(file), as_json, _format_case_file(file, container.persistence.database.clock()))
    return Exit.OK


@app.command()
def overturned(ctx: typer.Context, as_json: Json = False) -> int:
    """Show how many appeals against the blocks of each rule were successful, from 20 decided appeals up."""
    from safelight.trust.appeals import MIN_DECIDED, overturn_rates

    container = load_container(ctx)
    reviewer = _make_reviewer(container, "operator", quarantined=False)
    rates = overturn_rates(container.persistence.database, reviewer)
    data = [
        {
            "rule": rate.rule or None,
            "decided": rate.decided,
            "overturned": rate.overturned,
            "rate": rate.overturned / rate.decided if rate.is_enough else None,
            "interval_95": rate.interval,
        }
        for rate in rates
    ]
    lines = [_format_rate(rate) for rate in rates]
    emit(
        {"rules": data, "min_decided": MIN_DECIDED},
        as_json,
        "\n".join(lines) or texts()("reviews.no_appeals"),
    )
    return Exit.OK


@app.command()
def events(
    ctx: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Print only events after this number.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for new events until Ctrl-C.")] = False,
    quarantined: Quarantined = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on each line.")] = False,
) -> int:
    """Print what happened to cases in the words of Ozone, oldest first."""
    from safelight.attempts.export import write_jsonl
    from safelight.trust.case_events import MAX_PAGE_EVENTS, event_object

    container = load_container(ctx)
    reviewer = _make_reviewer(container, "operator", quarantined=quarantined)
    while True:
        found = container.review.case_events.list(reviewer, after=after, limit=MAX_PAGE_EVENTS)
        rows = [event_object(event) for event in found]
        typer.echo(write_jsonl(rows) if as_json else "".join(map(_format_event, rows)), nl=False)
        if found:
            after = found[-1].entry.seq
        elif not follow:
            return Exit.OK
        else:
            time.sleep(_FOLLOW_INTERVAL_S)


def _format_event(row: Mapping[str, Any]) -> str:
    what = row["event"]["$type"].rpartition(".")[2]
    return printable(f"{row['id']}  {row['createdAt']}  {row['safelight']['case_id']}  {what}") + "\n"


@app.command()
def approve(
    ctx: typer.Context,
    case: CaseId,
    reason: Reason,
    by: DecidedBy = "operator",
    clause: Clause = None,
    facts: Facts = None,
    quarantined: Quarantined = False,
    as_json: Json = False,
) -> int:
    """Release a held video; reject a report, so that the video stays; grant an appeal."""
    decision = DecisionOptions(approve=True, reason=reason, clause=clause, facts=facts)
    return _decide(ctx, case, decision, by=by, quarantined=quarantined, as_json=as_json)


@app.command()
def refuse(
    ctx: typer.Context,
    case: CaseId,
    reason: Reason,
    by: DecidedBy = "operator",
    clause: Clause = None,
    facts: Facts = None,
    quarantined: Quarantined = False,
    as_json: Json = False,
) -> int:
    """Block a held video; uphold a report, which withdraws the video and its derivatives; deny an appeal."""
    decision = DecisionOptions(approve=False, reason=reason, clause=clause, facts=facts)
    return _decide(ctx, case, decision, by=by, quarantined=quarantined, as_json=as_json)


@dataclass(frozen=True, kw_only=True)
class DecisionOptions:
    """Decide a case from the command line. `approve` selects the first action that this kind of case
    allows.
    """

    approve: bool
    reason: str
    clause: str | None
    facts: str | None


def _decide(
    ctx: typer.Context, case_id: str, decision: DecisionOptions, *, by: str, quarantined: bool, as_json: bool
) -> int:
    from safelight.trust.reviews import DecisionRequest
    from safelight.trust.reviews.models import ACTIONS

    container = load_container(ctx)
    principal = _make_reviewer(container, by, quarantined=quarantined)
    kind = container.review.reviews.get(principal, case_id).case.kind
    decided = container.review.reviews.decide(
        principal,
        case_id,
        DecisionRequest(
            action=ACTIONS[kind][0 if decision.approve else 1].value,
            reason=decision.reason,
            clause=decision.clause,
            facts=decision.facts,
        ),
    )
    emit(
        _case_file_to_json(decided),
        as_json,
        _format_case_file(decided, container.persistence.database.clock()),
    )
    return Exit.OK


def _make_reviewer(container: Container, by: str, *, quarantined: bool) -> Principal:
    """The principal of the person who decides. Has the vault scope only if requested.

    An enrolled person, by id, e-mail address or name, is the same person as on the pages, with the own role.
    Any other name stands for the person at the terminal.
    """
    from dataclasses import replace

    from safelight.errors import InvalidField
    from safelight.trust.accounts import KeyScope, Principal, PrincipalKind

    from .demo import operator

    name = by.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidField("A name must have 1 to 100 printable characters.", param="by")
    enrolled = container.persistence.people.service.find_principal(operator(container), name)
    if enrolled is not None:
        return enrolled if quarantined else replace(enrolled, scopes=enrolled.scopes - {KeyScope.VAULT})
    scopes = {KeyScope.REVIEW, *({KeyScope.VAULT} if quarantined else ())}
    return Principal(
        tenant=container.persistence.tenant,
        id=name,
        kind=PrincipalKind.PERSON,
        name=name,
        scopes=frozenset(scopes),
    )


def _to_json(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "video_id": None if case.is_blind else case.video_id,
        "kind": case.kind,
        "stage": case.stage,
        "category": "" if case.is_blind else case.category,
        "rule": case.rule,
        "reason": case.reason,
        "state": case.state,
        "quarantined": case.quarantined,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
        "closed_at": case.closed_at,
        "version": case.version,
        "severity": case.severity,
        "reach": case.reach,
        "decided_with": case.leader_id,
    }


def _case_file_to_json(file: CaseFile) -> dict[str, Any]:
    made = file.decision
    return {
        **_to_json(file.case),
        "others_only": file.requires_other_reviewer,
        "members": file.members,
        "reports": file.reports,
        "notes": [dict(note) for note in file.notes],
        "text_screening": None if file.text_screening is None else file.text_screening.as_json(),
        "decision": None
        if made is None
        else {
            "id": made.id,
            "action": made.action,
            "reason": made.reason,
            "clause": made.clause,
            "facts": made.facts,
            "decided_by": made.decided_by,
            "at": made.at,
        },
    }


def _format_line(case: Case, now: float) -> str:
    from safelight.policy.decisions import is_gap_reason

    t, words = texts(), load_messages("console", language())
    when = words(f"review.state.{case.state.value}")
    if case.actions:
        when = t("reviews.due", time=format_time(case.due_at))
        when = t("reviews.late", due=when) if case.due_at < now else when
    kind = words(f"review.kind.{case.kind.value}")
    if case.is_blind:
        reason = ""
    elif is_gap_reason(case.reason):
        reason = words("review.incomplete")
    else:
        reason = (
            translate_reason(case.reason, language()) if case.reason else category_name(case.category or "")
        )
    stage = t(f"policy.stage.{case.stage.value}")
    kind = t("reviews.kind", kind=kind, stage=stage)
    return t("reviews.line", id=case.id, kind=kind, when=when, reason=printable(reason))


def _note_line(note: Mapping[str, Any], t: Callable[..., str]) -> str:
    """A report or an appeal. A text that may be threatening is not printed."""
    if note["text_screening"]["state"] == "clear":
        reason = note["reason"] or category_name(str(note["category"]))
        return t("reviews.note", reason=reason, note=note["note"])
    category = category_name(str(note["category"])) if note["category"] else "–"
    return t("reviews.note_withheld", reason=category)


def _format_case_file(file: CaseFile, now: float) -> str:
    from safelight.policy.decisions import is_gap_reason

    t, words = texts(), load_messages("console", language())
    case, made = file.case, file.decision
    lines = [] if case.is_blind else [t("reviews.video", video=case.video_id)]
    if case.rule and is_gap_reason(case.reason):
        # The category of a missing check is not a finding.
        lines.append(t("reviews.gap_rule", rule=case.rule))
    elif case.rule:
        lines.append(t("reviews.rule", rule=case.rule, category=category_name(case.category)))
    if file.reports:
        lines.append(t("reviews.appeals" if case.kind == "appeal" else "reviews.reports", n=file.reports))
    if file.members:
        lines.append(t("reviews.members", n=file.members))
    for note in file.notes:
        lines.append("  " + _note_line(note, t))
        if behalf := note.get("on_behalf_reason"):
            lines.append("  " + words("review.on_behalf", reason=behalf))
    if made is not None:
        action = words(f"review.action.{made.action.value}")
        time = format_time(made.at)
        lines.append(t("reviews.decided", action=action, who=made.decided_by, time=time, reason=made.reason))
    elif file.requires_other_reviewer:
        lines.append(t("reviews.other"))
    elif case.actions:
        names = t("separator").join(
            t("reviews.choice", command=command, name=words(f"review.do.{action.value}"))
            for command, action in zip(("approve", "refuse"), case.actions, strict=True)
        )
        lines.append(t("reviews.choices", names=names))
    return "\n  ".join([_format_line(case, now), *map(printable, lines)])


def _format_rate(rate: OverturnRate) -> str:
    t = texts()
    rule = printable(rate.rule) or t("reviews.no_rule")
    if rate.interval is None:
        return t("reviews.too_few", rule=rule, n=rate.decided, overturned=rate.overturned)
    low, high = (f"{100 * bound:.0f}" for bound in rate.interval)
    share = f"{100 * rate.overturned / rate.decided:.0f}"
    return t(
        "reviews.rate", rule=rule, n=rate.decided, overturned=rate.overturned, share=share, low=low, high=high
    )
