"""Everything that can be wrong with a request: the right shape, at once, and the server stays up."""

from __future__ import annotations

import io
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from support.fake_api_server import Live
from support.rows import each_row

MULTIPART = {"content-type": "multipart/form-data; boundary=xyz"}
JSON = {"content-type": "application/json"}


def part(name: str, value: bytes, extra: str = "") -> bytes:
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = b"--xyz--\r\n"


def refused(answer: httpx.Response, status: int, code: str, param: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-request-id"] == error["safelight"]["request_id"]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_request", None),
        (b"not multipart", "invalid_request", None),
        (END, "invalid_value", "prompt"),
        (part("prompt", b"a cat"), "invalid_request", None),
        (part("prompt", b"a cat") + b"--xy", "invalid_request", None),
        (b"--xyz\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END, "invalid_request", None),
        (b"--xyz\r\n\r\nx\r\n" + END, "invalid_request", None),
        (b"--xyz\r\nnonsense\r\n\r\nx\r\n" + END, "invalid_request", None),
        (b"--xyz\r\nA: " + b"x" * 9000 + b"\r\n\r\nx\r\n" + END, "invalid_request", None),
        (part("prompt", b"\xff\xfe cat") + END, "invalid_value", "prompt"),
        (part("prompt", b"a\0cat") + END, "invalid_value", "prompt"),
        (part("prompt", b"") + END, "invalid_value", "prompt"),
        (part("prompt", "\u200b\u200d\u2060".encode()) + END, "invalid_value", "prompt"),
        (part("prompt", b"x" * 60_000) + END, "invalid_value", "prompt"),
        (part("prompt", b"a") + part("prompt", b"b") + END, "invalid_value", "prompt"),
        (part("prompt", b"a") + part("metadata[a]", b"\xff") + END, "invalid_value", "metadata[a]"),
        (part("prompt", b"a") + part("a[b", b"c") + END, "invalid_value", "a[b"),
        (b"".join(part(f"f{n}", b"x") for n in range(300)) + END, "invalid_request", None),
        (
            b"".join(part(f"f{n}", b"x", f'; filename="{n}.png"') for n in range(9)) + END,
            "invalid_request",
            "f8",
        ),
        (
            part("prompt", b"a") + part("input_reference", b"/etc/passwd") + END,
            "invalid_value",
            "input_reference",
        ),
    ],
)
def test_an_invalid_multipart_body_is_refused(
    client: httpx.Client, body: bytes, code: str, param: str | None
) -> None:
    refused(client.post("/v1/videos", content=body, headers=MULTIPART), 400, code, param)


@pytest.mark.parametrize(
    "head",
    [
        b"; filename*=UTF-8''%E5%8F%82%E8%80%83.png",
        b'; filename="' + "参考.png".encode("gbk") + b'"',
        b'; filename="caf\xe9.png"',
        b"; filename*=ISO-8859-1''caf%E9.png",
        b"\r\nContent-Type: image/png",
    ],
    ids=["only filename*", "GBK", "Latin-1", "filename* in Latin-1", "only a media type"],
)
def test_an_upload_is_a_file_whatever_the_bytes_of_its_name(client: httpx.Client, head: bytes) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(picture, "PNG")
    body = b'--xyz\r\nContent-Disposition: form-data; name="input_reference"' + head + b"\r\n\r\n"
    answer = client.post(
        "/v1/videos",
        content=part("prompt", b"a cat") + body + picture.getvalue() + b"\r\n" + END,
        headers=MULTIPART,
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_request", None),
        (b"{", "invalid_request", None),
        (b"[]", "invalid_request", None),
        (b'"prompt"', "invalid_request", None),
        (b'{"prompt": "\xff"}', "invalid_request", None),
        (b'{"prompt": "\\ud800"}', "invalid_request", None),
        (b'{"prompt": "a\\u0000b"}', "invalid_value", "prompt"),
        (b'{"prompt": 7}', "invalid_value", "prompt"),
        (b"{}", "invalid_value", "prompt"),
        (b'{"prompt": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_request", None),
        (b'{"prompt": "a", "x": ' + b"[" * 100 + b"]" * 100 + b"}", "invalid_value", "x"),
        (json.dumps({"prompt": "x" * 60_000}).encode(), "invalid_value", "prompt"),
    ],
)
def test_an_invalid_json_body_is_refused(
    client: httpx.Client, body: bytes, code: str, param: str | None
) -> None:
    refused(client.post("/v1/videos", content=body, headers=JSON), 400, code, param)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/xml", "image/png", "multipart/mixed; boundary=x"]
)
def test_a_wrong_content_type_is_refused(client: httpx.Client, content_type: str) -> None:
    answer = client.post("/v1/videos", content=b"x", headers={"content-type": content_type})
    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
def test_multipart_without_a_boundary_is_refused(client: httpx.Client, content_type: str) -> None:
    answer = client.post("/v1/videos", content=b"x", headers={"content-type": content_type})
    refused(answer, 400, "invalid_request")


def test_a_body_over_the_limit_is_refused_and_the_client_gets_the_response(client: httpx.Client) -> None:
    big = bytes(5 * 1024 * 1024)
    refused(client.post("/v1/videos", files={"input_reference": ("a", big)}), 413, "too_large")

    def chunks() -> object:
        for _ in range(80):
            yield bytes(65536)

    refused(client.post("/v1/videos", content=chunks(), headers=JSON), 413, "too_large")  # type: ignore[arg-type]


@each_row
def test_unknown_paths_and_methods_are_refused(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


@each_row
def test_a_base_url_without_the_version_is_named(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_route")
    assert f"The API is at /v1{path}" in answer.json()["error"]["message"]
    basic = client.request(method, path, headers={"authorization": "Basic YTpi"})
    assert "/v1" not in basic.json()["error"]["message"]
    page = client.request(method, path, headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "header", ["Bearer", "Basic abc", "Bearer sk-safelight-" + "x" * 43, "Bearer \xe9", ""]
)
def test_without_a_valid_key_nothing_is_revealed(server: Live, header: str) -> None:
    headers = {"authorization": header.encode("latin-1")} if header else {}
    answer = httpx.post(f"{server.url}/v1/videos", json={"prompt": "a"}, headers=headers)
    refused(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_without_the_scope_is_refused(server: Live) -> None:
    from safelight.accounts import KeyScope

    _, key = server.accounts.create_key(server.tenant, "reader", [KeyScope.VIDEOS_READ])
    headers = {"authorization": f"Bearer {key}"}
    assert httpx.get(f"{server.url}/v1/videos", headers=headers).status_code == 200
    answer = httpx.post(f"{server.url}/v1/videos", json={"prompt": "a"}, headers=headers)
    refused(answer, 403, "permission_denied")


def _raw(server: Live, sent: bytes) -> socket.socket:
    where = urlsplit(server.url)
    connection = socket.create_connection((where.hostname or "", where.port or 0), timeout=10)
    connection.sendall(sent)
    return connection


def _head(server: Live, length: int, extra: str = "") -> bytes:
    return (
        f"POST /v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n{extra}\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"prompt": "a boat", "prompt": "a tank"}', "prompt"),
        ('{"prompt": "a boat", "metadata": {"a": "1", "a": "2"}}', "a"),
        ('{"prompt": "a boat", "user": "u1", "\\u0075ser": "u2"}', "user"),
    ],
)
def test_a_name_that_appears_twice_in_json_is_refused(client: httpx.Client, body: str, name: str) -> None:
    refused(client.post("/v1/videos", content=body, headers=JSON), 400, "invalid_value", name)


def test_a_stalled_upload_ends_with_408(server: Live, client: httpx.Client) -> None:
    with _raw(server, _head(server, 100) + b'{"prompt":') as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"upload_timeout"' in answer


def test_a_client_that_disconnects_does_not_affect_others(server: Live, client: httpx.Client) -> None:
    made = len(server.desk.requests)
    _raw(server, _head(server, 100) + b'{"prompt":').close()
    _raw(server, b"POST /v1/videos HTTP/1.1\r\n").close()
    _raw(server, b"\x00\x01\x02").close()
    assert client.get("/v1/videos").status_code == 200
    assert len(server.desk.requests) == made


def test_expect_100_continue_over_the_limit_is_refused_at_once(server: Live, client: httpx.Client) -> None:
    with _raw(server, _head(server, 10**9, "Expect: 100-continue\r\n")) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
