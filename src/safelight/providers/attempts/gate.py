"""Which party refused an attempt, what the other attempts show, and how to tell. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from safelight.core.envelopes import format_iso
from safelight.core.i18n import DEFAULT, Messages, load_messages, translate_sentence
from safelight.providers.advice.provider_rules import ProviderRule, Topic, documents
from safelight.providers.provider_errors import ErrorKind, ErrorSource, ProviderError, decode
from safelight.providers.provider_errors.registry import exactly_named

from .error_text import mask_ids
from .models import AttemptOutcome, AttemptRecord

#: From this number of different prompts on that failed in a row, the sign `all_fail` is given.
MIN_FAILED = 3
#: Attempts before and after one that are read for that sign.
_MAX_ROW = 200
#: Characters of an error that are read.
MAX_ERROR_CHARS = 4_000
#: Characters of all different errors of one pass. Reading them takes 4 seconds at most; usual errors have
#: 200 characters.
MAX_ALL_ERROR_CHARS = 60_000
#: Errors whose gate is remembered: reading a long one takes 0.2 s, and it can have 64,000 characters.
_MAX_KNOWN_ERRORS = 200
_PLAN = re.compile(
    r"does not have access to (?:the )?model|organization must be verified|upgrade (?:your|to)"
    # "Check your plan and billing details" is what OpenAI writes about a used-up quota.
    r"|(?<!check )\b(?:your|current|this|free|paid|higher) (?:\w+ )?(?:plan|tier|subscription)\b"
    r"|model.{0,60}not (?:available|included|enabled|allowed)"
    r"(?! in (?:your|this) (?:region|country|location))"
    r"|套餐|未开通|未開通|(?:升级|升級).{0,6}(?:方案|会员|會員)"
    r"|(?:订阅|訂閱|方案).{0,12}模型|模型.{0,12}(?:订阅|訂閱|方案)",
    re.IGNORECASE,
)
_TEAM = re.compile(
    r"\b(?:your|the|by) (?:organi[sz]ation|workspace|administrator|admin)"
    r"|\byour team|workspace (?:policy|rule)|blocklist|block list|团队|團隊|管理员|管理員|工作区|工作區",
    re.IGNORECASE,
)
_DOWN = (ErrorKind.TRANSIENT, ErrorKind.TIMEOUT)
_ACCOUNT = (ErrorKind.AUTH, ErrorKind.QUOTA, ErrorKind.RATE_LIMIT)
_ENDED = (
    *(AttemptOutcome.PASSED, AttemptOutcome.REFUSED, AttemptOutcome.FAILED),
    # The provider made a file.
    AttemptOutcome.STOPPED,
)


class Gate(StrEnum):
    """The party that refused a request."""

    PROVIDER_FILTER = "provider_filter"
    OWN_POLICY = "own_policy"
    #: A rule of the team, of the platform between, or of the network.
    TEAM_RULE = "team_rule"
    #: The plan or the account does not include the model.
    PLAN = "plan"
    #: The key, a rate limit or a used-up quota.
    ACCOUNT = "account"
    PROVIDER_DOWN = "provider_down"
    UNKNOWN = "unknown"


class GateSign(StrEnum):
    """What the other attempts show."""

    ALL_FAIL = "all_fail"
    #: As `all_fail`, but a later attempt passed.
    ALL_FAILED = "all_failed"
    PASSED_BEFORE = "passed_before"
    PASSED_ELSEWHERE = "passed_elsewhere"
    REFUSED_ELSEWHERE = "refused_elsewhere"
    #: The provider refuses, or fails, more often since a time; of other attempts too.
    REFUSES_MORE = "refuses_more"
    FAILS_MORE = "fails_more"


@dataclass(frozen=True, kw_only=True)
class GateEvidence:
    sign: GateSign
    #: The time since when, or at which, in unix seconds.
    at: float
    provider: str
    #: Number of attempts.
    count: int = 1
    #: The end of a period; None if there is none.
    until: float | None = None

    def as_json(self, t: Messages) -> dict[str, Any]:
        return {
            "sign": self.sign.value,
            "time": format_iso(self.at),
            "provider": self.provider,
            "count": self.count,
            "until": None if self.until is None else format_iso(self.until),
            "text": t(
                f"sign.{self.sign.value}",
                time=format_iso(self.at),
                provider=self.provider,
                count=self.count,
                until="" if self.until is None else format_iso(self.until),
            ),
        }


@dataclass(frozen=True, kw_only=True)
class GateAnswer:
    """The party, the evidence of other attempts, and a test that tells the parties apart.

    No test sends a refused prompt to another provider or model.
    """

    gate: Gate
    evidence: tuple[GateEvidence, ...] = ()

    def as_json(self, t: Messages) -> dict[str, Any]:
        return {
            "gate": self.gate.value,
            "text": t(f"gate.{self.gate.value}"),
            "test": t(f"gate_test.{self.gate.value}"),
            "evidence": [one.as_json(t) for one in self.evidence],
        }


def gate_of_error(found: ProviderError, text: str = "") -> Gate:
    """The party by the error alone. `text`: the error as it was given, for one that no rule explains."""
    unknown = found.kind is ErrorKind.UNKNOWN
    words = text[:MAX_ERROR_CHARS] if unknown else f"{found.code} {found.message}"
    if found.kind is ErrorKind.CONTENT_BLOCK:
        if found.source is ErrorSource.GATEWAY:
            return Gate.OWN_POLICY
        other = found.source in (ErrorSource.RELAY, ErrorSource.NETWORK)
        return Gate.TEAM_RULE if other or _TEAM.search(words) else Gate.PROVIDER_FILTER
    if (unknown or found.kind in (*_ACCOUNT, ErrorKind.INVALID_REQUEST)) and _PLAN.search(words):
        return Gate.PLAN
    if found.kind in _ACCOUNT:
        return Gate.TEAM_RULE if found.kind is ErrorKind.AUTH and _TEAM.search(words) else Gate.ACCOUNT
    if found.kind in _DOWN:
        return Gate.PROVIDER_DOWN
    team = found.source is ErrorSource.NETWORK or (unknown and _TEAM.search(words))
    return Gate.TEAM_RULE if team else Gate.UNKNOWN


@lru_cache(maxsize=_MAX_KNOWN_ERRORS)
def gate_of_text(provider: str, text: str) -> Gate:
    """The party by the text of an error of this provider."""
    return gate_of_error(decode(text, provider=provider), text)


class ErrorGates:
    """The gates of the errors in one pass over attempts. Errors that differ only in ids are read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Gate] = {}
        self._left = MAX_ALL_ERROR_CHARS

    def find(self, provider: str, error: str) -> Gate | None:
        """The gate of this error; None if it is a new one and the limit is reached."""
        text = error[:MAX_ERROR_CHARS]
        key = (provider, mask_ids(text))
        if key not in self._known:
            if len(text) > self._left:
                return None
            self._left -= len(text)
            self._known[key] = gate_of_text(provider, text)
        return self._known[key]


def find_gate(attempt: AttemptRecord, others: Iterable[AttemptRecord]) -> GateAnswer | None:
    """The party that refused an attempt; None if it was not refused and did not fail.

    `others`: attempts of the same tenant in any order; the attempt itself may be among them.
    """
    if attempt.outcome is AttemptOutcome.STOPPED:
        return GateAnswer(gate=Gate.OWN_POLICY)
    if attempt.outcome not in (AttemptOutcome.REFUSED, AttemptOutcome.FAILED):
        return None
    gate = gate_of_text(attempt.provider, attempt.error)
    if attempt.outcome is AttemptOutcome.REFUSED and gate is Gate.UNKNOWN:
        gate = Gate.PROVIDER_FILTER
    ended = [one for one in others if one.outcome in _ENDED and one.id != attempt.id]
    outage = _all_fail(attempt, ended)
    if gate is Gate.UNKNOWN and outage:
        gate = Gate.PROVIDER_DOWN
    is_here = gate in (Gate.PROVIDER_FILTER, Gate.UNKNOWN)
    same = (
        one for one in _same_prompt(attempt, ended) if is_here or one.sign is not GateSign.PASSED_ELSEWHERE
    )
    return GateAnswer(gate=gate, evidence=(*outage, *same))


def _all_fail(attempt: AttemptRecord, ended: Sequence[AttemptRecord]) -> tuple[GateEvidence, ...]:
    """Whether this attempt is in a row of failures of different prompts, at the same provider and model.

    Only failures of the provider, and those that no rule explains, are in the row.
    """
    gates = ErrorGates()
    if not _is_outage(attempt, gates):
        return ()
    same = [
        one for one in (*ended, attempt) if (one.provider, one.model) == (attempt.provider, attempt.model)
    ]
    same.sort(key=lambda one: (one.at, one.id))
    place = same.index(attempt)
    before = _failures(reversed(same[max(0, place - _MAX_ROW) : place]))
    after = _failures(same[place + 1 : place + 1 + _MAX_ROW])
    row = [one for one in (*before.failed, attempt, *after.failed) if _is_outage(one, gates)]
    # Without a success before, it is not known that any prompt ever passed.
    if not before.has_passed or len({_plain(one.prompt) for one in row}) < MIN_FAILED:
        return ()
    first, last = min(one.at for one in row), max(one.at for one in row)
    sign = GateSign.ALL_FAILED if after.has_passed else GateSign.ALL_FAIL
    until = last if after.has_passed else None
    return (GateEvidence(sign=sign, at=first, provider=attempt.provider, count=len(row), until=until),)


@dataclass(frozen=True, kw_only=True)
class _Failures:
    """Attempts without a file up to the first one with a file."""

    failed: tuple[AttemptRecord, ...]
    has_passed: bool


def _failures(attempts: Iterable[AttemptRecord]) -> _Failures:
    failed: list[AttemptRecord] = []
    for one in attempts:
        if one.outcome is AttemptOutcome.PASSED or one.file_came:
            return _Failures(failed=tuple(failed), has_passed=True)
        failed.append(one)
    return _Failures(failed=tuple(failed), has_passed=False)


def _is_outage(attempt: AttemptRecord, gates: ErrorGates) -> bool:
    if attempt.outcome is not AttemptOutcome.FAILED or not _plain(attempt.prompt):
        return False
    return gates.find(attempt.provider, attempt.error) in (Gate.PROVIDER_DOWN, Gate.UNKNOWN)


def _same_prompt(attempt: AttemptRecord, ended: Sequence[AttemptRecord]) -> tuple[GateEvidence, ...]:
    prompt = _plain(attempt.prompt)
    if not prompt:
        return ()
    same = sorted((one for one in ended if _plain(one.prompt) == prompt), key=lambda one: one.at)
    here = [one for one in same if (one.provider, one.model) == (attempt.provider, attempt.model)]
    elsewhere = [one for one in same if one.provider != attempt.provider]
    passed = [one for one in here if one.outcome is AttemptOutcome.PASSED and one.at <= attempt.at]
    found = []
    if passed:
        found.append(_evidence(GateSign.PASSED_BEFORE, passed))
    if elsewhere:
        good = [one for one in elsewhere if one.outcome is AttemptOutcome.PASSED]
        refused = [one for one in elsewhere if one.outcome is AttemptOutcome.REFUSED]
        if good:
            found.append(_evidence(GateSign.PASSED_ELSEWHERE, good))
        elif refused:
            found.append(_evidence(GateSign.REFUSED_ELSEWHERE, refused))
    return tuple(found)


def _evidence(sign: GateSign, attempts: Sequence[AttemptRecord]) -> GateEvidence:
    last = attempts[-1]
    return GateEvidence(sign=sign, at=last.at, provider=last.provider, count=len(attempts))


def _plain(prompt: str | None) -> str:
    return " ".join((prompt or "").casefold().split())


def explanation_object(found: ProviderError, text: str, locale: str = DEFAULT) -> dict[str, Any]:
    """An explained error as JSON, with the party by the error alone. `text`: the error as it was given."""
    shown = found.as_json()
    if locale != DEFAULT:
        for name in ("summary", "next_step"):
            shown[name] = translate_sentence("provider_errors", shown[name], locale) or shown[name]
    gate = GateAnswer(gate=gate_of_error(found, text))
    appeal = find_appeal(found)
    return {
        **shown,
        "gate": gate.as_json(load_messages("attempts", locale)),
        "appeal": None if appeal is None else [one.as_wire() for one in appeal],
    }


def find_appeal(found: ProviderError) -> tuple[ProviderRule, ...] | None:
    """The documented ways to contest a block by a provider, or that its service has ended; None if it is not
    a block of a known provider.
    """
    if found.kind is not ErrorKind.CONTENT_BLOCK:
        return None
    document = documents().get(found.provider or found.likely_provider)
    if document is not None and document.shut_down:
        return (document.shut_down,)
    provider = exactly_named(found.provider)
    if provider is None or not provider.rules:
        return None
    return () if document is None else document.about(Topic.APPEAL)
