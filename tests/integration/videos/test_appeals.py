"""Appeals against blocks, on both databases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from safelight.accounts import OPERATOR, KeyScope, PrincipalKind
from safelight.accounts.audit import verify
from safelight.cases.appeals import Appeal, AppealState
from safelight.cases.inputs import DecisionRequest
from safelight.core.errors import (
    Conflict,
    Forbidden,
    InvalidField,
    NotFound,
    RateLimited,
    RequestBlocked,
    SafelightError,
)
from safelight.policy.explanations import without_appeal
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.case_rows import Case, CaseKind, CaseState
from safelight.videos.files import drop_files
from safelight.videos.models import Video, VideoState
from safelight.videos.reinstatement import describe_release
from safelight.videos.requests.request import CreateRequest, Upload
from safelight.web.console.video_view import video_view
from safelight.web.explained_video import explain_video
from safelight.web.translations import load_languages
from support.clips import upload_of
from support.concurrency import run_together

from .conftest import Furnish, House
from .test_decisions import decide, reviewer
from .test_video_lifecycle import PAID

CARD = "a test of SAFELIGHT-TEST:violence on a stage"
WHY = "It is a play."


def refused(house: House, prompt: str = CARD, **fields: Any) -> Video:
    with pytest.raises(RequestBlocked) as caught:
        house.order(prompt, **fields)
    return house.videos.get(house.who, str(caught.value.details["video_id"]))


def appeal(house: House, video: Video, text: str = WHY) -> Appeal:
    return house.appeals.add(house.who, video.id, text=text)


def appealed(house: House, video: Video) -> Case:
    made = appeal(house, video)
    return house.reviews.get(reviewer(house), made.case_id).case


def released(house: House, video: Video) -> Video:
    new_id = house.reread(video).reinstated_as
    assert new_id is not None
    return house.videos.get(house.who, new_id)


def held_output(house: House, **fields: Any) -> Video:
    """Without a waiver every output is held."""
    video = house.make(**fields)
    assert video.state is VideoState.HELD
    return video


def reference(folder: Path) -> Upload:
    clip = folder / "reference.mp4"
    clip.write_bytes(tiny_clip())
    return upload_of(clip)


def log_verifies(house: House) -> bool:
    return verify(house.database, (), house.container.persistence.audit_checkpoint_key).ok


def blocked_by_ada(house: House, **fields: Any) -> Video:
    """Held at the output and refused by ada: blocked, its clip kept as evidence."""
    video = held_output(house, **fields)
    (case,) = house.reviews.list(reviewer(house)).items
    decide(house, case, "refuse")
    ended = house.reread(video)
    assert ended.state is VideoState.BLOCKED
    return ended


def test_a_block_links_to_its_appeal_which_is_decided_once(house: House) -> None:
    video = refused(house)
    assert video.explanation is not None
    assert video.explanation["appeal"] == f"/videos/{video.id}/appeal"
    with pytest.raises(NotFound):
        house.appeals.get(house.who, video.id)
    case = appealed(house, video)
    assert (case.kind, case.video_id, case.category) == (CaseKind.APPEAL, video.id, "violence")
    assert [action.value for action in case.actions] == ["overturn", "uphold"]
    file = house.reviews.get(reviewer(house), case.id)
    assert [note["note"] for note in file.notes] == [WHY]
    events = [entry["event"] for entry in house.record(video).audit_log]
    assert events[-2:] == ["case.opened", "appeal.received"]
    assert log_verifies(house)
    assert house.appeals.get(house.who, video.id).state is AppealState.WAITING
    assert (house.reread(video).explanation or {})["appeal"] is None, "there is no second one"

    decide(house, case, "uphold")
    assert house.appeals.get(house.who, video.id).state is AppealState.UPHELD
    ended = house.reread(video)
    assert (ended.state, ended.reinstated_as) == (VideoState.REJECTED, None)
    with pytest.raises(Conflict, match="once"):
        appeal(house, video)
    (closed,) = house.cases_of(video.id)
    with pytest.raises(Conflict, match="decided already"):
        decide(house, closed, "overturn", "ben")


def test_once_the_appeal_is_sent_the_message_offers_none(furnish: Furnish) -> None:
    house = furnish()
    video = blocked_by_ada(house)
    assert (video.error_message or "").endswith("or appeal.")
    case = appealed(house, video)
    told = house.reread(video)
    offer = str((video.explanation or {})["next_step"])
    assert told.error_message == (video.error_message or "").replace(offer, without_appeal(offer))
    assert "appeal" not in f"{told.error_message} {(told.explanation or {})['next_step']}"
    decide(house, case, "overturn", "ben")
    new = released(house, video)
    assert new.reinstated_from == video.id
    # Then it points to the new video, and no longer says what to change in the prompt.
    told, step = house.reread(video), describe_release(new.id)
    assert (told.error_message or "").endswith(step)
    details = told.explanation or {}
    assert (details["next_step"], details["retry"]["action"]) == (step, "never")
    record = house.videos.record(house.who, video.id)
    for tag, languages in load_languages().items():
        shown = explain_video(told, record, house.container.core.taxonomy, languages)
        assert (new.id in shown.sentence, shown.details["retry"]) == (True, None)
        assert (shown.details["next_step"] == step) == (tag == "en")
    view = partial(video_view, t=load_languages()["en"], taxonomy=house.container.core.taxonomy)
    offers = [view(each, record, now=0.0, installed=()).change_prompt for each in (video, told)]
    assert offers == [True, False]


def test_the_case_of_an_appeal_names_the_rule_of_the_decision_not_that_of_the_hold(furnish: Furnish) -> None:
    house = furnish()
    case = appealed(house, blocked_by_ada(house))
    assert (case.rule, case.reason) == (house.ground()["clause"], "")


def test_the_case_of_an_appeal_against_a_withdrawal_says_what_was_reported(house: House) -> None:
    video = house.make()
    house.report(video, reason="violence", category="violence", end_user="bob")
    (case,) = house.reviews.list(reviewer(house)).items
    decide(house, case, "withdraw")
    case = appealed(house, video)
    assert (case.rule, case.reason) == (house.ground()["clause"], "Reported: violence")


def test_an_overturned_block_is_reinstated_under_a_new_id_and_takes_no_quota(furnish: Furnish) -> None:
    house = furnish(limits={"videos_per_day": 1})
    house.waive()
    video = refused(house)
    case, other = appealed(house, video), house.order()
    decide(house, case, "overturn")
    assert house.appeals.get(house.who, video.id).state is AppealState.OVERTURNED
    old, new = house.reread(video), released(house, video)
    assert (old.state, old.error_code) == (VideoState.REJECTED, "sentinel_block")
    assert (new.state, new.reinstated_from, new.prompt) == (VideoState.QUEUED, video.id, CARD)
    assert house.handed_over == [other.id]
    assert house.carry(new).state is VideoState.DELIVERED
    assert house.videos.allowance(house.who).videos_left == 0
    record = house.record(new)
    assert record.seal is not None
    assert "reviewed" in str(record.seal["facts"])
    assert all(made.verdict.action is not Action.BLOCK for made in record.stages)
    assert record.stages[0].findings
    assert log_verifies(house)


def test_an_appeal_is_never_decided_by_the_first_reviewer(furnish: Furnish) -> None:
    house = furnish()
    case = appealed(house, blocked_by_ada(house))
    for action in ("overturn", "uphold"):
        with pytest.raises(Forbidden, match="You cannot decide this appeal"):
            decide(house, case, action, "ada")
        with pytest.raises(Forbidden, match="You cannot decide this appeal"):
            decide(house, case, action, house.who.id)
    # The case stays in the list of every reviewer.
    (waiting,) = house.reviews.list(reviewer(house)).items
    assert (waiting.id, waiting.state) == (case.id, CaseState.OPEN)
    assert house.reviews.get(reviewer(house), case.id).requires_other_reviewer
    assert not house.reviews.get(reviewer(house, "ben"), case.id).requires_other_reviewer
    assert decide(house, case, "uphold", "ben").case.state is CaseState.DECIDED


def test_an_appeal_reports_a_missing_second_reviewer_until_one_is_enrolled(house: House) -> None:
    operator = replace(house.who, id=OPERATOR, kind=PrincipalKind.PERSON)
    with pytest.raises(RequestBlocked) as caught:
        house.videos.create(operator, CreateRequest(prompt=CARD))
    video = house.videos.get(operator, str(caught.value.details["video_id"]))
    assert house.appeals.add(operator, video.id, text=WHY).no_eligible_reviewer
    house.accounts.create_key(house.who.tenant, "an application")
    assert house.appeals.get(operator, video.id).no_eligible_reviewer
    outside, _ = house.accounts.create_key(house.who.tenant, "Ada Reed, outside", {KeyScope.REVIEW})
    assert not house.appeals.get(operator, video.id).no_eligible_reviewer
    house.accounts.revoke_key(house.who.tenant, outside.id)
    assert house.appeals.get(operator, video.id).no_eligible_reviewer


def test_who_sent_the_appeal_for_another_cannot_decide_it(house: House) -> None:
    video = refused(house)
    cleo = reviewer(house, "cleo", KeyScope.REVIEW, KeyScope.VIDEOS_READ, KeyScope.ADMIN)
    made = house.appeals.add(cleo, video.id, text=WHY, on_behalf_reason="The creator asked for it.")
    with pytest.raises(Forbidden):
        house.reviews.decide(cleo, made.case_id, DecisionRequest(action="overturn", reason="mine"))


def test_a_stored_clip_is_sealed_and_never_generated_or_charged_twice(
    furnish: Furnish, upstream: ScriptedUpstream
) -> None:
    house = furnish()
    video = blocked_by_ada(house, **PAID)
    (kept,) = house.context.videos.files(video.tenant, video.id, kind="generated")
    decide(house, appealed(house, video), "overturn", "ben")
    new = released(house, video)
    assert new.state is VideoState.SEALING
    done = house.carry(new)
    assert done.state is VideoState.DELIVERED
    record = house.record(new)
    assert record.seal is not None
    assert record.seal["source_sha256"] == kept.sha256
    assert record.attempts == ()
    assert upstream.counts["received"] == 1
    assert house.content(new).size > 0
    with pytest.raises(NotFound):
        house.content(video)
    assert house.context.videos.files(video.tenant, video.id, kind="generated")


def test_a_deleted_clip_is_generated_and_scanned_again_and_new_findings_count(furnish: Furnish) -> None:
    house = furnish()
    video = blocked_by_ada(house)
    with house.transaction() as tx:
        drop_files(tx, video.id, kind="generated")
    decide(house, appealed(house, video), "overturn", "ben")
    new = released(house, video)
    assert new.state is VideoState.QUEUED
    # Without a waiver, a coverage gap in the new clip holds it again.
    assert house.carry(new).state is VideoState.HELD
    (case,) = house.reviews.list(reviewer(house)).items
    assert (case.video_id, case.kind) == (new.id, CaseKind.HOLD)


def test_a_reinstated_video_keeps_its_stored_references(furnish: Furnish, tmp_path: Path) -> None:
    house = furnish()
    video = house.make(uploads=(reference(tmp_path),))
    (case,) = house.reviews.list(reviewer(house)).items
    decide(house, case, "refuse")
    assert house.reread(video).state is VideoState.REJECTED
    decide(house, appealed(house, video), "overturn", "ben")
    new = released(house, video)
    old_files, files = (
        [row.sha256 for row in house.context.videos.files(video.tenant, one.id, kind="reference")]
        for one in (video, new)
    )
    assert old_files == files
    assert len(files) == 1
    # A reviewer already decided on the reference: only the output is held.
    assert house.carry(new).state is VideoState.HELD
    stages = [made.stage.value for made in house.record(new).stages]
    assert stages == ["prompt", "reference", "output"]


def test_only_our_own_blocks_can_be_appealed_with_a_reason(
    house: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="was not blocked"):
        appeal(house, house.make())
    error = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    upstream.play({"otherwise": {"polls": 0, "ends": "refused", "error": error}})
    with pytest.raises(Conflict, match="blocked by its provider"):
        appeal(house, house.make(**PAID))
    # The reference was never stored: such an order can only be sent again.
    lost, vaulted, video = refused(house, uploads=(reference(tmp_path),)), refused(house), refused(house)
    assert (lost.explanation or {})["appeal"] is None
    house.change(vaulted, vaulted=True)
    for one in (lost, vaulted):
        with pytest.raises(Conflict, match="cannot be appealed"):
            appeal(house, one)
    for text in ("", "  ", "x" * 4001, "a\0b"):
        with pytest.raises(InvalidField):
            appeal(house, video, text)
    assert house.reviews.list(reviewer(house)).items == ()
    with pytest.raises(NotFound):
        appeal(house, replace(video, id="video_" + "0" * 32))
    house.who = house.stranger()
    with pytest.raises(NotFound):
        appeal(house, video)


def test_appeals_are_rate_limited(furnish: Furnish) -> None:
    house = furnish(limits={"reports_per_hour": 1})
    appeal(house, refused(house))
    with pytest.raises(RateLimited):
        appeal(house, refused(house))


@pytest.mark.both_databases
def test_of_concurrent_appeals_one_is_accepted(house: House) -> None:
    video = refused(house)
    outcomes = run_together([partial(appeal, house, video)] * 4)
    assert sum(isinstance(one, Appeal) for one in outcomes) == 1
    assert sum(isinstance(one, SafelightError) for one in outcomes) == 3
    with house.read_transaction() as tx:
        assert tx.count(tables.cases, tables.cases.c.video_id == video.id) == 1
