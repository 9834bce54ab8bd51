"""Counts for how long each reviewer saw pictures or heard sound, and stops both when the budget of a shift
is used.

Text-only decisions go on. The figures belong to the reviewer: no page and no list shows those of others.
"""

from __future__ import annotations

from safelight.accounts import Principal
from safelight.core.errors import Forbidden
from safelight.core.ids import new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import exposures

from .models import KEEP_SKIPS_S, SHIFT_S, Case, Exposure

#: A view counts at least this long.
MIN_VIEW_S = 1.0
#: A view counts at most this long: no reviewer holds a key for a minute, so the report of its end was lost.
MAX_VIEW_S = 60.0
#: The stored seconds of a view whose end was not reported yet.
_NOT_ENDED = 0.0


class ExposureLog:
    """The views of one installation. `budget` is in seconds times severity, per `SHIFT_S`."""

    def __init__(self, database: Database, *, budget: float) -> None:
        self._database = database
        self._budget = budget

    def read(self, principal: Principal) -> Exposure:
        """What this reviewer was shown in the last `SHIFT_S`."""
        with self._database.read_transaction(principal.tenant) as tx:
            return self.read_within(tx, principal)

    def require_budget(self, principal: Principal) -> None:
        """Raise `Forbidden` if the budget is used up."""
        with self._database.read_transaction(principal.tenant) as tx:
            self._require_budget(tx, principal)

    def begin_view(self, principal: Principal, case: Case) -> str:
        """Record that a picture is shown or a part of the sound plays now. Returns the id of the view.

        Raises `Forbidden` if the budget is used up.
        """
        with self._database.transaction(principal.tenant) as tx:
            self._require_budget(tx, principal)
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

    def _require_budget(self, tx: Transaction, principal: Principal) -> None:
        if self.read_within(tx, principal).is_used_up:
            raise Forbidden(
                "Your budget of pictures and sound for this shift is used up.",
                remedy="Decide on the text, or skip the case so that another reviewer gets it.",
            )

    def read_within(self, tx: Transaction, principal: Principal) -> Exposure:
        """The same as `read`, in an open transaction."""
        recent = (exposures.c.person == principal.id, exposures.c.at >= tx.now() - SHIFT_S)
        columns = [exposures.c.seconds, exposures.c.severity, exposures.c.at]
        rows = tx.select(exposures, *recent, columns=columns)
        now = tx.now()
        used = sum((row.seconds or _shown_s(row.at, now)) * row.severity for row in rows)
        return Exposure(used=used, budget=self._budget)


def _shown_s(begun_at: float, now: float) -> float:
    return min(max(now - begun_at, MIN_VIEW_S), MAX_VIEW_S)
