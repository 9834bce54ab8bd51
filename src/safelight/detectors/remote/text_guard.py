"""A guard model as a text detector. If the model does not answer, coverage has a gap."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import httpx

from safelight.core.fileio import write_atomic
from safelight.detectors.protocol import Capability, TextContent
from safelight.policy.findings import Basis, Finding, Modality, TextSpan

from .endpoint import EndpointOptions, GuardUnavailable, RemoteEndpoint
from .guard_formats import GuardFormat

VERSION = "1"

# Measured rates of a guard model, from a run on the operator's own prompts, with date and guard version.


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """A count out of a total."""

    found: int
    n: int

    def describe(self) -> str:
        return f"{self.found} of {self.n} ({100 * self.found / max(self.n, 1):.1f} %)"


@dataclass(frozen=True, kw_only=True)
class GuardMeasurements:
    """The result of one run over labelled prompts. Categories without examples are not listed."""

    #: Day of the run, ISO 8601.
    date: str
    #: The guard's version: its format, its model and our request.
    version: str
    #: sha256 of each data set.
    data_sha256s: tuple[str, ...]
    #: Number of prompts for which the guard gave no usable answer.
    unanswered: int
    harmless: Proportion
    categories: Mapping[str, Proportion]

    def measured(self, category: str) -> str | None:
        """The rates for a category in one sentence; None if the run had no examples of it."""
        share = self.categories.get(category)
        if share is None:
            return None
        alarms = f"false alarms on {self.harmless.describe()} harmless prompts"
        return f"{self.date}, here: {share.describe()} found, {alarms}"


def read_measurements(path: Path, version: str) -> GuardMeasurements | None:
    """Read the measurements in a file; None if the file is missing or damaged, or is for another guard
    version.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        figures = GuardMeasurements(
            date=str(raw["date"]),
            version=str(raw["version"]),
            data_sha256s=tuple(raw["data_sha256s"]),
            unanswered=int(raw["unanswered"]),
            harmless=Proportion(**raw["harmless"]),
            categories={name: Proportion(**share) for name, share in raw["categories"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return figures if figures.version == version else None


def write_measurements(path: Path, figures: GuardMeasurements) -> None:
    """Write or replace the measurements in a file. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(figures), indent=2, sort_keys=True) + "\n"
    write_atomic(path, text.encode(), mode=0o666)


class AskMode(StrEnum):
    """Condition for calling the guard."""

    ALWAYS = "always"
    #: Only if the local detectors are uncertain.
    UNSURE = "unsure"
    #: Only if a local detector reports one of the named categories.
    CATEGORIES = "categories"


@dataclass(frozen=True, kw_only=True)
class GuardOptions(EndpointOptions):
    """Options of a text guard, as the operator configured them."""

    model: str
    mode: AskMode = AskMode.ALWAYS
    #: Used with `AskMode.CATEGORIES`: the guard is called if a local detector reports one of them.
    categories: frozenset[str] = frozenset()
    #: A local detector is uncertain if its score is at least `low` and below `high`.
    low: float = 0.3
    high: float = 0.8
    max_characters: int = 16_000
    name: str = "text-guard"
    #: File with the rates that this operator measured. Without it, the guard's figures are "unmeasured".
    measurements: Path | None = None


class GuardDetector:
    """A text detector that calls a guard model at one endpoint. Thread-safe. A failed call raises, so that
    coverage shows a gap.
    """

    remote = True

    def __init__(
        self,
        client: httpx.Client,
        guard_format: GuardFormat,
        options: GuardOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = options.name
        digest = hashlib.sha256(
            repr((options.model, guard_format.body(options.model, "?"))).encode()
        ).hexdigest()
        self.version = f"{VERSION}+{guard_format.name}.{digest[:8]}"
        self.measurements = options.measurements
        self.learned = options.mode is AskMode.ALWAYS
        known = read_measurements(options.measurements, self.version) if options.measurements else None
        self.capabilities: tuple[Capability, ...] = tuple(
            Capability(
                category=category,
                modality=Modality.TEXT,
                measured=known.measured(category) if known else None,
            )
            for category in guard_format.categories
        )
        self._client, self._clock = client, clock
        self._format, self._options = guard_format, options
        self._endpoint = RemoteEndpoint(client, options, clock=clock)

    def always(self) -> GuardDetector:
        """A copy of this guard without a daily limit that is called for every text. Used to measure the
        guard.
        """
        options = replace(self._options, mode=AskMode.ALWAYS, calls_per_day=0)
        return GuardDetector(self._client, self._format, options, clock=self._clock)

    def wants(self, local_findings: Iterable[Finding]) -> bool:
        """Whether the text should be sent, after what the local detectors found in it."""
        if self._options.mode is AskMode.ALWAYS:
            return True
        if self._options.mode is AskMode.CATEGORIES:
            return any(one.category in self._options.categories for one in local_findings)
        judged = {one.category for one in self.capabilities}
        return any(
            one.category in judged and self._options.low <= one.score < self._options.high
            for one in local_findings
        )

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """One finding per category that the guard reports. Raises `GuardUnavailable`."""
        scores = self._scores(content.text)
        return [
            Finding(
                category=category,
                score=score,
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                basis=Basis.ASKED,
                reason=f"The guard model {self._options.model} reports this category in the text.",
                evidence=(TextSpan(field=content.field, start=0, end=len(content.text)),),
                attributes={"kind": "guard"},
            )
            for category, score in sorted(scores.items())
        ]

    def _scores(self, text: str) -> dict[str, float]:
        if len(text) > self._options.max_characters:
            raise GuardUnavailable(
                f"The text is longer than the {self._options.max_characters} characters that a guard is sent."
            )
        body = self._format.body(self._options.model, text.encode("utf-8", "replace").decode())
        return self._endpoint.scores(self._format.path, body, self._format.read)
