"""Every decision about a video leaves one statement to the person who requested it, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from safelight.console.translations import load_languages
from safelight.console.verdict_text import explain_video
from safelight.errors import InvalidField
from safelight.jobs import outcomes
from safelight.jobs.models import Video
from safelight.jobs.states import VideoState
from safelight.policy.categories import SHIPPED
from safelight.policy.compiled import categories_of
from safelight.policy.explanations import ExplanationLevel
from safelight.store import tables
from safelight.trust.reports import NewReport
from safelight.trust.reviews import CaseState, DecisionRequest
from safelight.trust.statements import (
    GroundBasis,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
    StatementSource,
    describe,
    statement_from_row,
)
from support.house import withdraw

from .conftest import House
from .test_appeals import appealed, blocked_by_ada, held_output, refused, released
from .test_decisions import decide, delivered, only_case, reviewer
from .test_video_lifecycle import PAID


def statements(house: House, video: Video) -> list[Statement]:
    with house.container.persistence.database.read_transaction(video.tenant) as tx:
        of = tables.statements.c
        rows = tx.select(tables.statements, of.video_id == video.id, order_by=(of.at, of.id))
    return [statement_from_row(row) for row in rows]


def only(house: House, video: Video) -> NewStatement:
    (made,) = statements(house, video)
    return made.content


def withdrawal(house: House, video: Video) -> NewStatement:
    made = [each.content for each in statements(house, video)]
    (found,) = (each for each in made if each.kind is StatementKind.WITHDRAWN)
    return found


def test_a_block_before_generation_is_stated_with_its_reason_and_the_appeal(house: House) -> None:
    video = refused(house, safety_identifier="user-7")
    made = only(house, video)
    assert (made.kind, made.source) == (StatementKind.BLOCKED, StatementSource.POLICY)
    assert made.ground.basis is GroundBasis.TEST_CARD
    assert (made.automated_detection, made.automated_decision) == (True, True)
    assert (made.account, made.end_user) == (house.who.id, "user-7")
    assert made.objection is Objection.APPEAL


def test_a_vaulted_block_gives_no_reason(house: House) -> None:
    video = refused(house, "SAFELIGHT-TEST:sexual/minors")
    made = only(house, video)
    assert made.ground.basis is (GroundBasis.WITHHELD if video.vaulted else GroundBasis.TEST_CARD)
    assert made.ground.category == ""


def test_a_refusal_by_a_reviewer_is_stated_as_the_decision_of_a_person(
    furnish: Callable[..., House],
) -> None:
    house = furnish()
    video = blocked_by_ada(house)
    made = only(house, video)
    assert made.kind is StatementKind.REFUSED
    assert (made.automated_detection, made.automated_decision) == (False, False)
    assert (made.ground.rule, made.ground.facts) == tuple(house.ground().values())
    assert made.decision_id is not None


def test_an_expired_review_is_stated_as_nobody_decided(furnish: Callable[..., House]) -> None:
    house = furnish()
    video = held_output(house)
    context = house.container.pipeline.context
    with context.database.transaction(video.tenant) as tx:
        outcomes.expire_review(context, tx, video)
    made = only(house, video)
    assert (made.kind, made.objection) == (StatementKind.EXPIRED, Objection.REQUEST_AGAIN)


def test_a_delivered_video_has_no_statement(house: House) -> None:
    assert statements(house, delivered(house)) == []


def test_a_withdrawal_is_stated_to_everybody_whose_video_it_ends(house: House) -> None:
    first, second = delivered(house), delivered(house, safety_identifier="user-8")
    with house.container.persistence.database.transaction(first.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == second.id, remixed_from=first.id)
    withdraw(house.container.pipeline.context, first, actor="ada", why="a court said so")
    for video, end_user in ((first, None), (second, "user-8")):
        made = only(house, video)
        assert (made.kind, made.source) == (StatementKind.WITHDRAWN, StatementSource.OPERATOR)
        assert made.end_user == end_user


def test_a_withdrawal_is_not_stated_if_its_transaction_fails(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("quota")

    context = house.container.pipeline.context
    video = delivered(house)
    monkeypatch.setattr("safelight.jobs.withdrawal.withdraw_entries", fail)
    with pytest.raises(RuntimeError):
        withdraw(context, video, actor="ada", why="a court said so")
    assert statements(house, video) == []


def test_a_deleted_video_keeps_its_statement_without_the_words_of_the_reason(house: House) -> None:
    video = refused(house)
    house.videos.delete(house.who, video.id)
    (made,) = statements(house, video)
    assert made.erased_at is not None
    assert made.content.ground.reason == ""


def test_a_successful_appeal_is_stated_with_the_new_video(furnish: Callable[..., House]) -> None:
    house = furnish()
    video = blocked_by_ada(house, **PAID)
    case = appealed(house, video)
    decide(house, case, "overturn", "ben")
    _, made = statements(house, video)
    assert made.content.kind is StatementKind.REINSTATED
    assert made.content.released_as == released(house, video).id
    assert made.objection_until is None
    assert house.videos.get(house.who, video.id).state is VideoState.BLOCKED


@pytest.mark.parametrize(
    ("named", "missing"),
    [
        ({}, "clause"),
        ({"facts": "She is insulted."}, "clause"),
        ({"clause": "no-such-rule", "facts": "She is insulted."}, "clause"),
        ({"clause": "ha-2"}, "facts"),
    ],
)
def test_a_reported_video_is_not_withdrawn_without_rule_and_facts(
    house: House, named: dict[str, str], missing: str
) -> None:
    video = delivered(house, safety_identifier="ann")
    receipt = house.container.review.reports.add(
        house.who, NewReport(video_id=video.id, reason="nude", category="sexual", end_user="bob")
    )
    case_id = receipt.report.case_id or ""
    reviews, who = house.container.review.reviews, reviewer(house)
    for decide_case in (reviews.decide, reviews.decide_with_undo):
        with pytest.raises(InvalidField) as caught:
            decide_case(who, case_id, DecisionRequest(action="withdraw", reason="Looked at it.", **named))
        assert caught.value.param == missing
    assert reviews.get(who, case_id).case.state is CaseState.OPEN
    assert house.videos.get(house.who, video.id).state is VideoState.DELIVERED
    reviews.decide(who, case_id, DecisionRequest(action="withdraw", reason="Seen.", **house.ground()))
    ground = withdrawal(house, video).ground
    assert (ground.rule, ground.category, bool(ground.group)) == ("ha-2", "hate", True)
    assert ground.facts == house.ground()["facts"]


def test_an_output_that_is_held_because_it_is_a_first_one_is_refused_with_rule_and_facts(
    furnish: Callable[..., House],
) -> None:
    house = furnish(review={"first_outputs": 1})
    house.waive()
    video = house.carry(house.order())
    case, reviews = only_case(house), house.container.review.reviews
    with pytest.raises(InvalidField) as caught:
        reviews.decide(reviewer(house), case.id, DecisionRequest(action="refuse", reason="No."))
    assert caught.value.param == "clause"
    reviews.decide(reviewer(house), case.id, DecisionRequest(action="refuse", reason="No.", **house.ground()))
    (made,) = statements(house, video)
    text = describe(made, level=ExplanationLevel.END_USER)
    assert house.ground()["facts"] in text.reason
    assert made.content.ground.rule == "ha-2"
    refused = house.videos.get(house.who, video.id)
    said = "A reviewer rejected this video. The reason is hate or harassment. It shows what is not allowed."
    assert (refused.error_message or "").startswith(said)
    told = refused.explanation or {}
    assert (told["group"], told["rule"], told["facts"]) == ("hate", "ha-2", house.ground()["facts"])
    # The verdict found nothing, so the sentence of the page is that of the answer.
    record = house.videos.record(house.who, video.id)
    page = explain_video(record.video, record, SHIPPED, load_languages()["en"])
    assert page.sentence == refused.error_message


def test_the_rule_that_the_reviewer_names_is_the_reason_of_a_withdrawal(house: House) -> None:
    video = delivered(house)
    context = house.container.pipeline.context
    with context.database.read_transaction(video.tenant) as tx:
        rules = context.policies.load_within(tx, video.tenant).policy.rules
    rule = next(one for one in rules if categories_of(one) == {"harassment"})
    receipt = house.container.review.reports.add(
        house.who, NewReport(video_id=video.id, reason="nude", category="sexual")
    )
    request = DecisionRequest(
        action="withdraw", reason="Looked at it.", clause=rule.id, facts="She is insulted."
    )
    house.container.review.reviews.decide(reviewer(house), receipt.report.case_id or "", request)
    made = withdrawal(house, video)
    assert (made.ground.category, made.ground.rule) == ("harassment", rule.id)
