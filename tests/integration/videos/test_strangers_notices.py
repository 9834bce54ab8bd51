"""Notices of people without an account: what they learn, who they are to a reviewer, and floods."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from safelight.accounts import KeyScope, Principal, Role
from safelight.accounts.sessions import open_session
from safelight.accounts.store import principal_of_person
from safelight.cases.inputs import BulkRequest, CaseFilter, DecisionRequest
from safelight.cases.reports import NewReport, NoticeOutcome, Receipt
from safelight.core.errors import RateLimited
from safelight.store import tables
from safelight.videos.case_rows import Case, CaseState
from safelight.videos.case_rows.clusters import MAX_REPORTS_OF_UPLOADER
from safelight.videos.case_rows.models import UNDO_S
from safelight.videos.models import Video
from safelight.web.auth import COOKIE
from support.fake_api_server import listening
from support.mail_server import Mailbox, mail_server
from support.people import add_person

from .conftest import Furnish, House
from .test_decision_executor import executor
from .test_decision_mails import answer_and_send
from .test_decisions import reviewer
from .test_notice_story import FORM, PAGE, copy_row
from .test_notices import HOUR_S, decide, follow_up, later, notify, status_of

UNKNOWN = "video_" + "0" * 32
#: What differs between the receipts of any two notices.
_OWN = re.compile(r"(?:video|report)_[0-9a-f]{32}|/report/[\w-]{32}|\d{1,2}:\d{2}(?::\d{2})?")


@pytest.fixture
def address(house: House) -> Iterator[str]:
    with listening(house.app) as url:
        yield url


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def office(furnish: Furnish, box: Mailbox) -> House:
    mail = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "s@example.com"}
    made = furnish(server={"public_url": "https://gateway.example"}, mail=mail)
    made.waive()
    return made


def report(
    house: House,
    video_id: str,
    *,
    reason: str = "deception",
    contact: str | None = "ann@example.org",
    network: str = "192.0.2.1",
    note: str = "",
) -> Receipt:
    new = NewReport(location=video_id, reason=reason, contact=contact, note=note)
    return house.container.correspondence.reports.add_from_visitor(new, network=network)


def queue(house: House, who: Principal | None = None) -> list[Case]:
    return list(house.reviews.list(who or reviewer(house), limit=100).items)


def read(house: House, video_id: str) -> Video:
    return house.videos.get(house.who, video_id)


def open_cases(house: House) -> int:
    with house.transaction() as tx:
        return tx.count(tables.cases, tables.cases.c.state == CaseState.OPEN.value)


def page(address: str, path: str | None) -> str:
    answer = httpx.get(f"{address}{path}", headers=PAGE)
    assert answer.status_code == 200
    return _OWN.sub("", answer.text)


def test_the_receipt_is_the_same_whether_the_address_has_a_delivered_video(
    house: House, address: str
) -> None:
    delivered, withdrawn = house.make(), house.make("a red barn")
    house.withdraw(withdrawn)
    waiting = house.order("a video that is not made yet")
    for path, fields in (
        ("/report", {**FORM, "reason": "deception"}),
        ("/report/intimate", FORM),
    ):
        shown = set()
        for video_id in (delivered.id, withdrawn.id, waiting.id, UNKNOWN):
            sent = httpx.post(address + path, data={**fields, "location": video_id}, headers=PAGE)
            assert sent.status_code == 303
            shown.add(page(address, sent.headers["location"]))
        assert len(shown) == 1


def test_the_receipt_of_a_page_has_no_date_and_no_video_until_a_reviewer_finds_one(
    house: House, address: str
) -> None:
    def shown(path: str) -> tuple[str, bool, bool]:
        text = httpx.get(address + path, headers=PAGE).text
        (lead,) = re.findall(r'class="lead">([^.]+)\.', text)
        return lead, "You have an answer by" in text, "Check that this is the video" in text

    form = {**FORM, "location": "https://videos.example/watch?v=abc"}
    found, absent = (
        httpx.post(f"{address}/report/intimate", data=form, headers=PAGE).headers["location"]
        for _ in range(2)
    )
    assert shown(found) == ("A person looks for the video on the page that you named", False, False)
    ada, reports = reviewer(house), house.container.correspondence.reports
    later(house, 100 * HOUR_S)
    first, second = house.reviews.list_pages(ada)
    if reports.get_by_token(found.rpartition("/")[2]).notice.id != first.report_id:
        first, second = second, first
    placed = reports.place(ada, first.report_id, house.make().id).notice
    assert placed.due_at == pytest.approx(house.database.clock() + 24 * HOUR_S, abs=60)
    assert shown(found) == ("The video was found on the page that you named", True, False)
    gone = reports.place(ada, second.report_id, None).notice
    assert (gone.outcome, gone.due_at) == (NoticeOutcome.GONE, None)
    assert shown(absent) == (
        "No video of this service can be watched at the address that you named",
        False,
        False,
    )


def test_an_address_without_a_video_is_answered_when_a_decision_would_be_due(
    office: House, box: Mailbox
) -> None:
    receipt = report(office, UNKNOWN)
    follow_up(office)
    one = status_of(office, receipt).notice
    assert (one.video_id, one.outcome, open_cases(office)) == (UNKNOWN, None, 0)
    later(office, 49 * HOUR_S)
    follow_up(office)
    answer_and_send(office)
    one = status_of(office, receipt).notice
    assert one.outcome is NoticeOutcome.GONE
    assert len(box.received) == 1


@pytest.mark.both_databases
def test_a_keep_ends_a_notice_for_its_ground_and_another_person_or_ground_starts_anew(house: House) -> None:
    video = house.make()
    report(house, video.id)
    decide(house, "keep")
    again = report(house, video.id, note="I say it again.")
    one = status_of(house, again).notice
    assert (one.outcome, queue(house)) == (NoticeOutcome.KEPT, [])
    for changed in ({"reason": "hate"}, {"contact": "ben@example.org"}, {"network": "198.51.100.1"}):
        receipt = report(house, video.id, **changed)
        one = status_of(house, receipt).notice
        assert (one.outcome, len(queue(house))) == (None, 1), changed
        decide(house, "keep")


def test_a_keep_never_ends_a_notice_of_somebody_who_may_be_another_person(house: House) -> None:
    video = house.make()
    # A network without a contact stands for several people, and an urgent notice needs words of its own.
    for fields in ({"contact": None}, {"reason": "child_safety"}):
        for _ in range(2):
            one = status_of(house, report(house, video.id, **fields)).notice
            assert (one.outcome, len(queue(house))) == (None, 1), fields
            decide(house, "keep")


def test_the_case_of_a_flood_stands_for_the_gravest_report_and_binds_nobody(house: House) -> None:
    videos = flood(house, MAX_REPORTS_OF_UPLOADER + 2)
    who = reviewer(house)
    (leader,) = [one for one in queue(house) if house.reviews.get(who, one.id).members]
    grave = copy_row(house, read(house, videos[0]))
    report(house, grave, reason="violence", network="198.51.100.7")
    with house.transaction() as tx:
        of = tables.cases.c
        (waiting,) = tx.select(tables.cases, of.video_id == grave)
        row = tx.one(tables.cases, of.id == leader.id)
        assert row is not None
        assert (row.rank_at <= waiting.rank_at, row.due_at <= waiting.due_at) == (True, True)
        # An appeal about one of these videos may go to whoever decided another one.
        assert (waiting.leader_id, waiting.cluster_id) == (leader.id, None)


def test_after_a_keep_an_urgent_notice_with_other_words_starts_anew_and_hides_again(house: House) -> None:
    video = house.make()
    notify(house, video)
    decide(house, "keep")
    follow_up(house)
    same = status_of(house, notify(house, video)).notice
    assert (same.outcome, same.hidden) == (NoticeOutcome.KEPT, False)
    new = status_of(house, notify(house, video, note="The tattoo on the arm is mine.")).notice
    assert (new.outcome, new.hidden) == (None, True)


def test_a_wrong_address_is_asked_for_again_on_the_receipt_and_the_notice_stays(
    office: House, box: Mailbox
) -> None:
    video = office.make()
    with listening(office.app) as address, httpx.Client(base_url=address, headers=PAGE) as stranger:
        form = {**FORM, "location": video.id, "reason": "deception", "contact": "ann at example"}
        sent = stranger.post("/report", data=form)
        assert sent.headers["location"].endswith("?contact=wrong")
        assert (
            "This is no e-mail address. Your report is recorded."
            in stranger.get(sent.headers["location"]).text
        )
        path = sent.headers["location"].partition("?")[0]
        wrong = stranger.post(path, data={"contact": "<ann>"})
        assert (wrong.status_code, 'value="&lt;ann&gt;"' in wrong.text) == (400, True)
        assert len(queue(office)) == 1
        assert stranger.post(path, data={"contact": "bounces@example.org"}).status_code == 303

        box.recipient_code = 550
        decide(office, "keep")
        answer_and_send(office)
        assert "could not be delivered" in stranger.get(path).text
        box.recipient_code = 250
        for contact in ("ann@example.org", "ann@example.org", "bounces@example.org"):
            done = stranger.post(path, data={"contact": contact})
            assert "The address is saved." in stranger.get(done.headers["location"]).text
            answer_and_send(office)
        assert "could not be delivered" not in stranger.get(path).text
    assert [str(one["To"]) for one in box.received] == ["ann@example.org", "bounces@example.org"]


@pytest.mark.both_databases
def test_notices_of_one_sender_are_decided_together_and_answered_with_one_mail(
    office: House, box: Mailbox
) -> None:
    first = office.make()
    videos = [first.id, *(copy_row(office, first) for _ in range(3))]
    receipts = [
        report(office, video_id, reason=("hate", "deception")[number % 2])
        for number, video_id in enumerate(videos[:3])
    ]
    report(office, videos[3], contact="ben@example.org")
    # Nobody has verified a contact: another network may be another person.
    elsewhere = copy_row(office, first)
    report(office, elsewhere, network="198.51.100.1")
    ada, bulk = reviewer(office), office.container.decisions.bulk
    (start, *_) = [one for one in queue(office) if one.video_id == first.id]
    found = bulk.preview(ada, start.id, "reporter")
    assert {one.video_id for one in found.cases} == set(videos[:3])
    made = bulk.decide(
        ada,
        start.id,
        BulkRequest(
            same="reporter",
            versions={one.id: one.version for one in found.cases},
            action="keep",
            reason="All are allowed.",
        ),
    )
    assert len(made.cases) == 3
    carry_out(office)
    answer_and_send(office)
    (mail,) = box.received
    assert all(f"https://gateway.example{one.path}" in mail.get_content() for one in receipts)
    assert mail.get_content().count("A person decided that the video stays") == 1
    answer_and_send(office)
    assert len(box.received) == 1


@pytest.mark.both_databases
def test_a_repeated_notice_gets_its_mail_and_many_bring_one_a_day_for_each_video(
    office: House, box: Mailbox
) -> None:
    first = office.make()
    videos = (first.id, copy_row(office, first))
    for video_id in videos:
        report(office, video_id)
        decide(office, "keep")
    answer_and_send(office)
    box.received.clear()
    # One after the other, and together.
    for repeated in (videos[:1], videos[1:], videos, videos):
        receipts = [report(office, video_id) for video_id in repeated]
        answer_and_send(office)
        for receipt in receipts:
            assert status_of(office, receipt).notice.outcome is NoticeOutcome.KEPT
    assert len(box.received) == 2
    assert all("A person decided that the video stays" in one.get_content() for one in box.received)
    later(office, 25 * HOUR_S)
    receipt = report(office, videos[0])
    answer_and_send(office)
    (_, _, mail) = box.received
    assert f"https://gateway.example{receipt.path}" in mail.get_content()


def carry_out(house: House) -> None:
    later(house, UNDO_S + 1)
    executor(house).carry_out_due()


@pytest.mark.both_databases
def test_a_mail_waits_for_other_notices_of_the_same_sender_that_are_being_decided(
    office: House, box: Mailbox
) -> None:
    first = office.make()
    other = copy_row(office, first)
    for video_id in (first.id, other):
        report(office, video_id)
    one, two = queue(office)
    keep = DecisionRequest(action="keep", reason="Allowed.")
    office.reviews.decide_with_undo(reviewer(office), two.id, keep)
    office.reviews.decide(reviewer(office), one.id, keep)
    answer_and_send(office)
    assert box.received == []
    office.reviews.undo(reviewer(office), two.id)
    answer_and_send(office)
    assert len(box.received) == 1, "the other notice is open again"


def flood(house: House, number: int) -> list[str]:
    """Reports of many people about as many videos of one uploader."""
    first = house.make()
    videos = [first.id, *(copy_row(house, first) for _ in range(number - 1))]
    for one, video_id in enumerate(videos):
        report(house, video_id, contact=f"{one}@example.org", network=f"198.51.100.{one}")
    return videos


@pytest.mark.both_databases
def test_a_flood_about_one_uploader_is_one_case_and_urgent_notices_never_wait_in_it(house: House) -> None:
    videos = flood(house, 30)
    listed = queue(house)
    assert (len(listed), open_cases(house)) == (MAX_REPORTS_OF_UPLOADER + 1, 30)
    (leader,) = [one for one in listed if house.reviews.get(reviewer(house), one.id).members]
    assert house.reviews.get(reviewer(house), leader.id).members == 19
    behind = [video_id for video_id in videos if video_id not in {one.video_id for one in listed}]

    # An urgent notice about a video of it is a case of its own, and comes first.
    report(house, behind[5], reason="child_safety", network="203.0.113.1")
    notify(house, read(house, behind[6]), network="203.0.113.2")
    report(house, leader.video_id, reason="child_safety", network="203.0.113.3")
    assert {behind[5], behind[6], leader.video_id} < {one.video_id for one in queue(house)}
    assert len(queue(house)) == MAX_REPORTS_OF_UPLOADER + 4
    fresh = [copy_row(house, read(house, videos[0])) for _ in range(3)]
    for number, video_id in enumerate(fresh):
        report(house, video_id, reason="intimate", network=f"203.0.113.{number + 10}")
    assert set(fresh) < {one.video_id for one in queue(house)}


@pytest.mark.both_databases
def test_of_a_flood_the_next_leads_after_a_decision_and_an_undo_brings_all_back_behind_one(
    house: House,
) -> None:
    videos = flood(house, 16)
    ada, bulk = reviewer(house), house.container.decisions.bulk
    (leader,) = [one for one in queue(house) if house.reviews.get(ada, one.id).members]
    house.reviews.decide(ada, leader.id, DecisionRequest(action="keep", reason="Allowed."))
    (next_one,) = [one for one in queue(house) if house.reviews.get(ada, one.id).members]
    assert next_one.id != leader.id
    assert house.reviews.get(ada, next_one.id).members == 4

    found = bulk.preview(ada, next_one.id, "person")
    assert len(found.cases) == 15
    asked = BulkRequest(
        same="person",
        versions={one.id: one.version for one in found.cases},
        action="keep",
        reason="All are allowed.",
    )
    made = bulk.decide(ada, next_one.id, asked)
    assert (len(made.cases), queue(house)) == (15, [])
    assert len(bulk.undo(ada, made.id).cases) == 15
    assert len(queue(house)) == MAX_REPORTS_OF_UPLOADER + 1
    again = bulk.preview(ada, next_one.id, "person")
    versions = {one.id: one.version for one in again.cases}
    bulk.decide(ada, next_one.id, BulkRequest(**{**vars(asked), "versions": versions}))
    carry_out(house)
    follow_up(house)
    assert open_cases(house) == 0
    with house.transaction() as tx:
        outcomes = {row.outcome for row in tx.select(tables.notices)}
    assert (outcomes, len(videos)) == ({"kept"}, 16)


def test_a_case_of_a_flood_whose_leader_is_closed_meanwhile_comes_into_the_queue(house: House) -> None:
    videos = flood(house, 13)
    ada = reviewer(house)
    (leader,) = [one for one in queue(house) if house.reviews.get(ada, one.id).members]
    house.withdraw(read(house, leader.video_id))
    assert len(queue(house)) == MAX_REPORTS_OF_UPLOADER + 1
    assert open_cases(house) == len(videos) - 1


def test_ordinary_reports_of_a_network_do_not_use_up_its_urgent_ones(house: House) -> None:
    first = house.make()
    for _ in range(10):
        report(house, copy_row(house, first))
    with pytest.raises(RateLimited):
        report(house, first.id)
    report(house, first.id, reason="child_safety")
    notify(house, first)


def test_reports_of_a_network_do_not_use_up_the_changes_of_an_address_and_these_have_their_own_limit(
    house: House,
) -> None:
    first = house.make()
    receipt = report(house, first.id)
    for _ in range(9):
        report(house, copy_row(house, first))
    change = house.container.correspondence.reports.change_contact
    for number in range(10):
        change(receipt.token, f"{number}@example.org", language="en")
    with pytest.raises(RateLimited, match="10 changes of an address"):
        change(receipt.token, "ann@example.org", language="en")
    report(house, first.id, reason="child_safety")


def test_the_receipt_of_an_end_user_or_account_names_the_appeal_that_the_statement_offers(
    office: House, box: Mailbox
) -> None:
    def add(video_id: str, end_user: str | None) -> Receipt:
        new = NewReport(
            video_id=video_id, reason="hate", end_user=end_user, contact=f"{end_user}@example.org"
        )
        return office.container.correspondence.reports.add(office.who, new)

    kept = office.make()
    receipts = [add(kept.id, end_user) for end_user in ("anna", "bert", None)]
    decide(office, "keep")
    follow_up(office)
    answer_and_send(office)
    with listening(office.app) as address, httpx.Client(base_url=address, headers=PAGE) as client:
        pages = [client.get(one.path or "").text for one in receipts]
        links = [re.findall(r'href="(/appeal[?]token=[^"]+)"', one) for one in pages]
        assert [len(one) for one in links] == [1, 1, 1]
        assert len({one for (one,) in links}) == 3
        assert all("You can appeal free of charge until" in one for one in pages)
        assert "The video that you reported stays available" in client.get(links[0][0]).text
        removed = add(copy_row(office, kept), "anna")
        decide(office, "withdraw")
        follow_up(office)
        page = client.get(removed.path or "").text
    assert ("the video was removed" in page, "You can" in page.partition("<form")[0]) == (True, False)
    assert all("You can appeal free of charge until" in one.get_content() for one in box.received)


@pytest.mark.both_databases
def test_a_reporter_is_a_pseudonym_with_a_record_and_no_answer_has_the_contact(
    house: House, address: str
) -> None:
    first = house.make()
    videos = [first.id, *(copy_row(house, first) for _ in range(2))]
    report(house, videos[0], contact="Ann@Example.org ")
    decide(house, "keep")
    follow_up(house)
    report(house, videos[1], contact="ann@example.org", network="203.0.113.7")
    report(house, videos[2], contact="ben@example.org", reason="Words of Ben's own.")
    _, key = house.accounts.create_key(house.who.tenant, "s", (KeyScope.REVIEW,))
    headers = {"authorization": f"Bearer {key}"}
    listed = httpx.get(f"{address}/v1/reviews", headers=headers)
    of_ann, of_ben = (one["reported_by"] for one in listed.json()["data"])
    name = of_ann["reporter"]["reporter"]
    assert of_ann == {
        "number": 1,
        "reporter": {"reporter": name, "notices": 2, "upheld": 0, "rejected": 1},
        "reasons": ["deception"],
    }
    assert of_ben["reasons"] == ["other"]
    assert of_ben["reporter"]["reporter"] != name
    case_id = listed.json()["data"][0]["id"]
    shown = httpx.get(f"{address}/v1/reviews/{case_id}", headers=headers)
    assert [one["reporter"] for one in shown.json()["notes"]] == [name]
    assert shown.json()["reporters"] == [of_ann["reporter"]]
    assert "example.org" not in listed.text + shown.text
    found = house.reviews.list(reviewer(house), CaseFilter(search=name)).items
    assert [one.id for one in found] == [case_id]

    for _ in range(2):
        report(house, videos[1], contact="ben@example.org", reason="violence")
    both = httpx.get(f"{address}/v1/reviews", headers=headers).json()["data"]
    assert {one["id"]: one["reported_by"] for one in both}[case_id] == {
        "number": 2,
        "reporter": None,
        "reasons": ["violence", "deception"],
    }


def test_what_a_report_by_api_states_is_shown_as_what_the_form_states(house: House, address: str) -> None:
    first = house.make()
    videos = [first.id, *(copy_row(house, first) for _ in range(2))]
    add = house.container.correspondence.reports.add
    for video_id, fields in zip(
        videos, ({"category": "hate"}, {"reason": "privacy"}, {"reason": "It insults us."}), strict=True
    ):
        add(house.who, NewReport(video_id=video_id, **fields))
    # The case has no category of its own, and gets a milder one.
    add(house.who, NewReport(video_id=videos[1], category="ip/brand"))
    who = reviewer(house)
    listed = house.reviews.reporters_of(who, queue(house))
    by_video = {one.video_id: listed[one.id].reasons for one in queue(house)}
    assert [by_video[one] for one in videos] == [("hate",), ("ip/brand", "privacy"), ("other",)]
    found = house.container.decisions.bulk.preview(who, queue(house)[0].id, "reporter")
    assert found.categories == {"hate": 1, "ip/brand": 1, "privacy": 1, "other": 1}


def test_a_pseudonym_differs_in_each_tenant_and_is_erased_with_the_contact(house: House) -> None:
    own, other = house.make(), house.stranger().tenant
    report(house, own.id)
    report(house, house.copy_row(own, other))
    with house.database.across_tenants("a test", readonly=True) as tx:
        names = {row.sender for row in tx.select(tables.notices)}
    assert len(names) == 2
    decide(house, "keep")
    follow_up(house)
    later(house, 215 * 86_400.0)
    house.container.correspondence.reports.erase_old_reporters()
    with house.transaction() as tx:
        assert [row.sender for row in tx.select(tables.notices)] == [None]


def test_a_reviewer_sees_what_most_reports_are_about_before_the_cases_are_decided_together(
    house: House, address: str
) -> None:
    first = house.make()
    for video_id in (first.id, copy_row(house, first)):
        for reason in ("violence", "hate", "hate"):
            report(house, video_id, reason=reason)
    with house.transaction() as tx:
        add_person(tx, "user_rae", role=Role.REVIEWER)
        row = tx.one(tables.people, tables.people.c.id == "user_rae")
        assert row is not None
        principal = principal_of_person(row)
        assert principal is not None
        headers = {"cookie": f"{COOKIE}={open_session(tx, principal)[1]}", "accept": "text/html"}
    about, path = "Hate or harassment, Violence · Reporter", f"/review/{queue(house)[0].id}"
    listed = httpx.get(f"{address}/review", headers=headers).text
    case = httpx.get(f"{address}{path}", headers=headers).text
    together = httpx.get(f"{address}{path}/same", headers=headers).text
    assert (listed.count(about), together.count(about)) == (2, 2)
    assert 'same=reporter" aria-current="page"' in together
    for page in (case, together):
        likely = re.findall(r'name="clause" value="(\w+)-\d+"', page)
        # Hatred is named most. Its rules and those of violence (va, vi, vm) take turns.
        assert [one[0] for one in likely[:4]] == ["h", "v", "h", "v"], likely
