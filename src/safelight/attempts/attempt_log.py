"""The attempt log: a read model of the gateway's attempts, and the attempts that people add or import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_

from safelight import canonical_json
from safelight.errors import InvalidField, NotFound
from safelight.generation.protocol import ChargeStatus
from safelight.ids import is_id, new_id
from safelight.store.database import Database
from safelight.store.tables import attempts, canary_calls, reported_attempts, videos
from safelight.store.transaction import Transaction

from .canaries.attempts import read_canary_attempts
from .charge_columns import charge_columns, read_charge
from .gateway_attempts import read_gateway_attempts
from .models import (
    MAX_ATTEMPTS,
    AttemptFilter,
    AttemptOrigin,
    AttemptOutcome,
    AttemptPage,
    AttemptRecord,
    AttemptRefund,
    NewAttempt,
)
from .refunds import check_refund, find_missing_refund


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """How many attempts were stored, and how many were known already."""

    added: tuple[AttemptRecord, ...]
    known: int


@dataclass(frozen=True)
class AttemptLog:
    """Reads all attempts of a tenant, newest first, and stores those of other programs and people."""

    database: Database

    def page(
        self, tenant: str, wanted: AttemptFilter, *, after: str | None = None, limit: int = 20
    ) -> AttemptPage:
        """A page of attempts, newest first. `after` is the last id of the previous page."""
        with self.database.read_transaction(tenant=tenant) as tx:
            start = None if after is None else _position(tx, after)
            found: list[AttemptRecord] = []
            if wanted.origin in (None, AttemptOrigin.GATEWAY):
                found += _gateway(tx, wanted, start, limit + 1)
            if wanted.origin not in (AttemptOrigin.GATEWAY, AttemptOrigin.CANARY):
                found += _reported(tx, wanted, start, limit + 1)
            if wanted.with_canaries or wanted.origin is AttemptOrigin.CANARY:
                found += read_canary_attempts(tx, _canary_conditions(wanted, start), limit + 1)
            found.sort(key=lambda one: (one.at, one.id), reverse=True)
            return AttemptPage(attempts=_with_refunds(tx, found[:limit]), has_more=len(found) > limit)

    def all(self, tenant: str, wanted: AttemptFilter) -> tuple[AttemptRecord, ...]:
        """The newest attempts, at most `MAX_ATTEMPTS`, newest first."""
        return self.page(tenant, wanted, limit=MAX_ATTEMPTS).attempts

    def get(self, tenant: str, attempt_id: str) -> AttemptRecord:
        """Raises `NotFound` for an attempt that the tenant does not have."""
        with self.database.read_transaction(tenant=tenant) as tx:
            return _get(tx, attempt_id)

    def add(
        self, tenant: str, given: Sequence[NewAttempt], *, origin: AttemptOrigin, actor: str
    ) -> ImportResult:
        """Store attempts that this gateway did not make, all or none.

        An attempt that was entered before is not stored again, nor one that was exported here. The same holds
        for the first row with the request id of one of the gateway's own attempts; a further row with this id
        is a second charge. The refund of such a first row is recorded if it is imported. Raises
        `InvalidField` if it is reported.
        """
        with self.database.transaction(tenant=tenant) as tx:
            own = _own_request_ids(tx, {one.request_id for one in given if one.request_id})
            here = _ids_here(tx, {one.exported_id for one in given if one.exported_id})
            ids = []
            for one in given:
                if one.exported_id in here:
                    continue
                if one.request_id in own:
                    if one.refunds and origin is AttemptOrigin.REPORTED:
                        raise _own_refund_error(own[one.request_id])
                    _add_refunds(tx, own.pop(one.request_id), one, actor)
                elif (stored := _store(tx, one, origin)) is not None:
                    ids.append(stored)
            if ids:
                tx.append_audit(
                    "attempts.added",
                    subject=ids[0],
                    actor=actor,
                    content={"origin": origin.value, "count": len(ids)},
                )
            added = tuple(_get(tx, each) for each in ids)
        return ImportResult(added=added, known=len(given) - len(added))

    def refund(
        self, tenant: str, attempt_id: str, refund: AttemptRefund, *, at: float, actor: str
    ) -> AttemptRecord:
        """Record that the provider gave money back. Raises `InvalidField` if it is more than the charge."""
        with self.database.transaction(tenant=tenant) as tx:
            attempt = _get(tx, attempt_id)
            check_refund(attempt, refund)
            _record_refund(tx, attempt, refund, at, actor)
            return _get(tx, attempt_id)


def _get(tx: Transaction, attempt_id: str) -> AttemptRecord:
    found: list[AttemptRecord] = []
    if is_id(attempt_id, "attempt"):
        found += read_gateway_attempts(tx, [attempts.c.id == attempt_id], 1)
        found += [
            _reported_record(row)
            for row in tx.select(
                reported_attempts,
                reported_attempts.c.id == attempt_id,
                reported_attempts.c.refund_of.is_(None),
            )
        ]
        found += read_canary_attempts(tx, [canary_calls.c.id == attempt_id], 1)
    if not found:
        raise NotFound(f"There is no attempt {attempt_id[:80]!r}.", param="attempt_id")
    return _with_refunds(tx, found)[0]


def _position(tx: Transaction, attempt_id: str) -> tuple[float, str]:
    return _get(tx, attempt_id).at, attempt_id


def _conditions(
    wanted: AttemptFilter, start: tuple[float, str] | None, columns: Mapping[str, Any]
) -> list[ColumnElement[bool]]:
    at, where = columns["at"], []
    if wanted.provider:
        where.append(columns["provider"] == wanted.provider)
    if wanted.model:
        where.append(columns["model"] == wanted.model)
    if wanted.since is not None:
        where.append(at >= wanted.since)
    if wanted.until is not None:
        where.append(at < wanted.until)
    if start is not None:
        where.append(or_(at < start[0], and_(at == start[0], columns["id"] < start[1])))
    return where


def _gateway(
    tx: Transaction, wanted: AttemptFilter, start: tuple[float, str] | None, limit: int
) -> list[AttemptRecord]:
    columns = {
        "id": attempts.c.id,
        "at": attempts.c.created_at,
        "provider": attempts.c.generator,
        "model": videos.c.model,
    }
    return read_gateway_attempts(tx, _conditions(wanted, start, columns), limit)


def _canary_conditions(wanted: AttemptFilter, start: tuple[float, str] | None) -> list[ColumnElement[bool]]:
    of = canary_calls.c
    columns = {"id": of.id, "at": of.created_at, "provider": of.generator, "model": of.model}
    return _conditions(wanted, start, columns)


def _reported(
    tx: Transaction, wanted: AttemptFilter, start: tuple[float, str] | None, limit: int
) -> list[AttemptRecord]:
    table = reported_attempts.c
    where = _conditions(
        wanted, start, {"id": table.id, "at": table.at, "provider": table.provider, "model": table.model}
    )
    where.append(table.refund_of.is_(None))
    if wanted.origin is not None:
        where.append(table.origin == wanted.origin.value)
    rows = tx.select(reported_attempts, *where, order_by=(table.at.desc(), table.id.desc()), limit=limit)
    return [_reported_record(row) for row in rows]


def _reported_record(row: Row[Any]) -> AttemptRecord:
    return AttemptRecord(
        id=row.id,
        origin=AttemptOrigin(row.origin),
        at=row.at,
        provider=row.provider,
        model=row.model,
        seconds=row.seconds,
        width=row.width,
        height=row.height,
        prompt=row.prompt,
        error=row.error,
        outcome=AttemptOutcome(row.outcome),
        stage=row.stage,
        file_came=row.file_came,
        charge=read_charge(row),
        request_id=row.request_id,
    )


def _with_refunds(tx: Transaction, found: Iterable[AttemptRecord]) -> tuple[AttemptRecord, ...]:
    records = tuple(found)
    if not records:
        return ()
    table = reported_attempts.c
    # All refunds of the tenant are fewer than the parameters of a statement for 10,000 ids.
    where: list[ColumnElement[bool]] = [table.refund_of.is_not(None)]
    if len(records) == 1:
        where = [table.refund_of == records[0].id]
    refunds: dict[str, list[AttemptRefund]] = {}
    for row in tx.select(reported_attempts, *where, order_by=(table.at, table.id)):
        refunds.setdefault(row.refund_of, []).append(AttemptRefund(amount=row.amount, currency=row.currency))
    return tuple(replace(one, refunds=tuple(refunds.get(one.id, ()))) for one in records)


def _own_request_ids(tx: Transaction, wanted: set[str]) -> dict[str, str]:
    """The ids of the gateway's attempts by these request ids."""
    if not wanted:
        return {}
    return {
        row.upstream_id: row.id
        for table in (attempts, canary_calls)
        for row in tx.select(
            table, table.c.upstream_id.is_not(None), columns=[table.c.id, table.c.upstream_id]
        )
        if row.upstream_id in wanted
    }


def _ids_here(tx: Transaction, wanted: set[str]) -> set[str]:
    """Which of these attempts are in this log."""
    if not wanted:
        return set()
    return wanted & {
        row.id
        for table in (attempts, reported_attempts, canary_calls)
        for row in tx.select(table, columns=[table.c.id])
    }


def _own_refund_error(attempt_id: str) -> InvalidField:
    return InvalidField(
        f"`refunded` is given for {attempt_id}, an attempt of this gateway. Record it on the command line: "
        f"safelight attempts add --refund-of {attempt_id}.",
        param="refunded",
    )


def _add_refunds(tx: Transaction, attempt_id: str, given: NewAttempt, actor: str) -> None:
    """Record the part of a bill's refund that is not recorded yet."""
    for stated in given.refunds:
        attempt = _get(tx, attempt_id)
        refund = find_missing_refund(attempt, stated)
        if refund is not None:
            _record_refund(tx, attempt, refund, given.at, actor)


def _record_refund(
    tx: Transaction, attempt: AttemptRecord, refund: AttemptRefund, at: float, actor: str
) -> None:
    _store_refund(tx, attempt, refund, at)
    content = {"amount": refund.amount, "currency": refund.currency}
    tx.append_audit("attempt.refunded", subject=attempt.id, actor=actor, content=content)


def _store(tx: Transaction, given: NewAttempt, origin: AttemptOrigin) -> str | None:
    """The id of the new row; None if the same attempt was stored before."""
    attempt_id = new_id("attempt")
    values = {
        **{name: getattr(given, name) for name in _COPIED},
        "outcome": given.outcome.value,
        **charge_columns(given.charge),
    }
    what = {**values, "refunds": [asdict(refund) for refund in given.refunds]}
    # A row of an export can have a refund or a mask that an earlier export of it did not have.
    identity = {"id": given.exported_id} if given.exported_id else what
    digest = hashlib.sha256(canonical_json.encode(identity)).hexdigest()
    if not tx.insert_or_ignore(
        reported_attempts,
        id=attempt_id,
        origin=origin.value,
        recorded_at=tx.now(),
        digest=digest,
        **values,
    ):
        return None
    attempt = _get(tx, attempt_id)
    for refund in given.refunds:
        _store_refund(tx, attempt, refund, given.at)
    return attempt_id


_COPIED = (
    *("at", "provider", "model", "prompt", "error", "stage", "seconds", "width", "height"),
    *("file_came", "request_id"),
)


def _store_refund(tx: Transaction, attempt: AttemptRecord, refund: AttemptRefund, at: float) -> None:
    refund_id = new_id("attempt")
    tx.insert(
        reported_attempts,
        id=refund_id,
        origin=AttemptOrigin.REPORTED.value,
        at=at,
        recorded_at=tx.now(),
        provider=attempt.provider,
        outcome=AttemptOutcome.UNKNOWN.value,
        stage="unknown",
        charge_status=ChargeStatus.NO.value,
        amount=refund.amount,
        currency=refund.currency,
        refund_of=attempt.id,
        # Two equal refunds of one attempt are possible.
        digest=refund_id,
    )
