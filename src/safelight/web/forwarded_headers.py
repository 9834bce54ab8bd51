"""Takes the address of the client and the scheme from the headers of the reverse proxies in front."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class ForwardedHeaders:
    """ASGI middleware for a gateway behind `proxies` reverse proxies, each of which appends the address that
    it sees to `X-Forwarded-For`.

    Entries before the last `proxies` ones are written by the client and are not believed.
    """

    def __init__(self, app: ASGIApp, *, proxies: int) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            scheme = headers.get("x-forwarded-proto", "").strip()
            if scheme in {"http", "https"}:
                scope["scheme"] = scheme
            entries = ",".join(headers.getlist("x-forwarded-for")).split(",")
            client = _without_port(entries[-self._proxies :][0].strip())
            if client:
                scope["client"] = (client, 0)
        await self._app(scope, receive, send)


def _without_port(entry: str) -> str:
    """The address of `address`, `address:port` or `[address]:port`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
