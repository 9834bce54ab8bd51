"""When a batch sends nothing more, and which of its rows still fit under the ceiling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from safelight.accounts.models import end_user_subject
from safelight.accounts.standing import Cause, Offence
from safelight.accounts.terms import AccountTerms, Terms
from safelight.core.errors import Unavailable
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.batches.models import Batch
from safelight_client.retries import RetryPolicy

from .conftest import Crash
from .test_batches import BLOCKED, FLAKY, Studio, shots
from .test_batches import studio as studio  # the fixture


def advance(studio: Studio) -> None:
    """One round in which no batch waits for its time."""
    studio.change_all(due_at=0.0)
    studio.advancer.advance()


def begin_without_video(studio: Studio, error: BaseException) -> Batch:
    """A batch whose only row has a stored submission, but no video, because of an error."""

    def failing(*_: Any) -> Any:
        raise error

    batch = studio.order(*shots(1))
    working = studio.submit_with(failing)
    try:
        while not studio.rows(batch)[0].entries:
            studio.advancer.advance()
    except Crash:
        pass
    studio.submit_with(working)
    assert studio.states(batch) == ["open"]
    return batch


@pytest.mark.parametrize("error", [Crash(), Unavailable("The disk is busy.", retry_after_s=0.0)])
def test_a_submission_that_never_became_a_video_is_not_sent_after_a_cancel(
    studio: Studio, upstream: ScriptedUpstream, error: BaseException
) -> None:
    batch = begin_without_video(studio, error)
    studio.cancel(batch)
    advance(studio)
    done, totals = studio.read(batch)
    assert (done.state, studio.states(batch)) == ("cancelled", ["not_sent"])
    assert (totals.spent, totals.reserved, totals.creates) == (0, 0, 0)
    assert upstream.counts["received"] == 0


def test_a_submission_that_never_became_a_video_is_not_sent_after_a_stop_rule(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    first, second = shots(2)
    upstream.play({"orders": [{"when": first["prompt"], **BLOCKED}], "otherwise": {"polls": 0}})
    tried: set[str] = set()

    def unavailable_once(who: Any, video_id: str, request: Any) -> Any:
        if request.prompt == second["prompt"] and not tried:
            tried.add(video_id)
            raise Unavailable("The disk is busy.", retry_after_s=60.0)
        return submit(who, video_id, request)

    batch = studio.order(first, second, max_refusals=0)
    submit = studio.submit_with(unavailable_once)
    while studio.states(batch) != ["open", "open"]:
        studio.advancer.advance()
    studio.house.carry(studio.house.videos.get(studio.house.who, studio.rows(batch)[0].entries[-1].key))
    advance(studio)
    done, totals = studio.read(batch)
    assert (done.state, studio.states(batch)) == ("stopped", ["blocked", "pending"])
    assert totals.reserved == 0
    assert upstream.counts["received"] == 1


def test_a_batch_whose_key_is_revoked_before_its_video_exists_ends(studio: Studio) -> None:
    batch = begin_without_video(studio, Unavailable("The disk is busy.", retry_after_s=0.0))
    studio.advancer = replace(studio.advancer, find_principal=lambda _: None)
    advance(studio)
    done, totals = studio.read(batch)
    assert (done.state, done.stop_reason) == ("stopped", "The key of the batch was revoked.")
    assert (studio.states(batch), totals.reserved) == (["pending"], 0)


def test_after_a_cancel_the_video_of_a_draft_under_way_is_not_sent(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    batch = studio.order(*shots(1, seconds=8), two_phase=True)
    studio.begin(batch)
    studio.cancel(batch)
    done = studio.carry(batch)
    assert (done.state, studio.states(batch)) == ("cancelled", ["not_sent"])
    assert upstream.counts["received"] == 1


def test_a_cheap_row_after_many_dear_ones_is_found(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.videos.batches.store._PAGE", 3)
    rows = shots(8, seconds=12)
    rows[-1]["seconds"] = 4
    batch = studio.order(*rows, max_amount=500_000)
    done = studio.carry(batch)
    assert (done.state, done.stop_reason) == ("stopped", "The ceiling does not allow 7 more rows.")
    assert studio.states(batch) == ["pending"] * 7 + ["delivered"]


def test_a_row_that_waits_for_its_retry_keeps_its_reservation_when_others_do_not_fit(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    retried, dear = shots(2)
    dear["seconds"] = 12
    flaky = {"when": retried["prompt"], "nth": 1, **FLAKY, "refund": True, "charge": 0.4}
    upstream.play({"orders": [flaky], "otherwise": {"polls": 0, "charge": 0.4}})
    studio.advancer = replace(studio.advancer, retries=RetryPolicy(first_s=0.05, max_s=0.05))
    batch = studio.order(retried, dear, max_amount=500_000)
    done = studio.carry(batch, rounds=600)
    assert (done.state, done.stop_reason) == ("stopped", "The ceiling does not allow 1 more row.")
    assert studio.states(batch) == ["delivered", "pending"]


def test_an_end_user_who_may_not_request_videos_does_not_stop_the_rows_of_others(studio: Studio) -> None:
    house, rows = studio.house, shots(3)
    for row, end_user in zip(rows, ("ann", "bob", "cem"), strict=True):
        row["safety_identifier"] = end_user
    standings = house.container.pipeline.standings
    database = house.database
    with house.transaction() as tx:
        for number in range(3):
            video_id, cause = f"video_{number:032x}", Cause(category="ncii")
            standings.give(tx, Offence(video_id=video_id, account="key", end_user="ann", cause=cause))
    AccountTerms(database).set(house.who, end_user_subject("bob"), Terms(videos_per_day=0))
    batch = studio.order(*rows)
    done = studio.carry(batch)
    assert (done.state, studio.states(batch)) == ("completed", ["failed", "failed", "delivered"])
    outcomes = [row.entries[-1].outcome for row in studio.rows(batch)]
    assert outcomes[:2] == ["account_suspended", "quota_exceeded"]
