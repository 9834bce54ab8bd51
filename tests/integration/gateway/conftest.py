"""The real gateway, once per file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from support.gateway_process import Running, running

#: A gateway that has not answered by then hangs. It is no measurement: the first sandboxed picture takes 4 s
#: on a machine with nothing else to do.
HANGING_S = 60.0


@pytest.fixture(scope="module")
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    whole = getattr(request.module, "NEEDS_MODELS", False)
    with running(tmp_path_factory.mktemp("gateway"), whole=whole) as started:
        yield started


@pytest.fixture
def client(gateway: Running) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.address, headers=headers, timeout=HANGING_S, verify=False) as client:
        yield client
        assert client.get("/readyz").json()["ready"] is True
