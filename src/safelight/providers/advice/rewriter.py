"""A language model behind an OpenAI-compatible endpoint that rewrites prompts. The operator switches it on.

It is called only for requests that get suggestions, and only if the caller asks for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from safelight.core.net.json_client import JsonClient, JsonExchangeFailed
from safelight.detectors.remote.call_budget import CallBudget
from safelight.detectors.remote.circuit_breaker import CircuitBreaker
from safelight.detectors.remote.guard_formats import UnparseableResponse

from .rewrite_form import RewriteForm
from .rewriter_messages import make_chat_request, read_rewrites
from .rewriter_report import RewriterNote

#: Longest prompt that is sent, in characters: an answer has it three times.
MAX_PROMPT_CHARS = 2_000
#: Calls at the same time. A call can take seconds, and the other threads serve ordinary checks.
_MAX_CONCURRENT = 2
#: After this number of failed calls in a row, the endpoint is not called for a minute.
_MAX_FAILURES, _COOLDOWN_S = 3, 60.0


class RewriterFailed(Exception):
    """There is no usable answer. Not in the error tree: the check reports the note and goes on."""

    def __init__(self, note: RewriterNote) -> None:
        super().__init__(note.value)
        self.note = note


@dataclass(frozen=True, kw_only=True)
class RewriterOptions:
    """The endpoint and its limits, as the operator configured them."""

    #: Base URL with the path up to `/chat/completions`.
    url: str
    model: str
    api_key: str = field(default="", repr=False)
    timeout_s: float
    #: Most calls of this process in any 24 hours; 0: no limit.
    calls_per_day: int

    @property
    def host(self) -> str:
        """Host and port, as shown to the person whose prompt is sent there."""
        return urlsplit(self.url).netloc


class Rewriter:
    """Thread-safe client of one endpoint."""

    def __init__(self, options: RewriterOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self._client = JsonClient(allow_hosts=[options.host], clock=clock, total_s=options.timeout_s)
        self._places = threading.BoundedSemaphore(_MAX_CONCURRENT)
        self._budget = CallBudget(options.calls_per_day, clock=clock)
        self._breaker = CircuitBreaker(failure_threshold=_MAX_FAILURES, cooldown_s=_COOLDOWN_S, clock=clock)

    def rewrite(
        self, form: RewriteForm, *, blocked: str | None, whole: bool, before_call: Callable[[], None]
    ) -> list[Any]:
        """The rewrites that the model returned, each still to be examined. Raises `RewriterFailed`.

        `whole`: whether it may also say everything in other words.

        `before_call` is called when the prompt is about to leave this machine. An error of it ends the call.
        """
        if self._breaker.is_open:
            raise RewriterFailed(RewriterNote.UNAVAILABLE)
        if not self._places.acquire(blocking=False):
            raise RewriterFailed(RewriterNote.BUSY)
        try:
            if not self._budget.take():
                raise RewriterFailed(RewriterNote.CALL_LIMIT)
            try:
                before_call()
            except BaseException:
                self._budget.give_back()
                raise
            return self._call(make_chat_request(form, model=self.options.model, blocked=blocked, whole=whole))
        finally:
            self._places.release()

    def _call(self, body: dict[str, Any]) -> list[Any]:
        key = self.options.api_key
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            status, answer = self._client.post_json(
                f"{self.options.url.rstrip('/')}/chat/completions", body, headers
            )
            if status != 200:
                raise JsonExchangeFailed(f"The endpoint answered with status {status}.", status=status)
            rewrites = read_rewrites(answer)
        except JsonExchangeFailed as error:
            self._breaker.record_failure()
            raise RewriterFailed(RewriterNote.UNAVAILABLE) from error
        except UnparseableResponse as error:
            # The server works. Another prompt may get a usable answer.
            self._breaker.record_success()
            raise RewriterFailed(RewriterNote.UNUSABLE) from error
        self._breaker.record_success()
        return rewrites
