"""Saved replies, which reach the person concerned in their language, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.accounts import KeyScope
from safelight.accounts.statements import GroundBasis, StatementKind, describe
from safelight.cases.inputs import DecisionRequest, ReplyChange
from safelight.cases.saved_replies import SavedReplies
from safelight.core.errors import Forbidden, InvalidField, NotFound
from safelight.policy.explanations import ExplanationLevel
from safelight.store import tables
from safelight.videos.models import Video

from .conftest import Furnish, House
from .test_appeals import appealed, held_output, refused
from .test_decisions import decide, delivered, only_case, reviewer
from .test_notices import follow_up, notify, status_of
from .test_statements import statements, withdrawal

ENGLISH = "A blow was shown. Please leave the blow out."
CHINESE = "视频中出现了殴打画面。请去掉这个画面。"


def saved(house: House, **texts: str) -> SavedReplies:
    replies = house.container.case_reads.saved_replies
    replies.save(reviewer(house, "lead", KeyScope.POLICY), "blow", ReplyChange(**texts))
    return replies


def with_reply(house: House, case_id: str, action: str, name: str = "ada") -> None:
    asked = DecisionRequest(action=action, reason="Looked at it.", reply="blow", **house.ground())
    house.reviews.decide(reviewer(house, name), case_id, asked)


def of_kind(house: House, video: Video, kind: StatementKind) -> object:
    return next(one for one in statements(house, video) if one.content.kind is kind)


def test_a_refusal_brings_the_reply_in_the_language_of_its_reader_and_keeps_it(furnish: Furnish) -> None:
    house = furnish()
    video = held_output(house)
    replies = saved(house, en=ENGLISH, zh_hans=CHINESE)
    with_reply(house, only_case(house).id, "refuse")
    replies.remove(reviewer(house, "lead", KeyScope.POLICY), "blow")
    (made,) = statements(house, video)
    level = ExplanationLevel.END_USER
    assert describe(made, level=level).reply == ENGLISH
    assert describe(made, level=level, language="zh-Hans").reply == CHINESE
    other = describe(made, level=level, language="zh-Hant")
    assert (other.reply, other.reply_language) == (
        f"這段答覆沒有繁體中文版本，以下為簡體中文：\n{CHINESE}",
        "zh-Hans",
    )
    assert ENGLISH in describe(made, level=level).whole
    (case,) = house.cases_of(video.id)
    decision = house.reviews.get(reviewer(house), case.id).decision
    assert decision is not None
    assert decision.reply is not None
    assert (decision.reply.name, decision.reply.missing) == ("blow", ("zh-Hant",))


def test_a_successful_appeal_says_why(house: House) -> None:
    video = refused(house)
    saved(house, en="You were right.")
    with_reply(house, appealed(house, video).id, "overturn", "ben")
    made = statements(house, video)[-1]
    assert made.content.kind is StatementKind.REINSTATED
    assert made.content.ground.basis is GroundBasis.NOT_BROKEN
    text = describe(made, level=ExplanationLevel.DEVELOPER)
    assert "decided that the video breaks no rule of this service" in text.reason
    assert text.reply == "You were right."
    second = refused(house, "another SAFELIGHT-TEST:violence on a stage")
    decide(house, appealed(house, second), "overturn", "ben")
    assert statements(house, second)[-1].content.ground.basis is GroundBasis.NOT_BROKEN


def test_the_reply_to_a_rejected_appeal_is_not_that_of_the_first_decision(furnish: Furnish) -> None:
    house = furnish()
    video = held_output(house)
    saved(house, en=ENGLISH)
    with_reply(house, only_case(house).id, "refuse")
    decide(house, appealed(house, video), "uphold", "ben")
    first, second = statements(house, video)
    assert first.content.reply is not None
    assert second.content.reply is None


def test_a_kept_video_brings_the_reply_to_its_reporters_and_a_withdrawn_one_to_its_requester(
    house: House,
) -> None:
    kept = delivered(house)
    saved(house, en=ENGLISH)
    house.report(kept, reason="violence", category="violence", end_user="bob")
    receipt = notify(house, kept)
    with_reply(house, only_case(house).id, "keep")
    follow_up(house)
    answer = of_kind(house, kept, StatementKind.REPORT_REJECTED)
    assert describe(answer, level=ExplanationLevel.END_USER).reply == ENGLISH  # type: ignore[arg-type]
    reply = status_of(house, receipt).notice.reply
    assert reply is not None
    assert reply.en == ENGLISH

    gone = delivered(house, prompt="another quiet lake")
    house.report(gone, reason="violence", category="violence", end_user="bob")
    with_reply(house, only_case(house).id, "withdraw")
    assert withdrawal(house, gone).reply is not None
    told = of_kind(house, gone, StatementKind.REPORT_UPHELD)
    assert told.content.reply is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["Planted Name", "bob-the-end-user"])
def test_neither_facts_nor_a_reply_tell_who_reported_the_video(house: House, name: str) -> None:
    video = house.make()
    notify(house, video)
    house.report(video, reason="violence", category="violence", end_user="bob-the-end-user")
    saved(house, en=f"A blow, says {name}.")
    case, facts = only_case(house), {**house.ground(), "facts": f"{name} is shown."}
    for sent, param in ((facts, "facts"), ({**house.ground(), "reply": "blow"}, "reply.en")):
        with pytest.raises(InvalidField, match="contact of a reporter") as caught:
            house.reviews.decide(
                reviewer(house), case.id, DecisionRequest(action="withdraw", reason="x", **sent)
            )
        assert caught.value.param == param


def test_a_reply_needs_somebody_who_is_told_and_a_name_that_exists(furnish: Furnish) -> None:
    house = furnish()
    held_output(house)
    saved(house, en=ENGLISH)
    case = only_case(house)
    for action, name in (("approve", "blow"), ("refuse", "no-such")):
        asked = DecisionRequest(action=action, reason="x", reply=name, **house.ground())
        with pytest.raises(InvalidField) as caught:
            house.reviews.decide(reviewer(house), case.id, asked)
        assert caught.value.param == "reply"


@pytest.mark.parametrize(
    ("name", "texts", "param"),
    [
        ("Blow", {"en": "x"}, "name"),
        ("b" * 41, {"en": "x"}, "name"),
        ("../blow", {"en": "x"}, "name"),
        ("blow", {}, "en"),
        ("blow", {"en": " \n "}, "en"),
        ("blow", {"en": "x" * 1001}, "en"),
        ("blow", {"en": "x", "zh_hans": "<script>alert(1)</script>"}, "zh_hans"),
        ("blow", {"en": "< /b>"}, "en"),
        ("blow", {"zh_hant": "a\u202eb"}, "zh_hant"),
        ("blow", {"en": "a\u2067b"}, "en"),
        ("blow", {"en": "a\u200fb"}, "en"),
        ("blow", {"en": "a\0b"}, "en"),
        ("blow", {"en": "Write to help@example.com."}, "en"),
    ],
)
def test_bad_replies_are_refused(house: House, name: str, texts: dict[str, str], param: str) -> None:
    replies, lead = house.container.case_reads.saved_replies, reviewer(house, "lead", KeyScope.POLICY)
    with pytest.raises(InvalidField) as caught:
        replies.save(lead, name, ReplyChange(**texts))
    assert caught.value.param == param
    assert replies.list(lead) == ()


def test_only_the_lead_changes_replies_and_other_tenants_have_their_own(house: House) -> None:
    replies = saved(house, en="1 < 2 & a > b\r\nnext")
    lead = reviewer(house, "lead", KeyScope.POLICY)
    assert [one.en for one in replies.list(reviewer(house))] == ["1 < 2 & a > b\nnext"]
    assert replies.list(replace(lead, tenant="tenant_other")) == ()
    with pytest.raises(Forbidden):
        replies.save(reviewer(house), "blow", ReplyChange(en="y"))
    with pytest.raises(Forbidden):
        replies.remove(reviewer(house), "blow")
    with pytest.raises(Forbidden):
        replies.list(reviewer(house, "eve", KeyScope.VIDEOS_READ))
    with pytest.raises(NotFound):
        replies.remove(lead, "no-such")
    with house.database.read_transaction(lead.tenant) as tx:
        events = [row.event for row in tx.select(tables.audit_log, tables.audit_log.c.subject == "blow")]
    assert events == ["reply.saved"]
