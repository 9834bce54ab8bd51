"""Which party refused an attempt, what the other attempts show, and how to tell. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.generation.provider_errors import ErrorKind, ErrorSource, ProviderError, decode
from safelight.i18n import Messages

from .models import AttemptOutcome, AttemptRecord, format_moment

#: From this number of failed attempts in a row on, with two different prompts, the sign `all_fail` is given.
MIN_FAILED = 3
_PLAN = re.compile(
    r"does not have access to (?:the )?model|organization must be verified|upgrade (?:your|to)"
    r"|\b(?:your|current|this|free|paid|higher) (?:\w+ )?(?:plan|tier|subscription)\b"
    r"|model.{0,60}not (?:available|included|enabled|allowed)"
    r"|套餐|方案|未开通|未開通|升级|升級|订阅|訂閱",
    re.IGNORECASE,
)
_TEAM = re.compile(
    r"\b(?:your|the|by) (?:organi[sz]ation|team|workspace|administrator|admin)|workspace (?:policy|rule)"
    r"|blocklist|block list|banned words?|团队|團隊|管理员|管理員|工作区|工作區",
    re.IGNORECASE,
)
_MAX_CHARS = 4000
_DOWN = (ErrorKind.TRANSIENT, ErrorKind.TIMEOUT)
_ACCOUNT = (ErrorKind.AUTH, ErrorKind.QUOTA, ErrorKind.RATE_LIMIT)
_ENDED = (AttemptOutcome.PASSED, AttemptOutcome.REFUSED, AttemptOutcome.FAILED)


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
    PASSED_BEFORE = "passed_before"
    PASSED_ELSEWHERE = "passed_elsewhere"
    REFUSED_ELSEWHERE = "refused_elsewhere"


@dataclass(frozen=True, kw_only=True)
class GateEvidence:
    sign: GateSign
    #: The time since when, or at which, in unix seconds.
    at: float
    provider: str
    #: Number of attempts.
    count: int = 1

    def as_json(self, t: Messages) -> dict[str, Any]:
        return {
            "sign": self.sign.value,
            "time": format_moment(self.at),
            "provider": self.provider,
            "count": self.count,
            "text": t(
                f"sign.{self.sign.value}",
                time=format_moment(self.at),
                provider=self.provider,
                count=self.count,
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
    words = text[:_MAX_CHARS] if unknown else f"{found.code} {found.message}"
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


def find_gate(attempt: AttemptRecord, others: Iterable[AttemptRecord]) -> GateAnswer | None:
    """The party that refused an attempt; None if it was not refused and did not fail.

    `others`: attempts of the same tenant in any order; the attempt itself may be among them.
    """
    if attempt.outcome is AttemptOutcome.STOPPED:
        return GateAnswer(gate=Gate.OWN_POLICY)
    if attempt.outcome not in (AttemptOutcome.REFUSED, AttemptOutcome.FAILED):
        return None
    gate = gate_of_error(decode(attempt.error, provider=attempt.provider), attempt.error)
    if attempt.outcome is AttemptOutcome.REFUSED and gate is Gate.UNKNOWN:
        gate = Gate.PROVIDER_FILTER
    ended = [one for one in others if one.outcome in _ENDED and one.id != attempt.id]
    evidence = (*_all_fail(attempt, ended), *_same_prompt(attempt, ended))
    down = any(one.sign is GateSign.ALL_FAIL for one in evidence)
    if gate is Gate.UNKNOWN and down:
        gate = Gate.PROVIDER_DOWN
    return GateAnswer(gate=gate, evidence=evidence)


def _all_fail(attempt: AttemptRecord, ended: Sequence[AttemptRecord]) -> tuple[GateEvidence, ...]:
    """Whether this attempt is in a row of failures of different prompts, at the same provider and model."""
    same = [
        one for one in (*ended, attempt) if (one.provider, one.model) == (attempt.provider, attempt.model)
    ]
    same.sort(key=lambda one: (one.at, one.id))
    place = same.index(attempt)
    first = last = place
    while first > 0 and same[first - 1].outcome is not AttemptOutcome.PASSED:
        first -= 1
    while last + 1 < len(same) and same[last + 1].outcome is not AttemptOutcome.PASSED:
        last += 1
    row = same[first : last + 1]
    # Without a success before, it is not known that any prompt ever passed.
    if len(row) < MIN_FAILED or first == 0 or len({_plain(one.prompt) or one.id for one in row}) < 2:
        return ()
    return (GateEvidence(sign=GateSign.ALL_FAIL, at=row[0].at, provider=attempt.provider, count=len(row)),)


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
