"""Drift: since when a provider refuses more or less, fails more, or charges differently. Pure.

Only attempts that were made anyway are read, canaries apart. Refusals are compared with the
risk that the risk model expects, or with the rate so far if there are too few outcomes for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from safelight.core.i18n import Messages
from safelight.policy.statistics import wilson
from safelight.providers.advice.driver_tables import DriverKind
from safelight.providers.advice.risk_features import driver_feature

from .change_test import (
    LARGEST_CHANGE,
    MAX_CANARY_CHANGE,
    MAX_WORD_CHANGE,
    Array,
    Direction,
    find_change,
    weigh_change,
)
from .models import AttemptOrigin, AttemptRecord, format_moment
from .stream_outcomes import StreamOutcome, estimate_risks, first_tries, split_streams

# How often outcomes are tested for drift. With more tests a year, each alarm has to be clearer. Pure.

YEAR_S = 365.25 * 86_400.0
#: The attempts of a new account are taken for those of at least this time.
_NEW_ACCOUNT_S = 7 * 86_400.0
Kind = TypeVar("Kind", bound=str)


@dataclass(frozen=True, kw_only=True)
class TestedOutcomes(Generic[Kind]):
    """The outcomes of users or of canaries that were read."""

    times: Sequence[float]
    #: The number of tested outcomes of each kind.
    counts: Mapping[Kind, int]
    #: Whether there are older ones, which were not read.
    has_older: bool


def count_a_year(groups: Sequence[TestedOutcomes[Kind]]) -> Mapping[Kind, float]:
    """How many outcomes of each kind are tested in a year.

    If only the newest of a group were read, its rate is that of the time in which these are. The others have
    all been read, so they belong to the whole time.
    """
    times = [at for group in groups for at in group.times]
    # All attempts of a busy account that are read can be of one hour: only a new account gets a longer time.
    shortest = 1.0 if any(group.has_older for group in groups) else _NEW_ACCOUNT_S
    rates: defaultdict[Kind, float] = defaultdict(float)
    for group in groups:
        if group.times:
            within = group.times if group.has_older else times
            years = max(max(within) - min(within), shortest) / YEAR_S
            for kind, count in group.counts.items():
                rates[kind] += count / years
    return rates


#: Any account is taken to have at least so many attempts a year.
_MIN_A_YEAR = 500.0
#: Prices that differ by less are equal: amounts are rounded.
_SAME_PRICE = 0.01
#: A word can be the cause if at least this number of attempts before the change has it, as many after it, and
#: this share of the refusals after it; and if as many attempts do not have it: a word of all prompts explains
#: nothing. The first ones are compared closely.
_MIN_WITH_WORD, _MIN_EXPLAINED, _MAX_WORDS = 3, 0.5, 20
#: Prior log-odds of a rise for some word, compared with one for all prompts. Chosen on simulated drifts, so
#: that about one of seven rises for all prompts is taken for one of a word.
_WORD_ODDS = 2.0


class DriftSource(StrEnum):
    """What a drift was found in."""

    #: The attempts of clients, and those that were added or imported.
    ATTEMPTS = "attempts"
    #: Canaries.
    CANARIES = "canaries"


class DriftKind(StrEnum):
    REFUSES_MORE = "refuses_more"
    #: Only prompts with one word, driver or row of the tables.
    REFUSES_WORDS = "refuses_words"
    REFUSES_LESS = "refuses_less"
    #: Outages and unexplained errors.
    FAILS_MORE = "fails_more"
    FAILS_LESS = "fails_less"
    #: Refused attempts are charged more often.
    CHARGES_MORE = "charges_more"
    CHARGES_LESS = "charges_less"
    #: The same length and size cost another amount.
    PRICE = "price"


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
    #: Of `REFUSES_WORDS`: the word, driver or row; otherwise empty.
    words: str
    #: The first attempt after the change: the most probable one, and a 95 % interval.
    since: float
    earliest: float
    latest: float
    #: The attempt with which it was found.
    found_at: float
    #: When the next change of the same outcomes began; None if there is none.
    until: float | None
    #: Of the attempts that are compared: refused, failed, charged, or with another price.
    before: OutcomeRate
    after: OutcomeRate
    found_in: DriftSource = DriftSource.ATTEMPTS

    def text(self, t: Messages, *, format_time: Callable[[float], str] = format_moment) -> str:
        """One sentence."""
        said = t(
            f"drift.{self.kind.value}",
            provider="/".join(part for part in (self.provider, self.model) if part),
            words=self.words.partition(":")[2],
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
            "words": self.words or None,
            "since": format_moment(self.since),
            "earliest": format_moment(self.earliest),
            "latest": format_moment(self.latest),
            "found_at": format_moment(self.found_at),
            "until": None if self.until is None else format_moment(self.until),
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


def find_drift(
    attempts: Iterable[AttemptRecord], *, has_older: bool = False, has_older_canaries: bool = False
) -> DriftReport:
    """The drifts in these attempts, in any order, at one false alarm a year at their own rate.

    `has_older`, `has_older_canaries`: whether the account has older attempts, and older canaries.
    """
    all_attempts = list(attempts)
    read = split_streams(one for one in all_attempts if one.origin is not AttemptOrigin.CANARY)
    canaries = split_streams(one for one in all_attempts if one.origin is AttemptOrigin.CANARY)
    of_users = {key: _series_of(one) for key, one in read.outcomes.items()}
    of_canaries = {key: _canary_series(one) for key, one in canaries.outcomes.items()}
    rates = count_a_year(
        [
            _count_tested(of_users.values(), has_older or read.has_older),
            _count_tested(of_canaries.values(), has_older_canaries or canaries.has_older),
        ]
    )
    if not rates:
        return DriftReport()
    streams: defaultdict[tuple[str, str], list[_Series]] = defaultdict(list)
    for key, series in (*of_users.items(), *of_canaries.items()):
        streams[key] += series
    # One false alarm a year is the limit of all providers and models together.
    thresholds = {kind: max(rate, _MIN_A_YEAR) / _SHARES[kind] for kind, rate in rates.items()}
    found = [
        drift
        for (provider, model), series in streams.items()
        for each in series
        for drift in _find_in(each, thresholds, provider=provider, model=model)
    ]
    found.sort(key=lambda one: (-one.found_at, one.provider, one.model, one.kind))
    watched = {key: max(len(each.rows) for each in series) for key, series in streams.items()}
    return DriftReport(drifts=tuple(found), watched=watched)


@dataclass(frozen=True, kw_only=True)
class _Test:
    kind: DriftKind
    direction: Direction
    #: The driver that the prompts must have; empty: any prompt.
    feature: str = ""

    def choose(self, rows: Sequence[StreamOutcome]) -> npt.NDArray[np.intp]:
        """The numbers of the rows that are tested."""
        if not self.feature:
            return np.arange(len(rows))
        return np.flatnonzero([self.feature in row.features for row in rows])


@dataclass(frozen=True, kw_only=True)
class _Series:
    """The outcomes of one sort at one provider and model, and the tests for them."""

    rows: Sequence[StreamOutcome]
    #: Log-odds of each outcome, compared with the others.
    risks: Array
    #: 1 or 0 for each row of a part of the series that begins after a change.
    read: Callable[[Sequence[StreamOutcome]], Array]
    tests: tuple[_Test, ...]
    #: The largest change, in log-odds.
    largest: float = LARGEST_CHANGE
    found_in: DriftSource = DriftSource.ATTEMPTS


@dataclass(frozen=True, kw_only=True)
class _Alarm:
    """An alarm, by the numbers of the rows of a series."""

    test: _Test
    #: The first row of the part in which it was found.
    begin: int
    at: int
    start: int
    earliest: int
    latest: int


#: Share of the false alarms for each kind. Refusals of drivers share theirs.
_SHARES = {
    DriftKind.REFUSES_MORE: 0.6,
    DriftKind.REFUSES_WORDS: 0.1,
    DriftKind.REFUSES_LESS: 0.1,
    DriftKind.FAILS_MORE: 0.05,
    DriftKind.FAILS_LESS: 0.05,
    DriftKind.CHARGES_MORE: 0.03,
    DriftKind.CHARGES_LESS: 0.03,
    DriftKind.PRICE: 0.04,
}
_REFUSALS = (
    _Test(kind=DriftKind.REFUSES_MORE, direction=Direction.UP),
    *(
        _Test(kind=DriftKind.REFUSES_WORDS, direction=Direction.UP, feature=driver_feature(kind))
        for kind in DriverKind
    ),
    _Test(kind=DriftKind.REFUSES_LESS, direction=Direction.DOWN),
)
_RISES = (DriftKind.REFUSES_MORE, DriftKind.REFUSES_WORDS)
_FAILURES = (
    _Test(kind=DriftKind.FAILS_MORE, direction=Direction.UP),
    _Test(kind=DriftKind.FAILS_LESS, direction=Direction.DOWN),
)
_CHARGES = (
    _Test(kind=DriftKind.CHARGES_MORE, direction=Direction.UP),
    _Test(kind=DriftKind.CHARGES_LESS, direction=Direction.DOWN),
)
_PRICES = (_Test(kind=DriftKind.PRICE, direction=Direction.UP),)


#: Of the few prompts of canaries, a word explains nothing.
_CANARY_REFUSALS = (_REFUSALS[0], _REFUSALS[-1])


def _canary_series(outcomes: Sequence[StreamOutcome]) -> tuple[_Series, ...]:
    """The refusals and failures of canaries, which are apart: their prompts were chosen because they pass.

    Each call counts, also of one prompt. What they were charged says little, because it is always the
    shortest length.
    """
    judged = [one for one in outcomes if one.refused is not None]
    answered = [one for one in outcomes if one.failed is not None]
    return (
        _Series(
            rows=judged,
            risks=np.zeros(len(judged)),
            read=lambda rows: np.array([bool(row.refused) for row in rows], dtype=np.float64),
            tests=_CANARY_REFUSALS,
            largest=MAX_CANARY_CHANGE,
            found_in=DriftSource.CANARIES,
        ),
        _Series(
            rows=answered,
            risks=np.zeros(len(answered)),
            read=lambda rows: np.array([bool(row.failed) for row in rows], dtype=np.float64),
            tests=_FAILURES,
            largest=MAX_CANARY_CHANGE,
            found_in=DriftSource.CANARIES,
        ),
    )


def _series_of(outcomes: Sequence[StreamOutcome]) -> tuple[_Series, ...]:
    judged = first_tries(one for one in outcomes if one.refused is not None)
    answered = first_tries(one for one in outcomes if one.failed is not None)
    charged = [one for one in outcomes if one.charged is not None]
    priced = [one for one in outcomes if one.price is not None]
    return (
        _Series(
            rows=judged,
            risks=estimate_risks(judged),
            read=lambda rows: np.array([bool(row.refused) for row in rows], dtype=np.float64),
            tests=_REFUSALS,
        ),
        _Series(
            rows=answered,
            risks=np.zeros(len(answered)),
            read=lambda rows: np.array([bool(row.failed) for row in rows], dtype=np.float64),
            tests=_FAILURES,
        ),
        _Series(
            rows=charged,
            risks=np.zeros(len(charged)),
            read=lambda rows: np.array([bool(row.charged) for row in rows], dtype=np.float64),
            tests=_CHARGES,
        ),
        _Series(rows=priced, risks=np.zeros(len(priced)), read=_other_prices, tests=_PRICES),
    )


def _count_tested(groups: Iterable[Sequence[_Series]], has_older: bool) -> TestedOutcomes[DriftKind]:
    found = [each for series in groups for each in series]
    times, counts = [row.at for each in found for row in each.rows], Counter[DriftKind]()
    for rows, test in ((each.rows, test) for each in found for test in each.tests):
        counts[test.kind] += len(test.choose(rows))
    return TestedOutcomes(times=times, counts=+counts, has_older=has_older)


def _other_prices(rows: Sequence[StreamOutcome]) -> Array:
    """1 for each row whose price differs from the first one for its length, size and currency."""
    first: dict[tuple[object, ...], float] = {}
    values = []
    for row in rows:
        key, amount = row.price or ((), 0.0)
        known = first.setdefault(key, amount)
        values.append(abs(amount - known) > _SAME_PRICE * known)
    return np.array(values, dtype=np.float64)


def _find_in(
    series: _Series, thresholds: Mapping[DriftKind, float], *, provider: str, model: str
) -> list[Drift]:
    alarms: list[_Alarm] = []
    while (alarm := _first_alarm(series, thresholds, alarms[-1].at + 1 if alarms else 0)) is not None:
        alarms.append(alarm)
    found = []
    for alarm, following in zip(alarms, [*alarms[1:], None], strict=False):
        end = len(series.rows) if following is None else following.start
        rows, risks = series.rows[alarm.begin : end], series.risks[alarm.begin : end]
        values, split = series.read(rows), alarm.start - alarm.begin
        kind, words, chosen = alarm.test.kind, "", np.arange(len(rows))
        if kind in _RISES and series.found_in is DriftSource.ATTEMPTS:
            words = _find_words(rows, values, risks, split)
            kind = DriftKind.REFUSES_WORDS if words else DriftKind.REFUSES_MORE
            if words:
                chosen = np.flatnonzero([words in row.features for row in rows])
        found.append(
            Drift(
                provider=provider,
                model=model,
                kind=kind,
                words=words,
                since=series.rows[alarm.start].at,
                earliest=series.rows[alarm.earliest].at,
                latest=series.rows[alarm.latest].at,
                found_at=series.rows[alarm.at].at,
                until=None if following is None else series.rows[following.start].at,
                before=_rate(values[chosen[chosen < split]]),
                after=_rate(values[chosen[chosen >= split]]),
                found_in=series.found_in,
            )
        )
    return found


def _first_alarm(series: _Series, thresholds: Mapping[DriftKind, float], begin: int) -> _Alarm | None:
    """The first alarm in the rows from number `begin` on."""
    rows, risks = series.rows[begin:], series.risks[begin:]
    values = series.read(rows)
    alarms = []
    for test in series.tests:
        chosen = test.choose(rows)
        if not len(chosen):
            continue
        change = find_change(
            values[chosen],
            risks[chosen],
            direction=test.direction,
            threshold=thresholds[test.kind],
            largest=series.largest,
        )
        if change is not None:
            at, start, earliest, latest = (
                begin + int(chosen[number])
                for number in (change.alarm, change.start, change.earliest, change.latest)
            )
            alarms.append(
                _Alarm(test=test, begin=begin, at=at, start=start, earliest=earliest, latest=latest)
            )
    return min(alarms, key=lambda one: one.at, default=None)


def _find_words(rows: Sequence[StreamOutcome], values: Array, risks: Array, split: int) -> str:
    """The word, driver or row that explains a rise of refusals better than a rise for all prompts, or ""."""
    before = Counter(name for row in rows[:split] for name in row.classes)
    after = Counter(name for row in rows[split:] for name in row.classes)
    refused = Counter(
        name for row, value in zip(rows[split:], values[split:], strict=True) if value for name in row.classes
    )
    names = [
        name
        for name, count in refused.items()
        if min(before[name], after[name], len(rows) - before[name] - after[name]) >= _MIN_WITH_WORD
        and count >= _MIN_EXPLAINED * values[split:].sum()
    ]
    names.sort(key=lambda name: (-refused[name] / np.sqrt(after[name]), name))
    scores = {"": weigh_change(values, risks, split, direction=Direction.UP)}
    for name in names[:_MAX_WORDS]:
        chosen = np.flatnonzero([name in row.features for row in rows])
        start = int(np.searchsorted(chosen, split))
        weight = weigh_change(
            values[chosen], risks[chosen], start, direction=Direction.UP, largest=MAX_WORD_CHANGE
        )
        scores[name] = weight + _WORD_ODDS - float(np.log(len(names)))
    return max(scores, key=lambda name: (scores[name], not name))


def _rate(values: Array) -> OutcomeRate:
    return OutcomeRate(count=int(values.sum()), total=len(values))


def _percent(rate: OutcomeRate) -> str:
    return f"{100 * rate.count / rate.total:.0f}" if rate.total else "?"
