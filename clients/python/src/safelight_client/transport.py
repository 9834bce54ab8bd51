"""Performs the steps of a call with httpx, which is imported at the first request."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from .errors import ConnectionFailed
from .steps import Answer, Call, Ended, Fetch, Pause, Send, Show, Step, advance, stop
from .video import Video

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
_CONNECT_TIMEOUT_S = 10.0
#: Limits of a response that is not a download.
_LARGEST_RESPONSE = 16 * 1024 * 1024
_LONGEST_RESPONSE_S = 300.0


class Target:
    """The server and the key: what every request has in common."""

    def __init__(self, base_url: str, api_key: str, timeout_s: float) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https:// and usually ends with /v1")
        self.base_url, login = split_login(base_url)
        self.timeout_s = timeout_s
        key = api_key.strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            # Without the key: messages are logged.
            raise ValueError("api_key has characters that a header cannot have")
        self._authorization = {"authorization": login or f"Bearer {key}"} if login or key else {}

    def build(self, http: httpx.Client | httpx.AsyncClient, step: Send | Fetch) -> httpx.Request:
        import httpx

        form = step.form if isinstance(step, Send) else ()
        return http.build_request(
            step.method if isinstance(step, Send) else "GET",
            self.base_url + step.path,
            params=dict(step.query) or None,
            # Without compression, because a compressed file cannot be resumed.
            headers={"accept-encoding": "identity", **self._authorization, **step.headers},
            # As files, so that the form is multipart even without a file: some servers read nothing else.
            files=list(form) if form else None,
            timeout=httpx.Timeout(
                self.timeout_of(step), connect=min(self.timeout_of(step), _CONNECT_TIMEOUT_S)
            ),
        )

    def timeout_of(self, step: Send | Fetch) -> float:
        """Longest silence of the server during this request."""
        limit = step.timeout_s if isinstance(step, Send) else None
        return self.timeout_s if limit is None else min(self.timeout_s, limit)


def split_login(url: str) -> tuple[str, str]:
    """The address without user name and password, and the header with them; empty if it has none.

    So they are in no message, log or journal. Raises `ValueError`.
    """
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, host = authority.rpartition("@")
    port = host.rpartition("]")[2].partition(":")[2]
    if port and not port.isdigit():
        # Without the URL: this may be a part of a password.
        raise ValueError("base_url has a port that is not a number; in a password, / is written as %2F")
    address = f"{scheme}://{host}{slash}{path}".rstrip("/")
    if not at:
        return address, ""
    import base64
    from urllib.parse import unquote

    name, _, password = login.partition(":")
    pair = f"{unquote(name)}:{unquote(password)}".encode()
    return address, f"Basic {base64.b64encode(pair).decode()}"


class _Body:
    """Collects a response that is not a download. Ends one that is too long, or that never ends."""

    def __init__(self, step: Send | Fetch) -> None:
        limit = step.timeout_s if isinstance(step, Send) else None
        self._until = time.monotonic() + (_LONGEST_RESPONSE_S if limit is None else limit)
        self.data = bytearray()

    def add(self, piece: bytes) -> None:
        self.data += piece
        if len(self.data) > _LARGEST_RESPONSE or time.monotonic() > self._until:
            raise ConnectionFailed("The response is too long, or did not end in time.", sent=True)


def _answer(response: httpx.Response, body: bytes = b"") -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body)


#: The names of this computer, where no proxy is asked, whatever the environment says.
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
C = TypeVar("C")


def _connect(make: Callable[..., C], base_url: str) -> C:
    """A client of httpx that takes the proxies of the environment, except to this computer."""
    try:
        hosts = (f"[{host}]" if ":" in host else host for host in _LOOPBACK)
        return make(mounts={f"all://{host}": None for host in hosts})
    except (ImportError, ValueError) as error:
        # httpx reads all proxies at once, also those that are not used.
        if urlsplit(base_url).hostname in _LOOPBACK:
            return make(trust_env=False)
        needed = " It needs the Python package socksio." if isinstance(error, ImportError) else ""
        raise ConnectionFailed(
            f"The proxy {_proxy_of(base_url)} of the environment cannot be used.{needed} "
            "Remove it, or set NO_PROXY to the host of the server.",
            sent=False,
        ) from error


def _proxy_of(url: str) -> str:
    """The proxy that the environment names for an address, without name and password; empty if none."""
    from urllib.request import getproxies, proxy_bypass

    parts, proxies = urlsplit(url), getproxies()
    if parts.hostname in _LOOPBACK or proxy_bypass(parts.hostname or ""):
        return ""
    found = proxies.get(parts.scheme) or proxies.get("all") or ""
    return found.rpartition("@")[2] if "@" in found else found.partition("://")[2] or found


def _as_failure(error: Exception) -> Exception:
    """The exception to throw into the call."""
    import httpx

    if not isinstance(error, httpx.RequestError | httpx.InvalidURL):
        return error
    unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
    reason = str(error) or type(error).__name__
    proxy = "" if isinstance(error, httpx.InvalidURL) else _proxy_of(str(error.request.url))
    through = f" through the proxy {proxy}, which the environment names" if proxy else ""
    return ConnectionFailed(
        f"There was no response from the server{through}: {reason}",
        sent=not isinstance(error, (*unsent, httpx.InvalidURL)),
    )


class Transport:
    """Performs calls synchronously."""

    def __init__(self, target: Target, sleep: Callable[[float], object] = time.sleep) -> None:
        self._target, self._sleep = target, sleep
        self._http: httpx.Client | None = None
        self._lock = threading.Lock()

    def run(self, call: Call[T], show: Callable[[Video], object] | None = None) -> T:
        """The result of a call. `show` gets every video that the call shows."""
        outcome: object = None
        try:
            while True:
                step = advance(call, outcome)
                if isinstance(step, Ended):
                    result: T = step.result
                    return result
                if isinstance(step, Show) and show is not None:
                    show(step.video)
                outcome = self._perform(step)
        except BaseException as error:
            stop(call, error)
            raise

    def watch(self, call: Call[Any]) -> Iterator[Video]:
        """The videos that a call shows."""
        outcome: object = None
        try:
            while not isinstance(step := advance(call, outcome), Ended):
                if isinstance(step, Show):
                    yield step.video
                outcome = self._perform(step)
        except BaseException as error:
            stop(call, error)
            raise

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def _perform(self, step: Step) -> object:
        if isinstance(step, Show):
            return None
        if isinstance(step, Pause):
            self._sleep(step.seconds)
            return None
        try:
            return self._request(step)
        except Exception as error:
            return _as_failure(error)

    def _request(self, step: Send | Fetch) -> Answer:
        import httpx

        with self._lock:
            if self._http is None:
                self._http = _connect(httpx.Client, self._target.base_url)
        request = self._target.build(self._http, step)
        response = self._http.send(request, stream=True, follow_redirects=isinstance(step, Fetch))
        try:
            if isinstance(step, Send) or not response.is_success:
                body = _Body(step)
                for piece in response.iter_bytes():
                    body.add(piece)
                return _answer(response, bytes(body.data))
            answer = _answer(response)
            step.sink.begin(answer)
            for piece in response.iter_bytes():
                step.sink.write(piece)
            return answer
        finally:
            response.close()


class AsyncTransport:
    """Performs calls on asyncio."""

    def __init__(self, target: Target, sleep: Callable[[float], Awaitable[object]] | None = None) -> None:
        self._target, self._sleep = target, sleep
        self._http: httpx.AsyncClient | None = None

    async def run(self, call: Call[T], show: Callable[[Video], object] | None = None) -> T:
        """The result of a call. `show` gets every video that the call shows."""
        outcome: object = None
        try:
            while True:
                step = advance(call, outcome)
                if isinstance(step, Ended):
                    result: T = step.result
                    return result
                if isinstance(step, Show) and show is not None:
                    show(step.video)
                outcome = await self._perform(step)
        except BaseException as error:
            stop(call, error)
            raise

    async def watch(self, call: Call[Any]) -> AsyncIterator[Video]:
        """The videos that a call shows."""
        outcome: object = None
        try:
            while not isinstance(step := advance(call, outcome), Ended):
                if isinstance(step, Show):
                    yield step.video
                outcome = await self._perform(step)
        except BaseException as error:
            stop(call, error)
            raise

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _perform(self, step: Step) -> object:
        if isinstance(step, Show):
            return None
        if isinstance(step, Pause):
            if self._sleep is None:
                import asyncio

                self._sleep = asyncio.sleep
            await self._sleep(step.seconds)
            return None
        try:
            return await self._request(step)
        except Exception as error:
            return _as_failure(error)

    async def _request(self, step: Send | Fetch) -> Answer:
        import httpx

        if self._http is None:
            self._http = _connect(httpx.AsyncClient, self._target.base_url)
        request = self._target.build(self._http, step)
        response = await self._http.send(request, stream=True, follow_redirects=isinstance(step, Fetch))
        try:
            if isinstance(step, Send) or not response.is_success:
                body = _Body(step)
                async for piece in response.aiter_bytes():
                    body.add(piece)
                return _answer(response, bytes(body.data))
            answer = _answer(response)
            step.sink.begin(answer)
            async for piece in response.aiter_bytes():
                step.sink.write(piece)
            return answer
        finally:
            await response.aclose()
