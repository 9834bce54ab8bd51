"""What people decide about held and reported videos, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.errors import (
    CheckLimitExceeded,
    Conflict,
    Forbidden,
    InvalidField,
    NotFound,
    RateLimited,
    RequestBlocked,
    SafelightError,
    Unavailable,
    Withdrawn,
)
from safelight.jobs.models import Video
from safelight.jobs.states import VideoState
from safelight.jobs.sweeper import Sweeper
from safelight.moderation.request import Upload
from safelight.policy.findings import Stage
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.detectors import text_marker
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.audit import verify
from safelight.trust.reports import NewReport
from safelight.trust.reviews import Case, CaseKind, CaseState, DecisionAction, DecisionRequest
from support.house import withdraw

from .conftest import House
from .test_video_lifecycle import NoEngine

MARKED = "a quiet lake MARKER"
POLICY = """
policy: house
extends: starter
rules:
  - id: held-1
    reason: A marked word.
    when: {category: deception, modality: text, score: {at_least: 0.5}}
    action: hold
"""


@pytest.fixture
def held(furnish: Callable[..., House], tmp_path: Path) -> Callable[..., House]:
    """Make a house whose policy holds a marked prompt; waivers excuse what no model sees."""

    def make(**settings: Any) -> House:
        document = tmp_path / "house.yaml"
        document.write_text(POLICY)
        marker = text_marker(category="deception", score=0.9)
        house = furnish(marker, policy={"document": str(document)}, **settings)
        house.waive()
        return house

    return make


def reviewer(house: House, name: str = "ada", *scopes: KeyScope) -> Principal:
    return Principal(
        tenant=house.container.persistence.tenant,
        id=name,
        kind=PrincipalKind.PERSON,
        name=name,
        scopes=frozenset(scopes or {KeyScope.REVIEW}),
    )


def only_case(house: House, who: Principal | None = None) -> Case:
    (case,) = house.container.review.reviews.list(who or reviewer(house)).cases
    return case


def decide(house: House, case: Case, action: str, name: str = "ada") -> Any:
    return house.container.review.reviews.decide(
        reviewer(house, name),
        case.id,
        DecisionRequest(action=action, reason="Looked at it.", **house.ground()),
    )


def test_a_held_prompt_opens_a_case_with_reason_and_due_time(held: Callable[..., House]) -> None:
    house = held()
    video = house.order(MARKED)
    assert video.state is VideoState.HELD
    case = only_case(house)
    assert (case.video_id, case.kind, case.stage) == (video.id, CaseKind.HOLD, Stage.PROMPT)
    assert (case.category, case.rule) == ("deception", "held-1")
    assert case.reason
    assert case.due_at == pytest.approx(video.review_due_at, abs=1)
    assert [action.value for action in case.actions] == ["approve", "refuse"]


def test_a_held_video_carries_the_explanation_of_its_hold_until_it_continues(
    held: Callable[..., House],
) -> None:
    house = held()
    video = house.order(MARKED)
    told = video.explanation
    assert told is not None
    assert (told["action"], told["rule"], told["categories"]) == ("hold", "held-1", ["deception"])
    assert told["message"].startswith("Held for review before generation.")
    assert (told["appeal"], told["retry"]["action"]) == (None, "never")

    decide(house, only_case(house), "approve")
    assert house.carry(video).explanation is None


def test_an_approved_prompt_is_generated_and_does_not_hold_the_output_again(
    held: Callable[..., House],
) -> None:
    house = held()
    video = house.order(MARKED)
    decided = decide(house, only_case(house), "approve")
    assert decided.case.state is CaseState.DECIDED
    assert decided.decision.decided_by == "ada"
    done = house.carry(video)
    assert done.state is VideoState.DELIVERED
    record = house.videos.record(house.who, video.id)
    seal = record.seal
    assert seal is not None
    assert house.snapshot(video).reviewed
    assert [entry["event"] for entry in record.audit_log if entry["event"].startswith("case.")] == [
        "case.opened",
        "case.approve",
    ]


def test_a_new_finding_holds_an_approved_video_again(held: Callable[..., House]) -> None:
    """The approval covers the prompt; a coverage gap in the output holds the video again."""
    house = held()
    video = house.order(MARKED)
    decide(house, only_case(house), "approve")
    (waiver,) = house.container.persistence.waivers.list()
    house.container.persistence.waivers.revoke(waiver.id, revoked_by="a test")
    again = house.carry(video)
    assert again.state is VideoState.HELD
    case = only_case(house)
    assert (case.stage, case.state) == (Stage.OUTPUT, CaseState.OPEN)


def with_clip(house: House, folder: Path, prompt: str) -> Video:
    """A request with a clip as its reference, screened after submission because a scan takes time."""
    clip = folder / "reference.mp4"
    clip.write_bytes(tiny_clip())
    upload = Upload(field="input_reference", path=clip, filename="a.mp4", media_type="video/mp4")
    return house.order(prompt, uploads=(upload,))


def test_an_approved_prompt_does_not_hold_its_reference(held: Callable[..., House], tmp_path: Path) -> None:
    house = held()
    video = with_clip(house, tmp_path, MARKED)
    assert video.state is VideoState.HELD
    decide(house, only_case(house), "approve")
    assert house.carry(video).state is VideoState.DELIVERED


def test_an_approved_reference_is_not_screened_again(furnish: Callable[..., House], tmp_path: Path) -> None:
    house = furnish()
    video = house.carry(with_clip(house, tmp_path, "a quiet lake"))
    assert (video.state, only_case(house).stage) == (VideoState.HELD, Stage.REFERENCE)
    decide(house, only_case(house), "approve")
    again = house.carry(video)
    assert (again.state, only_case(house).stage) == (VideoState.HELD, Stage.OUTPUT)
    decide(house, only_case(house), "approve")
    assert house.carry(video).state is VideoState.DELIVERED
    stages = [made.stage for made in house.videos.record(house.who, video.id).stages]
    assert stages == [Stage.PROMPT, Stage.REFERENCE, Stage.OUTPUT]


def test_an_approved_output_is_sealed_as_reviewed(furnish: Callable[..., House]) -> None:
    house = furnish()
    video = house.carry(house.order())
    assert video.state is VideoState.HELD
    decide(house, only_case(house), "approve")
    assert house.videos.get(house.who, video.id).state is VideoState.SEALING
    done = house.carry(video)
    assert done.state is VideoState.DELIVERED
    record = house.videos.record(house.who, video.id)
    assert record.seal is not None
    assert "reviewed" in str(record.seal["facts"])
    assert house.videos.content(house.who, video.id, "video").sha256 == done.sealed_sha256


def test_a_rejected_output_is_blocked_and_explained_and_its_quota_returned(
    furnish: Callable[..., House],
) -> None:
    house = furnish(limits={"videos_per_day": 1})
    video = house.carry(house.order())
    decide(house, only_case(house), "refuse")
    ended = house.videos.get(house.who, video.id)
    assert (ended.state, ended.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    assert ended.explanation is not None
    assert (ended.explanation["moderation_stage"], ended.explanation["reviewed"]) == ("output", True)
    assert "Looked at it" not in f"{ended.error_message}{ended.explanation}"
    house.order()


def test_a_rejected_prompt_ends_without_any_generation(held: Callable[..., House]) -> None:
    house = held()
    video = house.order(MARKED)
    decide(house, only_case(house), "refuse")
    ended = house.videos.get(house.who, video.id)
    assert (ended.state, ended.error_code) == (VideoState.REJECTED, "sentinel_block")
    assert ended.explanation is not None
    assert ended.explanation["charged"]["charged"] == "no"
    assert house.carry(video).state is VideoState.REJECTED


def test_a_second_decision_is_refused_without_the_name_of_the_first_reviewer(
    held: Callable[..., House],
) -> None:
    house = held()
    house.order(MARKED)
    case = only_case(house)
    decide(house, case, "refuse", "ada")
    with pytest.raises(Conflict, match=r"was decided already: refuse\.$") as problem:
        decide(house, case, "approve", "ben")
    assert "ada" not in str(problem.value)


@pytest.mark.both_databases
def test_of_concurrent_decisions_one_is_accepted(held: Callable[..., House]) -> None:
    house = held()
    video = house.order(MARKED)
    case = only_case(house)
    heard: list[str] = []
    refused: list[SafelightError] = []
    ready = threading.Barrier(6)

    def one(name: str, action: str) -> None:
        ready.wait()
        try:
            decide(house, case, action, name)
            heard.append(action)
        except (Conflict, Unavailable) as error:
            refused.append(error)

    threads = [
        threading.Thread(target=one, args=(f"p{number}", ("approve", "refuse")[number % 2]))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(heard), len(refused)) == (1, 5)
    state = house.videos.get(house.who, video.id).state
    assert state is (VideoState.QUEUED if heard == ["approve"] else VideoState.REJECTED)
    assert len(house.handed_over) <= 1
    with house.container.persistence.database.read_transaction(video.tenant) as tx:
        assert tx.count(tables.decisions) == 1


def test_a_decision_after_the_due_time_is_refused(held: Callable[..., House]) -> None:
    house = held(review={"due_minutes": 0.00001})
    house.order(MARKED)
    case = only_case(house)
    Sweeper(house.container.pipeline.context, NoEngine()).sweep()  # type: ignore[arg-type]
    assert house.container.review.reviews.get(reviewer(house), case.id).case.state is CaseState.EXPIRED
    with pytest.raises(Conflict, match="Request the video again"):
        decide(house, case, "approve")
    assert house.container.review.reviews.list(reviewer(house)).cases == ()


def test_time_in_review_does_not_count_towards_the_deadline(held: Callable[..., House]) -> None:
    house = held(generation={"deadline_s": 600})
    video = house.order(MARKED)
    with house.container.persistence.database.transaction(video.tenant) as tx:
        long_ago = video.created_at - 3600
        tx.update(tables.videos, tables.videos.c.id == video.id, created_at=long_ago, deadline_at=long_ago)
    decide(house, only_case(house), "approve")
    assert house.carry(video).state is VideoState.DELIVERED


def test_the_sweeper_enqueues_an_approved_video_that_the_queue_lost(held: Callable[..., House]) -> None:
    house = held()
    video = house.order(MARKED)
    decide(house, only_case(house), "approve")
    with house.container.persistence.database.transaction(video.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == video.id, updated_at=0.0)
    engine = NoEngine()
    Sweeper(house.container.pipeline.context, engine).sweep()  # type: ignore[arg-type]
    assert [each for each, _ in engine.handed_over] == [video.id]


def test_cases_are_for_reviewers_of_their_own_tenant(held: Callable[..., House]) -> None:
    house = held()
    house.order(MARKED)
    case = only_case(house)
    stranger = replace(reviewer(house), tenant=house.container.persistence.accounts.create_tenant("other").id)
    assert house.container.review.reviews.list(stranger).cases == ()
    for call in (
        lambda: house.container.review.reviews.get(stranger, case.id),
        lambda: house.container.review.reviews.decide(
            stranger, case.id, DecisionRequest(action="approve", reason="x")
        ),
        lambda: house.container.review.reviews.get(reviewer(house), "case_" + "0" * 32),
        lambda: house.container.review.reviews.get(reviewer(house), "nonsense"),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(Forbidden):
        house.container.review.reviews.list(reviewer(house, "app", KeyScope.VIDEOS_READ))
    with pytest.raises(Forbidden):
        house.container.review.reviews.decide(
            reviewer(house, "app", KeyScope.ADMIN), case.id, DecisionRequest(action="approve", reason="x")
        )
    assert house.container.review.reviews.count_open(reviewer(house, "app", KeyScope.VIDEOS_READ)) == 0
    assert house.container.review.reviews.count_open(reviewer(house)) == 1


def test_quarantined_cases_are_visible_with_the_vault_scope_only(held: Callable[..., House]) -> None:
    house = held()
    house.order(MARKED)
    case = only_case(house)
    with house.container.persistence.database.transaction(house.container.persistence.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, quarantined=True)
    assert house.container.review.reviews.list(reviewer(house)).cases == ()
    with pytest.raises(NotFound):
        decide(house, case, "approve")
    officer = reviewer(house, "officer", KeyScope.VAULT)
    assert only_case(house, officer).id == case.id
    house.container.review.reviews.decide(
        officer, case.id, DecisionRequest(action="approve", reason="Adults.")
    )


@pytest.mark.parametrize(
    ("action", "reason", "param"),
    [
        ("approve", "", "reason"),
        ("approve", "   ", "reason"),
        ("approve", "x" * 2001, "reason"),
        ("approve", "a\0b", "reason"),
        ("withdraw", "x", "action"),
        ("", "x", "action"),
        ("delete everything", "x", "action"),
    ],
)
def test_a_decision_without_a_reason_changes_nothing(
    held: Callable[..., House], action: str, reason: str, param: str
) -> None:
    house = held()
    house.order(MARKED)
    case = only_case(house)
    with pytest.raises(InvalidField) as caught:
        house.container.review.reviews.decide(
            reviewer(house), case.id, DecisionRequest(action=action, reason=reason)
        )
    assert caught.value.param == param
    assert only_case(house).state is CaseState.OPEN


def test_every_case_is_listed_once_across_pages(held: Callable[..., House]) -> None:
    house = held()
    ordered = {house.order(f"{MARKED} {number}").id for number in range(5)}
    seen: list[str] = []
    after = None
    while True:
        page = house.container.review.reviews.list(reviewer(house), after=after, limit=2)
        seen += [case.video_id for case in page.cases]
        if not page.has_more:
            break
        after = page.cases[-1].id
    assert len(seen) == 5
    assert set(seen) == ordered


# Reports


def delivered(house: House, **fields: Any) -> Video:
    video = house.carry(house.order(**fields))
    assert video.state is VideoState.DELIVERED
    return video


def test_reports_of_one_video_join_one_case(house: House) -> None:
    video = delivered(house)
    first = house.container.review.reports.add(
        house.who,
        NewReport(
            video_id=video.id,
            category="likeness",
            note="That is me.",
        ),
    )
    second = house.container.review.reports.add(
        house.who,
        NewReport(
            video_id=video.id,
            reason="other",
            end_user="user-7",
            contact="a@b.example",
        ),
    )
    assert (first.already_reported, second.already_reported) == (False, True)
    assert first.report.case_id == second.report.case_id
    case = only_case(house)
    assert (case.kind, case.category) == (CaseKind.REPORT, "likeness")
    file = house.container.review.reviews.get(reviewer(house), case.id)
    assert file.reports == 2
    assert second.report.contact == "a@b.example"
    assert "a@b.example" not in str(file)


def test_a_dismissed_report_keeps_the_video_and_a_later_report_opens_a_new_case(house: House) -> None:
    video = delivered(house)
    first = house.container.review.reports.add(
        house.who,
        NewReport(
            video_id=video.id,
            reason="other",
        ),
    )
    decide(house, only_case(house), "keep")
    assert house.videos.content(house.who, video.id, "video").size > 0
    second = house.container.review.reports.add(
        house.who,
        NewReport(
            video_id=video.id,
            reason="other",
        ),
    )
    assert second.report.case_id != first.report.case_id
    assert not second.already_reported


def test_a_withdrawn_video_has_no_content(house: House) -> None:
    video = delivered(house)
    house.container.review.reports.add(
        house.who,
        NewReport(
            video_id=video.id,
            reason="likeness",
        ),
    )
    decide(house, only_case(house), "withdraw")
    assert house.videos.get(house.who, video.id).state is VideoState.WITHDRAWN
    for variant in ("video", "thumbnail", "spritesheet"):
        with pytest.raises(Withdrawn):
            house.videos.content(house.who, video.id, variant)
    kinds = {
        row.kind: row.retention
        for row in house.container.pipeline.context.videos.files(video.tenant, video.id)
    }
    assert "thumbnail" not in kinds
    assert "spritesheet" not in kinds
    assert kinds["sealed"] == "evidence"
    with pytest.raises(Withdrawn):
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id=video.id,
                reason="other",
            ),
        )


def test_withdrawal_includes_all_descendants(house: House) -> None:
    first, second, third, other = (delivered(house) for _ in range(4))
    waiting = house.order()
    with house.container.persistence.database.transaction(first.tenant) as tx:
        videos = tables.videos.c
        tx.update(tables.videos, videos.id == second.id, remixed_from=first.id)
        tx.insert(
            tables.video_lineage,
            video_id=third.id,
            parent_id=second.id,
            derivation="edit",
            created_at=tx.now(),
        )
        tx.update(tables.videos, videos.id == waiting.id, remixed_from=third.id)
        # A circle cannot come about, and would not matter.
        tx.update(tables.videos, videos.id == first.id, remixed_from=third.id)
    changed = withdraw(house.container.pipeline.context, first, actor="ada", why="a court said so")
    assert set(changed) == {first.id, second.id, third.id, waiting.id}
    states = {each.id: house.videos.get(house.who, each.id).state for each in (first, second, third, other)}
    assert states == {
        first.id: VideoState.WITHDRAWN,
        second.id: VideoState.WITHDRAWN,
        third.id: VideoState.WITHDRAWN,
        other.id: VideoState.DELIVERED,
    }
    stopped = house.videos.get(house.who, waiting.id)
    assert (stopped.state, stopped.error_code) == (VideoState.FAILED, "withdrawn")
    with pytest.raises(Conflict):
        withdraw(house.container.pipeline.context, first, actor="ada", why="again")


def test_only_delivered_videos_can_be_reported(house: House) -> None:
    waiting = house.order()
    with pytest.raises(Conflict):
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id=waiting.id,
                reason="other",
            ),
        )
    with pytest.raises(NotFound):
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id="video_" + "0" * 32,
                reason="other",
            ),
        )
    video = delivered(house)
    stranger = replace(house.who, tenant=house.container.persistence.accounts.create_tenant("other").id)
    with pytest.raises(NotFound):
        house.container.review.reports.add(
            stranger,
            NewReport(
                video_id=video.id,
                reason="other",
            ),
        )
    with pytest.raises(InvalidField):
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id=video.id,
            ),
        )
    with pytest.raises(InvalidField, match="Did you mean"):
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id=video.id,
                category="likenes",
            ),
        )
    with pytest.raises(InvalidField):
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id=video.id,
                reason="other",
                note="x" * 4001,
            ),
        )


def test_reports_are_rate_limited_and_accepted_ones_are_kept(furnish: Callable[..., House]) -> None:
    house = furnish(limits={"reports_per_hour": 3})
    house.waive()
    video = delivered(house)
    for _ in range(3):
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id=video.id,
                reason="other",
            ),
        )
    with pytest.raises(RateLimited) as caught:
        house.container.review.reports.add(
            house.who,
            NewReport(
                video_id=video.id,
                reason="other",
            ),
        )
    assert caught.value.code == "rate_limited"
    assert 0 < (caught.value.retry_after_s or 0) <= 3660
    assert house.container.review.reviews.get(reviewer(house), only_case(house).id).reports == 3


# Probe budgets


def test_blocked_requests_use_up_the_check_limit_and_later_ones_are_not_screened(
    furnish: Callable[..., House],
) -> None:
    house = furnish(limits={"checks_per_hour": 2})
    house.waive()
    for _ in range(2):
        with pytest.raises(RequestBlocked):
            house.order("SAFELIGHT-TEST:violence")
    with pytest.raises(CheckLimitExceeded) as caught:
        house.order("a quiet lake")
    assert 0 < (caught.value.retry_after_s or 0) <= 3660
    with house.container.persistence.database.read_transaction(house.container.persistence.tenant) as tx:
        assert tx.count(tables.videos) == 2


def test_an_end_user_has_a_check_limit_of_their_own(furnish: Callable[..., House]) -> None:
    house = furnish(limits={"end_user_checks_per_hour": 1})
    house.waive()
    with pytest.raises(RequestBlocked):
        house.order("SAFELIGHT-TEST:violence", safety_identifier="u1")
    with pytest.raises(CheckLimitExceeded):
        house.order("a quiet lake", safety_identifier="u1")
    house.order("a quiet lake", safety_identifier="u2")
    house.order("a quiet lake")


def test_every_decision_is_recorded_and_the_audit_log_verifies(held: Callable[..., House]) -> None:
    house = held()
    house.order(MARKED)
    case = only_case(house)
    decide(house, case, "refuse")
    checked = verify(
        house.container.persistence.database, (), house.container.persistence.audit_checkpoint_key
    )
    assert checked.ok
    assert (
        house.container.review.reviews.get(reviewer(house), case.id).decision.action is DecisionAction.REFUSE
    )  # type: ignore[union-attr]
