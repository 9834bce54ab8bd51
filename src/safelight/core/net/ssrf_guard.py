"""Network backend that connects only to addresses that it checked, and stops at a deadline."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from safelight.core.errors import ForbiddenUrl

from .addresses import check_address, check_url

#: Resolves a host and port to addresses. Raises `OSError` if the host has no address.
Resolve = Callable[[str, int], list[str]]


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses from the system's resolver, in its order."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class GuardedBackend(httpcore.NetworkBackend):
    """Connects only to the addresses that it checked, so that a second name resolution cannot change them.

    Every address of a host must be public: one private address rejects the host. `exempt` contains the (host,
    port) pairs that the operator configured. `wire` opens the connections.
    """

    def __init__(
        self,
        *,
        resolve: Resolve,
        exempt: frozenset[tuple[str, int]],
        deadline: float,
        clock: Callable[[], float],
        wire: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._resolve = resolve
        self._exempt = exempt
        self._deadline = deadline
        self._clock = clock
        self._wire = wire or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._judged(host, port)
        for index, address in enumerate(addresses):
            try:
                stream = self._wire.connect_tcp(
                    address, port, self._left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == len(addresses) - 1:
                    raise
            else:
                return _TimedStream(stream, self._left)
        raise httpcore.ConnectError("the host has no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise ForbiddenUrl("Local sockets are not allowed.")

    def _judged(self, host: str, port: int) -> list[str]:
        name = host.lower().removesuffix(".")
        if (name, port) in self._exempt:
            return self._look_up(name, port)
        shown = f"[{name}]" if ":" in name else name
        target = check_url(f"{'https' if port == 443 else 'http'}://{shown}:{port}/")
        if target.address is not None:
            return [str(target.address)]
        return [str(check_address(answer)) for answer in self._look_up(name, port)]

    def _look_up(self, host: str, port: int) -> list[str]:
        # The system's resolver has no timeout. It runs in a thread, so that this code can stop waiting for
        # it.
        answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                answers.put(OSError(str(error)))

        threading.Thread(target=ask, name="safelight-resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=self._left(None))
        except queue.Empty as error:
            raise httpcore.ConnectTimeout("name resolution took too long") from error
        if isinstance(answer, OSError) or not answer:
            raise httpcore.ConnectError("the host name is unknown")
        return answer[:8]

    def _left(self, timeout: float | None) -> float:
        left = self._deadline - self._clock()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline has passed")
        return left if timeout is None else min(timeout, left)


class _TimedStream(httpcore.NetworkStream):
    """A stream that limits every operation to the time left before the deadline, so that a slow sender
    cannot keep it open.
    """

    def __init__(self, inner: httpcore.NetworkStream, left: Callable[[float | None], float]) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._left(timeout))
        return _TimedStream(inner, self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
