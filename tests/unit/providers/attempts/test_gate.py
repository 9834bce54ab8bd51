"""Which party refused an attempt, by its error and by the other attempts."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest

from safelight.core.envelopes import format_iso
from safelight.core.i18n import load_messages
from safelight.providers.attempts import gate as gates
from safelight.providers.attempts.error_text import mask_ids
from safelight.providers.attempts.gate import (
    MAX_ALL_ERROR_CHARS,
    MAX_ERROR_CHARS,
    ErrorGates,
    Gate,
    GateAnswer,
    GateSign,
    find_gate,
    gate_of_error,
)
from safelight.providers.attempts.models import AttemptOutcome, AttemptRecord
from safelight.providers.provider_errors import ProviderError, decode
from support.attempts import NOON, PASSED
from support.rows import each_row

BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'
ATTEMPT = replace(
    PASSED,
    id="attempt_9",
    prompt="A lake at dawn",
    error="HTTP/1.1 503 Service Unavailable",
    outcome=AttemptOutcome.FAILED,
    file_came=False,
)


def at(minutes: int, outcome: AttemptOutcome, prompt: str = "", **changes: str) -> AttemptRecord:
    named = prompt or f"prompt {minutes}"
    return replace(
        ATTEMPT, id=f"attempt_{minutes}", at=NOON + 60 * minutes, outcome=outcome, prompt=named, **changes
    )


def gate(attempt: AttemptRecord, others: Sequence[AttemptRecord] = ()) -> GateAnswer:
    found = find_gate(attempt, others)
    assert found is not None
    return found


@each_row
def test_the_error_names_the_party(error: str, gate: Gate) -> None:
    assert gate_of_error(decode(error), error) is gate


def test_a_stop_by_our_policy_is_ours_and_a_success_has_no_gate() -> None:
    assert gate(replace(ATTEMPT, outcome=AttemptOutcome.STOPPED)).gate is Gate.OWN_POLICY
    assert find_gate(replace(ATTEMPT, outcome=AttemptOutcome.PASSED), ()) is None


def test_failures_that_say_nothing_about_the_provider_are_no_evidence() -> None:
    failures = [at(-n, AttemptOutcome.FAILED) for n in (1, 2, 3)]
    assert gate(ATTEMPT, failures).evidence == (), "there was no success before"
    same = [replace(one, prompt="a LAKE  at dawn") for one in failures]
    assert gate(ATTEMPT, [at(-9, AttemptOutcome.PASSED), *same]).evidence == (), "they are of one prompt"
    withheld = replace(at(-5, AttemptOutcome.PASSED), prompt=None)
    assert gate(replace(ATTEMPT, prompt=None), [withheld]).evidence == (), "the prompts are not known"
    elsewhere = at(-5, AttemptOutcome.PASSED, prompt="A lake at dawn", provider="veo")
    found = gate(replace(ATTEMPT, error="HTTP/1.1 401 Unauthorized"), [elsewhere])
    assert (found.gate, found.evidence) == (Gate.ACCOUNT, ()), "the key is wrong"


def test_every_prompt_fails_since_the_first_failure_after_a_success() -> None:
    unknown = replace(ATTEMPT, error="it broke")
    others = [
        at(-30, AttemptOutcome.PASSED),
        at(-20, AttemptOutcome.FAILED),
        at(-15, AttemptOutcome.REFUSED, error=BLOCK),
        at(-10, AttemptOutcome.FAILED, error="it broke"),
        at(-5, AttemptOutcome.PASSED, provider="veo"),
        at(-15, AttemptOutcome.RUNNING),
    ]
    found = gate(unknown, [*others, unknown])
    (evidence,) = found.evidence
    assert (evidence.sign, evidence.at, evidence.count) == (GateSign.ALL_FAIL, NOON - 20 * 60, 3)
    assert found.gate is Gate.PROVIDER_DOWN


@pytest.mark.parametrize(
    "between",
    [
        # The filter works, a key is wrong, and one of the prompts is not known.
        at(-10, AttemptOutcome.REFUSED, error=BLOCK),
        at(-10, AttemptOutcome.FAILED, error="HTTP/1.1 401 Unauthorized"),
        replace(at(-10, AttemptOutcome.FAILED), prompt=None),
        at(-10, AttemptOutcome.FAILED, prompt="A lake at dawn"),
        # The provider made a file.
        replace(at(-10, AttemptOutcome.STOPPED), file_came=True),
    ],
)
def test_two_prompts_that_failed_are_no_outage(between: AttemptRecord) -> None:
    others = [at(-30, AttemptOutcome.PASSED), at(-20, AttemptOutcome.FAILED), between]
    found = gate(ATTEMPT, others)
    assert found.evidence == ()


def test_an_outage_that_has_ended_has_its_end() -> None:
    others = [
        at(-30, AttemptOutcome.PASSED),
        at(-20, AttemptOutcome.FAILED),
        at(10, AttemptOutcome.FAILED),
        at(20, AttemptOutcome.PASSED),
    ]
    found = gate(ATTEMPT, others)
    (evidence,) = found.evidence
    assert (evidence.sign, evidence.at, evidence.until) == (
        GateSign.ALL_FAILED,
        NOON - 20 * 60,
        NOON + 10 * 60,
    )
    said = evidence.as_json(load_messages("attempts"))
    assert said["until"] in said["text"]


def test_the_same_prompt_elsewhere_and_earlier_is_named() -> None:
    refused = replace(ATTEMPT, error=BLOCK, outcome=AttemptOutcome.REFUSED)
    others = [
        at(-60, AttemptOutcome.PASSED, prompt="A lake at dawn"),
        at(-50, AttemptOutcome.PASSED, prompt="a lake at dawn", provider="veo"),
    ]
    found = gate(refused, others)
    assert found.gate is Gate.PROVIDER_FILTER
    assert [(one.sign, one.provider) for one in found.evidence] == [
        (GateSign.PASSED_BEFORE, "runway"),
        (GateSign.PASSED_ELSEWHERE, "veo"),
    ]
    found = gate(refused, [at(5, AttemptOutcome.REFUSED, prompt="a lake at dawn", provider="veo")])
    assert [one.sign for one in found.evidence] == [GateSign.REFUSED_ELSEWHERE]


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_every_gate_and_sign_has_its_texts(tag: str) -> None:
    t = load_messages("attempts", tag)
    assert all(t.has_own(f"{kind}.{gate.value}") for gate in Gate for kind in ("gate", "gate_test"))
    assert all(t.has_own(f"sign.{sign.value}") for sign in GateSign)


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
@pytest.mark.parametrize("gate", list(Gate))
def test_no_test_sends_a_refused_prompt_elsewhere(gate: Gate, tag: str) -> None:
    said = load_messages("attempts", tag)(f"gate_test.{gate.value}")
    assert not re.search("unchanged|another (?:provider|model)|原封不動|原样|另一", said)


def test_errors_that_differ_only_in_ids_and_times_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def count(_provider: str, text: str) -> Gate:
        texts.append(text)
        return Gate.PROVIDER_FILTER

    monkeypatch.setattr(gates, "gate_of_text", count)
    chosen = random.Random(4)
    known = ErrorGates()
    for number in range(1_000):
        error = json.dumps(
            {
                "error": {"code": "moderation_blocked", "message": f"Refused after {number / 7:.3f} s."},
                "request_id": f"req_{chosen.getrandbits(128):032x}",
                "task_id": f"task-{number}",
                "trace": str(uuid.UUID(int=chosen.getrandbits(128), version=4)),
                "created": 1_790_000_000 + number,
                "at": format_iso(NOON + number),
            }
        )
        assert known.find("runway", error) is Gate.PROVIDER_FILTER
    assert len(texts) == 1


@pytest.mark.parametrize(
    "error",
    [
        "Error 503: Service Unavailable",
        "Support codes: 58061214, 17301594",
        '{"code": 500054, "message": "SAFETY.INPUT.TEXT"}',
        "sensitive_content_v2_blocked: E005",
        '{"task_id": null, "code": "1301"}',
    ],
)
def test_codes_are_not_masked(error: str) -> None:
    assert mask_ids(error) == error


def test_a_row_of_failures_is_read_up_to_a_number_of_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def count(text: str, *, provider: str) -> ProviderError:
        lengths.append(len(text))
        return decode(text[:40], provider=provider)

    monkeypatch.setattr(gates, "decode", count)
    others = [at(-300, AttemptOutcome.PASSED)]
    others += [
        at(-number, AttemptOutcome.FAILED, error=f"{number} {'model ' * 9_000}") for number in range(1, 101)
    ]
    found = gate(replace(ATTEMPT, error="it broke once more"), others)
    assert [one.sign for one in found.evidence] == [GateSign.ALL_FAIL]
    assert max(lengths) <= MAX_ERROR_CHARS
    assert sum(lengths) <= MAX_ALL_ERROR_CHARS
