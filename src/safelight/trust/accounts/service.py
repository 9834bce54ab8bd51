"""Making tenants and keys, and finding out who is asking."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import or_

from safelight.errors import BadInput, Conflict, NotFound, Unauthenticated, Unavailable
from safelight.ids import new_id
from safelight.store.database import Database
from safelight.store.tables import api_keys, login_links, sessions, tenants
from safelight.store.transaction import Transaction

from . import store
from .models import APPLICATION, KeyRecord, KeyScope, Principal, SessionRecord, Tenant
from .tokens import KEY_PREFIX, LINK_PREFIX, SESSION_PREFIX, digest, new_token, well_formed

#: How long an authenticated token is believed before the database is asked again.
CACHE_S = 3.0
LINK_S = 15 * 60.0
SESSION_S = 12 * 3600.0
#: `last_used_at` is written at most this often.
USED_S = 60.0

_CACHE_ENTRIES = 10_000
_NAME_LENGTH = 100
_WRONG_KEY = "The API key is missing or wrong."
_KEY_REMEDY = (
    "Make one with `safelight keys create`, and send it as `Authorization: Bearer sk-safelight-...`."
)


class Accounts:
    """Tenants, keys, login links and sessions of one installation. Every change to them is audited."""

    def __init__(self, database: Database, *, cache_s: float = CACHE_S) -> None:
        self._database = database
        self._cache_s = cache_s
        self._cache: dict[str, tuple[float, Principal]] = {}
        self._lock = threading.Lock()

    def create_tenant(self, name: str, *, by: str = "operator") -> Tenant:
        """A new tenant. Names are for people and need not differ."""
        made = new_id("tenant")
        with self._database.transaction(made) as tx:
            tenant = Tenant(id=made, name=_named(name), created_at=tx.now())
            tx.insert(tenants, name=tenant.name, created_at=tenant.created_at)
            tx.append_audit("tenant.created", subject=made, actor=by, content={"name": tenant.name})
        return tenant

    def tenants(self) -> tuple[Tenant, ...]:
        """All tenants, oldest first."""
        with self._database.across_tenants("listing tenants", readonly=True) as tx:
            return tuple(store.tenant(row) for row in tx.select(tenants, order_by=(tenants.c.id,)))

    def tenant(self, tenant: str) -> Tenant:
        """`NotFound` where there is none of this id."""
        with self._database.read_transaction(tenant) as tx:
            return _tenant(tx)

    def create_key(
        self, tenant: str, name: str, scopes: Iterable[KeyScope] = APPLICATION, *, by: str = "operator"
    ) -> tuple[KeyRecord, str]:
        """A key and its token, `sk-safelight-...`, which is told this once and kept nowhere."""
        granted = frozenset(scopes)
        if not granted:
            raise BadInput("A key needs at least one scope.", param="scopes")
        token = new_token(KEY_PREFIX)
        with self._database.transaction(tenant) as tx:
            _tenant(tx)
            record = KeyRecord(
                id=new_id("key"),
                tenant=tenant,
                name=_named(name),
                scopes=granted,
                created_at=tx.now(),
                created_by=by,
                revoked_at=None,
                last_used_at=None,
            )
            words = sorted(scope.value for scope in granted)
            tx.insert(
                api_keys,
                id=record.id,
                name=record.name,
                digest=digest(token),
                scopes=words,
                created_at=record.created_at,
                created_by=by,
            )
            tx.append_audit(
                "key.created", subject=record.id, actor=by, content={"name": record.name, "scopes": words}
            )
        return record, token

    def keys(self, tenant: str) -> tuple[KeyRecord, ...]:
        """A tenant's keys, oldest first, the revoked ones too."""
        with self._database.read_transaction(tenant) as tx:
            return tuple(store.key(row) for row in tx.select(api_keys, order_by=(api_keys.c.id,)))

    def revoke(self, tenant: str, key: str, *, by: str = "operator") -> KeyRecord:
        """End a key. Other processes believe it for at most `cache_s` more."""
        with self._database.transaction(tenant) as tx:
            row = tx.one(api_keys, api_keys.c.id == key, lock=True)
            if row is None:
                raise NotFound(f"There is no key {key}.")
            if row.revoked_at is not None:
                raise Conflict(f"The key {key} is revoked already.")
            tx.update(api_keys, api_keys.c.id == key, revoked_at=tx.now())
            tx.append_audit("key.revoked", subject=key, actor=by, content={"name": row.name})
            revoked = tx.one(api_keys, api_keys.c.id == key)
        self._forget(row.digest)
        assert revoked is not None
        return store.key(revoked)

    def authenticate(self, token: str) -> Principal:
        """Whose key this is. Raises `Unauthenticated`, with the same words whatever is wrong with it."""
        if not well_formed(token, KEY_PREFIX):
            raise Unauthenticated(_WRONG_KEY, remedy=_KEY_REMEDY)
        wanted = digest(token)
        now = self._database.clock()
        with self._lock:
            known = self._cache.get(wanted)
        if known is not None and now - self._cache_s < known[0] <= now:
            return known[1]
        with self._database.across_tenants("whose key this is", readonly=True) as tx:
            row = tx.one(api_keys, api_keys.c.digest == wanted)
        if row is None or row.revoked_at is not None:
            self._forget(wanted)
            raise Unauthenticated(_WRONG_KEY, remedy=_KEY_REMEDY)
        principal = store.key_principal(row)
        if row.last_used_at is None or now - row.last_used_at >= USED_S:
            self._used(principal, now)
        self._remember(wanted, now, principal)
        return principal

    def create_login_link(self, principal: Principal, *, by: str = "operator") -> str:
        """A token that opens one session as this principal, once, within 15 minutes."""
        token = new_token(LINK_PREFIX)
        with self._database.transaction(principal.tenant) as tx:
            expires = tx.now() + LINK_S
            tx.insert(login_links, digest=digest(token), principal=store.pack(principal), expires_at=expires)
            tx.append_audit(
                "login_link.created",
                subject=principal.id,
                actor=by,
                content={"name": principal.name, "expires_at": expires},
            )
        return token

    def redeem(self, token: str) -> tuple[SessionRecord, str]:
        """Trade a login link for a session and its token. A link works once, even for two at a time."""
        row = None
        if well_formed(token, LINK_PREFIX):
            with self._database.across_tenants("whose login link this is", readonly=True) as tx:
                row = tx.one(login_links, login_links.c.digest == digest(token))
        if row is None:
            raise _bad_link()
        principal = store.unpack(row.tenant_id, row.principal)
        secret = new_token(SESSION_PREFIX)
        with self._database.transaction(principal.tenant) as tx:
            now = tx.now()
            taken = tx.update(
                login_links,
                login_links.c.digest == row.digest,
                login_links.c.used_at.is_(None),
                login_links.c.expires_at > now,
                used_at=now,
            )
            if not taken:
                raise _bad_link()
            record = SessionRecord(principal=principal, created_at=now, expires_at=now + SESSION_S)
            tx.insert(
                sessions,
                digest=digest(secret),
                principal=store.pack(principal),
                created_at=now,
                expires_at=record.expires_at,
            )
            tx.append_audit("session.opened", subject=principal.id, actor=principal.id, content={})
        return record, secret

    def session(self, token: str) -> Principal:
        """Who is behind a session's token. Raises `Unauthenticated`."""
        row = self._session(token)
        if row is None:
            raise Unauthenticated(
                "You are not signed in.", remedy="Ask the person who runs this gateway for a login link."
            )
        return row

    def end_session(self, token: str) -> None:
        """Sign out; nothing happens where nobody was in."""
        principal = self._session(token)
        if principal is None:
            return
        with self._database.transaction(principal.tenant) as tx:
            mine = (sessions.c.digest == digest(token), sessions.c.ended_at.is_(None))
            if tx.update(sessions, *mine, ended_at=tx.now()):
                tx.append_audit("session.ended", subject=principal.id, actor=principal.id, content={})

    def purge_expired(self) -> int:
        """Remove links and sessions that can no longer be used; says how many."""
        with self._database.across_tenants("expired links and sessions") as tx:
            now = tx.now()
            links = tx.delete(login_links, login_links.c.expires_at < now)
            return links + tx.delete(
                sessions, or_(sessions.c.expires_at < now, sessions.c.ended_at.is_not(None))
            )

    def _session(self, token: str) -> Principal | None:
        if not well_formed(token, SESSION_PREFIX):
            return None
        with self._database.across_tenants("whose session this is", readonly=True) as tx:
            row = tx.one(
                sessions,
                sessions.c.digest == digest(token),
                sessions.c.ended_at.is_(None),
                sessions.c.expires_at > tx.now(),
            )
        return None if row is None else store.unpack(row.tenant_id, row.principal)

    def _used(self, principal: Principal, now: float) -> None:
        # A full or busy database still tells who is asking.
        with suppress(Unavailable), self._database.transaction(principal.tenant) as tx:
            tx.update(api_keys, api_keys.c.id == principal.id, last_used_at=now)

    def _remember(self, wanted: str, now: float, principal: Principal) -> None:
        with self._lock:
            if len(self._cache) >= _CACHE_ENTRIES:
                self._cache.clear()
            self._cache[wanted] = (now, principal)

    def _forget(self, wanted: str) -> None:
        with self._lock:
            self._cache.pop(wanted, None)


def _tenant(tx: Transaction) -> Tenant:
    row = tx.one(tenants)
    if row is None:
        raise NotFound(f"There is no tenant {tx.tenant}.")
    return store.tenant(row)


def _named(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > _NAME_LENGTH or not cleaned.isprintable():
        raise BadInput(f"A name has 1 to {_NAME_LENGTH} printable characters.", param="name")
    return cleaned


def _bad_link() -> Unauthenticated:
    return Unauthenticated(
        "This login link has been used, has expired, or never was one.",
        remedy="Ask the person who runs this gateway for a fresh one.",
    )
