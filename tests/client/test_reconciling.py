"""After a lost answer: what is taken for the result, and what is said if nothing is.

Further cases: `calls.json`.
"""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from fixed_server import FixedServer, Reply
from hostile import RETRIES

import safelight_client as sc

CREATE, LIST = "POST /v1/videos", "GET /v1/videos"
LOST = (502, {}, {"error": "x"})
REFUSED = {"error": {"message": "No.", "code": "invalid_value"}}


def in_turn(*answers: Reply) -> Any:
    """Answers one after the other; the last one is repeated."""
    rest = list(answers)
    return lambda _: rest.pop(0) if len(rest) > 1 else rest[0]


def row(**fields: Any) -> dict[str, Any]:
    return {"id": "v1", "status": "queued", "prompt": "a boat", "created_at": time.time() + 1, **fields}


def listed(*rows: dict[str, Any]) -> Reply:
    return 200, {}, {"data": list(rows)}


def create(server: FixedServer, prompt: str = "a boat", **options: Any) -> sc.Video:
    honours = options.pop("honours_keys", None)
    with sc.Client(server.url, honours_keys=honours, retries=RETRIES) as client:
        return client.create(prompt, **options)


def unknown(server: FixedServer, **options: Any) -> sc.SubmitUnknown:
    """The error of a create of which it is not known whether it made a video."""
    with pytest.raises(sc.SubmitUnknown) as caught:
        create(server, **options)
    return caught.value


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_final_error_after_a_lost_answer_does_not_say_that_nothing_was_charged(
    server: FixedServer, status: int
) -> None:
    server.answers[CREATE] = in_turn(LOST, (status, {}, REFUSED))
    error = unknown(server, honours_keys=True)
    assert (error.charged, error.retry, server.calls(CREATE)) == ("unknown", "never", 2)
    server.answers[CREATE] = in_turn(LOST, (status, {}, REFUSED))
    server.answers[LIST] = listed(row())
    assert create(server, honours_keys=True).id == "v1"


def test_a_key_that_was_used_for_another_request_is_final(server: FixedServer) -> None:
    error = {"code": "idempotency_key_reused", "message": "Used.", "safelight": {"request_id": "req_1"}}
    server.answers[CREATE] = (409, {"x-should-retry": "false"}, {"error": error})
    with pytest.raises(sc.InvalidRequest) as caught:
        create(server, honours_keys=True, idempotency_key="k")
    assert (caught.value.charged, caught.value.code) == ("no", "idempotency_key_reused")
    assert (server.calls(CREATE), server.calls(LIST)) == (1, 0)


IN_USE = {
    "error": {
        "code": "idempotency_key_in_use",
        "message": "Another request with this Idempotency-Key is still running.",
        "safelight": {"request_id": "req_1"},
    }
}
BUSY_KEY = (409, {"x-should-retry": "true", "retry-after": "0"}, IN_USE)


def test_while_the_first_request_with_a_key_runs_the_same_request_is_sent_again(server: FixedServer) -> None:
    server.answers[CREATE] = in_turn(BUSY_KEY, BUSY_KEY, (200, {}, row()))
    assert create(server, honours_keys=True, idempotency_key="k").id == "v1"
    assert server.calls(CREATE) == 3


def test_a_key_that_stays_in_use_is_never_replaced_and_its_charge_is_unknown(server: FixedServer) -> None:
    server.answers[CREATE] = BUSY_KEY
    error = unknown(server, honours_keys=True, idempotency_key="k", deadline_s=0.3)
    assert (error.charged, error.retry, error.idempotency_key) == ("unknown", "never", "k")
    found = sc.explain(IN_USE)
    assert found is not None
    assert (found.kind, found.charged, found.retry) == ("transient", "unknown", "same")
    assert "same Idempotency-Key" in found.next_step


def test_a_lost_answer_names_the_key_and_says_to_send_it_again_where_keys_are_honoured(
    server: FixedServer,
) -> None:
    server.answers[CREATE] = LOST
    error = unknown(server, honours_keys=True, idempotency_key="key-1", deadline_s=1)
    assert (error.idempotency_key, "key-1" in error.next_step) == ("key-1", True)
    assert server.calls(CREATE) > RETRIES.attempts
    error = unknown(server, idempotency_key="key-2")
    assert (error.idempotency_key, "key-2" in error.next_step) == ("key-2", False)


def test_a_gateway_that_states_that_it_took_nothing_is_believed(server: FixedServer) -> None:
    error = {"code": "unavailable", "message": "Later.", "safelight": {"request_id": "req_1"}}
    server.answers[CREATE] = (503, {"x-should-retry": "true"}, {"error": error})
    with pytest.raises(sc.ServerFailed) as caught:
        create(server, honours_keys=True)
    assert (caught.value.charged, server.calls(CREATE)) == ("no", RETRIES.attempts)


@pytest.mark.parametrize("fields", [{"created_at": None}, {"prompt": ""}])
def test_a_video_that_may_be_another_one_is_a_candidate_also_if_the_next_look_fails(
    server: FixedServer, fields: dict[str, Any]
) -> None:
    server.answers[CREATE] = LOST
    server.answers[LIST] = in_turn(listed(row(**fields)), (200, {}, b"<html>"))
    assert unknown(server).candidates == ("v1",)


def test_a_model_that_is_none_and_space_around_a_prompt_do_not_prevent_a_match(server: FixedServer) -> None:
    server.answers[CREATE] = LOST
    server.answers[LIST] = listed(row(model="sora-2"))
    assert create(server, " a boat\n", model=None).id == "v1"


def test_a_passing_error_of_the_list_does_not_end_the_search(server: FixedServer) -> None:
    server.answers[CREATE] = LOST
    server.answers[LIST] = in_turn((503, {}, {"error": "x"}), listed(row()))
    assert create(server).id == "v1"


def test_a_video_is_claimed_before_its_request_ends(server: FixedServer) -> None:
    server.answers[CREATE] = (200, {}, row())
    claims: list[int] = []
    with sc.Client(server.url, retries=RETRIES) as client:
        client.session.end = lambda _: claims.append(client.session.is_known("v1"))  # type: ignore[method-assign]
        client.create("a boat")
    assert claims == [True]


def test_a_create_answered_without_a_status_is_queued(server: FixedServer) -> None:
    server.answers[CREATE] = (200, {}, {"id": "v1"})
    assert create(server).status == "queued"


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, {"error": {"message": "Oops."}}),
        (200, {"content-encoding": "gzip"}, b"no gzip"),
    ],
    ids=["an error without a meaning", "no gzip"],
)
def test_an_answer_with_status_200_that_says_nothing_is_a_lost_answer(
    server: FixedServer, answer: Reply
) -> None:
    server.answers[CREATE] = answer
    assert unknown(server).charged == "unknown"


def test_an_open_file_is_sent_in_a_tuple_too(server: FixedServer) -> None:
    server.answers[CREATE] = (200, {}, row())
    create(server, input_reference=("a.png", io.BytesIO(b"PIXELS"), "image/png"))
    (body,) = (body for call, _, body in server.requests if call == CREATE)
    assert b'filename="a.png"\r\nContent-Type: image/png\r\n\r\nPIXELS' in body


@pytest.mark.parametrize("key", ["sk-secret\n", " sk-secret "])
def test_space_around_a_key_is_removed(server: FixedServer, key: str) -> None:
    server.answers["GET /v1/videos/v1"] = (200, {}, row())
    with sc.Client(server.url, key, retries=RETRIES) as client:
        client.retrieve("v1")
    assert server.requests[0][1]["authorization"] == "Bearer sk-secret"


@pytest.mark.parametrize("key", ["sk-\nsecret", "sk secret", "sk-sécret", "sk-\x00secret"])
def test_a_key_that_no_header_can_have_is_refused_and_not_printed(key: str) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        sc.Client("http://127.0.0.1:1/v1", key)
    assert "cret" not in str(caught.value)
