"""Gives each reviewer the next case, and keeps it for this reviewer while the page is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from safelight.accounts import Principal
from safelight.accounts.deciders import give_leases_back, leased_to
from safelight.core.errors import Conflict, InvalidField
from safelight.core.reasons import MAX_REASON_CHARACTERS, validate_text
from safelight.policy.findings import Taxonomy
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import case_conflicts, case_skips, cases, reviewer_preferences
from safelight.videos.case_rows.exposure import OVERRIDDEN, ExposureLog
from safelight.videos.case_rows.models import (
    KEEP_SKIPS_S,
    LEASE_S,
    SHIFT_S,
    Case,
    CaseKind,
    CaseState,
    ReviewerPreferences,
    ViewSwitch,
)
from safelight.videos.case_rows.store import case_from_row

from .case_search import is_free
from .conflicts import open_to, record_conflicts
from .service import find_case, obstacle, require_free, visible_to


class ReviewQueue:
    """The queue of one installation. Two reviewers never have the same case at the same time.

    A reviewer has one case, and can reserve the one after it, whose text is prefetched. Both return to the
    queue if the page gives no sign of life for `LEASE_S`; the first also if it is skipped or escalated. The
    reserved one is given to another reviewer for whom nothing else is left.
    """

    def __init__(
        self, database: Database, *, taxonomy: Taxonomy, exposure: ExposureLog | None = None
    ) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._exposure = exposure

    def take_next(self, principal: Principal) -> Case | None:
        """The case that this reviewer has or reserved, or else the first case of the queue that this reviewer
        may decide, did not skip and did not decline. It is leased to the reviewer. None if there is none.
        """
        with self._database.transaction(principal.tenant) as tx:
            preferences = _lock_reviewer(tx, principal)
            where = [*offered_to(tx, principal, preferences), *self._within_exposure(tx, principal)]
            leased = _leased_by(tx, principal)
            for held in _still_valid(tx, leased):
                # Another reviewer may have taken the reserved case after it was read.
                own = _lock_own(tx, principal, where, held)
                if own is not None:
                    return _lease(tx, principal, own)
            for possible in (is_free(tx), cases.c.reserved):
                following = _first_possible(tx, principal, [*where, possible])
                if following is not None:
                    break
            else:
                return None
            if not leased:
                return _store_lease(tx, principal, following, reserved=False)
            return _lease(tx, principal, following)

    def reserve_next(self, principal: Principal, case_id: str) -> Case | None:
        """The case that this reviewer gets after the open case `case_id`. It is leased to the reviewer, who
        keeps the open case. None if there is none.

        Raises `Conflict` if the reviewer does not have the case `case_id` open.
        """
        with self._database.transaction(principal.tenant) as tx:
            preferences = _lock_reviewer(tx, principal)
            held = _still_valid(tx, _leased_by(tx, principal))
            if not held or held[0].id != case_id or held[0].reserved:
                raise Conflict(f"You do not have {case_id[:80]} open.", param="case_id")
            where = [*offered_to(tx, principal, preferences), *self._within_exposure(tx, principal)]
            for reserved in held[1:]:
                own = _lock_own(tx, principal, where, reserved)
                if own is not None:
                    return _reserve(tx, principal, own)
            following = _first_possible(tx, principal, [*where, cases.c.id != case_id, is_free(tx)])
            return None if following is None else _reserve(tx, principal, following)

    def cancel_reservation(self, principal: Principal, case_id: str) -> None:
        """Give a reserved case back to the queue. Nothing happens if the reviewer has opened it meanwhile."""
        with self._database.transaction(principal.tenant) as tx:
            give_leases_back(tx, principal.id, cases.c.id == case_id, cases.c.reserved)

    def _within_exposure(self, tx: Transaction, principal: Principal) -> list[Filter]:
        """No quality reviews for a reviewer whose budget of pictures is nearly used: they can wait."""
        if self._exposure is None or not self._exposure.read_within(tx, principal).is_near:
            return []
        return [cases.c.kind != CaseKind.QUALITY.value]

    def extend_lease(self, principal: Principal, case_id: str) -> Case:
        """Keep a case for this reviewer for another `LEASE_S`, and the reserved one with it, or take it if it
        is free.

        A case that this reviewer may not decide is returned unchanged. Raises `Conflict` if another reviewer
        has it, or if it is closed.
        """
        with self._database.transaction(principal.tenant) as tx:
            _lock_reviewer(tx, principal)
            case = _open_case(tx, principal, case_id)
            involved = record_conflicts(tx, case)
            if obstacle(tx, principal, case, involved=involved) is not None:
                return case
            return _lease(tx, principal, case)

    def release(self, principal: Principal, case_id: str) -> None:
        """Give a case back to the queue. Nothing happens if the reviewer does not have it."""
        with self._database.transaction(principal.tenant) as tx:
            find_case(tx, principal, case_id)
            give_leases_back(tx, principal.id, cases.c.id == case_id)

    def skip(self, principal: Principal, case_id: str, *, reason: str) -> None:
        """Give a case back, and do not offer it to this reviewer again.

        The reason is not in the audit log, so that other people do not see who skipped what.
        """
        reason = validate_text(reason, "reason", MAX_REASON_CHARACTERS)
        with self._database.transaction(principal.tenant) as tx:
            _open_case(tx, principal, case_id)
            tx.insert_or_ignore(case_skips, case_id=case_id, person=principal.id, reason=reason, at=tx.now())
            give_leases_back(tx, principal.id, cases.c.id == case_id)

    def escalate(self, principal: Principal, case_id: str, *, reason: str) -> Case:
        """Give a case to reviewers with a higher rank than this reviewer's.

        Raises `Conflict` if there is no higher rank.
        """
        reason = validate_text(reason, "reason", MAX_REASON_CHARACTERS)
        with self._database.transaction(principal.tenant) as tx:
            case = _open_case(tx, principal, case_id)
            if case.kind is CaseKind.QUALITY:
                raise Conflict(
                    f"{case.id} is a quality review, which stays with the people who got it.",
                    param="case_id",
                    remedy="Skip it.",
                )
            rank = case.rank_above(principal.review_rank)
            if rank is None:
                raise Conflict(
                    f"{case.id} is with the highest role that may decide it, and no role is higher.",
                    param="case_id",
                )
            if case.kind is not CaseKind.REPORT:
                # Its near-duplicates too, which can be decided without it later.
                tx.update(cases, cases.c.leader_id == case.id, required_rank=rank)
            tx.update(
                cases,
                case.id,
                required_rank=rank,
                version=cases.c.version + 1,
                leased_by=None,
                leased_until=None,
            )
            tx.append_audit(
                "case.escalated",
                subject=case.video_id,
                actor=principal.id,
                content={
                    "case": case.id,
                    "required_rank": rank,
                    "reason": reason,
                    "role": principal.role and principal.role.value,
                },
            )
            return find_case(tx, principal, case_id)

    def override_budget(self, principal: Principal, case_id: str, *, reason: str) -> None:
        """Let this reviewer see this case past the exposure budget. It is recorded and never refused."""
        content = {"case": case_id, "reason": validate_text(reason, "reason", MAX_REASON_CHARACTERS)}
        with self._database.transaction(principal.tenant) as tx:
            find_case(tx, principal, case_id)
            tx.append_audit(OVERRIDDEN, subject=case_id, actor=principal.id, content=content)

    def preferences(self, principal: Principal) -> ReviewerPreferences:
        with self._database.read_transaction(principal.tenant) as tx:
            return read_preferences(tx, principal)

    def decline_categories(self, principal: Principal, names: Sequence[str]) -> ReviewerPreferences:
        """Do not offer cases of these categories to this reviewer. Raises `InvalidField`."""
        visible_to(principal)
        for name in names:
            if name not in self._taxonomy:
                raise InvalidField(f"There is no category {name[:60]!r}.", param="declined_categories")
        chosen = sorted(set(names))
        with self._database.transaction(principal.tenant) as tx:
            return _change_preferences(tx, principal, declined_categories=chosen)

    def decline_case(self, principal: Principal, case_id: str) -> None:
        """Give a case back, and do not offer cases of its category to this reviewer any more.

        Raises `Conflict` if the case has no category that its reviewer may know.
        """
        with self._database.transaction(principal.tenant) as tx:
            case = _open_case(tx, principal, case_id)
            if case.is_blind or case.category not in self._taxonomy:
                raise Conflict(
                    f"{case.id} has no category that can be declined.",
                    param="case_id",
                    remedy="Skip it.",
                )
            give_leases_back(tx, principal.id, cases.c.id == case_id)
        declined = self.preferences(principal).declined_categories
        self.decline_categories(principal, [*declined, case.category])

    def switch_off(self, principal: Principal, names: Sequence[str]) -> ReviewerPreferences:
        """Show pictures and sound with less protection for the length of a shift. Raises `InvalidField`."""
        visible_to(principal)
        for name in names:
            if name not in list(ViewSwitch):
                raise InvalidField(
                    f"There is no switch {name[:60]!r}.",
                    param="switched_off",
                    remedy=f"Send {', '.join(ViewSwitch)}.",
                )
        with self._database.transaction(principal.tenant) as tx:
            chosen = [switch.value for switch in ViewSwitch if switch.value in names]
            until = tx.now() + SHIFT_S if chosen else None
            return _change_preferences(tx, principal, switched_off=chosen, switched_until=until)

    def choose_mails(self, principal: Principal, *, wanted: bool) -> ReviewerPreferences:
        """Send mails about cases to this reviewer, or send none."""
        visible_to(principal)
        with self._database.transaction(principal.tenant) as tx:
            return _change_preferences(tx, principal, mails=wanted)

    def delete_old_skips(self) -> None:
        """Delete the skips of all tenants that are older than `KEEP_SKIPS_S`."""
        with self._database.across_tenants("old skips") as tx:
            tx.delete(case_skips, case_skips.c.at < tx.now() - KEEP_SKIPS_S)


def _lock_reviewer(tx: Transaction, principal: Principal) -> ReviewerPreferences:
    """Let requests of one reviewer wait for each other: two at the same time, for example of two tabs, would
    get two cases.
    """
    own = reviewer_preferences.c.person == principal.id
    row = tx.one(reviewer_preferences, own, lock=True)
    if row is None:
        first = {"declined_categories": [], "mails": True, "updated_at": tx.now()}
        tx.insert_or_ignore(reviewer_preferences, person=principal.id, **first)
        row = tx.one(reviewer_preferences, own, lock=True)
    return _preferences_from_row(row)


def _change_preferences(tx: Transaction, principal: Principal, **columns: Any) -> ReviewerPreferences:
    _lock_reviewer(tx, principal)
    own = reviewer_preferences.c.person == principal.id
    tx.update(reviewer_preferences, own, updated_at=tx.now(), **columns)
    return read_preferences(tx, principal)


def offered_to(tx: Transaction, principal: Principal, preferences: ReviewerPreferences) -> list[Filter]:
    """The condition on the open cases that a reviewer can get."""
    declined = preferences.declined_categories
    return [
        *visible_to(principal),
        cases.c.state == CaseState.OPEN.value,
        cases.c.leader_id.is_(None),
        cases.c.required_rank <= int(principal.review_rank),
        open_to(tx, principal),
        *((cases.c.category.not_in(declined),) if declined else ()),
        *(
            cases.c.id.not_in(
                select(table.c.case_id).where(*tx.tenant_condition(table), table.c.person == principal.id)
            )
            for table in (case_skips, case_conflicts)
        ),
    ]


def _leased_by(tx: Transaction, principal: Principal) -> list[Row]:
    """The open case of a reviewer, and then the reserved one, also if the lease is over. Alone, so that their
    index is used.
    """
    columns = [cases.c.id, cases.c.reserved, cases.c.leased_until]
    return tx.select(cases, *leased_to(principal.id), columns=columns, order_by=(cases.c.reserved,))


def _still_valid(tx: Transaction, leased: list[Row]) -> list[Row]:
    return [row for row in leased if row.leased_until >= tx.now()]


def _lock_own(tx: Transaction, principal: Principal, where: list[Filter], held: Row) -> Case | None:
    """Lock a case that this reviewer has, if it is still possible. Waits for its row: a search for a free
    case that began before it was leased locks the row for a moment, and skipping it would give another case.
    """
    own = [*where, *leased_to(principal.id), cases.c.id == held.id]
    return _first_possible(tx, principal, own, skip_locked=False)


def _first_possible(
    tx: Transaction, principal: Principal, where: list[Filter], *, skip_locked: bool = True
) -> Case | None:
    """The first of these cases in which the principal is not involved, locked."""
    while True:
        rows = tx.select(
            cases, *where, order_by=(cases.c.rank_at, cases.c.id), limit=1, lock=True, skip_locked=skip_locked
        )
        if not rows:
            return None
        case = case_from_row(rows[0])
        # Conflicts that arose after the appeal was opened are recorded now, so it is not selected again.
        involved = record_conflicts(tx, case)
        if obstacle(tx, principal, case, involved=involved) is None:
            return case
        where = [*where, cases.c.id != case.id]


def _lease(tx: Transaction, principal: Principal, case: Case) -> Case:
    """Make this the open case of the reviewer. The others return to the queue, but a reviewer who had this
    case open already keeps the reserved one.
    """
    if case.leased_by == principal.id and not case.reserved:
        others = (*leased_to(principal.id), cases.c.id != case.id)
        tx.update(cases, *others, leased_until=tx.now() + LEASE_S)
    else:
        give_leases_back(tx, principal.id, cases.c.id != case.id)
    return _store_lease(tx, principal, case, reserved=False)


def _reserve(tx: Transaction, principal: Principal, case: Case) -> Case:
    """Make this the only reserved case of the reviewer."""
    give_leases_back(tx, principal.id, cases.c.id != case.id, cases.c.reserved)
    return _store_lease(tx, principal, case, reserved=True)


def _store_lease(tx: Transaction, principal: Principal, case: Case, *, reserved: bool) -> Case:
    lease: dict[str, Any] = {
        "leased_by": principal.id,
        "leased_until": tx.now() + LEASE_S,
        "reserved": reserved,
    }
    tx.update(cases, case.id, **lease)
    return replace(case, **lease)


def _open_case(tx: Transaction, principal: Principal, case_id: str) -> Case:
    """An open case that no other reviewer has, locked. Raises `NotFound` or `Conflict`."""
    case = find_case(tx, principal, case_id, lock=True)
    if case.state is not CaseState.OPEN:
        raise Conflict(f"{case.id} is not open any more.", param="case_id", remedy="Take the next case.")
    require_free(case, principal, now=tx.now())
    return case


def read_preferences(tx: Transaction, principal: Principal) -> ReviewerPreferences:
    """What this reviewer declined, and switched off in this shift."""
    found = _preferences_from_row(tx.one(reviewer_preferences, reviewer_preferences.c.person == principal.id))
    is_over = found.switched_until is None or found.switched_until <= tx.now()
    return replace(found, switched_off=(), switched_until=None) if is_over else found


def _preferences_from_row(row: Row | None) -> ReviewerPreferences:
    return ReviewerPreferences() if row is None else read_record(ReviewerPreferences, row)
