from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import DeadlineExceeded, UpstreamError, UpstreamRejected
from safelight.providers.videos_api.options import Options, read_options
from safelight.providers.videos_api.smoke_test import Trial, run
from safelight.testing.upstream import ScriptedUpstream


def options(upstream: ScriptedUpstream, **more: Any) -> Options:
    return read_options({"url": upstream.url, "models": ["scripted-1"], **more})


def tried(upstream: ScriptedUpstream, into: Path, **more: Any) -> Trial:
    return run(options(upstream, **more), into / "clip.mp4", sleep=lambda _s: None)


def rejecting(*messages: str) -> dict[str, Any]:
    """A server that refuses as many orders as there are messages, and then takes them."""
    orders = [
        {"nth": number, "submit": {"status": 400, "code": "invalid_value", "message": message}}
        for number, message in enumerate(messages, start=1)
    ]
    return {"orders": orders}


def test_the_smallest_clip_is_generated_fetched_and_deleted(tmp_path: Path) -> None:
    with ScriptedUpstream({"otherwise": {"charge": 0.25}}) as upstream:
        told = tried(upstream, tmp_path)
        counts = upstream.counts
    assert (told.width, told.height, told.seconds) == (512, 288, 1)
    assert (tmp_path / "clip.mp4").stat().st_size > 0
    assert told.declined == ()
    assert (told.charge.amount, told.charge.source) == (0.25, "upstream")
    assert (told.echoes, told.closed, told.deleted, told.gone) == (True, False, True, True)
    assert (counts["accepted"], counts["deletes"]) == (1, 1)


def test_fields_refused_by_name_are_omitted_and_reported(tmp_path: Path) -> None:
    script = rejecting("Unknown field: metadata", "seed: extra fields are not permitted")
    with ScriptedUpstream(script | {"echo_metadata": False}) as upstream:
        told = tried(upstream, tmp_path)
        accepted = upstream.counts["accepted"]
    assert [one.what for one in told.declined] == ["metadata", "seed"]
    assert "not permitted" in told.declined[1].said
    assert told.echoes is None
    assert accepted == 1


def test_an_unsupported_size_is_reported_and_a_larger_one_requested(tmp_path: Path) -> None:
    with ScriptedUpstream(rejecting("size must be one of 832x480")) as upstream:
        told = tried(upstream, tmp_path)
    assert [one.what for one in told.declined] == ["512x288 for 1 s"]
    assert (told.width, told.height, told.seconds) == (832, 480, 2)


def test_after_an_unnamed_refusal_only_the_basic_fields_are_sent(tmp_path: Path) -> None:
    with ScriptedUpstream(rejecting("no", "no", "no")) as upstream:
        told = tried(upstream, tmp_path)
    assert (told.width, told.seconds, told.echoes) == (512, 1, None)
    assert len(told.declined) == 3


def test_a_server_that_refuses_everything_is_given_up(tmp_path: Path) -> None:
    script = {"otherwise": {"submit": {"status": 400, "message": "no"}}}
    with ScriptedUpstream(script) as upstream, pytest.raises(UpstreamRejected):
        tried(upstream, tmp_path)
    assert upstream.counts["received"] == 6


def test_sizes_from_the_settings_are_used(tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream:
        told = tried(upstream, tmp_path, sizes=["1280x720", "720x400"], seconds=[8, 4])
    assert (told.width, told.height, told.seconds) == (720, 400, 4)


def test_a_copy_that_is_not_deleted_is_reported(tmp_path: Path) -> None:
    with ScriptedUpstream({"otherwise": {"delete": {"status": 405}}}) as upstream:
        told = tried(upstream, tmp_path)
    assert (told.deleted, told.gone) == (False, False)


def test_a_server_that_checks_its_key_is_not_open_to_others(tmp_path: Path) -> None:
    with ScriptedUpstream({"api_key": "sk-live-0123456789"}) as upstream:
        told = tried(upstream, tmp_path, api_key="sk-live-0123456789")
    assert told.closed is True


@pytest.mark.parametrize("ends", ["refused", "failed"])
def test_a_failed_request_is_reported_with_its_reason(ends: str, tmp_path: Path) -> None:
    script = {"otherwise": {"ends": ends}}
    with ScriptedUpstream(script) as upstream, pytest.raises(UpstreamError, match="made no video"):
        tried(upstream, tmp_path)


def test_a_request_that_never_ends_is_given_up(tmp_path: Path) -> None:
    ticks = iter(range(0, 10_000, 60))
    with ScriptedUpstream({"otherwise": {"ends": "never"}}) as upstream, pytest.raises(DeadlineExceeded):
        run(
            options(upstream),
            tmp_path / "clip.mp4",
            within_s=300,
            sleep=lambda _s: None,
            clock=lambda: float(next(ticks)),
        )
