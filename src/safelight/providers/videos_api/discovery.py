"""Discovers a `/v1/videos` server: its models, and whether it requires authentication."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import httpx

from safelight.core.errors import SettingsError, UpstreamRejected, UpstreamUnavailable
from safelight.core.net.addresses import is_public
from safelight.core.net.client import AnswerTooLong, Timeouts, read_limited, upstream_client
from safelight.core.net.redaction import redact
from safelight.core.net.ssrf_guard import Resolve, system_resolve
from safelight.providers.upstream.bodies import decode
from safelight.providers.upstream.client import MAX_ANSWER

from .profiles import STEER, recognize

_TIMEOUTS = Timeouts(connect_s=5.0, read_s=15.0)
_MOST_MODELS = 1000
#: The ends of hosts of providers that do not speak `/v1/videos`, with the kind of generator for each.
_OTHER_APIS: Mapping[str, str] = {
    ".generativelanguage.googleapis.com": "veo",
    "aiplatform.googleapis.com": "veo",
    ".runwayml.com": "runway",
    ".fal.run": "fal",
    ".fal.ai": "fal",
}


class NetworkLocation(StrEnum):
    """Location of a server in the network, which determines who can reach it."""

    LOOPBACK = "loopback"
    PRIVATE = "private"
    PUBLIC = "public"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class SteeringOffer:
    """What a server can steer away from and watch for, and what its pipeline does not allow."""

    categories: tuple[str, ...]
    watches: tuple[str, ...]
    gaps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _ModelList:
    models: tuple[str, ...] | None
    profile: str
    steering: SteeringOffer | None = None


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
    #: The profile of its kind of server; empty if it is not recognized.
    profile: str = ""
    #: What a server that steers says about its model; None for any other, and while it loads its model.
    steering: SteeringOffer | None = None

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

    Raises `SettingsError` if it is not an http or https address, has a user name, query or fragment, or is
    that of a provider without `/v1/videos`.
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
    for end, kind in _OTHER_APIS.items():
        if f".{url.host}".endswith(end):
            raise SettingsError(
                f"{url.host} has an API of its own and no /v1/videos.",
                remedy=f"Configure a generator of the kind `{kind}`: docs/generators.md#providers.",
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
    found = _models(url, api_key, timeouts)
    strangers = found.models is not None
    if api_key and strangers:
        try:
            strangers = _models(url, "", timeouts).models is not None
        except (UpstreamRejected, UpstreamUnavailable):
            strangers = False
    return DiscoveredServer(
        url=url,
        models=found.models,
        place=place(url, resolve),
        answers_strangers=strangers,
        keyed=bool(api_key),
        profile=found.profile,
        steering=found.steering,
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


def _models(url: str, api_key: str, timeouts: Timeouts) -> _ModelList:
    """The model ids in the server's list, chat models included, and the server's profile; the ids are None if
    the server has no model list.
    """
    with _client(url, api_key, timeouts) as client:
        try:
            with client.stream("GET", "models") as response:
                status, headers = response.status_code, response.headers
                body = decode(read_limited(response, max_bytes=MAX_ANSWER, within_s=timeouts.read_s))
        except (httpx.HTTPError, httpx.InvalidURL, AnswerTooLong) as error:
            raise UpstreamUnavailable(f"{url} does not answer.") from error
    if status in (401, 403):
        given = "does not accept our key" if api_key else "wants a key"
        raise UpstreamRejected(f"{url} {given} (status {status}).")
    if status in (404, 405, 501):
        return _ModelList(models=None, profile=recognize((), headers))
    if status >= 500 or status == 429:
        raise UpstreamUnavailable(f"{url} is not available now (status {status}).")
    rows = body.get("data") if body is not None and status == 200 else None
    if not isinstance(rows, list):
        raise UpstreamRejected(
            f"{url}/models did not return a list of models (status {status}): "
            "this is not a /v1/videos server, or a proxy in front of it answers."
        )
    names = [row["id"] for row in rows[:_MOST_MODELS] if isinstance(row, dict) and _is_name(row.get("id"))]
    owners = [str(row.get("owned_by")) for row in rows[:_MOST_MODELS] if isinstance(row, dict)]
    profile = recognize(owners, headers)
    return _ModelList(
        models=tuple(dict.fromkeys(names)),
        profile=profile,
        steering=_read_offer(rows) if profile == STEER else None,
    )


def _read_offer(rows: list[object]) -> SteeringOffer | None:
    first = rows[0] if rows else None
    stated = first.get("safelight") if isinstance(first, dict) else None
    if not isinstance(stated, dict) or not stated:
        return None
    gaps = stated.get("gaps")
    named = [gap.get("name") for gap in gaps if isinstance(gap, dict)] if isinstance(gaps, list) else []
    return SteeringOffer(
        categories=_names(stated.get("categories")), watches=_names(stated.get("watches")), gaps=_names(named)
    )


def _names(value: object) -> tuple[str, ...]:
    return tuple(name for name in value if _is_name(name)) if isinstance(value, list) else ()


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
