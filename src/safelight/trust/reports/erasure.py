"""Erases who reported, some time after the answer."""

from __future__ import annotations

from sqlalchemy import and_, or_, select

from safelight.store.tables import notices, reports, video_hidings
from safelight.store.transaction import Transaction
from safelight.trust.statements.models import OBJECTION_S

from .limits import forget_counts
from .models import ReporterKind, ReportReason
from .reported_hashes import HOLD_S

#: While a reporter can object to the answer, and a month for the decision about an objection.
KEEP_S = OBJECTION_S + 30 * 86_400.0
#: What remains of a person without an account.
_ERASED = f"{ReporterKind.VISITOR.value}:erased"


def erase_reporters(tx: Transaction) -> int:
    """Erase name, contact, location, words and network address of old notices, in all tenants.

    The outcome stays, and so does the account or end user, whose accuracy counts. Returns the number of
    erased notices.
    """
    of, now = notices.c, tx.now()
    forget_counts(tx)
    answered = of.answered_at <= now - KEEP_S
    # Hashes that matched nothing are never answered: they end by themselves.
    ended = and_(of.video_id.is_(None), of.created_at <= now - HOLD_S - KEEP_S)
    is_old = and_(of.erased_at.is_(None), or_(answered, ended))
    old = select(of.id).where(is_old)
    is_visitor = reports.c.reporter_kind == ReporterKind.VISITOR.value
    tx.update(reports, reports.c.id.in_(old), note="", contact=None, text_screening=None)
    is_own_words = and_(
        reports.c.reason.not_in(["", *(one.value for one in ReportReason)]),
        or_(reports.c.category.is_(None), reports.c.reason != reports.c.category),
    )
    tx.update(reports, reports.c.id.in_(old), is_own_words, reason=ReportReason.OTHER.value)
    tx.update(reports, reports.c.id.in_(old), is_visitor, reporter=_ERASED)
    from_address = of.reporter.like(f"{ReporterKind.VISITOR.value}:%")
    tx.update(video_hidings, video_hidings.c.notice_id.in_(old.where(from_address)), reporter=_ERASED)
    tx.update(notices, is_old, from_address, reporter=_ERASED)
    # The hash of a request could be compared with guesses of what was written.
    request = {"request_sha256": None, "idempotency_key": None}
    return tx.update(notices, is_old, name=None, location=None, receipt_token=None, erased_at=now, **request)
