"""Patterns: how often providers refuse, by driver, provider, model and length, with intervals. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.advice.drivers import PROMPT, find_drivers
from safelight.detectors.text.calibration import wilson_interval

from .models import AttemptOutcome, AttemptRecord

#: Fewer attempts are only counted: their interval is too wide for a cause.
MIN_ATTEMPTS = 10
_JUDGED = (AttemptOutcome.PASSED, AttemptOutcome.REFUSED)


@dataclass(frozen=True, kw_only=True)
class RefusalRate:
    """Refused attempts of all that the provider's filter judged, with Wilson's 95 % interval."""

    refused: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.refused, self.total) if self.total else (0.0, 1.0)

    def as_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {
            "refused": self.refused,
            "total": self.total,
            "rate": round(self.refused / self.total, 4) if self.total else None,
            "interval": [round(low, 4), round(high, 4)],
        }


@dataclass(frozen=True, kw_only=True)
class RefusalPattern:
    """Attempts with one property, beside the other attempts at the same providers."""

    #: `driver`, `provider`, `model` or `seconds`.
    kind: str
    value: str
    rate: RefusalRate
    others: RefusalRate

    @property
    def is_likely_cause(self) -> bool:
        """Whether these are refused more often: both intervals are of enough attempts and do not overlap."""
        enough = min(self.rate.total, self.others.total) >= MIN_ATTEMPTS
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
    described = [(one, tuple(dict.fromkeys(_properties(one)))) for one in judged]
    # A prompt that is withheld has unknown drivers, so it does not count as one without a driver.
    readable = [(one, found) for one, found in described if one.prompt]
    patterns = []
    for key in dict.fromkeys(each for _, found in described for each in found):
        kind, value = key
        population = readable if kind == "driver" else described
        inside = [one for one, found in population if key in found]
        outside = [one for one, found in population if key not in found]
        patterns.append(RefusalPattern(kind=kind, value=value, rate=_rate(inside), others=_rate(outside)))
    patterns.sort(key=lambda one: (not one.is_likely_cause, -one.rate.interval[0], one.kind, one.value))
    return tuple(patterns)


def _properties(attempt: AttemptRecord) -> Iterator[tuple[str, str]]:
    yield "provider", attempt.provider
    if attempt.model:
        yield "model", f"{attempt.provider}/{attempt.model}"
    if attempt.seconds:
        yield "seconds", f"{attempt.seconds:g}"
    if attempt.prompt:
        for driver in find_drivers({PROMPT: attempt.prompt}, ()):
            yield "driver", f"{driver.kind.value}:{driver.row}"


def _rate(attempts: Sequence[AttemptRecord]) -> RefusalRate:
    counted = Counter(one.outcome for one in attempts)
    return RefusalRate(refused=counted[AttemptOutcome.REFUSED], total=len(attempts))
