"""Health of the upstreams: which ones do not answer at the moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from safelight.core.errors import SafelightError
from safelight.core.net.client import Timeouts

from .discovery import base_url, discover

_TIMEOUTS = Timeouts(connect_s=2.0, read_s=5.0)


@dataclass(frozen=True, kw_only=True)
class UpstreamEndpoint:
    url: str
    api_key: str = ""


class UpstreamHealth:
    """Polls the upstreams in the background, at most every `every_s` seconds.

    Callers get the last result without waiting.
    """

    def __init__(
        self,
        servers: Mapping[str, UpstreamEndpoint],
        *,
        every_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = dict(servers)
        self._every_s = every_s
        self._clock = clock
        self._down: Mapping[str, str] = {}
        self._looked = float("-inf")
        self._looking = threading.Lock()

    def down(self) -> Mapping[str, str]:
        """Name and reason of each upstream that failed the last poll. May start another poll."""
        due = self._servers and self._clock() - self._looked > self._every_s
        if due and self._looking.acquire(blocking=False):
            threading.Thread(target=self._look_and_release, name="upstreams", daemon=True).start()
        return self._down

    def look(self) -> Mapping[str, str]:
        """Requests the models of each upstream now, and returns name and reason of those that fail."""
        found: dict[str, str] = {}
        for name, server in self._servers.items():
            try:
                discover(base_url(server.url), api_key=server.api_key, timeouts=_TIMEOUTS)
            except SafelightError as error:
                found[name] = error.message
        self._down, self._looked = found, self._clock()
        return found

    def _look_and_release(self) -> None:
        try:
            self.look()
        finally:
            self._looking.release()
