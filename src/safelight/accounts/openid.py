"""Sign-in and sign-out through an OpenID Connect provider."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from sqlalchemy import Row

from safelight.accounts import Role
from safelight.core.errors import Forbidden, SafelightError, Unauthenticated, Unavailable
from safelight.core.net.json_client import JsonClient, JsonExchangeFailed
from safelight.store.database import Database, Transaction
from safelight.store.key_ring import EncryptedColumn, KeyRing
from safelight.store.tables import invitations, openid_attempts, openid_identities, openid_sessions, people
from safelight.store.tables import sessions as session_table

from .people import PersonState, SignedIn
from .people.invitations import withdraw_invitations
from .people.service import give_role, lock_owners
from .people.sign_in import open_session_of
from .people.store import find_row
from .sessions import end_sessions

# What this installation is at an OpenID provider, and what the provider states about a person.

CALLBACK_PATH = "/login/openid/callback"
#: The page to which the provider leads back after a sign-out.
SIGNED_OUT_PATH = "/login"
#: Signatures with a private key only: never `none`, and never a secret that several parties know.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: The clocks of two servers that use NTP differ by less.
CLOCK_SKEW_S = 60
#: A logout token is sent at once. An older one may be a copy.
MAX_LOGOUT_TOKEN_AGE_S = 120
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: The identifiers of known providers are shorter.
_MAX_IDENTIFIER_CHARACTERS = 255
#: A provider that changes its addresses keeps the old ones for longer.
METADATA_TTL_S = 3600.0
#: The shortest time between two reads of the keys. Any client can send a token with an unknown key.
KEYS_INTERVAL_S = 30.0
#: For this time, a provider that did not answer is not asked again, so that requests do not queue for it.
DOWN_S = 5.0
#: Time to sign in at the provider, with a second factor and a forgotten password.
ATTEMPT_TTL_S = 15 * 60.0
#: Who changed a role, in the audit log, if a claim did.
ACTOR = "openid"
_SECRET_BYTES = 32
_MAX_PARAMETER_CHARACTERS = 4096


@dataclass(frozen=True, kw_only=True)
class OpenIdClient:
    """The registration of this installation at its provider."""

    issuer: str
    client_id: str
    #: Empty for a client that has only the proof key (PKCE).
    client_secret: str = field(default="", repr=False)
    #: Base URL of this installation, without a slash at its end.
    base_url: str
    scope: str = "openid email"

    @property
    def redirect_uri(self) -> str:
        return f"{self.base_url}{CALLBACK_PATH}"

    @property
    def signed_out_uri(self) -> str:
        return f"{self.base_url}{SIGNED_OUT_PATH}"


@dataclass(frozen=True, kw_only=True)
class OpenIdRules:
    """How claims become roles. Without `roles`, each person keeps the role of the invitation."""

    groups_claim: str = "groups"
    #: The role of each group. A person in several of them gets the role of the first.
    roles: tuple[tuple[str, Role], ...] = ()

    def role(self, present: Role, groups: frozenset[str]) -> Role | None:
        """The role of a person who is in these groups; None if none of the groups may sign in.

        Groups neither give nor take the role owner unless one of them is configured for it.
        """
        if not self.roles:
            return present
        if present is Role.OWNER and Role.OWNER not in {role for _, role in self.roles}:
            return present
        return next((role for group, role in self.roles if group in groups), None)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person as a verified ID token describes them."""

    issuer: str
    subject: str
    #: Empty unless the provider has verified the address.
    email: str
    groups: frozenset[str]
    #: The session at the provider; empty if the provider does not name it.
    sid: str
    #: The token itself, which names the session when a person signs out.
    id_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class EndedAtProvider:
    """A verified message of the provider that sessions ended. At least one of `subject` and `sid` is set."""

    issuer: str
    subject: str
    sid: str


@dataclass(frozen=True, kw_only=True)
class BegunSignIn:
    """Where a browser goes to sign in, and the secret that binds the answer to this browser."""

    url: str
    browser_secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CallbackAnswer:
    """What the provider sent back through the browser."""

    state: str
    code: str = field(default="", repr=False)
    #: The issuer as the answer names it (RFC 9207); empty if it names none.
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class CompletedSignIn:
    signed_in: SignedIn
    #: The page from which the sign-in began.
    back: str


# Verifies ID tokens and logout tokens. Pure functions of the token, the keys and the time.


def read_id_token(
    token: str, keys: KeySet, client: OpenIdClient, *, nonce: str, groups_claim: str, now: float
) -> Identity:
    """The person whom an ID token names. Raises `Unauthenticated` if anything in it is not as expected."""
    claims = _verified_claims(
        token,
        keys,
        client,
        now,
        exp={"essential": True},
        sub={"essential": True},
    )
    # Here, because joserfc also accepts a list that contains the value.
    if claims.get("nonce") != nonce:
        raise untrusted("The token was made for another sign-in.")
    audience = claims["aud"]
    party = claims.get("azp")
    if party is not None and party != client.client_id:
        raise untrusted("The token was made for another client.")
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise untrusted("The token is for several clients and does not name this one.")
    email = claims.get("email") if claims.get("email_verified") is True else None
    groups = claims.get(groups_claim)
    return Identity(
        issuer=client.issuer,
        subject=_identifier(claims, "sub"),
        email=email.strip().lower() if isinstance(email, str) else "",
        groups=frozenset(
            each
            for each in (groups if isinstance(groups, list) else [groups])
            if isinstance(each, str) and each
        ),
        sid=_identifier(claims, "sid"),
        id_token=token,
    )


def read_logout_token(token: str, keys: KeySet, client: OpenIdClient, *, now: float) -> EndedAtProvider:
    """Whose sessions ended. Raises `Unauthenticated` if anything in it is not as expected."""
    claims = _verified_claims(token, keys, client, now, jti={"essential": True}, events={"essential": True})
    if claims["iat"] < now - MAX_LOGOUT_TOKEN_AGE_S:
        raise untrusted("The logout token is too old.")
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict):
        raise untrusted("The token is not a logout token.")
    # An ID token must never pass as a logout token.
    if "nonce" in claims:
        raise untrusted("A logout token must not contain a nonce.")
    subject, sid = _identifier(claims, "sub"), _identifier(claims, "sid")
    if not subject and not sid:
        raise untrusted("The logout token names no person and no session.")
    return EndedAtProvider(issuer=client.issuer, subject=subject, sid=sid)


def untrusted(message: str) -> Unauthenticated:
    """The answer of the provider cannot be trusted."""
    return Unauthenticated(message, param="openid")


def _verified_claims(
    token: str, keys: KeySet, client: OpenIdClient, now: float, **further: Any
) -> Mapping[str, Any]:
    """The claims of a token for this client that was signed with one of these keys."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=CLOCK_SKEW_S,
        iss={"essential": True, "value": client.issuer},
        aud={"essential": True, "value": client.client_id},
        iat={"essential": True},
        **further,
    )
    try:
        claims = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
        registry.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise untrusted(f"The token of the provider was refused: {error}") from error
    return claims


def _identifier(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > _MAX_IDENTIFIER_CHARACTERS or "\0" in value:
        raise untrusted(f"The claim {name} is not an identifier.")
    return value


# The OpenID provider: its metadata and keys, and the exchange of codes for tokens.


@dataclass(frozen=True, kw_only=True)
class _Metadata:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    #: Empty if the provider has no sign-out.
    end_session_endpoint: str
    sends_secret_in_form: bool
    names_issuer_in_answer: bool
    read_at: float


@dataclass(frozen=True)
class _Keys:
    keys: KeySet
    read_at: float


class OpenIdProvider:
    """One provider. Raises `Unavailable` if it does not answer, and `Unauthenticated` if it lies."""

    def __init__(
        self, client: OpenIdClient, http: JsonClient, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.client = client
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._keys: _Keys | None = None
        self._down_until = 0.0

    def sign_in_url(self, *, state: str, nonce: str, challenge: str) -> str:
        """Where a browser goes to sign in. `challenge` is the SHA-256 of the proof key (PKCE)."""
        return _with_query(
            self._read_metadata().authorization_endpoint,
            response_type="code",
            client_id=self.client.client_id,
            redirect_uri=self.client.redirect_uri,
            scope=self.client.scope,
            state=state,
            nonce=nonce,
            code_challenge=challenge,
            code_challenge_method="S256",
        )

    def sign_out_url(self, id_token: str) -> str | None:
        """Where a browser goes to sign out at the provider; None if the provider has no sign-out."""
        endpoint = self._read_metadata().end_session_endpoint
        if not endpoint:
            return None
        hint = {"id_token_hint": id_token} if id_token else {}
        return _with_query(
            endpoint,
            client_id=self.client.client_id,
            post_logout_redirect_uri=self.client.signed_out_uri,
            **hint,
        )

    def check_issuer(self, named: str) -> None:
        """Check the issuer in an answer (RFC 9207): another provider may have sent it."""
        if named != self.client.issuer and (named or self._read_metadata().names_issuer_in_answer):
            raise untrusted("The answer is from another provider.")

    def exchange(self, code: str, verifier: str) -> str:
        """The ID token for a code. A code works once."""
        metadata = self._read_metadata()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        secret = self.client.client_secret
        if not secret or metadata.sends_secret_in_form:
            fields |= {"client_id": self.client.client_id, **({"client_secret": secret} if secret else {})}
        else:
            # RFC 6749, 2.3.1: both are encoded like form fields first.
            pair = f"{quote(self.client.client_id, safe='')}:{quote(secret, safe='')}"
            headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        status, answer = self._ask(
            lambda: self._http.post_form(self._checked(metadata.token_endpoint), fields, headers)
        )
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise untrusted(f"The provider gave no token: {str(answer.get('error', status))[:80]}.")
        return token

    def keys_for(self, token: str) -> KeySet:
        """The keys of the provider. They are read again for a token with an unknown key."""
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError) as error:
            raise untrusted("The token is not a JSON Web Token.") from error
        with self._lock:
            known = self._keys
        now = self._clock()
        if known is not None and now - known.read_at < METADATA_TTL_S:
            has_key = kid is None or any(key.kid == kid for key in known.keys.keys)
            if has_key or now - known.read_at < KEYS_INTERVAL_S:
                return known.keys
        status, document = self._ask(lambda: self._http.get(self._checked(self._read_metadata().jwks_uri)))
        try:
            if status != 200:
                raise ValueError
            read = _import_keys(document["keys"])
        except (ValueError, KeyError, TypeError) as error:
            raise untrusted("The keys of the provider cannot be read.") from error
        with self._lock:
            self._keys = _Keys(read, now)
        return read

    def _read_metadata(self) -> _Metadata:
        with self._lock:
            known = self._metadata
        if known is not None and self._clock() - known.read_at < METADATA_TTL_S:
            return known
        url = f"{self.client.issuer.removesuffix('/')}/.well-known/openid-configuration"
        status, document = self._ask(lambda: self._http.get(self._checked(url)))
        if status != 200:
            raise _down()
        if document.get("issuer") != self.client.issuer:
            raise untrusted("The provider names another issuer than the one that is configured.")
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        read = _Metadata(
            authorization_endpoint=self._checked(document.get("authorization_endpoint")),
            token_endpoint=self._checked(document.get("token_endpoint")),
            jwks_uri=self._checked(document.get("jwks_uri")),
            end_session_endpoint=self._checked(document.get("end_session_endpoint") or "", may_lack=True),
            sends_secret_in_form="client_secret_basic" not in methods,
            names_issuer_in_answer=document.get("authorization_response_iss_parameter_supported") is True,
            read_at=self._clock(),
        )
        with self._lock:
            self._metadata = read
        return read

    def _ask(self, request: Callable[[], tuple[int, Mapping[str, Any]]]) -> tuple[int, Mapping[str, Any]]:
        if self._clock() < self._down_until:
            raise _down()
        try:
            return request()
        except JsonExchangeFailed as error:
            # Some providers refuse a wrong code with a page of HTML, and any client can send wrong codes.
            if not error.was_refused:
                self._down_until = self._clock() + DOWN_S
            raise _down() from error

    def _checked(self, url: object, *, may_lack: bool = False) -> str:
        """The address, if it is as well protected as the issuer."""
        if may_lack and not url:
            return ""
        if not isinstance(url, str) or not url.isprintable():
            raise untrusted("The provider does not name all of its addresses.")
        try:
            scheme = urlsplit(url).scheme
        except ValueError as error:
            raise untrusted("The provider names an address that is not valid.") from error
        if scheme != "https" and scheme != urlsplit(self.client.issuer).scheme:
            raise untrusted("The provider names an address without TLS.")
        return url


def _import_keys(documents: Sequence[Mapping[str, Any]]) -> KeySet:
    """The keys for signatures that can be read; others are ignored (RFC 7517, section 5). One is needed."""
    keys: list[Key] = []
    for document in documents:
        with suppress(JoseError, ValueError, KeyError, TypeError, AttributeError):
            if document.get("use", "sig") == "sig":
                keys.append(JWKRegistry.import_key(dict(document)))
    if not keys:
        raise ValueError("No key can be read.")
    return KeySet(keys)


def _with_query(endpoint: str, **fields: str) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(fields)}"


def _down() -> Unavailable:
    return Unavailable(
        "The provider of the sign-in does not answer.",
        retry_after_s=DOWN_S,
        remedy="Sign in with e-mail address and password, or try again later.",
    )


# Signs people in and out through an OpenID provider (authorization code with PKCE).


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

    def _find_person(self, identity: Identity) -> Row[Any] | None:
        """The person with this identity, or else the one with its verified address."""
        with self._database.across_tenants("signing in", readonly=True) as tx:
            linked = tx.one(
                openid_identities,
                openid_identities.c.issuer == identity.issuer,
                openid_identities.c.subject == identity.subject,
            )
            if linked is not None:
                return tx.one(people, people.c.id == linked.person_id)
            if not identity.email or not identity.email.isprintable():
                return None
            return tx.one(people, people.c.email == identity.email)


def _is_linked(tx: Transaction, row: Row[Any], identity: Identity) -> bool:
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
    tx.update(people, people.c.id == row.id, state=PersonState.ACTIVE.value)
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
