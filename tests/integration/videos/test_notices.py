"""Reports with lanes, their clocks, hidden videos, and copies."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.accounts import KeyScope
from safelight.accounts.audit import read_entries, read_history
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reports import NewReport, NoticeOutcome, NoticeStatus, Receipt, ReportLane
from safelight.core.errors import Forbidden, IdempotencyKeyReused, InvalidField, RateLimited, Withdrawn
from safelight.providers.protocol import Derivation
from safelight.store import tables
from safelight.testing.generators import create as instant
from safelight.videos.case_rows import CaseState
from safelight.videos.models import Video, VideoState
from support.clips import Pixels, make_clip

from .conftest import House
from .test_decisions import only_case, reviewer

HOUR_S = 3600.0


def decide(
    house: House, action: str, *, video: Video | None = None, vault: bool = False, **ground: str
) -> None:
    """Decide the only open case, or that of a video. Held nudity whose age was not checked needs `vault`."""
    who = reviewer(house, "ada", KeyScope.VAULT if vault else KeyScope.REVIEW)
    listed = house.reviews.list(who).items
    (case,) = [one for one in listed if video is None or one.video_id == video.id]
    house.reviews.decide(
        who, case.id, DecisionRequest(action=action, reason="Looked at it.", **(house.ground() | ground))
    )


def later(house: House, seconds: float) -> None:
    """Move the clock of the installation, as if its processes had waited."""
    house.database.clock = lambda: time.time() + seconds


def drawn(seed: int, width: int = 320, height: int = 192) -> Pixels:
    """Coloured patches, smoothed: a picture as good as any for a hash."""
    patches = np.random.default_rng(seed).integers(0, 255, (9, 15, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def make_scene(
    path: Path, seed: int, *, width: int = 320, height: int = 192, crf: int = 23, gain: float = 1.0
) -> Path:
    """A clip of two pictures. Another size, quality or brightness is a re-encoded copy."""
    pictures = [(drawn(seed * 10 + number, width, height) * gain).astype(np.uint8) for number in range(2)]
    odd = {frame: pictures[frame // 18] for frame in range(36)}
    return make_clip(path, width=width, height=height, crf=crf, odd=odd)


def make_insert(path: Path, seed: int) -> Path:
    """A calm clip with one frame of another picture."""
    return make_clip(path, odd={20: drawn(seed)})


def use(house: House, clip: Path) -> None:
    """The generator makes this clip from now on."""
    house.generators["storyboard"] = instant(
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip), "operations": ["remix"]}
    )


def deliver(house: House, clip: Path, prompt: str = "a quiet lake", **fields: Any) -> Video:
    use(house, clip)
    done = house.make(prompt, **fields)
    assert done.state is VideoState.DELIVERED
    return done


def intimate(**changes: Any) -> NewReport:
    fields = {
        "lane": ReportLane.INTIMATE_IMAGERY,
        "reason": "intimate",
        "name": "Planted Name",
        "contact": "planted@example.com",
        "in_good_faith": True,
        "note": "That is me.",
    }
    return NewReport(**{**fields, **changes})


def notify(
    house: House, video: Video | None = None, *, network: str = "192.0.2.1", **changes: Any
) -> Receipt:
    if video:
        changes["location"] = f"https://example.com/watch/{video.id}?t=1"
    return house.container.correspondence.reports.add_from_visitor(intimate(**changes), network=network)


def status_of(house: House, receipt: Receipt) -> NoticeStatus:
    return house.container.correspondence.reports.get_by_token(receipt.token)


def follow_up(house: House) -> None:
    follow_up = house.container.background.notice_follow_up
    for part in (follow_up.part, follow_up.lists):
        part.run_all()
        assert part.health().errors == 0, part.health()


def test_a_complete_notice_goes_first_hides_at_once_and_who_keeps_the_video_shows_it_again(
    house: House,
) -> None:
    video, other = house.make(), house.make("a red barn")
    house.report(other, category="violence")
    receipt = notify(house, video)
    assert receipt.due_at == pytest.approx(time.time() + 24 * HOUR_S, abs=5)
    listed = house.reviews.list(reviewer(house)).items
    assert [case.video_id for case in listed] == [video.id, other.id]
    notice = status_of(house, receipt).notice
    assert (notice.hidden, notice.outcome, notice.lane) == (True, None, ReportLane.INTIMATE_IMAGERY)
    with pytest.raises(Forbidden, match="hidden until"):
        house.content(video)
    with pytest.raises(Forbidden, match="hidden until"):
        house.order("the same at night", step=Derivation.REMIX, source=video.id)

    decide(house, "keep", video=video)
    follow_up(house)
    notice = status_of(house, receipt).notice
    assert (notice.outcome, notice.hidden) == (NoticeOutcome.KEPT, False)
    assert house.content(video).size > 0
    with house.read_transaction() as tx:
        kinds = [row.kind for row in tx.select(tables.statements, tables.statements.c.video_id == video.id)]
    assert {"hidden", "restored"} <= set(kinds)


def test_nothing_about_the_reporter_is_in_log_record_or_statement(house: House) -> None:
    video = house.make()
    notify(house, video)
    decide(house, "withdraw")
    follow_up(house)
    database = house.database
    told = [str(entry) for entry in read_entries(database, limit=1000)]
    told.append(str(house.record(video)))
    told.append(str(house.reread(video)))
    with database.read_transaction(house.who.tenant) as tx:
        told += [str(row) for row in tx.select(tables.statements)]
        told += [str(row) for row in tx.select(tables.outbox)]
    assert len(told) > 5
    for planted in ("Planted Name", "planted@example.com", "192.0.2.1", "That is me."):
        assert not [text for text in told if planted in text]


def test_an_incomplete_notice_is_refused_with_the_field(house: House) -> None:
    for param, changes in {
        "name": {"name": " "},
        "contact": {"contact": None},
        "good_faith": {"in_good_faith": False},
        "location": {"location": "the third video"},
        "note": {"note": "x" * 4001},
    }.items():
        with pytest.raises(InvalidField) as caught:
            house.container.correspondence.reports.add(
                house.who, intimate(**{"location": "video_" + "0" * 32, **changes})
            )
        assert caught.value.param == param
    for location in ("", "https://\u202egro.elpmaxe/watch", "https://example.org/\x1b[31m"):
        with pytest.raises(InvalidField) as caught:
            house.container.correspondence.reports.add(house.who, intimate(location=location))
        assert caught.value.param == "location"


def test_after_48_hours_without_a_person_the_video_is_removed_and_the_log_says_so(house: House) -> None:
    video = house.make()
    receipt = notify(house, video)
    later(house, 47.9 * HOUR_S)
    follow_up(house)
    assert house.reread(video).state is VideoState.DELIVERED
    later(house, 48.1 * HOUR_S)
    follow_up(house)
    with pytest.raises(Withdrawn):
        house.content(video)
    assert status_of(house, receipt).notice.outcome is NoticeOutcome.REMOVED_UNATTENDED
    (closed,) = house.reviews.list(reviewer(house), state=CaseState.EXPIRED).items
    assert closed.video_id == video.id
    events = [entry.event for entry in read_entries(house.database, limit=1000)]
    assert events.count("report.unattended") == 1


def test_a_removal_order_without_a_person_hides_after_an_hour_and_waits(house: House) -> None:
    video = house.make()
    order = NewReport(video_id=video.id, category="extremism", lane=ReportLane.REMOVAL_ORDER)
    with pytest.raises(Forbidden, match="needs an account"):
        house.container.correspondence.reports.add_from_visitor(order, network="192.0.2.1")
    receipt = house.container.correspondence.reports.add(house.who, order)
    assert receipt.due_at == pytest.approx(time.time() + HOUR_S, abs=5)
    later(house, 1.1 * HOUR_S)
    for _ in range(2):
        follow_up(house)
    with pytest.raises(Forbidden):
        house.content(video)
    decide(house, "keep")
    follow_up(house)
    assert house.content(video).size > 0


def test_a_reporter_hides_three_videos_until_one_notice_is_upheld(house: House, tmp_path: Path) -> None:
    videos = [deliver(house, make_scene(tmp_path / f"{seed}.mp4", seed)) for seed in range(5)]
    receipts = [notify(house, video) for video in videos[:4]]
    assert [status_of(house, one).notice.hidden for one in receipts] == [True, True, True, False]
    decide(house, "withdraw", video=videos[0])
    follow_up(house)
    assert status_of(house, notify(house, videos[4])).notice.hidden


def test_the_same_request_with_the_same_key_is_recorded_once(house: House) -> None:
    video = house.make()
    new = NewReport(video_id=video.id, category="likeness", idempotency_key="k1", end_user="user-9")
    first, again = (house.container.correspondence.reports.add(house.who, new) for _ in range(2))
    assert (again.status.notice.id, again.token) == (first.status.notice.id, "")
    assert house.reviews.get(reviewer(house), only_case(house).id).reports == 1
    other = NewReport(video_id=video.id, category="violence", idempotency_key="k1", end_user="user-9")
    with pytest.raises(IdempotencyKeyReused):
        house.container.correspondence.reports.add(house.who, other)


@pytest.mark.parametrize(("is_decided", "is_expired"), [(False, False), (True, False), (False, True)])
def test_the_case_of_a_video_that_its_owner_deletes_is_closed_and_its_reporter_told_so(
    house: House, is_decided: bool, is_expired: bool
) -> None:
    """Also within the time in which a decision can be undone, and after the file has expired."""
    video = house.make()
    receipt = notify(house, video)
    if is_expired:
        later(house, 40 * 24 * HOUR_S)
        house.container.background.sweeper.delete_expired_files()
        with house.read_transaction() as tx:
            row = tx.one(tables.videos, video.id)
            assert row
            assert row.deleted_at
    if is_decided:
        (case,) = house.reviews.list(reviewer(house)).items
        house.reviews.decide_with_undo(
            reviewer(house), case.id, DecisionRequest(action="keep", reason="Seen.")
        )
    house.videos.delete(house.who, video.id)
    assert not house.reviews.list(reviewer(house)).items
    follow_up(house)
    assert status_of(house, receipt).notice.outcome is NoticeOutcome.GONE
    with house.read_transaction() as tx:
        events = [one.event for one in read_history(tx, video.id)]
        assert not tx.count(tables.decisions)
    assert events.count("case.closed") == 1


def test_lanes_of_authorities_need_staff(house: House) -> None:
    video = house.make()
    creator = replace(house.who, scopes=frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE}))
    new = NewReport(video_id=video.id, category="hate", lane=ReportLane.TRUSTED_FLAGGER)
    with pytest.raises(Forbidden, match="review or admin"):
        house.container.correspondence.reports.add(creator, new)


def test_copies_and_a_remix_go_with_a_removed_video_and_a_later_output_is_stopped(
    house: House, tmp_path: Path
) -> None:
    video = deliver(house, make_scene(tmp_path / "first.mp4", 1))
    copies = [
        deliver(house, make_scene(tmp_path / "a.mp4", 1, crf=34), "copy one"),
        deliver(house, make_scene(tmp_path / "b.mp4", 1, width=256, height=144), "copy two"),
        deliver(house, make_scene(tmp_path / "c.mp4", 1, crf=28, gain=0.85), "copy three"),
    ]
    other = deliver(house, make_scene(tmp_path / "other.mp4", 2), "another scene")
    remix = deliver(house, tmp_path / "other.mp4", "at night", step=Derivation.REMIX, source=video.id)
    notify(house, video)
    decide(house, "withdraw")
    for _ in range(2):
        follow_up(house)
    with house.database.read_transaction(video.tenant) as tx:
        rows = {row.video_id: row for row in tx.select(tables.statements) if row.kind == "withdrawn"}
    assert [rows[one.id].source for one in (video, remix)] == ["report", "source_reported"]
    assert [bool(rows[one.id].facts) for one in (video, remix)] == [True, False], "not about the remix"
    assert {rows[one.id].source for one in copies} == {"copy_reported"}
    states = {house.reread(one).state for one in (video, *copies, remix)}
    assert states == {VideoState.WITHDRAWN}
    assert house.reread(other).state is VideoState.DELIVERED
    assert deliver(house, make_scene(tmp_path / "third.mp4", 3), "a third scene")
    use(house, make_scene(tmp_path / "d.mp4", 1, crf=30))
    stopped = house.make("later")
    assert (stopped.state, stopped.error_code) == (VideoState.BLOCKED, "moderation_blocked")


@pytest.mark.parametrize("is_decided", [False, True])
def test_who_deletes_a_reported_video_leaves_cases_about_its_copy_and_its_remix(
    house: House, tmp_path: Path, is_decided: bool
) -> None:
    """Nobody decided about them, so they stay until somebody does. The deleted file goes with the search."""
    video = deliver(house, make_scene(tmp_path / "first.mp4", 1))
    copy = deliver(house, make_scene(tmp_path / "a.mp4", 1, crf=34), "a copy")
    other = deliver(house, make_scene(tmp_path / "other.mp4", 2), "another scene")
    remix = deliver(house, tmp_path / "other.mp4", "at night", step=Derivation.REMIX, source=video.id)
    for network in ("192.0.2.1", "192.0.2.2"):
        receipt = notify(house, video, network=network)
    if is_decided:
        house.reviews.decide_with_undo(
            reviewer(house),
            only_case(house).id,
            DecisionRequest(action="withdraw", reason="Seen.", **house.ground()),
        )
    house.videos.delete(house.who, video.id)
    for _ in range(2):
        follow_up(house)
    assert status_of(house, receipt).notice.outcome is NoticeOutcome.GONE
    assert {one.video_id for one in house.reviews.list(reviewer(house)).items} == {copy.id, remix.id}
    assert {house.reread(one).state for one in (copy, other, remix)} == {VideoState.DELIVERED}
    assert not house.context.videos.files(house.who.tenant, video.id)


def test_the_copies_of_a_removed_video_go_also_if_its_owner_deletes_it_at_once(
    house: House, tmp_path: Path
) -> None:
    video = deliver(house, make_scene(tmp_path / "first.mp4", 1))
    copy = deliver(house, make_scene(tmp_path / "a.mp4", 1, crf=34), "a copy")
    notify(house, video)
    decide(house, "withdraw")
    house.videos.delete(house.who, video.id)
    for _ in range(2):
        follow_up(house)
    assert house.reread(copy).state is VideoState.WITHDRAWN
    assert not house.context.videos.files(house.who.tenant, video.id)


def test_a_visitor_has_an_hourly_limit_and_earlier_reports_are_kept(house: House) -> None:
    video = house.make()
    for _ in range(10):
        notify(house, video)
    with pytest.raises(RateLimited):
        notify(house, video)
    notify(house, video, network="192.0.2.2")
    assert house.reviews.get(reviewer(house), only_case(house).id).reports == 11
