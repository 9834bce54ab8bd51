"""Appeals against blocks, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.errors import (
    Conflict,
    Forbidden,
    InvalidField,
    NotFound,
    RateLimited,
    RequestBlocked,
    SafelightError,
)
from safelight.jobs.files import drop_files
from safelight.jobs.models import Video
from safelight.jobs.states import VideoState
from safelight.moderation.request import CreateRequest, Upload
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.upstream import ScriptedUpstream
from safelight.trust.accounts import OPERATOR, KeyScope, PrincipalKind
from safelight.trust.appeals import AppealState
from safelight.trust.audit import verify
from safelight.trust.reviews import Case, CaseKind, CaseState, DecisionRequest

from .conftest import House
from .test_decisions import decide, reviewer
from .test_video_lifecycle import PAID

CARD = "a test of SAFELIGHT-TEST:violence on a stage"
WHY = "It is a play."


def refused(house: House, prompt: str = CARD, **fields: Any) -> Video:
    with pytest.raises(RequestBlocked) as caught:
        house.order(prompt, **fields)
    return house.videos.get(house.who, str(caught.value.details["video_id"]))


def appealed(house: House, video: Video) -> Case:
    made = house.container.review.appeals.add(house.who, video.id, text=WHY)
    return house.container.review.reviews.get(reviewer(house), made.case_id).case


def released(house: House, video: Video) -> Video:
    new_id = house.videos.get(house.who, video.id).reinstated_as
    assert new_id is not None
    return house.videos.get(house.who, new_id)


def held_output(house: House, **fields: Any) -> Video:
    """Without a waiver every output is held."""
    video = house.carry(house.order(**fields))
    assert video.state is VideoState.HELD
    return video


def blocked_by_ada(house: House, **fields: Any) -> Video:
    """Held at the output and refused by ada: blocked, its clip kept as evidence."""
    video = held_output(house, **fields)
    (case,) = house.container.review.reviews.list(reviewer(house)).cases
    decide(house, case, "refuse")
    ended = house.videos.get(house.who, video.id)
    assert ended.state is VideoState.BLOCKED
    return ended


def test_a_block_links_to_its_appeal_and_an_appeal_opens_a_case(house: House) -> None:
    video = refused(house)
    assert video.explanation is not None
    assert video.explanation["appeal"] == f"/videos/{video.id}/appeal"
    case = appealed(house, video)
    assert (case.kind, case.video_id, case.category) == (CaseKind.APPEAL, video.id, "violence")
    assert [action.value for action in case.actions] == ["overturn", "uphold"]
    file = house.container.review.reviews.get(reviewer(house), case.id)
    assert [note["note"] for note in file.notes] == [WHY]
    events = [entry["event"] for entry in house.videos.record(house.who, video.id).audit_log]
    assert events[-2:] == ["case.opened", "appeal.received"]
    assert verify(
        house.container.persistence.database, (), house.container.persistence.audit_checkpoint_key
    ).ok


def test_an_appeal_is_never_decided_by_the_first_reviewer(furnish: Callable[..., House]) -> None:
    house = furnish()
    case = appealed(house, blocked_by_ada(house))
    for action in ("overturn", "uphold"):
        with pytest.raises(Forbidden, match="You cannot decide this appeal"):
            decide(house, case, action, "ada")
        with pytest.raises(Forbidden, match="You cannot decide this appeal"):
            decide(house, case, action, house.who.id)
    # The case stays in the list of every reviewer.
    (waiting,) = house.container.review.reviews.list(reviewer(house)).cases
    assert (waiting.id, waiting.state) == (case.id, CaseState.OPEN)
    assert house.container.review.reviews.get(reviewer(house), case.id).requires_other_reviewer
    assert not house.container.review.reviews.get(reviewer(house, "ben"), case.id).requires_other_reviewer
    assert decide(house, case, "uphold", "ben").case.state is CaseState.DECIDED


def test_an_appeal_reports_a_missing_second_reviewer_until_one_is_enrolled(house: House) -> None:
    operator = replace(house.who, id=OPERATOR, kind=PrincipalKind.PERSON)
    with pytest.raises(RequestBlocked) as caught:
        house.videos.create(operator, CreateRequest(prompt=CARD))
    video = house.videos.get(operator, str(caught.value.details["video_id"]))
    assert house.container.review.appeals.add(operator, video.id, text=WHY).no_eligible_reviewer
    house.container.persistence.accounts.create_key(house.who.tenant, "an application")
    assert house.container.review.appeals.get(operator, video.id).no_eligible_reviewer
    outside, _ = house.container.persistence.accounts.create_key(
        house.who.tenant, "Ada Reed, outside", {KeyScope.REVIEW}
    )
    assert not house.container.review.appeals.get(operator, video.id).no_eligible_reviewer
    house.container.persistence.accounts.revoke_key(house.who.tenant, outside.id)
    assert house.container.review.appeals.get(operator, video.id).no_eligible_reviewer


def test_the_appellant_sees_the_outcome(house: House) -> None:
    one, other = refused(house), refused(house)
    with pytest.raises(NotFound):
        house.container.review.appeals.get(house.who, one.id)
    lost, won = appealed(house, one), appealed(house, other)
    assert house.container.review.appeals.get(house.who, one.id).state is AppealState.WAITING
    decide(house, lost, "uphold")
    decide(house, won, "overturn")
    states = [house.container.review.appeals.get(house.who, video.id).state for video in (one, other)]
    assert states == [AppealState.UPHELD, AppealState.OVERTURNED]


def test_the_appellant_cannot_decide_the_appeal(house: House) -> None:
    video = refused(house)
    cleo = reviewer(house, "cleo", KeyScope.REVIEW, KeyScope.VIDEOS_READ, KeyScope.ADMIN)
    made = house.container.review.appeals.add(
        cleo, video.id, text=WHY, on_behalf_reason="The creator asked for it."
    )
    with pytest.raises(Forbidden):
        house.container.review.reviews.decide(
            cleo, made.case_id, DecisionRequest(action="overturn", reason="mine")
        )


def test_an_upheld_block_cannot_be_appealed_again(house: House) -> None:
    video = refused(house)
    decide(house, appealed(house, video), "uphold")
    ended = house.videos.get(house.who, video.id)
    assert (ended.state, ended.reinstated_as) == (VideoState.REJECTED, None)
    with pytest.raises(Conflict, match="once"):
        house.container.review.appeals.add(house.who, video.id, text=WHY)
    with pytest.raises(Conflict, match="decided already"):
        decide(
            house,
            house.container.review.reviews.list_for_video(reviewer(house), video.id)[-1],
            "overturn",
            "ben",
        )


def test_an_overturned_block_is_reinstated_under_a_new_id(house: House) -> None:
    video = refused(house)
    decide(house, appealed(house, video), "overturn")
    old, new = house.videos.get(house.who, video.id), released(house, video)
    assert (old.state, old.error_code) == (VideoState.REJECTED, "sentinel_block")
    assert (new.state, new.reinstated_from, new.prompt) == (VideoState.QUEUED, video.id, CARD)
    assert house.handed_over == []
    done = house.carry(new)
    assert done.state is VideoState.DELIVERED
    record = house.videos.record(house.who, new.id)
    assert record.seal is not None
    assert "reviewed" in str(record.seal["facts"])
    assert all(made.verdict.action is not Action.BLOCK for made in record.stages)
    assert record.stages[0].findings
    assert verify(
        house.container.persistence.database, (), house.container.persistence.audit_checkpoint_key
    ).ok


def test_a_stored_clip_is_sealed_and_never_generated_or_charged_twice(
    furnish: Callable[..., House], upstream: ScriptedUpstream
) -> None:
    house = furnish()
    video = blocked_by_ada(house, **PAID)
    (kept,) = house.container.pipeline.context.videos.files(video.tenant, video.id, kind="generated")
    decide(house, appealed(house, video), "overturn", "ben")
    new = released(house, video)
    assert new.state is VideoState.SEALING
    done = house.carry(new)
    assert done.state is VideoState.DELIVERED
    record = house.videos.record(house.who, new.id)
    assert record.seal is not None
    assert record.seal["source_sha256"] == kept.sha256
    assert record.attempts == ()
    assert upstream.counts["received"] == 1
    assert house.videos.content(house.who, new.id, "video").size > 0
    with pytest.raises(NotFound):
        house.videos.content(house.who, video.id, "video")
    assert house.container.pipeline.context.videos.files(video.tenant, video.id, kind="generated")


def test_a_deleted_clip_is_generated_and_scanned_again(furnish: Callable[..., House]) -> None:
    house = furnish()
    video = blocked_by_ada(house)
    with house.container.persistence.database.transaction(video.tenant) as tx:
        drop_files(tx, video.id, kind="generated")
    decide(house, appealed(house, video), "overturn", "ben")
    new = released(house, video)
    assert new.state is VideoState.QUEUED
    # Coverage gaps in the new clip hold it again.
    assert house.carry(new).state is VideoState.HELD


def test_a_new_finding_counts_after_a_successful_appeal(furnish: Callable[..., House]) -> None:
    house = furnish()
    video = refused(house)
    decide(house, appealed(house, video), "overturn")
    # Without a waiver, a coverage gap in the output holds this video too.
    again = house.carry(released(house, video))
    assert again.state is VideoState.HELD
    (case,) = house.container.review.reviews.list(reviewer(house)).cases
    assert (case.video_id, case.kind) == (again.id, CaseKind.HOLD)


def test_a_reinstated_video_takes_no_quota(furnish: Callable[..., House]) -> None:
    house = furnish(limits={"videos_per_day": 1})
    house.waive()
    video = refused(house)
    case = appealed(house, video)
    house.order()
    decide(house, case, "overturn")
    assert house.carry(released(house, video)).state is VideoState.DELIVERED
    assert house.videos.allowance(house.who).videos_left == 0


def test_a_reinstated_video_keeps_its_stored_references(
    furnish: Callable[..., House], tmp_path: Path
) -> None:
    house = furnish()
    clip = tmp_path / "reference.mp4"
    clip.write_bytes(tiny_clip())
    upload = Upload(field="input_reference", path=clip, filename="a.mp4", media_type="video/mp4")
    video = house.carry(house.order(uploads=(upload,)))
    (case,) = house.container.review.reviews.list(reviewer(house)).cases
    decide(house, case, "refuse")
    assert house.videos.get(house.who, video.id).state is VideoState.REJECTED
    decide(house, appealed(house, video), "overturn", "ben")
    new = released(house, video)
    store = house.container.pipeline.context.videos
    old_files = store.files(video.tenant, video.id, kind="reference")
    assert [row.sha256 for row in store.files(video.tenant, new.id, kind="reference")] == [
        row.sha256 for row in old_files
    ]
    # A reviewer already decided on the reference: only the output is held.
    assert house.carry(new).state is VideoState.HELD
    assert [made.stage.value for made in house.videos.record(house.who, new.id).stages] == [
        "prompt",
        "reference",
        "output",
    ]


def test_only_our_own_blocks_can_be_appealed(
    house: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    delivered = house.carry(house.order())
    with pytest.raises(Conflict, match="was not blocked"):
        house.container.review.appeals.add(house.who, delivered.id, text=WHY)
    error = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    upstream.play({"otherwise": {"polls": 0, "ends": "refused", "error": error}})
    theirs = house.carry(house.order(**PAID))
    with pytest.raises(Conflict, match="blocked by its provider"):
        house.container.review.appeals.add(house.who, theirs.id, text=WHY)
    with pytest.raises(NotFound):
        house.container.review.appeals.add(house.who, "video_" + "0" * 32, text=WHY)
    stranger = replace(house.who, tenant=house.container.persistence.accounts.create_tenant("other").id)
    with pytest.raises(NotFound):
        house.container.review.appeals.add(stranger, refused(house).id, text=WHY)
    # The reference was never stored: such an order can only be sent again.
    clip = tmp_path / "reference.mp4"
    clip.write_bytes(tiny_clip())
    upload = Upload(field="input_reference", path=clip, filename="a.mp4", media_type="video/mp4")
    lost = refused(house, uploads=(upload,))
    assert (lost.explanation or {})["appeal"] is None
    with pytest.raises(Conflict, match="cannot be appealed"):
        house.container.review.appeals.add(house.who, lost.id, text=WHY)


def test_a_vaulted_block_offers_no_appeal(house: House) -> None:
    video = refused(house)
    with house.container.persistence.database.transaction(video.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == video.id, vaulted=True)
    with pytest.raises(Conflict, match="cannot be appealed"):
        house.container.review.appeals.add(house.who, video.id, text=WHY)


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001, "a\0b"])
def test_an_appeal_needs_a_reason(house: House, text: str) -> None:
    video = refused(house)
    with pytest.raises(InvalidField):
        house.container.review.appeals.add(house.who, video.id, text=text)
    assert house.container.review.reviews.list(reviewer(house)).cases == ()


def test_appeals_are_rate_limited(furnish: Callable[..., House]) -> None:
    house = furnish(limits={"reports_per_hour": 1})
    appealed(house, refused(house))
    with pytest.raises(RateLimited):
        appealed(house, refused(house))


@pytest.mark.both_databases
def test_of_concurrent_appeals_one_is_accepted(house: House) -> None:
    video = refused(house)
    taken: list[str] = []
    refusals: list[SafelightError] = []
    ready = threading.Barrier(4)

    def one() -> None:
        ready.wait()
        try:
            taken.append(house.container.review.appeals.add(house.who, video.id, text=WHY).id)
        except SafelightError as error:
            refusals.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refusals)) == (1, 3)
    with house.container.persistence.database.read_transaction(video.tenant) as tx:
        assert tx.count(tables.cases, tables.cases.c.video_id == video.id) == 1
