"""The text of a statement depends on the statement, the reader and the language, and on nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.statements import (
    OBJECTION_S,
    DecisionGround,
    GroundBasis,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
    StatementSource,
    describe,
    ground_of_category,
    ground_of_verdict,
)
from safelight.core.i18n import LANGUAGES, load_messages
from safelight.policy.explanations import ExplanationLevel
from safelight.policy.findings import SHIPPED, Group, Stage
from safelight.policy.verdicts import Action, Verdict
from support.verdicts import decided

NOW = 1_800_000_000.0
RULE, REASON = "graphic_violence", "Words that ask for an open wound."
GROUND = DecisionGround(
    basis=GroundBasis.CATEGORY,
    group="violence",
    category="violence/graphic",
    policy="starter",
    rule=RULE,
    reason=REASON,
)


def statement(**fields: object) -> Statement:
    given_: dict[str, object] = {
        "kind": StatementKind.BLOCKED,
        "source": StatementSource.POLICY,
        "ground": GROUND,
        "automated_detection": True,
        "automated_decision": True,
        "account": "key_1",
        "video_id": "video_1",
        "stage": Stage.PROMPT,
        **fields,
    }
    new = NewStatement(**given_)  # type: ignore[arg-type]
    until = NOW + OBJECTION_S if new.objection is Objection.APPEAL else None
    return Statement(id="statement_1", tenant="t", content=new, at=NOW, objection_until=until)


statements = st.builds(
    statement,
    kind=st.sampled_from(StatementKind),
    source=st.sampled_from(StatementSource),
    ground=st.builds(
        DecisionGround,
        basis=st.sampled_from(GroundBasis),
        group=st.sampled_from([*(group.value for group in Group), ""]),
        policy=st.sampled_from(["", "starter"]),
        rule=st.sampled_from(["", RULE]),
        reason=st.sampled_from(["", REASON]),
    ),
    automated_detection=st.booleans(),
    automated_decision=st.booleans(),
    video_id=st.sampled_from([None, "video_1"]),
    stage=st.sampled_from([None, *Stage]),
    released_as=st.sampled_from([None, "video_2"]),
    until=st.sampled_from([None, NOW + 86_400]),
    objection=st.sampled_from(Objection),
)


@given(statements, st.sampled_from(ExplanationLevel), st.sampled_from(LANGUAGES))
def test_every_statement_has_a_text_in_every_language(
    made: Statement, level: ExplanationLevel, language: str
) -> None:
    text = describe(made, level=level, language=language)
    assert text == describe(made, level=level, language=language)
    assert text.decision
    assert text.reason
    assert text.decided_by
    assert text.scope
    assert not re.search(r"[{}]|None", text.whole)
    if language != "en":
        assert not re.search(r"\b(the|was|video|reason)\b", text.whole)


@given(statements, st.sampled_from(LANGUAGES))
def test_an_end_user_is_told_the_group_and_neither_rule_nor_reason(made: Statement, language: str) -> None:
    text = describe(made, level=ExplanationLevel.END_USER, language=language)
    assert RULE not in text.whole
    assert REASON not in text.whole
    if made.content.ground.basis is GroundBasis.CATEGORY and made.content.ground.group:
        group = load_messages("explanations", language)(f"group.{made.content.ground.group}")
        assert group in text.reason


def test_it_names_who_decided_and_how_long_an_appeal_is_possible() -> None:
    machine = describe(statement(), level=ExplanationLevel.DEVELOPER)
    assert machine.decided_by == "The decision was made automatically; no person was involved."
    assert machine.objection.startswith("You can appeal free of charge until 18 Jul 2027.")
    person = describe(statement(automated_decision=False), level=ExplanationLevel.DEVELOPER)
    assert person.decided_by == "An automated check found it, and a person decided."


def test_a_developer_reads_rule_and_reason_until_the_video_is_deleted() -> None:
    text = describe(statement(), level=ExplanationLevel.DEVELOPER).reason
    assert RULE in text
    assert REASON in text
    erased = replace(statement(ground=replace(GROUND, reason="")), erased_at=NOW)
    text = describe(erased, level=ExplanationLevel.DEVELOPER).reason
    assert RULE in text
    assert "erased with the video" in text


def verdict(category: str, **fields: object) -> Verdict:
    given_ = {"action": Action.BLOCK, "category": category, "rule": RULE, "reason": REASON, **fields}
    return msgspec.structs.replace(decided("prompt"), **given_)


def test_the_ground_of_a_verdict_has_what_a_developer_may_know() -> None:
    graphic = verdict("violence/graphic")
    assert ground_of_verdict(graphic, SHIPPED) == GROUND
    assert ground_of_verdict(graphic, SHIPPED, clause="4.2").rule == "4.2"
    vaulted = ground_of_verdict(verdict("sexual/minors", vault=True), SHIPPED)
    assert vaulted == DecisionGround(basis=GroundBasis.WITHHELD)
    alone = ground_of_verdict(verdict("extremism", learned_alone=True), SHIPPED)
    assert alone == DecisionGround(basis=GroundBasis.UNNAMED, policy="starter")


@pytest.mark.parametrize("category", ["sexual/minors", "extremism", "ncii"])
def test_categories_whose_details_could_instruct_are_named_by_their_group_only(category: str) -> None:
    for ground in (
        ground_of_verdict(verdict(category), SHIPPED, clause="4.2"),
        ground_of_category(category, SHIPPED, clause="4.2"),
    ):
        assert ground.group
        assert (ground.category, ground.rule, ground.reason) == ("", "", "")
