"""Creates tenants, API keys and login links, and authenticates requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import select

from safelight.core.errors import Conflict, NotFound, Unauthenticated, Unavailable
from safelight.core.ids import new_id
from safelight.store.database import Database
from safelight.store.rows import read_record
from safelight.store.tables import (
    api_keys,
    invitations,
    login_links,
    openid_attempts,
    openid_sessions,
    sessions,
    tenants,
)

from . import store
from .deciders import find_tenants_with_deciders
from .keys import add_key, revoke_key_in, validate_name
from .models import (
    APPLICATION_SCOPES,
    KEY_PREFIX,
    LINK_PREFIX,
    OPERATOR,
    KeyRecord,
    KeyScope,
    Principal,
    SessionRecord,
    Tenant,
    hash_token,
    is_well_formed,
    new_token,
)
from .sessions import LAST_USED_INTERVAL_S, Sessions, open_session, purge_sessions

#: How long an authenticated token is accepted before the database is read again.
TOKEN_CACHE_S = 3.0
LOGIN_LINK_TTL_S = 15 * 60.0

_MAX_CACHED_TOKENS = 10_000
_WRONG_KEY = "The API key is missing or wrong."
_KEY_REMEDY = (
    "Create one with `safelight keys create`, and send it as `Authorization: Bearer sk-safelight-...`."
)


class Accounts:
    """Manages tenants, keys and login links. Every change is recorded in the audit log."""

    def __init__(self, database: Database, *, cache_s: float = TOKEN_CACHE_S) -> None:
        self._database = database
        self.sessions = Sessions(database)
        self._cache_s = cache_s
        self._cache: dict[str, tuple[float, Principal]] = {}
        #: Keys that this process has revoked. A key that was read before a revocation is not cached.
        self._revocations = 0
        self._lock = threading.Lock()

    def create_tenant(self, name: str) -> Tenant:
        """Create a tenant. Several tenants may have the same name."""
        identity = new_id("tenant")
        with self._database.transaction(identity) as tx:
            tenant = Tenant(id=identity, name=validate_name(name), created_at=tx.now())
            tx.insert(tenants, name=tenant.name, created_at=tenant.created_at)
            tx.append_audit("tenant.created", subject=identity, actor=OPERATOR, content={"name": tenant.name})
        return tenant

    def list_tenants(self) -> tuple[Tenant, ...]:
        """All tenants, oldest first."""
        with self._database.across_tenants("listing tenants", readonly=True) as tx:
            return tuple(read_record(Tenant, row) for row in tx.select(tenants, order_by=(tenants.c.id,)))

    def tenants_with_reviewer(self) -> frozenset[str]:
        """The ids of the tenants whose cases a key in force or an active person may decide."""
        with self._database.across_tenants("who may decide cases", readonly=True) as whole:
            return find_tenants_with_deciders(whole)

    def create_key(
        self, tenant: str, name: str, scopes: Iterable[KeyScope] = APPLICATION_SCOPES, *, by: str = "operator"
    ) -> tuple[KeyRecord, str]:
        """Create an API key. Its token, `sk-safelight-...`, is returned only here and is not stored."""
        with self._database.transaction(tenant) as tx:
            return add_key(tx, name, scopes, by=by)

    def create_own_key(
        self, principal: Principal, name: str, scopes: Iterable[KeyScope]
    ) -> tuple[KeyRecord, str]:
        """Create an API key with those of these scopes that the principal has."""
        principal.require(KeyScope.ADMIN)
        return self.create_key(principal.tenant, name, principal.scopes & set(scopes), by=principal.id)

    def list_keys(self, tenant: str) -> tuple[KeyRecord, ...]:
        """The API keys of a tenant, oldest first, including revoked ones."""
        with self._database.read_transaction(tenant) as tx:
            return tuple(store.key_from_row(row) for row in tx.select(api_keys, order_by=(api_keys.c.id,)))

    def find_key(self, tenant: str, key: str) -> Principal | None:
        """The principal of an API key by its id; None if it does not exist or was revoked."""
        with self._database.read_transaction(tenant) as tx:
            row = tx.one(api_keys, key)
        return None if row is None or row.revoked_at is not None else store.principal_from_row(row)

    def revoke_key(self, tenant: str, key: str, *, by: str = "operator") -> KeyRecord:
        """Revoke an API key. Other processes may still accept it for up to `cache_s` seconds."""
        with self._database.transaction(tenant) as tx:
            row = tx.one(api_keys, key, lock=True)
            if row is None:
                raise NotFound(f"There is no key {key}.")
            if row.revoked_at is not None:
                raise Conflict(f"The key {key} was revoked already.")
            revoke_key_in(tx, key, by=by)
            revoked = tx.one(api_keys, key)
        with self._lock:
            self._revocations += 1
            self._cache.pop(row.digest, None)
        assert revoked is not None
        return store.key_from_row(revoked)

    def authenticate(self, token: str) -> Principal:
        """The principal of an API key. Raises `Unauthenticated`, with the same message for every cause."""
        if not is_well_formed(token, KEY_PREFIX):
            raise Unauthenticated(_WRONG_KEY, remedy=_KEY_REMEDY)
        principal = self.recall(token)
        if principal is not None:
            return principal
        token_hash, revocations = hash_token(token), self._revocations
        now = self._database.clock()
        with self._database.across_tenants("authenticating a key", readonly=True) as tx:
            row = tx.one(api_keys, api_keys.c.digest == token_hash)
        if row is None or row.revoked_at is not None:
            raise Unauthenticated(_WRONG_KEY, remedy=_KEY_REMEDY)
        principal = store.principal_from_row(row)
        if row.last_used_at is None or now - row.last_used_at >= LAST_USED_INTERVAL_S:
            self._update_last_used(principal, now)
        with self._lock:
            if revocations == self._revocations:
                if len(self._cache) >= _MAX_CACHED_TOKENS:
                    self._cache.clear()
                self._cache[token_hash] = (now, principal)
        return principal

    def recall(self, token: str) -> Principal | None:
        """The principal of an API key that was authenticated a short time ago. Does not read the database."""
        now = self._database.clock()
        with self._lock:
            cached = self._cache.get(hash_token(token))
        return cached[1] if cached is not None and now - self._cache_s < cached[0] <= now else None

    def create_login_link(self, principal: Principal) -> str:
        """Create the token of a login link. It opens one session as this principal, within 15 minutes."""
        token = new_token(LINK_PREFIX)
        with self._database.transaction(principal.tenant) as tx:
            expires = tx.now() + LOGIN_LINK_TTL_S
            tx.insert(
                login_links,
                digest=hash_token(token),
                principal=store.encode_principal(principal),
                expires_at=expires,
            )
            tx.append_audit(
                "login_link.created",
                subject=principal.id,
                actor=OPERATOR,
                content={"name": principal.name, "expires_at": expires},
            )
        return token

    def redeem_login_link(self, token: str, *, browser: str = "") -> tuple[SessionRecord, str]:
        """Open a session from a login link. Returns the session and its token.

        A login link works only once, even if two requests use it at the same time. Raises `Unauthenticated`
        if the link is invalid, used or expired.
        """
        row = None
        if is_well_formed(token, LINK_PREFIX):
            with self._database.across_tenants("authenticating a login link", readonly=True) as tx:
                row = tx.one(login_links, login_links.c.digest == hash_token(token))
        if row is None:
            raise _invalid_link()
        principal = store.decode_principal(row.tenant_id, row.principal)
        with self._database.transaction(principal.tenant) as tx:
            now = tx.now()
            redeemed = tx.update(
                login_links,
                login_links.c.digest == row.digest,
                login_links.c.used_at.is_(None),
                login_links.c.expires_at > now,
                used_at=now,
            )
            if not redeemed:
                raise _invalid_link()
            return open_session(tx, principal, browser=browser)

    def purge_expired(self) -> int:
        """Delete expired login links, invitations and begun sign-ins, and expired or ended sessions.

        Returns the number of deleted rows.
        """
        with self._database.across_tenants("expired links and sessions") as tx:
            links = tx.delete(login_links, login_links.c.expires_at < tx.now())
            links += tx.delete(invitations, invitations.c.expires_at < tx.now())
            links += tx.delete(openid_attempts, openid_attempts.c.expires_at < tx.now())
            ended = purge_sessions(tx)
            tx.delete(openid_sessions, openid_sessions.c.session_id.not_in(select(sessions.c.id)))
            return links + ended

    def _update_last_used(self, principal: Principal, now: float) -> None:
        # A request is authenticated even if this update fails because the database is full or busy.
        with suppress(Unavailable), self._database.transaction(principal.tenant) as tx:
            tx.update(api_keys, principal.id, last_used_at=now)


def _invalid_link() -> Unauthenticated:
    return Unauthenticated(
        "This login link is invalid, used or expired.",
        remedy="Ask the operator of this gateway for a new one.",
    )
