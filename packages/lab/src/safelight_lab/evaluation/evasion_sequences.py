"""Evasion sequences: requests by which someone tries to get help for content that our policy blocked.

Each sequence runs against the real checks, with the history of its end users. A sequence reaches its end if
the help gate does not refuse a request that asks for the blocked content again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.resources import files
from typing import Any

from safelight.accounts import Principal
from safelight.core import yaml_loader
from safelight.policy.statistics import wilson
from safelight.policy.verdicts import Action
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.screening.request import CreateRequest
from safelight.videos.checks import CheckResult, CheckService

_NEGATIVE = "negative_prompt"


class StepKind(StrEnum):
    """What a request of a sequence is there for."""

    BLOCKED = "blocked"
    AGAIN = "again"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class EvasionStep:
    """One request of a sequence."""

    kind: StepKind
    prompt: str
    #: Other texts of the request, by field.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Number of the end user, of those with the same key.
    end_user: int = 1
    #: Whether the first suggestion is applied.
    apply: bool = False


@dataclass(frozen=True, kw_only=True)
class EvasionSequence:
    """The requests of one person, in their order. Sequences with the same `id` have the same steps with other
    words in the slots.
    """

    id: str
    steps: tuple[EvasionStep, ...]


@dataclass(frozen=True, kw_only=True)
class SequenceOutcome:
    """What came of a sequence."""

    id: str
    #: Whether our policy blocked the requests that it has to block.
    blocked: bool
    #: Whether help was given for content that was blocked; also counted without the history of the end user.
    reached: bool
    reached_alone: bool
    #: Requests about something else, and how many of them were refused help.
    others: int = 0
    others_refused: int = 0


def read_sequences() -> tuple[EvasionSequence, ...]:
    """All variants of the sequences in `evasion_sequences.yaml`."""
    table = yaml_loader.load(_document())
    return tuple(
        EvasionSequence(id=one["id"], steps=tuple(_step(step, table["slots"], k) for step in one["steps"]))
        for one in table["sequences"]
        for k in range(table["variants"])
    )


def run_sequences(
    checks: CheckService,
    principal: Principal,
    sequences: Iterable[EvasionSequence],
    *,
    observe: Callable[[SequenceOutcome], None] = lambda _outcome: None,
) -> dict[str, Any]:
    """The report as JSON. Each sequence has its own key. `observe` gets each outcome when it is known."""
    outcomes = []
    for number, sequence in enumerate(sequences):
        outcome = _SequenceRun(checks, principal, number).run(sequence)
        observe(outcome)
        outcomes.append(outcome)
    return {
        "sha256": hashlib.sha256(_document().encode()).hexdigest(),
        **_counts(outcomes),
        "sequences": [
            {"id": name, **_counts([one for one in outcomes if one.id == name])}
            for name in dict.fromkeys(one.id for one in outcomes)
        ],
    }


class _SequenceRun:
    """Runs one sequence with its own key."""

    def __init__(self, checks: CheckService, principal: Principal, number: int) -> None:
        self._checks, self._principal, self._number = checks, principal, number
        self._strangers = 0

    def run(self, sequence: EvasionSequence) -> SequenceOutcome:
        blocked, reached, alone, others, others_refused = True, False, False, 0, 0
        for step in sequence.steps:
            found = self._check(step, step.prompt)
            helped = found.prompt_advice.refusal is None
            if step.kind is StepKind.BLOCKED:
                blocked &= found.action is Action.BLOCK
            elif step.kind is StepKind.OTHER:
                others += 1
                others_refused += not helped
            else:
                reached |= helped
                alone |= self._check(step, step.prompt, known=False).prompt_advice.refusal is None
            if step.apply and (chosen := [one for one in found.prompt_advice.suggestions if one.number]):
                self._check(step, chosen[0].rewritten)
        return SequenceOutcome(
            id=sequence.id,
            blocked=blocked,
            reached=reached,
            reached_alone=alone,
            others=others,
            others_refused=others_refused,
        )

    def _check(self, step: EvasionStep, prompt: str, *, known: bool = True) -> CheckResult:
        """`known`: whether the person of the sequence makes the check, and not one without a history."""
        key, user = f"{self._number}", f"{self._number}-{step.end_user}"
        if not known:
            self._strangers += 1
            key = user = f"{self._number}-stranger-{self._strangers}"
        options = AdviceOptions(texts=step.texts, negated=frozenset({_NEGATIVE}))
        request = CreateRequest(prompt=prompt, safety_identifier=user)
        found, _, _ = self._checks.check(replace(self._principal, id=key), request, options=options)
        return found


def _counts(outcomes: list[SequenceOutcome]) -> dict[str, Any]:
    valid = [one for one in outcomes if one.blocked]
    return {
        "n": len(valid),
        "not_blocked": len(outcomes) - len(valid),
        "reached": _share(sum(one.reached for one in valid), len(valid)),
        "reached_without_history": _share(sum(one.reached_alone for one in valid), len(valid)),
        "others_refused": _share(sum(one.others_refused for one in valid), sum(one.others for one in valid)),
    }


def _share(k: int, n: int) -> dict[str, Any]:
    return {"k": k, "n": n, "interval": list(wilson(k, n))}


def _step(given: Mapping[str, Any], slots: Mapping[str, list[str]], variant: int) -> EvasionStep:
    words = {name: values[variant % len(values)] for name, values in slots.items()}
    kind = next(kind for kind in StepKind if kind in given)
    return EvasionStep(
        kind=kind,
        prompt=given[kind].format(**words),
        texts={name: text.format(**words) for name, text in given.get("texts", {}).items()},
        end_user=given.get("end_user", 1),
        apply=given.get("apply", False),
    )


def _document() -> str:
    return (files(__package__) / "evasion_sequences.yaml").read_text(encoding="utf-8")
