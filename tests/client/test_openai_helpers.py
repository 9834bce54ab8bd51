"""The helpers with both official SDKs (2.x, 3.x), synchronous and on asyncio."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hostile import RETRIES

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream
from safelight_client.openai_helpers import session_of

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
    # A proxy may answer 503 after the server took the request.
    assert (found["busy"]["error"], found["busy"]["retry"]) == ("SubmitUnknown", "never")
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


class FakeSdk:
    """The parts of a client of the SDK that the helpers use. Answers are statuses and bodies, by call."""

    timeout = 600.0
    videos = models = property(lambda self: self)
    with_raw_response = videos

    def __init__(self, answers: dict[str, list[tuple[int, Any]]]) -> None:
        self.answers, self.sent = answers, list[tuple[str, dict[str, Any]]]()

    def with_options(self, **_: object) -> FakeSdk:
        return self

    def _answer(self, call: str, fields: dict[str, Any]) -> Any:
        self.sent.append((call, fields))
        rest = self.answers[call]
        status, body = rest.pop(0) if len(rest) > 1 else rest[0]
        response = SimpleNamespace(status_code=status, headers={}, content=json.dumps(body).encode())
        if status >= 400:
            error = RuntimeError(f"status {status}")
            error.status_code, error.response = status, response  # type: ignore[attr-defined]
            raise error
        return SimpleNamespace(http_response=response, parse=lambda: body)

    def create(self, **fields: Any) -> Any:
        return self._answer("create", fields)

    def retrieve(self, video_id: str, **fields: Any) -> Any:
        return self._answer("retrieve", {"id": video_id, **fields})

    def list(self, **fields: Any) -> Any:
        return self._answer("list", fields) if fields else self._answer("models", {})


LISTED = {"id": "v1", "status": "queued", "prompt": "a boat", "created_at": 4102444800}
FOUND: dict[str, list[tuple[int, Any]]] = {
    "models": [(404, {})],
    "create": [(502, {})],
    "list": [(200, {"data": [LISTED]})],
}


def sdk(answers: dict[str, list[tuple[int, Any]]]) -> FakeSdk:
    client = FakeSdk({name: list(each) for name, each in answers.items()})
    session_of(client).retries = RETRIES
    return client


def test_a_found_video_is_not_lost_if_one_retrieve_fails() -> None:
    client = sdk({**FOUND, "retrieve": [(502, {}), (200, LISTED)]})
    assert sc.create_once(client, prompt="a boat")["id"] == "v1"
    client = sdk({**FOUND, "retrieve": [(404, {})]})
    with pytest.raises(RuntimeError, match="status 404") as caught:
        sc.create_once(client, prompt="a boat")
    assert caught.value.__notes__ == ["The video v1 exists."]


def test_one_key_is_sent_also_if_the_program_gives_one_in_its_headers() -> None:
    client = sdk({**FOUND, "create": [(200, LISTED)]})
    sc.create_once(client, prompt="a boat", extra_headers={"Idempotency-Key": "key-1", "X-Other": "1"})
    _, fields = client.sent[-1]
    assert fields["extra_headers"] == {"X-Other": "1", "idempotency-key": "key-1"}


def test_a_file_in_a_tuple_is_read_once() -> None:
    client = sdk({**FOUND, "create": [(200, LISTED)]})
    sc.create_once(client, prompt="a boat", input_reference=("a.png", io.BytesIO(b"PIXELS"), "image/png"))
    assert client.sent[-1][1]["input_reference"] == ("a.png", b"PIXELS", "image/png")
