"""The address of a client behind reverse proxies, and the limit that counts it."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from safelight.core.errors import RateLimited
from safelight.web.forwarded_headers import ForwardedHeaders
from safelight.web.rate_limit import RateLimiter
from support.rows import each_row

PROXY = ("10.0.0.1", 4711)


def seen(proxies: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """The scope that the gateway gets for a request with these headers."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    scope = {"type": "http", "scheme": "http", "client": PROXY, "headers": list(headers)}
    anyio.run(ForwardedHeaders(app, proxies=proxies), scope, None, None)
    found: dict[str, Any] = scopes[0]
    return found


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (1, b"203.0.113.9", "203.0.113.9"),
        (1, b"6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, b"6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, b"203.0.113.9", "203.0.113.9"),
        (1, b"203.0.113.9:51000", "203.0.113.9"),
        (1, b"[2001:db8::1]:51000", "2001:db8::1"),
        (1, b"2001:db8::1", "2001:db8::1"),
        (1, b"", "10.0.0.1"),
    ],
)
def test_only_addresses_that_the_own_proxies_wrote_are_believed(
    proxies: int, header: bytes, address: str
) -> None:
    assert seen(proxies, (b"x-forwarded-for", header))["client"][0] == address


def test_several_headers_are_one_list_and_a_scheme_is_http_or_https() -> None:
    two = ((b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9"))
    scope = seen(1, *two, (b"x-forwarded-proto", b"https"))
    assert (scope["client"][0], scope["scheme"]) == ("203.0.113.9", "https")
    scope = seen(1, (b"x-forwarded-proto", b"gopher"))
    assert (scope["client"], scope["scheme"]) == (PROXY, "http")


@each_row
def test_the_limit_counts_ipv6_addresses_of_one_network_together(
    first: str, second: str, is_same: bool
) -> None:
    limiter = RateLimiter(1, 60.0)
    limiter.allow(first)
    if not is_same:
        limiter.allow(second)
        return
    with pytest.raises(RateLimited):
        limiter.allow(second)
