"""`safelight hash-lists`: lists of hashes of known content, in the formats that hash-sharing programmes
publish.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.dates import format_day

from .language import category_name, texts
from .operations import Result, command
from .output import Exit, ProgressBar, printable

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.cases.hash_recheck import RecheckMatch

app = typer.Typer(no_args_is_help=True)

#: Number of import problems that are printed; further problems are only counted.
MAX_PRINTED_PROBLEMS = 20


class HashKindOption(StrEnum):
    PDQ = "pdq"
    SHA256 = "sha256"
    MD5 = "md5"


@command(app)
def import_(
    container: Container,
    file: Annotated[Path, typer.Argument(help="ThreatExchange JSON, CSV (`hash,quality`) or lines.")],
    list_name: Annotated[
        str, typer.Option("--list", help="The list to add to; created if it does not exist.")
    ],
    category: Annotated[
        str, typer.Option("--category", help="The category of its entries, such as sexual/minors.")
    ],
    kind: Annotated[
        HashKindOption | None,
        typer.Option("--kind", help="Kind of the hashes if the file does not name it. [default: by length]"),
    ] = None,
) -> Result:
    """Add the hashes of a file to a list, and remove those that the file marks as withdrawn."""
    from safelight.detectors.image.hash_lists import HashKind

    done = container.persistence.enrolments.import_hashes(
        file, name=list_name, category=category, kind=HashKind(kind.value) if kind else None
    )
    lines = [
        texts()(
            "hashes.imported",
            name=done.name,
            category=category_name(done.category),
            added=done.added,
            known=done.already_known,
            withdrawn=done.withdrawn,
            low=done.low_quality,
            invalid=len(done.problems),
        ),
        *(f"  {printable(problem)}" for problem in done.problems[:MAX_PRINTED_PROBLEMS]),
    ]
    payload = {
        **asdict(done),
        "malformed": len(done.problems),
        "problems": list(done.problems[:MAX_PRINTED_PROBLEMS]),
    }
    return Result(
        payload, lines, Exit.ERROR if done.problems and not done.added and not done.already_known else Exit.OK
    )


@command(app)
def list_(container: Container) -> Result:
    """List the hash lists with category and number of hashes of each kind. Never prints the hashes."""
    lists = container.core.hash_lists
    found = [
        {
            "name": one.name,
            "category": one.category,
            "at": one.imported_at,
            "counts": {k.value: n for k, n in one.counts.items()},
        }
        for one in lists.all()
    ]
    t = texts()
    lines = [
        t(
            "hashes.line",
            name=one.name,
            category=category_name(one.category),
            counts=t("separator").join(
                t("hashes.count", n=n, kind=kind.value) for kind, n in one.counts.items() if n
            ),
            day=format_day(one.imported_at),
        )
        for one in lists.all()
    ]
    return Result({"folder": str(lists.folder), "lists": found}, "\n".join(lines) or t("hashes.none"))


@command(app)
def remove(container: Container, name: Annotated[str, typer.Argument(help="The list.")]) -> Result:
    """Remove a list. A running gateway stops using it immediately."""
    removed = container.persistence.enrolments.remove_hashes(name)
    return Result({"name": name, "removed": removed}, texts()("hashes.removed", name=name, n=removed))


@command(app)
def recheck(container: Container) -> Result:
    """Compare delivered videos with the hash lists, and withdraw matches.

    For videos delivered before a list was imported. The policy decides about a match; if it blocks or holds
    the video, the video and everything derived from it are withdrawn. Exit code 3: videos were withdrawn.
    """
    with ProgressBar(None, "videos") as bar:
        done = container.pipeline.hash_recheck.recheck(
            container.persistence.tenant, actor="operator", progress=bar.update
        )
    payload = {
        "checked": done.checked,
        "matched": done.matched,
        "unreadable": [{"video_id": video_id, "reason": reason} for video_id, reason in done.unread],
    }
    t = texts()
    withdrawn = [video_id for one in done.matched for video_id in one.withdrawn]
    lines = [
        t("hashes.checked", n=done.checked, matches=len(done.matched), withdrawn=len(withdrawn)),
        *(f"  {_format_match(one)}" for one in done.matched),
        *(f"  {t('hashes.unread', video=video_id, reason=reason)}" for video_id, reason in done.unread),
    ]
    code = Exit.BLOCKED if withdrawn else Exit.ERROR if done.unread else Exit.OK
    return Result(payload, lines, code)


def _format_match(match: RecheckMatch) -> str:
    t = texts()
    line = t("hashes.match", video=match.video_id, action=t(f"policy.action.{match.action.value}"))
    if match.withdrawn:
        line = t("hashes.withdrawn", match=line, n=len(match.withdrawn) - 1)
    else:
        line = t("hashes.kept", match=line)
    return t("hashes.vaulted", match=line) if match.vaulted else line
