"""PostgreSQL behind a pooler: each session of its own, or another one for each transaction."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.gateway_process import started
from support.pooler import pooler

from .test_stop import WAIT_S, create, create_key, outcome

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
    with pooler(tmp_path, postgres_url, "transaction") as url:
        done = subprocess.run(
            [sys.executable, "-m", "safelight", "serve", "--port", "0"],
            cwd=tmp_path,
            env=os.environ | {"SAFELIGHT_DATA": str(tmp_path / "data"), DATABASE: url},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
    assert done.returncode == 2
    assert "gives each transaction another session" in done.stderr
    assert "`pool_mode = session`" in done.stderr
