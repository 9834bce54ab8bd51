"""Batches by API: planned, run within a ceiling, stopped by the client's rules, and exact after a crash."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from safelight.core.errors import Conflict, NotFound, QuotaExceeded, Unavailable
from safelight.providers.videos_api import create as videos_api
from safelight.store.tables import audit_log, batches, outbox, videos
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.batches.advancer import BatchAdvancer
from safelight.videos.batches.models import Batch, BatchLimits, BatchRequest, Row, RowState, Totals
from safelight.videos.batches.reports import build_report
from safelight_client.batch import PlanOptions
from safelight_client.batch.rows import rows_of_entries
from safelight_client.retries import RetryPolicy

from .conftest import Crash, Furnish, House

SUBJECTS = (
    "A red kite over wheat fields",
    "Fishing boats at dawn in fog",
    "Two chess players in a park",
    "A potter shapes a tall vase",
    "Snow falls on an empty station",
    "Bees around lavender in July",
)
BLOCKED = {
    "polls": 0,
    "ends": "refused",
    "error": {
        "code": "moderation_blocked",
        "message": "Blocked.",
        "moderation_details": {"moderation_stage": "input", "categories": ["violence"]},
    },
}
FLAKY = {"polls": 0, "ends": "failed", "error": {"code": "server_error", "message": "A node was lost."}}


class Studio:
    """A house with a paid model at 0.1 USD a second, and its batches."""

    def __init__(self, house: House) -> None:
        self.house = house
        container = house.container
        self.service = house.services.batches
        self.advancer: BatchAdvancer = replace(
            container.background.advancer,
            submit=lambda *given: house.videos.submissions.submit(*given, None),
            retries=RetryPolicy(first_s=0.0, max_s=0.0),
        )

    def order(self, *rows: Any, run: bool = True, key: str | None = None, **fields: Any) -> Batch:
        names = BatchLimits.__dataclass_fields__
        limits = BatchLimits(**{name: value for name, value in fields.items() if name in names})
        options = PlanOptions(**{name: value for name, value in fields.items() if name not in names})
        entries = rows_of_entries(enumerate(rows, start=1))
        request = BatchRequest(rows=entries, options=options, limits=limits, run=run, idempotency_key=key)
        return self.service.create(self.house.who, request)[0]

    def carry(self, batch: Batch, *, rounds: int = 60) -> Batch:
        """Advance the batch and its videos until it has ended or waits for a request."""
        for _ in range(rounds):
            self.advancer.advance()
            for row in self.rows(batch):
                if row.state == "open":
                    self.house.carry(self.house.videos.get(self.house.who, row.entries[-1].key))
            found, _ = self.read(batch)
            if found.ended_at is not None or found.state == "planned":
                return found
        raise AssertionError(f"the batch goes on: {self.read(batch)}")

    def begin(self, batch: Batch) -> None:
        """Advance the batch until it has sent something."""
        while not self.totals(batch).states.get("open"):
            self.advancer.advance()

    def run(self, batch: Batch, **limits: Any) -> None:
        """Let the batch go on, with other limits if any are named."""
        self.service.run(self.house.who, batch.id, lambda old: replace(old, **limits))

    def cancel(self, batch: Batch) -> Batch:
        return self.service.cancel(self.house.who, batch.id)[0]

    def stop(self, batch: Batch) -> Batch:
        return self.service.stop(self.house.who, batch.id)[0]

    def delete(self, batch: Batch) -> None:
        self.service.delete(self.house.who, batch.id)

    def retry(self, batch: Batch, number: int, **options: Any) -> Batch:
        return self.service.retry(self.house.who, batch.id, number, **options)[0]

    def read(self, batch: Batch) -> tuple[Batch, Totals]:
        return self.service.get(self.house.who, batch.id)

    def change_all(self, **columns: Any) -> None:
        with self.house.transaction() as tx:
            tx.update(batches, **columns)

    def totals(self, batch: Batch) -> Totals:
        return self.read(batch)[1]

    def submit_with(self, submit: Callable[..., Any]) -> Callable[..., Any]:
        """Replace what submits a row. Returns what did it before."""
        earlier = self.advancer.submit
        self.advancer = replace(self.advancer, submit=submit)
        return earlier

    def rows(self, batch: Batch) -> list[Row]:
        return list(self.service.all_rows(self.house.who, batch.id))

    def states(self, batch: Batch) -> list[str]:
        return [row.state.value for row in self.rows(batch)]


@pytest.fixture
def studio(house: House, upstream: ScriptedUpstream) -> Iterator[Studio]:
    options = {
        "url": upstream.url,
        "models": ["paid-1"],
        "name": "paid",
        "billing": "paid",
        "usd_per_second": 0.1,
        "seconds": [4, 8, 12],
        "extra_fields": {"seed": "int"},
    }
    with closing(videos_api(options)) as generator:
        house.generators["paid"] = generator
        yield Studio(house)


def be_stricter(studio: Studio) -> None:
    """From now on the policy blocks every row at its submission."""

    def stricter(who: Any, video_id: str, request: Any) -> Any:
        return submit(who, video_id, replace(request, prompt=f"{request.prompt} SAFELIGHT-TEST:violence"))

    submit = studio.submit_with(stricter)


def shots(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Rows that are not near each other."""
    return [
        {
            "prompt": f"{SUBJECTS[n % len(SUBJECTS)]} {chr(97 + n % 26) * 9} {n * 7919}",
            "seconds": 4,
            "model": "paid-1",
            **fields,
        }
        for n in range(count)
    ]


def test_a_plan_sends_nothing_and_names_prices_refusals_neighbours_and_duplicates(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    good, other = shots(2)
    bad = {"prompt": "Two men SAFELIGHT-TEST:violence under a bridge", "seconds": 4, "model": "paid-1"}
    near = {**bad, "prompt": "Two men under a bridge SAFELIGHT-TEST:none"}
    batch = studio.order(
        good,
        other,
        bad,
        near,
        dict(good),
        {"prompt": "A boat", "duration": 4, "model": "paid-1"},
        {"prompt": "A boat", "model": "no-such-model"},
        {"prompt": "A boat", "seconds": 4, "model": "paid-1", "input_reference": "/etc/passwd"},
        {"prompt": "A boat", "seconds": 5, "model": "paid-1"},
        {"prompt": "A boat", "seconds": 4, "model": "paid-1", "colour": "red"},
        "The line is not JSON.",
        run=False,
    )
    done = studio.carry(batch)
    assert done.state == "planned"
    assert done.plan is not None
    assert upstream.counts["received"] == 0
    counts = ("rows", "to_send", "invalid", "expected_refusals", "neighbours", "duplicates", "worst_usd")
    assert [done.plan[name] for name in counts] == [11, 2, 6, 1, 1, 1, 0.8]
    messages = [row.message for row in studio.rows(batch)]
    assert "colour" in messages.pop(9)
    assert messages[3:] == [
        "The prompt is nearly that of line 3, which the policy blocks.",
        "The row is the same as line 1.",
        "There is no field duration: use seconds.",
        "The server has no model no-such-model.",
        "A row of a batch on the server has no reference media: remove input_reference.",
        "The model makes these lengths in seconds: 4, 8, 12.",
        "The line is not JSON.",
    ]


def test_a_run_makes_every_row_within_its_ceiling_and_records_it(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    batch = studio.order(*shots(5), concurrency=2)
    done = studio.carry(batch)
    assert (done.state, done.stop_reason) == ("completed", "")
    assert studio.states(batch) == ["delivered"] * 5
    _, totals = studio.read(batch)
    assert (totals.spent, totals.reserved, totals.creates) == (2_000_000, 0, 5)
    assert max(upstream.counts["accepted_by_prompt"].values()) == 1
    report = build_report(done, totals, studio.rows(batch))
    assert [row["cost_usd"] for row in report["rows"]] == [0.4] * 5
    assert all(row["sha256"] and row["file"].endswith("/content") for row in report["rows"])
    with studio.house.read_transaction() as tx:
        entries = tx.select(audit_log, audit_log.c.subject == batch.id, order_by=(audit_log.c.seq,))
        events = [row.event for row in entries]
        assert events == ["batch.created", "batch.planned", "batch.started", "batch.completed"]
        assert tx.count(outbox, outbox.c.topic == "batch.completed") == 1


def test_what_does_not_fit_under_the_ceiling_is_not_sent_and_a_higher_one_continues(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    batch = studio.order(*shots(4), max_amount=900_000)
    done = studio.carry(batch)
    assert (done.state, done.stop_reason) == ("stopped", "The ceiling does not allow 2 more rows.")
    assert upstream.counts["received"] == 2
    page = studio.service.rows(studio.house.who, batch.id, after=0, limit=10, state=RowState.PENDING)
    assert [row.number for row in page.items] == [3, 4]
    studio.run(batch, max_amount=2_000_000)
    assert studio.carry(batch).state == "completed"
    assert studio.states(batch) == ["delivered"] * 4


def test_two_phases_make_a_free_draft_first_and_the_video_only_if_it_passed(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    batch = studio.order(*shots(2, seconds=8), two_phase=True, draft_model="instant-1", draft_seconds="4")
    assert studio.carry(batch).state == "completed"
    rows = studio.rows(batch)
    assert [[entry.phase for entry in row.entries] for row in rows] == [["draft", "video"]] * 2
    assert [[entry.model for entry in row.entries] for row in rows] == [["instant-1", "paid-1"]] * 2
    assert studio.totals(batch).spent == 800_000
    assert upstream.counts["received"] == 2


def test_after_a_draft_that_the_provider_blocks_no_video_follows_and_its_price_is_given_back(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": BLOCKED})
    batch = studio.order(*shots(1, seconds=8), two_phase=True)
    assert studio.carry(batch).state == "completed"
    assert studio.states(batch) == ["blocked"]
    assert upstream.counts["received"] == 1
    assert studio.totals(batch).reserved == 0


def test_a_model_without_a_known_price_needs_a_largest_number_of_jobs(studio: Studio) -> None:
    options = {"url": "http://127.0.0.1:9/v1", "models": ["open-1"], "name": "open", "billing": "paid"}
    with closing(videos_api(options)) as generator:
        studio.house.generators["open"] = generator
        batch = studio.order({"prompt": "A boat", "seconds": 4, "model": "open-1"})
        done = studio.carry(batch)
        reason = "The price of 1 row is not known. State the largest number of jobs."
        assert (done.state, done.stop_reason) == ("stopped", reason)
        with pytest.raises(Conflict, match="not known"):
            studio.run(batch)


def test_a_row_with_the_name_of_an_ended_model_is_planned_for_the_default_one(studio: Studio) -> None:
    done = studio.carry(studio.order({"prompt": "A boat", "seconds": 4, "model": "sora-2"}, run=False))
    assert done.plan is not None
    assert (done.plan["to_send"], done.plan["invalid"], done.plan["worst_usd"]) == (1, 0, 0.0)


def test_six_blocks_of_the_first_rows_stop_the_batch_and_a_run_needs_a_higher_limit(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": BLOCKED})
    batch = studio.order(*shots(12), concurrency=1)
    done = studio.carry(batch)
    assert (done.state, done.stop_reason) == ("stopped", "6 of 6 rows were blocked; at most 5 may be.")
    assert upstream.counts["received"] == 6
    with pytest.raises(Conflict, match="6 of 6"):
        studio.run(batch)
    upstream.play({"otherwise": {"polls": 0, "charge": 0.4}})
    studio.run(batch, max_refusals=20)
    assert studio.carry(batch).state == "completed"


def test_neighbours_of_a_row_that_the_policy_blocks_in_the_run_are_not_sent(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    """The policy has changed after the plan: the submission blocks what the check had allowed."""
    rows = [
        {"prompt": "Two old men play chess under a wide stone bridge", "seconds": 4, "model": "paid-1"},
        {"prompt": "Two old men play chess under the wide stone bridge", "seconds": 4, "model": "paid-1"},
        *shots(1),
    ]
    batch = studio.order(*rows, run=False)
    studio.carry(batch)
    be_stricter(studio)
    studio.run(batch, concurrency=1)
    done = studio.carry(batch)
    assert studio.states(batch) == ["blocked", "not_sent", "pending"]
    assert done.state == "stopped"
    assert done.stop_reason.startswith("The policy blocked line 1. Its prompt is nearly that of 1 more row")
    assert upstream.counts["received"] == 0


def test_a_failure_that_cost_nothing_is_repeated_and_a_block_of_the_input_is_not(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    first, second = shots(2)
    upstream.play(
        {
            "orders": [
                {"when": second["prompt"], **BLOCKED},
                {"when": first["prompt"], "nth": 1, **FLAKY, "refund": True, "charge": 0.4},
            ],
            "otherwise": {"polls": 0, "charge": 0.4},
        }
    )
    batch = studio.order(first, second)
    assert studio.carry(batch).state == "completed"
    assert [len(row.entries) for row in studio.rows(batch)][1] == 1
    assert studio.states(batch)[1] == "blocked"
    counts = upstream.counts["accepted_by_prompt"]
    assert counts[second["prompt"]] == 1
    assert len(studio.rows(batch)[0].entries) == counts[first["prompt"]]


def test_half_of_the_refusal_budget_stops_the_batch_before_anything_is_sent(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": BLOCKED})
    studio.house.context.refusals._limits = {"paid": 4}
    batch = studio.order(*shots(6), concurrency=1)
    done = studio.carry(batch)
    assert done.state == "stopped"
    assert done.stop_reason.startswith("The provider has refused half of the requests")
    assert upstream.counts["received"] == 2


@pytest.mark.parametrize("boundary", ["screened", "accepted"])
def test_after_a_crash_in_a_submission_the_same_video_is_used_and_nothing_is_paid_twice(
    studio: Studio, upstream: ScriptedUpstream, boundary: str
) -> None:
    batch = studio.order(*shots(3), run=False)
    studio.carry(batch)
    studio.run(batch)
    calls = itertools.count()

    def crashing(*given: Any) -> Any:
        is_second = next(calls) == 1
        if is_second and boundary == "screened":
            raise Crash
        result = submit(*given)
        if is_second:
            raise Crash
        return result

    submit = studio.submit_with(crashing)
    with pytest.raises(Crash):
        studio.carry(batch)
    assert studio.carry(batch).state == "completed"
    with studio.house.read_transaction() as tx:
        assert tx.count(videos) == 3
    assert upstream.counts["received"] == 3
    assert studio.totals(batch).spent == 1_200_000


@pytest.mark.both_databases
def test_a_batch_of_a_killed_process_goes_on_at_its_next_start_and_elsewhere_after_its_lease(
    studio: Studio,
) -> None:
    batch = studio.order(*shots(1), run=False)
    with studio.house.transaction() as tx:
        lease = {"leased_by": studio.advancer.worker, "leased_until": tx.now() + 100}
        tx.update(batches, batches.c.id == batch.id, **lease)
    replace(studio.advancer, worker="another").advance()
    assert studio.read(batch)[0].state == "planning"
    studio.advancer.advance()
    assert studio.read(batch)[0].state == "planned"


@pytest.mark.both_databases
def test_two_processes_do_not_work_on_the_same_batch(studio: Studio, upstream: ScriptedUpstream) -> None:
    batch = studio.order(*shots(2))
    other = replace(studio.advancer, worker="another", submit=lambda *_: pytest.fail("the batch is leased"))

    def nested(*given: Any) -> Any:
        other.advance()
        return submit(*given)

    submit = studio.submit_with(nested)
    assert studio.carry(batch).state == "completed"
    assert upstream.counts["received"] == 2


def test_a_limit_of_the_gateway_stops_the_batch_and_takes_the_row_back(studio: Studio) -> None:
    def full(*_: Any) -> Any:
        raise QuotaExceeded("No videos are left today.")

    batch = studio.order(*shots(2))
    submit = studio.submit_with(full)
    done = studio.carry(batch)
    assert done.state == "stopped"
    assert done.stop_reason.endswith("No videos are left today.")
    assert studio.states(batch) == ["pending", "pending"]
    totals = studio.totals(batch)
    assert (totals.reserved, totals.creates) == (0, 0)
    studio.submit_with(submit)
    studio.run(batch)
    assert studio.carry(batch).state == "completed"


def test_a_short_outage_delays_the_batch_and_the_same_video_follows(studio: Studio) -> None:
    ids: list[str] = []

    def unavailable(who: Any, video_id: str, request: Any) -> Any:
        ids.append(video_id)
        if len(ids) == 1:
            raise Unavailable("The disk is busy.", retry_after_s=0.0)
        return submit(who, video_id, request)

    batch, submit = studio.order(*shots(1)), studio.submit_with(unavailable)
    studio.advancer.advance()
    studio.advancer.advance()
    assert studio.read(batch)[0].wait_reason == "The disk is busy."
    studio.change_all(due_at=0.0)
    done = studio.carry(batch)
    assert (done.state, done.wait_reason) == ("completed", "")
    assert ids == [ids[0]] * 2


def test_a_cancelled_batch_sends_nothing_more_and_follows_what_is_under_way(
    studio: Studio, upstream: ScriptedUpstream
) -> None:
    batch = studio.order(*shots(5), concurrency=2)
    studio.begin(batch)
    cancelled = studio.cancel(batch)
    assert (cancelled.state, cancelled.ended_at) == ("running", None)
    assert studio.carry(batch).state == "cancelled"
    assert studio.states(batch) == ["delivered"] * 2 + ["not_sent"] * 3
    assert studio.totals(batch).reserved == 0
    assert upstream.counts["received"] == 2
    with pytest.raises(Conflict, match="cancelled"):
        studio.run(batch)


def test_a_revoked_key_stops_the_batch(studio: Studio) -> None:
    batch = studio.order(*shots(2))
    studio.advancer = replace(studio.advancer, find_principal=lambda _: None)
    done = studio.carry(batch)
    assert (done.state, done.stop_reason) == ("stopped", "The key of the batch was revoked.")


def test_the_limit_of_checks_delays_the_plan(furnish: Furnish) -> None:
    house = furnish(limits={"checks_per_hour": 2})
    house.waive()
    studio = Studio(house)
    batch = studio.order(*shots(3, model="instant-1"), run=False)
    studio.advancer.advance()
    waiting, totals = studio.read(batch)
    assert waiting.state == "planning"
    assert "limit of 2 checks" in waiting.wait_reason
    assert totals.states == {"pending": 2, "unchecked": 1}


@pytest.mark.both_databases
def test_a_batch_is_unknown_to_another_tenant(studio: Studio) -> None:
    batch = studio.order(*shots(1), run=False)
    studio.house.who = replace(studio.house.who, tenant="tenant_other")
    for use in (studio.read, studio.stop, studio.delete, lambda one: studio.retry(one, 1)):
        with pytest.raises(NotFound):
            use(batch)
    assert studio.service.list(studio.house.who, after=None, limit=10).items == ()
