from __future__ import annotations

import json

import pytest
from starlette.requests import Request

from safelight.web.responses import JsonResponse, revalidated_response

BODY = {"id": "video_1", "prompt": "\u6e05\u6668 caf\u00e9", "seconds": 4, "error": None}


def asked(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def test_a_body_is_json_in_utf_8() -> None:
    response = JsonResponse(BODY, status_code=202, headers={"x-a": "b"})
    assert json.loads(bytes(response.body)) == BODY
    assert "\u6e05\u6668".encode() in bytes(response.body)
    assert (response.status_code, response.headers["x-a"]) == (202, "b")
    assert response.headers["content-type"] == "application/json"


def test_the_etag_follows_the_body_and_nothing_else() -> None:
    first = revalidated_response(asked(), BODY, {"openai-poll-after-ms": "1000"})
    again = revalidated_response(asked(), dict(BODY), {"openai-poll-after-ms": "2000"})
    other = revalidated_response(asked(), {**BODY, "seconds": 8})
    assert first.headers["etag"] == again.headers["etag"] != other.headers["etag"]
    assert first.headers["vary"] == "Authorization, Cookie, Accept-Language"


@pytest.mark.parametrize("form", ["{0}", "W/{0}", '"another", {0}', "*"])
def test_a_client_that_has_the_body_gets_304_without_it(form: str) -> None:
    etag = revalidated_response(asked(), BODY).headers["etag"]
    response = revalidated_response(
        asked(if_none_match=form.format(etag)), BODY, {"openai-poll-after-ms": "1"}
    )
    assert (response.status_code, response.body) == (304, b"")
    assert (response.headers["etag"], response.headers["openai-poll-after-ms"]) == (etag, "1")


@pytest.mark.parametrize("header", ["", '"another"', "etag"])
def test_a_client_that_has_another_body_gets_the_body(header: str) -> None:
    response = revalidated_response(asked(if_none_match=header), BODY)
    assert (response.status_code, json.loads(bytes(response.body))) == (200, BODY)
