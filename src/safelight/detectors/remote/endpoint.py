"""One server that is asked: in time, so many times a day; remembered when it answers, left alone when not."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from safelight.errors import SafelightError
from safelight.net.client import AnswerTooLong, read_limited

from .circuit_breaker import CircuitBreaker
from .guard_formats import UnparseableResponse

MAX_ANSWER = 1 << 20


class GuardUnavailable(SafelightError):
    """The guard gave no usable answer, so that its categories stay unchecked."""

    code = "guard_silent"


@dataclass(frozen=True, kw_only=True)
class EndpointOptions:
    """How a server is asked, as the operator configured it."""

    timeout_s: float = 0.9
    #: Failures in a row after which it is left alone, and for how many seconds.
    failure_threshold: int = 3
    cooldown_s: float = 30.0
    remembers: int = 4096
    #: Calls in any day; 0: no limit. What one costs is the operator's to know.
    calls_per_day: int = 0


class RemoteEndpoint:
    """Safe to call from several threads."""

    def __init__(
        self, client: httpx.Client, care: EndpointOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._care, self._clock = client, care, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._breaker = CircuitBreaker(
            failure_threshold=care.failure_threshold, cooldown_s=care.cooldown_s, clock=clock
        )
        self._calls: list[float] = []

    def scores(
        self, path: str, body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], dict[str, float]]
    ) -> dict[str, float]:
        """What `read` makes of the answer; the same body is asked once. Raises `GuardSilent`."""
        sent = json.dumps(body, ensure_ascii=False).encode()
        key = hashlib.sha256(path.encode() + b"\n" + sent).hexdigest()
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            self._admit()
        try:
            scores = read(self._asked(path, sent))
        except (httpx.HTTPError, AnswerTooLong, UnparseableResponse, ValueError) as error:
            self._breaker.record_failure()
            raise GuardUnavailable(f"{type(error).__name__}: {error}"[:200]) from error
        self._breaker.record_success()
        with self._lock:
            self._known[key] = scores
            while len(self._known) > self._care.remembers:
                self._known.popitem(last=False)
        return scores

    def _admit(self) -> None:
        if self._breaker.is_open:
            raise GuardUnavailable("The guard failed several times in a row and is left alone for a while.")
        limit = self._care.calls_per_day
        if limit:
            now = self._clock()
            self._calls = [when for when in self._calls if now - when < 86_400]
            if len(self._calls) >= limit:
                raise GuardUnavailable(f"The {limit} calls a day that the settings allow are spent.")
            self._calls.append(now)

    def _asked(self, path: str, sent: bytes) -> Mapping[str, Any]:
        within = self._care.timeout_s
        headers = {"content-type": "application/json"}
        with self._client.stream("POST", path, content=sent, headers=headers, timeout=within) as response:
            raw = read_limited(response, max_bytes=MAX_ANSWER, within_s=within)
            if response.status_code != 200:
                raise UnparseableResponse(f"status {response.status_code}")
        answer: Any = json.loads(raw)
        if not isinstance(answer, Mapping):
            raise UnparseableResponse("the answer is no object")
        return answer
