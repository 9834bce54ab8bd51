from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from safelight.accounts import KeyScope
from safelight.core.metrics import Gauge
from support.fake_api_server import Live, live

GAUGE = Gauge(name="safelight_example", description="An example.", labels=("part",), values={("a",): 2.0})


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Live]:
    """A server whose metrics need a key, as behind a reverse proxy."""
    folder = tmp_path_factory.mktemp("closed")
    shutil.copyfile(sqlite_template, folder / "db.sqlite3")
    with live(folder, folder / "db.sqlite3", metrics_are_open=False, gauges=lambda: (GAUGE,)) as running:
        yield running


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_on_a_loopback_address_no_key_is_needed(server: Live) -> None:
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert samples(answer.text)["process_cpu_seconds_total"]


@pytest.mark.parametrize(
    "header", ["Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded-host"]
)
def test_through_a_reverse_proxy_that_no_setting_names_a_key_is_needed(server: Live, header: str) -> None:
    assert httpx.get(f"{server.url}/metrics", headers={header: "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize(
    "host", ["metrics.example.org", "10.0.0.7:8000", "localhost.example.org", "safelight"]
)
def test_a_host_that_is_no_loopback_address_needs_a_key(server: Live, host: str) -> None:
    assert httpx.get(f"{server.url}/metrics", headers={"Host": host}).status_code == 401


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000"])
def test_every_name_of_the_loopback_address_is_accepted(server: Live, host: str) -> None:
    assert httpx.get(f"{server.url}/metrics", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(("version", "status"), [("1.0", "401"), ("1.1", "200")])
def test_http_1_0_of_a_reverse_proxy_needs_a_key(server: Live, version: str, status: str) -> None:
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 80), timeout=10) as connection:
        request = (
            f"GET /metrics HTTP/{version}\r\nHost: {address.netloc.decode()}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(request.encode())
        assert connection.makefile("rb").readline().split()[1].decode() == status


def test_elsewhere_a_key_with_the_scope_metrics_is_needed(closed: Live) -> None:
    url = f"{closed.url}/metrics"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers=dict(closed.auth)).status_code == 403
    _, key = closed.accounts.create_key(closed.tenant, "monitoring", [KeyScope.METRICS])
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx.get(url, headers=headers)
    assert answer.status_code == 200
    assert samples(answer.text)["safelight_example"] == {("a",): 2.0}
    assert httpx.get(f"{closed.url}/v1/videos", headers=headers).status_code == 403


def test_a_request_is_counted_by_its_route_and_by_nothing_that_names_a_tenant_or_a_video(
    client: httpx.Client, server: Live
) -> None:
    prompt = "a lighthouse that nobody else asks for"
    made = client.post("/v1/videos", json={"prompt": prompt, "safety_identifier": "user-77"}).json()["id"]
    assert client.get(f"/v1/videos/{made}").status_code == 200
    assert client.get("/not/a/route-of-ours").status_code == 404
    assert client.request("PROPFIND", f"/v1/videos/{made}").status_code == 405
    text = client.get("/metrics").text
    for secret in (made, server.tenant, server.key, prompt, "user-77", "route-of-ours", "PROPFIND"):
        assert secret not in text
    counted = samples(text)["safelight_request_seconds_count"]
    assert counted["GET", "/v1/videos/{video_id}", "200"] >= 1
    assert counted["other", "/v1/videos/{video_id}", "405"] >= 1
