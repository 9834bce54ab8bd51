"""Videos whose deadline passes: their attempt ends, and their request at the upstream is deleted."""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

import pytest

from safelight.providers.protocol import Progress, UpstreamState
from safelight.providers.videos_api import create as videos_api
from safelight.store import tables
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos import attempts
from safelight.videos.models import Attempt, Video, VideoState
from safelight.videos.runner import Runner
from safelight.videos.timeouts import Cancellation

from .conftest import Furnish, House
from .test_video_lifecycle import PAID, sweeper


def at_the_upstream(house: House) -> Video:
    """A video that a paid upstream has accepted and does not finish."""
    video, runner = house.order(**PAID), Runner(house.context)
    for _ in range(2):
        runner.run_steps(video.tenant, video.id)
    return video


def let_pass(house: House, video: Video) -> None:
    """The deadline of the video passes."""
    house.change(video, deadline_at=1.0, updated_at=2.0)


def attempt(house: House, video: Video) -> Attempt:
    (made,) = house.record(video).attempts
    return made


@pytest.mark.parametrize("ended_by", ["its run", "the sweeper"])
def test_at_a_time_out_the_request_is_deleted_once_at_the_upstream(
    house: House, upstream: ScriptedUpstream, ended_by: str
) -> None:
    upstream.play({"otherwise": {"ends": "never"}})
    video = at_the_upstream(house)
    let_pass(house, video)
    if ended_by == "its run":
        house.carry(video)
    else:
        made = sweeper(house)
        made.requeue_abandoned()
        assert house.reread(video).state is VideoState.GENERATING
        made._last_looks[video.id] = -math.inf
        made.requeue_abandoned()
    assert house.reread(video).error_code == "timeout"
    ended = attempt(house, video)
    assert (ended.outcome, ended.charge.charged.value) == ("timeout", "unknown")
    cancellation = Cancellation(house.context)
    for _ in range(2):
        cancellation.cancel_late()
    assert attempt(house, video).upstream_copy_status == "deleted"
    assert upstream.counts["deletes"] == 1


@pytest.mark.parametrize("charge", [0.4, None])
def test_a_stopped_video_leaves_its_charge_and_no_copy_at_the_upstream(
    house: House, upstream: ScriptedUpstream, charge: float | None
) -> None:
    source = house.make()
    away = {"status": 503, "times": 1}
    upstream.play(
        {"otherwise": {"polls": 0, "charge": charge, "content": away} if charge else {"ends": "never"}}
    )
    video, database = at_the_upstream(house), house.database
    with database.transaction(tenant=video.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == video.id, remixed_from=source.id)
    house.withdraw(source)
    made = attempt(house, video)
    assert (made.outcome, made.charge.amount) == ("withdrawn", charge)
    Cancellation(house.context).cancel_late()
    assert attempt(house, video).upstream_copy_status == "deleted"


def test_a_charge_that_was_stated_is_kept_if_a_later_answer_states_none(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for state, ends in (
        (UpstreamState.DONE, VideoState.DELIVERED),
        (UpstreamState.FAILED, VideoState.FAILED),
    ):
        upstream.play({"otherwise": {"polls": 0, "charge": 0.4, "content": {"status": 503, "times": 1}}})
        video, answer = at_the_upstream(house), Progress(state=state)
        assert attempt(house, video).charge.amount == 0.4
        with monkeypatch.context() as patched:
            generator = type(house.generators[video.generator])
            patched.setattr(generator, "progress", lambda *_, answer=answer: answer)
            assert house.carry(video).state is ends
        charge = attempt(house, video).charge
        assert (charge.charged.value, charge.amount) == ("yes", 0.4)


@pytest.mark.parametrize(
    ("delete", "fates"),
    [
        ({"status": 405}, ["kept", "kept"]),
        ({"status": 503, "times": 1}, [None, "deleted"]),
    ],
)
def test_an_upstream_that_cannot_delete_keeps_its_copy_and_one_that_is_away_is_asked_again(
    house: House, upstream: ScriptedUpstream, delete: dict[str, Any], fates: list[str | None]
) -> None:
    upstream.play({"otherwise": {"ends": "never", "delete": delete}})
    video = at_the_upstream(house)
    let_pass(house, video)
    house.carry(video)
    cancellation, found = Cancellation(house.context), []
    for _ in fates:
        cancellation.cancel_late()
        found.append(attempt(house, video).upstream_copy_status)
    assert found == fates


def test_nothing_is_sent_to_an_upstream_that_cannot_finish_before_the_deadline(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = house.context
    context.generation_times["paid"].append(context.limits.deadline_s * 0.4)
    monkeypatch.setattr(attempts, "seconds_left", lambda context, _video: context.limits.deadline_s * 0.3)
    video = house.make(**PAID)
    assert (video.state, video.error_code) == (VideoState.FAILED, "timeout")
    assert "Nothing was sent to paid" in (video.error_message or "")
    assert upstream.counts["received"] == 0
    assert house.record(video).attempts == ()


def test_the_shortest_generation_decides_what_can_finish(house: House, upstream: ScriptedUpstream) -> None:
    context = house.context
    for seconds in (context.limits.deadline_s * 2, 1.0):
        context.generation_times["paid"].append(seconds)
    assert house.make(**PAID).state is VideoState.DELIVERED


def test_a_submission_without_an_answer_ends_at_the_deadline(
    furnish: Furnish, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"submit": "hang"}})
    # Long enough that the request reaches the upstream before the deadline on a loaded machine too.
    house = furnish(generation={"deadline_s": 8.0})
    options = {"url": upstream.url, "models": ["paid-1"], "name": "paid", "submit_timeout_s": 1e6}
    with closing(videos_api(options)) as paid:
        house.generators["paid"] = paid
        video = house.make(**PAID)
    assert (video.state, video.error_code) == (VideoState.FAILED, "submit_unknown")
    assert upstream.counts["received"] == 1
