"""Calls of canaries: the money is reserved and committed before a call is sent, its end after it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from safelight.core.ids import new_id
from safelight.providers.attempts.charge_columns import charge_columns
from safelight.providers.attempts.error_text import withhold_prompt
from safelight.providers.attempts.models import AttemptOutcome
from safelight.providers.protocol import Charge
from safelight.store.database import Database, Transaction
from safelight.store.named_locks import lock_name
from safelight.store.tables import canaries, canary_calls
from safelight_client.money import micro

from .models import MAX_REFUSALS_IN_ROW, Canary, CanaryCall, CanaryState, StopReason
from .schedule import DAY_S, find_due_slot
from .store import canary_from_row, find_canary, has_room, reason_against_entry, stop_canary

#: Characters of an error that are kept, as of the gateway's other attempts.
_MAX_ERROR_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class CallSize:
    """The length and the size of a call."""

    seconds: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class CallEnd:
    """How a call ended."""

    outcome: AttemptOutcome
    charge: Charge
    #: The provider's code, and its code and message.
    code: str = ""
    error: str = ""
    stage: str = "unknown"


@dataclass(frozen=True)
class CanaryCalls:
    """Reserves and records calls, each in its own transaction. Several processes may share the database."""

    database: Database
    #: The most that all canaries of one tenant may cost in 31 days.
    tenant_micros: int

    def switched_on(self) -> tuple[Canary, ...]:
        """The canaries of all tenants that are on, oldest first."""
        of = canaries.c
        with self.database.across_tenants("canaries", readonly=True) as tx:
            rows = tx.select(
                canaries,
                of.state == CanaryState.ON.value,
                of.removed_at.is_(None),
                order_by=(of.created_at, of.id),
            )
        return tuple(canary_from_row(row) for row in rows)

    def find_slot(self, canary: Canary) -> float | None:
        """The slot of the call that may be reserved now; None if there is none."""
        with self.database.read_transaction(canary.tenant) as tx:
            return self._find_slot(tx, canary)

    def skip(self, canary: Canary, slot: float) -> None:
        """Send no call in this slot, because a check could not be made. The next one is tried again."""
        with self.database.transaction(canary.tenant) as tx:
            if (found := find_canary(tx, canary.id, lock=True)) is None:
                return
            is_requested = slot == found.run_requested_at
            skipped = {"run_requested_at": None} if is_requested else {"skipped_slot": slot}
            tx.update(canaries, canaries.c.id == found.id, **skipped)

    def stop(self, canary: Canary, reason: StopReason) -> None:
        with self.database.transaction(canary.tenant) as tx:
            found = find_canary(tx, canary.id, lock=True)
            if found is not None and found.state is CanaryState.ON:
                stop_canary(tx, found, reason)

    def reserve(self, canary: Canary, size: CallSize, offered: Collection[str]) -> CanaryCall | None:
        """Reserve the call that is due with its price; None if none is.

        The canaries of a tenant take turns, so that no two gateways reserve the same call or exceed a
        ceiling. A reserved call counts as spent, whatever becomes of it. The canary is stopped if its entry
        was removed or needs to be validated again.
        """
        with self.database.transaction(canary.tenant) as tx:
            lock_name(tx, f"canaries of {canary.tenant}")
            found = find_canary(tx, canary.id, lock=True)
            # What was screened is what is sent.
            if found is None or found.state is not CanaryState.ON:
                return None
            if found.prompt is None or found.prompt != canary.prompt:
                return None
            reason = reason_against_entry(tx, found.entry_id, offered)
            if reason is not None:
                stop_canary(tx, found, reason)
                return None
            slot = self._find_slot(tx, found)
            if slot is None:
                return None
            call_id = new_id("attempt")
            added = tx.insert_or_ignore(
                canary_calls,
                id=call_id,
                canary_id=found.id,
                generator=found.generator,
                model=found.model,
                seconds=size.seconds,
                width=size.width,
                height=size.height,
                slot=slot,
                created_at=tx.now(),
                cost_micros=found.price_micros,
            )
            if not added:
                return None
            if slot == found.run_requested_at:
                tx.update(canaries, canaries.c.id == found.id, run_requested_at=None)
            content = {"call": call_id, "reserved_micros": found.price_micros}
            tx.append_audit("canary.reserved", subject=found.id, actor="canaries", content=content)
            row = tx.one(canary_calls, canary_calls.c.id == call_id)
            return _call(row, found.prompt) if row is not None else None

    def record_upstream_id(self, call: CanaryCall, upstream_id: str) -> None:
        with self.database.transaction(call.tenant) as tx:
            tx.update(canary_calls, canary_calls.c.id == call.id, upstream_id=upstream_id)

    def finish(self, call: CanaryCall, end: CallEnd) -> bool:
        """Record the end of a call, with its charge. Returns False if it had ended before.

        The canary stops after several refusals in a row, and after a charge that was not agreed.
        """
        of = canary_calls.c
        with self.database.transaction(call.tenant) as tx:
            canary = find_canary(tx, call.canary_id, lock=True)
            ended = tx.update(
                canary_calls,
                of.id == call.id,
                of.ended_at.is_(None),
                ended_at=tx.now(),
                outcome=end.outcome.value,
                stage=end.stage,
                error=_error_without_prompt(end, call.prompt)[:_MAX_ERROR_CHARS],
                **charge_columns(end.charge),
            )
            if not ended:
                return False
            content = {"call": call.id, "outcome": end.outcome.value, "charged": end.charge.charged.value}
            tx.append_audit("canary.ended", subject=call.canary_id, actor="canaries", content=content)
            if (micros := _usd_micros(end.charge)) is not None:
                tx.update(canary_calls, of.id == call.id, of.cost_micros < micros, cost_micros=micros)
            if canary is not None and canary.state is CanaryState.ON:
                if not _is_as_agreed(canary, end.charge):
                    stop_canary(tx, canary, StopReason.PRICE)
                elif _is_refused_again(tx, canary):
                    stop_canary(tx, canary, StopReason.REFUSED)
            return True

    def record_copy(self, call: CanaryCall, status: str) -> None:
        """Record whether the provider deleted its copy of the clip: `deleted` or `kept`."""
        with self.database.transaction(call.tenant) as tx:
            tx.update(canary_calls, canary_calls.c.id == call.id, upstream_copy_status=status)

    def running(self) -> tuple[CanaryCall, ...]:
        """The calls of all tenants that have not ended, oldest first."""
        return self._read(canary_calls.c.ended_at.is_(None))

    def with_copy(self) -> tuple[CanaryCall, ...]:
        """The calls that ended, and of which the provider may have a copy of the clip."""
        of = canary_calls.c
        return self._read(
            of.ended_at.is_not(None), of.upstream_id.is_not(None), of.upstream_copy_status.is_(None)
        )

    def _read(self, *where: ColumnElement[bool]) -> tuple[CanaryCall, ...]:
        with self.database.across_tenants("calls of canaries", readonly=True) as tx:
            rows = tx.execute(
                select(canary_calls, canaries.c.prompt)
                .join(canaries, canaries.c.id == canary_calls.c.canary_id)
                .where(*where)
                .order_by(canary_calls.c.created_at, canary_calls.c.id)
            ).all()
        return tuple(_call(row, row.prompt) for row in rows)

    def _find_slot(self, tx: Transaction, canary: Canary) -> float | None:
        """The slot of the call that may be reserved now: that of a person's request, or of the schedule.

        None if there is none, if a canary of the tenant still runs there, or if it would exceed a ceiling.
        """
        now, of = tx.now(), canary_calls.c
        slot = canary.run_requested_at if canary.is_run_requested(now) else _find_due_slot(tx, canary)
        # Calls take no place of the videos at the provider, so they are made one after the other.
        if slot is None or tx.count(canary_calls, of.generator == canary.generator, of.ended_at.is_(None)):
            return None
        return slot if has_room(tx, canary, tenant_micros=self.tenant_micros) else None


def _find_due_slot(tx: Transaction, canary: Canary) -> float | None:
    now, of = tx.now(), canary_calls.c
    # No slot is longer than a day.
    rows = tx.select(canary_calls, of.canary_id == canary.id, of.slot > now - DAY_S, columns=[of.slot])
    taken = {row.slot for row in rows}
    if canary.skipped_slot is not None:
        taken.add(canary.skipped_slot)
    return find_due_slot(canary.id, canary.per_day, now, taken=taken, since=canary.switched_at)


def _error_without_prompt(end: CallEnd, prompt: str | None) -> str:
    """The provider's words. They may repeat a prompt that is not known any more, so only its code is kept."""
    return end.code if prompt is None else withhold_prompt(end.error, prompt)


def _usd_micros(charge: Charge) -> int | None:
    """The amount that was charged; None if it is not known in US dollars."""
    return micro(charge.amount) if charge.amount is not None and charge.currency == "USD" else None


def _is_as_agreed(canary: Canary, charge: Charge) -> bool:
    """Whether a charge is at most the agreed price. One in another currency cannot be compared with it."""
    micros = _usd_micros(charge)
    return not charge.amount if micros is None else micros <= canary.price_micros


def _is_refused_again(tx: Transaction, canary: Canary) -> bool:
    of = canary_calls.c
    rows = tx.select(
        canary_calls,
        of.canary_id == canary.id,
        of.outcome.in_([AttemptOutcome.PASSED.value, AttemptOutcome.REFUSED.value]),
        of.created_at >= canary.switched_at,
        columns=[of.outcome],
        order_by=(of.created_at.desc(), of.id.desc()),
        limit=MAX_REFUSALS_IN_ROW,
    )
    outcomes = [row.outcome for row in rows]
    return outcomes == [AttemptOutcome.REFUSED.value] * MAX_REFUSALS_IN_ROW


def _call(row: Row[Any], prompt: str | None) -> CanaryCall:
    return CanaryCall(
        id=row.id,
        tenant=row.tenant_id,
        canary_id=row.canary_id,
        generator=row.generator,
        model=row.model,
        seconds=row.seconds,
        width=row.width,
        height=row.height,
        prompt=prompt,
        created_at=row.created_at,
        upstream_id=row.upstream_id,
        ended_at=row.ended_at,
    )
