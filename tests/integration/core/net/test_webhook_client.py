"""Posting to addresses that users give: only outwards, briefly, and without being led anywhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from safelight.core.errors import ForbiddenUrl
from safelight.core.net.webhook_client import DeliverLimits, WebhookClient
from support.webhook_receiver import Target, target

QUICK = DeliverLimits(total_s=1.0, idle_s=0.8)


@pytest.fixture
def to() -> Iterator[Target]:
    with target() as made:
        yield made


def deliverer(to: Target, limits: DeliverLimits = QUICK) -> WebhookClient:
    return WebhookClient(allow_hosts={to.host}, limits=limits)


def test_a_message_arrives_unchanged(to: Target) -> None:
    answer = deliverer(to).post(to.url, b'{"a": 1}', {"webhook-id": "event_1"})
    assert (answer.arrived, answer.status, answer.error) == (True, 200, "")
    (got,) = to.got
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook?who=us", b'{"a": 1}', "event_1")
    assert got.headers["user-agent"] == "safelight"


def test_an_error_status_is_a_failure_with_its_code(to: Target) -> None:
    for status in (400, 404, 410, 429, 500, 503):
        to.status = status
        answer = deliverer(to).post(to.url, b"{}", {})
        assert (answer.arrived, answer.status) == (False, status)
        assert str(status) in answer.error


def test_a_redirect_is_not_followed(to: Target) -> None:
    with target() as elsewhere:
        to.status, to.location = 307, elsewhere.url
        answer = WebhookClient(allow_hosts={to.host, elsewhere.host}).post(to.url, b"{}", {})
        assert (answer.arrived, answer.status) == (False, 307)
        assert elsewhere.got == []


def test_a_target_with_an_endless_response_is_abandoned(to: Target) -> None:
    to.talks = 50_000_000
    answer = deliverer(to, DeliverLimits(total_s=20.0)).post(to.url, b"{}", {})
    assert answer.arrived
    assert answer.wall_s < 20


def test_a_target_that_never_answers_or_is_down_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        client = WebhookClient(allow_hosts={host}, limits=QUICK)
        answer = client.post(f"http://{host}/", b"{}", {})
        assert (answer.arrived, answer.status) == (False, None)
    answer = client.post(f"http://{host}/", b"{}", {})
    assert (answer.status, answer.error) == (None, "The connection failed.")


def test_a_slow_target_is_abandoned_at_the_time_limit(to: Target) -> None:
    to.drips = True
    answer = deliverer(to).post(to.url, b"{}", {})
    assert not answer.arrived
    assert answer.wall_s < 10


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/x",
        "https://db.internal/x",
        "https://hooks.example:8443/x",
        "https://user:secret@hooks.example/x",
        "https://2130706433/x",
        "ftp://hooks.example/x",
        "file:///etc/passwd",
        "https://",
        "nonsense",
        "",
        "https://hooks.example/" + "x" * 5000,
    ],
)
def test_a_forbidden_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ForbiddenUrl) as caught:
        WebhookClient().judge(url)
    assert caught.value.param == "url"
    assert "file itself" not in str(caught.value)
    answer = WebhookClient(limits=QUICK).post(url, b"{}", {})
    assert (answer.arrived, answer.status) == (False, None)


def test_a_public_name_that_resolves_to_an_internal_address_is_refused() -> None:
    inside = WebhookClient(resolve=lambda _host, _port: ["93.184.215.14", "10.1.2.3"], limits=QUICK)
    inside.judge("https://hooks.example/x")
    answer = inside.post("https://hooks.example/x", b"{}", {})
    assert (answer.arrived, answer.status) == (False, None)
    assert "private" in answer.error
