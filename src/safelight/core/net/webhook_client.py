"""Sends messages to URLs that users gave, to the public internet only and with short time limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Unpack

import httpcore

from safelight.core.errors import ForbiddenUrl

from .addresses import Target
from .guarded_client import GuardedClient, Guards

#: Maximum number of bytes read from a response body; none of it is stored.
_MAX_BODY_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class DeliverLimits:
    #: Seconds for the whole request: from name resolution to the end of the response.
    total_s: float = 10.0
    #: Seconds to connect, and seconds between two chunks of the response.
    idle_s: float = 8.0


@dataclass(frozen=True, kw_only=True)
class PostResult:
    """The result of one attempt to send. `error` is the reason of a failure; empty after a success."""

    #: None if there was no response.
    status: int | None
    error: str
    wall_s: float

    @property
    def arrived(self) -> bool:
        return not self.error


class WebhookClient:
    """Sends POST requests to URLs that users gave. Follows no redirects and stops at the time limit.

    `allow_hosts` may use plain http. All other hosts must use https and be on the public internet.
    """

    def __init__(self, *, limits: DeliverLimits | None = None, **guards: Unpack[Guards]) -> None:
        self._limits = limits or DeliverLimits()
        self._client = GuardedClient(idle_s=self._limits.idle_s, **guards)

    def judge(self, url: str) -> None:
        """Raises `ForbiddenUrl` if `url` is not an allowed target. Checks only its spelling and resolves
        no name.
        """
        self._target(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostResult:
        """Sends `body` in one POST request. Never raises: a failure is reported in the result."""
        began = self._client.clock()
        try:
            target = self._target(url)
            status = self._send(target, body, headers, deadline=began + self._limits.total_s)
        except ForbiddenUrl as error:
            return self._failed(error.message, began)
        except httpcore.TimeoutException:
            return self._failed(f"No response within {self._limits.total_s:g} s.", began)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError):
            return self._failed("The connection failed.", began)
        return PostResult(status=status, error=_trouble(status), wall_s=self._client.clock() - began)

    def _failed(self, why: str, began: float) -> PostResult:
        return PostResult(status=None, error=why, wall_s=self._client.clock() - began)

    def _target(self, url: str) -> Target:
        try:
            target = self._client.target(url)
        except ForbiddenUrl as error:
            raise _refused(error.message) from error
        if target.scheme != "https" and not self._client.is_exempt(target):
            raise _refused("Only https URLs are allowed.")
        return target

    def _send(self, target: Target, body: bytes, headers: Mapping[str, str], *, deadline: float) -> int:
        sent = [
            (b"content-length", str(len(body)).encode()),
            *((name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()),
        ]
        with self._client.stream("POST", target, headers=sent, deadline=deadline, body=body) as answer:
            status = int(answer.status)
            read = 0
            try:
                for chunk in answer.iter_stream():
                    read += len(chunk)
                    if read >= _MAX_BODY_BYTES:
                        break
            except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
                # The status is already known, so an error in the rest of the response is ignored.
                return status
            return status


def _trouble(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"The target redirects (status {status}); redirects are not followed."
    return f"The target returned status {status}."


def _refused(message: str) -> ForbiddenUrl:
    return ForbiddenUrl(
        message,
        param="url",
        remedy="Give an https URL on the public internet, or ask the operator to add its host to "
        "fetch.allowed_private_hosts.",
    )
