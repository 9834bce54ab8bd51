"""A guard model as a text detector: asked in time, counted, remembered; what it does not say is a hole."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx

from safelight.detectors.protocol import Capability, TextContent
from safelight.errors import SafelightError
from safelight.net.client import AnswerTooLong, read_limited
from safelight.policy.findings import Finding, Modality, TextSpan

from .figures import read
from .grammars import Garbled, Grammar

VERSION = "1"
MAX_ANSWER = 1 << 20


class Ask(StrEnum):
    """When the guard is asked."""

    ALWAYS = "always"
    #: Only where the local detectors are between sure and not.
    UNSURE = "unsure"
    #: Only where a local detector saw one of the named categories.
    CATEGORIES = "categories"


class GuardSilent(SafelightError):
    """The guard gave no usable answer, so that its categories stay unchecked."""

    code = "guard_silent"


@dataclass(frozen=True, kw_only=True)
class GuardOptions:
    """How a guard is asked, as the operator configured it."""

    model: str
    ask: Ask = Ask.ALWAYS
    #: For `Ask.CATEGORIES`.
    about: frozenset[str] = frozenset()
    #: Local scores in between are "unsure".
    low: float = 0.3
    high: float = 0.8
    timeout_s: float = 0.9
    #: Failures in a row after which it is left alone, and for how many seconds.
    trips_after: int = 3
    rests_s: float = 30.0
    remembers: int = 4096
    #: Calls in any day; 0: no limit. What one costs is the operator's to know.
    calls_per_day: int = 0
    longest: int = 16_000


class GuardDetector:
    """One endpoint. Safe to call from several threads; a call that fails raises, which leaves a hole."""

    #: Runs after the local ones.
    costly = True

    def __init__(
        self,
        client: httpx.Client,
        grammar: Grammar,
        options: GuardOptions,
        *,
        local: Callable[[TextContent], Sequence[Finding]] | None = None,
        figures: Path | None = None,
        name: str = "guard",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        digest = hashlib.sha256(repr((options.model, grammar.body(options.model, "?"))).encode()).hexdigest()
        self.version = f"{VERSION}+{grammar.name}.{digest[:8]}"
        #: Where this operator's figures are kept; without them the guard is "unmeasured".
        self.figures = figures
        known = read(figures, self.version) if figures else None
        self.capabilities: tuple[Capability, ...] = tuple(
            Capability(
                category=category,
                modality=Modality.TEXT,
                measured=known.measured(category) if known else None,
            )
            for category in grammar.categories
        )
        self._client, self._grammar, self._options = client, grammar, options
        self._local, self._clock = local, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._failures = 0
        self._rests_until = float("-inf")
        self._calls: list[float] = []

    def always(self) -> GuardDetector:
        """The same guard, asked about everything and as often as it takes: for measuring it."""
        options = replace(self._options, ask=Ask.ALWAYS, calls_per_day=0)
        return GuardDetector(
            self._client, self._grammar, options, figures=self.figures, name=self.name, clock=self._clock
        )

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category the guard names. Raises `GuardSilent` where it cannot be asked or read."""
        if not self._wanted(content):
            return []
        scores = self._scores(content.text)
        return [
            Finding(
                category=category,
                score=score,
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                reason=f"The guard model {self._options.model} sees this in the text.",
                evidence=(TextSpan(field=content.field, start=0, end=len(content.text)),),
                attributes={"kind": "guard"},
            )
            for category, score in sorted(scores.items())
        ]

    def _wanted(self, content: TextContent) -> bool:
        if self._options.ask is Ask.ALWAYS or self._local is None:
            return True
        seen = self._local(content)
        if self._options.ask is Ask.CATEGORIES:
            return any(one.category in self._options.about for one in seen)
        return any(self._options.low <= one.score < self._options.high for one in seen)

    def _scores(self, text: str) -> dict[str, float]:
        if len(text) > self._options.longest:
            raise GuardSilent(
                f"The text is longer than the {self._options.longest} characters a guard is sent."
            )
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            self._admit()
        try:
            scores = self._asked(text)
        except (httpx.HTTPError, AnswerTooLong, Garbled, ValueError) as error:
            with self._lock:
                self._failures += 1
                if self._failures >= self._options.trips_after:
                    self._rests_until = self._clock() + self._options.rests_s
            raise GuardSilent(f"{type(error).__name__}: {error}"[:200]) from error
        with self._lock:
            self._failures = 0
            self._known[key] = scores
            while len(self._known) > self._options.remembers:
                self._known.popitem(last=False)
        return scores

    def _admit(self) -> None:
        now = self._clock()
        if now < self._rests_until:
            raise GuardSilent("The guard failed several times in a row and is left alone for a while.")
        limit = self._options.calls_per_day
        if limit:
            self._calls = [when for when in self._calls if now - when < 86_400]
            if len(self._calls) >= limit:
                raise GuardSilent(f"The {limit} calls a day that the settings allow are spent.")
            self._calls.append(now)

    def _asked(self, text: str) -> dict[str, float]:
        body = self._grammar.body(self._options.model, text.encode("utf-8", "replace").decode())
        within = self._options.timeout_s
        with self._client.stream("POST", self._grammar.path, json=body, timeout=within) as response:
            raw = read_limited(response, max_bytes=MAX_ANSWER, within_s=within)
            if response.status_code != 200:
                raise Garbled(f"status {response.status_code}")
        answer: Any = json.loads(raw)
        if not isinstance(answer, Mapping):
            raise Garbled("the answer is no object")
        return self._grammar.read(answer)
