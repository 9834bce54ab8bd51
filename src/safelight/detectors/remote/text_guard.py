"""A guard model as a text detector: asked in time, counted, remembered; what it does not say is a hole."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import httpx

from safelight.detectors.protocol import Capability, TextContent
from safelight.policy.findings import Finding, Modality, TextSpan, sexual_with_minor

from .endpoint import EndpointOptions, GuardUnavailable, RemoteEndpoint
from .guard_formats import GuardFormat
from .measurements import read

__all__ = ["AskMode", "GuardDetector", "GuardOptions", "GuardUnavailable"]

VERSION = "1"


class AskMode(StrEnum):
    """When the guard is asked."""

    ALWAYS = "always"
    #: Only where the local detectors are between sure and not.
    UNSURE = "unsure"
    #: Only where a local detector saw one of the named categories.
    CATEGORIES = "categories"


@dataclass(frozen=True, kw_only=True)
class GuardOptions(EndpointOptions):
    """How a guard is asked, as the operator configured it."""

    model: str
    mode: AskMode = AskMode.ALWAYS
    #: For `Ask.CATEGORIES`.
    categories: frozenset[str] = frozenset()
    #: Local scores in between are "unsure".
    low: float = 0.3
    high: float = 0.8
    max_characters: int = 16_000


class GuardDetector:
    """One endpoint. Safe to call from several threads; a call that fails raises, which leaves a hole."""

    #: Runs after the local ones.
    costly = True

    def __init__(
        self,
        client: httpx.Client,
        grammar: GuardFormat,
        options: GuardOptions,
        *,
        local: Callable[[TextContent], Sequence[Finding]] | None = None,
        measurements: Path | None = None,
        name: str = "text-guard",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        digest = hashlib.sha256(repr((options.model, grammar.body(options.model, "?"))).encode()).hexdigest()
        self.version = f"{VERSION}+{grammar.name}.{digest[:8]}"
        #: File with this operator's measured rates; without it the guard counts as "unmeasured".
        self.measurements = measurements
        known = read(measurements, self.version) if measurements else None
        self.capabilities: tuple[Capability, ...] = tuple(
            Capability(
                category=category,
                modality=Modality.TEXT,
                measured=known.measured(category) if known else None,
            )
            for category in grammar.categories
        )
        self._client, self._clock = client, clock
        self._grammar, self._options, self._local = grammar, options, local
        self._endpoint = RemoteEndpoint(client, options, clock=clock)

    def always(self) -> GuardDetector:
        """The same guard, asked about everything and as often as it takes: for measuring it."""
        options = replace(self._options, mode=AskMode.ALWAYS, calls_per_day=0)
        return GuardDetector(
            self._client,
            self._grammar,
            options,
            measurements=self.measurements,
            name=self.name,
            clock=self._clock,
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
        if self._local is None:
            return True
        seen = self._local(content)
        if sexual_with_minor(seen):
            raise GuardUnavailable("Shown to no server: it may be sexual and about a minor.")
        if self._options.mode is AskMode.ALWAYS:
            return True
        if self._options.mode is AskMode.CATEGORIES:
            return any(one.category in self._options.categories for one in seen)
        return any(self._options.low <= one.score < self._options.high for one in seen)

    def _scores(self, text: str) -> dict[str, float]:
        if len(text) > self._options.max_characters:
            raise GuardUnavailable(
                f"The text is longer than the {self._options.max_characters} characters a guard is sent."
            )
        body = self._grammar.body(self._options.model, text.encode("utf-8", "replace").decode())
        return self._endpoint.scores(self._grammar.path, body, self._grammar.read)
