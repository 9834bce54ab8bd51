"""Counts for how long each reviewer saw pictures or heard sound, and stops both when the budget of a shift
is used, unless the reviewer wrote why this one case must be seen.

Text-only decisions go on. The figures belong to the reviewer: no page and no list shows those of others.
"""

from __future__ import annotations

from safelight.accounts import Principal
from safelight.core.errors import Forbidden
from safelight.core.ids import new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import audit_log, exposures

from .models import KEEP_SKIPS_S, SHIFT_S, Case, Exposure

#: A view counts at least this long.
MIN_VIEW_S = 1.0
#: A view counts at most this long: no reviewer holds a key for a minute, so the report of its end was lost.
MAX_VIEW_S = 60.0
#: The stored seconds of a view whose end was not reported yet.
_NOT_ENDED = 0.0
#: The event of the audit log, about a case, by which its actor sees the case past the budget.
OVERRIDDEN = "budget.overridden"


class ExposureLog:
    """The views of one installation. `budget` is in seconds times severity, per `SHIFT_S`."""

    def __init__(self, database: Database, *, budget: float) -> None:
        self._database = database
        self._budget = budget

    def read(self, principal: Principal, case_id: str = "") -> Exposure:
        """What this reviewer was shown in the last `SHIFT_S`, and whether this case is past the budget."""
        with self._database.read_transaction(principal.tenant) as tx:
            return self.read_within(tx, principal, case_id)

    def require_budget(self, principal: Principal, case_id: str) -> None:
        """Raise `Forbidden` if the budget is used up, and not overridden for this case."""
        with self._database.read_transaction(principal.tenant) as tx:
            self._require_budget(tx, principal, case_id)

    def begin_view(self, principal: Principal, case: Case) -> str:
        """Record that a picture is shown or a part of the sound plays now. Returns the id of the view.

        Raises the error of `require_budget`.
        """
        with self._database.transaction(principal.tenant) as tx:
            self._require_budget(tx, principal, case.id)
            view = new_id("view")
            tx.insert(
                exposures,
                id=view,
                person=principal.id,
                case_id=case.id,
                at=tx.now(),
                seconds=_NOT_ENDED,
                severity=case.severity,
            )
        return view

    def add_view(
        self, principal: Principal, subject: str, *, severity: int, seconds: float, once_in_s: float
    ) -> None:
        """Record that media were opened outside a case; the end of such a view is not reported. The same
        subject within `once_in_s` is the same view. Raises `Forbidden` if the budget is used up.
        """
        with self._database.transaction(principal.tenant) as tx:
            same = (exposures.c.person == principal.id, exposures.c.case_id == subject)
            if tx.count(exposures, *same, exposures.c.at > tx.now() - once_in_s):
                return
            self._require_budget(tx, principal)
            tx.insert(
                exposures,
                id=new_id("view"),
                person=principal.id,
                case_id=subject,
                at=tx.now(),
                seconds=min(max(seconds, MIN_VIEW_S), MAX_VIEW_S),
                severity=severity,
            )

    def end_view(self, principal: Principal, view: str) -> None:
        """Record that a picture is hidden again, or a part of the sound has ended.

        The time is measured here, not by the page.
        """
        with self._database.transaction(principal.tenant) as tx:
            own = (exposures.c.id == view, exposures.c.person == principal.id)
            row = tx.one(exposures, *own, exposures.c.seconds == _NOT_ENDED)
            if row is not None:
                tx.update(exposures, *own, seconds=_shown_s(row.at, tx.now()))

    def delete_old_views(self) -> None:
        """Delete the views of all tenants that are older than `KEEP_SKIPS_S`."""
        with self._database.across_tenants("old views") as tx:
            tx.delete(exposures, exposures.c.at < tx.now() - KEEP_SKIPS_S)

    def _require_budget(self, tx: Transaction, principal: Principal, case_id: str = "") -> None:
        if self.read_within(tx, principal, case_id).is_used_up:
            raise Forbidden(
                "Your budget of pictures and sound for this shift is used up.",
                remedy="Decide on the text, skip the case so that another reviewer gets it, or write why you "
                "must see it: POST /v1/reviews/{case_id}/override.",
            )

    def read_within(self, tx: Transaction, principal: Principal, case_id: str = "") -> Exposure:
        """The same as `read`, in an open transaction."""
        recent = (exposures.c.person == principal.id, exposures.c.at >= tx.now() - SHIFT_S)
        columns = [exposures.c.seconds, exposures.c.severity, exposures.c.at]
        rows = tx.select(exposures, *recent, columns=columns)
        now = tx.now()
        used = sum((row.seconds or _shown_s(row.at, now)) * row.severity for row in rows)
        of = audit_log.c
        override = (of.subject == case_id, of.event == OVERRIDDEN, of.actor == principal.id)
        is_overridden = used >= self._budget and tx.count(audit_log, *override) > 0
        return Exposure(used=used, budget=self._budget, is_overridden=is_overridden)


def _shown_s(begun_at: float, now: float) -> float:
    return min(max(now - begun_at, MIN_VIEW_S), MAX_VIEW_S)
