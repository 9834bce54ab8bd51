"""Drift history: one search for all that ask at the same time, kept for five minutes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from safelight.providers.attempts import drift_history
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.drift import DriftReport
from safelight.providers.attempts.drift_history import DriftHistory
from safelight.providers.attempts.models import AttemptFilter, AttemptOrigin
from safelight.store.database import Database


def test_requests_at_the_same_time_wait_for_one_search_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[str] = []
    gate = threading.Barrier(2, timeout=30)

    def search(_attempts: object, *, has_older: bool, **_more: bool) -> DriftReport:
        assert not has_older
        searches.append("search")
        gate.wait()
        return DriftReport(watched={("runway", ""): len(searches)})

    monkeypatch.setattr(drift_history, "find_drift", search)
    monkeypatch.setattr(drift_history, "iterate_newest", lambda *_log, limit: iter(()))
    history = DriftHistory(AttemptLog(Database(f"sqlite:///{tmp_path}/db")), monotonic=lambda: 0.0)
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(history.find, "tenant") for _number in range(3)]
        gate.wait()
        assert {one.result().watched["runway", ""] for one in asked} == {1}
        assert history.find("tenant").watched["runway", ""] == 1
    assert len(searches) == 1


def test_the_old_report_is_given_while_a_new_one_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[str] = []
    started, may_end = threading.Event(), threading.Event()

    def search(_attempts: object, *, has_older: bool, **_more: bool) -> DriftReport:
        searches.append("search")
        if len(searches) == 2:
            started.set()
            assert may_end.wait(30)
        return DriftReport(watched={("runway", ""): len(searches)})

    monkeypatch.setattr(drift_history, "find_drift", search)
    monkeypatch.setattr(drift_history, "iterate_newest", lambda *_log, limit: iter(()))
    now = [0.0]
    history = DriftHistory(AttemptLog(Database(f"sqlite:///{tmp_path}/db")), monotonic=lambda: now[0])
    assert history.find("tenant").watched["runway", ""] == 1
    now[0] = 301.0
    with ThreadPoolExecutor(4) as threads:
        later = threads.submit(history.find, "tenant")
        try:
            assert started.wait(30)
            others = [threads.submit(history.find, "tenant") for _number in range(3)]
            assert {one.result(30).watched["runway", ""] for one in others} == {1}
        finally:
            may_end.set()
        assert later.result().watched["runway", ""] == 2
    assert history.find("tenant").watched["runway", ""] == 2
    assert len(searches) == 2


def test_calls_of_canaries_are_read_apart_and_do_not_push_out_the_attempts_of_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newest(_log: AttemptLog, _tenant: str, wanted: AttemptFilter, *, limit: int) -> Iterator[str]:
        return iter(["call"] * limit if wanted.origin is AttemptOrigin.CANARY else ["user"] * 20)

    def search(attempts: list[str], *, has_older: bool, has_older_canaries: bool) -> DriftReport:
        assert (attempts.count("user"), attempts.count("call")) == (20, drift_history.MAX_READ)
        assert (has_older, has_older_canaries) == (False, True)
        return DriftReport()

    monkeypatch.setattr(drift_history, "find_drift", search)
    monkeypatch.setattr(drift_history, "iterate_newest", newest)
    DriftHistory(AttemptLog(Database(f"sqlite:///{tmp_path}/db"))).search("tenant")
