"""A create at the address that other servers have is answered with the right one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from support.rows import each_row

ADDRESS = "/v1/videos/generations"


def test_the_answer_names_the_right_address_and_has_the_corrected_request(client: httpx.Client) -> None:
    answer = client.post(ADDRESS, json={"model": "shelf-1", "prompt": "a cat", "duration": 4})
    error = answer.json()["error"]
    assert (answer.status_code, answer.headers["x-should-retry"]) == (404, "false")
    assert error["message"].startswith("This address does not exist: send the request to POST /v1/videos.")
    assert "'duration'" in error["message"]
    corrected = error["safelight"]["corrected_request"]
    assert corrected == {"model": "shelf-1", "prompt": "a cat", "seconds": "4"}
    assert client.post("/v1/videos", json=corrected).status_code == 200


def test_a_request_without_wrong_fields_is_returned_as_it_is(client: httpx.Client) -> None:
    fields = {"prompt": "a cat", "seconds": "8"}
    error = client.post(ADDRESS, json=fields).json()["error"]
    assert error["message"] == "This address does not exist: send the request to POST /v1/videos."
    assert error["safelight"]["corrected_request"] == fields


@pytest.mark.parametrize("address", ["/v1/safelight/batches", "/v1/safelight/batches/batch_1/run"])
def test_an_address_that_was_removed_names_what_to_use_instead(client: httpx.Client, address: str) -> None:
    answer = client.post(address, json={"rows": []})
    message = answer.json()["error"]["message"]
    assert answer.status_code == 404
    assert message.startswith("This address was removed.")
    assert "safelight batch" in message


@each_row
def test_a_request_that_cannot_be_corrected_gets_the_address_too(
    client: httpx.Client, sent: dict[str, Any]
) -> None:
    answer = client.post(ADDRESS, **sent)
    error = answer.json()["error"]
    assert (answer.status_code, "POST /v1/videos" in error["message"]) == (404, True)
    assert error["safelight"].keys() == {"request_id"}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"a", "headers": {"content-type": "text/plain"}}, 415),
    ],
)
def test_a_body_that_cannot_be_read_gets_the_same_answer_as_a_create(
    client: httpx.Client, sent: dict[str, Any], status: int
) -> None:
    answers = [client.post(address, **sent) for address in (ADDRESS, "/v1/videos")]
    assert [answer.status_code for answer in answers] == [status, status]
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1


def test_the_retry_terms_are_read_as_in_a_create_and_stay_in_the_corrected_request(
    client: httpx.Client,
) -> None:
    fields = {"prompt": "a cat", "seconds": "4", "safelight": {"retry": {"same": True}}}
    error = client.post(ADDRESS, json=fields).json()["error"]
    assert error["safelight"]["corrected_request"] == fields
    wrong = {**fields, "safelight": {"retry": {"same": 3}}}
    error = client.post(ADDRESS, json=wrong).json()["error"]
    assert "`safelight.retry.same` must be true or false." in error["message"]


def test_fields_that_the_corrected_request_does_not_have_are_named(client: httpx.Client) -> None:
    fields = {"prompt": "a cat", "duration": 4, "negative_prompts": "blur"}
    told = client.post(ADDRESS, json=fields).json()["error"]["safelight"]
    assert told["corrected_request"] == {"prompt": "a cat", "seconds": "4"}
    assert told["left_out"] == ["negative_prompts"]


def test_it_needs_a_key_and_nothing_is_submitted(client: httpx.Client, server: Any) -> None:
    before = len(server.desk.requests)
    assert httpx.post(server.url + ADDRESS, json={"prompt": "a cat"}).status_code == 401
    client.post(ADDRESS, json={"prompt": "a cat"})
    assert len(server.desk.requests) == before
