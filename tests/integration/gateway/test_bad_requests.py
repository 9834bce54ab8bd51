"""Invalid requests to the real gateway: refused at once, and the gateway keeps running."""

from __future__ import annotations

import re
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.gateway_process import Running


def png(width: int, height: int) -> bytes:
    """A picture with one line of pixels and the size in the header as given."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = zlib.compress(b"\0" + bytes(3 * 16))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


PICTURE = png(16, 1)


def ended(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The error of an order: its answer, or where looking took longer than a client waits, the video's."""
    found: dict[str, Any] = answer.json()
    while found.get("status") in {"queued", "in_progress"}:
        time.sleep(0.2)
        found = client.get(f"/v1/videos/{found['id']}").json()
    assert answer.status_code in ({200} if "status" in found else {400, 413})
    error: dict[str, Any] = found["error"]
    return error


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"seconds": "3600"}, "invalid_value", "seconds"),
        ({"seconds": "-4"}, "invalid_value", "seconds"),
        ({"seconds": "٤"}, "invalid_value", "seconds"),
        ({"size": "999x5"}, "invalid_value", "size"),
        ({"size": "big"}, "invalid_value", "size"),
        ({"model": "sora-9"}, "invalid_value", "model"),
        ({"no_such_field": "x"}, "unsupported_field", "no_such_field"),
        ({"input_reference[file_id]": "file-1"}, "unsupported_field", "input_reference[file_id]"),
        ({"prompt": "\u200b\u2060"}, "invalid_value", "prompt"),
        ({"prompt": "x" * 60_000}, "invalid_value", "prompt"),
        ({"prompt": "a\0b"}, "invalid_value", "prompt"),
    ],
)
def test_an_unsupported_value_is_named(
    client: httpx.Client, fields: dict[str, str], code: str, param: str
) -> None:
    given = {"prompt": "a boat", "model": "storyboard", **fields}
    answer = client.post("/v1/videos", files={name: (None, value) for name, value in given.items()})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("form", ["json", "multipart"])
@pytest.mark.parametrize("route", ["", "/check", "/edits"])
def test_all_wrong_fields_are_named_at_once_on_every_route(
    client: httpx.Client, form: str, route: str
) -> None:
    given = {"prompt": "a boat", "model": "sora-9", "colour": "red", "last_frame": "x", "user": "u" * 200}
    named = ["sora-9", "'colour'", "'last_frame'", "`user`"]
    if route == "/edits":
        named.append("Send either a clip or the id")
    else:
        given |= {"seconds": "3600", "size": "big"}
        named += ["seconds is '3600'", "size is 'big'"]
    files = {name: (None, value) for name, value in given.items()}
    answer = client.post(f"/v1/videos{route}", **({"json": given} if form == "json" else {"files": files}))
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["message"].startswith(f"{len(named)} fields are wrong. ")
    assert [words for words in named if words not in error["message"]] == []
    assert error["param"] in {"user", "video"}
    assert set(error) == {"message", "type", "param", "code", "safelight"}


def test_a_wrong_field_with_a_used_idempotency_key_does_not_return_the_earlier_video(
    client: httpx.Client,
) -> None:
    key = {"idempotency-key": "once"}
    given = {"prompt": "a boat", "seconds": "1", "size": "640x360"}
    assert client.post("/v1/videos", json=given, headers=key).status_code == 200
    wrong = client.post("/v1/videos", json={**given, "metadata": "x"}, headers=key)
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "metadata")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text named .png", b"this is no picture at all, only words"),
        ("nothing", b""),
        ("half a picture", PICTURE[: len(PICTURE) // 2]),
        ("only a signature", PICTURE[:8]),
        ("60000 x 60000", png(60_000, 60_000)),
        ("a web page", b"<!doctype html><title>x</title>"),
        ("an archive", b"PK\x03\x04" + bytes(100)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_reference_with_a_wrong_type_is_refused(client: httpx.Client, name: str, data: bytes) -> None:
    answer = client.post(
        "/v1/videos",
        files={"prompt": (None, "a boat"), "input_reference": ("picture.png", data, "image/png")},
    )
    error = ended(client, answer)
    assert error["code"] == ("too_large" if name == "60000 x 60000" else "invalid_media")
    assert error.get("param") in {"input_reference", None}


def test_an_internal_address_and_an_invalid_data_url_are_refused(client: httpx.Client) -> None:
    internal = (
        "http://127.0.0.1/a.png",
        "http://[::1]/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.png",
        "http://2130706433/a.png",
        "http://localhost:22/",
    )
    invalid = ("data:image/png;base64,!!!", "data:,hello", "data:image/png;base64,AAAA")
    for address in internal + invalid:
        body = {"prompt": "a boat", "input_reference": {"image_url": address}}
        answer = client.post("/v1/videos", json=body)
        error = answer.json()["error"]
        code = "forbidden_url" if address in internal else "invalid_media"
        assert (answer.status_code, error["code"]) == (400, code), address
        assert address in invalid or error["param"] == "input_reference[image_url]"


def test_content_of_a_blocked_request_is_not_available(client: httpx.Client) -> None:
    """A blocked request has an id; no route, variant or guess gets bytes for it."""
    blocked = client.post("/v1/videos", json={"prompt": "SAFELIGHT-TEST:violence"})
    video_id = blocked.json()["error"]["moderation_details"]["video_id"]
    for path in (
        "content",
        "content?variant=thumbnail",
        "content?variant=spritesheet",
        "content?variant=source",
    ):
        answer = client.get(f"/v1/videos/{video_id}/{path}")
        assert answer.status_code in {400, 404}
        assert answer.headers["content-type"] == "application/json"


def test_the_scratch_folder_is_empty_afterwards(client: httpx.Client, gateway: Running) -> None:
    client.get("/healthz")
    assert not list((gateway.log.parent / "data").rglob("*.upload"))
    assert Path(gateway.log).stat().st_size > 0


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ("", "There is no such video."),
        ("*", "There is no such video."),
        ("zh-TW, en;q=0.5", "沒有這部影片。"),
        ("zh-CN", "没有该视频。"),
        ("fr, en;q=0.8, zh;q=0.2", "There is no such video."),
    ],
)
def test_an_error_is_in_the_language_that_the_request_accepts(
    client: httpx.Client, accept: str, said: str
) -> None:
    found = client.get("/v1/videos/video_1", headers={"accept-language": accept}).json()["error"]
    assert (found["message"], found["code"]) == (said, "not_found")


def test_several_sentences_a_remedy_and_an_unknown_address_are_in_chinese(client: httpx.Client) -> None:
    client.headers["accept-language"] = "zh-TW"
    for method, path, body in (
        ("POST", "/v1/videos", {"prompt": ""}),
        ("POST", "/v1/videos", {"prompt": "A lake.", "model": "none"}),
        ("POST", "/v1/videos", {"prompt": "A lake.", "wrong": 1}),
        ("GET", "/v1/nothing", None),
        ("DELETE", "/v1/models", None),
        ("GET", "/v1/videos?limit=x", None),
    ):
        said = client.request(method, path, json=body).json()["error"]["message"]
        assert not re.search("[a-z]{3} [a-z]{2}", said), said
        assert re.search("[\u4e00-\u9fff]", said), said


def test_a_block_of_a_hidden_category_says_no_more_in_another_language(client: httpx.Client) -> None:
    def block(accept: str) -> dict[str, Any]:
        card = {"prompt": "SAFELIGHT-TEST:sexual/minors"}
        answer = client.post("/v1/videos", json=card, headers={"accept-language": accept})
        assert answer.status_code == 400
        error: dict[str, Any] = answer.json()["error"]
        return error

    english, chinese = block("en"), block("zh-TW")
    told = chinese["moderation_details"]
    for text in (chinese["message"], told["next_step"]):
        assert re.search("[\u4e00-\u9fff]", text), text
        assert not re.search("[a-z]{3} [a-z]{2}", text), text
    assert told.keys() == english["moderation_details"].keys()
    assert told["categories"] == english["moderation_details"]["categories"] == ["minors"]
