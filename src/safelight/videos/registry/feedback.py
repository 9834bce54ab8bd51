"""What people without an account write about answers on the origin of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from safelight.core.errors import InvalidField, RateLimited
from safelight.core.ids import new_id
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.store.tables import provenance_feedback

if TYPE_CHECKING:
    from safelight.store.database import Database

MAX_TEXT_CHARACTERS = 2000
MAX_CONTACT_CHARACTERS = 320
#: From all addresses together, so that visitors cannot fill the database. 2,000 characters each are 160 MB in
#: `KEEP_DAYS`, in a script with three bytes for each.
MAX_PER_DAY = 150
#: Half a year is time to look for patterns. The text may contain personal data.
KEEP_DAYS = 180
_DAY_S = 86_400.0


class NewFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote about one answer. It names no file."""

    answer: Answer
    ground: Ground
    text: str
    #: Where the person wants to get a reply.
    contact: str | None = None


class Feedback(NewFeedback, frozen=True, kw_only=True):
    """Stored feedback."""

    id: str
    created_at: float


class CheckFeedback:
    """Stores feedback for the operator, of all tenants together: an answer can name no tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewFeedback) -> None:
        """Raises `InvalidField`, and `RateLimited` after `MAX_PER_DAY` of the last 24 hours."""
        text = _require_text(new.text, "text", MAX_TEXT_CHARACTERS)
        contact = _require_text(new.contact or "", "contact", MAX_CONTACT_CHARACTERS)
        if not text:
            raise InvalidField("The feedback has no text.", param="text", remedy="Say what looks wrong.")
        rows, table = provenance_feedback.c, provenance_feedback
        with self._database.across_tenants("feedback on an answer about the origin") as tx:
            now = tx.now()
            if tx.count(table, rows.created_at > now - _DAY_S) >= MAX_PER_DAY:
                raise RateLimited(
                    "Too much feedback arrived today. Nothing was stored.", retry_after_s=_DAY_S
                )
            tx.insert(
                table,
                id=new_id("feedback"),
                answer=new.answer.value,
                ground=new.ground.value,
                text=text,
                contact=contact or None,
                created_at=now,
            )

    def delete_old(self) -> None:
        """Delete what is older than `KEEP_DAYS`."""
        with self._database.across_tenants("old feedback on answers about origins") as tx:
            tx.delete(provenance_feedback, provenance_feedback.c.created_at < tx.now() - KEEP_DAYS * _DAY_S)

    def list(self) -> tuple[Feedback, ...]:
        """What was sent in the last `KEEP_DAYS`, newest first."""
        rows = provenance_feedback.c
        with self._database.across_tenants("feedback on answers about origins", readonly=True) as tx:
            found = tx.select(
                provenance_feedback,
                rows.created_at >= tx.now() - KEEP_DAYS * _DAY_S,
                order_by=(rows.created_at.desc(), rows.id.desc()),
            )
        return tuple(
            Feedback(
                id=row.id,
                answer=Answer(row.answer),
                ground=Ground(row.ground),
                text=row.text,
                contact=row.contact,
                created_at=row.created_at,
            )
            for row in found
        )


def _require_text(text: str, param: str, most: int) -> str:
    # Browsers count a line break as one character, and send it as two.
    text = text.replace("\r\n", "\n").strip()
    if len(text) > most or "\0" in text:
        raise InvalidField(f"{param} must have at most {most} characters.", param=param)
    return text
