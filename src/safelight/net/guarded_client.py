"""HTTP client for URLs that users gave: reaches the public internet only, and ends at a deadline."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import httpcore
import httpx

from .addresses import Target, check_url, parse_url
from .ssrf_guard import GuardedBackend, Resolve

#: Raw header names and values.
Headers = Iterable[tuple[bytes, bytes]]


class GuardedClient:
    """Uses one connection per request. Does not follow redirects.

    `allow_hosts` are hosts the operator configured, `media.example` (ports 80 and 443) or
    `media.example:8080`: they may be private. `idle_s`: seconds to connect, and between two chunks of a
    response. `wire` connects to addresses that were checked; `tls` has the trusted roots, default certifi's.
    """

    def __init__(
        self,
        *,
        allow_hosts: Iterable[str],
        resolve: Resolve,
        clock: Callable[[], float],
        idle_s: float,
        wire: httpcore.NetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._exempt = frozenset(pair for host in allow_hosts for pair in host_and_ports(host))
        self._resolve = resolve
        self._clock = clock
        self._idle_s = idle_s
        self._wire = wire
        self._tls = tls or httpx.create_ssl_context(trust_env=False)

    def is_exempt(self, target: Target) -> bool:
        """Whether the operator configured this host and port."""
        return (target.host.strip("[]"), target.port) in self._exempt

    def target(self, url: str) -> Target:
        """The target of `url`. Raises `ForbiddenUrl` by its spelling; addresses are checked when
        connecting.
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
        """The response, before its body is read. Raises `ForbiddenUrl` and the errors of httpcore.

        `deadline`: on `clock`, for everything until the block ends. `redirected`: the target comes from a
        server, not from the user; then no host is exempt.
        """
        backend = GuardedBackend(
            resolve=self._resolve,
            exempt=frozenset() if redirected else self._exempt,
            deadline=deadline,
            clock=self._clock,
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
    """Hosts and ports that an entry of `allow_hosts` exempts."""
    host, separator, port = entry.strip().lower().rpartition(":")
    if separator and port.isdigit() and (":" not in host or host.endswith("]")):
        return [(host.strip("[]").removesuffix("."), int(port))]
    name = entry.strip().lower().strip("[]").removesuffix(".")
    return [(name, 80), (name, 443)]
