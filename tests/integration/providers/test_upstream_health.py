from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from safelight.providers.videos_api import health
from safelight.providers.videos_api.health import UpstreamEndpoint, UpstreamHealth
from safelight.testing.upstream import ScriptedUpstream


def test_only_unreachable_upstreams_are_listed() -> None:
    with ScriptedUpstream() as up, ScriptedUpstream({"api_key": "sk-live-0123456789"}) as closed:
        servers = {
            "up": UpstreamEndpoint(url=up.url),
            "closed": UpstreamEndpoint(url=closed.url, api_key="wrong"),
        }
        with ScriptedUpstream() as gone:
            servers["gone"] = UpstreamEndpoint(url=gone.url)
            reach = UpstreamHealth(servers)
            assert set(reach.look()) == {"closed"}
        assert set(reach.look()) == {"closed", "gone"}
        assert all(reach.down().values())


def test_callers_do_not_wait_for_a_health_check(monkeypatch: pytest.MonkeyPatch) -> None:
    released, discover = threading.Event(), health.discover

    def wait(*arguments: Any, **options: Any) -> Any:
        released.wait(30)
        return discover(*arguments, **options)

    monkeypatch.setattr(health, "discover", wait)
    with ScriptedUpstream() as gone:
        pass
    reach = UpstreamHealth({"gone": UpstreamEndpoint(url=gone.url)}, every_s=0.0)
    assert reach.down() == {}
    released.set()
    until = time.monotonic() + 30
    while not reach.down() and time.monotonic() < until:
        time.sleep(0.02)
    assert set(reach.down()) == {"gone"}


def test_without_upstreams_nothing_is_checked() -> None:
    assert UpstreamHealth({}).down() == {}
