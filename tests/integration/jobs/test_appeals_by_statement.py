"""Appeals against withdrawals and rejected reports, and on behalf of end users, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from safelight.errors import Conflict, Forbidden, IdempotencyKeyReused, NotFound
from safelight.jobs.models import Video
from safelight.jobs.states import VideoState
from safelight.jobs.withdrawal import is_withdrawn, withdraw
from safelight.store import tables
from safelight.trust.accounts import PrincipalKind
from safelight.trust.appeals import Appeal, NewAppeal
from safelight.trust.appeals.store import find_repeated
from safelight.trust.reports import NewReport
from safelight.trust.reviews import CaseKind
from safelight.trust.statements import OBJECTION_S, Objection, Statement, StatementKind, StatementQuery

from .conftest import House
from .test_appeals import refused, released
from .test_decisions import decide, delivered, reviewer


def statements_to(house: House, end_user: str) -> tuple[Statement, ...]:
    service = house.container.review.statements
    return service.find(house.who, StatementQuery(end_user=end_user)).statements


def about(house: House, video: Video) -> tuple[Statement, ...]:
    service = house.container.review.statements
    return service.find(house.who, StatementQuery(video_id=video.id)).statements


def send(house: House, **fields: Any) -> Appeal:
    new = NewAppeal(**{"text": "Please look again.", **fields})
    return house.container.review.appeals.send(house.who, new)


def decide_appeal(house: House, appeal: Appeal, action: str, name: str = "ben") -> None:
    case = house.container.review.reviews.get(reviewer(house, name), appeal.case_id).case
    assert case.kind is CaseKind.APPEAL
    decide(house, case, action, name)


def reported(house: House, video: Video, action: str, *, end_user: str = "reader-3") -> None:
    receipt = house.container.review.reports.add(
        house.who, NewReport(video_id=video.id, reason="offensive", end_user=end_user)
    )
    case = house.container.review.reviews.get(reviewer(house), receipt.report.case_id or "").case
    decide(house, case, action)


def test_a_won_appeal_delivers_a_withdrawn_file_again_as_it_was_sealed(house: House) -> None:
    video = delivered(house, safety_identifier="user-7")
    withdraw(house.container.pipeline.context, video, actor="ada", why="a court said so")
    database = house.container.persistence.database
    assert is_withdrawn(database, video.id)
    decide_appeal(house, send(house, video_id=video.id), "overturn")
    assert is_withdrawn(database, video.id)
    again = house.carry(released(house, video))
    assert (again.state, again.sealed_sha256) == (VideoState.DELIVERED, video.sealed_sha256)
    for variant in ("video", "thumbnail"):
        assert house.videos.content(house.who, again.id, variant).size > 0
    assert house.videos.get(house.who, video.id).state is VideoState.WITHDRAWN
    assert not is_withdrawn(database, video.id)
    kinds = [made.content.kind for made in statements_to(house, "user-7")]
    assert kinds == [StatementKind.REINSTATED, StatementKind.WITHDRAWN]
    withdraw(house.container.pipeline.context, again, actor="ada", why="again")
    assert is_withdrawn(database, video.id)


def test_a_reporter_is_told_that_a_video_stays_and_can_appeal(house: House) -> None:
    video = delivered(house)
    reported(house, video, "keep")
    (told,) = statements_to(house, "reader-3")
    assert told.content.kind is StatementKind.REPORT_REJECTED
    assert about(house, video) == ()
    appeal = send(house, statement_id=told.id, end_user="reader-3")
    with pytest.raises(Forbidden):
        decide_appeal(house, appeal, "overturn", "ada")
    decide_appeal(house, appeal, "overturn")
    assert house.videos.get(house.who, video.id).state is VideoState.WITHDRAWN
    (withdrawn,) = about(house, video)
    assert withdrawn.content.kind is StatementKind.WITHDRAWN
    assert "reader-3" not in repr(withdrawn)
    assert statements_to(house, "reader-3")[0].content.kind is StatementKind.REPORT_UPHELD


def test_two_people_who_reported_one_video_appeal_at_the_same_time(house: House) -> None:
    video = delivered(house)
    sent = []
    for end_user in ("reader-3", "reader-4"):
        reported(house, video, "keep", end_user=end_user)
    for end_user in ("reader-3", "reader-4"):
        told = statements_to(house, end_user)[0]
        sent.append(send(house, statement_id=told.id, end_user=end_user))
    first, second = sent
    assert first.case_id != second.case_id
    decide_appeal(house, first, "uphold")
    decide_appeal(house, second, "overturn", "cleo")
    assert house.videos.get(house.who, video.id).state is VideoState.WITHDRAWN


def test_a_rejected_appeal_is_stated_with_the_clause_and_without_the_note(house: House) -> None:
    video = delivered(house, safety_identifier="user-7")
    reported(house, video, "withdraw")
    assert statements_to(house, "reader-3")[0].content.kind is StatementKind.REPORT_UPHELD
    decide_appeal(house, send(house, video_id=video.id), "uphold")
    last = statements_to(house, "user-7")[0]
    assert last.content.kind is StatementKind.APPEAL_REJECTED
    assert not last.content.automated_decision
    assert last.objection_until is None
    with pytest.raises(Conflict):
        send(house, video_id=video.id)


def test_an_end_user_reads_and_appeals_only_what_addresses_them(house: House) -> None:
    refused(house, safety_identifier="user-7")
    (made,) = statements_to(house, "user-7")
    statements = house.container.review.statements
    assert statements_to(house, "user-8") == ()
    with pytest.raises(NotFound):
        statements.get(house.who, made.id, end_user="user-8")
    with pytest.raises(NotFound):
        send(house, statement_id=made.id, end_user="user-8")
    appeal = send(house, statement_id=made.id, end_user="user-7")
    assert appeal.statement_id == made.id
    of_statement = house.container.review.appeals.of_statement
    assert of_statement(house.who, made.id, end_user="user-7") == appeal
    with pytest.raises(NotFound):
        of_statement(house.who, made.id, end_user="user-8")


def test_the_same_appeal_with_the_same_key_is_recorded_once(house: House) -> None:
    refused(house, safety_identifier="user-7")
    (made,) = statements_to(house, "user-7")
    first = send(house, statement_id=made.id, idempotency_key="k1")
    assert send(house, statement_id=made.id, idempotency_key="k1") == first
    with pytest.raises(IdempotencyKeyReused):
        send(house, statement_id=made.id, idempotency_key="k1", text="Something else.")
    with pytest.raises(Conflict):
        send(house, statement_id=made.id, idempotency_key="k2")


def test_an_appeal_is_possible_for_six_months(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(house, safety_identifier="user-7")
    (made,) = statements_to(house, "user-7")
    monkeypatch.setattr(house.container.persistence.database, "clock", lambda: made.at + OBJECTION_S + 1.0)
    with pytest.raises(Conflict, match="time to appeal"):
        send(house, statement_id=made.id)


def test_a_withdrawn_file_that_is_not_stored_any_more_cannot_be_released(house: House) -> None:
    video = delivered(house)
    withdraw(house.container.pipeline.context, video, actor="ada", why="a court said so")
    appeal = send(house, video_id=video.id)
    with house.container.persistence.database.transaction(video.tenant) as tx:
        tx.update(tables.assets, tables.assets.c.video_id == video.id, deleted_at=tx.now())
    with pytest.raises(Conflict, match="not stored"):
        decide_appeal(house, appeal, "overturn")


def test_who_waited_for_a_stopped_video_is_told_so_and_offered_no_appeal(house: House) -> None:
    source, video = delivered(house), house.order("a paper boat")
    with house.container.persistence.database.transaction(video.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == video.id, remixed_from=source.id)
    withdraw(house.container.pipeline.context, source, actor="ada", why="a court said so")
    (told,) = about(house, video)
    assert (told.content.kind, told.content.objection) == (StatementKind.STOPPED, Objection.OPERATOR)
    assert told.objection_until is None
    with pytest.raises(Conflict):
        send(house, statement_id=told.id)


def test_two_end_users_with_the_same_name_get_answers_of_their_own(house: House) -> None:
    video = delivered(house)
    keys = [replace(house.who, id=f"key_{number}", kind=PrincipalKind.KEY) for number in (1, 2)]
    reports, statements = house.container.review.reports, house.container.review.statements
    for key in keys:
        receipt = reports.add(key, NewReport(video_id=video.id, reason="offensive", end_user="anna"))
    case = house.container.review.reviews.get(reviewer(house), receipt.report.case_id or "").case
    decide(house, case, "keep")
    told = [statements.find(key, StatementQuery(end_user="anna")).statements for key in keys]
    assert [len(found) for found in told] == [1, 1]
    (first,), (second,) = told
    assert first.id != second.id
    appeals = house.container.review.appeals
    for end_user in ("anna", None):
        with pytest.raises(NotFound):
            appeals.send(keys[1], NewAppeal(statement_id=first.id, end_user=end_user, text="Look again."))
    sent = appeals.send(keys[0], NewAppeal(statement_id=first.id, end_user="anna", text="Look again."))
    decide_appeal(house, sent, "uphold")
    assert not statements.find(keys[1], StatementQuery(end_user="anna", after=second.id)).statements
    assert len(statements.find(keys[0], StatementQuery(end_user="anna")).statements) == 2


def test_another_key_of_the_tenant_cannot_find_out_who_reported_a_video(house: House) -> None:
    video = delivered(house, safety_identifier="creator-1")
    reported(house, video, "keep", end_user="reporter-9")
    (told,) = statements_to(house, "reporter-9")
    sent = send(house, statement_id=told.id, end_user="reporter-9")
    accounts = house.container.persistence.accounts
    _, token = accounts.create_key(house.who.tenant, "the creator")
    creator = accounts.authenticate(token)
    appeals, statements = house.container.review.appeals, house.container.review.statements
    with pytest.raises(NotFound):
        appeals.get(creator, video.id)
    with pytest.raises(NotFound):
        appeals.of_statement(creator, told.id)
    with pytest.raises(NotFound):
        statements.get(creator, told.id)
    # Nor by trying the names of its own end users.
    assert not statements.find(creator, StatementQuery(end_user="reporter-9")).statements
    for read in (statements.get, appeals.of_statement):
        with pytest.raises(NotFound):
            read(creator, told.id, end_user="reporter-9")
    assert appeals.of_statement(house.who, told.id, end_user="reporter-9") == sent
    decide_appeal(house, sent, "uphold")
    withdraw(house.container.pipeline.context, video, actor="ada", why="a court said so")
    (withdrawn,) = about(house, video)
    assert statements.get(creator, withdrawn.id) == withdrawn
    own = send(house, video_id=video.id)
    assert appeals.get(creator, video.id) == own == appeals.of_statement(creator, withdrawn.id)


def test_an_appeal_that_is_sent_twice_at_the_same_time_is_recorded_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(house, safety_identifier="user-7")
    (made,) = statements_to(house, "user-7")
    first = send(house, statement_id=made.id, idempotency_key="k1")
    skipped = iter([True])
    # The first look is before the other request commits, the second one when the statement is locked.
    monkeypatch.setattr(
        "safelight.trust.appeals.service.find_repeated",
        lambda tx, new: None if next(skipped, False) else find_repeated(tx, new),
    )
    again = send(house, statement_id=made.id, idempotency_key="k1")
    assert again == first
