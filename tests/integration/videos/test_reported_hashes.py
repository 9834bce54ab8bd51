"""What a reported hash must not do: block what nobody confirmed, flood, or count in another tenant."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.accounts import KeyScope
from safelight.accounts.audit import read_entries
from safelight.accounts.statements import Objection, describe
from safelight.cases.inputs import DecisionRequest
from safelight.cases.notice_follow_up import make_hash_screen
from safelight.cases.removal_follow_up import RemovalFollowUp
from safelight.cases.reports import NewReport, Receipt, ReportedHash, list_writer, service
from safelight.cases.reports.models import HashState, NoticeOutcome
from safelight.cases.reports.reported_hashes import add_hashes, drop_hashes_of_video, lists_of
from safelight.console.translations import load_languages
from safelight.console.verdict_text import explain_video
from safelight.core.background.rows import RowFailures
from safelight.core.errors import InvalidField, RateLimited
from safelight.core.ids import new_id
from safelight.detectors.image.hash_lists import HashKind, HashTable, ListScope, digest_of
from safelight.policy.explanations import ExplanationLevel
from safelight.policy.findings import SHIPPED
from safelight.provenance.recovery.copies import NearVideos
from safelight.store import tables
from safelight.videos.case_rows import CaseKind, open_case
from safelight.videos.models import Video, VideoState
from safelight.videos.outcomes import expire_review
from support.concurrency import run_together

from .conftest import House
from .test_case_event_story import reader
from .test_decisions import reviewer
from .test_notices import (
    HOUR_S,
    decide,
    deliver,
    drawn,
    follow_up,
    hashes_of,
    intimate,
    later,
    make_insert,
    make_scene,
    notify,
    status_of,
    use,
)
from .test_statements import statements


def blocked_hashes(house: House) -> set[bytes]:
    lists = [one for one in house.container.core.hash_lists.all() if one.confirmed]
    return {each for one in lists for each in one.hashes().get(HashKind.PDQ)}


def find_near(
    house: House, monkeypatch: pytest.MonkeyPatch, find: Callable[[bytes], tuple[str, ...]]
) -> None:
    """A search for videos with a hash finds these."""

    def found(hashes: Iterable[bytes]) -> tuple[NearVideos, ...]:
        return tuple(NearVideos(video_ids=find(one), unrelated=1) for one in hashes)

    monkeypatch.setattr(house.container.provenance.copies, "find_near", found)


def test_a_removed_video_confirms_only_hashes_that_it_shows_and_after_a_wrong_removal_none(
    house: House, tmp_path: Path
) -> None:
    """The attack: a bad video of one's own, reported with the hashes of popular pictures."""
    own = deliver(house, make_scene(tmp_path / "own.mp4", 5))
    notify(house, own, hashes=hashes_of(drawn(777)))
    decide(house, "withdraw", video=own)
    for _ in range(2):
        follow_up(house)
    assert blocked_hashes(house)
    assert bytes.fromhex(hashes_of(drawn(777))[0].hash) not in blocked_hashes(house)
    use(house, make_insert(tmp_path / "innocent.mp4", 777))
    assert house.make("an innocent video").state is VideoState.HELD
    with house.transaction() as tx:
        drop_hashes_of_video(tx, own.id)
    follow_up(house)
    assert not blocked_hashes(house)


def test_notices_of_hashes_have_the_hourly_limit_and_a_number_of_hashes(house: House) -> None:
    for number in range(10):
        notify(house, hashes=hashes_of(drawn(1000 + number)))
    screened: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.container.correspondence.reports, "_screen", screened.append)
        with pytest.raises(RateLimited):
            notify(house, hashes=hashes_of(drawn(2000)))
    assert screened == []
    later(house, 2 * HOUR_S)
    with house.transaction() as tx:
        notice = tx.select(tables.notices, limit=1)[0].notice_id
        many = [f"{number:064x}" for number in range(480)]
        add_hashes(tx, notice, many, state=HashState.HOLDS, tenant_only=False)
    with pytest.raises(RateLimited, match="480"):
        notify(house, hashes=hashes_of(drawn(2000)))
    # All are near to each other, so one approval drops all, and none counts any more.
    with house.transaction() as tx:
        add_hashes(tx, new_id("video"), many[:1], state=HashState.DROPPED, tenant_only=True)
    notify(house, hashes=hashes_of(drawn(2000)))


def test_a_hash_without_a_decision_stops_nothing_after_90_days(house: House) -> None:
    notify(house, hashes=hashes_of(drawn(1)))
    follow_up(house)
    assert [one.name for one in house.container.core.hash_lists.all()] == ["safelight-reported"]
    later(house, 91 * 24 * HOUR_S)
    follow_up(house)
    assert house.container.core.hash_lists.all() == ()


def test_a_list_of_the_operator_stays_and_reserved_names_are_refused(house: House) -> None:
    lists = house.container.core.hash_lists
    table = HashTable(by_kind={HashKind.PDQ: frozenset([b"\x01" * 32])})
    for name in ("stay-down", "reported"):
        lists.put(name, "ncii", table, at=1.0)
    follow_up(house)
    assert [one.name for one in lists.all()] == ["reported", "stay-down"]
    with pytest.raises(InvalidField, match="safelight-"):
        lists.check_name("safelight-stay-down")


def test_hashes_of_an_account_count_only_for_its_own_tenant(house: House, tmp_path: Path) -> None:
    accounts = house.accounts
    other = accounts.create_tenant("other").id
    with house.database.transaction(other) as tx:
        hashed = hashes_of(drawn(1))[0].hash
        add_hashes(tx, "report_x", [hashed], state=HashState.HOLDS, tenant_only=True)
        add_hashes(tx, "report_x", [hashed], state=HashState.BLOCKS, tenant_only=True)
    follow_up(house)
    assert {one.tenant for one in house.container.core.hash_lists.all()} == {other}
    use(house, make_insert(tmp_path / "made.mp4", 1))
    assert house.make().state is VideoState.DELIVERED
    with pytest.raises(InvalidField, match="intimate_imagery"):
        house.container.correspondence.reports.add(
            house.who, NewReport(reason="copyright", hashes=hashes_of(drawn(1)))
        )


@pytest.mark.both_databases
def test_an_approval_settles_a_hash_that_another_tenant_received(house: House, tmp_path: Path) -> None:
    other = house.accounts.create_tenant("other").id
    with house.database.transaction(other) as tx:
        hashes = [hashes_of(drawn(1))[0].hash]
        add_hashes(tx, "report_x", hashes, state=HashState.HOLDS, tenant_only=False)
    follow_up(house)
    use(house, make_insert(tmp_path / "made.mp4", 1))
    assert house.make().state is VideoState.HELD
    decide(house, "approve")
    follow_up(house)
    assert house.container.core.hash_lists.all() == ()
    assert notify(house, hashes=hashes_of(drawn(1)), network="192.0.2.9").status.hashes == 0


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


def test_a_visitors_hash_opens_a_case_in_each_tenant_with_a_video_that_matches(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = house.make(), house.stranger().tenant
    copy = house.copy_row(own, other)
    find_near(house, monkeypatch, lambda _hash: (own.id, copy))
    receipt = notify(house, hashes=hashes_of(drawn(5)))
    for tenant, video in ((house.who.tenant, own.id), (other, copy)):
        with house.database.read_transaction(tenant) as tx:
            (case,) = tx.select(tables.cases, tables.cases.c.kind == "report")
            (notice,) = tx.select(tables.notices)
        assert (case.video_id, notice.case_id, notice.lane) == (video, case.id, "intimate_imagery")
        assert not notice.location
    told = [(one.video_id, one.is_about_video) for one in status_of(house, receipt).notices]
    assert told == [(None, False)], "a visitor does not learn that files match"
    later(house, 49 * HOUR_S)
    for _ in range(2):
        follow_up(house)
    told = [(one.video_id, one.is_match) for one in status_of(house, receipt).notices]
    assert told == [(None, True), (None, True)], "after the decision a visitor learns how many, and no id"
    with house.database.read_transaction(other) as tx:
        assert tx.select(tables.videos)[0].state == VideoState.WITHDRAWN.value, "its own clock ran"


@pytest.mark.both_databases
def test_a_wrong_removal_in_any_tenant_ends_only_the_hashes_that_matched_the_video(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = house.make(), house.stranger().tenant
    foreign = house.copy_row(own, other)
    pictures = {number: hashes_of(drawn(number)) for number in (5, 31, 777)}
    matched = {pictures[5][0].hash: (foreign,), pictures[31][0].hash: (own.id,)}
    find_near(house, monkeypatch, lambda one: matched.get(one.hex(), ()))
    receipt = notify(house, hashes=tuple(one for hashes in pictures.values() for one in hashes))
    assert status_of(house, receipt).hashes == 3, "each hash is counted once"
    for left, (of, video) in ((2, (other, foreign)), (1, (house.who.tenant, own.id))):
        # As after a won appeal.
        with house.database.transaction(of) as tx:
            drop_hashes_of_video(tx, video)
        assert status_of(house, receipt).hashes == left
    with house.database.across_tenants("a test", readonly=True) as tx:
        listed = [hashes for _scope, hashes in lists_of(tx.select(tables.notice_hashes), tx.now()).values()]
    assert listed == [frozenset(bytes.fromhex(one.hash) for one in pictures[777])]
    notify(house, hashes=pictures[777], network="192.0.2.77")
    assert notify(house, hashes=pictures[5], network="192.0.2.77").status.hashes == 0


@pytest.mark.both_databases
def test_two_notices_that_name_and_match_each_others_videos_are_both_recorded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"192.0.2.1": house.make(), "198.51.100.1": house.make("a red barn")}
    hashes = {"192.0.2.1": hashes_of(drawn(5)), "198.51.100.1": hashes_of(drawn(777))}
    one, other = named
    matched = {hashes[one][0].hash: named[other].id, hashes[other][0].hash: named[one].id}
    find_near(house, monkeypatch, lambda found: (matched[found.hex()],))
    both, seen = threading.Barrier(2), threading.local()

    def open_slowly(*args: Any, **fields: Any) -> Any:
        case = open_case(*args, **fields)
        if not house.database.is_sqlite and not hasattr(seen, "opened"):
            seen.opened = True
            # The other form must wait for a lock here, so only without the fix do both come to this point.
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)
        return case

    monkeypatch.setattr(service, "open_case", open_slowly)
    receipts = run_together(
        [partial(notify, house, named[each], hashes=hashes[each], network=each) for each in named]
    )
    assert [type(receipt) for receipt in receipts] == [Receipt, Receipt]
    with house.read_transaction() as tx:
        assert tx.count(tables.notices) == 4


@pytest.mark.both_databases
def test_notices_of_one_address_at_once_keep_the_hourly_limit(house: House) -> None:
    for _ in range(9):
        notify(house, hashes=hashes_of(drawn(1)))
    answers = run_together(
        [partial(notify, house, hashes=hashes_of(drawn(number))) for number in range(100, 106)]
    )
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
    assert status_of(house, receipt).notices[0].outcome is NoticeOutcome.KEPT


def test_the_stored_network_address_cannot_be_computed_without_the_key(house: House) -> None:
    notify(house, hashes=hashes_of(drawn(1)), network="192.0.2.44")
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
    other = RemovalFollowUp(house.context, screen=make_hash_screen(copies), copies=copies)
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


def test_the_lists_are_read_again_only_if_rows_or_files_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = list[int]()

    def count(rows: Any, now: float) -> Any:
        reads.append(1)
        return lists_of(rows, now)

    monkeypatch.setattr(list_writer, "lists_of", count)
    lists = house.container.core.hash_lists
    writer = list_writer.ListWriter(house.database, lists)
    notify(house, hashes=hashes_of(drawn(1)), network="192.0.2.9")
    assert writer.write()
    assert [writer.write() for _ in range(3)] == [False] * 3
    assert len(reads) == 1
    lists.remove(lists.all()[0].name)
    assert writer.write(), "a removed file is written again"
    with house.transaction() as tx:
        tx.update(tables.notice_hashes, state="dropped", decided_at=tx.now())
    assert writer.write()
    assert lists.all() == ()
    later(house, 61.0)
    before = len(reads)
    writer.write()
    assert len(reads) == before + 1, "hashes end with time"


def test_a_notice_of_which_no_hash_can_be_used_is_refused(house: House) -> None:
    with pytest.raises(InvalidField, match="None of the hashes"):
        notify(house, hashes=(ReportedHash(hash="0f" * 32, quality=3),))


def test_the_exported_log_does_not_name_the_account_that_reported(house: House) -> None:
    video = house.make()
    house.container.correspondence.reports.add(house.who, intimate(location=video.id))
    entries = read_entries(house.database, limit=1000)
    about = [one for one in entries if one.event in ("report.received", "case.opened")]
    assert about
    assert not [one for one in about if house.who.id in str(one)]


def test_two_reported_hashes_with_the_same_first_digits_have_different_entries(house: House) -> None:
    first, second = bytes(32), bytes(16) + b"\xff" * 16
    table = HashTable(by_kind={HashKind.PDQ: frozenset([first, second])})
    scope = ListScope(confirmed=False)
    reported = house.container.core.hash_lists.put("x", "ncii", table, at=1.0, scope=scope)
    near = [reported.nearest(np.frombuffer(one, np.uint8)) for one in (first, second)]
    assert near == [(0, digest_of(first)), (0, digest_of(second))]


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


def film_hashes() -> tuple[ReportedHash, ...]:
    """The hashes of two harmless pictures."""
    return (*hashes_of(drawn(31)), *hashes_of(drawn(32)))


def report_film(house: House) -> Receipt:
    """A stranger reports the hashes of a film."""
    receipt = notify(house, hashes=film_hashes())
    follow_up(house)
    return receipt


def make_film(house: House, folder: Path, *, picture: int = 31) -> Video:
    """A video with a picture of the film."""
    use(house, make_insert(folder / f"{picture}.mp4", picture))
    return house.make(f"a film with picture {picture}")


def test_an_unconfirmed_hash_holds_in_the_ordinary_queue_and_in_quarantine_only_its_notice_is_shown(
    house: House, tmp_path: Path
) -> None:
    receipt = report_film(house)
    video = make_film(house, tmp_path)
    assert video.state is VideoState.HELD
    reviews, who = house.reviews, reviewer(house, "ada")
    (case,) = reviews.list(who).items
    assert (case.rule, case.quarantined) == ("kh-3", False)
    assert reviews.get(who, case.id).notices == (receipt.status.id,)
    assert not house.snapshot(video).stages[-1].verdict.quarantine
    assert reviews.list_withheld(who) == ()
    # Nobody is enrolled: the people of these tests have no row.
    assert reviews.count_undecidable(who) == {KeyScope.REVIEW: 1}
    assert house.container.readiness.describe()["holds_nobody_can_decide"] == {"review": 1}

    with house.transaction() as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, quarantined=True)
    assert reviews.list(who).items == ()
    (row,) = reviews.list_withheld(who)
    assert (row.kind, row.notices) == (CaseKind.HOLD, (receipt.status.id,))
    assert set(row.__dataclass_fields__) == {"kind", "opened_at", "notices"}
    assert reviews.count_undecidable(who) == {KeyScope.VAULT: 1}
    answer = reader(house, KeyScope.REVIEW).get("/v1/reviews")
    shown = {"kind": "hold", "opened_at": int(row.opened_at), "notices": [receipt.status.id]}
    assert (answer["data"], answer["withheld"]) == ([], [shown])
    answer = reader(house, KeyScope.VAULT, KeyScope.REVIEW).get("/v1/reviews")
    assert (len(answer["data"]), answer["withheld"]) == (1, [])
    assert reviews.list_withheld(reviewer(house, "vera", KeyScope.REVIEW, KeyScope.VAULT)) == ()


@pytest.mark.both_databases
def test_a_keep_ends_the_hashes_of_the_notice_and_releases_other_videos_that_they_hold(
    house: House, tmp_path: Path
) -> None:
    film = deliver(house, make_insert(tmp_path / "film.mp4", 31))
    receipt = notify(house, film, hashes=film_hashes())
    follow_up(house)
    held = [make_film(house, tmp_path, picture=picture) for picture in (31, 32)]
    assert {one.state for one in held} == {VideoState.HELD}
    decide(house, "keep", video=film)
    follow_up(house)
    assert house.container.core.hash_lists.all() == ()
    assert {house.carry(one).state for one in held} == {VideoState.DELIVERED}
    assert house.reviews.list(reviewer(house, "ada")).items == ()
    assert status_of(house, receipt).hashes == 0


def test_a_hold_that_has_another_reason_stays_when_the_hashes_end(house: House, tmp_path: Path) -> None:
    film = deliver(house, make_insert(tmp_path / "film.mp4", 31))
    notify(house, film, hashes=film_hashes())
    follow_up(house)
    video = make_film(house, tmp_path)
    for waiver in house.container.persistence.waivers.list(house.who.tenant):
        house.container.persistence.waivers.revoke(waiver.id, revoked_by="a test")
    decide(house, "keep", video=film)
    follow_up(house)
    (case,) = house.reviews.list(reviewer(house, "ada")).items
    assert (case.video_id, case.rule != "kh-3") == (video.id, True)
    assert house.carry(video).state is VideoState.HELD


@pytest.mark.both_databases
def test_an_approval_of_a_hold_ends_all_hashes_of_its_notice_and_releases_other_videos(
    house: House, tmp_path: Path
) -> None:
    receipt = report_film(house)
    held = [make_film(house, tmp_path, picture=picture) for picture in (31, 32)]
    assert {one.state for one in held} == {VideoState.HELD}
    decide(house, "approve", video=held[0])
    follow_up(house)
    assert house.container.core.hash_lists.all() == ()
    assert status_of(house, receipt).hashes == 0
    assert {house.carry(one).state for one in held} == {VideoState.DELIVERED}
    assert house.make("the next film").state is VideoState.DELIVERED
    # Nobody looked at a video with the other picture, so that may be reported again.
    notify(house, hashes=hashes_of(drawn(32)), network="192.0.2.77")
    assert notify(house, hashes=hashes_of(drawn(31)), network="192.0.2.77").status.hashes == 0


def test_a_refusal_needs_rule_and_facts_and_for_another_reason_it_confirms_no_hash_of_a_stranger(
    house: House, tmp_path: Path
) -> None:
    """The attack: a harmless picture of a film is reported, and another scene of the film is bad."""
    report_film(house)
    video = make_film(house, tmp_path)
    who = reviewer(house, "ada")
    (case,) = house.reviews.list(who).items
    for ground, missing in (({}, "clause"), ({"clause": "kh-3"}, "facts")):
        with pytest.raises(InvalidField) as caught:
            house.reviews.decide(who, case.id, DecisionRequest(action="refuse", reason="No.", **ground))
        assert caught.value.param == missing
    assert house.reread(video).state is VideoState.HELD
    decide(house, "refuse", clause="ha-2", facts="A woman is insulted.")
    follow_up(house)
    assert not blocked_hashes(house)
    refused = house.reread(video)
    assert "The reason is hate or harassment. A woman is insulted." in (refused.error_message or "")
    assert "sexual" not in f"{refused.error_message}{refused.explanation}"
    assert "seed" not in (refused.error_message or "")
    assert (refused.explanation or {})["retry"]["action"] == "never"
    record = house.record(video)
    page = explain_video(record.video, record, SHIPPED, load_languages()["zh-Hans"]).sentence
    assert "A woman is insulted." in page
    assert "色情" not in page
    (stated,) = statements(house, video)
    assert (stated.content.ground.group, stated.content.automated_detection) == ("hate", False)
    assert house.make("another film").state is VideoState.HELD
    decide(house, "refuse", clause="kh-3")
    follow_up(house)
    assert blocked_hashes(house)
    assert house.make("a third film").state is VideoState.BLOCKED
    own = f"safelight-stay-down-{house.who.tenant.replace('_', '-')}"
    named = {one.name: one.tenant for one in house.container.core.hash_lists.all()}
    assert named == {"safelight-reported": None, own: house.who.tenant}


def test_the_owner_of_an_expired_hold_by_a_strangers_hash_learns_that_nobody_confirmed_it(
    house: House, tmp_path: Path
) -> None:
    report_film(house)
    video = make_film(house, tmp_path)
    with house.database.transaction(video.tenant) as tx:
        expire_review(house.context, tx, house.reread(video))
    (stated,) = statements(house, video)
    record = house.record(video)
    page = explain_video(record.video, record, SHIPPED, load_languages()["en"]).sentence
    for said in (
        record.video.error_message or "",
        page,
        describe(stated, level=ExplanationLevel.END_USER).reason,
    ):
        assert "A notice says" in said
        assert "No person has confirmed this yet" in said
        assert "The reason is" not in said
    assert "You may send the request again" not in (record.video.error_message or "")
    assert stated.content.objection is Objection.OPERATOR
