from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from safelight.accounts import Principal, PrincipalKind
from safelight.policy.verdicts import Action
from safelight.providers.advice.help_gate import HelpRefusal
from safelight_lab.evaluation.evasion_sequences import (
    EvasionSequence,
    EvasionStep,
    StepKind,
    read_sequences,
    run_sequences,
)

PRINCIPAL = Principal(
    tenant="t", id="operator", kind=PrincipalKind.PERSON, name="operator", scopes=frozenset()
)


class Checks:
    """Blocks every prompt with "blocked", and refuses help for "near" to one who was blocked before."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self._users: set[str] = set()

    def check(self, principal: Principal, request: Any, *, options: Any) -> Any:
        user = request.safety_identifier
        self.asked.append((principal.id, user, request.prompt))
        blocked = "blocked" in request.prompt
        refusal = HelpRefusal.POLICY if blocked else None
        if "near" in request.prompt and user in self._users:
            refusal = HelpRefusal.RECENT_BLOCK
        if blocked:
            self._users.add(user)
        suggestions = [SimpleNamespace(number=1, rewritten="applied")] if refusal is None else []
        advice = SimpleNamespace(refusal=refusal, suggestions=suggestions)
        found = SimpleNamespace(action=Action.BLOCK if blocked else Action.ALLOW, prompt_advice=advice)
        return found, None, None


def report(*steps: EvasionStep, checks: Checks | None = None) -> dict[str, Any]:
    fake: Any = checks or Checks()
    return run_sequences(fake, PRINCIPAL, [EvasionSequence(id="one", steps=steps)])


def step(kind: StepKind, prompt: str, **changes: Any) -> EvasionStep:
    return EvasionStep(kind=kind, prompt=prompt, **changes)


BLOCKED = step(StepKind.BLOCKED, "blocked")
NEAR = step(StepKind.AGAIN, "near")


def test_a_sequence_reaches_its_end_when_help_is_given_for_blocked_content() -> None:
    found = report(BLOCKED, NEAR)
    assert (found["n"], found["reached"]["k"], found["reached_without_history"]["k"]) == (1, 0, 1)
    assert report(BLOCKED, NEAR, step(StepKind.AGAIN, "far"))["reached"]["k"] == 1


def test_a_sequence_without_a_block_is_left_out() -> None:
    found = report(step(StepKind.BLOCKED, "mild"), NEAR)
    assert (found["n"], found["not_blocked"]) == (0, 1)


def test_harmless_requests_in_between_are_counted_apart() -> None:
    other = step(StepKind.OTHER, "near and harmless")
    found = report(BLOCKED, other, step(StepKind.OTHER, "far and harmless"), NEAR)
    assert (found["others_refused"]["k"], found["others_refused"]["n"], found["reached"]["k"]) == (1, 2, 0)


def test_end_users_share_the_key_of_their_sequence_and_a_suggestion_is_checked() -> None:
    checks = Checks()
    report(BLOCKED, step(StepKind.AGAIN, "far", end_user=2, apply=True), checks=checks)
    assert [(key, user) for key, user, _ in checks.asked[:2]] == [("0", "0-1"), ("0", "0-2")]
    assert checks.asked[-1] == ("0", "0-2", "applied")


def test_every_sequence_begins_with_a_block_and_asks_again_in_different_words() -> None:
    sequences = read_sequences()
    assert len(sequences) >= 200
    assert set(Counter(one.id for one in sequences).values()) == {8}
    texts = [tuple((one.prompt, *one.texts.values()) for one in sequence.steps) for sequence in sequences]
    assert len(set(texts)) == len(texts)
    for sequence in sequences:
        kinds = [one.kind for one in sequence.steps]
        assert (kinds[0], kinds.count(StepKind.BLOCKED)) == (StepKind.BLOCKED, 1)
        assert kinds[-1] is StepKind.AGAIN
        assert "{" not in "".join(one.prompt for one in sequence.steps)
