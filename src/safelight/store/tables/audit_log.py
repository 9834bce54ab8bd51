"""The append-only audit log.

Its entries are chained by hash; their contents are stored separately and can be erased.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table
from sqlalchemy import text as sql

from .types import COMMON, blob, integer, metadata, text, time

#: The events that `cases.case_events` exports. They have an index of their own.
CASE_EVENTS = (
    *("case.opened", "case.escalated", "case.decided", "case.undone", "case.not_carried_out"),
    *("case.expired", "case.closed"),
    *("case.approve", "case.refuse", "case.keep", "case.withdraw", "case.overturn", "case.uphold"),
    *("report.received", "report.unattended", "appeal.received", "video.hidden", "video.restored"),
)
_IS_CASE_EVENT = sql(f"event IN ({', '.join(repr(event) for event in CASE_EVENTS)})")

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    time("at"),
    #: The tenant of the entry; None: the whole installation.
    text("tenant_id", null=True),
    text("event"),
    text("subject"),
    text("actor"),
    text("commitment"),
    text("previous"),
    text("hash"),
    Index(None, "tenant_id", "subject"),
    Index(None, "tenant_id", "seq", sqlite_where=_IS_CASE_EVENT, postgresql_where=_IS_CASE_EVENT),
)

audit_log_contents = Table(
    "audit_log_contents",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    text("tenant_id", null=True),
    #: `salt` and `content` are emptied when the content is erased: without the salt, the content cannot be
    #: guessed from the commitment.
    blob("salt"),
    blob("content", null=True),
)

audit_log_head = Table(
    "audit_log_head",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    integer("seq"),
    text("hash"),
    info=COMMON,
)
