"""`safelight replies`: texts that reviewers send with decisions, in three languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from safelight.cases.inputs import ReplyChange

from .keys import Administrator
from .language import texts
from .operations import Result, command
from .output import printable

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.cases.saved_replies import SavedReply

app = typer.Typer(no_args_is_help=True)

ReplyName = Annotated[str, typer.Argument(help="The reply's name, such as stage-blood.")]


@command(app)
def save(container: Container, name: ReplyName, asked: ReplyChange, who: Administrator) -> Result:
    """Add a reply, or replace all texts of one."""
    from safelight.web.api import saved_replies

    saved = container.case_reads.saved_replies.save(who.principal(container), name, asked)
    return Result(saved_replies.show_reply(saved), _format(saved))


@command(app)
def list_(container: Container, who: Administrator) -> Result:
    """List replies with their texts."""
    from safelight.web.api import saved_replies

    found = container.case_reads.saved_replies.list(who.principal(container))
    lines = "\n".join(map(_format, found)) or texts()("replies.none")
    return Result(saved_replies.show_list(found), lines)


@command(app)
def remove(container: Container, name: ReplyName, who: Administrator) -> Result:
    """Remove a reply. What was sent with earlier decisions stays."""
    container.case_reads.saved_replies.remove(who.principal(container), name)
    return Result({"name": name, "deleted": True}, texts()("replies.removed", name=name))


def _format(reply: SavedReply) -> str:
    t = texts()
    written = {"en": reply.en, "zh-Hans": reply.zh_hans, "zh-Hant": reply.zh_hant}
    lines = [f"{tag}: {printable(text)}" for tag, text in written.items() if text]
    if reply.missing:
        lines.append(t("replies.missing", languages=t("separator").join(reply.missing)))
    return "\n  ".join([reply.name, *lines])
