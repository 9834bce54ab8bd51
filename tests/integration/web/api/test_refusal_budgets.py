"""Clients learn how much of a refusal budget is used, without the counts, which are those of all tenants."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from safelight.core.errors import Unavailable
from safelight.providers.protocol import GeneratorInfo
from safelight.videos.models import VideoState
from safelight.videos.refusal_budget import RefusalCount
from support.fake_api_server import Live, Shelf, live

HEADER = "x-safelight-refusal-budget"


@dataclass
class Budget:
    """The budget of the generator `shelf`. `refused` None: the storage is unavailable."""

    refused: int | None = 0
    reads: list[int] = field(default_factory=list)

    def read(self) -> dict[str, RefusalCount]:
        self.reads.append(1)
        if self.refused is None:
            raise Unavailable("The database does not answer.")
        return {"shelf": RefusalCount(refused=self.refused, limit=4, until=1e10)}


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def server(
    tmp_path: Path, sqlite_template: Path, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Live]:
    info = Shelf().info()
    monkeypatch.setattr(Shelf, "info", lambda _: replace(info, max_refusals_per_day=4))
    database = tmp_path / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with live(tmp_path, database, refusal_budgets=budget.read) as running:
        yield running


@pytest.fixture
def client(server: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=dict(server.auth), timeout=60) as client:
        yield client


def test_a_create_states_that_half_of_the_budget_is_used(client: httpx.Client, budget: Budget) -> None:
    for refused, stated in ((0, None), (1, None), (2, "half_used"), (4, "used"), (None, None)):
        budget.refused = refused
        answer = client.post("/v1/videos", json={"prompt": "a cat"})
        assert (answer.status_code, answer.headers.get(HEADER)) == (200, stated)


def test_a_video_that_was_blocked_states_it_and_the_poll_of_another_one_does_not_read_it(
    client: httpx.Client, server: Live, budget: Budget
) -> None:
    budget.refused = 2
    video = client.post("/v1/videos", json={"prompt": "a cat"}).json()["id"]
    budget.reads.clear()
    assert HEADER not in client.get(f"/v1/videos/{video}").headers
    assert budget.reads == []
    server.desk.videos[video] = replace(
        server.desk.videos[video],
        state=VideoState.BLOCKED,
        error_code="moderation_blocked",
        error_message="The provider blocked the video.",
    )
    assert client.get(f"/v1/videos/{video}").headers[HEADER] == "half_used"


def test_the_list_of_models_has_the_level_and_no_count(client: httpx.Client, budget: Budget) -> None:
    for refused, level in ((1, "open"), (2, "half_used"), (4, "used")):
        budget.refused = refused
        (model,) = client.get("/v1/models").json()["data"]
        assert model["safelight"]["refusal_budget"] == level


def test_a_model_without_a_budget_has_none_and_nothing_is_read(
    client: httpx.Client, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: GeneratorInfo = replace(Shelf().info(), max_refusals_per_day=None)
    monkeypatch.setattr(Shelf, "info", lambda _: free)
    assert HEADER not in client.post("/v1/videos", json={"prompt": "a cat"}).headers
    assert budget.reads == []
