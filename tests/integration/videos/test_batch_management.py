"""What people do with a batch that exists: stop it, send a failed row again, delete it; and its retention."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from safelight.core.errors import Conflict, NotFound, RateLimited, TooLarge
from safelight.store.tables import audit_log, batch_rows, batch_submissions, batches, deleted_batches
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.batches import service, store
from safelight.videos.batches.models import BatchState, RowState
from safelight.web.batch_request import read_batch_request

from .test_batches import BLOCKED, FLAKY, Studio, shots
from .test_batches import studio as studio  # the fixture
from .test_paid_clips import break_scans


def stored_rows(studio: Studio) -> int:
    tables = (batches, batch_rows, batch_submissions)
    with studio.house.read_transaction() as tx:
        return sum(tx.count(table) for table in tables)


def make_old(studio: Studio) -> None:
    """Let the time be over for which batches are kept."""
    studio.change_all(updated_at=studio.house.database.clock() - studio.house.context.limits.keep_s - 1)


def test_a_person_stops_a_batch_and_a_run_continues_it(studio: Studio, upstream: ScriptedUpstream) -> None:
    batch = studio.order(*shots(5), concurrency=2)
    studio.begin(batch)
    studio.stop(batch)
    done = studio.carry(batch)
    assert done.state == "stopped"
    assert done.stop_reason.endswith("stopped the batch.")
    assert studio.states(batch) == ["delivered"] * 2 + ["pending"] * 3
    assert studio.totals(batch).reserved == 0
    studio.run(batch)
    assert studio.carry(batch).state == "completed"
    assert upstream.counts["received"] == 5


def test_a_batch_that_is_stopped_while_it_is_planned_goes_on_as_it_was_requested(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    for run, ended, sent in ((False, "planned", 0), (True, "completed", 2)):
        batch = studio.order(*shots(2), run=run)
        stopped = studio.stop(batch)
        assert (stopped.state, stopped.plan) == ("stopped", None)
        studio.advancer.advance()
        assert studio.states(batch) == ["unchecked"] * 2
        studio.run(batch)
        assert studio.carry(batch).state == ended
        assert upstream.counts["received"] == sent


def test_a_run_of_a_batch_as_it_was_read_does_not_continue_one_that_was_stopped(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    batch = studio.order(*shots(3), run=False, concurrency=1)
    studio.carry(batch)
    studio.run(batch)
    studio.advancer.advance()
    studio.stop(batch)
    assert studio.carry(batch).state == "stopped"
    sent = upstream.counts["received"]
    with pytest.raises(Conflict, match="it is stopped, no longer planned"):
        studio.service.run(studio.house.who, batch.id, lambda limits: limits, only_from=BatchState.PLANNED)
    assert (studio.read(batch)[0].state, upstream.counts["received"]) == ("stopped", sent)


def test_a_failed_row_that_is_near_a_blocked_one_or_was_sent_meanwhile_is_not_sent_again(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {**FLAKY, "charge": 0.4}})
    batch = studio.order(*shots(1))
    studio.carry(batch)
    with pytest.raises(Conflict, match="sent again in the meantime"):
        studio.retry(batch, 1, sent=0)
    with studio.house.transaction() as tx:
        store.exclude(tx, batch.id, studio.rows(batch)[0], 7)
    with pytest.raises(Conflict, match="nearly that of line 7"):
        studio.retry(batch, 1)


def test_a_row_whose_paid_clip_is_kept_is_not_sent_and_paid_for_again(
    studio: Studio, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4}})
    break_scans(studio.house, monkeypatch, times=3)
    batch = studio.order(*shots(1))
    studio.carry(batch)
    assert studio.states(batch) == ["failed"]
    with pytest.raises(Conflict, match="its clip was paid for and is kept"):
        studio.retry(batch, 1)
    assert upstream.counts["received"] == 1


def test_the_limit_of_unfinished_batches_holds_for_those_that_continue_too(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_UNFINISHED", 2)
    stopped, completed = (studio.order(*shots(1)) for _ in range(2))
    studio.stop(stopped)
    studio.carry(completed)
    with studio.house.transaction() as tx:
        store.change_row(tx, completed.id, 1, state=RowState.FAILED.value)
    for _ in range(2):
        studio.order(*shots(1), run=False)
    with pytest.raises(RateLimited):
        studio.run(stopped)
    with pytest.raises(RateLimited):
        studio.retry(completed, 1)
    assert [studio.read(batch)[0].state for batch in (stopped, completed)] == ["stopped", "completed"]


def test_a_failed_row_is_sent_again_only_on_request_and_a_blocked_one_never(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    failing, blocked = shots(2)
    failures = [{"when": failing["prompt"], "nth": n, **FLAKY, "charge": 0.4} for n in (1, 2)]
    upstream.play(
        {
            "orders": [{"when": blocked["prompt"], **BLOCKED}, *failures],
            "otherwise": {"polls": 0, "charge": 0.4},
        }
    )
    batch = studio.order(failing, blocked, max_amount=2_000_000)
    assert studio.carry(batch).state == "completed"
    assert studio.states(batch) == ["failed", "blocked"]
    with pytest.raises(Conflict, match="it is blocked"):
        studio.retry(batch, 2)
    with pytest.raises(NotFound):
        studio.retry(batch, 3)
    started = studio.retry(batch, 1)
    assert started.state == "running"
    assert studio.carry(batch).state == "completed"
    assert studio.states(batch) == ["delivered", "blocked"]


def test_an_ended_batch_is_deleted_with_its_rows_and_its_videos_stay(studio: Studio) -> None:
    batch = studio.order(*shots(2), run=False)
    with pytest.raises(Conflict):
        studio.delete(batch)
    studio.carry(batch)
    studio.run(batch)
    studio.carry(batch)
    # Another process works on it.
    studio.change_all(leased_by="another", leased_until=studio.house.database.clock() + 60)
    with pytest.raises(Conflict):
        studio.delete(batch)
    studio.change_all(leased_until=0.0)
    video = studio.rows(batch)[0].video_id
    studio.delete(batch)
    assert stored_rows(studio) == 0
    assert studio.house.videos.get(studio.house.who, video).state == "delivered"
    with pytest.raises(NotFound):
        studio.read(batch)
    with studio.house.read_transaction() as tx:
        assert tx.count(audit_log, audit_log.c.event == "batch.deleted") == 1


def test_batches_are_deleted_when_their_time_is_over_and_never_while_they_run(studio: Studio) -> None:
    ended, waiting, running = (studio.order(*shots(1), run=run) for run in (True, False, True))
    studio.carry(ended)
    studio.carry(waiting)
    studio.advancer.delete_expired()
    assert stored_rows(studio) > 0
    make_old(studio)
    with studio.house.transaction() as tx:
        tx.update(batches, batches.c.id == running.id, state="running")
    studio.advancer.delete_expired()
    for gone in (ended, waiting):
        with pytest.raises(NotFound):
            studio.read(gone)
    assert studio.read(running)[0].state == "running"


def test_the_key_of_a_deleted_batch_makes_no_second_one_for_90_days(studio: Studio) -> None:
    deleted, expired = (studio.order(*shots(1), key=key) for key in ("monday", "tuesday"))
    studio.carry(deleted)
    studio.carry(expired)
    studio.delete(deleted)
    make_old(studio)
    studio.advancer.delete_expired()
    for key in ("monday", "tuesday"):
        with pytest.raises(NotFound, match="was deleted"):
            studio.order(*shots(1), key=key)
    assert stored_rows(studio) == 0
    with studio.house.transaction() as tx:
        tx.update(deleted_batches, deleted_batches.c.id == deleted.id, deleted_at=tx.now() - 90 * 86_400 - 1)
    studio.advancer.delete_expired()
    assert studio.order(*shots(1), key="monday").id != deleted.id
    with pytest.raises(NotFound):
        studio.order(*shots(1), key="tuesday")


def test_a_team_stores_a_limited_number_of_batches(studio: Studio) -> None:
    batch = studio.order(*shots(1), key="first")
    studio.carry(batch)
    studio.service = replace(studio.service, max_stored=1)
    with pytest.raises(RateLimited, match=r"limits\.stored_batches"):
        studio.order(*shots(1))
    assert studio.order(*shots(1), key="first").id == batch.id, "an earlier request is answered"
    studio.delete(batch)
    assert studio.order(*shots(1)).id != batch.id


def test_an_expired_batch_that_another_process_deleted_is_left_alone(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batch = studio.order(*shots(1))
    studio.carry(batch)
    gone = studio.read(batch)[0]
    studio.delete(batch)
    monkeypatch.setattr(store, "expired_batches", lambda *_, **__: [gone])
    caplog.clear()
    studio.advancer.delete_expired()
    assert caplog.records == []


def test_a_byte_order_mark_before_json_lines_is_no_part_of_the_first_row() -> None:
    wanted = read_batch_request({"jsonl": '\ufeff{"prompt": "A tram"}\n'}, None, max_prompt_chars=400)
    assert [row.problems for row in wanted.rows] == [()]


def test_the_cost_of_reading_a_batch_does_not_grow_with_columns_times_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written, dumps = [], json.dumps

    def counted(*values: Any, **options: Any) -> str:
        text = dumps(*values, **options)
        written.append(len(text))
        return text

    columns = ",".join(f"c{number:03}".ljust(1000, "x") for number in range(900))
    text = columns + "\n" + ("a," * 899 + "a\n") * 100
    monkeypatch.setattr(json, "dumps", counted)
    with pytest.raises(TooLarge, match="8,000,000"):
        read_batch_request({"csv": text}, None, max_prompt_chars=400)
    # Each row repeats 900 KB of names: all rows together would be written as 90 MB, twice.
    assert sum(written) < 20_000_000


def test_five_failures_in_a_row_stop_the_batch_before_more_is_paid(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    upstream.play({"models": ["paid-1"], "otherwise": {**FLAKY, "charge": 0.4}})
    batch = studio.order(*shots(9), concurrency=1)
    done = studio.carry(batch)
    assert done.state == "stopped"
    assert done.stop_reason.startswith("5 consecutive rows failed.")
    assert studio.states(batch) == ["failed"] * 5 + ["pending"] * 4
    upstream.play({"models": ["paid-1"], "otherwise": {"polls": 0, "charge": 0.4}})
    studio.run(batch, max_amount=9_000_000)
    assert studio.carry(batch).state == "completed"
    assert studio.states(batch) == ["failed"] * 5 + ["delivered"] * 4
