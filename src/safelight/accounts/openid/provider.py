"""The OpenID provider: its metadata and keys, and the exchange of codes for tokens."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from safelight.core.errors import Unavailable
from safelight.core.net.json_client import JsonClient, JsonExchangeFailed

from .models import OpenIdClient
from .tokens import untrusted

#: A provider that changes its addresses keeps the old ones for longer.
METADATA_TTL_S = 3600.0
#: The shortest time between two reads of the keys. Any client can send a token with an unknown key.
KEYS_INTERVAL_S = 30.0
#: For this time, a provider that did not answer is not asked again, so that requests do not queue for it.
DOWN_S = 5.0


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
