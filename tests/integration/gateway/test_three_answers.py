"""The same prompt gets the same answer from every part that helps: help, a question or a refusal."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.cli.assistants.session_limits import SessionLimits
from safelight.cli.assistants.tools import McpTools
from safelight.cli.mcp_gateway import ClientGateway
from safelight_client import AsyncClient, Client
from support.commands import Run
from support.gateway_process import Running

#: The answers are those of models.
NEEDS_MODELS = True

PROMPTS = {
    "help": "A girl looks at a city from a roof",
    "ask": "A car crashes into a crowd",
    "refuse": "A soldier executes a prisoner",
}
_ANSWER = re.compile(r'data-answer="(\w+)"')
_QUESTION = "What happens in the scene, and to whom?"


@dataclass(frozen=True)
class Doors:
    gateway: Running
    #: With the key of the gateway.
    client: httpx.Client
    #: Signed in to the pages.
    staff: httpx.Client
    run: Run
    folder: Path

    @property
    def url(self) -> str:
        return f"{self.gateway.address}/v1"

    def check(self, prompt: str) -> str:
        return str(self.run("check", prompt, code=None)["answer"])

    def check_by_api(self, prompt: str) -> str:
        return str(self.client.post("/v1/safelight/checks", json={"prompt": prompt}).json()["answer"])

    def short_check_by_api(self, prompt: str) -> str:
        return str(self.client.post("/v1/videos/check", json={"prompt": prompt}).json()["answer"])

    def explained_error(self, prompt: str) -> str:
        told = self.run("explain-error", "moderation_blocked", "--prompt", prompt, code=None)
        return str(told["prompt"]["answer"])

    def rows(self, prompt: str) -> str:
        (self.folder / "prompts.txt").write_text(prompt, "utf-8")
        return str(self.run("check", "--rows", "prompts.txt", code=None)["answer"])

    def triggers(self, prompt: str) -> str:
        judge = f"{sys.executable} -S -c 'raise SystemExit(3)'"
        told = self.run("triggers", prompt, "--exec", judge, code=None)
        return _answer_of(told.get("error", {}).get("message", ""))

    def try_it(self, prompt: str) -> str:
        tried = self.run(
            *("check", prompt, "--provider", "storyboard-1", "--try", "--yes", "--url", self.url), code=None
        )["tried"]
        assert tried["state"] == ("passed" if prompt == PROMPTS["help"] else "not_tried"), tried
        return _answer_of("" if tried["state"] == "passed" else tried["reason"])

    def assistant(self, prompt: str) -> str:
        with Client(self.url, self.gateway.key) as client:
            limits = SessionLimits(None)
            return str(McpTools(_no_local_check, ClientGateway(client), limits).check(prompt)["answer"])

    def python_client(self, prompt: str) -> str:
        with Client(self.url, self.gateway.key) as client:
            return str(client.check(prompt)["answer"])

    def asynchronous_client(self, prompt: str) -> str:
        async def ask() -> str:
            async with AsyncClient(self.url, self.gateway.key) as client:
                return str((await client.check(prompt))["answer"])

        return asyncio.run(ask())

    def batch(self, prompt: str) -> str:
        (self.folder / "shots.jsonl").write_text(json.dumps({"prompt": prompt}), "utf-8")
        (row,) = self.run("batch", "plan", "shots.jsonl", code=None)["rows"]
        return str(row["answer"])

    def studio(self, prompt: str) -> str:
        return self._page("/check", prompt)

    def page(self, prompt: str) -> str:
        return self._page("/advice", prompt)

    def _page(self, path: str, prompt: str) -> str:
        found = _ANSWER.search(self.staff.post(path, data={"prompt": prompt}).raise_for_status().text)
        return found[1] if found else "help"


def _answer_of(message: str) -> str:
    return "ask" if _QUESTION in message else "refuse" if "gives no suggestions" in message else "help"


def _no_local_check() -> Any:
    raise AssertionError("the gateway checks")


@pytest.fixture(scope="module")
def staff(gateway: Running) -> Iterator[httpx.Client]:
    headers = {"accept": "text/html", "origin": gateway.address}
    with httpx.Client(base_url=gateway.address, headers=headers, timeout=60, verify=False) as pages:
        pages.post("/login", data={"token": gateway.login})
        yield pages


@pytest.fixture
def doors(
    gateway: Running,
    client: httpx.Client,
    staff: httpx.Client,
    run: Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Doors:
    monkeypatch.setenv("SAFELIGHT_DATA", str(folder / "data"))
    monkeypatch.setenv("SAFELIGHT_API_KEY", gateway.key)
    return Doors(gateway, client, staff, run, folder)


@pytest.mark.parametrize("answer", PROMPTS)
@pytest.mark.parametrize(
    "door",
    [
        *(Doors.check, Doors.check_by_api, Doors.short_check_by_api, Doors.explained_error, Doors.rows),
        *(Doors.triggers, Doors.try_it, Doors.assistant, Doors.python_client, Doors.asynchronous_client),
        *(Doors.batch, Doors.studio, Doors.page),
    ],
    ids=lambda door: door.__name__,
)
def test_every_part_gives_the_same_answer(
    doors: Doors, door: Callable[[Doors, str], str], answer: str
) -> None:
    assert door(doors, PROMPTS[answer]) == answer


def test_a_question_and_a_refusal_count_against_the_limits_of_checks(doors: Doors) -> None:
    user = "user-who-asks"
    for prompt in PROMPTS.values():
        told = doors.client.post(
            "/v1/safelight/checks", json={"prompt": prompt, "safety_identifier": user}
        ).json()
        assert told["spent"] == {"usd": 0.0, "checks": 1}
