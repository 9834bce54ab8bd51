"""PostgreSQL behind a pooler: each session of its own, or another one for each transaction."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.gateway_process import started
from support.pooler import pooler

from .test_stop import create, create_key, outcome

pytestmark = pytest.mark.postgres
DATABASE = "SAFELIGHT_STORAGE__DATABASE"


@pytest.fixture
def key(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(DATABASE, postgres_url)
    return create_key(tmp_path)


def test_in_session_mode_a_video_is_made(tmp_path: Path, postgres_url: str, key: str) -> None:
    with (
        pooler(tmp_path, postgres_url, "session") as url,
        started(tmp_path, key, **{DATABASE: url}) as gateway,
    ):
        assert outcome(gateway, create(gateway, "storyboard"))["status"] == "completed"


def test_in_transaction_mode_the_gateway_says_why_it_does_not_start(
    tmp_path: Path, postgres_url: str, key: str
) -> None:
    with (
        pooler(tmp_path, postgres_url, "transaction") as url,
        pytest.raises(RuntimeError, match="gives each transaction another session"),
        started(tmp_path, key, **{DATABASE: url}),
    ):
        pass
