"""What the adapters of paid providers read in bodies that no documentation has."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from safelight.core.errors import UpstreamInvalidResponse
from safelight.providers import fal, runway, veo
from safelight.providers.protocol import ChargeStatus, Progress, UpstreamState
from safelight.providers.upstream.hosted import HostedGenerator

URL = "https://files.example/1.mp4"
VIDEO = {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": URL}}]}}
BODIES: dict[str, list[dict[str, Any]]] = {
    "veo": [
        {"name": "models/a/operations/1", "done": True, "response": VIDEO},
        {"done": True, "error": {"code": 13, "message": "Internal.", "details": [{"a": 1}]}},
        {"done": True, "response": {"videos": [{"bytesBase64Encoded": "AAAA"}], "raiMediaFilteredCount": 1}},
        {
            "done": True,
            "response": {"generateVideoResponse": {"raiMediaFilteredReasons": ["It is violent."]}},
        },
    ],
    "runway": [
        {"id": "1", "status": "SUCCEEDED", "output": [URL], "cost": {"credits": 4}},
        {"status": "FAILED", "failure": "It was moderated.", "failureCode": "SAFETY.INPUT.TEXT"},
        {"status": "RUNNING", "progress": 0.4},
    ],
    "fal": [
        {"video": {"url": URL}, "seed": 1},
        {
            "detail": [
                {"loc": ["body"], "msg": "Flagged.", "type": "content_policy_violation", "ctx": {"a": 1}}
            ]
        },
        {"detail": "The runner stopped.", "error_type": "runner_server_error"},
        {"status": "IN_QUEUE", "queue_position": 1},
    ],
}
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, float("nan"), float("inf"), 10**400, "", "x" * 3000, "\x00", "\ud800", "é"),
    *([], {}, [[]], [None], {"a": None}, [{}], ["x", 1], {"message": {}}, {"code": 0}, "http://10.0.0.1/"),
    *("SUCCEEDED", "COMPLETED", "running"),
)


def make(provider: str) -> HostedGenerator:
    kinds: dict[str, Any] = {"veo": veo, "runway": runway, "fal": fal}
    made: HostedGenerator = kinds[provider].create({"api_key": "k-0123456789", "models": ["a/b"]})
    return made


def read(provider: str, body: dict[str, Any], status: int = 200) -> Progress:
    made = make(provider)
    try:
        return made.read(body, status, httpx.Headers())
    finally:
        made.close()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from places(inner, (*path, name))


def with_value(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(body)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return dict(changed)


@pytest.mark.parametrize("provider", BODIES)
def test_no_value_anywhere_in_a_body_is_an_error_of_ours(provider: str) -> None:
    made = make(provider)
    for body in BODIES[provider]:
        for path in places(body):
            for value in ODD:
                changed = with_value(body, path, value)
                for status in (200, 422):
                    assert isinstance(made.read(changed, status, httpx.Headers()), Progress)
                with suppress(UpstreamInvalidResponse):
                    assert isinstance(made.clip(changed), str | bytes)
    made.close()


@pytest.mark.parametrize("error", [{}, {"code": 0}, {"code": 0, "message": "OK"}, None])
def test_an_error_of_veo_that_states_none_does_not_hide_the_video(error: Any) -> None:
    found = read("veo", {"done": True, "error": error, "response": VIDEO})
    assert (found.state, found.charge and found.charge.charged) == (UpstreamState.DONE, ChargeStatus.YES)


@pytest.mark.parametrize("word", ["ok", "IN_PROGRESS", "COMPLETED"])
def test_a_result_of_fal_may_have_a_field_that_is_named_status(word: str) -> None:
    assert read("fal", {"status": word, "video": {"url": URL}}).state is UpstreamState.DONE
    flagged = BODIES["fal"][1]
    assert read("fal", {"status": word, **flagged}, 422).refusal is not None


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("veo", {"done": True, "response": {}}),
        ("runway", {"status": "SUCCEEDED", "output": [], "cost": {"credits": 4}}),
        ("runway", {"status": "SUCCEEDED", "output": [{"url": URL}]}),
        ("fal", {"video": {"url": ""}}),
        ("fal", {"status": "COMPLETED"}),
    ],
)
def test_success_without_a_video_is_a_failure_that_says_so(provider: str, body: dict[str, Any]) -> None:
    found = read(provider, body)
    assert found.state is UpstreamState.FAILED
    assert found.problem == "it reports success, but has neither a video nor a reason"
    assert found.answer
