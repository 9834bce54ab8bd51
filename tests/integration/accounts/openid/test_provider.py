"""A provider that is down, silent, or does not answer with JSON; and what the sign-in page says then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from safelight.accounts.openid import OpenIdClient, OpenIdProvider, OpenIdRules, OpenIdSignIn
from safelight.accounts.people import People, SignIn
from safelight.core.errors import Unauthenticated, Unavailable
from safelight.core.net.json_client import JsonClient, JsonExchangeFailed
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.web.console.services import ConsoleServices, OpenIdServices, PeopleServices
from support.fake_api_server import live
from support.people import FastHasher

ISSUER = "https://login.example.com"
CLIENT = OpenIdClient(issuer=ISSUER, client_id="safelight", base_url="https://safelight.example")
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


METADATA = f"{ISSUER}/.well-known/openid-configuration"


class ScriptedHttp(JsonClient):
    """Answers with scripted documents instead of asking a server."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    def get(self, url: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(url)
        if url not in self.documents:
            raise JsonExchangeFailed("The connection failed.")
        return 200, self.documents[url]


def provider(documents: dict[str, Any]) -> OpenIdProvider:
    return OpenIdProvider(CLIENT, ScriptedHttp(documents), clock=lambda: 100.0)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://login.example.net"},
        {"issuer": None},
        {"authorization_endpoint": "http://login.example.com/auth"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
        {"jwks_uri": ["x"]},
        {"end_session_endpoint": "ftp://login.example.com"},
        {"jwks_uri": "https://["},
    ],
    ids=str,
)
def test_metadata_that_cannot_be_trusted_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        provider({METADATA: {**DOCUMENT, **change}}).sign_in_url(state="s", nonce="n", challenge="c")


def test_a_provider_that_does_not_answer_is_left_alone_for_some_seconds() -> None:
    now = [100.0]
    http = ScriptedHttp({})
    down = OpenIdProvider(CLIENT, http, clock=lambda: now[0])
    for _ in range(5):
        with pytest.raises(Unavailable):
            down.sign_in_url(state="s", nonce="n", challenge="c")
    assert len(http.asked) == 1
    now[0] += 6.0
    http.documents[METADATA] = DOCUMENT
    assert down.sign_in_url(state="s", nonce="n", challenge="c").startswith(f"{ISSUER}/auth?")
    assert down.sign_out_url("token") is None


def test_a_key_of_an_unknown_kind_does_not_hide_the_others() -> None:
    good = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    public = good.as_dict(private=False)
    unknown = {"kty": "EC", "crv": "brainpoolP256r1", "x": "AA", "y": "AA", "kid": "two"}
    encrypting = {**public, "kid": "three", "use": "enc"}
    token = jwt.encode({"alg": "RS256", "kid": "one"}, {}, good)

    def publishing(*keys: object) -> OpenIdProvider:
        return provider({METADATA: DOCUMENT, f"{ISSUER}/keys": {"keys": list(keys)}})

    keys = publishing(unknown, encrypting, "x", public).keys_for(token)
    assert [key.kid for key in keys.keys] == ["one"]
    with pytest.raises(Unauthenticated, match="cannot be read"):
        publishing(unknown, encrypting).keys_for(token)


@pytest.mark.parametrize(("status", "asked"), [(400, 2), (500, 1), (0, 1)])
def test_a_refused_code_does_not_count_as_a_provider_that_is_down(status: int, asked: int) -> None:
    class Refusing(ScriptedHttp):
        def post_form(self, url: str, fields: object, headers: object) -> tuple[int, dict[str, Any]]:
            self.asked.append(url)
            raise JsonExchangeFailed("The answer is not JSON.", status=status)

    http = Refusing({METADATA: DOCUMENT})
    refusing = OpenIdProvider(CLIENT, http, clock=lambda: 100.0)
    for _ in range(2):
        with pytest.raises(Unavailable):
            refusing.exchange("wrong", "verifier")
    assert http.asked.count(f"{ISSUER}/token") == asked


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[str]:
    """A server whose provider is down."""
    folder = tmp_path_factory.mktemp("down")
    file = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, file)
    with closing(Database(f"sqlite:///{file}")) as database:
        keys = KeyRing.load(folder / "keys", "secrets", remedy="")
        service = OpenIdSignIn(database, keys, provider({}), OpenIdRules())
        pages = ConsoleServices(
            people=PeopleServices(people=People(database), sign_in=SignIn(database, keys, FastHasher())),
            openid=OpenIdServices(sign_in=service, name="Example account"),
        )
        with live(folder, file, pages=pages) as server:
            yield server.url


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Example account does not answer. Sign in with your e-mail address and password"),
        ("zh-Hant", "Example account 沒有回應"),
    ],
)
def test_the_page_says_that_the_provider_is_down_and_offers_the_password(
    gateway: str, language: str, text: str
) -> None:
    cookies = {"safelight_lang": language}
    with httpx.Client(base_url=gateway, cookies=cookies, headers={"accept": "text/html"}) as browser:
        assert browser.get("/login").status_code == 200
        page = browser.get("/login/openid", params={"back": "/review"})
        assert page.status_code == 503
        assert text in page.text
        assert 'name="password"' in page.text
        assert 'name="back" value="/review"' in page.text
        assert browser.get("/login/openid", params={"back": "//evil.example"}).text.count("evil") == 0


def test_a_json_client_reads_objects_only(tmp_path: Path) -> None:
    from support.fake_api_server import listening

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        bodies = {
            "/object": b'{"a": 1}',
            "/list": b"[]",
            "/deep": b"[" * 100_000,
            "/long": json.dumps({"a": "x" * 300_000}).encode(),
            "/text": b"<html>",
            "/redirect": b"",
        }
        status = 302 if scope["path"] == "/redirect" else 200
        headers = [(b"location", b"/object")] if status == 302 else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": bodies[scope["path"]]})

    with listening(_with_lifespan(app)) as url:
        client = JsonClient(allow_hosts={url.removeprefix("http://")})
        assert client.get(f"{url}/object") == (200, {"a": 1})
        assert client.post_form(f"{url}/object", {"a": "é&"}, {}) == (200, {"a": 1})
        for path in ("list", "deep", "long", "text", "redirect"):
            with pytest.raises(JsonExchangeFailed):
                client.get(f"{url}/{path}")
        # The same server is in a private network for a client that does not know it.
        with pytest.raises(JsonExchangeFailed):
            JsonClient().get(f"{url}/object")


def _with_lifespan(app: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await app(scope, receive, send)

    return wrapped
