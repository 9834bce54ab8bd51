"""An appeal against a decision that a statement explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safelight.policy.findings import Stage
from safelight.store.transaction import Transaction
from safelight.trust.statements import StatementKind

#: The decisions that can be appealed, and whose side the appellant is on: the person who requested the video,
#: or the person who reported it.
BY_REQUESTER = frozenset({StatementKind.BLOCKED, StatementKind.REFUSED, StatementKind.WITHDRAWN})
BY_REPORTER = frozenset({StatementKind.REPORT_REJECTED})


@dataclass(frozen=True, kw_only=True)
class NewAppeal:
    """An appeal as a client sent it."""

    text: str
    #: The statement that explains the decision. None: the newest one about `video_id`.
    statement_id: str | None = None
    video_id: str | None = None
    #: The end user on whose behalf the appeal is sent. The statement must address them.
    end_user: str | None = None
    #: Why the account appeals in the place of the person concerned. Needed, and kept, only if it does.
    on_behalf_reason: str | None = None
    #: The same key with the same appeal returns the first appeal.
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class AppealSubject:
    """The video whose block or withdrawal is appealed, and why it was blocked."""

    id: str
    stage: Stage
    category: str
    rule: str
    reason: str
    quarantined: bool


class AppealState(StrEnum):
    #: The appeal waits for a reviewer.
    WAITING = "waiting"
    #: A reviewer accepted the appeal: the decision was reversed.
    OVERTURNED = "overturned"
    #: A reviewer rejected the appeal: the decision stays.
    UPHELD = "upheld"
    #: The appeal was closed without a decision, because the video was deleted.
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """An appeal and its status, as shown to its sender: without the names of reviewers."""

    id: str
    video_id: str
    case_id: str
    statement_id: str
    state: AppealState
    created_at: float
    due_at: float
    #: The appeal waits, but every known reviewer is involved in it, so the operator has to add another
    #: reviewer.
    no_eligible_reviewer: bool


#: Finds and locks the video of an appeal. Raises `NotFound`, or `Conflict` if its block cannot be appealed.
AppealSubjectLookup: TypeAlias = Callable[[Transaction, str], AppealSubject]
