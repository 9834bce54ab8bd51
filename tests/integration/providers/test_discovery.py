from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from safelight.core.errors import UpstreamRejected, UpstreamUnavailable
from safelight.core.net.client import Timeouts
from safelight.providers.videos_api.discovery import NetworkLocation, SteeringOffer, discover, requires_auth
from safelight.testing.upstream import ScriptedUpstream

KEY = "sk-live-0123456789"
SOON = Timeouts(connect_s=2, read_s=2)


@contextmanager
def answering(status: int, body: bytes, kind: str = "application/json") -> Iterator[str]:
    """A server with one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def test_the_models_are_those_the_server_lists_in_the_same_sequence() -> None:
    with ScriptedUpstream({"models": ["wan-b", "wan-a"]}) as upstream:
        found = discover(upstream.url)
    assert found.models == ("wan-b", "wan-a")
    assert (found.place, found.answers_strangers, found.exposed) == (NetworkLocation.LOOPBACK, True, False)


def test_a_server_that_checks_its_key_is_not_exposed() -> None:
    with ScriptedUpstream({"api_key": KEY}) as upstream:
        found = discover(upstream.url, api_key=KEY)
    assert found.models == ("scripted-1",)
    assert not found.answers_strangers
    assert not found.exposed


def test_a_server_that_ignores_the_key_answers_unauthenticated_clients() -> None:
    with ScriptedUpstream() as upstream:
        found = discover(upstream.url, api_key=KEY)
    assert found.answers_strangers
    assert found.exposed


@pytest.mark.parametrize(("key", "said"), [("", "wants a key"), ("sk-wrong", "does not accept our key")])
def test_a_missing_or_wrong_key_is_reported_without_showing_it(key: str, said: str) -> None:
    with ScriptedUpstream({"api_key": KEY}) as upstream, pytest.raises(UpstreamRejected, match=said) as error:
        discover(upstream.url, api_key=key)
    assert KEY not in error.value.message
    assert "sk-wrong" not in error.value.message


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_a_model_list_has_no_models(status: int) -> None:
    with answering(status, b'{"detail": "Not Found"}') as url:
        assert discover(url).models is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<!doctype html><p>Please log in.", "text/html"),
        (200, b'{"models": ["a"]}', "application/json"),
        (302, b"", "text/html"),
        (400, b'{"error": "no"}', "application/json"),
    ],
)
def test_a_response_without_a_model_list_is_refused(status: int, body: bytes, kind: str) -> None:
    with (
        answering(status, body, kind) as url,
        pytest.raises(UpstreamRejected, match="did not return a list of models"),
    ):
        discover(url)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_with_an_error_status_is_unavailable(status: int) -> None:
    with answering(status, b"") as url, pytest.raises(UpstreamUnavailable, match="not available now"):
        discover(url)


def test_a_server_that_is_down_is_unavailable() -> None:
    with pytest.raises(UpstreamUnavailable, match="does not answer"):
        discover("http://127.0.0.1:1/v1", timeouts=SOON)


def test_invalid_model_names_are_skipped() -> None:
    rows = b'{"data": [{"id": "wan"}, {"id": ""}, {"id": 7}, {}, "x", {"id": "a\\u0007b"}, {"id": "wan"}]}'
    with answering(200, rows) as url:
        assert discover(url).models == ("wan",)


def test_requires_auth_tests_a_path_without_a_key() -> None:
    with ScriptedUpstream({"api_key": KEY}) as keyed, ScriptedUpstream() as open_:
        assert requires_auth(keyed.url, "models") is True
        assert requires_auth(open_.url, "models") is False
        assert requires_auth(open_.url, "videos/none") is None
    assert requires_auth("http://127.0.0.1:1/v1", "models", timeouts=SOON) is None


@pytest.mark.parametrize(
    ("owner", "profile"), [("vllm", "vllm-omni"), ("sglang", "sglang"), ("somebody", ""), ("", "")]
)
def test_the_kind_of_a_server_is_recognized_by_its_list_of_models(owner: str, profile: str) -> None:
    with ScriptedUpstream({"owned_by": owner}) as upstream:
        assert discover(upstream.url).profile == profile


def test_a_server_that_steers_says_what_it_can_do() -> None:
    with ScriptedUpstream({"steers": True}) as upstream:
        found = discover(upstream.url)
    assert (found.profile, found.steering) == (
        "safelight-steer",
        SteeringOffer(
            categories=("likeness", "sexual", "violence/graphic"),
            watches=("violence/graphic",),
            gaps=("lora_loaded",),
        ),
    )
