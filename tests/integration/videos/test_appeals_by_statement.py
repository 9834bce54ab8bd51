"""Appeals against withdrawals and rejected reports, and on behalf of end users, on both databases."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from safelight.accounts import OPERATOR, ROLES, KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.audit import read_history
from safelight.accounts.statements import (
    OBJECTION_S,
    GroundBasis,
    Objection,
    Statement,
    StatementKind,
    StatementQuery,
    describe,
)
from safelight.cases.appeals import Appeal, NewAppeal, find_repeated
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reports import NewReport, Receipt
from safelight.core.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidField,
    NotFound,
    Withdrawn,
)
from safelight.policy.explanations import ExplanationLevel
from safelight.store import tables
from safelight.store.key_ring import KeyRing
from safelight.videos.case_rows import CaseKind
from safelight.videos.models import Video, VideoState
from safelight.videos.withdrawal import is_withdrawn

from .conftest import House
from .test_appeals import refused, released
from .test_decisions import decide, delivered, reviewer
from .test_standing import person
from .test_standing_story import Api, key_for


def statements_to(house: House, end_user: str) -> tuple[Statement, ...]:
    return house.statements.find(house.who, StatementQuery(end_user=end_user)).items


def about(house: House, video: Video) -> tuple[Statement, ...]:
    return house.statements.find(house.who, StatementQuery(video_id=video.id)).items


def rejected(house: House, end_user: str = "user-7") -> Statement:
    """The statement to an end user about a prompt that was blocked."""
    refused(house, safety_identifier=end_user)
    return statements_to(house, end_user)[0]


def send(house: House, **fields: Any) -> Appeal:
    return house.appeals.send(house.who, NewAppeal(**{"text": "Please look again.", **fields}))


def note_of(house: House, appeal: Appeal) -> Any:
    """What the reviewer reads of the only appeal in the case."""
    (note,) = house.reviews.get(reviewer(house), appeal.case_id).notes
    return note


def decide_appeal(house: House, appeal: Appeal, action: str, name: str = "ben") -> None:
    case = house.reviews.get(reviewer(house, name), appeal.case_id).case
    assert case.kind is CaseKind.APPEAL
    decide(house, case, action, name)


def decide_report(house: House, receipt: Receipt, action: str) -> None:
    decide(house, house.reviews.get(reviewer(house), receipt.report.case_id or "").case, action)


def reported(house: House, video: Video, action: str, *, end_user: str = "reader-3") -> Statement:
    """The statement to an end user whose report was decided."""
    decide_report(house, house.report(video, reason="offensive", end_user=end_user), action)
    return statements_to(house, end_user)[0]


def key_of(house: House, name: str = "a key", *scopes: KeyScope, by: str | None = None) -> Principal:
    accounts, tenant = house.accounts, house.who.tenant
    named = {"by": by} if by else {}
    key, _ = accounts.create_key(tenant, name, *([frozenset(scopes)] if scopes else []), **named)
    found = accounts.find_key(tenant, key.id)
    assert found is not None
    return found


def test_a_won_appeal_delivers_a_withdrawn_file_again_as_it_was_sealed(house: House) -> None:
    video = delivered(house, safety_identifier="user-7")
    house.withdraw(video)
    database = house.database
    assert is_withdrawn(database, video.id)
    with pytest.raises(Withdrawn) as gone:
        house.content(video)
    assert f"/v1/safelight/statements?video_id={video.id}" in str(gone.value.remedy)
    decide_appeal(house, send(house, video_id=video.id), "overturn")
    assert is_withdrawn(database, video.id)
    again = house.carry(released(house, video))
    assert (again.state, again.sealed_sha256) == (VideoState.DELIVERED, video.sealed_sha256)
    for variant in ("video", "thumbnail"):
        assert house.content(again, variant).size > 0
    assert house.reread(video).state is VideoState.WITHDRAWN
    with pytest.raises(Withdrawn) as gone:
        house.content(video)
    assert str(gone.value.remedy).endswith(f"use {again.id}.")
    assert not is_withdrawn(database, video.id)
    kinds = [made.content.kind for made in statements_to(house, "user-7")]
    assert kinds == [StatementKind.REINSTATED, StatementKind.WITHDRAWN]
    house.withdraw(again)
    assert is_withdrawn(database, video.id)


def test_a_reporter_is_told_that_a_video_stays_and_can_appeal(house: House) -> None:
    video = delivered(house)
    told = reported(house, video, "keep")
    assert told.content.kind is StatementKind.REPORT_REJECTED
    assert about(house, video) == ()
    appeal = send(house, statement_id=told.id, end_user="reader-3")
    with pytest.raises(Forbidden):
        decide_appeal(house, appeal, "overturn", "ada")
    decide_appeal(house, appeal, "overturn")
    assert house.reread(video).state is VideoState.WITHDRAWN
    (withdrawn,) = about(house, video)
    assert withdrawn.content.kind is StatementKind.WITHDRAWN
    assert "reader-3" not in repr(withdrawn)
    assert statements_to(house, "reader-3")[0].content.kind is StatementKind.REPORT_UPHELD


def test_a_reporter_whose_appeal_fails_does_not_read_that_the_video_breaks_a_rule(house: House) -> None:
    """Also if the reviewer named one to look it up."""
    told = reported(house, delivered(house), "keep")
    appeal = send(house, statement_id=told.id, end_user="reader-3")
    ben = reviewer(house, "ben")
    new = DecisionRequest(action="uphold", reason="Seen.", **house.ground())
    house.reviews.decide(ben, appeal.case_id, new)
    answer = statements_to(house, "reader-3")[0].content
    assert answer.kind is StatementKind.APPEAL_REJECTED
    assert (answer.ground.basis, answer.ground.rule) == (GroundBasis.NOT_BROKEN, "")
    assert answer.ground.facts == new.facts


@pytest.mark.both_databases
def test_two_people_who_reported_one_video_appeal_at_the_same_time(house: House) -> None:
    video = delivered(house)
    readers = ("reader-3", "reader-4")
    told = [reported(house, video, "keep", end_user=end_user) for end_user in readers]
    first, second = (
        send(house, statement_id=one.id, end_user=end_user)
        for one, end_user in zip(told, readers, strict=True)
    )
    assert first.case_id != second.case_id
    decide_appeal(house, first, "uphold")
    decide_appeal(house, second, "overturn", "cleo")
    assert house.reread(video).state is VideoState.WITHDRAWN


def test_a_rejected_appeal_is_stated_with_the_clause_and_without_the_note(house: House) -> None:
    video = delivered(house, safety_identifier="user-7")
    assert reported(house, video, "withdraw").content.kind is StatementKind.REPORT_UPHELD
    decide_appeal(house, send(house, video_id=video.id), "uphold")
    last = statements_to(house, "user-7")[0]
    assert last.content.kind is StatementKind.APPEAL_REJECTED
    assert not last.content.automated_decision
    assert last.objection_until is None
    with pytest.raises(Conflict):
        send(house, video_id=video.id)


def test_an_end_user_reads_and_appeals_only_what_addresses_them_and_once(house: House) -> None:
    made, of_statement = rejected(house), house.appeals.of_statement
    assert statements_to(house, "user-8") == ()
    with pytest.raises(NotFound):
        house.statements.get(house.who, made.id, end_user="user-8")
    with pytest.raises(NotFound):
        send(house, statement_id=made.id, end_user="user-8")
    sent = send(house, statement_id=made.id, end_user="user-7", idempotency_key="k1")
    assert sent.statement_id == made.id
    assert of_statement(house.who, made.id, end_user="user-7") == sent
    with pytest.raises(NotFound):
        of_statement(house.who, made.id, end_user="user-8")
    assert send(house, statement_id=made.id, end_user="user-7", idempotency_key="k1") == sent
    with pytest.raises(IdempotencyKeyReused):
        send(house, statement_id=made.id, end_user="user-7", idempotency_key="k1", text="Something else.")
    with pytest.raises(Conflict):
        send(house, statement_id=made.id, idempotency_key="k2")


@pytest.mark.both_databases
def test_a_withdrawn_file_that_is_not_stored_any_more_cannot_be_released(house: House) -> None:
    video = delivered(house)
    house.withdraw(video)
    appeal = send(house, video_id=video.id)
    with house.transaction() as tx:
        tx.update(tables.assets, tables.assets.c.video_id == video.id, deleted_at=tx.now())
    with pytest.raises(Conflict, match="not stored"):
        decide_appeal(house, appeal, "overturn")


def test_who_waited_for_a_stopped_video_is_told_so_and_offered_no_appeal(house: House) -> None:
    source, video = delivered(house), house.order("a paper boat")
    house.change(video, remixed_from=source.id)
    house.withdraw(source)
    (told,) = about(house, video)
    assert (told.content.kind, told.content.objection) == (StatementKind.STOPPED, Objection.OPERATOR)
    assert told.objection_until is None
    with pytest.raises(Conflict):
        send(house, statement_id=told.id)


def test_two_end_users_with_the_same_name_get_answers_of_their_own(house: House) -> None:
    video = delivered(house)
    keys = [replace(house.who, id=f"key_{number}", kind=PrincipalKind.KEY) for number in (1, 2)]
    reports, statements = house.container.correspondence.reports, house.statements
    new = NewReport(video_id=video.id, reason="offensive", end_user="anna")
    receipts = [reports.add(key, new) for key in keys]
    decide_report(house, receipts[-1], "keep")
    (first,), (second,) = (statements.find(key, StatementQuery(end_user="anna")).items for key in keys)
    assert first.id != second.id
    appeals = house.appeals
    for end_user in ("anna", None):
        with pytest.raises(NotFound):
            appeals.send(keys[1], NewAppeal(statement_id=first.id, end_user=end_user, text="Look again."))
    sent = appeals.send(keys[0], NewAppeal(statement_id=first.id, end_user="anna", text="Look again."))
    decide_appeal(house, sent, "uphold")
    assert not statements.find(keys[1], StatementQuery(end_user="anna", after=second.id)).items
    assert len(statements.find(keys[0], StatementQuery(end_user="anna")).items) == 2


def test_another_key_of_the_tenant_cannot_find_out_who_reported_a_video(house: House) -> None:
    video = delivered(house, safety_identifier="creator-1")
    told = reported(house, video, "keep", end_user="reporter-9")
    sent = send(house, statement_id=told.id, end_user="reporter-9")
    creator = key_of(house, "the creator")
    appeals, statements = house.appeals, house.statements
    with pytest.raises(NotFound):
        appeals.get(creator, video.id)
    # Nor by trying the names of its own end users.
    assert not statements.find(creator, StatementQuery(end_user="reporter-9")).items
    for read in (statements.get, appeals.of_statement):
        for end_user in (None, "reporter-9"):
            with pytest.raises(NotFound):
                read(creator, told.id, end_user=end_user)
    assert appeals.of_statement(house.who, told.id, end_user="reporter-9") == sent
    decide_appeal(house, sent, "uphold")
    house.withdraw(video)
    (withdrawn,) = about(house, video)
    assert statements.get(creator, withdrawn.id) == withdrawn
    own = send(house, video_id=video.id)
    assert appeals.get(creator, video.id) == own == appeals.of_statement(creator, withdrawn.id)


def test_the_statements_about_a_video_never_name_its_requester_as_a_reporter(house: House) -> None:
    video = delivered(house)
    decide_report(house, house.report(video, reason="offensive"), "keep")
    assert about(house, video) == ()
    (told,) = house.statements.find(house.who, StatementQuery()).items
    assert told.content.kind is StatementKind.REPORT_REJECTED
    with pytest.raises(NotFound):
        house.statements.get(key_of(house), told.id)


@pytest.mark.both_databases
def test_an_appeal_that_is_sent_twice_at_the_same_time_is_recorded_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rejected(house)
    first = send(house, statement_id=made.id, idempotency_key="k1")
    skipped = iter([True])
    # The first look is before the other request commits, the second one when the statement is locked.
    monkeypatch.setattr(
        "safelight.cases.appeals.find_repeated",
        lambda tx, new: None if next(skipped, False) else find_repeated(tx, new),
    )
    again = send(house, statement_id=made.id, idempotency_key="k1")
    assert again == first


def test_only_the_person_concerned_uses_up_the_appeal_of_a_decision(house: House) -> None:
    video = refused(house)
    appeals = house.appeals
    strangers = [person(house, role.value, role) for role in (Role.CREATOR, Role.AUDITOR, Role.REVIEWER)]
    for stranger in [*strangers, key_of(house, "another application")]:
        with pytest.raises(Forbidden):
            appeals.add(stranger, video.id, text="Not mine.", on_behalf_reason="I want to.")
        with pytest.raises(Forbidden):
            appeals.needs_reason(stranger, video.id)
    assert not appeals.needs_reason(house.who, video.id)
    assert appeals.add(house.who, video.id, text="It is a play.").video_id == video.id


def test_the_account_appeals_for_the_person_concerned_with_a_reason_that_the_reviewer_reads(
    house: House,
) -> None:
    video = refused(house)
    owner, appeals = person(house, "olga", Role.OWNER), house.appeals
    assert appeals.needs_reason(owner, video.id)
    for reason in (None, " ", "x" * 1001):
        with pytest.raises(InvalidField) as caught:
            appeals.add(owner, video.id, text="It is a play.", on_behalf_reason=reason)
        assert caught.value.param == "on_behalf_reason"
    why = "The creator wrote to our support desk."
    sent = appeals.add(owner, video.id, text="It is a play.", on_behalf_reason=why)
    assert note_of(house, sent)["on_behalf_reason"] == why
    with house.read_transaction() as tx:
        entry = read_history(tx, video.id)[-1]
    assert entry.event == "appeal.received"
    assert entry.content is not None
    assert (entry.content["on_behalf_reason"], entry.content["by_link"]) == (why, False)
    with pytest.raises(Conflict):
        appeals.add(house.who, video.id, text="Mine.")


def test_a_person_appeals_for_a_key_that_they_created_and_the_operator_not_for_all_of_the_terminal(
    house: House,
) -> None:
    maker, appeals = person(house, "olga", Role.OWNER), house.appeals
    house.who, other = (key_of(house, name, by=maker.id) for name in ("app", "sibling"))
    video = refused(house)
    with pytest.raises(Forbidden):
        appeals.add(other, video.id, text="Not mine.")
    assert not appeals.needs_reason(maker, video.id)
    house.who = key_of(house, "made at the terminal")
    operator = replace(maker, id=OPERATOR, kind=PrincipalKind.PERSON)
    assert appeals.needs_reason(operator, refused(house).id)


def test_a_key_appeals_about_a_video_for_the_end_user_whom_it_concerns_and_for_no_other(house: House) -> None:
    _, token = house.accounts.create_key(house.who.tenant, "platform")
    house.who = house.accounts.authenticate(token)
    made = rejected(house)
    path = f"/v1/videos/{made.content.video_id}/appeal"
    with TestClient(house.app) as client:
        platform = Api(client, token)
        for end_user, status in (("somebody", 404), (7, 400), ("user-7", 200)):
            platform("POST", path, {"text": "x", "safety_identifier": end_user}, expect=status)
    with house.read_transaction() as tx:
        history = read_history(tx, made.content.video_id or "")
    assert [one.content["end_user"] for one in history if one.event == "appeal.received"] == ["user-7"]


def test_an_end_user_appeals_with_a_signed_link_and_without_an_account(house: House) -> None:
    made = rejected(house)
    path = f"/v1/safelight/statements/{made.id}?safety_identifier=user-7"
    with TestClient(house.app) as client:
        stranger = Api(client, key_for(house, KeyScope.VIDEOS_READ))
        assert "link" not in stranger("GET", path)["appeal"]
        stranger(
            "POST", path.replace("?", "/appeal?"), {"text": "x", "safety_identifier": "user-7"}, expect=403
        )
        link = house.appeals.link_token(house.who, made)
        assert link is not None
        page = f"/appeal?token={link}"
        assert client.get(page).status_code == 200
        assert client.get(page[:-4]).status_code == 404
        headers = {"origin": "http://testserver"}
        empty = client.post(page, data={"text": " "}, headers=headers)
        assert empty.status_code == 400
        sent = client.post(page, data={"text": "It is a play."}, headers=headers)
        assert sent.status_code == 200
    appeal = house.appeals.of_statement(house.who, made.id, end_user="user-7")
    assert appeal.id in sent.text
    assert note_of(house, appeal)["note"] == "It is a play."


def test_a_link_of_an_appeal_that_was_forged_or_is_of_another_installation_opens_nothing(
    house: House, tmp_path: Path
) -> None:
    made = rejected(house)
    appeals = house.appeals
    link = appeals.link_token(house.who, made)
    assert link is not None
    turned = link[:20] + ("A" if link[20] != "A" else "B") + link[21:]
    plain = base64.urlsafe_b64encode(f"{made.tenant} {made.id}".encode()).decode()
    other = KeyRing.load(tmp_path, "other", remedy="")
    foreign = other.encrypt(f"{made.tenant} {made.id}".encode(), "link to the appeal of an end user")
    others = (base64.urlsafe_b64encode(foreign).decode(), turned, plain, "", "x", "é", "=" * 500, link[:-8])
    for token in others:
        with pytest.raises(NotFound, match="This link is not valid"):
            appeals.open_link(token)
    principal, found = appeals.open_link(link)
    assert (found.id, principal.scopes) == (made.id, {KeyScope.VIDEOS_READ})


def test_a_link_of_an_appeal_is_used_once_ends_with_the_time_to_appeal_and_outlives_one_new_key(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    appeals, database = house.appeals, house.database
    statements = [rejected(house, end_user) for end_user in ("user-7", "user-8")]
    first, second = (appeals.link_token(house.who, made) or "" for made in statements)
    house.container.persistence.people.keys.add_key()
    sent = appeals.send_by_link(first, text="It is a play.")
    with house.read_transaction() as tx:
        content = read_history(tx, sent.video_id)[-1].content
    assert content is not None
    assert content["by_link"] is True
    with pytest.raises(Conflict, match="once"):
        appeals.send_by_link(first, text="Again.")
    monkeypatch.setattr(database, "clock", lambda: statements[1].at + OBJECTION_S + 1.0)
    with pytest.raises(Conflict, match="time to appeal"):
        appeals.send_by_link(second, text="Too late.")


def test_a_link_shows_the_appeal_that_the_account_sent_for_the_end_user(house: House) -> None:
    made = rejected(house)
    appeals, owner = house.appeals, person(house, "olga", Role.OWNER)
    link = appeals.link_token(house.who, made) or ""
    assert appeals.find_by_link(link) == (made, None, None)
    sent = appeals.add(
        owner, made.content.video_id or "", text="It is a play.", on_behalf_reason="They phoned us."
    )
    assert appeals.find_by_link(link) == (made, sent, None)
    with TestClient(house.app) as client:
        page = client.get(f"/appeal?token={link}").text
    assert sent.id in page
    assert "<textarea" not in page


@pytest.mark.parametrize("action", ["uphold", "overturn"])
def test_the_link_gives_the_answer_with_its_facts_or_the_new_video(house: House, action: str) -> None:
    made = rejected(house)
    link = house.appeals.link_token(house.who, made) or ""
    decide_appeal(house, house.appeals.send_by_link(link, text="It is a play."), action)
    _, _, answer = house.appeals.find_by_link(link)
    assert answer is not None
    new = house.reread(house.videos.get(house.who, made.content.video_id or "")).reinstated_as
    assert answer.content.released_as == new
    with TestClient(house.app) as client:
        page = html.unescape(client.get(f"/appeal?token={link}").text)
    told = describe(answer, level=ExplanationLevel.END_USER)
    assert all(part in page for part in (told.decision, told.reason, new or ""))
    assert house.statements.get(house.who, made.id, end_user="user-7").is_appealed


def test_the_page_of_a_link_says_nothing_of_a_block_to_the_end_user_who_reported_a_video(
    house: House,
) -> None:
    video = delivered(house)
    told = reported(house, video, "keep")
    link = house.appeals.link_token(house.who, told)
    with TestClient(house.app) as client:
        page = f"/appeal?token={link}"
        asked = client.get(page)
        assert video.prompt not in asked.text
        assert asked.headers["referrer-policy"] == "same-origin"
        client.post(page, data={"text": "Look again."}, headers={"origin": "http://testserver"})
        appeal = house.appeals.of_statement(house.who, told.id, end_user="reader-3")
        decide_appeal(house, appeal, "uphold")
        answered = client.get(page)
    assert "the decision stays" in answered.text
    assert not re.search("block", re.sub(r"<[^>]*>", "", asked.text + answered.text))


def test_pages_offer_an_appeal_only_to_those_who_may_send_it(house: House) -> None:
    video = refused(house)
    address, accounts = f"/videos/{video.id}/appeal", house.accounts
    roles = (Role.CREATOR, Role.REVIEWER, Role.INTEGRATOR)
    readers = [house.who, *(key_of(house, role.value, *ROLES[role].scopes) for role in roles)]
    offered = []
    with TestClient(house.app) as client:
        for reader in readers:
            token = accounts.create_login_link(reader)
            client.post("/login", data={"token": token}, headers={"origin": "http://testserver"})
            pages = [client.get(f"/videos/{video.id}{end}").text for end in ("", "/statements")]
            assert all("/logout" in page for page in pages)
            offered.append([address in page for page in pages])
    nothing, both = [False, False], [True, True]
    assert offered == [both, nothing, nothing, both]


def test_an_account_appeals_the_decision_about_its_report_from_its_list_of_statements(house: House) -> None:
    video = delivered(house)
    reader = key_of(house, "a reader", *ROLES[Role.CREATOR].scopes)
    reports = house.container.correspondence.reports
    decide_report(house, reports.add(reader, NewReport(video_id=video.id, reason="offensive")), "keep")
    with TestClient(house.app) as client:
        token = house.accounts.create_login_link(reader)
        client.post("/login", data={"token": token}, headers={"origin": "http://testserver"})
        listed = html.unescape(client.get("/account/statements").text)
        (address,) = re.findall(r'href="(/appeal\?token=[^"]+)"', listed)
        client.post(address, data={"text": "Look again."}, headers={"origin": "http://testserver"})
        assert address not in html.unescape(client.get("/account/statements").text)
    (told,) = house.statements.find(reader, StatementQuery()).items
    decide_appeal(house, house.appeals.of_statement(reader, told.id), "overturn")
    assert house.reread(video).state is VideoState.WITHDRAWN
    assert house.appeals.link_token(house.who, told) is None
