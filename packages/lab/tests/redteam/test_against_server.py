"""`safelight redteam run --against`: the ownership challenge, and a server that fails in the middle."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.output import Exit
from safelight.core.errors import SafelightError
from safelight_lab.redteam import ownership, targets
from safelight_lab.redteam.ownership import check_ownership, make_challenge, normalize_url
from support.commands import Run, Say

SEEDS = [{"id": f"e{n}", "text": f"stop this text, take {n}", "lang": "en"} for n in range(6)]
KEY = "sk-test"


class Script:
    """What the server answers; a test sets it."""

    def __init__(self) -> None:
        self.url = ""
        #: Status, headers and body of the path of the challenge.
        self.answer: tuple[int, dict[str, str], bytes] = (404, {}, b"")
        self.moderated: list[str] = []
        self.keys: set[str] = set()
        #: Answers a text instead of the usual answer; None is a closed connection.
        self.fail: Callable[[int], tuple[int, bytes] | None] | None = None
        self.minors = ""
        self.released = threading.Event()

    def serve(self, token: str) -> None:
        self.answer = (200, {}, f"{token}\n".encode())

    def moderate(self, text: str) -> bytes:
        categories = {"sexual/minors": bool(self.minors) and self.minors in text}
        return json.dumps({"results": [{"flagged": "stop" in text, "categories": categories}]}).encode()


@pytest.fixture
def server() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = script.answer if self.path == ownership.PATH else (404, {}, b"")
            self._send(status, body, headers)

        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
            assert self.path == "/v1/moderations"
            script.keys.add(self.headers.get("authorization", ""))
            script.moderated.append(text)
            given = (200, script.moderate(text))
            if script.fail is not None and (given := script.fail(len(script.moderated)) or given)[0] == 0:
                return
            self._send(*given, {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield script
    finally:
        script.released.set()
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture
def attack(folder: Path, server: Script, run: Run) -> tuple[str, ...]:
    (folder / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SEEDS))
    server.serve(run("redteam", "challenge", server.url)["token"])
    options = ("--seeds", "seeds.jsonl", "--attacks", "6", "--round", "decoded", "--key", KEY)
    return ("redteam", "run", "--against", server.url, *options)


def test_flagged_texts_of_the_server_count_as_stopped(
    run: Run, folder: Path, server: Script, attack: tuple[str, ...]
) -> None:
    report = run(*attack)
    assert report["policy"] is None
    assert report["server"] == server.url
    [decoded] = report["rounds"]
    assert decoded["bypassed"]["n"] == 6
    assert server.keys == {f"Bearer {KEY}"}
    assert report["queries"] == len(server.moderated) == 12
    assert len(run("redteam", "show")) == decoded["bypassed"]["k"] > 0
    kept = b"".join(path.read_bytes() for path in (folder / "redteam").rglob("*") if path.is_file())
    assert b"stop this text" not in kept
    assert KEY.encode() not in kept
    # A run that ended asks again: the server may have changed.
    run(*attack)
    assert len(server.moderated) == 24


def test_a_seed_that_the_server_finds_to_be_about_minors_and_sex_is_not_used(
    run: Run, server: Script, attack: tuple[str, ...]
) -> None:
    server.minors = "take 3"
    report = run(*attack)
    assert report["seeds"]["left_out"] == 1
    assert "take 3" not in json.dumps(run("redteam", "show"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((429, b'{"error": {}}'), "no more checks now (status 429)"),
        ((429, b"slow down"), "no more checks now (status 429)"),
        ((503, b"{}"), "answered with status 503"),
        ((500, b"<html>"), "answered with status 500"),
        ((302, b""), "answered with status 302"),
        ((200, b'{"results": []}'), "did not answer with a result"),
        ((200, b'{"results": [{"flagged": "no", "categories": {}}]}'), "did not answer with a result"),
        ((200, b"not JSON"), "gave no whole answer in time"),
        ((0, b""), "gave no whole answer in time"),
    ],
)
def test_a_server_that_fails_in_the_middle_ends_the_run_which_goes_on_later(
    run: Run,
    say: Say,
    folder: Path,
    server: Script,
    attack: tuple[str, ...],
    answer: tuple[int, bytes],
    said: str,
) -> None:
    server.fail = lambda number: answer if number == 6 else None
    err = " ".join(say(*attack, code=Exit.ERROR).err.split())
    assert said in err
    assert "goes on where it stopped" in err
    assert not (folder / "redteam" / "report.json").exists()
    server.fail = None
    assert run(*attack)["queries"] == 12
    # Only the text that got no answer was sent twice.
    assert len(server.moderated) == 13


def test_a_server_that_does_not_answer_ends_the_run(
    say: Say, server: Script, attack: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "ANSWER_S", 0.3)

    def hang(number: int) -> tuple[int, bytes] | None:
        if number == 2:
            server.released.wait(10)
        return None

    server.fail = hang
    assert "gave no whole answer in time" in say(*attack, code=Exit.ERROR).err
    server.released.set()


def test_a_key_that_is_not_accepted_is_named(say: Say, server: Script, attack: tuple[str, ...]) -> None:
    server.fail = lambda number: (401, b"{}")
    assert "does not accept the key (status 401)" in say(*attack, code=Exit.ERROR).err


def test_the_challenge_says_where_the_token_goes(say: Say, folder: Path) -> None:
    said = say("redteam", "challenge", "https://video.example/v1/", code=Exit.OK).out
    token = json.loads((folder / "redteam" / "challenge.json").read_text())["token"]
    assert token in said
    assert "https://video.example/.well-known/safelight-redteam.txt" in said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {}, b""), "answered with status 404"),
        ((200, {}, b"another token"), "has another text than the token"),
        ((200, {}, b""), "has another text than the token"),
        ((302, {"location": "/elsewhere"}, b""), "answered with status 302"),
        ((200, {}, b"x" * 5000), "more than 1024 bytes"),
    ],
)
def test_a_server_without_the_token_is_not_tested(
    say: Say, server: Script, attack: tuple[str, ...], answer: Any, said: str
) -> None:
    server.answer = answer
    assert said in " ".join(say(*attack, code=range(1, 9)).err.split())
    assert server.moderated == []


def test_a_challenge_is_for_one_server_and_for_a_day(tmp_path: Path, server: Script) -> None:
    with pytest.raises(SafelightError, match="has no challenge"):
        check_ownership(server.url, tmp_path, now=1e6)
    made = make_challenge(server.url + "/v1", tmp_path, now=1e6)
    server.serve(made.token)
    assert check_ownership(server.url, tmp_path, now=1e6 + 24 * 3600) == made
    for now in (1e6 + 24 * 3600 + 1, 1e6 - 1):
        with pytest.raises(SafelightError, match="older than 24 hours"):
            check_ownership(server.url, tmp_path, now=now)
    other = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(SafelightError, match="is not for http://localhost"):
        check_ownership(other, tmp_path, now=1e6)
    path = tmp_path / "challenge.json"
    # A token of another server does not fit.
    path.write_text(json.dumps({"url": other, "token": made.token, "made_at": 1e6}))
    with pytest.raises(SafelightError, match="is not for"):
        check_ownership(other, tmp_path, now=1e6)
    for content in ("{", "[]", '{"url": 1, "token": "a", "made_at": 1}'):
        path.write_text(content)
        with pytest.raises(SafelightError, match="is not a challenge"):
            check_ownership(server.url, tmp_path, now=1e6)


def test_a_server_that_is_gone_is_named(tmp_path: Path) -> None:
    make_challenge("http://127.0.0.1:9", tmp_path, now=1e6)
    with pytest.raises(SafelightError, match="cannot be fetched"):
        check_ownership("http://127.0.0.1:9", tmp_path, now=1e6)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://video.example/v1/", "https://video.example"),
        ("https://video.example:443/safelight", "https://video.example/safelight"),
        ("http://localhost:8000/v1", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_url_of_a_server_is_normalized(url: str, normal: str) -> None:
    assert normalize_url(url) == normal


@pytest.mark.parametrize(
    "url",
    [
        *("http://video.example", "http://10.0.0.1", "ftp://video.example", "video.example", ""),
        *("https://a:b@video.example", "https://video.example/?a=b", "https://video.example/#a"),
        *("http://localhost.video.example", "http://127.0.0.1.video.example"),
    ],
)
def test_other_urls_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(SafelightError):
        make_challenge(url, tmp_path, now=1e6)
