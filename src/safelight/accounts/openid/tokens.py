"""Verifies ID tokens and logout tokens. Pure functions of the token, the keys and the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from safelight.core.errors import Unauthenticated

from .models import EndedAtProvider, Identity, OpenIdClient

#: Signatures with a private key only: never `none`, and never a secret that several parties know.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: The clocks of two servers that use NTP differ by less.
CLOCK_SKEW_S = 60
#: A logout token is sent at once. An older one may be a copy.
MAX_LOGOUT_TOKEN_AGE_S = 120
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: The identifiers of known providers are shorter.
_MAX_IDENTIFIER_CHARACTERS = 255


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
