"""What people decide about held and reported videos, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.accounts.audit import verify
from safelight.cases.inputs import DecisionRequest
from safelight.core.errors import (
    CheckLimitExceeded,
    Conflict,
    Forbidden,
    InvalidField,
    NotFound,
    RateLimited,
    RequestBlocked,
    Unavailable,
    Withdrawn,
)
from safelight.policy.findings import SHIPPED, Stage
from safelight.provenance.manifest import remarks_of
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.detectors import text_marker
from safelight.videos.case_rows import Case, CaseKind, CaseState, DecisionAction
from safelight.videos.models import Video, VideoState
from safelight.videos.sweeper import Sweeper
from safelight.web.api.serializers import video_object
from safelight.web.console.video_view import StepStatus, video_view
from safelight.web.translations import load_languages
from support.clips import upload_of
from support.concurrency import run_together

from .conftest import Furnish, House
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
def held(furnish: Furnish, tmp_path: Path) -> Callable[..., House]:
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
    (case,) = house.reviews.list(who or reviewer(house)).items
    return case


def decide(house: House, case: Case, action: str, name: str = "ada") -> Any:
    return house.reviews.decide(
        reviewer(house, name),
        case.id,
        DecisionRequest(action=action, reason="Looked at it.", **house.ground()),
    )


def with_clip(house: House, folder: Path, prompt: str) -> Video:
    """A request with a clip as its reference, screened after submission because a scan takes time."""
    clip = folder / "reference.mp4"
    clip.write_bytes(tiny_clip())
    return house.order(prompt, uploads=(upload_of(clip),))


def test_an_approved_prompt_is_generated_and_neither_its_reference_nor_its_output_is_held_again(
    held: Furnish, tmp_path: Path
) -> None:
    house = held()
    video = with_clip(house, tmp_path, MARKED)
    assert video.state is VideoState.HELD
    case = only_case(house)
    assert (case.video_id, case.kind, case.stage) == (video.id, CaseKind.HOLD, Stage.PROMPT)
    assert (case.category, case.rule) == ("deception", "held-1")
    assert case.reason
    assert case.due_at == pytest.approx(video.review_due_at, abs=1)
    assert [action.value for action in case.actions] == ["approve", "refuse"]
    told = video.explanation
    assert told is not None
    assert (told["action"], told["rule"], told["categories"]) == ("hold", "held-1", ["deception"])
    assert told["message"].startswith("Held for review before generation.")
    assert (told["appeal"], told["retry"]["action"]) == (None, "never")

    decided = decide(house, case, "approve")
    assert (decided.case.state, decided.decision.decided_by) == (CaseState.DECIDED, "ada")
    done = house.carry(video)
    assert (done.state, done.explanation) == (VideoState.DELIVERED, None)
    record = house.record(video)
    assert record.seal is not None
    assert (done.reviewed, done.gaps_approved) == (True, False)
    events = [entry["event"] for entry in record.audit_log]
    assert [event for event in events if event.startswith("case.")] == ["case.opened", "case.approve"]


def test_a_new_finding_holds_an_approved_video_again(held: Furnish) -> None:
    """The approval covers the prompt; a coverage gap in the output holds the video again."""
    house = held()
    video = house.order(MARKED)
    decide(house, only_case(house), "approve")
    (waiver,) = house.container.persistence.waivers.list()
    house.container.persistence.waivers.revoke(waiver.id, revoked_by="a test")
    assert house.carry(video).state is VideoState.HELD
    case = only_case(house)
    assert (case.stage, case.state) == (Stage.OUTPUT, CaseState.OPEN)


def test_an_approved_reference_is_not_screened_again_and_an_approved_output_is_sealed_as_reviewed(
    furnish: Furnish, tmp_path: Path
) -> None:
    house = furnish()
    video = house.carry(with_clip(house, tmp_path, "a quiet lake"))
    assert (video.state, only_case(house).stage) == (VideoState.HELD, Stage.REFERENCE)
    decide(house, only_case(house), "approve")
    again = house.carry(video)
    assert (again.state, only_case(house).stage) == (VideoState.HELD, Stage.OUTPUT)
    decide(house, only_case(house), "approve")
    assert house.reread(video).state is VideoState.SEALING
    done = house.carry(video)
    assert done.state is VideoState.DELIVERED
    record = house.record(video)
    assert [made.stage for made in record.stages] == [Stage.PROMPT, Stage.REFERENCE, Stage.OUTPUT]
    assert record.seal is not None
    assert record.seal["facts"]["reviewed"]
    assert remarks_of(record.seal["facts"]) == ["gaps_approved"]
    shown = video_object(done)["safelight"]
    assert [shown[name] for name in ("outcome", "reviewed", "waived")] == ["approved_with_gaps", True, False]
    assert "sexual/minors (frames)" in shown["coverage"]["not checked"]
    english = load_languages()["en"]
    page = video_view(done, record, english, SHIPPED, now=0.0, installed=())
    assert page.message.startswith(
        "A reviewer approved this video although required checks were not completed: "
    )
    assert "None of the required checks" not in page.message
    assert {step.step: step.status for step in page.steps}["output"] is StepStatus.GAPS_APPROVED
    assert house.content(video).sha256 == done.sealed_sha256


def test_a_rejected_output_is_blocked_and_explained_and_its_quota_returned(furnish: Furnish) -> None:
    house = furnish(limits={"videos_per_day": 1})
    video = house.make()
    decide(house, only_case(house), "refuse")
    ended = house.reread(video)
    assert (ended.state, ended.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    assert ended.explanation is not None
    assert (ended.explanation["moderation_stage"], ended.explanation["reviewed"]) == ("output", True)
    assert "Looked at it" not in f"{ended.error_message}{ended.explanation}"
    house.order()


def test_a_rejected_prompt_ends_without_any_generation_and_cannot_be_decided_again(held: Furnish) -> None:
    house = held()
    video = house.order(MARKED)
    case = only_case(house)
    decide(house, case, "refuse", "ada")
    ended = house.reread(video)
    assert (ended.state, ended.error_code) == (VideoState.REJECTED, "sentinel_block")
    assert ended.explanation is not None
    assert ended.explanation["charged"]["charged"] == "no"
    assert house.carry(video).state is VideoState.REJECTED
    with pytest.raises(Conflict, match=r"was decided already: refuse\.$") as problem:
        decide(house, case, "approve", "ben")
    assert "ada" not in str(problem.value)
    decision = house.reviews.get(reviewer(house), case.id).decision
    assert decision is not None
    assert decision.action is DecisionAction.REFUSE
    assert verify(house.database, (), house.container.persistence.audit_checkpoint_key).ok


@pytest.mark.both_databases
def test_of_concurrent_decisions_one_is_accepted(held: Furnish) -> None:
    house = held()
    video = house.order(MARKED)
    case = only_case(house)
    actions = ["approve", "refuse"] * 3
    outcomes = run_together(
        [partial(decide, house, case, action, f"p{number}") for number, action in enumerate(actions)]
    )
    heard = [
        action
        for action, outcome in zip(actions, outcomes, strict=True)
        if not isinstance(outcome, (Conflict, Unavailable))
    ]
    assert len(heard) == 1
    state = house.reread(video).state
    assert state is (VideoState.QUEUED if heard == ["approve"] else VideoState.REJECTED)
    assert len(house.handed_over) <= 1
    with house.read_transaction() as tx:
        assert tx.count(tables.decisions) == 1


def test_a_decision_after_the_due_time_is_refused(held: Furnish) -> None:
    house = held(review={"due_minutes": 0.00001})
    house.order(MARKED)
    case = only_case(house)
    Sweeper(house.context, NoEngine()).sweep()  # type: ignore[arg-type]
    assert house.reviews.get(reviewer(house), case.id).case.state is CaseState.EXPIRED
    with pytest.raises(Conflict, match="Request the video again"):
        decide(house, case, "approve")
    assert house.reviews.list(reviewer(house)).items == ()


def test_time_in_review_does_not_count_towards_the_deadline(held: Furnish) -> None:
    house = held(generation={"deadline_s": 600})
    video = house.order(MARKED)
    house.change(video, created_at=video.created_at - 3600, deadline_at=video.created_at - 3600)
    decide(house, only_case(house), "approve")
    assert house.carry(video).state is VideoState.DELIVERED


def test_the_sweeper_enqueues_an_approved_video_that_the_queue_lost(held: Furnish) -> None:
    house = held()
    video = house.order(MARKED)
    decide(house, only_case(house), "approve")
    house.change(video, updated_at=0.0)
    engine = NoEngine()
    Sweeper(house.context, engine).sweep()  # type: ignore[arg-type]
    assert [each for each, _ in engine.handed_over] == [video.id]


def test_cases_are_for_reviewers_of_their_own_tenant(held: Furnish) -> None:
    house = held()
    house.order(MARKED)
    case, reviews, mine = only_case(house), house.reviews, reviewer(house)
    stranger = replace(mine, tenant=house.accounts.create_tenant("other").id)
    assert reviews.list(stranger).items == ()
    approval = DecisionRequest(action="approve", reason="x")
    for who, case_id in ((stranger, case.id), (mine, "case_" + "0" * 32), (mine, "nonsense")):
        with pytest.raises(NotFound):
            reviews.get(who, case_id)
    with pytest.raises(NotFound):
        reviews.decide(stranger, case.id, approval)
    reader = reviewer(house, "app", KeyScope.VIDEOS_READ)
    with pytest.raises(Forbidden):
        reviews.list(reader)
    with pytest.raises(Forbidden):
        reviews.decide(reviewer(house, "app", KeyScope.ADMIN), case.id, approval)
    assert (reviews.count_open(reader), reviews.count_open(mine)) == (0, 1)


def test_quarantined_cases_are_visible_with_the_vault_scope_only(held: Furnish) -> None:
    house = held()
    house.order(MARKED)
    case = only_case(house)
    with house.transaction() as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, quarantined=True)
    assert house.reviews.list(reviewer(house)).items == ()
    with pytest.raises(NotFound):
        decide(house, case, "approve")
    officer = reviewer(house, "officer", KeyScope.VAULT)
    assert only_case(house, officer).id == case.id
    house.reviews.decide(officer, case.id, DecisionRequest(action="approve", reason="Adults."))


def test_a_decision_without_a_reason_or_with_an_unknown_action_changes_nothing(held: Furnish) -> None:
    house = held()
    house.order(MARKED)
    case = only_case(house)
    for param, wrong in (
        ("reason", ("", "   ", "x" * 2001, "a\0b")),
        ("action", ("withdraw", "", "delete everything")),
    ):
        for value in wrong:
            request = DecisionRequest(**{"action": "approve", "reason": "x", param: value})
            with pytest.raises(InvalidField) as caught:
                house.reviews.decide(reviewer(house), case.id, request)
            assert caught.value.param == param
    assert only_case(house).state is CaseState.OPEN


def test_every_case_is_listed_once_across_pages(held: Furnish) -> None:
    house = held()
    ordered = {house.order(f"{MARKED} {number}").id for number in range(5)}
    seen: list[str] = []
    after = None
    while True:
        page = house.reviews.list(reviewer(house), after=after, limit=2)
        seen += [case.video_id for case in page.items]
        if not page.has_more:
            break
        after = page.items[-1].id
    assert len(seen) == 5
    assert set(seen) == ordered


# Reports


def delivered(house: House, **fields: Any) -> Video:
    video = house.make(**fields)
    assert video.state is VideoState.DELIVERED
    return video


def test_reports_of_one_video_join_one_case(house: House) -> None:
    video = delivered(house)
    first = house.report(video, category="likeness", note="That is me.")
    second = house.report(video, reason="other", end_user="user-7", contact="a@b.example")
    assert (first.already_reported, second.already_reported) == (False, True)
    assert first.report.case_id == second.report.case_id
    case = only_case(house)
    assert (case.kind, case.category) == (CaseKind.REPORT, "likeness")
    file = house.reviews.get(reviewer(house), case.id)
    assert file.reports == 2
    assert second.report.contact == "a@b.example"
    assert "a@b.example" not in str(file)


def test_a_dismissed_report_keeps_the_video_and_after_another_it_is_withdrawn(house: House) -> None:
    video = delivered(house)
    first = house.report(video, reason="other")
    decide(house, only_case(house), "keep")
    assert house.content(video).size > 0
    second = house.report(video, reason="likeness")
    assert second.report.case_id != first.report.case_id
    assert not second.already_reported
    decide(house, only_case(house), "withdraw")
    assert house.reread(video).state is VideoState.WITHDRAWN
    for variant in ("video", "thumbnail", "spritesheet"):
        with pytest.raises(Withdrawn):
            house.content(video, variant)
    kinds = {row.kind: row.retention for row in house.context.videos.files(video.tenant, video.id)}
    assert not kinds.keys() & {"thumbnail", "spritesheet"}
    assert kinds["sealed"] == "evidence"
    with pytest.raises(Withdrawn):
        house.report(video, reason="other")


def test_withdrawal_includes_all_descendants(house: House) -> None:
    first, second, third, other = (delivered(house) for _ in range(4))
    waiting = house.order()
    with house.transaction() as tx:
        tx.insert(
            tables.video_lineage,
            video_id=third.id,
            parent_id=second.id,
            derivation="edit",
            created_at=tx.now(),
        )
    # A circle cannot come about, and would not matter.
    for child, parent in ((second, first), (waiting, third), (first, third)):
        house.change(child, remixed_from=parent.id)
    changed = house.withdraw(first)
    assert set(changed) == {first.id, second.id, third.id, waiting.id}
    assert {house.reread(each).state for each in (first, second, third)} == {VideoState.WITHDRAWN}
    assert house.reread(other).state is VideoState.DELIVERED
    stopped = house.reread(waiting)
    assert (stopped.state, stopped.error_code) == (VideoState.FAILED, "withdrawn")
    with pytest.raises(Conflict):
        house.withdraw(first)


def test_only_delivered_videos_can_be_reported(house: House) -> None:
    video = delivered(house)
    with pytest.raises(Conflict):
        house.report(house.order(), reason="other")
    with pytest.raises(NotFound):
        house.report(replace(video, id="video_" + "0" * 32), reason="other")
    for wrong in ({}, {"reason": "other", "note": "x" * 4001}):
        with pytest.raises(InvalidField):
            house.report(video, **wrong)
    with pytest.raises(InvalidField, match="Did you mean"):
        house.report(video, category="likenes")
    house.who = house.stranger()
    with pytest.raises(NotFound):
        house.report(video, reason="other")


def test_reports_are_rate_limited_and_accepted_ones_are_kept(furnish: Furnish) -> None:
    house = furnish(limits={"reports_per_hour": 3})
    house.waive()
    video = delivered(house)
    for _ in range(3):
        house.report(video, reason="other")
    with pytest.raises(RateLimited) as caught:
        house.report(video, reason="other")
    assert caught.value.code == "rate_limited"
    assert 0 < (caught.value.retry_after_s or 0) <= 3660
    assert house.reviews.get(reviewer(house), only_case(house).id).reports == 3


# Probe budgets


def test_blocked_requests_use_up_the_check_limits_and_later_ones_are_not_screened(furnish: Furnish) -> None:
    house = furnish(limits={"checks_per_hour": 3, "end_user_checks_per_hour": 1})
    house.waive()

    def block(**fields: Any) -> None:
        with pytest.raises(RequestBlocked):
            house.order("SAFELIGHT-TEST:violence", **fields)

    block(safety_identifier="u1")
    with pytest.raises(CheckLimitExceeded):
        house.order("a quiet lake", safety_identifier="u1")
    house.order("a quiet lake", safety_identifier="u2")
    house.order("a quiet lake")
    block()
    block()
    with pytest.raises(CheckLimitExceeded) as caught:
        house.order("a quiet lake")
    assert 0 < (caught.value.retry_after_s or 0) <= 3660
    with house.read_transaction() as tx:
        assert tx.count(tables.videos) == 5
