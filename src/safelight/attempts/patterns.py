"""Patterns: how often providers refuse, by driver, provider, model and length, with intervals. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.advice.drivers import PROMPT, find_drivers
from safelight.detectors.text.calibration import wilson_interval

from .models import AttemptOutcome, AttemptRecord

#: Fewer prompts are only counted: their interval is too wide for a cause.
MIN_PROMPTS = 10
_JUDGED = (AttemptOutcome.PASSED, AttemptOutcome.REFUSED)
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class RefusalRate:
    """Refused prompts of all that the provider's filter judged, with Wilson's 95 % interval.

    Tries of one prompt at one provider depend on each other, so they count once: as refused if at least half
    of them were. Attempts with a withheld prompt count one by one.
    """

    refused: int
    total: int
    #: Number of attempts of these prompts.
    attempts: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.refused, self.total) if self.total else (0.0, 1.0)

    def as_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {
            "refused": self.refused,
            "total": self.total,
            "attempts": self.attempts,
            "rate": round(self.refused / self.total, 4) if self.total else None,
            "interval": [round(low, 4), round(high, 4)],
        }


@dataclass(frozen=True, kw_only=True)
class RefusalPattern:
    """Prompts with one property, beside the other prompts at the same providers."""

    #: `driver`, `provider`, `model` or `seconds`.
    kind: str
    value: str
    rate: RefusalRate
    others: RefusalRate

    @property
    def is_likely_cause(self) -> bool:
        """Whether these are refused more often: both intervals are of enough prompts and do not overlap."""
        enough = min(self.rate.total, self.others.total) >= MIN_PROMPTS
        return enough and self.rate.interval[0] > self.others.interval[1]

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "value": self.value,
            **self.rate.as_json(),
            "others": self.others.as_json(),
            "likely_cause": self.is_likely_cause,
        }


def find_patterns(attempts: Iterable[AttemptRecord]) -> tuple[RefusalPattern, ...]:
    """All patterns, likely causes first, then by the lower end of the interval.

    Only attempts that a provider's filter judged are counted: passed or refused.
    """
    judged = [one for one in attempts if one.outcome in _JUDGED]
    drivers = {prompt: tuple(_drivers(prompt)) for prompt in {one.prompt for one in judged} if prompt}
    tries = [
        _Try(
            prompt=_same_prompt(one),
            refused=one.outcome is AttemptOutcome.REFUSED,
            properties=frozenset(_properties(one, drivers)),
            readable=bool(one.prompt),
        )
        for one in judged
    ]
    # A prompt that is withheld has unknown drivers, so it does not count as one without a driver.
    readable = [one for one in tries if one.readable]
    patterns = []
    for key in {each for one in tries for each in one.properties}:
        kind, value = key
        population = readable if kind == "driver" else tries
        inside = [one for one in population if key in one.properties]
        outside = [one for one in population if key not in one.properties]
        patterns.append(RefusalPattern(kind=kind, value=value, rate=_rate(inside), others=_rate(outside)))
    patterns.sort(key=lambda one: (not one.is_likely_cause, -one.rate.interval[0], one.kind, one.value))
    return tuple(patterns)


@dataclass(frozen=True, kw_only=True)
class _Try:
    #: The same for all tries of one prompt at one provider.
    prompt: tuple[str, str]
    refused: bool
    #: Kind and value of each.
    properties: frozenset[tuple[str, str]]
    readable: bool


def _drivers(prompt: str) -> Iterator[tuple[str, str]]:
    for driver in find_drivers({PROMPT: prompt}, ()):
        yield "driver", f"{driver.kind.value}:{driver.row}"


def _properties(
    attempt: AttemptRecord, drivers: Mapping[str, Sequence[tuple[str, str]]]
) -> Iterator[tuple[str, str]]:
    yield "provider", attempt.provider
    if attempt.model:
        yield "model", f"{attempt.provider}/{attempt.model}"
    if attempt.seconds:
        yield "seconds", f"{attempt.seconds:g}"
    yield from drivers.get(attempt.prompt or "", ())


def _rate(tries: Sequence[_Try]) -> RefusalRate:
    by_prompt: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for one in tries:
        by_prompt[one.prompt].append(one.refused)
    refused = sum(2 * sum(found) >= len(found) for found in by_prompt.values())
    return RefusalRate(refused=refused, total=len(by_prompt), attempts=len(tries))


def _same_prompt(attempt: AttemptRecord) -> tuple[str, str]:
    """The provider, and the words of the prompt without case and punctuation."""
    words = _WORDS.findall(unicodedata.normalize("NFKC", attempt.prompt or "").casefold())
    return attempt.provider, " ".join(words) or attempt.prompt or attempt.id
