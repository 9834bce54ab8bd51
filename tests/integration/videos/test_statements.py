"""Every decision about a video leaves one statement to the person who requested it, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safelight.accounts.statements import (
    GroundBasis,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
    StatementSource,
    describe,
    statement_from_row,
)
from safelight.cases.inputs import DecisionRequest
from safelight.core.errors import InvalidField
from safelight.policy.compiled import categories_of
from safelight.policy.explanations import ExplanationLevel
from safelight.policy.findings import SHIPPED, Stage
from safelight.store import tables
from safelight.videos import outcomes
from safelight.videos.case_rows import CaseKind, CaseState, NewCase, open_case
from safelight.videos.models import Video, VideoState
from safelight.web.explained_video import explain_video
from safelight.web.translations import load_languages
from support.house import withdraw

from .conftest import Furnish, House
from .test_appeals import appealed, blocked_by_ada, held_output, refused, released
from .test_decisions import decide, delivered, only_case, reviewer
from .test_video_lifecycle import PAID


def statements(house: House, video: Video) -> list[Statement]:
    with house.database.read_transaction(video.tenant) as tx:
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
    house.videos.delete(house.who, video.id)
    (erased,) = statements(house, video)
    assert erased.erased_at is not None
    assert erased.content.ground.reason == ""


def test_a_vaulted_block_gives_no_reason(house: House) -> None:
    video = refused(house, "SAFELIGHT-TEST:sexual/minors")
    made = only(house, video)
    assert made.ground.basis is (GroundBasis.WITHHELD if video.vaulted else GroundBasis.TEST_CARD)
    assert made.ground.category == ""


def test_a_refusal_by_a_reviewer_is_stated_as_the_decision_of_a_person(
    furnish: Furnish,
) -> None:
    house = furnish()
    video = blocked_by_ada(house)
    made = only(house, video)
    assert made.kind is StatementKind.REFUSED
    assert (made.automated_detection, made.automated_decision) == (False, False)
    assert (made.ground.rule, made.ground.facts) == tuple(house.ground().values())
    assert made.decision_id is not None


def test_a_reviewer_who_confirms_a_hold_by_the_test_card_is_not_its_source(
    furnish: Furnish, tmp_path: Path
) -> None:
    document = tmp_path / "house.yaml"
    rule = "{id: card-1, reason: A card., when: {test_card: true}, action: hold}"
    document.write_text(f"policy: house\nextends: starter\nrules: [{rule}]\n")
    house = furnish(policy={"document": str(document)})
    house.waive()
    video = house.order("SAFELIGHT-TEST:violence")
    case = only_case(house)
    verdict = house.record(video).stages[-1].verdict
    assert verdict.test_card_only
    new = DecisionRequest(action="refuse", reason="Seen.", clause=verdict.rule, facts="It is the card.")
    house.reviews.decide(reviewer(house), case.id, new)
    made = only(house, video)
    assert (made.source, made.automated_detection) == (StatementSource.POLICY, True)


def test_an_expired_review_is_stated_as_nobody_decided(furnish: Furnish) -> None:
    house = furnish()
    video = held_output(house)
    context = house.context
    with context.database.transaction(video.tenant) as tx:
        outcomes.expire_review(context, tx, video)
    made = only(house, video)
    assert (made.kind, made.objection) == (StatementKind.EXPIRED, Objection.REQUEST_AGAIN)


def test_a_delivered_video_has_no_statement(house: House) -> None:
    assert statements(house, delivered(house)) == []


def test_a_withdrawal_is_stated_to_everybody_whose_video_it_ends(house: House) -> None:
    first, second = delivered(house), delivered(house, safety_identifier="user-8")
    house.change(second, remixed_from=first.id)
    house.withdraw(first)
    for video, end_user in ((first, None), (second, "user-8")):
        made = only(house, video)
        assert (made.kind, made.source) == (StatementKind.WITHDRAWN, StatementSource.OPERATOR)
        assert made.end_user == end_user


def test_of_a_reported_video_and_its_remix_everybody_is_told_what_was_reported(house: House) -> None:
    video, remix = (delivered(house, safety_identifier=name) for name in ("ann", "cleo"))
    house.change(remix, remixed_from=video.id)
    case_id = house.report(video, reason="nude", end_user="bob").report.case_id or ""
    house.report(remix, reason="nude", end_user="dan")
    decide(house, house.reviews.get(reviewer(house), case_id).case, "withdraw")
    (withdrawn,), (of_remix,) = (
        [one for one in statements(house, each) if one.content.kind is StatementKind.WITHDRAWN]
        for each in (video, remix)
    )
    (answer,) = (one for one in statements(house, video) if one.content.end_user == "bob")
    texts = [describe(one, level=ExplanationLevel.END_USER).reason for one in (withdrawn, of_remix, answer)]
    assert texts[0].startswith("The video was reported. ")
    assert texts[1].startswith("It is made from a video that was withdrawn after a report. ")
    assert texts[2].startswith("This is the answer to your report. ")
    assert not [secret for secret in (video.id, "ann", "bob", "dan") if secret in repr(of_remix)]
    log = [entry["event"] for entry in house.record(remix).audit_log]
    assert [event for event in log if event.startswith("case.")] == ["case.opened", "case.closed"]


def test_the_case_of_a_copy_that_was_removed_elsewhere_says_nothing_of_a_report(house: House) -> None:
    video = delivered(house)
    new = NewCase(video_id=video.id, kind=CaseKind.REPORT, stage=Stage.DELIVERY, due_at=4e9, category="ncii")
    with house.transaction() as tx:
        case = open_case(tx, new, actor="notices")
    decide(house, case, "withdraw")
    made = withdrawal(house, video)
    assert (made.source, made.automated_detection) == (StatementSource.POLICY, True)


def test_a_withdrawal_is_not_stated_if_its_transaction_fails(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("quota")

    context = house.context
    video = delivered(house)
    monkeypatch.setattr("safelight.videos.withdrawal.withdraw_entries", fail)
    with pytest.raises(RuntimeError):
        withdraw(context, video, actor="ada", why="a court said so")
    assert statements(house, video) == []


def test_a_successful_appeal_is_stated_with_the_new_video(furnish: Furnish) -> None:
    house = furnish()
    video = blocked_by_ada(house, **PAID)
    case = appealed(house, video)
    decide(house, case, "overturn", "ben")
    _, made = statements(house, video)
    assert made.content.kind is StatementKind.REINSTATED
    assert made.content.released_as == released(house, video).id
    assert made.objection_until is None
    assert house.reread(video).state is VideoState.BLOCKED


def test_a_reported_video_is_withdrawn_only_with_facts_and_a_rule_whose_category_is_stated(
    house: House,
) -> None:
    video = delivered(house, safety_identifier="ann")
    case_id = house.report(video, reason="nude", category="sexual", end_user="bob").report.case_id or ""
    reviews, who = house.reviews, reviewer(house)
    named: dict[str, str]
    for missing, named in (
        ("clause", {}),
        ("clause", {"facts": "She is insulted."}),
        ("clause", {"clause": "no-such-rule", "facts": "She is insulted."}),
        ("facts", {"clause": "ha-2"}),
    ):
        for decide_case in (reviews.decide, reviews.decide_with_undo):
            with pytest.raises(InvalidField) as caught:
                decide_case(who, case_id, DecisionRequest(action="withdraw", reason="Looked at it.", **named))
            assert caught.value.param == missing
    assert reviews.get(who, case_id).case.state is CaseState.OPEN
    assert house.reread(video).state is VideoState.DELIVERED
    rule = next(one for one in house.policy().policy.rules if categories_of(one) == {"harassment"})
    named = {"clause": rule.id, "facts": "She is insulted."}
    reviews.decide(who, case_id, DecisionRequest(action="withdraw", reason="Seen.", **named))
    ground = withdrawal(house, video).ground
    assert (ground.rule, ground.category, bool(ground.group)) == (rule.id, "harassment", True)
    assert ground.facts == "She is insulted."


def test_an_output_that_is_held_because_it_is_a_first_one_is_refused_with_rule_and_facts(
    furnish: Furnish,
) -> None:
    house = furnish(review={"first_outputs": 1})
    house.waive()
    video = house.make()
    case, reviews = only_case(house), house.reviews
    with pytest.raises(InvalidField) as caught:
        reviews.decide(reviewer(house), case.id, DecisionRequest(action="refuse", reason="No."))
    assert caught.value.param == "clause"
    reviews.decide(reviewer(house), case.id, DecisionRequest(action="refuse", reason="No.", **house.ground()))
    (made,) = statements(house, video)
    text = describe(made, level=ExplanationLevel.END_USER)
    assert house.ground()["facts"] in text.reason
    assert made.content.ground.rule == "ha-2"
    refused = house.reread(video)
    said = "A reviewer rejected this video. The reason is hate or harassment. It shows what is not allowed."
    assert (refused.error_message or "").startswith(said)
    told = refused.explanation or {}
    assert (told["group"], told["rule"], told["facts"]) == ("hate", "ha-2", house.ground()["facts"])
    # The verdict found nothing, so the sentence of the page is that of the answer.
    record = house.record(video)
    page = explain_video(record.video, record, SHIPPED, load_languages()["en"])
    assert page.sentence == refused.error_message
