"""Opens, authenticates, lists and ends the sessions of people."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import or_

from safelight.core.errors import NotFound, Unauthenticated, Unavailable
from safelight.core.ids import new_id
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import api_keys, people, sessions

from . import store
from .models import (
    SESSION_PREFIX,
    Principal,
    PrincipalKind,
    SessionRecord,
    hash_token,
    is_well_formed,
    new_token,
)

#: A session ends after this time, however much it is used: one working day.
SESSION_TTL_S = 12 * 3600.0
#: A session without a request ends after this time: a meeting does not end it, an unattended evening does.
SESSION_IDLE_S = 2 * 3600.0
#: The shortest time between two updates of `last_used_at`.
LAST_USED_INTERVAL_S = 60.0

_MAX_BROWSER_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class _OpenSession:
    digest: str
    record: SessionRecord


class Sessions:
    """The sessions of all people. What a person may do is read anew at each request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def authenticate(self, token: str, *, is_use: bool = True) -> Principal:
        """The principal of a session token. `is_use`: False for what a page requests by itself, which keeps
        no session open. Raises `Unauthenticated` if the token has no open session.
        """
        found = self._find(token)
        if found is None:
            raise Unauthenticated(
                "You are not signed in.",
                remedy="Sign in, or ask the operator of this gateway for a login link.",
            )
        if is_use:
            self._update_last_used(found)
        return found.record.principal

    def end(self, token: str) -> None:
        """End the session of this token. Does nothing if the token has no open session."""
        found = self._find(token)
        if found is None:
            return
        principal = found.record.principal
        with self._database.transaction(principal.tenant) as tx:
            end_sessions(tx, principal.id, sessions.c.digest == found.digest, by=principal.id)

    def list(self, principal: Principal) -> tuple[SessionRecord, ...]:
        """The open sessions of this principal, newest first."""
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(
                sessions,
                sessions.c.principal_id == principal.id,
                *_is_open(tx.now()),
                order_by=(sessions.c.created_at.desc(), sessions.c.id.desc()),
            )
        return tuple(read_record(SessionRecord, row, principal=principal) for row in rows)

    def identify(self, token: str) -> str:
        """The id of the session of this token; empty if it has no open session."""
        found = self._find(token)
        return found.record.id if found else ""

    def end_one(self, principal: Principal, session: str) -> None:
        """End one session of this principal. Raises `NotFound` if it has no such open session."""
        with self._database.transaction(principal.tenant) as tx:
            if not end_sessions(tx, principal.id, sessions.c.id == session, by=principal.id):
                raise NotFound("There is no such session.", remedy="It may have ended already.")

    def _find(self, token: str) -> _OpenSession | None:
        if not is_well_formed(token, SESSION_PREFIX):
            return None
        digest = hash_token(token)
        with self._database.across_tenants("authenticating a session", readonly=True) as tx:
            row = tx.one(sessions, sessions.c.digest == digest, *_is_open(tx.now()))
            principal = None if row is None else _current_principal(tx, row)
        if row is None or principal is None:
            return None
        return _OpenSession(digest=digest, record=read_record(SessionRecord, row, principal=principal))

    def _update_last_used(self, found: _OpenSession) -> None:
        now = self._database.clock()
        if now - found.record.last_used_at < LAST_USED_INTERVAL_S:
            return
        # A request is authenticated even if this update fails because the database is full or busy.
        with suppress(Unavailable), self._database.transaction(found.record.principal.tenant) as tx:
            tx.update(sessions, sessions.c.digest == found.digest, last_used_at=now)


def open_session(tx: Transaction, principal: Principal, *, browser: str = "") -> tuple[SessionRecord, str]:
    """Open a session. Returns it with its token, which is not stored."""
    token, now = new_token(SESSION_PREFIX), tx.now()
    printable = "".join(each for each in browser if each.isprintable())
    record = SessionRecord(
        id=new_id("session"),
        principal=principal,
        created_at=now,
        expires_at=now + SESSION_TTL_S,
        last_used_at=now,
        browser=printable[:_MAX_BROWSER_CHARACTERS],
    )
    tx.insert(
        sessions,
        digest=hash_token(token),
        id=record.id,
        principal_id=principal.id,
        principal=store.encode_principal(principal),
        created_at=now,
        expires_at=record.expires_at,
        last_used_at=now,
        browser=record.browser,
    )
    tx.append_audit("session.opened", subject=principal.id, actor=principal.id, content={})
    return record, token


def end_sessions(tx: Transaction, principal_id: str, *where: Filter, by: str) -> int:
    """End the open sessions of a principal that meet all conditions. Returns their number."""
    mine = (sessions.c.principal_id == principal_id, sessions.c.ended_at.is_(None), *where)
    ended = tx.update(sessions, *mine, ended_at=tx.now())
    if ended:
        tx.append_audit("session.ended", subject=principal_id, actor=by, content={"count": ended})
    return ended


def purge_sessions(tx: Transaction) -> int:
    """Delete ended and expired sessions."""
    return tx.delete(sessions, or_(sessions.c.expires_at < tx.now(), sessions.c.ended_at.is_not(None)))


def _is_open(now: float) -> tuple[Filter, ...]:
    return (
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > now,
        sessions.c.last_used_at > now - SESSION_IDLE_S,
    )


def _current_principal(tx: Transaction, row: Row) -> Principal | None:
    """Who acts in this session now, with the present scopes; None if they were ended."""
    stored = store.decode_principal(row.tenant_id, row.principal)
    if stored.kind is PrincipalKind.KEY:
        # The session of a key's owner ends when the key is revoked.
        key = tx.one(api_keys, stored.id)
        return None if key is None or key.revoked_at is not None else store.principal_from_row(key)
    if stored.role is None:
        return stored
    person = tx.one(people, stored.id)
    return None if person is None else store.principal_of_person(person)
