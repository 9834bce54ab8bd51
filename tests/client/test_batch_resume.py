"""A run that goes on after another one pays for no row twice, and gives no row up that may be paid."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_batch_run import planned, run_plan, states, subjects, write_batch

import safelight_client as sc
from safelight.testing.clips import tiny_clip
from safelight_client.batch import BatchPlan, BatchRunner, Journal, PromptCheck, RunLimits, row_run
from safelight_client.batch.journal import JournalEntry, LineRecord

URL = "http://server.test/v1"
GATEWAY = {"data": [{"id": "m", "safelight": {}}]}
BUSY = {"error": {"message": "Busy.", "code": "rate_limit"}}
AUTH = {"error": {"message": "Wrong key.", "code": "invalid_api_key"}}
QUOTA = {"error": {"message": "No credit.", "code": "insufficient_quota", "type": "insufficient_quota"}}
UNAVAILABLE = {
    "error": {"code": "unavailable", "message": "Busy.", "safelight": {"request_id": "req_1"}},
}
STILL_RUNNING = {
    "error": {
        "code": "idempotency_key_in_use",
        "message": "Another request with this Idempotency-Key is still running.",
        "safelight": {"request_id": "req_1"},
    }
}


class MemoryServer:
    """A Videos API without a network. `answers` replaces its answer to a call such as `POST /videos`."""

    def __init__(self, *, is_gateway: bool) -> None:
        self.answers: dict[str, Callable[[], httpx.Response]] = {}
        self.models: dict[str, Any] = GATEWAY if is_gateway else {"data": [{"id": "m"}]}
        self.keys: list[str] = []
        self.bodies: list[bytes] = []
        self.videos: dict[str, dict[str, Any]] = {}

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def make(self, key: str, prompt: str) -> None:
        video = {"id": f"video_{len(self.videos)}", "status": "completed", "prompt": prompt, "model": "m"}
        self.videos.setdefault(
            key, {**video, "created_at": time.time(), "seconds": "4", "usage": {"cost": 0.4}}
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1")
        call = f"{request.method} {path}"
        key = request.headers.get("idempotency-key", "")
        if call == "POST /videos":
            self.keys.append(key)
            self.bodies.append(request.content)
        if call in self.answers:
            return self.answers[call]()
        if path == "/models":
            return httpx.Response(200, json=self.models)
        if call == "POST /videos":
            prompt = request.content.split(b'name="prompt"\r\n\r\n')[1].split(b"\r\n")[0].decode()
            self.make(key, prompt)
            return httpx.Response(200, json=self.videos[key])
        if path == "/videos":
            return httpx.Response(200, json={"data": list(self.videos.values()), "has_more": False})
        if path.endswith("/content"):
            return httpx.Response(200, content=tiny_clip())
        return httpx.Response(200, json=next(v for v in self.videos.values() if path.endswith(v["id"])))


def refused() -> httpx.Response:
    raise httpx.ConnectError("Connection refused")


def lost() -> httpx.Response:
    raise httpx.ReadTimeout("No answer")


def answer(status: int, body: object) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, json=body)


def journal_of(path: Path) -> Journal:
    return Journal(path.with_suffix(".batch") / "journal.sqlite", digest=planned(path).digest, server=URL)


def entry_of(number: int = 1, *, age_s: float = 1.0) -> JournalEntry:
    """The create of this row, as it is in the journal before the server has answered."""
    return JournalEntry(
        key=f"key-{number}",
        number=number,
        phase="video",
        model="",
        sent_at=time.time() - age_s,
        worst=400_000,
    )


def killed(
    folder: Path, *, is_gateway: bool = True, is_made: bool = True, age_s: float = 1.0, rows: int = 1
) -> tuple[Path, MemoryServer]:
    """A batch whose run was killed after its first create had reached the server, which made the video."""
    path = write_batch(folder, subjects(rows))
    with journal_of(path) as journal:
        journal.write_entry(entry_of(age_s=age_s))
    server = MemoryServer(is_gateway=is_gateway)
    if is_made:
        server.make("key-1", subjects(1)[0]["prompt"])
    return path, server


def run_on(
    server: MemoryServer,
    path: Path,
    limits: RunLimits | None = None,
    plan: BatchPlan | None = None,
    is_interrupted: Callable[[BatchRunner], bool] | None = None,
) -> BatchRunner:
    return run_plan(
        plan or planned(path),
        path.with_suffix(".batch"),
        URL,
        limits or RunLimits(),
        transport=server.transport(),
        is_interrupted=is_interrupted,
    )


@pytest.mark.parametrize(
    "error",
    [
        refused,
        answer(401, AUTH),
        answer(429, BUSY),
        answer(429, QUOTA),
        answer(503, UNAVAILABLE),
        answer(400, {"error": {"message": "No.", "code": "invalid_request"}}),
    ],
)
def test_after_a_kill_no_error_lets_a_create_be_paid_twice(
    tmp_path: Path, error: Callable[[], httpx.Response]
) -> None:
    path, server = killed(tmp_path)
    server.answers["POST /videos"] = error
    second = run_on(server, path)
    assert states(second) == ["pending"]
    assert second.ceiling.reserved == 400_000
    server.answers.clear()
    third = run_on(server, path)
    assert set(server.keys) == {"key-1"}
    assert states(third) == ["delivered"]
    assert (third.ceiling.spent, third.ceiling.reserved) == (400_000, 0)


def test_after_a_kill_a_key_that_is_in_use_is_never_replaced_and_its_video_is_taken(tmp_path: Path) -> None:
    path, server = killed(tmp_path)
    server.answers["POST /videos"] = answer(409, STILL_RUNNING)
    done = run_on(server, path)
    assert set(server.keys) == {"key-1"}
    assert states(done) == ["delivered"]
    assert (done.ceiling.spent, done.ceiling.reserved) == (400_000, 0)


@pytest.mark.parametrize("error", [refused, answer(401, AUTH), answer(429, QUOTA)])
def test_a_server_that_accepts_nothing_after_a_kill_stops_the_batch(
    tmp_path: Path, error: Callable[[], httpx.Response]
) -> None:
    path, server = killed(tmp_path, is_made=False, rows=3)
    server.answers["POST /videos"] = error
    done = run_on(server, path, RunLimits(concurrency=1))
    assert set(server.keys) == {"key-1"}
    assert done.stop_reason.startswith("The server does not accept requests: ")


def test_a_block_of_a_create_that_may_be_paid_counts_its_highest_price(tmp_path: Path) -> None:
    path, server = killed(tmp_path, is_made=False)
    block = {"code": "sentinel_block", "message": "Blocked.", "safelight": {"request_id": "req_1"}}
    server.answers["POST /videos"] = answer(400, {"error": block})
    done = run_on(server, path)
    assert states(done) == ["blocked"]
    assert (done.ceiling.spent, done.ceiling.unknown) == (0, 400_000)


@pytest.mark.parametrize(("hours", "sent"), [(19, ["key-1"]), (21, [])])
def test_a_key_that_the_gateway_may_have_forgotten_is_not_sent_again(
    tmp_path: Path, hours: float, sent: list[str]
) -> None:
    path, server = killed(tmp_path, age_s=hours * 3600)
    done = run_on(server, path)
    assert server.keys == sent
    assert states(done) == ["delivered"]


def test_a_video_that_an_old_create_did_not_make_is_not_created_again(tmp_path: Path) -> None:
    path, server = killed(tmp_path, is_made=False, age_s=30 * 3600)
    done = run_on(server, path)
    assert (server.keys, states(done)) == ([], ["submit_unknown"])
    assert (done.ceiling.spent, done.ceiling.unknown) == (0, 400_000)


@pytest.mark.parametrize("is_gateway", [True, False])
@pytest.mark.parametrize("away", [refused, answer(503, {"error": {"message": "Down."}}), answer(401, AUTH)])
def test_a_server_that_is_away_after_a_kill_gives_no_row_up(
    tmp_path: Path, is_gateway: bool, away: Callable[[], httpx.Response]
) -> None:
    path, server = killed(tmp_path, is_gateway=is_gateway)
    server.answers = dict.fromkeys(["GET /models", "GET /videos", "POST /videos"], away)
    second = run_on(server, path)
    assert (states(second), server.keys) == (["pending"], [])
    assert second.stop_reason.startswith("The server does not accept requests: ")
    server.answers.clear()
    assert states(run_on(server, path)) == ["delivered"]
    assert len(server.videos) == 1


def test_a_list_that_cannot_be_read_at_the_moment_gives_no_row_up(tmp_path: Path) -> None:
    path, server = killed(tmp_path, is_gateway=False)
    server.answers["GET /videos"] = answer(502, {"error": {"message": "Bad gateway."}})
    assert states(run_on(server, path)) == ["pending"]
    server.answers.clear()
    assert states(run_on(server, path)) == ["delivered"]
    assert server.keys == []


@pytest.mark.parametrize("is_gateway", [True, False])
def test_an_outage_while_a_create_is_sent_gives_no_row_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_gateway: bool
) -> None:
    monkeypatch.setattr(row_run, "CREATE_DEADLINE_S", 0.2)
    path = write_batch(tmp_path, subjects(1))
    server = MemoryServer(is_gateway=is_gateway)
    server.answers = {"POST /videos": answer(504, {}), "GET /videos": lost}
    first = run_on(server, path)
    assert states(first) == ["pending"]
    assert first.ceiling.reserved == 400_000
    server.answers.clear()
    server.make(server.keys[0], subjects(1)[0]["prompt"])
    second = run_on(server, path)
    assert states(second) == ["delivered"]
    assert len(set(server.keys)) == len(server.videos) == 1


@pytest.mark.parametrize("state", ["accepted", "ended"])
def test_a_journal_that_cannot_be_written_ends_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    path = write_batch(tmp_path, subjects(1))
    server = MemoryServer(is_gateway=True)
    write = Journal.write_entry

    def write_while_full(journal: Journal, entry: JournalEntry) -> None:
        if entry.state == state:
            raise sc.JournalUnusable("The journal could not be written: disk is full.", "Free space.")
        write(journal, entry)

    monkeypatch.setattr(Journal, "write_entry", write_while_full)
    with pytest.raises(sc.JournalUnusable, match="disk is full"):
        run_on(server, path)
    monkeypatch.setattr(Journal, "write_entry", write)
    done = run_on(server, path)
    assert states(done) == ["delivered"]
    assert len(set(server.keys)) == len(server.videos) == 1


def test_fields_with_names_of_our_arguments_and_files_that_are_gone_end_no_other_row(tmp_path: Path) -> None:
    rows = [{**row, "self": "x", "deadline_s": "1", "idempotency_key": "k"} for row in subjects(2)]
    (tmp_path / "boat.png").write_bytes(b"x")
    rows[0]["input_reference"] = "boat.png"
    path = write_batch(tmp_path, rows)
    plan = planned(path)
    (tmp_path / "boat.png").unlink()
    server = MemoryServer(is_gateway=False)
    done = run_on(server, path, plan=plan)
    assert states(done) == ["pending", "delivered"]
    assert (len(server.keys), done.ceiling.jobs, done.ceiling.reserved) == (1, 1, 0)
    assert "boat.png" in done.lines[1].message


def test_a_failure_that_cost_nothing_is_sent_again_in_the_next_run_after_all_others(tmp_path: Path) -> None:
    path = write_batch(tmp_path, subjects(7))
    server = MemoryServer(is_gateway=True)
    server.answers["POST /videos"] = lambda: httpx.Response(429, json=BUSY, headers={"retry-after": "3600"})
    first = run_on(server, path, RunLimits(concurrency=1))
    assert states(first) == ["pending"] * 7
    assert len(server.keys) == 5
    assert first.stop_reason.startswith("5 consecutive rows were left for the next run. The last one: Busy.")
    assert (first.ceiling.spent, first.ceiling.reserved) == (0, 0)
    server.answers.clear()
    server.bodies.clear()
    second = run_on(server, path, RunLimits(concurrency=1))
    assert states(second) == ["delivered"] * 7
    assert subjects(7)[5]["prompt"].encode() in server.bodies[0]
    assert (second.ceiling.spent, second.ceiling.jobs) == (2_800_000, 7)


def test_after_a_block_and_a_kill_the_second_try_is_the_same_and_the_last(tmp_path: Path) -> None:
    path = write_batch(tmp_path, [{**subjects(1)[0], "seed": 7}])
    with journal_of(path) as journal:
        # The clock went back between the try that was blocked and the second one.
        blocked = replace(entry_of(age_s=-5), key="key-0", state="ended", outcome="blocked")
        journal.write_entry(replace(blocked, charged="no", cost=0))
        journal.write_entry(entry_of(age_s=5))
    server = MemoryServer(is_gateway=True)
    server.make("key-1", subjects(1)[0]["prompt"])
    error = {"code": "moderation_blocked", "moderation_details": {"moderation_stage": "output"}}
    server.videos["key-1"] |= {"status": "failed", "error": error, "usage": {"cost": 0}}
    done = run_on(server, path)
    assert states(done) == ["blocked"]
    assert server.keys == ["key-1"]
    assert b'name="seed"\r\n\r\n8\r\n' in server.bodies[0]


def test_a_policy_block_before_a_kill_stops_the_rows_nearly_like_it(tmp_path: Path) -> None:
    texts = ("The quarrel of two grocers", "A quarrel of two grocers")
    path = write_batch(tmp_path, [{**subjects(1)[0], "prompt": text} for text in texts])
    with journal_of(path) as journal:
        blocked = replace(entry_of(1), state="ended", outcome="policy_block", charged="no", cost=0)
        journal.write_entry(blocked)
        journal.write_entry(replace(entry_of(2), phase="draft", state="ended", outcome="completed"))
    server = MemoryServer(is_gateway=True)
    assert states(run_on(server, path, RunLimits(concurrency=1))) == ["blocked", "not_sent"]
    assert server.keys == []


@pytest.mark.parametrize("ending", ["completed", "failed"])
def test_a_paid_video_of_a_row_that_the_plan_now_excludes_is_taken_and_nothing_is_sent(
    tmp_path: Path, ending: str
) -> None:
    path, server = killed(tmp_path, is_gateway=False, rows=2)
    if ending == "failed":
        failed = {"status": "failed", "error": {"code": "server_error"}, "usage": {"cost": 0}}
        server.videos["key-1"] |= failed
    with journal_of(path) as journal:
        (entry,) = journal.entries()
        journal.write_entry(replace(entry, state="accepted", video_id="video_0"))
    plan = planned(path)
    blocked = [replace(each, check=PromptCheck(is_blocked=True)) for each in plan.rows]
    done = run_on(server, path, plan=replace(plan, rows=tuple(blocked)))
    assert states(done)[1] == "not_sent"
    assert (states(done)[0] == "delivered") == (ending == "completed")
    assert (server.keys, done.ceiling.reserved) == ([], 0)


@pytest.mark.parametrize("version", [2, 3])
def test_a_resumed_batch_counts_refusals_in_the_order_in_which_its_rows_ended(
    tmp_path: Path, version: int
) -> None:
    """Three early blocks are within the limit of 5; after 23 delivered rows, the third would be too many."""
    path = write_batch(tmp_path, subjects(30))
    with journal_of(path) as journal:
        for number in (24, 25, 26):
            journal.write_lines(LineRecord(number=number, state="blocked"))
        for number in range(1, 24):
            journal.write_lines(LineRecord(number=number, state="made"))
            journal.write_lines(LineRecord(number=number, state="delivered"))
    if version == 2:
        _make_version_2(path.with_suffix(".batch") / "journal.sqlite")
    done = run_on(MemoryServer(is_gateway=True), path, RunLimits(max_usd=0))
    assert (done.rules.ended, done.rules.blocked) == (26, 3)
    assert done.rules.reason == ("" if version == 3 else "3 of 26 rows were blocked; at most 2 may be.")


def _make_version_2(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("alter table line drop column written")
        db.execute("pragma user_version = 2")
        db.commit()
