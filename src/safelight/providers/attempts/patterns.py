"""Patterns: how often providers refuse, by driver, provider, model and length, with intervals. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.policy.statistics import wilson
from safelight.providers.advice.drivers import PROMPT, find_drivers
from safelight.providers.advice.help_gate import shows_harm

from .models import AttemptOutcome, AttemptRecord

#: Fewer prompts are only counted: their interval is too wide for a cause.
MIN_PROMPTS = 10
#: Of fewer prompts, a share and its interval state more than is known.
MIN_FOR_SHARE = 20
#: Characters that are searched for drivers, of one prompt and of all: a million takes a few seconds.
MAX_DRIVER_CHARS, MAX_ALL_DRIVER_CHARS = 2_000, 1_000_000
#: A model or a length with fewer tries shows nothing.
_MIN_TRIES = 2
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
        return wilson(self.refused, self.total) if self.total else (0.0, 1.0)

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
    """Prompts with one property, compared with the others. For a driver: the others at the same providers."""

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

    Only attempts that a provider's filter judged are counted: passed or refused. Drivers are searched in the
    first `MAX_DRIVER_CHARS` characters of a prompt, and in the first prompts up to `MAX_ALL_DRIVER_CHARS`.
    """
    judged = [one for one in attempts if one.outcome in _JUDGED]
    drivers = _find_drivers(one.prompt for one in judged)
    tries = [
        _Try(
            prompt=identify_prompt(one),
            provider=one.provider,
            refused=one.outcome is AttemptOutcome.REFUSED,
            properties=frozenset(_properties(one, drivers)),
            readable=one.prompt in drivers,
        )
        for one in judged
    ]
    # A prompt that is withheld or was not searched does not count as one without a driver.
    readable = [one for one in tries if one.readable]
    patterns = []
    counts = Counter(each for one in tries for each in one.properties)
    for key, count in counts.items():
        kind, value = key
        if kind in ("model", "seconds") and count < _MIN_TRIES:
            continue
        population = readable if kind == "driver" else tries
        inside = [one for one in population if key in one.properties]
        outside = [one for one in population if key not in one.properties]
        if kind == "driver":
            providers = {one.provider for one in inside}
            outside = [one for one in outside if one.provider in providers]
        patterns.append(RefusalPattern(kind=kind, value=value, rate=_rate(inside), others=_rate(outside)))
    patterns.sort(key=lambda one: (not one.is_likely_cause, -one.rate.interval[0], one.kind, one.value))
    return tuple(patterns)


@dataclass(frozen=True, kw_only=True)
class _Try:
    #: The same for all tries of one prompt at one provider.
    prompt: tuple[str, str]
    provider: str
    refused: bool
    #: Kind and value of each.
    properties: frozenset[tuple[str, str]]
    readable: bool


def _find_drivers(prompts: Iterable[str | None]) -> dict[str | None, list[tuple[str, str]]]:
    """The drivers of each prompt that is searched. A scene of harm is not: which of its words a filter reacts
    to would help to write it in other words.
    """
    found: dict[str | None, list[tuple[str, str]]] = {}
    left = MAX_ALL_DRIVER_CHARS
    for prompt in prompts:
        if not prompt or prompt in found:
            continue
        text = prompt[:MAX_DRIVER_CHARS]
        left -= len(text)
        if left < 0:
            break
        if shows_harm((text,)):
            continue
        found[prompt] = [
            ("driver", f"{one.kind.value}:{one.row}") for one in find_drivers({PROMPT: text}, ())
        ]
    return found


def _properties(
    attempt: AttemptRecord, drivers: Mapping[str | None, Sequence[tuple[str, str]]]
) -> Iterator[tuple[str, str]]:
    yield "provider", attempt.provider
    if attempt.model:
        yield "model", f"{attempt.provider}/{attempt.model}"
    if attempt.seconds:
        yield "seconds", f"{attempt.seconds:g}"
    yield from drivers.get(attempt.prompt, ())


def _rate(tries: Sequence[_Try]) -> RefusalRate:
    by_prompt: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for one in tries:
        by_prompt[one.prompt].append(one.refused)
    refused = sum(2 * sum(found) >= len(found) for found in by_prompt.values())
    return RefusalRate(refused=refused, total=len(by_prompt), attempts=len(tries))


def identify_prompt(attempt: AttemptRecord) -> tuple[str, str]:
    """The provider, and the words of the prompt without case and punctuation. Withheld prompts differ."""
    words = _WORDS.findall(unicodedata.normalize("NFKC", attempt.prompt or "").casefold())
    return attempt.provider, " ".join(words) or attempt.prompt or attempt.id
