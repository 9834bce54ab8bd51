"""A generator that sends its clip while it makes it: what is there is scanned, and a bad clip is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import SettingsError, StorageFull
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action
from safelight.providers.protocol import ChargeStatus, GenerationRequest
from safelight.providers.streamed import create
from safelight.videos import streamed_generation
from safelight.videos.models import Video, VideoState
from safelight.videos.runner import Runner
from safelight.videos.upstream_gate import UpstreamGate
from safelight.web.api.serializers import video_object
from support.streaming_server import FPS, Script, StreamingServer, fragments, streaming_server

from .conftest import Furnish, House
from .test_appeals import appealed, released
from .test_decisions import decide

pytestmark = pytest.mark.real_media

ASK = {"model": "helios-1", "seconds": "4", "size": "320x180"}
PARTS = 4
Build = Callable[..., House]


@pytest.fixture
def server() -> Iterator[StreamingServer]:
    with streaming_server(Script(parts=fragments(PARTS))) as running:
        yield running


@pytest.fixture
def build(furnish: Furnish, monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setattr(streamed_generation, "_AGAIN_S", 0.01)

    def make(server: StreamingServer, **options: Any) -> House:
        house = furnish()
        house.waive()
        table = {"name": "stream", "url": server.url, "models": ["helios-1"], "fps": FPS, "seconds": [4]}
        house.generators["stream"] = create({**table, "stall_timeout_s": 20.0, **options})
        upstreams: Any = house.context.upstreams
        upstreams["stream"] = UpstreamGate(limit=4)
        return house

    return make


def bad(from_part: int, parts: int = 40) -> Script:
    """A clip whose parts show the test card from one on, sent so slowly that it can be stopped in time."""
    return Script(parts=fragments(parts, from_part), pause_s=0.25)


def generation(house: House, video: Video) -> Any:
    return video_object(video, house.record(video))["safelight"]["generation"]


def test_a_whole_clip_is_delivered_with_what_was_asked(build: Build, server: StreamingServer) -> None:
    house = build(server, api_key="secret")
    video = house.make("a quiet lake", extra={"seed": 7, "negative_prompt": "blurred"}, **ASK)
    assert (video.state, video.error_message) == (VideoState.DELIVERED, None)
    (start,) = server.sessions
    assert server.keys == ["Bearer secret"]
    assert (start["model"], start["prompt"], start["format"]) == ("helios-1", "a quiet lake", "m4s")
    assert (start["width"], start["height"], start["fps"], start["num_frames"]) == (320, 180, FPS, 4 * FPS)
    assert (start["seed"], start["negative_prompt"]) == (7, "blurred")
    (attempt,) = house.record(video).attempts
    assert (attempt.outcome, attempt.charge.charged) == ("done", ChargeStatus.NO)
    assert server.stops == 0


def test_a_bad_clip_is_stopped_before_it_is_whole_and_that_is_our_refusal(
    build: Build, server: StreamingServer
) -> None:
    server.script = bad(0)
    house = build(server, seconds=[40])
    video = house.make("a quiet lake", **ASK | {"seconds": "40"})
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    assert server.stops == 1
    assert server.sent < 40
    record = house.record(video)
    (attempt,) = record.attempts
    assert (attempt.outcome, attempt.charge.charged) == ("stopped", ChargeStatus.NO)
    verdict = record.stages[-1].verdict
    assert (verdict.stage, verdict.action, verdict.category) == (Stage.OUTPUT, Action.BLOCK, "violence")
    made = generation(house, video)
    assert made["steps"] == 40 * FPS
    assert made["steps_done"] < made["steps"]
    assert made["saved_share"] == pytest.approx(1 - made["steps_done"] / made["steps"], abs=0.01)
    # The part that was judged is kept for the case, and nothing of it is delivered.
    (kept,) = [file for file in house.snapshot(video).files if file.kind == "generated"]
    assert kept.sha256 == verdict.subject_sha256 == house.snapshot(video).generated_sha256


def test_a_clip_that_turns_bad_at_its_end_is_blocked_by_the_scan_of_the_whole(
    build: Build, server: StreamingServer
) -> None:
    server.script = Script(parts=fragments(PARTS, PARTS - 1))
    house = build(server)
    video = house.make("a quiet lake", **ASK)
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    (attempt,) = house.record(video).attempts
    assert attempt.outcome == "done"


def test_after_a_won_appeal_the_clip_is_made_anew_and_the_part_is_never_delivered(
    build: Build, server: StreamingServer
) -> None:
    server.script = bad(0)
    house = build(server, seconds=[40])
    video = house.make("a quiet lake", **ASK | {"seconds": "40"})
    part = house.snapshot(video).generated_sha256
    server.script = Script(parts=fragments(PARTS))
    decide(house, appealed(house, video), "overturn")
    again = house.carry(released(house, video))
    assert again.state is VideoState.DELIVERED
    assert len(server.sessions) == 2
    assert house.snapshot(again).generated_sha256 != part


def test_a_scan_that_fails_stops_nothing_and_hides_nothing(
    build: Build, server: StreamingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = Script(parts=fragments(8, 0), pause_s=0.1)

    def fail(self: Any, part: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(streamed_generation, "sha256_file", fail)
    house = build(server, seconds=[8])
    video = house.make("a quiet lake", **ASK | {"seconds": "8"})
    assert video.state is VideoState.BLOCKED
    (attempt,) = house.record(video).attempts
    assert (attempt.outcome, server.stops) == ("done", 0)


def test_a_session_that_breaks_is_started_again_and_not_for_ever(
    build: Build, server: StreamingServer
) -> None:
    server.script = Script(parts=fragments(PARTS), breaks_after=2)
    house = build(server)
    video = house.make("a quiet lake", **ASK)
    assert (video.state, video.error_code) == (VideoState.FAILED, "upstream_error")
    assert len(server.sessions) == 3
    assert [attempt.outcome for attempt in house.record(video).attempts] == ["lost", "lost", "lost"]


def test_a_crash_in_the_middle_starts_another_session(build: Build, server: StreamingServer) -> None:
    house = build(server)
    house.crash_at = "made"
    video = house.carry_through_crashes(house.order("a quiet lake", **ASK))
    assert video.state is VideoState.DELIVERED
    assert [attempt.outcome for attempt in house.record(video).attempts] == ["lost", "done"]


def test_a_server_that_is_away_is_tried_again(build: Build) -> None:
    with streaming_server(Script(parts=fragments(PARTS))) as server:
        house = build(server)
    video = house.order("a quiet lake", **ASK)
    runner = Runner(house.context)
    runner.run_steps(video.tenant, video.id)
    assert runner.run_steps(video.tenant, video.id) is not None
    assert house.reread(video).state is VideoState.GENERATING
    assert [attempt.outcome for attempt in house.record(video).attempts] == ["not_taken"]


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ({"fails_after": 0}, "upstream_rejected", "CUDA out of memory"),
        ({"fails_after": 2}, "upstream_error", "CUDA out of memory"),
        ({"alter": lambda _event: "{"}, "upstream_invalid", "cannot be read"),
        ({"alter": lambda event: event | {"byte_length": 1}}, "upstream_invalid", "length"),
        ({"alter": lambda event: event | {"stopped": True}}, "upstream_invalid", "without a clip"),
    ],
)
def test_a_server_that_fails_or_lies_ends_the_video_with_a_reason(
    build: Build, server: StreamingServer, script: dict[str, Any], code: str, said: str
) -> None:
    server.script = Script(parts=fragments(PARTS), **script)
    house = build(server)
    video = house.make("a quiet lake", **ASK)
    assert (video.state, video.error_code) == (VideoState.FAILED, code)
    assert said in (video.error_message or "")


def test_a_silent_server_is_given_up(build: Build, server: StreamingServer) -> None:
    server.script = Script(parts=fragments(PARTS), hangs_after=2)
    house = build(server, stall_timeout_s=0.5)
    video = house.make("a quiet lake", **ASK)
    assert (video.state, video.error_code) == (VideoState.FAILED, "upstream_error")
    assert "sent nothing for 0.5 seconds" in (video.error_message or "")


def test_a_filter_of_the_server_is_a_block_by_the_provider(build: Build, server: StreamingServer) -> None:
    said = {"message": "Your request was blocked by our moderation system.", "code": "moderation_blocked"}
    server.script = Script(parts=fragments(PARTS), fails_after=1, error=said)
    house = build(server)
    video = house.make("a quiet lake", **ASK)
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")


def test_a_clip_over_the_limit_is_refused(build: Build, server: StreamingServer) -> None:
    house = build(server)
    context = house.context
    house.container.pipeline.context = replace(
        context, limits=replace(context.limits, max_download_bytes=100)
    )
    video = house.make("a quiet lake", **ASK)
    assert (video.state, video.error_code) == (VideoState.FAILED, "upstream_invalid")
    assert server.sent <= PARTS


def test_a_stop_of_the_gateway_and_the_end_of_the_deadline_end_the_session(
    build: Build, server: StreamingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = build(server, seconds=[40])
    context = house.context

    def shut_down(event: dict[str, Any]) -> dict[str, Any]:
        if event.get("transport_chunk_index") == 2:
            context.shutdown_event.set()
        return event

    server.script = Script(parts=fragments(40), pause_s=0.1, alter=shut_down)
    video = house.order("a quiet lake", **ASK | {"seconds": "40"})
    house.carry(video)
    assert (server.stops, house.reread(video).state) == (1, VideoState.GENERATING)
    context.shutdown_event.clear()

    server.script = Script(parts=fragments(40), pause_s=0.1)
    monkeypatch.setattr(streamed_generation, "seconds_left", lambda *_: 0.0)
    assert house.carry(video).error_code == "timeout"
    assert server.stops == 2


def test_a_full_disk_stops_the_session_and_is_no_fault_of_the_server(server: StreamingServer) -> None:
    server.script = Script(parts=fragments(PARTS), pause_s=0.5)
    generator = create({"name": "stream", "url": server.url, "models": ["helios-1"], "fps": FPS})
    request = GenerationRequest(
        key="key", model="helios-1", prompt="a quiet lake", seconds=4, width=320, height=180
    )
    with pytest.raises(StorageFull):
        generator.receive(request, Path("/dev/full"), lambda *_: None, max_bytes=1 << 20)
    assert server.stops == 1


@pytest.mark.parametrize(
    "wrong", [{"models": []}, {"fps": 0}, {"max_concurrent": 0}, {"proxy": "http://p:1"}, {"url": "ws://gpu"}]
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        create({"name": "stream", "url": "http://gpu:1/v1", "models": ["helios-1"], **wrong})
