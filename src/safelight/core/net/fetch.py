"""Fetches a file from a URL that a user gave."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, TypeVar, Unpack
from urllib.parse import unquote_to_bytes

import httpcore
import httpx

from safelight.core.errors import ForbiddenUrl, InvalidMedia, SafelightError, StorageFull, TooLarge
from safelight.core.fileio import atomic_file

from .addresses import Target, check_url, parse_url
from .guarded_client import GuardedClient, Guards, Headers

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = ((b"accept", b"image/*, video/*, audio/*, */*;q=0.1"), (b"accept-encoding", b"identity"))
_DISK_FULL = frozenset({28, 122})  # "disk full" error numbers: ENOSPC, EDQUOT

T = TypeVar("T")
#: Reads an answer: its status, its headers in lower case, and its body.
Receive: TypeAlias = Callable[[int, Mapping[str, str], Iterable[bytes]], T]
_SEND_IT = "Send the file itself instead."


@dataclass(frozen=True, kw_only=True)
class FetchLimits:
    max_bytes: int = 32 * 1024 * 1024
    #: Seconds for the whole fetch: name resolution, redirects and download.
    total_s: float = 20.0
    #: Seconds to connect, and seconds between two chunks of the response.
    idle_s: float = 5.0
    redirects: int = 3


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A fetched file: its path, size and declared type."""

    path: Path
    size: int
    sha256: str
    #: The media type that the server declared, in lower case and without parameters; empty if none. Not
    #: verified.
    media_type: str
    redirects: int = 0


class Fetcher:
    """Fetches files from URLs that users gave, from the public internet and `allow_hosts` only."""

    def __init__(self, *, limits: FetchLimits | None = None, **guards: Unpack[Guards]) -> None:
        self._limits = limits or FetchLimits()
        self._client = GuardedClient(idle_s=self._limits.idle_s, **guards)

    def fetch(
        self,
        url: str,
        into: Path,
        *,
        media_types: tuple[str, ...] = (),
        max_bytes: int | None = None,
        param: str | None = None,
    ) -> Fetched:
        """Writes the content of `url` (http, https or data) to the new file `into`.

        After an error, no partial file remains. `media_types` are the accepted media types, or prefixes such
        as `image/`; if it is empty, all are accepted. Raises `ForbiddenUrl`, `InvalidMedia` (unreachable,
        wrong type, truncated) or `TooLarge`, each with `param`.
        """
        limit = self._limits.max_bytes if max_bytes is None else max_bytes
        try:
            if url[:5].lower() == "data:":
                return _from_data_url(url, into, media_types, limit)

            def receive(status: int, headers: Mapping[str, str], chunks: Iterable[bytes]) -> Fetched:
                return _write_answer(status, headers, chunks, into, media_types, limit)

            fetched, redirects = self._over_http(url, receive)
            return replace(fetched, redirects=redirects)
        except SafelightError as error:
            error.param = error.param or param
            raise

    def stream(self, url: str, receive: Receive[None], *, headers: Mapping[str, str]) -> None:
        """Have `receive` read the answer of an http or https URL. Raises the same errors as `fetch`, and
        those of `receive`.
        """
        sent = tuple((name.encode(), value.encode()) for name, value in headers.items())
        self._over_http(url, receive, sent)

    def _over_http(self, url: str, receive: Receive[T], headers: Headers = _HEADERS) -> tuple[T, int]:
        """What `receive` returned, and the number of redirects."""
        deadline = self._client.clock() + self._limits.total_s
        target, redirected = self._client.target(url), False
        for hop in range(self._limits.redirects + 1):
            # Only hosts that the operator configured may be private; another host to which one of them
            # redirects never may.
            asked = self._client.stream(
                "GET", target, headers=headers, deadline=deadline, redirected=redirected
            )
            outcome = _received(asked, target, receive)
            if not isinstance(outcome, Target):
                return outcome[0], hop
            if target.scheme == "https" and outcome.scheme != "https":
                raise ForbiddenUrl("The URL redirects from https to http.", remedy=_SEND_IT)
            if redirected or (outcome.host, outcome.port) != (target.host, target.port):
                redirected = True
                _check_redirect(outcome)
            target = outcome
        raise ForbiddenUrl(f"The URL redirects more than {self._limits.redirects} times.", remedy=_SEND_IT)


def _received(
    asked: AbstractContextManager[httpcore.Response], target: Target, receive: Receive[T]
) -> tuple[T] | Target:
    """What `receive` returned, or the redirect target if the response is a redirect."""
    try:
        with asked as response:
            answer = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            if response.status in _REDIRECTS:
                return _next(target, answer.get("location", ""))
            return (receive(response.status, answer, response.iter_stream()),)
    except httpcore.TimeoutException as error:
        raise _invalid("The URL's server did not respond in time.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise _invalid("The URL could not be fetched completely: the connection failed.") from error


def _write_answer(
    status: int,
    headers: Mapping[str, str],
    chunks: Iterable[bytes],
    into: Path,
    media_types: tuple[str, ...],
    limit: int,
) -> Fetched:
    if status != 200:
        raise _invalid(f"The URL returned status {status}.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _invalid("The URL's server compressed the file although it was asked not to.")
    declared = headers.get("content-type", "").split(";")[0].strip().lower()
    _check_type(declared, media_types)
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    return _write(chunks, into, limit, declared)


def _next(target: Target, location: str) -> Target:
    if not location:
        raise _invalid("The URL redirects without a target.")
    try:
        joined = str(target.url.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise ForbiddenUrl("The URL redirects to an invalid address.", remedy=_SEND_IT) from error
    return parse_url(joined)


def _check_redirect(target: Target) -> None:
    try:
        check_url(str(target.url))
    except ForbiddenUrl as error:
        raise ForbiddenUrl(
            f"The URL redirects to another host that may not be asked: {error.message}", remedy=_SEND_IT
        ) from error


def _from_data_url(url: str, into: Path, media_types: tuple[str, ...], limit: int) -> Fetched:
    head, comma, body = url[5:].partition(",")
    if not comma:
        raise _invalid("The data URL has no data.")
    if len(body) > limit * 4:
        raise _too_large(limit)
    kind, *parameters = [part.strip().lower() for part in head.split(";")]
    declared = kind or "text/plain"
    _check_type(declared, media_types)
    data = unquote_to_bytes(body)
    if "base64" in parameters:
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error as error:
            raise _invalid("The data URL is not valid base64.") from error
    return _write([data], into, limit, declared)


def _check_type(declared: str, accepted: tuple[str, ...]) -> None:
    if accepted and not declared.startswith(accepted):
        wanted = ", ".join(f"{kind}*" if kind.endswith("/") else kind for kind in accepted)
        raise _invalid(f"The URL returns {declared[:60] or 'no type'}, not {wanted}.")


def _write(chunks: Iterable[bytes], into: Path, limit: int, declared: str) -> Fetched:
    size, digest = 0, hashlib.sha256()
    try:
        with atomic_file(into, durable=False) as file:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                digest.update(chunk)
                file.write(chunk)
            if size == 0:
                raise _invalid("The URL returns an empty file.")
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise StorageFull("The disk has no space left for the fetched file.") from error
        raise
    return Fetched(path=into, size=size, sha256=digest.hexdigest(), media_type=declared)


def _invalid(message: str) -> InvalidMedia:
    return InvalidMedia(message, remedy=_SEND_IT)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The URL returns more than the limit of {limit} bytes.")
