"""`safelight hashes`: lists of hashes of known content, as exchanges hand them out."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .commands import load_container
from .exit_codes import Exit
from .output import Bar, emit

app = typer.Typer(no_args_is_help=True, help="Import, list and remove hash lists of known content.")

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
#: Problems of an import that are printed; the rest is counted.
SHOWN = 20


class HashKindOption(StrEnum):
    PDQ = "pdq"
    SHA256 = "sha256"
    MD5 = "md5"


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="ThreatExchange JSON, CSV (`hash,quality`) or lines.")],
    list_name: Annotated[str, typer.Option("--list", help="The list to add to; made where there is none.")],
    category: Annotated[str, typer.Option("--category", help="What its entries are, such as sexual/minors.")],
    kind: Annotated[
        HashKindOption | None,
        typer.Option("--kind", help="What the hashes are, where the file does not say. [default: by length]"),
    ] = None,
    as_json: Json = False,
) -> int:
    """Add the hashes of a file to a list, and take away what the file says was withdrawn."""
    from safelight.detectors.image.hash_lists import HashKind

    done = load_container(ctx).persistence.enrolments.import_hashes(
        file, name=list_name, category=category, kind=HashKind(kind.value) if kind else None
    )
    lines = [
        f"{done.name} ({done.category}): {done.added} added, {done.already_known} already known,"
        f" {done.withdrawn} withdrawn, {done.low_quality} of too low quality, {len(done.problems)} invalid."
        " A running gateway uses them immediately. To check delivered videos: safelight hash-lists recheck.",
        *(f"  {problem}" for problem in done.problems[:MAX_PRINTED_PROBLEMS]),
    ]
    payload = {**asdict(done), "malformed": len(done.problems), "problems": list(done.problems[:SHOWN])}
    emit(payload, as_json, "\n".join(lines))
    return Exit.ERROR if done.problems and not done.added and not done.already_known else Exit.OK


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List the lists: their category, and how many hashes of each kind they have. Never the hashes."""
    lists = load_container(ctx).core.hash_lists
    found = [
        {
            "name": one.name,
            "category": one.category,
            "at": one.at,
            "counts": {k.value: n for k, n in one.counts.items()},
        }
        for one in lists.all()
    ]
    lines = [
        f"{one.name}: {one.category}; "
        + ", ".join(f"{count} {kind.value}" for kind, count in one.counts.items() if count)
        + f"; {dt.datetime.fromtimestamp(one.at, dt.UTC).date().isoformat()}"
        for one in lists.all()
    ]
    emit(
        {"folder": str(lists.folder), "lists": found}, as_json, "\n".join(lines) or "There are no hash lists."
    )
    return Exit.OK


@app.command()
def remove(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The list.")], as_json: Json = False
) -> int:
    """Take a whole list away. A running gateway sees it at once."""
    gone = load_container(ctx).persistence.enrolments.remove_hashes(name)
    emit({"name": name, "removed": gone}, as_json, f"{name}: {gone} hashes removed.")
    return Exit.OK


@app.command()
def recheck(ctx: typer.Context, as_json: Json = False) -> int:
    """Look everything up again that was delivered before a list was imported, and take back what is known.

    What a match means the policy says: what it stops is withdrawn together with what was made from it. Ends
    with 3 where anything was taken back.
    """
    container = load_container(ctx)
    with Bar(None, "videos") as bar:
        done = container.pipeline.hash_recheck.recheck(
            container.persistence.tenant, actor="operator", progress=bar.done
        )
    payload = {
        "looked_at": done.looked_at,
        "matched": done.matched,
        "unread": [{"video_id": video_id, "why": why} for video_id, why in done.unread],
    }
    taken = [video_id for one in done.matched for video_id in one.taken_back]
    lines = [
        f"{done.looked_at} delivered videos looked up: {len(done.matched)} known, {len(taken)} taken back.",
        *(
            f"  {one.video_id}: {one.action.value}"
            + (f", taken back with {len(one.taken_back) - 1} made from it" if one.taken_back else ", left")
            + (", vaulted" if one.vaulted else "")
            for one in done.matched
        ),
        *(f"  {video_id} could not be looked at: {why}" for video_id, why in done.unread),
    ]
    emit(payload, as_json, "\n".join(lines))
    if taken:
        return Exit.BLOCKED
    return Exit.ERROR if done.unread else Exit.OK
