"""Every claim of an ID token and of a logout token is checked, without a provider."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from safelight.accounts import Role
from safelight.accounts.openid import OpenIdClient, OpenIdRules, read_id_token, read_logout_token
from safelight.core.errors import Unauthenticated

NOW = 1_800_000_000.0
ISSUER = "https://login.example.com/realms/acme"
CLIENT = OpenIdClient(issuer=ISSUER, client_id="safelight", base_url="https://safelight.example")
KEY = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
KEYS = KeySet([RSAKey.import_key(KEY.as_dict(private=False))])
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ID_CLAIMS = {
    "iss": ISSUER,
    "aud": "safelight",
    "sub": "ada",
    "nonce": "n",
    "iat": NOW,
    "exp": NOW + 300,
    "email": " Ada@Example.com",
    "email_verified": True,
    "sid": "s",
    "groups": ["a", "b", 7],
}
LOGOUT_CLAIMS = {
    "iss": ISSUER,
    "aud": ["safelight"],
    "sub": "ada",
    "sid": "s",
    "iat": NOW - 5,
    "jti": "1",
    "events": {LOGOUT_EVENT: {}},
}


#: A claim that is left out.
class _Missing(Enum):
    """Marks a claim that is left out. An enum, so that the names of tests are equal in every worker."""

    MISSING = "missing"


MISSING = _Missing.MISSING


def sign(claims: Mapping[str, Any], changes: Mapping[str, Any], key: RSAKey = KEY) -> str:
    merged = {name: value for name, value in {**claims, **changes}.items() if value is not MISSING}
    return jwt.encode({"alg": "RS256", "kid": "one"}, merged, key)


def read(token: str) -> Any:
    return read_id_token(token, KEYS, CLIENT, nonce="n", groups_claim="groups", now=NOW)


def test_a_person_is_read_from_an_id_token() -> None:
    identity = read(sign(ID_CLAIMS, {}))
    assert (identity.subject, identity.email, identity.sid) == ("ada", "ada@example.com", "s")
    assert identity.groups == {"a", "b"}
    assert "eyJ" not in repr(identity)
    several = read(sign(ID_CLAIMS, {"aud": ["safelight", "x"], "azp": "safelight", "exp": NOW - 59}))
    assert several.subject == "ada"


@pytest.mark.parametrize("unverified", [False, "true", 1, None, MISSING])
def test_an_address_that_is_not_verified_is_not_read(unverified: object) -> None:
    assert read(sign(ID_CLAIMS, {"email_verified": unverified})).email == ""


@pytest.mark.parametrize(
    "change",
    [
        *({name: MISSING} for name in ("iss", "aud", "sub", "nonce", "iat", "exp")),
        {"iss": ISSUER + "/"},
        {"aud": "safelight2"},
        {"aud": []},
        {"aud": ["safelight", "x"]},
        {"azp": "x"},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "a\0"},
        {"nonce": "m"},
        {"nonce": ["n", "m"]},
        {"exp": NOW - 61},
        {"exp": "tomorrow"},
        {"iat": NOW + 61},
        {"nbf": NOW + 61},
        {"sid": 7},
    ],
    ids=str,
)
def test_an_id_token_with_a_wrong_claim_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        read(sign(ID_CLAIMS, change))
    assert refused.value.param == "openid"


def test_a_token_without_the_signature_of_the_provider_is_refused() -> None:
    strange = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    whole = sign(ID_CLAIMS, {})
    payload = whole.split(".")[1]
    none, hs256 = _encode(b'{"alg":"none"}'), _encode(b'{"alg":"HS256","kid":"one"}')
    unsigned = f"{none}.{payload}."
    # The public key as a shared secret: an attack on libraries that let the token choose.
    body = f"{hs256}.{payload}"
    shared = f"{body}.{_encode(hmac.digest(KEY.as_pem(private=False), body.encode(), 'sha256'))}"
    logout, altered = sign(LOGOUT_CLAIMS, {}), whole[:-4] + "AAAA"
    for forged in (sign(ID_CLAIMS, {}, strange), unsigned, shared, altered, "", "a.b.c", logout):
        with pytest.raises(Unauthenticated):
            read(forged)
    with pytest.raises(Unauthenticated):
        read_logout_token(whole, KEYS, CLIENT, now=NOW)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_logout_token_names_the_sessions_that_ended() -> None:
    ended = read_logout_token(sign(LOGOUT_CLAIMS, {}), KEYS, CLIENT, now=NOW)
    assert (ended.issuer, ended.subject, ended.sid) == (ISSUER, "ada", "s")


@pytest.mark.parametrize(
    "change",
    [
        *({name: MISSING} for name in ("iss", "aud", "iat", "jti", "events")),
        {"sub": MISSING, "sid": MISSING},
        {"aud": "another"},
        {"events": {}},
        {"events": [LOGOUT_EVENT]},
        {"events": {LOGOUT_EVENT: True}},
        {"nonce": "n"},
        {"iat": NOW - 121},
        {"exp": NOW - 61},
    ],
    ids=str,
)
def test_a_logout_token_with_a_wrong_claim_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        read_logout_token(sign(LOGOUT_CLAIMS, change), KEYS, CLIENT, now=NOW)


def test_the_first_configured_group_decides_and_groups_alone_make_no_owner() -> None:
    rules = OpenIdRules(roles=(("a", Role.SENIOR_REVIEWER), ("b", Role.REVIEWER)))
    assert rules.role(Role.CREATOR, frozenset({"b", "a"})) is Role.SENIOR_REVIEWER
    assert rules.role(Role.CREATOR, frozenset({"c"})) is None
    assert rules.role(Role.OWNER, frozenset({"b"})) is Role.OWNER
    assert OpenIdRules().role(Role.AUDITOR, frozenset()) is Role.AUDITOR
