from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import Forbidden, Unauthenticated
from safelight.web.auth import bearer, check_same_origin, set_session
from support.rows import each_row


def request(scheme: str = "http", method: str = "POST", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "scheme": scheme,
            "method": method,
            "path": "/",
            "query_string": b"",
            "headers": [(b"host", b"gateway.example"), *raw],
            "server": ("gateway.example", 443),
        }
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_session_cookie_is_secure_if_tls_is_used(scheme: str) -> None:
    response = Response()
    set_session(response, request(scheme), "session-x", max_age_s=60)
    cookie = response.headers["set-cookie"]
    assert ("Secure" in cookie) == (scheme == "https")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@each_row
def test_other_origins_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        check_same_origin(request("https", **headers))
    check_same_origin(request("https", "GET", **headers))


def test_our_own_origin_is_accepted() -> None:
    check_same_origin(request("https", origin="https://gateway.example"))
    check_same_origin(request("https", sec_fetch_site="same-origin"))


def test_a_key_is_sent_as_bearer_token() -> None:
    assert bearer(request(authorization="Bearer sk-1")) == "sk-1"
    assert bearer(request(authorization="bearer  sk-1 ")) == "sk-1"
    assert bearer(request()) is None
    for header in ("Basic x", "Bearer", "sk-1"):
        with pytest.raises(Unauthenticated):
            bearer(request(authorization=header))
