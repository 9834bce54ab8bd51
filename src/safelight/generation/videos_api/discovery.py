"""Discovers a `/v1/videos` server: its models, and whether it requires authentication."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

import httpx

from safelight.errors import SettingsError, UpstreamRejected, UpstreamUnavailable
from safelight.net.addresses import is_public
from safelight.net.client import AnswerTooLong, Timeouts, read_limited, upstream_client
from safelight.net.redaction import redact
from safelight.net.ssrf_guard import Resolve, system_resolve

from .client import MAX_ANSWER
from .responses import decode

_TIMEOUTS = Timeouts(connect_s=5.0, read_s=15.0)
_MOST_MODELS = 1000


class NetworkLocation(StrEnum):
    """Location of a server in the network, which determines who can reach it."""

    LOOPBACK = "loopback"
    PRIVATE = "private"
    PUBLIC = "public"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class DiscoveredServer:
    """A server that answers. `models` is in the server's order; None if the server has no model list."""

    url: str
    models: tuple[str, ...] | None
    place: NetworkLocation
    #: Whether it returns its model list without a key.
    answers_strangers: bool
    #: Whether we have a key for it.
    keyed: bool

    @property
    def exposed(self) -> bool:
        """Whether clients could bypass Safelight: the server accepts requests without a key, although it
        can be reached from outside our own network or a key is configured.
        """
        return self.answers_strangers and (
            self.keyed or self.place not in (NetworkLocation.LOOPBACK, NetworkLocation.PRIVATE)
        )


def base_url(text: str) -> str:
    """The base URL with `/v1`, from user input: `gpu:8091`, `http://gpu:8091`, `http://gpu:8091/v1/`.

    Raises `SettingsError` if it is not an http or https address, or has a user name, query or fragment.
    """
    typed = text.strip()
    full = typed if "://" in typed else f"http://{typed}"
    try:
        url = httpx.URL(full)
        fits = url.scheme in ("http", "https") and bool(url.host)
        plain = not (url.userinfo or url.query or url.fragment)
    except httpx.InvalidURL:
        fits = plain = False
    if not fits or not plain:
        raise SettingsError(
            f"{redact(typed, longest=80)!r} is not an upstream address.",
            remedy="Write it as http://gpu:8091, without a name, key or query in it.",
        )
    path = url.path.rstrip("/")
    return str(url.copy_with(path=path if path.endswith("/v1") else f"{path}/v1"))


def discover(
    url: str, *, api_key: str = "", timeouts: Timeouts = _TIMEOUTS, resolve: Resolve = system_resolve
) -> DiscoveredServer:
    """Requests the models of the server at `url` (with `/v1`), with our key and again without a key.

    Raises `UpstreamUnavailable` if the server does not answer, and `UpstreamRejected` if it rejects our key
    or returns something other than a list of models.
    """
    models = _models(url, api_key, timeouts)
    strangers = models is not None
    if api_key and models is not None:
        try:
            strangers = _models(url, "", timeouts) is not None
        except (UpstreamRejected, UpstreamUnavailable):
            strangers = False
    return DiscoveredServer(
        url=url,
        models=models,
        place=place(url, resolve),
        answers_strangers=strangers,
        keyed=bool(api_key),
    )


def place(url: str, resolve: Resolve = system_resolve) -> NetworkLocation:
    """The network location of a server. If it has several addresses, the most public one counts."""
    parsed = httpx.URL(url)
    try:
        answers = resolve(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80))
        addresses = [ipaddress.ip_address(answer.partition("%")[0]) for answer in answers]
    except (OSError, UnicodeError, ValueError):
        return NetworkLocation.UNKNOWN
    if not addresses:
        return NetworkLocation.UNKNOWN
    if any(is_public(address) for address in addresses):
        return NetworkLocation.PUBLIC
    return (
        NetworkLocation.LOOPBACK
        if all(address.is_loopback for address in addresses)
        else NetworkLocation.PRIVATE
    )


def _models(url: str, api_key: str, timeouts: Timeouts) -> tuple[str, ...] | None:
    """The model ids in the server's list, chat models included; None if the server has no model list."""
    with _client(url, api_key, timeouts) as client:
        try:
            with client.stream("GET", "models") as response:
                status = response.status_code
                body = decode(read_limited(response, max_bytes=MAX_ANSWER, within_s=timeouts.read_s))
        except (httpx.HTTPError, httpx.InvalidURL, AnswerTooLong) as error:
            raise UpstreamUnavailable(f"{url} does not answer.") from error
    if status in (401, 403):
        given = "does not accept our key" if api_key else "wants a key"
        raise UpstreamRejected(f"{url} {given} (status {status}).")
    if status in (404, 405, 501):
        return None
    if status >= 500 or status == 429:
        raise UpstreamUnavailable(f"{url} is not available now (status {status}).")
    rows = body.get("data") if body is not None and status == 200 else None
    if not isinstance(rows, list):
        raise UpstreamRejected(
            f"{url}/models did not return a list of models (status {status}): "
            "this is not a /v1/videos server, or a proxy in front of it answers."
        )
    names = [row["id"] for row in rows[:_MOST_MODELS] if isinstance(row, dict) and _is_name(row.get("id"))]
    return tuple(dict.fromkeys(names))


def requires_auth(url: str, path: str, *, timeouts: Timeouts = _TIMEOUTS) -> bool | None:
    """Whether `path` below `url` requires authentication; None if that cannot be determined."""
    with _client(url, "", timeouts) as client:
        try:
            with client.stream("GET", path) as response:
                if response.status_code in (401, 403):
                    return True
                return False if response.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def _client(url: str, api_key: str, timeouts: Timeouts) -> httpx.Client:
    return upstream_client(url.rstrip("/") + "/", api_key=api_key, timeouts=timeouts, keep_alive=False)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()
