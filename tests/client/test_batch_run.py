"""A batch runs each row once, within its ceiling, and stops by itself after too many blocks."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixed_server import FixedServer
from hostile import RETRIES

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream
from safelight_client.batch import (
    BatchPlan,
    BatchRunner,
    Journal,
    PlanOptions,
    RenderedTemplate,
    RunLimits,
    plan_batch,
    read_rows,
    write_reports,
)
from safelight_client.batch.journal import LineRecord, LineState
from safelight_client.batch.report import build_report, describe_sums, report_html

SUBJECTS = (
    "A red kite over wheat fields",
    "Fishing boats at dawn in fog",
    "Two chess players in a park",
    "A potter shapes a tall vase",
    "Snow falls on an empty station",
    "Bees around lavender in July",
    "An old tram climbs the hill",
    "Children fly paper lanterns",
)
#: No test waits this long: the time-out of a batch that does not stop is only against a hang.
HANG_S = 40.0
BLOCK = {"ends": "refused", "charge": 0.4}


def write_batch(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "shots.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def subjects(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": f"{SUBJECTS[n % len(SUBJECTS)]} {chr(97 + n % 26) * 9} {n * 7919}", "seconds": 4}
        for n in range(count)
    ]


def planned(path: Path, **options: Any) -> BatchPlan:
    return plan_batch(read_rows(path), PlanOptions(**{"prices": {"": 0.1}, **options}))


def run_plan(
    plan: BatchPlan,
    folder: Path,
    url: str,
    limits: RunLimits,
    *,
    honours_keys: bool | None = None,
    transport: httpx.MockTransport | None = None,
    is_interrupted: Callable[[BatchRunner], bool] | None = None,
) -> BatchRunner:
    """The runner after its run. `is_interrupted`: Ctrl-C is pressed as soon as it is true."""

    async def run() -> BatchRunner:
        with Journal(folder / "journal.sqlite", digest=plan.digest, server=url) as journal:
            async with sc.AsyncClient(url, honours_keys=honours_keys, retries=RETRIES) as client:
                if transport is not None:
                    client._transport._http = httpx.AsyncClient(transport=transport)
                runner = BatchRunner(plan, journal, client, limits, folder)
                task = asyncio.create_task(runner.run())
                async with asyncio.timeout(HANG_S):
                    while is_interrupted is not None and not is_interrupted(runner):
                        await asyncio.sleep(0.01)
                    if is_interrupted is not None:
                        runner.interrupt()
                    await task
                return runner

    return asyncio.run(run())


def run_batch(
    url: str, path: Path, limits: RunLimits, *, honours_keys: bool | None = None, **options: Any
) -> BatchRunner:
    """The runner after its run, with its reports."""
    folder = path.with_suffix(".batch")
    runner = run_plan(planned(path, **options), folder, url, limits, honours_keys=honours_keys)
    write_reports(runner, folder)
    return runner


def states(runner: BatchRunner) -> list[str]:
    return [runner.state_of(each) for each in runner.plan.rows]


def test_every_row_is_made_once_and_a_second_run_sends_nothing(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(6))
    with ScriptedUpstream({"otherwise": {"polls": 0, "charge": 0.4}}) as upstream:
        first = run_batch(upstream.url, path, RunLimits())
        again = run_batch(upstream.url, path, RunLimits())
        assert upstream.counts["received"] == 6
    assert states(first) == states(again) == ["delivered"] * 6
    assert again.ceiling.spent == 2_400_000
    assert len(list((tmp_path / "shots.batch" / "videos").glob("*.mp4"))) == 6


@pytest.mark.parametrize("two_phase", [False, True])
def test_videos_of_a_template_that_was_retired_are_followed_and_no_more_are_sent(
    tmp_path: Path, two_phase: bool
) -> None:
    rows = [{"template": "t", "slot.S": each["prompt"], "seconds": 8} for each in subjects(2)]
    source = read_rows(write_batch(tmp_path, rows))
    options = PlanOptions(prices={"": 0.1}, two_phase=two_phase, draft_seconds="4")

    def in_use(template: Mapping[str, Any]) -> RenderedTemplate:
        return RenderedTemplate(prompt=template["values"]["S"], version=1, approved=True)

    def newer(template: Mapping[str, Any]) -> RenderedTemplate:
        return replace(in_use(template), version=2)

    def retired(_: Mapping[str, Any]) -> RenderedTemplate:
        raise sc.BatchError("The template is retired.", "Use another one.")

    def run(url: str, render: Any, limits: RunLimits) -> BatchRunner:
        return run_plan(plan_batch(source, options, render=render), tmp_path / "out", url, limits)

    with ScriptedUpstream({"otherwise": {"polls": 3, "charge": 0.4}}) as upstream:
        limits = RunLimits(deadline_s=0.0, max_jobs=2 if two_phase else 1, concurrency=1)
        first = run(upstream.url, in_use, limits)
        assert (upstream.counts["received"], first.ceiling.spent) == (1, 0)
        with pytest.raises(sc.JournalUnusable, match="another batch"):
            run(upstream.url, newer, RunLimits())
        again = run(upstream.url, retired, RunLimits())
        assert (upstream.counts["received"], again.ceiling.spent) == (1, 400_000)
    assert states(again) == ["not_sent" if two_phase else "delivered", "not_sent"]


def test_no_create_is_sent_that_may_break_the_ceiling(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(6))
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        done = run_batch(upstream.url, path, RunLimits(max_usd=1.0, concurrency=6))
        assert upstream.counts["received"] == 2
        assert done.stop_reason == "The ceiling does not allow 4 more rows."
        more = run_batch(upstream.url, path, RunLimits(max_usd=2.4))
        assert upstream.counts["received"] == 6
    assert set(states(more)) == {"delivered"}


def test_what_the_server_did_not_charge_is_released(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(4))
    scenario = {"otherwise": {"polls": 0, "charge": 0.1}}
    with ScriptedUpstream(scenario) as upstream:
        done = run_batch(upstream.url, path, RunLimits(max_usd=0.7, concurrency=4))
        assert upstream.counts["received"] == 4
    assert done.ceiling.spent == 400_000


def test_what_never_got_an_id_is_not_spent_and_a_lost_answer_is_unknown_with_its_worst_cost(
    tmp_path: Path,
) -> None:
    path = write_batch(tmp_path, subjects(3))
    orders = [{"nth": 1, "submit": "lose_answer"}, {"nth": 2, "submit": {"status": 418}}]
    with ScriptedUpstream({"lists": False, "orders": orders, "otherwise": {"charge": 0.4}}) as upstream:
        done = run_batch(upstream.url, path, RunLimits(concurrency=1, max_jobs=3))
        again = run_batch(upstream.url, path, RunLimits(concurrency=1, max_jobs=3))
        assert upstream.counts["received"] == 3
    assert states(done) == states(again) == ["submit_unknown", "failed", "delivered"]
    assert [entry.outcome for entry in again.unsettled] == ["submit_unknown"]
    for runner in (done, again):
        ceiling = runner.ceiling
        assert (ceiling.spent, ceiling.unknown, ceiling.reserved, ceiling.jobs) == (400_000, 400_000, 0, 2)
        assert not ceiling.fits(500_000)
        assert describe_sums(runner.all_entries, ceiling.reserved) == [
            "Spent: at most $0.40. Reserved: $0.00.",
            "Answers were lost, and what they may have cost is not in it: at most $0.40.",
        ]
        report = build_report(runner)
        assert (report["spent_usd"], report["unknown_usd"], report["creates"]) == (0.4, 0.4, 2)


def test_refusals_of_earlier_runs_count_and_rows_without_a_result_do_not(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(10))
    plan = planned(path)
    kinds: list[LineState] = ["blocked"] * 3 + ["delivered", "failed", "made", "submit_unknown", "not_sent"]
    with Journal(path.with_suffix(".batch") / "journal.sqlite", digest=plan.digest, server="s") as journal:
        journal.write_lines(*(LineRecord(number=n, state=kind) for n, kind in enumerate(kinds, start=1)))
        runner = BatchRunner(plan, journal, sc.AsyncClient("http://s"), RunLimits(max_refusals=3), tmp_path)
        assert (runner.rules.blocked, runner.rules.ended, runner.rules.reason) == (3, 5, "")
        runner.end_row(LineRecord(number=9, state="pending"))
        assert runner.rules.ended == 5
        runner.end_row(LineRecord(number=9, state="blocked"))
    assert runner.stop_reason == "4 of 6 rows were blocked; at most 3 may be."


def test_a_batch_that_stopped_for_refusals_goes_on_only_with_a_higher_limit(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(8))
    with ScriptedUpstream({"otherwise": {**BLOCK, "polls": 0}}) as upstream:
        done = run_batch(upstream.url, path, RunLimits(concurrency=1, max_refusals=2))
        assert (upstream.counts["received"], done.counts) == (3, {"blocked": 3, "pending": 5})
        assert done.stop_reason == "3 of 3 rows were blocked; at most 2 may be."
        again = run_batch(upstream.url, path, RunLimits(concurrency=1, max_refusals=2))
        assert (upstream.counts["received"], again.stop_reason != "") == (3, True)
        run_batch(upstream.url, path, RunLimits(concurrency=1, max_refusals=4))
        assert upstream.counts["received"] == 5


BUDGET = "x-safelight-refusal-budget"


@pytest.mark.parametrize("told_by", ["create", "poll"])
def test_a_batch_stops_when_an_answer_states_that_half_of_the_refusal_budget_is_used(
    server: FixedServer, tmp_path: Path, told_by: str
) -> None:
    queued = {"id": "video_1", "status": "queued"}
    failed = {**queued, "status": "failed", "error": {"code": "server_error", "message": "It failed."}}
    answer = (200, {BUDGET: "half_used"}, failed)
    server.answers["POST /v1/videos"] = answer if told_by == "create" else (200, {}, queued)
    server.answers["GET /v1/videos/video_1"] = answer
    done = run_batch(server.url, write_batch(tmp_path, subjects(3)), RunLimits(concurrency=1))
    assert server.calls("POST /v1/videos") == 1
    assert states(done) == ["failed", "pending", "pending"]
    assert done.stop_reason.startswith("The provider has refused half of the requests")


@pytest.mark.parametrize(("level", "sent"), [("half_used", 0), ("used", 0), ("open", 1), (None, 1)])
def test_nothing_is_sent_if_half_of_the_budget_was_used_before(
    level: str | None, sent: int, server: FixedServer, tmp_path: Path
) -> None:
    details = {"generator": "g", "usd_per_second": 0.1, "refusal_budget": level}
    server.answers["GET /v1/models"] = (200, {}, {"data": [{"id": "wan", "safelight": details}]})
    server.answers["POST /v1/videos"] = policy_block
    prices = {"wan": 0.1}
    done = run_batch(server.url, write_batch(tmp_path, subjects(1)), RunLimits(), model="wan", prices=prices)
    assert server.calls("POST /v1/videos") == sent
    assert bool(done.stop_reason) == (not sent)


def policy_block(headers: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
    error = {"code": "sentinel_block", "message": "Blocked.", "safelight": {"request_id": "req_1"}}
    return 400, {}, {"error": error}


def test_neighbours_of_a_row_that_the_policy_blocked_are_not_sent(
    server: FixedServer, tmp_path: Path
) -> None:
    rows = subjects(3)
    rows[1]["prompt"] = "A quarrel between the two grocers ends in broken windows"
    rows.append({"prompt": "The quarrel between two grocers ended with broken windows", "seconds": 4})
    rows[0], rows[1] = rows[1], rows[0]
    server.answers["POST /v1/videos"] = policy_block
    path = write_batch(tmp_path, rows)
    done = run_batch(server.url, path, RunLimits(concurrency=1))
    assert server.calls("POST /v1/videos") == 1
    assert states(done) == ["blocked", "pending", "pending", "not_sent"]
    assert "line 1" in done.stop_reason
    again = run_batch(server.url, path, RunLimits(concurrency=1))
    assert server.calls("POST /v1/videos") == 3
    assert states(again) == ["blocked", "blocked", "blocked", "not_sent"]


def test_the_full_length_follows_only_a_delivered_draft(tmp_path: Path) -> None:
    rows = [{**row, "seconds": 12} for row in subjects(2)]
    path = write_batch(tmp_path, rows)
    scenario = {"orders": [{"when": rows[0]["prompt"], **BLOCK, "polls": 0}], "otherwise": {"polls": 0}}
    options = {"two_phase": True, "draft_seconds": "4"}
    with ScriptedUpstream(scenario) as upstream:
        done = run_batch(upstream.url, path, RunLimits(), **options)
        sent = [order["fields"]["seconds"] for order in upstream.counts["orders"].values()]
    assert states(done) == ["blocked", "delivered"]
    assert sorted(sent) == ["12", "4", "4"]


def test_a_server_that_is_away_ends_no_row(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(3))
    done = run_batch("http://127.0.0.1:9/v1", path, RunLimits(concurrency=1))
    assert done.counts == {"pending": 3}
    assert done.stop_reason.startswith("The server does not accept requests: ")
    assert (done.ceiling.spent, done.ceiling.reserved, done.ceiling.jobs) == (0, 0, 0)


def test_a_full_disk_stops_the_batch_and_the_next_run_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_batch(tmp_path, subjects(2))
    replace = os.replace

    def full(source: Any, target: Any) -> None:
        if str(target).endswith(".mp4"):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        monkeypatch.setattr(os, "replace", full)
        done = run_batch(upstream.url, path, RunLimits(concurrency=1))
        assert done.stop_reason.startswith("The disk is full.")
        assert states(done) == ["made", "pending"]
        monkeypatch.setattr(os, "replace", replace)
        again = run_batch(upstream.url, path, RunLimits())
        assert upstream.counts["received"] == 2
    assert states(again) == ["delivered", "delivered"]


def test_a_model_without_a_price_needs_a_limit_of_jobs_and_is_not_said_to_be_free(
    tmp_path: Path,
) -> None:
    path = write_batch(tmp_path, subjects(5))
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        with pytest.raises(sc.BatchError, match="price is not known"):
            run_batch(upstream.url, path, RunLimits(max_usd=9.0), prices={})
        done = run_batch(upstream.url, path, RunLimits(max_jobs=3), prices={})
        assert upstream.counts["received"] == 3
    assert done.counts == {"delivered": 3, "pending": 2}
    sums = describe_sums(done.all_entries, 0)
    assert sums == ["Spent: price not known. Reserved: $0.00."]
    assert report_html(build_report(done), sums, lambda *_: b"").count("<td>price not known<td>") == 3


def test_ctrl_c_says_which_videos_go_on_and_the_next_run_takes_them(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(4))
    scenario = {"otherwise": {"polls": 1, "ends": "never"}}
    with ScriptedUpstream(scenario) as upstream:

        def is_polled(_: BatchRunner) -> bool:
            return bool(upstream.counts["polls"] >= 4)

        folder, limits = tmp_path / "shots.batch", RunLimits(concurrency=2)
        done = run_plan(planned(path), folder, upstream.url, limits, is_interrupted=is_polled)
        assert done.counts == {"open": 2, "pending": 2}
        assert {entry.video_id for entry in done.unsettled} == set(upstream.counts["orders"])
        assert done.ceiling.reserved == 800_000
        assert upstream.counts["received"] == 2
        again = run_batch(upstream.url, path, RunLimits(deadline_s=0.05))
        assert upstream.counts["received"] == 4
    assert again.counts == {"open": 4}


def test_no_thumbnail_is_read_when_no_further_one_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight_client.batch.report._MAX_THUMBNAILS", 40_000)
    row = {"line": 1, "state": "delivered", "cost_usd": 0.4, "prompt": "p", "message": "", "file": ""}
    report = {
        "rows": [row] * 20,
        "states": {"delivered": 20},
        "stopped": "",
    }
    asked: list[int] = []

    def read(_: Mapping[str, object], most: int) -> bytes:
        asked.append(most)
        return b"\xff\xd8\xff" + bytes(14_997)

    assert report_html(report, [], read).count("<img") == 2
    assert asked == [40_000, 25_000]
