"""A whole installation without the engine: tests carry videos step by step themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.media.sandbox.sandbox import Sandbox
from safelight.providers.videos_api import create as videos_api
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from support.house import Crash, Furnish, House, furnishing

__all__ = ["Crash", "Furnish", "House"]


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream({"otherwise": {"polls": 0, "charge": 0.4}}) as server:
        yield server


@pytest.fixture
def furnish(
    request: pytest.FixtureRequest,
    database: Database,
    tmp_path: Path,
    upstream: ScriptedUpstream,
    sandbox: Sandbox,
) -> Iterator[Furnish]:
    """Makes houses with fake media; with real media for tests that are marked `real_media`."""
    real_media = request.node.get_closest_marker("real_media") is not None
    with furnishing(database, tmp_path, upstream, sandbox, real_media=real_media) as make:
        yield make


@pytest.fixture
def house(furnish: Furnish) -> House:
    """A house with a waiver for what no model sees."""
    made = furnish()
    made.waive()
    return made


@pytest.fixture
def priced(house: House, upstream: ScriptedUpstream) -> Iterator[House]:
    """An installation whose paid model costs 0.4 dollars for its shortest length."""
    options = {"url": upstream.url, "models": ["paid-1"], "name": "paid", "billing": "paid"}
    paid = videos_api(
        {**options, "usd_per_second": 0.1, "idempotency_metadata_key": "key", "list_lag_s": 0.01}
    )
    generators: Any = house.container.core.generators
    generators["paid"] = paid
    yield house
    paid.close()
