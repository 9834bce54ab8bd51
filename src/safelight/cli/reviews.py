"""`safelight reviews`: list review cases and decide them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.cases.inputs import BulkRequest, CaseFilter, DecisionRequest, QueueReason, SameQuery
from safelight.core.i18n import translate_error, translate_reason
from safelight.core.records import About

from .commands import load_container
from .language import category_name, language, texts
from .operations import Result, command
from .output import Exit, format_time, printable

if TYPE_CHECKING:
    from safelight.accounts import Principal
    from safelight.app.container import Container
    from safelight.cases.appeals import OverturnRate
    from safelight.cases.reviews.bulk import BulkResult, LeftOut
    from safelight.videos.case_rows import Case, CaseFile

#: How often `events --follow` looks for new events.
_FOLLOW_INTERVAL_S = 2.0

app = typer.Typer(no_args_is_help=True)

CaseId = Annotated[str, typer.Argument(help="The case's id.")]
Quarantined = Annotated[bool, typer.Option("--include-quarantined", help="Include quarantined cases.")]


@dataclass(frozen=True, kw_only=True)
class Reviewer:
    """The person who decides. Has the vault scope only if requested.

    An enrolled person, by id, e-mail address or name, is the same person as on the pages, with the own role.
    Any other name stands for the person at the terminal.
    """

    by: Annotated[str, About(help="The person who decides this.")] = "operator"
    quarantined: Annotated[bool, About(help="Include quarantined cases.", option="--include-quarantined")] = (
        False
    )

    def principal(self, container: Container) -> Principal:
        from safelight.accounts import KeyScope, Principal, PrincipalKind
        from safelight.core.errors import InvalidField

        from .demo import operator

        name = self.by.strip()
        if not name or len(name) > 100 or not name.isprintable():
            raise InvalidField("A name must have 1 to 100 printable characters.", param="by")
        enrolled = container.persistence.people.service.find_principal(operator(container), name)
        if enrolled is not None:
            hidden = frozenset() if self.quarantined else {KeyScope.VAULT}
            return replace(enrolled, scopes=enrolled.scopes - hidden)
        return Principal(
            tenant=container.persistence.tenant,
            id=name,
            kind=PrincipalKind.PERSON,
            name=name,
            scopes=frozenset({KeyScope.REVIEW, *({KeyScope.VAULT} if self.quarantined else ())}),
        )


def _operator(container: Container, *, quarantined: bool = False) -> Principal:
    return Reviewer(quarantined=quarantined).principal(container)


def _now(container: Container) -> float:
    return container.persistence.database.clock()


@command(app)
def list_(
    container: Container,
    asked: CaseFilter,
    everything: Annotated[bool, typer.Option("--all", help="Include decided and expired cases.")] = False,
    quarantined: Quarantined = False,
) -> Result:
    """List cases; open cases are in the order of the queue. Exit code 4: at least one case is open."""
    from safelight.videos.case_rows import CaseState
    from safelight.web.api import reviews

    found = reviews.list_reviews(
        container.decisions,
        _operator(container, quarantined=quarantined),
        reviews.ReviewQuery(
            **vars(asked),
            state="all" if everything and not asked.late else CaseState.OPEN,
            limit=100,
        ),
    )
    now, cases = _now(container), found.page.items
    lines = [_format_line(case, now) for case in cases]
    if found.page.has_more:
        lines.append(texts()("reviews.more"))
    code = Exit.HELD if any(case.actions for case in cases) else Exit.OK
    return Result(reviews.show_list(found), "\n".join(lines) or texts()("reviews.none"), code)


@command(app)
def next_(container: Container, who: Reviewer) -> Result:
    """Take the next case of the queue for two minutes. Exit code 4: there is a case."""
    from safelight.web.api import reviews

    principal = who.principal(container)
    taken = container.case_reads.review_queue.take_next(principal)
    if taken is None:
        return Result(None, texts()("reviews.none"))
    found = reviews.retrieve(container.decisions, principal, taken.id)
    return Result(reviews.show_file(found), _format_case_file(found.file, _now(container)), Exit.HELD)


@command(app)
def skip(container: Container, case: CaseId, who: Reviewer, asked: QueueReason) -> Result:
    """Give a case back to the queue, and do not offer it to this reviewer again."""
    from safelight.web.api import review_queue

    review_queue.skip(container.case_reads, who.principal(container), case, asked)
    return Result({"id": case, "skipped": True}, texts()("reviews.skipped", id=case))


@command(app)
def show(container: Container, case: CaseId, quarantined: Quarantined = False) -> Result:
    """Show one case: its reason, due date, reports and decision."""
    from safelight.web.api import reviews

    found = reviews.retrieve(container.decisions, _operator(container, quarantined=quarantined), case)
    return Result(reviews.show_file(found), _format_case_file(found.file, _now(container)))


@command(app)
def overturned(container: Container) -> Result:
    """Show how many appeals against the blocks of each rule were successful, from 20 decided appeals up."""
    from safelight.cases.appeals import MIN_DECIDED, overturn_rates

    rates = overturn_rates(container.persistence.database, _operator(container))
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
    text = "\n".join(map(_format_rate, rates)) or texts()("reviews.no_appeals")
    return Result({"rules": data, "min_decided": MIN_DECIDED}, text)


@app.command()
def events(
    ctx: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Print only events after this number.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for new events until Ctrl-C.")] = False,
    quarantined: Quarantined = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on each line.")] = False,
) -> int:
    """Print what happened to cases in the words of Ozone, oldest first."""
    from safelight.cases.case_events import MAX_PAGE_EVENTS, event_object
    from safelight.providers.attempts.export import write_jsonl

    container = load_container(ctx)
    reviewer = _operator(container, quarantined=quarantined)
    while True:
        found = container.case_reads.events.list(reviewer, after=after, limit=MAX_PAGE_EVENTS)
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


@command(app, action="")
def approve(container: Container, case: CaseId, who: Reviewer, asked: DecisionRequest) -> Result:
    """Release a held video; reject a report, so that the video stays; grant an appeal."""
    return _decide(container, case, who, asked, number=0)


@command(app, action="")
def refuse(container: Container, case: CaseId, who: Reviewer, asked: DecisionRequest) -> Result:
    """Block a held video; uphold a report, which withdraws the video and its derivatives; deny an appeal."""
    return _decide(container, case, who, asked, number=1)


@command(app)
def same(container: Container, case: CaseId, who: Reviewer, asked: SameQuery) -> Result:
    """List the open cases that are the same as one. Nothing is decided."""
    from safelight.web.api import reviews

    found = reviews.same(container.decisions, who.principal(container), case, asked)
    now = _now(container)
    lines = [*(_format_line(one, now) for one in found.cases), *map(_format_left_out, found.left_out)]
    return Result(reviews.show_same(found), "\n".join([texts()("reviews.same", n=len(found.cases)), *lines]))


@command(app)
def decide_same(container: Container, case: CaseId, who: Reviewer, asked: BulkRequest) -> Result:
    """Decide the open cases together that `same` lists. The running gateway carries it out after 10 s."""
    from safelight.web.api import reviews

    principal = who.principal(container)
    found = container.decisions.bulk.preview(principal, case, asked.same)
    versions = {one.id: one.version for one in found.cases}
    made = container.decisions.bulk.decide(principal, case, replace(asked, versions=versions))
    return Result(reviews.show_bulk(made), _format_bulk(made))


@command(app)
def undo_same(
    container: Container,
    decision: Annotated[str, typer.Argument(help="The id that decide-same printed.")],
    who: Reviewer,
) -> Result:
    """Undo decisions that were made together and are not carried out yet."""
    from safelight.web.api import reviews

    made = container.decisions.bulk.undo(who.principal(container), decision)
    return Result(reviews.show_bulk(made), _format_bulk(made))


def _format_bulk(made: BulkResult) -> str:
    key = "reviews.bulk_decided" if made.undo_s else "reviews.bulk_undone"
    first = texts()(key, n=len(made.cases), id=made.id, seconds=made.undo_s)
    return "\n".join([first, *map(_format_left_out, made.left_out)])


def _format_left_out(one: LeftOut) -> str:
    return texts()("reviews.left_out", id=one.case_id, why=printable(one.why))


def _decide(container: Container, case: str, who: Reviewer, asked: DecisionRequest, *, number: int) -> Result:
    """The first or the second decision that this kind of case allows."""
    from safelight.videos.case_rows.models import ACTIONS
    from safelight.web.api import reviews

    reviewer = who.principal(container)
    actions = ACTIONS[container.decisions.reviews.get(reviewer, case).case.kind]
    decided = reviews.decide(
        container.decisions, reviewer, case, replace(asked, action=actions[number].value)
    )
    return Result(reviews.show_decided(decided), _format_case_file(decided, _now(container)))


def _format_line(case: Case, now: float) -> str:
    from safelight.policy.decisions import is_gap_reason
    from safelight.videos.case_rows import CaseKind

    t, words = texts(), texts("console")
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
    if case.kind is CaseKind.HOLD:
        kind = t("reviews.kind", kind=kind, stage=t(f"policy.stage.{case.stage.value}"))
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

    t, words = texts(), texts("console")
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
    elif file.obstacle is not None:
        lines.append(translate_error(file.obstacle, language()))
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
