"""The attempt log: a read model of the gateway's attempts, and the attempts that people add or import."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import and_, or_, select

from safelight.core import canonical_json
from safelight.core.errors import InvalidField, NotFound, UpstreamModerationBlocked
from safelight.core.ids import is_id, new_id
from safelight.core.net.internal_details import mask_internal
from safelight.core.net.redaction import mask_emails
from safelight.providers.protocol import ChargeStatus
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.pages import Page
from safelight.store.rows import read_record
from safelight.store.tables import attempts, reported_attempts, videos
from safelight_client.money import format_money

from .charge_columns import charge_columns, read_charge, read_logged_charge
from .error_text import withhold_prompt
from .models import (
    MAX_ATTEMPTS,
    AttemptFilter,
    AttemptOrigin,
    AttemptOutcome,
    AttemptRecord,
    AttemptRefund,
    NewAttempt,
)

#: Ends of attempts before the last one of a video.
_NOT_TAKEN = ("not_taken", "lost")
#: What became of a file that the provider made, by the state of the video; otherwise it passed.
_ENDS = {
    "blocked": AttemptOutcome.STOPPED,
    "rejected": AttemptOutcome.STOPPED,
    "held": AttemptOutcome.RUNNING,
}
_GATEWAY_COLUMNS = (
    attempts.c.id,
    attempts.c.number,
    attempts.c.generator,
    attempts.c.created_at,
    attempts.c.submitted_at,
    attempts.c.ended_at,
    attempts.c.outcome,
    attempts.c.upstream_id,
    attempts.c.is_canary,
    *(attempts.c.charge_status, attempts.c.amount, attempts.c.currency, attempts.c.charge_source),
    *(videos.c.model, videos.c.prompt, videos.c.seconds, videos.c.width, videos.c.height),
    *(videos.c.state, videos.c.error_message, videos.c.explanation, videos.c.deleted_at),
    *(videos.c.vaulted, videos.c.quarantined),
    videos.c.id.label("video"),
)
_COPIED = (
    *("at", "provider", "model", "prompt", "error", "stage", "seconds", "width", "height"),
    *("file_came", "request_id"),
)


def read_gateway_attempts(tx: Transaction, where: Sequence[Filter], limit: int) -> list[AttemptRecord]:
    rows = tx.execute(
        select(*_GATEWAY_COLUMNS)
        .select_from(attempts)
        .join(
            videos,
            and_(attempts.c.tenant_id == videos.c.tenant_id, attempts.c.video_id == videos.c.id),
        )
        .where(*tx.tenant_condition(attempts), *tx.tenant_condition(videos), *where)
        .order_by(attempts.c.created_at.desc(), attempts.c.id.desc())
        .limit(limit)
    )
    return [_gateway_record(row) for row in rows]


def _gateway_record(row: Row) -> AttemptRecord:
    explanation = msgspec.json.decode(row.explanation) if row.explanation is not None else {}
    withheld = row.vaulted or row.quarantined or row.deleted_at is not None
    outcome = _gateway_outcome(row, explanation)
    refused = outcome is AttemptOutcome.REFUSED
    said = _provider_error(explanation) if refused else _reported_problem(row, outcome)
    error = _own_error(row, outcome) if said is None else said
    return AttemptRecord(
        id=row.id,
        origin=AttemptOrigin.CANARY if row.is_canary else AttemptOrigin.GATEWAY,
        at=row.created_at,
        provider=row.generator,
        model=row.model,
        seconds=float(row.seconds),
        width=row.width,
        height=row.height,
        prompt=None if withheld else row.prompt,
        error=withhold_prompt(error, row.prompt) if withheld else error,
        outcome=outcome,
        stage=str(explanation.get("moderation_stage", "unknown")) if refused else "unknown",
        file_came=_file_came(row, said),
        charge=read_logged_charge(row),
        request_id=row.upstream_id or "",
        video_id=row.video,
        is_own_error=said is None and error != "",
        is_undelivered=outcome is AttemptOutcome.PASSED and row.state == "failed",
    )


def _gateway_outcome(row: Row, explanation: Mapping[str, Any]) -> AttemptOutcome:
    if row.ended_at is None:
        return AttemptOutcome.RUNNING
    if row.outcome == "done":
        return _ENDS.get(row.state, AttemptOutcome.PASSED)
    if row.outcome == UpstreamModerationBlocked.code and explanation.get("source") == "provider":
        return AttemptOutcome.REFUSED
    return AttemptOutcome.FAILED


def _provider_error(explanation: Mapping[str, Any]) -> str:
    parts = (explanation.get("provider_code"), explanation.get("provider_message"))
    return ": ".join(str(part) for part in parts if part)


def _reported_problem(row: Row, outcome: AttemptOutcome) -> str | None:
    """The provider's words in the message of a failed video; None if it did not report a failure."""
    name = re.escape(row.generator)
    # As composed by `videos.attempts` and `videos.failure_message`.
    found = re.fullmatch(
        rf"{name} failed: (.*?)(?: (?:{name} (?:did not charge|charged)|It is not known whether {name}) .*)?",
        row.error_message or "",
        re.DOTALL,
    )
    if outcome is not AttemptOutcome.FAILED or row.outcome in _NOT_TAKEN or found is None:
        return None
    return "" if found[1] == "it gave no reason." else found[1]


def _file_came(row: Row, said: str | None) -> bool | None:
    if row.ended_at is None:
        return None
    if row.outcome == "done":
        return True
    # Otherwise the gateway gave up or lost the request, or could not download the file.
    refused = row.outcome in (UpstreamModerationBlocked.code, "upstream_rejected", *_NOT_TAKEN)
    return False if refused or said is not None else None


def _own_error(row: Row, outcome: AttemptOutcome) -> str:
    """The error of the video belongs to its last attempt; earlier ones were not taken or lost."""
    if outcome is not AttemptOutcome.FAILED:
        return ""
    return (row.error_message or "") if row.outcome not in _NOT_TAKEN else row.outcome


# Which refunds of an attempt can be recorded. Pure.


def check_refund(attempt: AttemptRecord, refund: AttemptRefund) -> None:
    """Raises `InvalidField` if nothing was charged, or if the refund is more than what is left."""
    charge = attempt.charge
    if charge.charged is ChargeStatus.NO:
        raise InvalidField("Nothing was charged for this attempt.", param="refund-of")
    if attempt.is_refunded:
        raise InvalidField("The charge of this attempt was refunded already.", param="refund-of")
    if refund.amount is None or charge.amount is None:
        return
    if refund.currency != charge.currency:
        raise InvalidField(
            f"The charge is in {charge.currency}, the refund in {refund.currency or 'no currency'}.",
            param="currency",
        )
    left = round(charge.amount - attempt.refunded_amount, 6)
    if refund.amount > left:
        raise InvalidField(
            f"Only {format_money(left, charge.currency)} of this charge is left.", param="amount"
        )


def find_missing_refund(attempt: AttemptRecord, stated: AttemptRefund) -> AttemptRefund | None:
    """The part of a bill's refund that is not recorded yet; None if all is, or if it cannot be compared."""
    charge = attempt.charge
    if stated.amount is None or charge.amount is None or stated.currency != charge.currency:
        return None
    missing = round(min(stated.amount, charge.amount) - attempt.refunded_amount, 6)
    return AttemptRefund(amount=missing, currency=stated.currency) if missing > 0 else None


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """How many attempts were stored, and how many were known already."""

    added: tuple[AttemptRecord, ...]
    known: int

    def as_json(self) -> dict[str, Any]:
        return {
            "object": "attempts.added",
            "data": [one.as_json() for one in self.added],
            "known": self.known,
        }


@dataclass(frozen=True)
class AttemptLog:
    """Reads all attempts of a tenant, newest first, and stores those of other programs and people."""

    database: Database

    def page(
        self, tenant: str, wanted: AttemptFilter, *, after: str | None = None, limit: int = 20
    ) -> Page[AttemptRecord]:
        """A page of attempts, newest first. `after` is the last id of the previous page."""
        with self.database.read_transaction(tenant=tenant) as tx:
            start = None if after is None else _position(tx, after)
            found: list[AttemptRecord] = []
            if wanted.origin in (None, AttemptOrigin.GATEWAY, AttemptOrigin.CANARY):
                found += _gateway(tx, wanted, start, limit + 1)
            if wanted.origin not in (AttemptOrigin.GATEWAY, AttemptOrigin.CANARY):
                found += _reported(tx, wanted, start, limit + 1)
            found.sort(key=lambda one: (one.at, one.id), reverse=True)
            page = Page.first(found, limit)
            return Page(_with_refunds(tx, page.items), page.has_more)

    def all(self, tenant: str, wanted: AttemptFilter) -> tuple[AttemptRecord, ...]:
        """The newest attempts, at most `MAX_ATTEMPTS`, newest first."""
        return self.page(tenant, wanted, limit=MAX_ATTEMPTS).items

    def get(self, tenant: str, attempt_id: str) -> AttemptRecord:
        """Raises `NotFound` for an attempt that the tenant does not have."""
        with self.database.read_transaction(tenant=tenant) as tx:
            return _get(tx, attempt_id)

    def answer(self, tenant: str, attempt: AttemptRecord) -> str | None:
        """The provider's own body when it refused or failed, with secrets masked.

        None if there is none, and where the prompt is withheld, because the body may repeat it.
        """
        if attempt.is_reported or attempt.prompt is None:
            return None
        with self.database.read_transaction(tenant=tenant) as tx:
            row = tx.one(attempts, attempt.id)
        return mask_emails(mask_internal(row.answer)) if row is not None and row.answer else None

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
                attempt_id,
                reported_attempts.c.refund_of.is_(None),
            )
        ]
    if not found:
        raise NotFound(f"There is no attempt {attempt_id[:80]!r}.", param="attempt_id")
    return _with_refunds(tx, found)[0]


def _position(tx: Transaction, attempt_id: str) -> tuple[float, str]:
    return _get(tx, attempt_id).at, attempt_id


def _conditions(
    wanted: AttemptFilter, start: tuple[float, str] | None, columns: Mapping[str, Any]
) -> list[Filter]:
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
    is_canary = attempts.c.is_canary
    kind = is_canary.is_not(None) if wanted.origin is AttemptOrigin.CANARY else is_canary.is_(None)
    return read_gateway_attempts(tx, [kind, *_conditions(wanted, start, columns)], limit)


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


def _reported_record(row: Row) -> AttemptRecord:
    return read_record(
        AttemptRecord,
        row,
        charge=read_charge(row),
        video_id="",
        refunds=(),
        is_own_error=False,
        is_undelivered=False,
    )


def _with_refunds(tx: Transaction, found: Iterable[AttemptRecord]) -> tuple[AttemptRecord, ...]:
    records = tuple(found)
    if not records:
        return ()
    table = reported_attempts.c
    # All refunds of the tenant are fewer than the parameters of a statement for 10,000 ids.
    where: list[Filter] = [table.refund_of.is_not(None)]
    if len(records) == 1:
        where = [table.refund_of == records[0].id]
    refunds: dict[str, list[AttemptRefund]] = {}
    for row in tx.select(reported_attempts, *where, order_by=(table.at, table.id)):
        refunds.setdefault(row.refund_of, []).append(read_record(AttemptRefund, row))
    return tuple(replace(one, refunds=tuple(refunds.get(one.id, ()))) for one in records)


def _own_request_ids(tx: Transaction, wanted: set[str]) -> dict[str, str]:
    """The ids of the gateway's attempts by these request ids."""
    if not wanted:
        return {}
    return {
        row.upstream_id: row.id
        for row in tx.select(
            attempts, attempts.c.upstream_id.is_not(None), columns=[attempts.c.id, attempts.c.upstream_id]
        )
        if row.upstream_id in wanted
    }


def _ids_here(tx: Transaction, wanted: set[str]) -> set[str]:
    """Which of these attempts are in this log."""
    if not wanted:
        return set()
    return wanted & {
        row.id for table in (attempts, reported_attempts) for row in tx.select(table, columns=[table.c.id])
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
