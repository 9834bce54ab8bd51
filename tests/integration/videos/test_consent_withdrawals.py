"""Withdrawals of consents that fail do not hold up others."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from safelight.core.background.rows import MAX_TRIES
from safelight.store.database import Database
from safelight.store.tables import consent_uses, consents
from safelight.videos import consent_withdrawals
from safelight.videos.consent_withdrawals import ConsentWithdrawals

TENANT = "tenant_here"


def test_uses_that_fail_do_not_hold_up_later_withdrawals(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_withdrawals, "_MAX_PER_ROUND", 2)
    database = Database(database_url)
    with database.transaction(TENANT) as tx:
        tx.insert(
            consents,
            id="consent_1",
            subject="Ann",
            scope=["likeness"],
            recorded_by="subject",
            evidence="link",
            created_at=1.0,
            revoked_at=2.0,
        )
        for at, video in enumerate(("video_bad_1", "video_bad_2", "video_good")):
            tx.insert(consent_uses, consent_id="consent_1", video_id=video, at=float(at))
    ended: list[str] = []

    def end_use(_self: Any, _tx: Any, _consent_id: str, video_id: str) -> int:
        if "bad" in video_id:
            raise ValueError("the record cannot be read")
        ended.append(video_id)
        return 1

    monkeypatch.setattr(ConsentWithdrawals, "_end_use", end_use)
    part: Any = ConsentWithdrawals(SimpleNamespace(database=database), stopping=threading.Event())  # type: ignore[arg-type]
    for _ in range(MAX_TRIES):
        assert part.withdraw_due() == 0
    assert part.withdraw_due() == 1
    assert ended == ["video_good"]
    database.close()
