"""Requests of people without an account for a key, which a person decides."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.core.errors import Conflict, NotFound
from safelight.core.ids import new_id
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.pages import follows
from safelight.store.rows import read_record
from safelight.store.tables import access_requests

from .access_texts import access_text, clean_name, tenant_of_token
from .check_limits import require_hourly
from .keys import add_key, revoke_key_in
from .models import (
    ACCESS_PREFIX,
    APPLICATION_SCOPES,
    OPERATOR,
    AccessState,
    KeyScope,
    Principal,
    account_subject,
    hash_token,
    new_token,
)
from .terms import NO_TERMS, Terms, set_first_terms

_MAX_LISTED = 200


#: The states of a request whose applicant has access.
GRANTED = (AccessState.APPROVED, AccessState.COLLECTED)
#: The states after a decision.
DECIDED = (AccessState.APPROVED, AccessState.DECLINED, AccessState.COLLECTED, AccessState.WITHDRAWN)


@dataclass(frozen=True, kw_only=True)
class AccessRequest:
    id: str
    name: str
    contact: str
    purpose: str
    state: AccessState
    created_at: float
    decided_at: float | None
    #: The reason of a decision, which the applicant reads.
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class AccessLimits:
    """The settings: whether strangers may ask, and how often."""

    accepts_requests: bool = False
    requests_per_hour: int = 20


class AccountAccess:
    def __init__(self, database: Database, limits: AccessLimits) -> None:
        self._database = database
        self._limits = limits

    def request(self, tenant: str, *, name: str, contact: str, purpose: str) -> tuple[AccessRequest, str]:
        """Record a request of a person without an account. Its token is returned only here.

        Raises `NotFound` if this installation accepts none, `InvalidField` and `RateLimited`.
        """
        if not self._limits.accepts_requests:
            raise NotFound("This installation does not accept requests for access.")
        texts = {"name": name, "contact": contact, "purpose": purpose}
        texts = {field: access_text(value, field) for field, value in texts.items()}
        token, identity = new_token(ACCESS_PREFIX), new_id("access")
        with self._database.transaction(tenant) as tx:
            now = tx.now()
            problem = "Too many people asked for access within an hour."
            require_hourly(tx, access_requests, limit=self._limits.requests_per_hour, problem=problem)
            tx.insert(
                access_requests,
                id=identity,
                digest=hash_token(token),
                state=AccessState.WAITING.value,
                created_at=now,
                **texts,
            )
            tx.append_audit("access.requested", subject=identity, actor=identity, content=texts)
            return _request(_find(tx, identity)), token

    def list(
        self, principal: Principal, *states: AccessState, after: str | None = None
    ) -> tuple[AccessRequest, ...]:
        """A page of the requests in these states, of all if none is given, after the one with the id `after`:
        newest first, but those that wait oldest first, so that later requests cannot hide them.
        """
        principal.require(KeyScope.ADMIN)
        of, is_waiting = access_requests.c, states == (AccessState.WAITING,)
        where: list[Filter] = [of.state.in_(states)] if states else []
        with self._database.read_transaction(principal.tenant) as tx:
            if after is not None:
                last = _find(tx, after)
                place = (last.created_at, last.id)
                where.append(follows((of.created_at, of.id), place, descending=not is_waiting))
            order = (of.created_at, of.id) if is_waiting else (of.created_at.desc(), of.id.desc())
            rows = tx.select(access_requests, *where, order_by=order, limit=_MAX_LISTED)
        return tuple(_request(row) for row in rows)

    def count_waiting(self, principal: Principal) -> int:
        principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            return tx.count(access_requests, access_requests.c.state == AccessState.WAITING.value)

    def approve(
        self, principal: Principal, request_id: str, *, reason: str, terms: Terms = NO_TERMS
    ) -> AccessRequest:
        """Approve a request, once. The applicant reads the reason, and can collect a key of this tenant, to
        which the terms apply. Raises `InvalidField` for wrong terms.
        """
        principal.require(KeyScope.ADMIN)
        reason = access_text(reason, "reason")
        with self._database.transaction(principal.tenant) as tx:
            row, key = _find_waiting(tx, request_id), new_id("key")
            if terms != NO_TERMS:
                set_first_terms(tx, account_subject(key), terms, by=principal.id)
            return _decide(tx, row, AccessState.APPROVED, principal, reason, key=key)

    def decline(self, principal: Principal, request_id: str, *, reason: str) -> AccessRequest:
        """Decline a request, once. The applicant reads the reason."""
        principal.require(KeyScope.ADMIN)
        reason = access_text(reason, "reason")
        with self._database.transaction(principal.tenant) as tx:
            return _decide(tx, _find_waiting(tx, request_id), AccessState.DECLINED, principal, reason)

    def withdraw(self, principal: Principal, request_id: str, *, reason: str) -> AccessRequest:
        """End the access of an approved applicant: the key is revoked. No data is deleted. The applicant
        reads the reason.

        Raises `Conflict` if the request is not approved, or its access was withdrawn before.
        """
        principal.require(KeyScope.ADMIN)
        reason = access_text(reason, "reason")
        with self._database.transaction(principal.tenant) as tx:
            row = _find(tx, request_id, lock=True)
            if row.state not in GRANTED:
                raise Conflict(f"{row.id} has no access: {row.state}.", param="request_id")
            revoke_key_in(tx, row.key_id, by=principal.id)
            return _decide(tx, row, AccessState.WITHDRAWN, principal, reason, key=row.key_id)

    @property
    def accepts_requests(self) -> bool:
        return self._limits.accepts_requests

    def read(self, token: str) -> AccessRequest:
        """The request of this token. Raises `NotFound`."""
        tenant = tenant_of_token(self._database, access_requests, token, ACCESS_PREFIX)
        with self._database.read_transaction(tenant) as tx:
            row = tx.one(access_requests, access_requests.c.digest == hash_token(token))
            assert row is not None  # Requests are never deleted.
            return _request(row)

    def collect(self, token: str) -> tuple[AccessRequest, str | None]:
        """The request of this token; if it is approved, also the token of a new key, once."""
        tenant = tenant_of_token(self._database, access_requests, token, ACCESS_PREFIX)
        with self._database.transaction(tenant) as tx:
            row = tx.one(access_requests, access_requests.c.digest == hash_token(token), lock=True)
            assert row is not None  # Requests are never deleted.
            if row.state != AccessState.APPROVED:
                return _request(row), None
            _, key = add_key(tx, clean_name(row.name), APPLICATION_SCOPES, by=OPERATOR, identity=row.key_id)
            tx.update(access_requests, row.id, state=AccessState.COLLECTED.value)
            tx.append_audit("access.collected", subject=row.id, actor=row.id, content={"key": row.key_id})
            return _request(_find(tx, row.id)), key


def _find_waiting(tx: Transaction, request_id: str) -> Row:
    """The request, locked. Raises `Conflict` if it was decided before."""
    row = _find(tx, request_id, lock=True)
    if row.state != AccessState.WAITING:
        raise Conflict(f"{row.id} was decided already: {row.state}.", param="request_id")
    return row


def _decide(
    tx: Transaction,
    row: Row,
    state: AccessState,
    principal: Principal,
    reason: str,
    key: str | None = None,
) -> AccessRequest:
    tx.update(
        access_requests,
        row.id,
        state=state.value,
        decided_by=principal.id,
        decided_at=tx.now(),
        reason=reason,
        key_id=key,
    )
    content = {"state": state.value, "reason": reason}
    tx.append_audit("access.decided", subject=row.id, actor=principal.id, content=content)
    return _request(_find(tx, row.id))


def _find(tx: Transaction, request_id: str, *, lock: bool = False) -> Row:
    row = tx.find(access_requests, "access", request_id, lock=lock)
    if row is None:
        raise NotFound(f"There is no request {request_id[:80]!r}.", param="request_id")
    return row


def _request(row: Row) -> AccessRequest:
    return read_record(AccessRequest, row)
