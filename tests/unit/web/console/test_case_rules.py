"""Which rules of a case have the keys 1 to 9, and what a decision by keys gives as its reason."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.statements import (
    DecisionGround,
    GroundBasis,
    NewStatement,
    Statement,
    StatementKind,
    StatementSource,
)
from safelight.cases.reports.models import CATEGORIES_OF_REASON, ReportReason
from safelight.policy.compiled import categories_of
from safelight.policy.findings import SHIPPED, Category, Stage
from safelight.policy.rules import AudienceOverride
from safelight.policy.verdicts import Audience
from safelight.videos.case_rows import CaseFile, CaseKind, DecisionAction
from safelight.videos.case_rows.models import ACTIONS
from safelight.videos.models import VideoRecord
from safelight.web.console.case_rules import RuleRow, facts_in, list_rules, reason_in, suggestion_field
from safelight.web.translations import load_languages
from support.cases import a_case
from support.fake_api_server import a_video, allowed, judged
from support.verdicts import STARTER

LANGUAGES = load_languages()
EN = LANGUAGES["en"]
#: Rules of a category, as a detector of pictures or words matches them.
RULES = [rule.id for rule in STARTER.rules if categories_of(rule)]


def keys(matched: Iterable[str], *reasons: ReportReason) -> list[RuleRow]:
    """The rules with a key of a delivered video in which these rules matched, reported for these reasons."""
    verdict = msgspec.structs.replace(allowed(Stage.OUTPUT), matched_rules=tuple(matched))
    record = VideoRecord(video=a_video(), stages=(judged(verdict),), attempts=(), seal=None, audit_log=())
    notes = [{"category": None, "reason": reason} for reason in reasons]
    case = a_case(kind=CaseKind.REPORT, rule="")
    file = CaseFile(case=case, decision=None, reports=len(notes), notes=tuple(notes))
    rows, likely = list_rules(STARTER, record, file, SHIPPED, EN)
    return list(rows[:likely])


def a_statement(kind: StatementKind) -> Statement:
    content = NewStatement(
        kind=kind,
        source=StatementSource.REPORT,
        ground=DecisionGround(basis=GroundBasis.NOT_BROKEN),
        automated_detection=False,
        automated_decision=False,
    )
    return Statement(id="statement_1", tenant="t", content=content, at=0.0, objection_until=None)


def is_reported(row: RuleRow, reason: ReportReason) -> bool:
    rule = next(rule for rule in STARTER.rules if rule.id == row.id)
    general = rule.audiences.get(Audience.GENERAL, AudienceOverride())
    return bool(categories_of(rule) & CATEGORIES_OF_REASON[reason]) and not general.disabled


def test_a_rule_that_is_only_for_minors_has_no_key_because_of_a_report() -> None:
    assert "mp-3" not in {row.id for row in keys((), ReportReason.VIOLENCE)}
    assert "mp-3" in {row.id for row in keys(["mp-3"], ReportReason.VIOLENCE)}


@given(
    matched=st.lists(st.sampled_from(RULES), min_size=1, max_size=12, unique=True),
    reason=st.sampled_from(sorted(CATEGORIES_OF_REASON)),
)
def test_rules_of_the_report_and_of_the_finding_have_keys_in_turns(
    matched: list[str], reason: ReportReason
) -> None:
    rows = keys(matched, reason)
    found, reported = [row.id for row in rows], [row.id for row in keys((), reason)]
    assert len(set(found)) == len(found) <= 9
    # A rule that both name takes one key, so each comes here or earlier.
    for turn, name in enumerate(reported):
        assert name in found[: 2 * turn + 1] or 2 * turn + 1 > 9
    for turn, name in enumerate(matched):
        assert name in found[: 2 * turn + 2] or 2 * turn + 2 > 9
    # Each says who names it.
    for row in rows:
        by = "reported" if is_reported(row, reason) else "detected" if row.id in matched else ""
        assert row.named_by == by


def test_a_report_of_intimate_pictures_offers_the_rules_about_them_first() -> None:
    case = a_case(kind=CaseKind.REPORT, rule="", category=Category.NCII)
    notes = ({"category": None, "reason": ReportReason.INTIMATE},)
    record = VideoRecord(video=a_video(), stages=(), attempts=(), seal=None, audit_log=())
    file = CaseFile(case=case, decision=None, reports=1, notes=notes)
    rows, _ = list_rules(STARTER, record, file, SHIPPED, EN)
    rules = {rule.id: rule for rule in STARTER.rules}
    assert [categories_of(rules[row.id]) for row in rows[:2]] == [{Category.NCII}] * 2


def test_the_stated_grounds_take_turns_and_together_they_take_turns_with_what_was_found() -> None:
    grounds = (ReportReason.VIOLENCE, ReportReason.COPYRIGHT, ReportReason.PRIVACY)
    rows = keys(["hd-1"], ReportReason.VIOLENCE, *grounds)
    assert rows[1].id == "hd-1"
    named = [row for row in rows if row.id != "hd-1"]
    # The most frequent ground first.
    for row, ground in zip(named, grounds, strict=False):
        assert is_reported(row, ground)
    assert is_reported(named[3], ReportReason.VIOLENCE)


def test_without_a_report_the_rules_that_matched_have_the_first_keys() -> None:
    rows = keys(["vi-3", "ha-1"])
    assert [(row.id, row.named_by) for row in rows[:3]] == [
        ("vi-3", "detected"),
        ("ha-1", "detected"),
        ("vi-1", ""),
    ]


@pytest.mark.parametrize(
    ("kind", "appealed", "field"),
    [
        (CaseKind.HOLD, None, "suggested_approve"),
        (CaseKind.REPORT, None, "suggested_keep"),
        (CaseKind.APPEAL, StatementKind.WITHDRAWN, "suggested_overturn"),
        (CaseKind.APPEAL, StatementKind.REPORT_REJECTED, "suggested_uphold"),
    ],
)
def test_the_sentence_of_a_rule_is_not_told_with_the_decision_that_leaves_the_content_as_it_is(
    kind: CaseKind, appealed: StatementKind | None, field: str
) -> None:
    """In the appeal of a reporter that is the one by which the first decision stands."""
    told = appealed and a_statement(appealed)
    file = CaseFile(case=a_case(kind=kind), decision=None, reports=0, notes=(), appealed=told)
    assert suggestion_field(file) == field
    form = {"facts": "It hurts.", field: "It hurts. "}
    actions = {one: facts_in({**form, "action": one.value}) for one in ACTIONS[kind]}
    assert sorted(actions.values(), key=str) == ["It hurts.", None]
    assert actions[DecisionAction(field.removeprefix("suggested_"))] is None


@pytest.mark.parametrize("category", [None, "violence/graphic"])
def test_an_appeal_after_a_report_offers_the_rules_that_the_report_did(category: str | None) -> None:
    stated = {"category": category, "reason": category or ReportReason.VIOLENCE}
    record = VideoRecord(video=a_video(), stages=(), attempts=(), seal=None, audit_log=())
    offered = []
    for kind, note in ((CaseKind.REPORT, stated), (CaseKind.APPEAL, {"category": None, "reason": "appeal"})):
        case = a_case(kind=kind, rule="", reason=f"Reported: {stated['reason']}")
        file = CaseFile(case=case, decision=None, reports=1, notes=(note,))
        rows, likely = list_rules(STARTER, record, file, SHIPPED, EN)
        offered.append([(row.id, row.named_by) for row in rows[:likely]])
    assert offered[0] == offered[1] != []


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_the_key_for_a_wrong_finding_is_a_reason_only_for_the_content(tag: str) -> None:
    t = LANGUAGES[tag]
    form = {"clause": "", "suggested_keep": ""}
    assert reason_in({**form, "action": "keep"}, t) == t("review.breaks_no_rule")
    assert reason_in({**form, "action": "withdraw"}, t) == ""
    # Without a choice there is no reason, and written words come first.
    assert reason_in({"action": "keep"}, t) == ""
    assert reason_in({"clause": "", "action": "keep", "reason": "A toy."}, t) == "A toy."
    assert reason_in({"clause": "vi-3", "action": "keep"}, t) == t("review.chosen_rule", rule="vi-3")
