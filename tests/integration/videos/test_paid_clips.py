"""A clip that was paid for is never thrown away by us."""

from __future__ import annotations

import datetime as dt
import errno
import math
import os
from dataclasses import replace
from typing import Any

import pytest

from safelight.accounts import KeyScope
from safelight.cases.inputs import DecisionRequest
from safelight.cli.doctor import downloads
from safelight.core.errors import Conflict, NotFound, SandboxCrashed
from safelight.providers.upstream import download
from safelight.store import tables
from safelight.store.retention import PAID_CLIP_S, Retention
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.attempts import download_of
from safelight.videos.case_rows import CaseState
from safelight.videos.context import DownloadTries
from safelight.videos.models import Video, VideoState
from safelight.videos.runner import Runner
from safelight.videos.timeouts import Cancellation
from safelight.videos.transitions import StaleRevision
from safelight.web.api.serializers import LATE_MESSAGE, UNANSWERED_MESSAGE, video_object
from support.house import withdraw

from .conftest import Furnish, House
from .test_decisions import decide, only_case, reviewer
from .test_quarantine import browser
from .test_timeouts import at_the_upstream, attempt, let_pass
from .test_video_lifecycle import OWN, PAID, NoEngine, sweeper

#: A rule of the shipped policy.
CLAUSE = "vi-1"


def steps(house: House, video: Video, count: int) -> None:
    runner = Runner(house.context)
    for _ in range(count):
        runner.run_steps(video.tenant, video.id)


def clip_class(house: House, video: Video) -> str | None:
    """The retention class of the stored clip of a video; None if it is not stored."""
    with house.database.read_transaction(video.tenant) as tx:
        assets = tables.assets.c
        row = tx.one(
            tables.assets,
            assets.video_id == video.id,
            assets.kind == "generated",
            assets.deleted_at.is_(None),
        )
    return None if row is None else row.retention


def refuse(house: House) -> None:
    wanted = DecisionRequest(action="refuse", reason="Seen.", clause=CLAUSE, facts="A fight is shown.")
    house.reviews.decide(reviewer(house), only_case(house).id, wanted)


def break_scans(house: House, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The child of the next scans dies."""
    output = house.context.stages.output
    left, scan = [times], type(output).scan

    def die(self: Any, *args: Any, **named: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise SandboxCrashed("The scan child ended.")
        return scan(self, *args, **named)

    monkeypatch.setattr(type(output), "scan", die)


@pytest.fixture
def failed(house: House, monkeypatch: pytest.MonkeyPatch) -> Video:
    """A video that failed because the child of its scan died three times. The next scan works."""
    break_scans(house, monkeypatch, times=3)
    return house.make(**PAID)


def expired(furnish: Furnish) -> tuple[House, Video]:
    """A paid output that was held, and whose review has expired."""
    house = furnish()
    video = house.make(**PAID)
    assert video.state is VideoState.HELD
    house.change(video, review_due_at=1.0)
    sweeper(house).expire_reviews()
    return house, house.reread(video)


def test_a_cut_download_continues_where_it_stopped(house: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4, "content": {"do": "truncated", "times": 2}}})
    video = house.make(**PAID)
    assert video.state is VideoState.DELIVERED
    assert (upstream.counts["fetches"], upstream.counts["received"]) == (3, 1)
    made = attempt(house, video)
    assert not list(download_of(house.context, made).parent.iterdir())


def test_a_download_continues_after_a_restart(house: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4, "content": {"do": "truncated", "times": 1}}})
    video = house.order(**PAID)
    steps(house, video, 2)
    part = download_of(house.context, attempt(house, video)).with_suffix(".mp4.part")
    size = part.stat().st_size
    assert size > 0
    house.container.persistence.data_directory._empty_scratch()
    house.context.downloads.clear()
    house.crash_at = "fetched"
    assert house.carry_through_crashes(video).state is VideoState.DELIVERED
    assert (upstream.counts["fetches"], upstream.counts["received"]) == (2, 1)


def test_a_download_is_tried_until_the_link_ends_and_then_the_provider_has_failed(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = {"polls": 0, "charge": 0.4, "content": "drop", "fields": {"expires_at": 4e9}}
    upstream.play({"otherwise": rule})
    video = house.order(**PAID)
    steps(house, video, 8)
    assert house.reread(video).state is VideoState.GENERATING
    now = house.database.clock
    monkeypatch.setattr(house.database, "clock", lambda: now() + 5e9)
    house.context.clock_watch.held_for_s()
    video = house.carry(video)
    assert (video.state, video.error_code) == (VideoState.FAILED, "upstream_error")
    assert f"but {upstream.counts['fetches']} downloads failed" in (video.error_message or "")
    assert "Ask paid for a refund." in (video.error_message or "")


def test_a_link_that_always_cuts_the_clip_is_told_with_its_tries_its_charge_and_its_end(
    house: House, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    rule = {"polls": 0, "charge": 0.4, "content": "truncated", "fields": {"expires_at": 4e9}}
    upstream.play({"ranges": False, "otherwise": rule})
    video = house.order(**PAID)
    steps(house, video, 8)
    assert house.reread(video).state is VideoState.GENERATING
    shown = house.reread(video)
    problem, tries = shown.download_problem or "", upstream.counts["fetches"]
    assert tries > 3
    assert problem.startswith(f"paid has finished the video, but {tries} downloads failed.")
    assert "The server cut off the finished video after " in problem
    assert problem.endswith("paid charged $0.40 for it. It is tried again until 2096-10-02 07:06 UTC.")
    wire = video_object(shown)
    assert (wire["status"], wire["progress"]) == ("in_progress", 60)
    assert wire["safelight"]["download_problem"] == problem
    ready = house.container.readiness.describe()
    told = f"1 finished video cannot be downloaded: {problem}"
    assert (ready["ready"], ready["downloads_cut"]) == (True, {"paid": told})
    check = downloads(house.database)
    assert (check.state.value, check.message) == ("warning", f"paid: {told}")
    assert problem in caplog.text


def test_a_server_that_cuts_at_other_places_each_time_and_knows_no_ranges_brings_nothing_new(
    house: House, upstream: ScriptedUpstream
) -> None:
    tries = DownloadTries()
    in_a_row = []
    for stored in (500, 250, 500, 250, 501, 500):
        tries.fail(stored)
        in_a_row.append(tries.in_a_row)
    assert in_a_row == [1, 2, 3, 4, 1, 2]


def test_the_tries_go_on_counting_after_a_restart_and_the_problem_ends_with_the_delivery(
    house: House, upstream: ScriptedUpstream
) -> None:
    cut = {"polls": 0, "charge": 0.4, "content": {"do": "truncated", "times": 9}}
    upstream.play({"ranges": False, "otherwise": cut})
    video = house.order(**PAID)
    steps(house, video, 8)
    before = house.reread(video)
    assert before.failed_downloads > 3
    assert before.download_problem is not None
    house.context.downloads.clear()
    delivered = house.carry(video)
    assert (delivered.state, delivered.failed_downloads) == (VideoState.DELIVERED, 9)
    assert delivered.download_problem is None
    assert upstream.counts["received"] == 1


def test_a_clip_that_is_missing_may_come_for_an_hour(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4, "content": "missing"}})
    video = house.order(**PAID)
    steps(house, video, 8)
    waiting = house.reread(video)
    assert waiting.state is VideoState.GENERATING
    end = dt.datetime.fromtimestamp((waiting.generated_at or 0.0) + 3600, dt.UTC)
    assert (waiting.download_problem or "").endswith(f"It is tried again until {end:%Y-%m-%d %H:%M} UTC.")
    now = house.database.clock
    monkeypatch.setattr(house.database, "clock", lambda: now() + 3601)
    house.context.clock_watch.held_for_s()
    ended = house.carry(video)
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "upstream_invalid")
    assert ended.download_problem is None


def test_a_full_disk_during_a_download_waits_and_loses_nothing(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, write = [1], download.write_atomic

    def full(*args: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*args)

    monkeypatch.setattr(download, "write_atomic", full)
    video = house.make(**PAID)
    assert video.state is VideoState.DELIVERED
    assert (left[0], upstream.counts["received"]) == (0, 1)


def test_a_deadline_that_passes_during_our_own_checks_ends_nothing_and_the_record_says_late(
    house: House, upstream: ScriptedUpstream
) -> None:
    video = at_the_upstream(house)
    assert house.reread(video).state is VideoState.SCANNING
    let_pass(house, video)
    sweeper(house).requeue_abandoned()
    late = house.reread(video)
    assert (late.state, late.late_since) == (VideoState.SCANNING, 1.0)
    assert house.record(video).video.late_since == 1.0
    shown = video_object(late)
    assert shown["status"] == "in_progress"
    assert shown["safelight"]["late"] == {"since": 1, "message": LATE_MESSAGE}
    ended = house.carry(video)
    assert (ended.state, ended.late_since) == (VideoState.DELIVERED, None)


def test_a_deadline_that_passes_during_the_download_ends_nothing(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4, "content": {"do": "drop", "times": 4}}})
    video = at_the_upstream(house)
    let_pass(house, video)
    sweeper(house).requeue_abandoned()
    assert house.carry(video).state is VideoState.DELIVERED


def test_a_late_video_is_asked_for_once_more_before_it_ends(house: House, upstream: ScriptedUpstream) -> None:
    upstream.play({"otherwise": {"polls": 1, "charge": 0.4}})
    video = at_the_upstream(house)
    assert house.reread(video).state is VideoState.GENERATING
    let_pass(house, video)
    made = sweeper(house)
    made.requeue_abandoned()
    assert [video_id for video_id, _ in made._queue.handed_over] == [video.id]  # type: ignore[attr-defined]
    assert house.carry(video).state is VideoState.DELIVERED


def test_a_sweeper_that_read_the_row_before_the_upstream_finished_does_not_end_the_video(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0, "content": {"do": "drop", "times": 1}}})
    video = house.order(**PAID)
    steps(house, video, 1)
    before = replace(house.reread(video), deadline_at=1.0)
    steps(house, video, 1)
    made = sweeper(house)
    made._last_looks[video.id] = -math.inf
    with pytest.raises(StaleRevision):
        made._fail_late(before, in_queue=False)
    assert house.carry(video).state is VideoState.DELIVERED


def test_a_lost_answer_is_looked_for_at_the_provider_before_it_is_called_unknown(
    priced: House, upstream: ScriptedUpstream
) -> None:
    submit = {"do": "lose_answer", "times": 1}
    upstream.play({"lists": False, "otherwise": {"polls": 0, "submit": submit, "charge": 0.4}})
    video = priced.order(**PAID)
    steps(priced, video, 4)
    assert priced.reread(video).state is VideoState.GENERATING
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4}})
    video = priced.carry(video)
    assert video.state is VideoState.DELIVERED
    assert upstream.counts["received"] == 1


def test_a_lost_answer_that_no_search_finds_is_unknown_and_never_sent_again(
    priced: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"lists": False, "otherwise": {"submit": "lose_answer"}})
    video = priced.make(**PAID)
    assert (video.state, video.error_code) == (VideoState.FAILED, "submit_unknown")
    assert (upstream.counts["received"], upstream.counts["lists"]) == (1, 8)
    assert "refund" not in (video.error_message or "")
    assert attempt(priced, video).charge.charged.value == "unknown"


def test_a_lost_answer_is_looked_for_after_the_deadline_and_a_restart(
    priced: House, upstream: ScriptedUpstream
) -> None:
    video = priced.order(**PAID)
    priced.crash_at = "submitted"
    with pytest.raises(BaseException, match="submitted"):
        priced.carry(video)
    let_pass(priced, video)
    sweeper(priced).requeue_abandoned()
    assert priced.carry(video).state is VideoState.DELIVERED
    assert upstream.counts["received"] == 1


@pytest.mark.both_databases
def test_an_expired_review_keeps_the_paid_clip_and_a_late_approval_releases_it_under_a_new_id(
    furnish: Furnish, upstream: ScriptedUpstream
) -> None:
    house, old = expired(furnish)
    assert (old.state, clip_class(house, old)) == (VideoState.BLOCKED, Retention.PAID_CLIP)
    assert old.clip_kept_until is not None
    assert old.ended_at is not None
    assert old.clip_kept_until - old.ended_at == pytest.approx(PAID_CLIP_S, abs=5)
    assert "kept here until" in (old.error_message or "")
    assert "refund" not in (old.error_message or "")
    with pytest.raises(NotFound):
        house.content(old)
    house.waive()
    case = only_case(house)
    assert (case.state, case.due_at) == (CaseState.OPEN, old.clip_kept_until)
    decide(house, case, "approve")
    after = house.reread(old)
    assert (after.state, after.error_message) == (old.state, old.error_message)
    assert after.clip_kept_until is None
    new = house.carry(house.videos.get(house.who, after.reinstated_as or ""))
    assert (new.state, new.reinstated_from) == (VideoState.DELIVERED, old.id)
    assert upstream.counts["received"] == 1


def test_a_verdict_or_the_owner_ends_a_paid_clip(furnish: Furnish) -> None:
    house = furnish()
    video = house.make(**PAID)
    refuse(house)
    assert clip_class(house, video) == Retention.EVIDENCE
    house, late = expired(furnish)
    refuse(house)
    after = house.reread(late)
    assert (after.state, after.clip_kept_until, after.reinstated_as) == (VideoState.BLOCKED, None, None)
    assert clip_class(house, late) == Retention.EVIDENCE
    house, deleted = expired(furnish)
    house.videos.delete(house.who, deleted.id)
    assert clip_class(house, deleted) is None


def test_a_clip_whose_scan_failed_is_kept_and_scanned_again_without_a_charge_until_a_scan_ends(
    house: House, failed: Video, monkeypatch: pytest.MonkeyPatch, upstream: ScriptedUpstream
) -> None:
    assert (failed.state, failed.error_code) == (VideoState.FAILED, "scan_failed")
    assert video_object(failed)["safelight"]["clip_kept_until"] == int(failed.clip_kept_until or 0)
    message = failed.error_message or ""
    assert "charged" in message
    assert "kept here until" in message
    assert "refund" not in message
    made = sweeper(house)
    made.delete_kept_clips()
    made.delete_orphaned_blobs()
    assert clip_class(house, failed) == Retention.PAID_CLIP
    chain = [failed]
    for _ in range(2):
        new = house.videos.scan_again(house.who, chain[-1].id)
        break_scans(house, monkeypatch, times=3)
        chain.append(house.carry(new))
        monkeypatch.undo()
        assert (chain[-1].state, clip_class(house, new)) == (VideoState.FAILED, Retention.PAID_CLIP)
    last = house.carry(house.videos.scan_again(house.who, chain[-1].id))
    assert (last.state, last.reinstated_from) == (VideoState.DELIVERED, chain[-1].id)
    assert not last.reviewed
    assert [clip_class(house, each) for each in chain] == [Retention.EVIDENCE] * 3
    assert upstream.counts["received"] == 1
    old = house.reread(failed)
    assert (old.state, old.reinstated_as, old.clip_kept_until) == (VideoState.FAILED, chain[1].id, None)
    with pytest.raises(Conflict):
        house.videos.scan_again(house.who, failed.id)


def test_a_failed_seal_keeps_the_paid_clip(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> Any:
        raise SandboxCrashed("The seal child ended.")

    monkeypatch.setattr(type(house.context.sealer), "seal", die)
    video = house.make(**PAID)
    assert (video.state, clip_class(house, video)) == (VideoState.FAILED, Retention.PAID_CLIP)
    assert video.clip_kept_until is not None


def test_a_kept_clip_is_deleted_after_its_end_by_one_of_two_sweepers_and_the_record_says_so(
    furnish: Furnish,
) -> None:
    house, old = expired(furnish)
    case = only_case(house)
    house.change(old, clip_kept_until=1.0)
    for made in (sweeper(house), sweeper(house)):
        made.delete_kept_clips()
        made.delete_orphaned_blobs()
    assert clip_class(house, old) is None
    record = house.record(old)
    assert [entry["event"] for entry in record.audit_log].count("clip.deleted") == 1
    assert record.video.clip_kept_until is None
    assert house.reviews.get(house.who, case.id).case.state is CaseState.EXPIRED


def test_a_clip_that_cannot_be_stored_for_a_reason_of_ours_is_tried_again(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = house.context
    left, store = [4], type(context).store_files

    def fail(self: Any, *args: Any, **named: Any) -> Any:
        if left[0] and args[1][0].kind == "generated":
            left[0] -= 1
            raise RuntimeError("A defect of ours.")
        return store(self, *args, **named)

    monkeypatch.setattr(type(context), "store_files", fail)
    video = house.make(**PAID)
    assert video.state is VideoState.DELIVERED
    assert (upstream.counts["received"], upstream.counts["fetches"]) == (1, 1)


def pass_now(house: House, video: Video) -> float:
    """The deadline of the video has just passed."""
    deadline = house.database.clock() - 1
    house.change(video, deadline_at=deadline, updated_at=2.0)
    return deadline


def test_a_paid_provider_that_cannot_be_asked_at_the_deadline_is_asked_again_and_its_clip_is_delivered(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4, "poll": {"status": 502, "times": 3}}})
    video = at_the_upstream(house)
    deadline = pass_now(house, video)
    steps(house, video, 1)
    made = sweeper(house)
    made._last_looks[video.id] = -math.inf
    made.requeue_abandoned()
    late = house.reread(video)
    assert (late.state, late.late_since) == (VideoState.GENERATING, deadline)
    assert video_object(late)["safelight"]["late"] == {"since": int(deadline), "message": UNANSWERED_MESSAGE}
    assert house.carry(video).state is VideoState.DELIVERED
    assert upstream.counts["received"] == 1


def test_the_sweeper_ends_a_video_whose_paid_provider_does_not_answer_for_seven_days(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"poll": {"status": 502}}})
    video = at_the_upstream(house)
    let_pass(house, video)
    made = sweeper(house)
    made._last_looks[video.id] = -math.inf
    made.requeue_abandoned()
    assert house.reread(video).error_code == "timeout"


def test_a_video_that_its_own_generator_does_not_answer_ends_at_its_deadline(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"poll": {"status": 502}}})
    video = house.order(**OWN)
    steps(house, video, 2)
    pass_now(house, video)
    steps(house, video, 1)
    assert house.reread(video).error_code == "timeout"


def test_a_finished_request_of_a_late_video_is_not_deleted_at_a_paid_provider(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 2, "charge": 0.4}})
    video = at_the_upstream(house)
    let_pass(house, video)
    ended = house.carry(video)
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "timeout")
    cancellation = Cancellation(house.context)
    cancellation.cancel_late()
    assert (attempt(house, video).upstream_copy_status, upstream.counts["deletes"]) == ("kept", 0)


@pytest.mark.parametrize("declared", [True, False])
def test_a_clip_over_the_limit_is_downloaded_after_the_limit_was_raised(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    context = house.context
    if not declared:
        monkeypatch.setattr(download, "_declared_length", lambda _headers: None)
    limits = context.limits
    house.container.pipeline.context = replace(context, limits=replace(limits, max_download_bytes=1000))
    video = house.order(**PAID)
    steps(house, video, 7)
    assert house.reread(video).state is VideoState.GENERATING
    assert "raise `generation.max_download_mb`" in (house.reread(video).download_problem or "")
    house.container.pipeline.context = context
    video = house.carry(video)
    assert (video.state, upstream.counts["received"]) == (VideoState.DELIVERED, 1)


def test_partial_downloads_of_videos_that_have_ended_are_deleted(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0, "content": {"do": "truncated", "times": 1}}})
    video = house.order(**PAID)
    steps(house, video, 2)
    context = house.context
    folder = download_of(context, attempt(house, video)).parent
    (folder / ".0123456789abcdef.part").write_bytes(b"left by a crash")
    (folder / "attempt_unknown.mp4.part").write_bytes(b"of a tenant that is gone")
    for file in folder.iterdir():
        os.utime(file, (1.0, 1.0))
    sweeper(house).delete_downloads()
    kept = {file.name.split(".")[0] for file in folder.iterdir()}
    assert kept == {attempt(house, video).id}
    source = house.make()
    house.change(video, remixed_from=source.id)
    withdraw(context, source, actor="ada", why="a court said so")
    sweeper(house).delete_downloads()
    assert not list(folder.iterdir())


@pytest.mark.both_databases
def test_a_kept_clip_of_a_withdrawn_source_is_neither_scanned_again_nor_released(
    house: House, failed: Video
) -> None:
    source = house.make()
    house.change(failed, remixed_from=source.id)
    house.withdraw(source)
    assert house.reread(failed).clip_kept_until is None
    assert clip_class(house, failed) == Retention.EVIDENCE
    with pytest.raises(Conflict):
        house.videos.scan_again(house.who, failed.id)


def test_a_kept_clip_is_scanned_again_over_http_and_by_the_button_of_its_page(
    house: House, failed: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue: Any = NoEngine()
    house.container.pipeline.queue = queue
    house.container.videos = house.videos
    accounts = house.accounts
    _, reader = accounts.create_key(house.who.tenant, "a reader", {KeyScope.VIDEOS_READ})
    _, writer = accounts.create_key(house.who.tenant, "a writer")
    route = f"/v1/videos/{failed.id}/scan"
    with browser(house, house.who) as client:
        assert client.post(route, headers={"authorization": f"Bearer {reader}"}).status_code == 403
        assert f'action="/videos/{failed.id}/scan"' in client.get(f"/videos/{failed.id}").text
        form = {"content-type": "application/x-www-form-urlencoded"}
        shown = client.post(f"/videos/{failed.id}/scan", headers=form, follow_redirects=False)
        new = house.reread(failed).reinstated_as or ""
        assert (shown.status_code, shown.headers.get("location")) == (303, f"/videos/{new}")
        assert f'href="/videos/{new}"' in client.get(f"/videos/{failed.id}").text
        bearer = {"authorization": f"Bearer {writer}"}
        assert client.post(route, headers=bearer).status_code == 409
        break_scans(house, monkeypatch, times=3)
        house.carry(house.videos.get(house.who, new))
        answer = client.post(f"/v1/videos/{new}/scan", headers=bearer)
        shown_again = answer.json()
        assert (answer.status_code, shown_again["status"]) == (200, "in_progress")
        assert shown_again["safelight"]["reinstated_from"] == new
        assert client.post(f"/v1/videos/{'video_' + '0' * 32}/scan", headers=bearer).status_code == 404
