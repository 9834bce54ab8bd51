"""The helpers with both official SDKs (2.x, 3.x), synchronous and on asyncio."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.testing.upstream import ScriptedUpstream

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "clients" / "python" / "src"
SCENARIO = {
    "orders": [
        {"when": "lost", "submit": "lose_answer"},
        {"when": "busy", "submit": {"status": 503, "retry_after": 0}},
        {"when": "blocked", "submit": {"status": 400, "code": "moderation_blocked",
                                       "moderation_details": {"moderation_stage": "input"}}},
        {"when": "refused", "ends": "refused", "charge": 0.4},
        {"when": "foreign", "polls": 2,
         "status_words": {"in_progress": "processing", "completed": "succeeded"}},
        {"when": "hangs", "ends": "never"},
    ]
}  # fmt: skip


@pytest.fixture
def seen(openai_python: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What happened, and the counts of the server."""
    with ScriptedUpstream(SCENARIO) as upstream:
        done = subprocess.run(
            [openai_python, HERE / "openai_calls.py", upstream.url],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout), upstream.counts


def test_the_helpers_create_once_wait_to_the_end_and_explain(
    seen: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    both, counts = seen
    for found in both.values():
        check(found)
    # One create for each prompt: the SDK alone sends the 503 three times. Each has a key.
    assert counts["received"] == 14
    assert "" not in counts["received_by_key"]


def check(found: dict[str, Any]) -> None:
    assert (found["tram"]["video"], found["tram"]["status"]) == ("Video", "completed")
    # The answer was lost; the list of the server has the video.
    assert found["lost"]["status"] == "completed"
    assert (found["busy"]["error"], found["busy"]["retry"]) == ("InternalServerError", "same")
    blocked = found["blocked"]
    assert (blocked["error"], blocked["stage"], blocked["retry"]) == (
        "BadRequestError",
        "input",
        "change_prompt",
    )
    refused = found["refused"]
    assert (refused["status"], refused["stage"], refused["charged"]) == ("failed", "output", "yes")
    assert found["foreign"]["status"] == "succeeded"
    assert (found["hangs"]["error"], found["hangs"]["retry"]) == ("DeadlinePassed", "never")
    assert found["away"]["error"] == "APIConnectionError"
