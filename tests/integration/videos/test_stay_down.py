"""What a removal as intimate pictures lists, and what a notice of a stranger holds."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest

from safelight.accounts import KeyScope
from safelight.accounts.audit import read_entries, read_history
from safelight.accounts.models import account_subject
from safelight.accounts.statements import StatementSource
from safelight.accounts.terms import AccountTerms, Terms
from safelight.cases.appeals import NewAppeal
from safelight.cases.inputs import DecisionRequest
from safelight.cases.removal_follow_up import RemovalFollowUp
from safelight.cases.reports import NewReport, NoticeOutcome, Receipt
from safelight.cases.reports.notice_store import PAGE_TOPIC
from safelight.cases.reports.stay_down import add_hashes, delete_hashes
from safelight.core.background.rows import RowFailures
from safelight.core.errors import Forbidden, InvalidField, NotFound, RateLimited
from safelight.detectors.image.hash_lists import HashKind, HashTable
from safelight.detectors.image.pdq import MAX_DISTANCE_BITS, distances, hexadecimal, pdq
from safelight.store import tables
from safelight.videos.models import VideoState
from support.clips import Pixels, make_clip
from support.concurrency import run_together
from support.fake_api_server import listening

from .conftest import House
from .test_decisions import only_case, reviewer
from .test_notice_story import FORM, PAGE
from .test_notices import (
    HOUR_S,
    decide,
    deliver,
    drawn,
    follow_up,
    intimate,
    later,
    make_insert,
    make_scene,
    notify,
    status_of,
    use,
)


def hash_of(picture: Pixels) -> str:
    return hexadecimal(pdq(picture)[0])


def blocked_hashes(house: House) -> set[bytes]:
    return {each for one in house.container.core.hash_lists.all() for each in one.hashes().get(HashKind.PDQ)}


def test_the_frames_of_a_removed_video_are_listed_for_its_tenant_until_an_appeal_is_won(
    house: House, tmp_path: Path
) -> None:
    video = deliver(house, make_scene(tmp_path / "own.mp4", 5))
    notify(house, video)
    decide(house, "withdraw", video=video)
    for _ in range(2):
        follow_up(house)
    shown = {bytes.fromhex(hash_of(drawn(50 + number))) for number in range(2)}
    listed = np.array([list(one) for one in blocked_hashes(house)], np.uint8)
    for one in shown:
        assert distances(listed, np.frombuffer(one, np.uint8)).min() <= MAX_DISTANCE_BITS
    (made,) = house.container.core.hash_lists.all()
    own = house.who.tenant
    assert (made.name, made.tenant) == (f"safelight-stay-down-{own.replace('_', '-')}", own)
    with house.database.transaction(house.accounts.create_tenant("other").id) as tx:
        add_hashes(tx, "video_x", [hash_of(drawn(777))])
    follow_up(house)
    use(house, make_insert(tmp_path / "other.mp4", 777))
    assert house.make("not listed here").state is VideoState.DELIVERED
    use(house, make_scene(tmp_path / "again.mp4", 5, crf=30))
    assert house.make("the same").state is VideoState.BLOCKED
    with house.transaction() as tx:
        delete_hashes(tx, video.id, actor="ben")
        logged = [one for one in read_history(tx, video.id) if one.event.startswith("stay_down.")]
    number = {"hashes": len(listed)}
    assert [(one.event, one.actor, one.content) for one in logged] == [("stay_down.added", "notices", number)]
    follow_up(house)
    with house.read_transaction() as tx:
        last = read_history(tx, video.id)[-1]
    assert (last.event, last.actor, last.content) == ("stay_down.deleted", "ben", number)
    assert house.make("after a won appeal").state is VideoState.DELIVERED


def test_a_held_copy_is_blocked_when_it_is_approved_after_the_removal(house: House, tmp_path: Path) -> None:
    removed = deliver(house, make_scene(tmp_path / "own.mp4", 5))
    AccountTerms(house.database).set(house.who, account_subject(house.who.id), Terms(review_first=2))
    copy, other = (
        (use(house, make_scene(tmp_path / f"{seed}.mp4", seed, crf=30)), house.make(f"held {seed}"))[1]
        for seed in (5, 6)
    )
    assert {copy.state, other.state} == {VideoState.HELD}
    notify(house, removed)
    decide(house, "withdraw", video=removed)
    for _ in range(2):
        follow_up(house)
    for held in (copy, other):
        decide(house, "approve", video=held)
    assert house.carry(other).state is VideoState.DELIVERED
    stopped = house.carry(copy)
    assert (stopped.state, stopped.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    assert house.record(copy).stages[-1].verdict.rule == "kh-2"
    assert not stopped.reviewed
    assert [one.kind for one in house.context.videos.files(house.who.tenant, copy.id)] == ["generated"]
    # Whether a minor is shown was not checked, so it is quarantined.
    ben = reviewer(house, "ben", KeyScope.VAULT)
    appeal = house.appeals.add(house.who, copy.id, text="It is my own scene.")
    house.reviews.decide(ben, appeal.case_id, DecisionRequest(action="overturn", reason="It is."))
    new = house.reread(copy).reinstated_as
    assert new is not None
    assert house.carry(house.videos.get(house.who, new)).state is VideoState.DELIVERED


def test_who_removed_a_video_does_not_decide_the_appeal_of_its_copy(house: House, tmp_path: Path) -> None:
    removed, copy = (
        deliver(house, make_scene(tmp_path / f"{crf}.mp4", 5, crf=crf), str(crf)) for crf in (23, 30)
    )
    sent = notify(house, removed)
    decide(house, "withdraw", video=removed)
    for _ in range(2):
        follow_up(house)
    assert house.reread(copy).state is VideoState.WITHDRAWN
    assert not status_of(house, sent).notice.released
    case_id = house.appeals.add(house.who, copy.id, text="It is another scene.").case_id
    ada, ben = reviewer(house), reviewer(house, "ben")
    assert house.reviews.get(ada, case_id).requires_other_reviewer
    assert not house.reviews.get(ben, case_id).requires_other_reviewer
    with pytest.raises(Forbidden, match="You cannot decide this appeal"):
        house.reviews.decide(ada, case_id, DecisionRequest(action="uphold", reason="Seen.", **house.ground()))
    told = house.reviews.get(ben, case_id).appealed
    assert told is not None
    assert told.content.source is StatementSource.COPY_REPORTED
    original = house.appeals.add(house.who, removed.id, text="It is a play.").case_id
    cy = reviewer(house, "cy")
    house.reviews.decide(cy, original, DecisionRequest(action="overturn", reason="It is."))
    assert house.reviews.get(cy, case_id).requires_other_reviewer, "who decided about the original"
    assert status_of(house, sent).notice.released
    # What the removal rested on, not the verdict of the scan that allowed the copy.
    case = house.reviews.get(ben, case_id).case
    assert (case.category, case.reason) == ("ncii", "Reported: intimate")


def test_the_copies_of_a_kept_video_go_when_the_appeal_of_its_reporter_succeeds(
    house: House, tmp_path: Path
) -> None:
    video, copy = (
        deliver(house, make_scene(tmp_path / f"{crf}.mp4", 5, crf=crf), str(crf)) for crf in (23, 30)
    )
    reports = house.container.correspondence.reports
    sent = reports.add(house.who, intimate(video_id=video.id, end_user="reader-3"))
    decide(house, "keep")
    follow_up(house)
    assert status_of(house, sent).notice.outcome is NoticeOutcome.KEPT
    told = status_of(house, sent).statement
    assert told is not None
    new = NewAppeal(statement_id=told.id, text="That is me.", end_user="reader-3")
    case_id = house.appeals.send(house.who, new).case_id
    house.reviews.decide(
        reviewer(house, "ben"),
        case_id,
        DecisionRequest(action="overturn", reason="Seen.", **house.ground()),
    )
    for _ in range(2):
        follow_up(house)
    assert {house.reread(one).state for one in (video, copy)} == {VideoState.WITHDRAWN}
    assert status_of(house, sent).notice.outcome is NoticeOutcome.REMOVED
    assert blocked_hashes(house)


def test_a_frame_that_other_videos_also_show_is_not_listed(house: House, tmp_path: Path) -> None:
    """A title card of a platform, and a picture without detail."""
    for seed in range(4):
        card = {frame: drawn(900) if frame < 12 else drawn(60 + seed) for frame in range(36)}
        deliver(house, make_clip(tmp_path / f"{seed}.mp4", odd=card), f"video {seed}")
    video = deliver(house, make_clip(tmp_path / "own.mp4", odd={20: drawn(900), 30: drawn(5)}), "own")
    notify(house, video)
    decide(house, "withdraw", video=video)
    for _ in range(2):
        follow_up(house)
    listed = np.array([list(one) for one in blocked_hashes(house)], np.uint8).reshape(-1, 32)
    card = np.frombuffer(bytes.fromhex(hash_of(drawn(900))), np.uint8)
    assert not len(listed) or distances(listed, card).min() > MAX_DISTANCE_BITS


@pytest.mark.parametrize("named", ["video", "page"])
def test_while_a_notice_is_open_ten_unrelated_videos_in_work_are_delivered(house: House, named: str) -> None:
    video = house.make()
    work = [house.order(f"a quiet lake {number}") for number in range(10)]
    if named == "video":
        receipt = notify(house, video)
    else:
        receipt = notify(house, location="https://videos.example/watch?v=abc")
    follow_up(house)
    assert {house.carry(one).state for one in work} == {VideoState.DELIVERED}
    assert status_of(house, receipt).notice.outcome is None
    with house.read_transaction() as tx:
        hidden = [row.video_id for row in tx.select(tables.video_hidings)]
    assert hidden == ([video.id] if named == "video" else [])


def test_videos_in_work_are_delivered_while_the_first_list_appears(house: House, tmp_path: Path) -> None:
    removed = deliver(house, make_scene(tmp_path / "own.mp4", 5))
    use(house, make_scene(tmp_path / "other.mp4", 6))
    work = [house.order(f"a quiet lake {number}") for number in range(10)]
    notify(house, removed)
    decide(house, "withdraw", video=removed)
    for _ in range(2):
        follow_up(house)
    assert blocked_hashes(house)
    assert {house.carry(one).state for one in work} == {VideoState.DELIVERED}


def test_a_notice_with_hashes_is_refused_and_names_the_way(house: House) -> None:
    hashes = [{"hash": "0f" * 32, "quality": 90, "clip": None}]
    fields = {"lane": "intimate_imagery", "name": "Ann", "contact": "ann@example.org", "good_faith": True}
    with listening(house.app) as address, httpx.Client(base_url=address) as client:
        _, key = house.accounts.create_key(house.who.tenant, "k", (KeyScope.VIDEOS_READ,))
        body = {**fields, "location": house.make().id, "hashes": hashes}
        sent = client.post("/v1/safelight/reports", json=body, headers={"authorization": f"Bearer {key}"})
        error = sent.json()["error"]
        assert (sent.status_code, error["param"]) == (400, "hashes")
        assert "Name the video or the page" in str(error)
        form = {**FORM, "location": body["location"], "hashes": json.dumps(hashes)}
        page = client.post("/report/intimate", data=form, headers=PAGE)
        assert (page.status_code, "takes no files or fingerprints" in page.text) == (400, True)
    with house.read_transaction() as tx:
        assert tx.count(tables.notices) == 0


def test_a_reviewer_finds_the_video_of_a_page_and_its_case_is_that_of_any_other_notice(house: House) -> None:
    video, who = house.make(), reviewer(house)
    page = "https://videos.example/watch?v=abc"
    receipt = notify(house, location=page)
    later(house, 49 * HOUR_S)
    follow_up(house)
    assert status_of(house, receipt).notice.outcome is None, "nobody looked for it yet"
    (open_one,) = house.reviews.list_pages(who)
    with house.read_transaction() as tx:
        assert tx.count(tables.outbox, tables.outbox.c.topic == PAGE_TOPIC) == 1
    assert (open_one.page, open_one.report_id) == (page, receipt.status.notice.id)
    # A reviewer sees what it is about before the video is found.
    assert (open_one.reason, open_one.note) == ("intimate", "That is me.")
    assert house.reviews.list(who).items == ()
    reports = house.container.correspondence.reports
    with pytest.raises(NotFound):
        reports.place(who, open_one.report_id, "video_" + "0" * 32)
    with pytest.raises(Forbidden):
        reports.place(replace(who, scopes=frozenset({KeyScope.VIDEOS_READ})), open_one.report_id, video.id)
    reports.place(who, open_one.report_id, video.id)
    assert house.reviews.list_pages(who) == ()
    found = house.reviews.get(who, only_case(house).id)
    assert (found.case.video_id, found.notes[0]["note"]) == (video.id, "That is me.")
    assert found.notes[0]["page"] == page
    with pytest.raises(NotFound):
        reports.place(who, open_one.report_id, video.id)
    told = status_of(house, receipt).notice
    assert (told.hidden, told.video_id) == (True, None), "a visitor learns no id"
    assert told.location == page
    decide(house, "withdraw")
    follow_up(house)
    assert status_of(house, receipt).notice.outcome is NoticeOutcome.REMOVED
    assert house.reread(video).state is VideoState.WITHDRAWN


def test_a_page_without_a_video_of_this_installation_is_answered(house: House) -> None:
    receipt = notify(house, location="https://videos.example/watch?v=abc")
    house.container.correspondence.reports.place(reviewer(house), receipt.status.notice.id, None)
    assert status_of(house, receipt).notice.outcome is NoticeOutcome.GONE


def test_a_list_of_the_operator_stays_and_reserved_names_are_refused(house: House) -> None:
    lists = house.container.core.hash_lists
    table = HashTable(by_kind={HashKind.PDQ: frozenset([b"\x01" * 32])})
    for name in ("stay-down", "reported"):
        lists.put(name, "ncii", table, at=1.0)
    follow_up(house)
    assert [one.name for one in lists.all()] == ["reported", "stay-down"]
    with pytest.raises(InvalidField, match="safelight-"):
        lists.check_name("safelight-stay-down")


@pytest.mark.both_databases
def test_a_copy_of_another_tenant_gets_a_case_and_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = house.database
    video = house.make()
    other = house.accounts.create_tenant("other").id
    copy = house.copy_row(video, other)
    copies = house.container.provenance.copies
    monkeypatch.setattr(copies, "find_near_files", lambda _path: ("file_1",))
    monkeypatch.setattr(copies, "compare", lambda _path, _files: (copy,))
    notify(house, video)
    later(house, 49 * HOUR_S)
    for _ in range(2):
        follow_up(house)
    with database.read_transaction(other) as tx:
        (case,) = tx.select(tables.cases)
        state = tx.select(tables.videos)[0].state
    assert (case.video_id, state) == (copy, VideoState.DELIVERED.value)


@pytest.mark.both_databases
def test_notices_of_one_address_at_once_keep_the_hourly_limit(house: House) -> None:
    video = house.make()
    for _ in range(9):
        notify(house, video)
    answers = run_together([partial(notify, house, video) for _ in range(6)])
    assert Counter(type(answer) for answer in answers) == {RateLimited: 5, Receipt: 1}


def test_who_reported_is_erased_seven_months_after_the_answer_and_the_outcome_stays(house: House) -> None:
    video, waiting = house.make(), house.make("a red barn")
    receipt = notify(house, video)
    decide(house, "keep", video=video)
    follow_up(house)
    notify(house, waiting, network="192.0.2.7")
    database, reports = house.database, house.container.correspondence.reports
    later(house, (184 + 29) * 24 * HOUR_S)
    assert reports.erase_old_reporters() == 0
    later(house, (184 + 31) * 24 * HOUR_S)
    assert reports.erase_old_reporters() == 1
    assert reports.erase_old_reporters() == 0
    with database.read_transaction(house.who.tenant) as tx:
        rows = [*tx.select(tables.notices), *tx.select(tables.reports), *tx.select(tables.video_hidings)]
    about = [row for row in rows if row.video_id == video.id]
    assert {row.reporter for row in about} == {"visitor:erased"}
    assert "lanted" not in str(about)
    assert "watch" not in str(about)
    assert any("Planted Name" in str(row) for row in rows), "a notice without an answer stays"
    assert status_of(house, receipt).notice.outcome is NoticeOutcome.KEPT


def test_the_stored_network_address_cannot_be_computed_without_the_key(house: House) -> None:
    notify(house, house.make(), network="192.0.2.44")
    with house.read_transaction() as tx:
        (row,) = tx.select(tables.notices)
    keys = house.container.persistence.people.keys
    kept = row.reporter.removeprefix("visitor:")
    assert keys.digest("192.0.2.44", purpose="reporter").startswith(kept)
    assert keys.digest("192.0.2.44", purpose="another").startswith(kept) is False
    guesses = ("192.0.2.44", "safelight report 192.0.2.44", "reporter\x00192.0.2.44")
    assert not [each for each in guesses if hashlib.sha256(each.encode()).hexdigest().startswith(kept)]


def test_a_removal_with_many_near_files_goes_on_in_later_rounds_and_another_process_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, copies = house.make(), house.container.provenance.copies
    near, compared, at = [f"file_{number}" for number in range(130)], list[str](), [0.0]
    monkeypatch.setattr(copies, "find_near_files", lambda _path: tuple(near))
    part = house.container.background.notice_follow_up
    other = RemovalFollowUp(house.context, copies=copies)
    monkeypatch.setattr(part.removals, "_monotonic", lambda: at[0])

    def compare(_path: Path, files: Sequence[str]) -> tuple[str, ...]:
        if not compared:
            other.follow_due(RowFailures())
        compared.extend(files)
        at[0] += 20.0
        return ()

    monkeypatch.setattr(copies, "compare", compare)
    notify(house, video)
    decide(house, "withdraw", video=video)
    part.answer_reporters()
    part.follow_removals()
    assert len(compared) == 40, "a round ends after 30 s"
    other.follow_due(RowFailures())
    assert compared == near, "another process goes on where the first one was"
    with house.read_transaction() as tx:
        (notice,) = tx.select(tables.notices)
    assert notice.followed_up_at is not None
    assert notice.claimed_until is None


def test_the_claim_of_a_process_that_ended_abruptly_is_over_after_ten_minutes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, copies = house.make(), house.container.provenance.copies
    part = house.container.background.notice_follow_up
    found = list[int]()

    def find_near_files(_path: Path) -> tuple[str, ...]:
        found.append(1)
        return ()

    monkeypatch.setattr(copies, "find_near_files", find_near_files)
    notify(house, video)
    decide(house, "withdraw", video=video)
    part.answer_reporters()
    database = house.database
    with database.transaction(house.who.tenant) as tx:
        tx.update(tables.notices, claimed_until=tx.now() + 600.0)
    part.follow_removals()
    assert not found
    later(house, 601.0)
    part.follow_removals()
    assert found


def test_the_exported_log_does_not_name_the_account_that_reported(house: House) -> None:
    video = house.make()
    house.container.correspondence.reports.add(house.who, intimate(location=video.id))
    entries = read_entries(house.database, limit=1000)
    about = [one for one in entries if one.event in ("report.received", "case.opened")]
    assert about
    assert not [one for one in about if house.who.id in str(one)]


def test_no_words_of_the_reporter_are_left_after_the_erasure_nor_in_cases_and_the_log(
    house: House, tmp_path: Path
) -> None:
    video = deliver(house, make_scene(tmp_path / "a.mp4", 3))
    words = "I am Jane Doe of 5 Elm Street"
    new = NewReport(location=video.id, reason=words, note="It shows me.", name="Jane", idempotency_key="one")
    reports = house.container.correspondence.reports
    reports.add_from_visitor(new, network="192.0.2.3")
    decide(house, "keep", video=video)
    house.container.background.notice_follow_up.answer_reporters()
    later(house, (184 + 31) * 24 * HOUR_S)
    assert reports.erase_old_reporters() == 1
    with house.database.across_tenants("a test", readonly=True) as tx:
        (report,) = tx.select(tables.reports)
        (notice,) = tx.select(tables.notices)
        (case,) = tx.select(tables.cases)
        logged = [row.content for row in tx.select(tables.audit_log_contents)]
    assert (report.reason, report.note) == ("other", "")
    assert (notice.request_sha256, notice.idempotency_key) == (None, None)
    assert case.reason == "Reported: other"
    assert not any(b"Elm" in content for content in logged)
