"""HTTP client for servers that the operator configured: generators, model hubs, remote detectors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from .tls import tls_context


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Time limits in seconds: to connect, and to wait for each chunk of a response."""

    connect_s: float = 5.0
    read_s: float = 60.0


class AnswerTooLong(Exception):
    """The response has too many bytes or takes too long.

    Not in the error tree: callers catch it together with httpx's errors and raise their own.
    """


def upstream_client(
    base_url: str,
    *,
    api_key: str = "",
    headers: Mapping[str, str] | None = None,
    timeouts: Timeouts | None = None,
    keep_alive: bool = True,
    ca_file: Path | None = None,
    proxy: str | None = None,
) -> httpx.Client:
    """Make a client for one configured server. It follows no redirects and ignores proxies and credentials
    from the environment.

    With `keep_alive=False` each request uses a new connection. A connection error before sending can then
    never be mistaken for a lost response. `headers` go with every request, `api_key` as bearer token.
    """
    limits = timeouts or Timeouts()
    return httpx.Client(
        base_url=base_url,
        headers={**({"authorization": f"Bearer {api_key}"} if api_key else {}), **(headers or {})},
        timeout=httpx.Timeout(limits.read_s, connect=limits.connect_s),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=None if keep_alive else 0),
        verify=tls_context(str(ca_file or "")),
        proxy=proxy,
        trust_env=False,
        follow_redirects=False,
    )


def read_limited(
    response: httpx.Response,
    *,
    max_bytes: int,
    within_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> bytes:
    """The decoded body of a streamed response. Raises `AnswerTooLong` if it exceeds a limit."""
    deadline = clock() + within_s
    body = bytearray()
    # Without a chunk size: httpx would wait until a chunk is full, and a slow sender could keep it waiting.
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise AnswerTooLong(f"more than {max_bytes} bytes")
        if clock() > deadline:
            raise AnswerTooLong(f"not finished after {within_s:g} s")
    return bytes(body)
