"""Signs people in and out through an OpenID provider (authorization code with PKCE)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress

from safelight.accounts import Role
from safelight.accounts.people import PersonState, SignedIn
from safelight.accounts.people.invitations import withdraw_invitations
from safelight.accounts.people.service import give_role, lock_owners
from safelight.accounts.people.sign_in import open_session_of
from safelight.accounts.people.store import find_row
from safelight.accounts.sessions import end_sessions
from safelight.core.errors import Forbidden, SafelightError, Unauthenticated
from safelight.store.database import Database, Row, Transaction
from safelight.store.key_ring import EncryptedColumn, KeyRing
from safelight.store.tables import (
    invitations,
    openid_attempts,
    openid_identities,
    openid_sessions,
    people,
)
from safelight.store.tables import (
    sessions as session_table,
)

from .models import BegunSignIn, CallbackAnswer, CompletedSignIn, Identity, OpenIdRules
from .provider import OpenIdProvider
from .tokens import read_id_token, read_logout_token, untrusted

#: Time to sign in at the provider, with a second factor and a forgotten password.
ATTEMPT_TTL_S = 15 * 60.0
#: Who changed a role, in the audit log, if a claim did.
ACTOR = "openid"
_SECRET_BYTES = 32
_MAX_PARAMETER_CHARACTERS = 4096


class OpenIdSignIn:
    """Sign-in and sign-out through one provider.

    A person is known by issuer and subject. The first sign-in connects them to the person whose open
    invitation has the same address, if the provider has verified the address.
    """

    def __init__(
        self, database: Database, keys: KeyRing, provider: OpenIdProvider, rules: OpenIdRules
    ) -> None:
        self._database = database
        self._keys = keys
        self._provider = provider
        self._rules = rules

    def begin(self, back: str) -> BegunSignIn:
        """Begin a sign-in that leads back to the page `back`. Raises `Unavailable`."""
        state, secret = secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        url = self._provider.sign_in_url(
            state=state,
            nonce=_derive(secret, "nonce", state),
            challenge=_encode(hashlib.sha256(_derive(secret, "verifier", state).encode()).digest()),
        )
        with self._database.across_tenants("beginning a sign-in") as tx:
            tx.insert(
                openid_attempts,
                state_digest=_digest(state),
                browser_digest=_digest(secret),
                back=back,
                expires_at=tx.now() + ATTEMPT_TTL_S,
            )
        return BegunSignIn(url=url, browser_secret=secret)

    def complete(self, answer: CallbackAnswer, browser_secret: str, *, browser: str = "") -> CompletedSignIn:
        """Open a session for the person whom the provider names.

        Raises `Unauthenticated` if the answer does not belong to a sign-in that this browser began, was used
        already, or is not as expected; `Forbidden` for a person who may not sign in here; `Unavailable`.
        """
        back = self._take_attempt(answer.state, browser_secret)
        if answer.error:
            raise Unauthenticated(
                "The sign-in at the provider was not completed.",
                param="openid_cancelled",
                remedy="Begin again.",
            )
        if not answer.code or len(answer.code) > _MAX_PARAMETER_CHARACTERS:
            raise untrusted("The provider did not sign you in.")
        self._provider.check_issuer(answer.issuer)
        token = self._provider.exchange(answer.code, _derive(browser_secret, "verifier", answer.state))
        identity = read_id_token(
            token,
            self._provider.keys_for(token),
            self._provider.client,
            nonce=_derive(browser_secret, "nonce", answer.state),
            groups_claim=self._rules.groups_claim,
            now=self._database.clock(),
        )
        return CompletedSignIn(signed_in=self._open(identity, browser), back=back)

    def sign_out_url(self, session: str) -> str | None:
        """Where the browser of this session goes to sign out at the provider too; None if nowhere."""
        with self._database.across_tenants("signing out", readonly=True) as tx:
            row = tx.one(openid_sessions, openid_sessions.c.session_id == session) if session else None
        if row is None:
            return None
        token = self._keys.decrypt(row.id_token, _token_record(session))
        # The session here ends also if the provider does not answer.
        with suppress(SafelightError):
            return self._provider.sign_out_url("" if token is None else token.decode())
        return None

    def end_by_provider(self, logout_token: str) -> int:
        """End the sessions that ended at the provider. Returns their number.

        Raises `Unauthenticated` for a token that is not as expected.
        """
        if len(logout_token) > 8 * _MAX_PARAMETER_CHARACTERS:
            raise untrusted("The logout token is too long.")
        keys = self._provider.keys_for(logout_token)
        ended = read_logout_token(logout_token, keys, self._provider.client, now=self._database.clock())
        where = [openid_sessions.c.issuer == ended.issuer]
        if ended.sid:
            where.append(openid_sessions.c.sid == ended.sid)
        if ended.subject:
            where.append(openid_sessions.c.subject == ended.subject)
        with self._database.across_tenants("sign-out at the provider", readonly=True) as tx:
            found = tx.select(openid_sessions, *where)
        count = 0
        for row in found:
            with self._database.transaction(row.tenant_id) as tx:
                count += end_sessions(tx, row.person_id, session_table.c.id == row.session_id, by=ACTOR)
        return count

    def _take_attempt(self, state: str, secret: str) -> str:
        """End the attempt with this state, which this browser began, and return its page."""
        conditions = (
            openid_attempts.c.state_digest == _digest(state),
            openid_attempts.c.browser_digest == _digest(secret),
        )
        with self._database.across_tenants("completing a sign-in") as tx:
            row = tx.one(openid_attempts, *conditions, openid_attempts.c.expires_at > tx.now(), lock=True)
            if row is None or not tx.delete(openid_attempts, *conditions):
                raise Unauthenticated(
                    "This sign-in was not begun in this browser, is complete already, or took too long.",
                    param="openid_state",
                    remedy="Begin again.",
                )
        return str(row.back)

    def _open(self, identity: Identity, browser: str) -> SignedIn:
        known = self._find_person(identity)
        if known is None:
            raise _unknown()
        with self._database.transaction(known.tenant_id) as tx:
            if self._rules.roles:
                lock_owners(tx)
            row = find_row(tx, known.id, lock=True)
            if not _is_linked(tx, row, identity):
                raise _unknown()
            role = self._rules.role(Role(row.role), identity.groups)
            if role is None:
                raise Forbidden(
                    "None of your groups at the provider may sign in here.",
                    param="openid_groups",
                    remedy="Ask the owner of this installation.",
                )
            if role.value != row.role:
                give_role(tx, row.id, role, by=ACTOR)
            signed_in = open_session_of(tx, find_row(tx, row.id), browser)
            session = signed_in.session.id
            tx.insert(
                openid_sessions,
                session_id=session,
                person_id=row.id,
                issuer=identity.issuer,
                subject=identity.subject,
                sid=identity.sid,
                id_token=self._keys.encrypt(identity.id_token.encode(), _token_record(session)),
            )
            return signed_in

    def _find_person(self, identity: Identity) -> Row | None:
        """The person with this identity, or else the one with its verified address."""
        with self._database.across_tenants("signing in", readonly=True) as tx:
            linked = tx.one(
                openid_identities,
                openid_identities.c.issuer == identity.issuer,
                openid_identities.c.subject == identity.subject,
            )
            if linked is not None:
                return tx.one(people, linked.person_id)
            if not identity.email or not identity.email.isprintable():
                return None
            return tx.one(people, people.c.email == identity.email)


def _is_linked(tx: Transaction, row: Row, identity: Identity) -> bool:
    """Whether the person of this locked row has this identity. An open invitation is accepted by it."""
    linked = tx.one(openid_identities, openid_identities.c.person_id == row.id)
    if linked is not None:
        same = (linked.issuer, linked.subject) == (identity.issuer, identity.subject)
        return same and bool(row.state == PersonState.ACTIVE)
    invited = tx.one(invitations, invitations.c.person_id == row.id, invitations.c.expires_at > tx.now())
    if row.state != PersonState.INVITED or row.email != identity.email or invited is None:
        return False
    withdraw_invitations(tx, row.id)
    tx.insert(
        openid_identities,
        person_id=row.id,
        issuer=identity.issuer,
        subject=identity.subject,
        linked_at=tx.now(),
    )
    tx.update(people, row.id, state=PersonState.ACTIVE.value)
    tx.append_audit(
        "person.identity_linked", subject=row.id, actor=row.id, content={"issuer": identity.issuer}
    )
    return True


def _unknown() -> Forbidden:
    return Forbidden(
        "No person here has this account of the provider.",
        param="openid_person",
        remedy="Ask the owner of this installation for an invitation to the address that the provider has "
        "verified, and sign in again.",
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _derive(secret: str, purpose: str, state: str) -> str:
    """A value that only the browser with this secret can name again, so that none has to be stored."""
    return _encode(hmac.new(secret.encode(), f"{purpose}:{state}".encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _token_record(session: str) -> str:
    """The associated data of a session's encrypted ID token."""
    return f"openid_sessions:{session}:id_token"


ID_TOKENS = EncryptedColumn(
    table=openid_sessions, identity="session_id", column="id_token", record=_token_record
)
