"""A video's way, step by step, on both databases."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from safelight.accounts.audit import verify
from safelight.core.background.part import BackgroundPart
from safelight.core.errors import Conflict, NotFound, QuotaExceeded, RequestBlocked
from safelight.policy.findings import SHIPPED
from safelight.provenance.manifest import WAIVED_REMARK, outcome_of
from safelight.providers.protocol import LocalGenerator
from safelight.store.retention import PAID_CLIP_S
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import TERMINAL, Video, VideoState
from safelight.videos.runner import Runner
from safelight.videos.summary import summary
from safelight.videos.sweeper import Sweeper
from safelight.videos.transitions import StaleRevision, transition
from safelight.web.api.serializers import video_object
from safelight.web.explained_video import explain_video
from safelight.web.translations import load_languages
from support.object_stores import list_sha256

from .conftest import Crash, Furnish, House

pytestmark = [pytest.mark.both_databases, pytest.mark.real_media]


class NoEngine:
    """The sweeper's view of an engine that carries nothing."""

    def __init__(self) -> None:
        self.handed_over: list[tuple[str, int]] = []

    def active(self, runs: Iterable[tuple[str, int]]) -> set[str]:
        return {video_id for video_id, run in runs if (video_id, run) in self.handed_over}

    def prune_history(self, before: float) -> int:
        return 0

    def enqueue(self, tenant: str, video_id: str, run: int) -> None:
        self.handed_over.append((video_id, run))

    def share(self, parts: tuple[BackgroundPart, ...]) -> None:
        pass


def sweeper(house: House) -> Sweeper:
    return Sweeper(house.context, NoEngine())  # type: ignore[arg-type]


def test_an_allowed_video_is_sealed_and_only_the_sealed_file_is_served(house: House) -> None:
    video = house.make()
    assert video.state is VideoState.DELIVERED
    content = house.content(video)
    data = b"".join(content.chunks(0, content.size))
    assert hashlib.sha256(data).hexdigest() == video.sealed_sha256 == content.sha256
    record = house.record(video)
    assert record.seal is not None
    assert record.stages[-1].verdict.subject_sha256 == record.seal["source_sha256"] != content.sha256
    assert video.waived
    stated = record.seal["facts"]
    assert (stated["remark"], outcome_of(stated)) == (WAIVED_REMARK, "allowed_under_waiver")
    assert not {"coverage", "waived"} & stated.keys()
    assert house.content(video, "thumbnail").media_type == "image/webp"


def test_without_a_waiver_a_coverage_gap_is_held_and_has_no_content(
    furnish: Furnish,
) -> None:
    house = furnish()
    video = house.make()
    assert video.state is VideoState.HELD
    assert video.review_due_at is not None
    for variant in ("video", "thumbnail", "spritesheet", "../../etc", ""):
        with pytest.raises(NotFound):
            house.content(video, variant)


def test_an_undecided_hold_is_rejected_says_why_it_was_held_and_returns_its_quota(furnish: Furnish) -> None:
    house = furnish(review={"due_minutes": 0.00001}, limits={"videos_per_day": 1})
    video = house.make()
    with pytest.raises(QuotaExceeded):
        house.order()
    sweeper(house).sweep()
    ended = house.reread(video)
    assert (ended.state, ended.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    assert (ended.explanation or {})["reason"] == "review_expired"
    record = house.record(video)
    said = explain_video(record.video, record, SHIPPED, load_languages()["en"]).sentence
    assert "no reviewer decided in time" in said
    assert "Why it was held: " in said
    assert not said.endswith("Why it was held: ")
    house.order()


def test_a_blocked_prompt_costs_nothing_and_is_recorded_but_not_listed(house: House) -> None:
    with pytest.raises(RequestBlocked) as caught:
        house.order("a scene with SAFELIGHT-TEST:violence in it")
    assert caught.value.code == "sentinel_block"
    assert caught.value.param == "prompt"
    video_id = str(caught.value.details["video_id"])
    record = house.videos.record(house.who, video_id)
    assert record.video.state is VideoState.REJECTED
    assert record.attempts == ()
    assert record.video.outcome_summary is not None
    assert record.video.outcome_summary["charge"]["charged"] == "no"
    assert record.video.outcome_summary["coverage"]["checked"]
    assert not house.videos.list(house.who, after=None, limit=10, order="desc").items
    assert house.handed_over == []


def test_quota_counts_seconds_and_reports_its_reset(furnish: Furnish) -> None:
    house = furnish(limits={"seconds_per_day": 8})
    house.order(seconds="4")
    house.order(seconds="4")
    with pytest.raises(QuotaExceeded) as caught:
        house.order(seconds="4")
    assert 0 < (caught.value.retry_after_s or 0) <= 86400


def test_other_tenants_cannot_see_a_video(house: House) -> None:
    video, stranger = house.make(), house.stranger()
    for call in (house.videos.get, house.videos.record, house.videos.delete):
        with pytest.raises(NotFound):
            call(stranger, video.id)
    with pytest.raises(NotFound):
        house.videos.content(stranger, video.id, "video")
    assert not house.videos.list(stranger, after=None, limit=10, order="desc").items


def test_every_video_is_listed_once_across_pages_in_both_orders(house: House) -> None:
    made = [house.order(f"a lake, take {n}").id for n in range(7)]
    for order, wanted in (("asc", made), ("desc", made[::-1])):
        seen: list[str] = []
        after, more = None, True
        while more:
            page = house.videos.list(house.who, after=after, limit=3, order=order)
            seen += [video.id for video in page.items]
            after, more = seen[-1], page.has_more
        assert seen == wanted


def test_older_videos_are_polled_less_often(house: House) -> None:
    video = house.order()
    ages = (0, 20, 60, 150, 600)
    waits = [house.videos.poll_after_ms(replace(video, created_at=time.time() - age)) for age in ages]
    assert [round(wait, -2) for wait in waits] == [1_000, 1_000, 2_000, 5_000, 10_000]
    assert house.videos.poll_after_ms(replace(video, state=VideoState.HELD)) == 60_000


def test_the_summary_of_a_finished_video_equals_its_record(house: House, upstream: ScriptedUpstream) -> None:
    for ends in ({}, {"ends": "refused"}, {"ends": "failed"}):
        upstream.play({"otherwise": {"polls": 0, "charge": 0.4, **ends}})
        video = house.make(**PAID)
        assert video.state in TERMINAL
        record = house.record(video)
        cells = (cell for made in record.stages for cell in made.coverage)
        assert video.outcome_summary == summary(cells, record.attempts)


def test_what_the_generator_did_not_draw_is_in_the_record_and_the_api(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = house.generators["storyboard"]
    assert isinstance(generator, LocalGenerator)
    render = generator.render
    monkeypatch.setattr(
        generator, "render", lambda *given: replace(render(*given), not_drawn=("dragon", "城堡"))
    )
    made = house.order("A dragon over a 城堡")
    assert video_object(made)["safelight"]["not_drawn"] is None
    video = house.carry(made)
    assert video.state is VideoState.DELIVERED
    record = house.record(video)
    assert record.attempts[-1].not_drawn == ("dragon", "城堡")
    assert video_object(video)["safelight"]["not_drawn"] == ["dragon", "城堡"]
    assert video_object(video, record)["safelight"]["not_drawn"] == ["dragon", "城堡"]


def test_a_terminal_state_never_changes(house: House) -> None:
    video = house.make()
    for target in VideoState:
        if target is VideoState.WITHDRAWN:
            continue
        with (
            pytest.raises(StaleRevision),
            house.database.transaction(tenant=video.tenant) as tx,
        ):
            transition(tx, video, target, actor="test")


def test_only_finished_videos_are_deleted_and_shared_files_stay(house: House) -> None:
    waiting = house.order()
    with pytest.raises(Conflict):
        house.videos.delete(house.who, waiting.id)
    one, two = house.carry(waiting), house.make()
    blobs = house.blobs
    house.videos.delete(house.who, one.id)
    with pytest.raises(NotFound):
        house.reread(one)
    sweeper(house).sweep()
    left = set(list_sha256(blobs, house.who.tenant))
    assert one.sealed_sha256 not in left
    assert two.sealed_sha256 in left
    assert house.context.videos.row(two.tenant, two.id).generated_sha256 not in left, "it was not sealed"
    # Both had the same thumbnail, which the other one still needs.
    assert house.content(two, "thumbnail").sha256 in left
    assert house.record(two).seal is not None


def test_expired_content_is_deleted_and_the_record_stays(furnish: Furnish) -> None:
    house = furnish(limits={"retention_days": 1e-10})
    house.waive()
    video = house.make()
    sweeper(house).sweep()
    with pytest.raises(NotFound):
        house.content(video)
    assert house.record(video).stages


def test_a_stalled_video_is_enqueued_again_once(house: House) -> None:
    video = house.order()
    house.change(video, updated_at=0.0)
    sweeping = sweeper(house)
    sweeping.requeue_abandoned()
    sweeping.requeue_abandoned()
    assert sweeping._queue.handed_over == [(video.id, 2)]  # type: ignore[attr-defined]


def test_a_stalled_video_is_found_behind_as_many_in_the_queue_as_a_sweep_reads(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.videos.sweeper._MAX_ROWS_PER_SWEEP", 1)
    sweeping = sweeper(house)
    queued, stalled = house.order(), house.order("a quiet sea")
    for video in (queued, stalled):
        house.change(video, updated_at=0.0)
    sweeping._queue.enqueue(queued.tenant, queued.id, 1)
    for _ in range(4):
        sweeping.requeue_abandoned()
    assert sweeping._queue.handed_over == [(queued.id, 1), (stalled.id, 2)]  # type: ignore[attr-defined]


def test_a_video_past_its_deadline_fails_with_timeout_and_returns_its_quota(
    furnish: Furnish,
) -> None:
    house = furnish(generation={"deadline_s": 0.00001}, limits={"videos_per_day": 1})
    video = house.make()
    assert (video.state, video.error_code) == (VideoState.FAILED, "timeout")
    house.order()


def crash_at_each(house: House, video: Video, *boundaries: str) -> Video:
    for boundary in boundaries:
        house.crash_at = boundary
        with pytest.raises(Crash):
            house.carry(video)
    return house.carry(video)


def test_crashes_at_all_boundaries_lose_nothing(house: House) -> None:
    video = crash_at_each(house, house.order(), "intended", "made", "stored", "scanned", "sealed")
    assert video.state is VideoState.DELIVERED
    parts = house.container.persistence
    parts.audit_checkpoint_writer.write()
    assert verify(parts.database, parts.audit_checkpoints, parts.audit_checkpoint_key).ok


def test_the_audit_log_has_the_whole_lifecycle_in_order(house: House) -> None:
    video = house.make()
    events = [entry["event"] for entry in house.record(video).audit_log]
    moves = [event for event in events if event.startswith("video.")]
    assert moves == [
        "video.received",
        "video.queued",
        "video.generating",
        "video.scanning",
        "video.sealing",
        "video.delivered",
    ]


PAID: dict[str, Any] = {"model": "paid-1"}
OWN: dict[str, Any] = {"model": "own-1"}


def test_a_paid_video_is_submitted_once_downloaded_deleted_upstream_and_its_charge_recorded(
    house: House, upstream: ScriptedUpstream
) -> None:
    video = house.make(**PAID)
    assert video.state is VideoState.DELIVERED
    (attempt,) = house.record(video).attempts
    assert (attempt.outcome, attempt.upstream_copy_status) == ("done", "deleted")
    assert (attempt.charge.charged.value, attempt.charge.amount) == ("yes", 0.4)
    assert upstream.counts["accepted"] == 1
    assert upstream.counts["deletes"] == 1


def test_a_crash_between_intent_and_id_ends_unconfirmed_and_is_never_sent_again(
    house: House, upstream: ScriptedUpstream
) -> None:
    house.crash_at = "submitted"
    video = house.carry_through_crashes(house.order(**PAID))
    assert (video.state, video.error_code) == (VideoState.FAILED, "submit_unknown")
    assert upstream.counts["received"] == 1


def test_an_own_upstream_gets_the_request_again_after_a_lost_answer(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0, "submit": {"do": "lose_answer", "times": 1}}})
    video = house.make(**OWN)
    assert video.state is VideoState.DELIVERED
    assert upstream.counts["received"] == 2


def test_a_request_that_was_certainly_not_accepted_is_sent_again(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 0, "submit": {"status": 429, "retry_after": 0.05, "times": 2}}})
    video = house.make(**PAID)
    assert video.state is VideoState.DELIVERED
    attempts = house.record(video).attempts
    assert [attempt.outcome for attempt in attempts] == ["not_taken", "not_taken", "done"]
    assert upstream.counts["accepted"] == 1


def test_a_crash_after_the_id_is_known_never_submits_twice(house: House, upstream: ScriptedUpstream) -> None:
    video = crash_at_each(house, house.order(**PAID), "fetched", "made", "stored", "scanned", "sealed")
    assert video.state is VideoState.DELIVERED
    assert upstream.counts["received"] == 1


def test_a_provider_refusal_is_reported_as_such_with_its_charge(
    house: House, upstream: ScriptedUpstream
) -> None:
    error = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    upstream.play({"otherwise": {"polls": 0, "ends": "refused", "error": error, "charge": 0.4}})
    video = house.make(**PAID)
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    assert video.explanation is not None
    assert video.explanation["source"] == "provider"
    assert (video.explanation["server"], video.explanation["provider"]) == (video.generator, "openai")
    assert (video.error_message or "").startswith(f"{video.generator} refused ")
    assert video.explanation["charged"]["charged"] == "yes"
    assert upstream.counts["received"] == 1


def test_the_charge_of_a_refused_request_depends_on_the_server_and_not_on_the_form_of_its_error(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"submit": {"status": 400, "code": "moderation_blocked"}}})
    for model, charged, said in (
        ("own-1", "no", "own did not charge for it."),
        ("paid-1", "unknown", "It is not known whether paid charged for it. Look at its bill"),
    ):
        video = house.make(model=model)
        assert video.state is VideoState.BLOCKED
        assert (video.explanation or {})["charged"]["charged"] == charged
        assert said in (video.error_message or "")


def test_a_download_that_is_not_a_video_is_never_delivered(house: House, upstream: ScriptedUpstream) -> None:
    for content in ("html", "empty", "text"):
        upstream.play({"otherwise": {"polls": 0, "content": content, "charge": 0.4}})
        video = house.make(**PAID)
        assert (video.state, video.error_code) == (VideoState.FAILED, "upstream_invalid"), content
        assert "charged $0.40 for it" in (video.error_message or "")
        (attempt,) = house.record(video).attempts
        assert attempt.charge.charged.value == "yes"
        with pytest.raises(NotFound):
            house.content(video)


@pytest.mark.parametrize(
    ("rule", "said", "unsaid"),
    [
        (
            {"submit": {"status": 429, "retry_after": 0.3}},
            ["never took the request, so nothing was charged"],
            ["bill"],
        ),
        ({"ends": "never"}, ["took the request, but no finished video came", "Look at its bill"], []),
        ({"polls": 0, "ends": "vanishes"}, ["no longer knows this request.", "Look at its bill"], [".."]),
        (
            {"polls": 0, "ends": "failed", "charge": 0.4, "error": {"message": "The GPU failed."}},
            ["failed: The GPU failed.", "charged $0.40 for it", "refund"],
            [".."],
        ),
        (
            {"polls": 0, "ends": "failed", "charge": 0.4, "refund": True},
            ["did not charge for it"],
            ["refund"],
        ),
        (
            {"submit": {"status": 400, "message": "Bad; see http://gpu-1:8091/x."}},
            ["rejected the request as malformed", "did not charge for it"],
            ["gpu-1", "bill"],
        ),
        ({"submit": "lose_answer"}, ["was lost", "may charge for it", "never sends it again"], []),
    ],
    ids=["busy", "hanging", "vanished", "charged", "refunded", "malformed", "no-answer"],
)
def test_the_message_of_a_failure_names_server_cause_charge_and_next_step(
    furnish: Furnish,
    upstream: ScriptedUpstream,
    rule: dict[str, Any],
    said: list[str],
    unsaid: list[str],
) -> None:
    waits = rule.get("ends") != "vanishes" and not {"charge", "error"} & rule.keys()
    house = furnish(generation={"deadline_s": 3.0 if waits else 300.0})
    upstream.play({"otherwise": rule})
    video = house.make(**PAID)
    message = video.error_message or ""
    assert video.state is VideoState.FAILED
    assert video.generator in message
    assert [words for words in said if words not in message] == []
    assert [words for words in (*unsaid, "127.0.0.1") if words in message] == []


def test_a_paid_upstream_that_answers_no_poll_is_asked_for_a_week_after_the_deadline(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"poll": {"status": 500}}})
    database, start, ahead_s = house.database, time.time(), 0.0
    database.clock = lambda: start + ahead_s
    runner, video = Runner(house.context), house.order(**PAID)
    deadline_s = house.context.limits.deadline_s
    for ahead_s in (0.0, deadline_s + 60.0, PAID_CLIP_S - 60.0):  # noqa: B007 - the clock reads it
        while (following := runner.run_steps(video.tenant, video.id)) is not None and following.after_s < 1:
            pass
        assert house.reread(video).state is VideoState.GENERATING, "the provider may have finished it"
    ahead_s = PAID_CLIP_S + 3600.0
    video = house.carry(video)
    assert video.state is VideoState.FAILED
    for words in ("(status 500)", "took the request, but no", "Look at its bill"):
        assert words in (video.error_message or "")


def test_an_own_generator_that_gives_no_usable_answer_gets_the_request_twice_and_is_named(
    house: House, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.play({"otherwise": {"submit": {"status": 500}}, "echo_metadata": False})
    video = house.make(model="own-1")
    assert video.error_message == (
        "own answered the submission with status 500 and no id. own got the request twice and is not sent it "
        "a third time, because each may have started a generation. You may submit it again later."
    )
    assert upstream.counts["received"] == 2
    assert f"{video.id} failed (upstream_error): own answered the submission with status 500" in caplog.text


def test_a_clip_in_another_container_is_delivered_as_mp4(
    house: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.webm"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for level in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((192, 320, 3), 100 + level, np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    upstream.play({"otherwise": {"polls": 0, "clip": str(clip)}})
    video = house.make(**OWN)
    assert video.state is VideoState.DELIVERED
    assert house.blobs.read(video.tenant, video.sealed_sha256 or "")[4:8] == b"ftyp"


def test_an_answer_without_an_id_is_not_asked_for_again_and_its_fields_are_named(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"shape": "without_id"}, "echo_metadata": False})
    video = house.make(model="own-1")
    assert (video.error_code, upstream.counts["received"]) == ("upstream_invalid", 1)
    assert "no id; it has the fields object, model, status" in (video.error_message or "")
    assert "again" not in (video.error_message or "")


def test_the_words_of_a_provider_about_a_failure_are_not_in_the_log(
    house: House, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.play({"otherwise": {"submit": {"status": 400, "message": "Bad prompt: a quiet lake"}}})
    video = house.make(**PAID)
    assert "Bad prompt: a quiet lake" in (video.error_message or "")
    assert f"{video.id} failed (upstream_rejected): see its error message" in caplog.text
    assert "a quiet lake" not in caplog.text
