"""A create is sent again only where that cannot create a second video. Further cases: `calls.json`."""

from __future__ import annotations

import pytest
from fixed_server import FixedServer, Reply
from hostile import RETRIES

import safelight_client as sc
from safelight.testing.upstream import ScriptedUpstream


def test_a_request_that_never_left_is_tried_again_and_costs_nothing() -> None:
    with (
        sc.Client("http://127.0.0.1:1/v1", retries=RETRIES) as client,
        pytest.raises(sc.ConnectionFailed) as caught,
    ):
        client.create("a boat")
    assert (caught.value.charged, caught.value.retry) == ("no", "same")


def test_a_lost_answer_is_not_settled_with_the_video_of_another_request() -> None:
    """Two requests with one prompt, both lost: the list cannot tell them apart."""
    scenario = {"otherwise": {"submit": "lose_answer"}}
    with ScriptedUpstream(scenario) as upstream, sc.Client(upstream.url, retries=RETRIES) as client:
        client.session.begin("a boat")
        with pytest.raises(sc.SubmitUnknown) as caught:
            client.create("a boat")
        assert len(caught.value.candidates) == 1
    assert (caught.value.code, caught.value.charged, caught.value.retry) == (
        "submit_unknown",
        "unknown",
        "never",
    )


def test_an_older_video_with_the_same_prompt_is_not_taken_for_the_lost_one(server: FixedServer) -> None:
    old = {"id": "video_old", "status": "completed", "prompt": "a boat", "created_at": 1000}
    server.answers["GET /v1/videos"] = (200, {}, {"data": [old], "has_more": False})
    server.answers["POST /v1/videos"] = (500, {}, {"error": "x"})
    with sc.Client(server.url, retries=RETRIES) as client, pytest.raises(sc.SubmitUnknown) as caught:
        client.create("a boat")
    assert caught.value.candidates == ()
    assert server.calls("POST /v1/videos") == 1


def test_fields_and_files_arrive_as_the_official_sdks_send_them() -> None:
    with ScriptedUpstream() as upstream, sc.Client(upstream.url, retries=RETRIES) as client:
        client.create(
            "a boat", metadata={"a": "b"}, seconds=4, input_reference=("a.png", b"png", "image/png")
        )
        (order,) = upstream.counts["orders"].values()
    assert (order["fields"]["metadata"], order["fields"]["seconds"]) == ({"a": "b"}, "4")
    assert [(file["field"], file["media_type"]) for file in order["files"]] == [
        ("input_reference", "image/png")
    ]
    assert order["key"]


def test_a_gateway_is_recognized_by_its_list_of_models(server: FixedServer) -> None:
    server.answers["GET /v1/models"] = (200, {}, {"data": [{"id": "storyboard", "safelight": {}}]})
    failed = RETRIES.attempts + 2

    def reply(_headers: dict[str, str]) -> Reply:
        if server.calls("POST /v1/videos") <= failed:
            return 500, {}, {"error": "x"}
        return 200, {}, {"id": "v1"}

    server.answers["POST /v1/videos"] = reply
    with sc.Client(server.url, retries=RETRIES) as client:
        # A job may exist, and the key finds it: the number of tries does not end them, but the deadline.
        assert client.create("a boat").id == "v1"
    assert server.calls("POST /v1/videos") == failed + 1
    assert server.calls("GET /v1/models") == 1
    keys = {headers["idempotency-key"] for call, headers, _ in server.requests if call.startswith("POST")}
    assert len(keys) == 1
