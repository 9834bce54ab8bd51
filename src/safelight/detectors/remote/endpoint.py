"""Client of one guard server, with a time limit, a daily call limit, an answer cache and a circuit
breaker.
"""

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

from safelight.core.errors import SafelightError
from safelight.core.net.client import AnswerTooLong, read_limited

from .call_budget import CallBudget
from .circuit_breaker import CircuitBreaker
from .guard_formats import UnparseableResponse

MAX_ANSWER_BYTES = 1 << 20


class GuardUnavailable(SafelightError):
    """The guard returned no usable answer, so coverage shows its categories as not checked."""

    code = "guard_silent"


@dataclass(frozen=True, kw_only=True)
class EndpointOptions:
    """Limits for calls to a server, as the operator configured them."""

    timeout_s: float = 0.9
    #: The circuit breaker opens after this number of consecutive failures, and stays open for `cooldown_s`
    #: seconds.
    failure_threshold: int = 3
    cooldown_s: float = 30.0
    max_cached_answers: int = 4096
    #: Maximum number of calls in any 24 hours; 0: no limit. The server may charge for each call.
    calls_per_day: int = 0


class RemoteEndpoint:
    """Thread-safe client that posts a request to the guard and returns the scores from its answer."""

    def __init__(
        self, client: httpx.Client, options: EndpointOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._options = client, options
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._breaker = CircuitBreaker(
            failure_threshold=options.failure_threshold, cooldown_s=options.cooldown_s, clock=clock
        )
        self._budget = CallBudget(options.calls_per_day, clock=clock)

    def scores(
        self, path: str, body: Mapping[str, Any], read: Callable[[Mapping[str, Any]], dict[str, float]]
    ) -> dict[str, float]:
        """Post `body` to `path` and return the scores that `read` parses from the answer. Raises
        `GuardUnavailable`.

        Scores are cached by path and body.
        """
        sent = json.dumps(body, ensure_ascii=False).encode()
        key = hashlib.sha256(path.encode() + b"\n" + sent).hexdigest()
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
            self._check_limits()
        try:
            scores = read(self._post(path, sent))
        except (httpx.HTTPError, AnswerTooLong, UnparseableResponse, ValueError) as error:
            self._breaker.record_failure()
            raise GuardUnavailable(f"{type(error).__name__}: {error}"[:200]) from error
        self._breaker.record_success()
        with self._lock:
            self._cache[key] = scores
            while len(self._cache) > self._options.max_cached_answers:
                self._cache.popitem(last=False)
        return scores

    def _check_limits(self) -> None:
        if self._breaker.is_open:
            raise GuardUnavailable("The guard failed several times in a row; it is not called for a while.")
        if not self._budget.take():
            limit = self._options.calls_per_day
            raise GuardUnavailable(f"The limit of {limit} calls per day in the settings is reached.")

    def _post(self, path: str, sent: bytes) -> Mapping[str, Any]:
        within = self._options.timeout_s
        headers = {"content-type": "application/json"}
        with self._client.stream("POST", path, content=sent, headers=headers, timeout=within) as response:
            raw = read_limited(response, max_bytes=MAX_ANSWER_BYTES, within_s=within)
            if response.status_code != 200:
                raise UnparseableResponse(f"status {response.status_code}")
        answer: Any = json.loads(raw)
        if not isinstance(answer, Mapping):
            raise UnparseableResponse("the answer is not a JSON object")
        return answer
