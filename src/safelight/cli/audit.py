"""`safelight audit`: read and verify the audit log, and draw decided cases of it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.envelopes import format_iso, list_object
from safelight.core.log_filter import LogFilter

from .commands import load_container
from .keys import Administrator
from .language import texts
from .operations import Result, command
from .output import Exit, printable
from .text_input import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.accounts.audit import AuditVerification, CheckpointKey, CheckpointStore, LogEntry
    from safelight.app.container import Container
    from safelight.store.database import Database

app = typer.Typer(no_args_is_help=True)

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="Database URL. [default: the installation's]")
]
CheckpointDirOption = Annotated[
    Path | None,
    typer.Option("--checkpoints", help="Folder with the signed checkpoints. [default: the installation's]"),
]
PublicKeyOption = Annotated[
    Path | None, typer.Option("--public-key", help="A copy of audit.pub.pem. [default: the installation's]")
]


@command(app)
def verify(
    ctx: typer.Context,
    database: DatabaseOption = None,
    checkpoints: CheckpointDirOption = None,
    public_key: PublicKeyOption = None,
) -> Result:
    """Verify every entry, its content and every signed checkpoint. Exit code 3: the log was changed."""
    from safelight.accounts.audit import verify as check

    with _open_database(ctx, database) as opened:
        result = check(opened, _checkpoint_stores(ctx, checkpoints), _checkpoint_key(ctx, public_key))
    return Result(vars(result), _format_verification(result), Exit.OK if result.ok else Exit.BLOCKED)


@command(app)
def show(
    ctx: typer.Context,
    after: Annotated[int, typer.Option(help="Print only entries after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of entries.")] = 50,
    last: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Print the newest entries, this many.")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(
            help="Only what this person or key did, or what is about it: id, e-mail address or name."
        ),
    ] = None,
    case: Annotated[str | None, typer.Option(help="Only entries that name this case.")] = None,
    event: Annotated[
        str | None, typer.Option(help="Only this event, such as case.revealed or media.shown.")
    ] = None,
    database: DatabaseOption = None,
) -> Result:
    """Print entries, oldest first, with their content unless it was erased. Conditions can be combined."""
    from safelight.accounts.audit import read_entries

    with _open_database(ctx, database) as opened:
        found = read_entries(
            opened,
            after=after,
            limit=last or limit,
            newest=last is not None,
            person=person or "",
            case=case or "",
            event=event or "",
        )
    nothing = "audit.no_match" if after or person or case or event else "audit.empty"
    return Result({"entries": found}, "\n".join(_format_entry(entry) for entry in found) or texts()(nothing))


@command(app)
def list_(container: Container, asked: LogFilter, who: Administrator) -> Result:
    """List entries of one tenant, newest first, without their content, as its auditors see them."""
    from safelight.accounts.tenant_log import TenantLog
    from safelight.web.api.audit_log import show_log

    found = TenantLog(container.persistence.database).read(who.principal(container), asked, limit=100)
    lines = [
        f"{one.seq}  {format_iso(one.at)}  {one.event}  {printable(one.subject)}  {printable(one.actor)}"
        for one in found.items
    ]
    if found.has_more:
        lines.append(texts()("audit.more", seq=found.items[-1].seq))
    return Result(show_log(found), "\n".join(lines) or texts()("audit.no_match"))


@app.command()
def population(
    ctx: typer.Context,
    since: Annotated[str, typer.Option("--from", help="The first day, such as 2026-11-01 (UTC).")],
    until: Annotated[str, typer.Option("--to", help="The day after the last one; not in the future.")],
    tenant: Annotated[
        str | None, typer.Option(help="The tenant's id or name. [default: the first tenant]")
    ] = None,
) -> int:
    """Print the decided cases of a period as JSON lines, for a draw. The audit log gets their SHA-256."""
    container = load_container(ctx)
    who = Administrator(tenant=tenant).principal(container)
    typer.echo(container.case_reads.events.export_population(who, since, until), nl=False)
    return Exit.OK


@command(app)
def draw(
    file: Annotated[Path, typer.Argument(help="A file from `audit population`.")],
    seed: Annotated[str, typer.Option(help="A text of the auditor, chosen after the export.")],
    count: Annotated[int, typer.Option(min=1, help="The number of cases.")] = 50,
) -> Result:
    """Draw cases from a population by a public rule, without a server. The same seed draws the same ones."""
    from safelight.cases.case_draw import draw_cases

    head, recorded, found = draw_cases(read_text(file, param="population"), seed=seed, count=count)
    t, withheld = texts(), sum(one.withheld is not None for one in found)
    lines = [
        t("audit.drawn", n=len(found), withheld=withheld, of=head),
        t("audit.compare", found=recorded),
        *(f"{one.id}  {format_iso(one.at)}  {one.outcome}  {one.withheld or ''}" for one in found),
    ]
    return Result(
        list_object(found, seed=seed, population=head, recorded=recorded, withheld=withheld),
        map(printable, lines),
    )


@command(app)
def checkpoint(container: Container) -> Result:
    """Sign the last entry of the log as a checkpoint, store it and print it."""
    from safelight.accounts.audit import CheckpointWriter

    parts = container.persistence
    signed = CheckpointWriter(
        parts.database,
        parts.audit_checkpoint_key,
        parts.audit_checkpoints,
    ).write()
    text = texts()("audit.nothing")
    if signed is not None:
        text = texts()("audit.signed", seq=signed.seq, hash=signed.hash, time=format_iso(signed.at))
    return Result({"checkpoint": signed}, text)


@contextmanager
def _open_database(ctx: typer.Context, url: str | None) -> Iterator[Database]:
    if url is None:
        yield load_container(ctx).persistence.database
        return
    from safelight.store.database import Database

    with closing(Database(url)) as database:
        yield database


def _checkpoint_stores(ctx: typer.Context, folder: Path | None) -> Sequence[CheckpointStore]:
    if folder is None:
        own: Sequence[CheckpointStore] = load_container(ctx).persistence.audit_checkpoints
        return own
    from safelight.accounts.audit import FileCheckpointStore

    return (FileCheckpointStore(folder),)


def _checkpoint_key(ctx: typer.Context, path: Path | None) -> CheckpointKey:
    if path is None:
        own: CheckpointKey = load_container(ctx).persistence.audit_checkpoint_key
        return own
    from safelight.accounts.audit import CheckpointKey

    return CheckpointKey.public(path)


def _format_verification(result: AuditVerification) -> str:
    t = texts()
    counts = t("audit.counts", entries=result.entries, checkpoints=result.checkpoints, erased=result.erased)
    if not result.ok:
        lines = (f"  {problem.message}" for problem in result.problems)
        return "\n".join([t("audit.invalid", counts=counts), *lines])
    if result.last_signed_seq == 0:
        return t("audit.unsigned", counts=counts)
    return t("audit.valid", counts=counts, seq=result.last_signed_seq)


def _format_entry(entry: LogEntry) -> str:
    t = texts()
    content: Any = t("audit.erased") if entry.content is None else dict(entry.content)
    return t(
        "audit.entry",
        seq=entry.seq,
        time=format_iso(entry.at),
        event=entry.event,
        subject=printable(entry.subject),
        actor=printable(entry.actor),
        content=content,
    )
