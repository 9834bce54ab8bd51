"""After a lost answer: what is taken for the result, and what is said if nothing is."""

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


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_final_error_after_a_lost_answer_does_not_say_that_nothing_was_charged(
    server: FixedServer, status: int
) -> None:
    server.answers[CREATE] = in_turn(LOST, (status, {}, REFUSED))
    with pytest.raises(sc.SubmitUnknown) as caught:
        create(server, honours_keys=True)
    assert (caught.value.charged, caught.value.retry) == ("unknown", "never")
    assert server.calls(CREATE) == 2
    server.answers[CREATE] = in_turn(LOST, (status, {}, REFUSED))
    server.answers[LIST] = listed(row())
    assert create(server, honours_keys=True).id == "v1"


def test_a_block_after_a_lost_answer_stays_a_block_and_its_charge_is_unknown(server: FixedServer) -> None:
    block = {"error": {"message": "Blocked.", "code": "sentinel_block"}}
    server.answers[CREATE] = in_turn(LOST, (400, {}, block))
    with pytest.raises(sc.ContentBlocked) as caught:
        create(server, honours_keys=True)
    assert (caught.value.charged, server.calls(CREATE)) == ("unknown", 2)


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
    with pytest.raises(sc.SubmitUnknown) as caught:
        create(server, honours_keys=True, idempotency_key="k", deadline_s=0.3)
    assert (caught.value.charged, caught.value.retry) == ("unknown", "never")
    assert caught.value.idempotency_key == "k"
    found = sc.explain(IN_USE)
    assert found is not None
    assert (found.kind, found.charged, found.retry) == ("transient", "unknown", "same")
    assert "same Idempotency-Key" in found.next_step


def test_a_lost_answer_names_the_key_and_says_to_send_it_again_where_keys_are_honoured(
    server: FixedServer,
) -> None:
    server.answers[CREATE] = LOST
    with pytest.raises(sc.SubmitUnknown) as caught:
        create(server, honours_keys=True, idempotency_key="key-1", deadline_s=5)
    assert caught.value.idempotency_key == "key-1"
    assert "key-1" in caught.value.next_step
    assert server.calls(CREATE) > RETRIES.attempts
    with pytest.raises(sc.SubmitUnknown) as caught:
        create(server, idempotency_key="key-2")
    assert caught.value.idempotency_key == "key-2"
    assert "key-2" not in caught.value.next_step


def test_an_answer_503_may_come_from_a_proxy_after_the_server_took_the_request(server: FixedServer) -> None:
    server.answers[CREATE] = (503, {"retry-after": "0"}, {"error": "x"})
    server.answers[LIST] = listed(row())
    assert create(server).id == "v1"
    assert server.calls(CREATE) == 1


def test_a_gateway_that_states_that_it_took_nothing_is_believed(server: FixedServer) -> None:
    error = {"code": "unavailable", "message": "Later.", "safelight": {"request_id": "req_1"}}
    server.answers[CREATE] = (503, {"x-should-retry": "true"}, {"error": error})
    with pytest.raises(sc.ServerFailed) as caught:
        create(server, honours_keys=True)
    assert (caught.value.charged, server.calls(CREATE)) == ("no", RETRIES.attempts)


def test_a_video_without_a_time_is_a_candidate_and_never_a_match(server: FixedServer) -> None:
    server.answers[CREATE] = LOST
    server.answers[LIST] = listed(row(created_at=None))
    with pytest.raises(sc.SubmitUnknown) as caught:
        create(server)
    assert caught.value.candidates == ("v1",)


def test_a_model_that_is_none_and_space_around_a_prompt_do_not_prevent_a_match(server: FixedServer) -> None:
    server.answers[CREATE] = LOST
    server.answers[LIST] = listed(row(model="sora-2"))
    assert create(server, " a boat\n", model=None).id == "v1"


def test_a_passing_error_of_the_list_does_not_end_the_search(server: FixedServer) -> None:
    server.answers[CREATE] = LOST
    server.answers[LIST] = in_turn((503, {}, {"error": "x"}), listed(row()))
    assert create(server).id == "v1"


def test_candidates_of_one_look_are_kept_if_the_next_one_fails(server: FixedServer) -> None:
    server.answers[CREATE] = LOST
    server.answers[LIST] = in_turn(listed(row(prompt="")), (200, {}, b"<html>"))
    with pytest.raises(sc.SubmitUnknown) as caught:
        create(server)
    assert caught.value.candidates == ("v1",)


def test_a_video_is_claimed_before_its_request_ends(server: FixedServer) -> None:
    server.answers[CREATE] = (200, {}, row())
    claims: list[int] = []
    with sc.Client(server.url, retries=RETRIES) as client:
        end = client.session.end

        def watched(prompt: str) -> None:
            claims.append(client.session.is_known("v1"))
            end(prompt)

        client.session.end = watched  # type: ignore[method-assign]
        client.create("a boat")
    assert claims == [True]


def test_an_error_with_status_200_is_explained(server: FixedServer) -> None:
    error = {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}
    server.answers[CREATE] = (200, {}, error)
    with pytest.raises(sc.TooManyRequests, match="Slow down") as caught:
        create(server)
    assert caught.value.charged == "no"
    server.answers[CREATE] = (200, {}, {"error": {"message": "Oops."}})
    with pytest.raises(sc.SubmitUnknown, match=r"Oops\."):
        create(server)


def test_a_create_answered_without_a_status_is_queued(server: FixedServer) -> None:
    server.answers[CREATE] = (200, {}, {"id": "v1"})
    assert create(server).status == "queued"


def test_an_answer_that_cannot_be_decoded_is_a_lost_answer(server: FixedServer) -> None:
    server.answers[CREATE] = (200, {"content-encoding": "gzip"}, b"no gzip")
    with pytest.raises(sc.SubmitUnknown):
        create(server)


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
