"""Drift: since when a provider refuses, fails or charges for refusals more or less often. Pure.

Each provider and model has a CUSUM test for each kind. Canaries are tested apart from other attempts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import accumulate, zip_longest
from typing import Any

from safelight.core.envelopes import format_iso
from safelight.core.i18n import Messages
from safelight.policy.statistics import wilson
from safelight.providers.advice.risk_features import find_words
from safelight.providers.protocol import ChargeStatus

from .gate import ErrorGates, Gate
from .models import AttemptOrigin, AttemptOutcome, AttemptRecord

#: Tries of one prompt within this time depend on each other, so only the first one counts.
_SAME_PROMPT_S = 86_400.0
#: The rate before a change is that of at least this number of outcomes, with a prior of a fifth.
_MIN_BEFORE, _PRIOR = 10, (0.5, 2.0)
#: The size of a change, in log-odds, from the rate so far moved by this number of standard deviations. They
#: and the threshold were chosen on simulated outcomes: about one false alarm a year at most.
_SIZE, _MARGIN = 1.5, 1.0
#: The threshold of the sum is the logarithm of the outcomes in a year, minus this.
_LOWER = 0.5
#: Fewer outcomes a year, and outcomes of a shorter time, do not change the threshold.
_MIN_A_YEAR, _MIN_S, _YEAR_S = 500.0, 86_400.0, 365.25 * 86_400.0


class DriftSource(StrEnum):
    """What a drift was found in."""

    #: The attempts of clients, and those that were added or imported.
    ATTEMPTS = "attempts"
    CANARIES = "canaries"


class DriftKind(StrEnum):
    REFUSES_MORE = "refuses_more"
    REFUSES_LESS = "refuses_less"
    #: Outages and unexplained errors.
    FAILS_MORE = "fails_more"
    FAILS_LESS = "fails_less"
    #: Refused attempts are charged more often.
    CHARGES_MORE = "charges_more"
    CHARGES_LESS = "charges_less"


@dataclass(frozen=True, kw_only=True)
class OutcomeRate:
    """A number of outcomes of all, with Wilson's 95 % interval."""

    count: int
    total: int

    def as_json(self) -> dict[str, Any]:
        low, high = wilson(self.count, self.total) if self.total else (0.0, 1.0)
        rate = round(self.count / self.total, 4) if self.total else None
        return {
            "count": self.count,
            "total": self.total,
            "rate": rate,
            "interval": [round(low, 4), round(high, 4)],
        }


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One change at one provider and model. Times are in unix seconds."""

    provider: str
    model: str
    kind: DriftKind
    #: The estimated first attempt after the change.
    since: float
    #: The attempt with which it was found.
    found_at: float
    #: When the next change of the same outcomes began; None if there is none.
    until: float | None
    #: Of the attempts that are compared: refused, failed or charged.
    before: OutcomeRate
    after: OutcomeRate
    found_in: DriftSource = DriftSource.ATTEMPTS

    def text(self, t: Messages, *, format_time: Callable[[float], str] = format_iso) -> str:
        """One sentence."""
        said = t(
            f"drift.{self.kind.value}",
            provider="/".join(part for part in (self.provider, self.model) if part),
            since=format_time(self.since),
            before=_percent(self.before),
            after=_percent(self.after),
            count=self.after.count,
            total=self.after.total,
        )
        return f"{said}{t('drift.by_canaries')}" if self.found_in is DriftSource.CANARIES else said

    def as_json(self, t: Messages) -> dict[str, Any]:
        return {
            "object": "drift",
            "provider": self.provider,
            "model": self.model or None,
            "kind": self.kind.value,
            "since": format_iso(self.since),
            "found_at": format_iso(self.found_at),
            "until": None if self.until is None else format_iso(self.until),
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "found_in": self.found_in.value,
            "text": self.text(t),
        }


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """All drifts in the attempts that were read, newest first."""

    drifts: tuple[Drift, ...] = ()
    #: Outcomes that were compared, of each provider and model.
    watched: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def at(self, now: float, *, within_s: float) -> tuple[Drift, ...]:
        """Those that go on and were found in this time before `now`."""
        return tuple(one for one in self.drifts if one.until is None and one.found_at >= now - within_s)

    def as_json(self, t: Messages) -> dict[str, Any]:
        return {
            "object": "list",
            "data": [one.as_json(t) for one in self.drifts],
            "watched": [
                {"provider": provider, "model": model or None, "outcomes": count}
                for (provider, model), count in sorted(self.watched.items())
            ],
        }


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What one attempt shows about its provider. None: nothing."""

    at: float
    #: The same for all tries of one prompt, also with a counter; empty if it is withheld or a canary's.
    words: frozenset[str]
    refused: bool | None
    failed: bool | None
    #: Of a refused one: whether it was charged.
    charged: bool | None


@dataclass(frozen=True, kw_only=True)
class _Alarm:
    """By the numbers of the outcomes: the one of the alarm, and the first one after the change."""

    at: int
    start: int
    rises: bool


def find_drift(attempts: Iterable[AttemptRecord]) -> DriftReport:
    """The drifts in these attempts, in any order."""
    found: list[Drift] = []
    watched: defaultdict[tuple[str, str], int] = defaultdict(int)
    everything = list(attempts)
    for source in DriftSource:
        of_canaries = source is DriftSource.CANARIES
        streams = _split(one for one in everything if (one.origin is AttemptOrigin.CANARY) is of_canaries)
        for (provider, model), outcomes in streams.items():
            series = [
                (
                    DriftKind.REFUSES_MORE,
                    DriftKind.REFUSES_LESS,
                    _first_tries((one, one.refused) for one in outcomes),
                ),
                (
                    DriftKind.FAILS_MORE,
                    DriftKind.FAILS_LESS,
                    _first_tries((one, one.failed) for one in outcomes),
                ),
            ]
            if not of_canaries:
                charged = [(one.at, one.charged) for one in outcomes if one.charged is not None]
                series.append((DriftKind.CHARGES_MORE, DriftKind.CHARGES_LESS, charged))
            watched[provider, model] = max(watched[provider, model], *(len(rows) for *_kinds, rows in series))
            of_stream = partial(Drift, provider=provider, model=model, found_in=source)
            for more, less, rows in series:
                found += _find_changes(rows, partial(of_stream, kind=more), partial(of_stream, kind=less))
    found.sort(key=lambda one: (-one.found_at, one.provider, one.model, one.kind))
    return DriftReport(drifts=tuple(found), watched=watched)


def _find_changes(
    rows: Sequence[tuple[float, bool]], rise: Callable[..., Drift], fall: Callable[..., Drift]
) -> Iterator[Drift]:
    """The changes of one series, oldest first. `rise` and `fall` make the drift from its times and rates."""
    sums = list(accumulate((value for _at, value in rows), initial=0))
    alarms = _find_alarms(sums, _threshold([at for at, _value in rows]))
    begin = 0
    for alarm, following in zip_longest(alarms, alarms[1:]):
        end = len(rows) if following is None else following.start
        yield (rise if alarm.rises else fall)(
            since=rows[alarm.start][0],
            found_at=rows[alarm.at][0],
            until=None if following is None else rows[end][0],
            before=_rate(sums, begin, alarm.start),
            after=_rate(sums, alarm.start, end),
        )
        begin = alarm.at + 1


def _find_alarms(sums: Sequence[int], threshold: float) -> list[_Alarm]:
    """All alarms. After one, the test begins anew."""
    alarms: list[_Alarm] = []
    while True:
        begin = alarms[-1].at + 1 if alarms else 0
        tests = [_first_alarm(sums, begin, threshold, rises=rises) for rises in (True, False)]
        first = min((one for one in tests if one is not None), key=lambda one: one.at, default=None)
        if first is None:
            return alarms
        alarms.append(first)


def _first_alarm(sums: Sequence[int], begin: int, threshold: float, *, rises: bool) -> _Alarm | None:
    """CUSUM: the sum of the log-likelihood ratios of a changed rate and the rate so far, at least 0.

    `sums[n]`: how many of the first n outcomes are 1. While the sum is 0, the outcomes count for the rate.
    """
    evidence, start = 0.0, begin
    for at in range(begin, len(sums) - 1):
        if start - begin >= _MIN_BEFORE:
            usual, changed = _rates(sums[start] - sums[begin], start - begin, rises=rises)
            is_one = sums[at + 1] > sums[at]
            evidence += math.log(changed / usual if is_one else (1 - changed) / (1 - usual))
            if evidence >= threshold:
                return _Alarm(at=at, start=start, rises=rises)
        if evidence <= 0:
            evidence, start = 0.0, at + 1
    return None


def _rates(count: int, total: int, *, rises: bool) -> tuple[float, float]:
    """The usual rate after these outcomes, and the changed one."""
    sign = 1.0 if rises else -1.0
    weight = total + sum(_PRIOR)
    mean = (count + _PRIOR[0]) / weight
    moved = mean + sign * _MARGIN * math.sqrt(mean * (1 - mean) / (weight + 1))
    usual = min(max(moved, 0.001), 0.999)
    odds = math.log(usual / (1 - usual)) + sign * _SIZE
    return usual, 1 / (1 + math.exp(-odds))


def _threshold(times: Sequence[float]) -> float:
    """Higher the more outcomes a year are tested, so that false alarms do not become more frequent."""
    a_year = len(times) / max(times[-1] - times[0], _MIN_S) * _YEAR_S if times else 0.0
    return math.log(max(a_year, _MIN_A_YEAR)) - _LOWER


def _split(attempts: Iterable[AttemptRecord]) -> Mapping[tuple[str, str], Sequence[_Outcome]]:
    """The outcomes of each provider and model, oldest first. Equal times are ordered by id.

    The newest attempts are read first, and none before the first one whose error is not read any more:
    refusals alone must not be left out.
    """
    gates = ErrorGates()
    streams: defaultdict[tuple[str, str], list[_Outcome]] = defaultdict(list)
    for one in sorted(attempts, key=lambda each: (each.at, each.id), reverse=True):
        found = _read(one, gates)
        if found is None:
            break
        if found.failed is not None:
            streams[one.provider, one.model].append(found)
    return {key: found[::-1] for key, found in streams.items()}


def _read(attempt: AttemptRecord, gates: ErrorGates) -> _Outcome | None:
    """None if the error is one too many."""
    refused = failed = charged = None
    if attempt.outcome is AttemptOutcome.PASSED or attempt.file_came:
        refused = failed = False
    elif attempt.outcome in (AttemptOutcome.REFUSED, AttemptOutcome.FAILED):
        gate = gates.find(attempt.provider, attempt.error)
        if gate is None:
            return None
        if attempt.outcome is AttemptOutcome.FAILED:
            failed = True if gate in (Gate.PROVIDER_DOWN, Gate.UNKNOWN) else None
        # A rule of a team is none of the provider's filter.
        elif gate in (Gate.PROVIDER_FILTER, Gate.UNKNOWN):
            refused, failed = True, False
            if attempt.charge.charged is not ChargeStatus.UNKNOWN:
                charged = attempt.charge.charged is ChargeStatus.YES
    # Each call of a canary counts, also of one prompt.
    prompt = "" if attempt.origin is AttemptOrigin.CANARY else attempt.prompt or ""
    return _Outcome(at=attempt.at, words=find_words(prompt), refused=refused, failed=failed, charged=charged)


def _first_tries(outcomes: Iterable[tuple[_Outcome, bool | None]]) -> list[tuple[float, bool]]:
    """Time and value of each, without further tries of one prompt within a day after the one that counts."""
    counted: dict[frozenset[str], float] = {}
    found = []
    for one, value in outcomes:
        if value is None or (one.words and one.at - counted.get(one.words, -math.inf) < _SAME_PROMPT_S):
            continue
        counted[one.words] = one.at
        found.append((one.at, value))
    return found


def _rate(sums: Sequence[int], begin: int, end: int) -> OutcomeRate:
    return OutcomeRate(count=sums[end] - sums[begin], total=end - begin)


def _percent(rate: OutcomeRate) -> str:
    return f"{100 * rate.count / rate.total:.0f}" if rate.total else "?"
