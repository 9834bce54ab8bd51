"""Saved replies, which reviewers send with decisions: views and operations."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Literal

from safelight.accounts import KeyScope
from safelight.accounts.reply_texts import ReplyFields
from safelight.cases.saved_replies import SavedReplies, SavedReply
from safelight.core.records import About, Seconds
from safelight.web.operations import Operations
from safelight.web.views import ListPage, show

operations = Operations(
    "/v1/reviews/replies",
    tag="reviews",
    scopes=(KeyScope.REVIEW, KeyScope.VAULT, KeyScope.POLICY),
    of=attrgetter("saved_replies"),
)
changes = Operations(operations.prefix, tag=operations.tag, scopes=(KeyScope.POLICY,), of=operations.of)


@dataclass(frozen=True, kw_only=True)
class SavedReplyObject(ReplyFields):
    object: Literal["review.reply"] = "review.reply"
    updated_at: Seconds
    missing: Annotated[
        tuple[str, ...],
        About(
            "The languages without a text: their readers get the text of another language, with a sentence "
            "that says so."
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class SavedReplyList(ListPage):
    data: tuple[SavedReplyObject, ...]


def show_reply(saved: SavedReply) -> SavedReplyObject:
    return show(SavedReplyObject, saved)


def show_list(found: tuple[SavedReply, ...]) -> SavedReplyList:
    data = tuple(map(show_reply, found))
    first, last = (data[0].name, data[-1].name) if data else (None, None)
    return SavedReplyList(data=data, first_id=first, last_id=last, has_more=False)


operations.add("GET ", "List saved replies", SavedReplies.list, shows=show_list, name="list_replies")
changes.add(
    "PUT /{name}",
    "Save a reply",
    SavedReplies.save,
    409,
    shows=show_reply,
    description="Adds a reply, or replaces all of its texts. Needs the scope `policy`. What was sent with "
    "earlier decisions stays as it was.",
    name="save_reply",
)
changes.add(
    "DELETE /{name}",
    "Remove a saved reply",
    SavedReplies.remove,
    404,
    description="Needs the scope `policy`.",
    name="remove_reply",
)
