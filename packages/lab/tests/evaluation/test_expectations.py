from __future__ import annotations

import json

import msgspec
import pytest

from safelight.policy.findings import SHIPPED, Cell, Finding, Modality
from safelight.policy.verdicts import Action
from safelight_lab.evaluation.assessments import assess
from safelight_lab.evaluation.confusion import Confusion
from safelight_lab.evaluation.expectations import Expectations, differences
from safelight_lab.evaluation.protocol import CaseOutcome, EvalCase
from safelight_lab.evaluation.rate_summary import RateSummary
from safelight_lab.evaluation.row_results import format_row
from support.verdicts import decided, learned, seen

STOP = frozenset({Action.HOLD, Action.BLOCK})
PASS = frozenset({Action.ALLOW, Action.LABEL})


def finding(category: str, score: float = 0.9, at: float | None = None) -> Finding:
    return seen(category, score) if at is None else learned(category, score, at)


def outcome(
    expect: frozenset[Action],
    action: Action,
    *found: Finding,
    categories: tuple[str, ...] = (),
    support: bool = False,
    help_ok: bool | None = False,
    gaps: tuple[Cell, ...] = (),
    lang: str = "en",
) -> CaseOutcome:
    verdict = msgspec.structs.replace(
        decided("prompt"),
        action=action,
        category=gaps[0].category if gaps else found[0].category if found else "",
        rule="own-1",
        reason="Because.",
        findings=() if gaps else found,
        gaps=gaps,
        support=support,
    )
    case = EvalCase(
        id="one",
        text="the prompt",
        label="unsafe" if expect == STOP else "safe",
        categories=categories,
        source="mine",
        lang=lang,
        kind="plain",
        expect=expect,
        help_ok=help_ok,
    )
    return CaseOutcome(
        case=case, findings=found, latency_ms=1.5, complete=not gaps, verdicts={"house": verdict}
    )


GAP = Cell(category="hate", modality=Modality.TEXT, required=True, available=True, ran=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (outcome(PASS, Action.ALLOW), []),
        (outcome(PASS, Action.LABEL, finding("ip/brand")), []),
        (outcome(PASS, Action.HOLD, finding("hate")), ["expected allow or label, got hold"]),
        (outcome(STOP, Action.ALLOW, categories=("hate",)), ["expected hold or block, got allow"]),
        (outcome(STOP, Action.HOLD, finding("harassment"), categories=("hate",)), []),
        (outcome(STOP, Action.HOLD, finding("sexual")), []),
        (
            outcome(STOP, Action.BLOCK, finding("extremism"), categories=("violence", "sexual")),
            ["expected violence or sexual, got extremism"],
        ),
        (
            outcome(STOP, Action.HOLD, gaps=(GAP,), categories=("hate",)),
            ["expected hate, got a gap in coverage (Because.)"],
        ),
        (outcome(PASS, Action.ALLOW, support=True), ["help lines were offered"]),
        (outcome(PASS, Action.ALLOW, support=True, help_ok=True), []),
        (outcome(PASS, Action.ALLOW, support=True, help_ok=None), []),
        (outcome(frozenset(), Action.BLOCK, finding("hate"), support=True), []),
    ],
)
def test_a_row_differs_by_action_category_or_help_lines(given: CaseOutcome, expected: list[str]) -> None:
    assert list(differences(given, "house")) == expected


def test_differing_rows_are_listed_without_their_text() -> None:
    right, wrong = outcome(PASS, Action.ALLOW), outcome(PASS, Action.BLOCK, finding("hate"))
    report = Expectations("house").measure([right, wrong, outcome(frozenset(), Action.BLOCK)])
    assert report["n"] == 2
    assert [(row["id"], row["rule"], row["category"]) for row in report["differ"]] == [
        ("one", "own-1", "hate")
    ]
    assert "the prompt" not in json.dumps(report)


def test_a_learned_finding_at_its_point_is_an_alarm_and_a_lower_one_is_not() -> None:
    at, below = finding("violence", 0.6, 0.6), finding("violence", 0.59, 0.6)
    assert assess(outcome(PASS, Action.ALLOW, at), "house").alarm
    assert not assess(outcome(PASS, Action.ALLOW, below), "house").alarm


def test_names_and_brands_are_alarms_of_their_own() -> None:
    named = assess(outcome(PASS, Action.LABEL, finding("ip/brand")), "house")
    assert (named.alarm, named.names_only) == (True, True)
    other = assess(outcome(PASS, Action.LABEL, finding("ip/brand"), finding("hate")), "house")
    assert (other.alarm, other.names_only) == (True, False)


def test_a_prompt_held_by_a_gap_is_stopped_but_not_for_the_right_reason() -> None:
    held = assess(outcome(STOP, Action.HOLD, gaps=(GAP,), categories=("hate",)), "house")
    assert (held.stopped, held.found, held.right) == (True, False, False)


def test_the_summary_counts_by_part_with_intervals_and_leaves_unmapped_rows_out() -> None:
    rows = RateSummary("house").measure(
        [
            outcome(STOP, Action.BLOCK, finding("hate"), categories=("hate",)),
            outcome(STOP, Action.HOLD, finding("extremism"), categories=("hate",), lang="zh-Hant"),
            outcome(STOP, Action.ALLOW, categories=("temporal",)),
            outcome(PASS, Action.ALLOW, support=True, help_ok=True),
            outcome(PASS, Action.ALLOW),
        ]
    )
    parts = {(row["part"], row["value"], row["label"]): row for row in rows}
    unsafe = parts["all", "all", "unsafe"]
    assert (unsafe["n"], unsafe["unmapped"]) == (3, 1)
    assert (unsafe["stopped"]["k"], unsafe["stopped"]["n"]) == (2, 3)
    assert (unsafe["found"]["k"], unsafe["found"]["n"]) == (1, 2)
    assert (unsafe["right_of_stopped"]["k"], unsafe["right_of_stopped"]["n"]) == (1, 2)
    assert unsafe["stopped"]["interval"] == [0.2077, 0.9385]
    safe = parts["kind", "plain", "safe"]
    assert (safe["help_lines"]["k"], safe["help_lines_unwanted"]["k"]) == (1, 0)
    assert safe["help_lines_unwanted"]["n"] == 1
    assert ("lang", "zh-Hant", "unsafe") in parts
    assert not any(row["part"] == "group" for row in rows)


def test_the_confusion_table_counts_deciding_categories_by_label() -> None:
    table = Confusion("house").measure(
        [
            outcome(STOP, Action.BLOCK, finding("hate"), categories=("hate", "violence")),
            outcome(STOP, Action.HOLD, finding("extremism"), categories=("hate",)),
            outcome(STOP, Action.HOLD, gaps=(GAP,), categories=("hate",)),
            outcome(STOP, Action.ALLOW, categories=("hate",)),
            outcome(STOP, Action.BLOCK, finding("hate"), categories=("temporal",)),
            outcome(PASS, Action.BLOCK, finding("hate")),
        ]
    )
    assert (table["n"], table["unmapped"]) == (4, 1)
    assert table["columns"] == ["allow", "extremism", "gap", "hate"]
    assert {row["label"]: row["counts"] for row in table["rows"]} == {
        "hate": {"allow": 1, "extremism": 1, "gap": 1, "hate": 1},
        "violence": {"hate": 1},
    }


def test_a_line_says_what_was_decided_and_what_every_finding_rests_on() -> None:
    one = outcome(STOP, Action.HOLD, finding("extremism", 0.7, 0.6), categories=("hate",))
    row = json.loads(format_row(one, "house", SHIPPED))
    assert row["text"] == "the prompt"
    assert len(row["sha256"]) == 64
    assert (row["action"], row["rule"], row["category"]) == ("hold", "own-1", "extremism")
    assert row["explained"] == {
        "reviewer": ["extremism"],
        "developer": ["extremism"],
        "group": "extremism",
    }
    [found] = row["found"]
    assert (found["basis"], found["score"]) == ("learned", 0.7)
    assert (found["point"]["voice"], found["point"]["false_alarm_rate"]) == ("english", 0.001)
    assert row["differences"] == ["expected hate, got extremism"]
    assert (row["help_lines"], row["learned_alone"], row["ms"]) == (False, False, 1.5)
    row = json.loads(format_row(outcome(frozenset(), Action.ALLOW), "house", SHIPPED))
    assert not {"expect", "categories", "differences"} & row.keys()
