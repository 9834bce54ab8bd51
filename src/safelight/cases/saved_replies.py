"""Saved replies: texts that a tenant wrote once, and that reviewers send with a decision."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, fields

from safelight.accounts import DECIDING, KeyScope, Principal
from safelight.accounts.reply_texts import ReplyTexts
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.records import Seconds
from safelight.store.database import Database, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import saved_replies
from safelight.videos.case_rows import DecisionAction

from .inputs import MAX_REPLY_CHARACTERS, ReplyChange
from .plain_messages import plain_message

#: The case page has all of them in one list.
MAX_REPLIES = 200
#: The decisions of which a person is notified.
NOTIFIED = frozenset(
    {
        DecisionAction.REFUSE,
        DecisionAction.WITHDRAW,
        DecisionAction.KEEP,
        DecisionAction.UPHOLD,
        DecisionAction.OVERTURN,
    }
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, kw_only=True)
class SavedReply(ReplyTexts):
    updated_at: Seconds


class SavedReplies:
    """The saved replies of one installation. Each tenant has its own; its reviewers also use them in the
    tenants that it manages.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, principal: Principal) -> tuple[SavedReply, ...]:
        """By name. Needs a scope that decides cases, or `policy`."""
        if not principal.has_one_of(DECIDING | {KeyScope.POLICY}):
            raise Forbidden(
                f"This {principal.kind.value} does not decide cases.",
                remedy="Ask the operator of this gateway for a key with the scope review.",
            )
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(saved_replies, order_by=(saved_replies.c.name,))
        return tuple(read_record(SavedReply, row) for row in rows)

    def save(self, principal: Principal, name: str, asked: ReplyChange) -> SavedReply:
        """Add a reply, or replace the texts of one. Needs the scope `policy`. Raises `InvalidField`, and
        `Conflict` if there are too many.

        What was sent with earlier decisions stays as it was.
        """
        principal.require(KeyScope.POLICY)
        if not _NAME.fullmatch(name):
            raise InvalidField(
                f"{name[:60]!r} is not a valid name for a reply.",
                param="name",
                remedy="Use 1 to 40 of a-z, 0-9 and dash, with a letter or digit first.",
            )
        texts = {
            one.name: plain_message(getattr(asked, one.name), one.name, MAX_REPLY_CHARACTERS)
            for one in fields(asked)
        }
        if not any(texts.values()):
            raise InvalidField("A reply needs a text in at least one language.", param="en")
        with self._database.transaction(principal.tenant) as tx:
            columns = {**texts, "updated_at": tx.now()}
            if not tx.update(saved_replies, saved_replies.c.name == name, **columns):
                if tx.count(saved_replies) >= MAX_REPLIES:
                    raise Conflict(
                        f"There are {MAX_REPLIES} replies already.", remedy="Remove one that is not used."
                    )
                tx.insert(saved_replies, name=name, **columns)
            tx.append_audit("reply.saved", subject=name, actor=principal.id, content=texts)
            return read_record(SavedReply, _find(tx, name))

    def remove(self, principal: Principal, name: str) -> None:
        """Remove a reply. Needs the scope `policy`. Raises `NotFound`."""
        principal.require(KeyScope.POLICY)
        with self._database.transaction(principal.tenant) as tx:
            _find(tx, name)
            tx.delete(saved_replies, saved_replies.c.name == name)
            tx.append_audit("reply.removed", subject=name, actor=principal.id, content={})


def texts_for(tx: Transaction, name: str, action: DecisionAction, reporters: Collection[str]) -> ReplyTexts:
    """The texts that are sent with a decision, in the transaction of the decision. Raises `InvalidField`,
    also if they name one of the reporters.
    """
    if action not in NOTIFIED:
        raise InvalidField(
            f"No person is notified of the decision {action.value}, so no reply can be sent with it.",
            param="reply",
            remedy="Leave the reply out.",
        )
    row = tx.one(saved_replies, saved_replies.c.name == name)
    if row is None:
        raise InvalidField(
            f"There is no saved reply {name[:60]!r}.", param="reply", remedy="See: safelight replies list"
        )
    for one in fields(ReplyChange):
        plain_message(getattr(row, one.name), f"reply.{one.name}", MAX_REPLY_CHARACTERS, reporters)
    return read_record(ReplyTexts, row)


def _find(tx: Transaction, name: str) -> Row:
    row = tx.one(saved_replies, saved_replies.c.name == name)
    if row is None:
        raise NotFound(f"There is no saved reply {name[:60]!r}.", param="name")
    return row
