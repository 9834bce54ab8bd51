"""HTTP client for URLs that users gave. It reaches the public internet only and stops at a deadline."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypedDict, Unpack

import httpcore

from .addresses import Target, check_url, parse_url
from .ssrf_guard import GuardedBackend, Resolve, system_resolve
from .tls import default_tls_context

#: Raw header names and values.
Headers = Iterable[tuple[bytes, bytes]]


class Guards(TypedDict, total=False):
    """To which servers a client connects, and how."""

    #: Hosts that the operator configured, such as `media.example` (ports 80 and 443) or `media.example:8080`.
    #: They may be in a private network, but the targets of their redirects may not.
    allow_hosts: Iterable[str]
    resolve: Resolve
    clock: Callable[[], float]
    #: Opens connections to addresses that were already checked.
    wire: httpcore.NetworkBackend
    #: The trusted root certificates; by default those of certifi.
    tls: ssl.SSLContext


class GuardedClient:
    """An HTTP client that opens one connection per request and follows no redirects.

    `idle_s`: seconds to connect, and seconds between two chunks of a response.
    """

    def __init__(self, *, idle_s: float, **guards: Unpack[Guards]) -> None:
        allowed = guards.get("allow_hosts", ())
        self._exempt = frozenset(pair for host in allowed for pair in host_and_ports(host))
        self._resolve = guards.get("resolve", system_resolve)
        self.clock = guards.get("clock", time.monotonic)
        self._idle_s = idle_s
        self._wire = guards.get("wire")
        self._tls = guards.get("tls") or default_tls_context()

    def is_exempt(self, target: Target) -> bool:
        """Whether the target's host and port are in `allow_hosts`."""
        return (target.host.strip("[]"), target.port) in self._exempt

    def target(self, url: str) -> Target:
        """Parse and check `url`. Raises `ForbiddenUrl` if its spelling is not allowed.

        The addresses of a host name are checked later, when connecting.
        """
        target = parse_url(url)
        return target if self.is_exempt(target) else check_url(url)

    @contextmanager
    def stream(
        self,
        method: str,
        target: Target,
        *,
        headers: Headers,
        deadline: float,
        body: bytes | None = None,
        redirected: bool = False,
    ) -> Iterator[httpcore.Response]:
        """Send a request and return the response before its body is read.

        Raises `ForbiddenUrl` and the errors of httpcore. `deadline` is a time on `clock`; it applies until
        the `with` block ends. `redirected` is true if the target comes from a server and not from the user.
        Then `allow_hosts` does not apply.
        """
        backend = GuardedBackend(
            resolve=self._resolve,
            exempt=frozenset() if redirected else self._exempt,
            deadline=deadline,
            clock=self.clock,
            wire=self._wire,
        )
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.strip("[]").encode(),
            port=target.port,
            target=target.url.raw_path,
        )
        sent = [
            (b"host", target.url.netloc),
            (b"user-agent", b"safelight"),
            (b"connection", b"close"),
            *headers,
        ]
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._idle_s)
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
            pool.stream(
                method, url, headers=sent, content=body, extensions={"timeout": timeouts}
            ) as response,
        ):
            yield response


def host_and_ports(entry: str) -> Iterable[tuple[str, int]]:
    """The (host, port) pairs of one entry of `allow_hosts`."""
    host, separator, port = entry.strip().lower().rpartition(":")
    if separator and port.isdigit() and (":" not in host or host.endswith("]")):
        return [(host.strip("[]").removesuffix("."), int(port))]
    name = entry.strip().lower().strip("[]").removesuffix(".")
    return [(name, 80), (name, 443)]
