"""Nothing that staff are called or write leaves the console: a crawl of what a creator and a platform get.

It reads every page and route that a creator or an integrator may read, for every video, case, appeal and
statement of a story, and every webhook.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.accounts import KeyScope, Principal, Role
from safelight.accounts.sessions import open_session
from safelight.accounts.store import principal_of_person
from safelight.cases.inputs import DecisionRequest
from safelight.core.ids import new_id
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.videos.case_rows import Case, CaseState
from safelight.videos.models import Video
from safelight.web.auth import COOKIE
from support.declared_routes import declared_routes
from support.people import add_person
from support.webhook_receiver import target

from .conftest import House
from .test_notifier import EVERYTHING, listening, notifier, tell

CARD = "SAFELIGHT-TEST:violence on a stage"
NOTE = "Quillfeather wrote this note"
#: Nothing of these may be in any answer. `id` and `email` of each person are added.
PLANTED = ("Zephyrine", "Ignatius", "Quillfeather", "staff.example")
NAMES = ("Zephyrine Hollowbrook", "Ignatius Hollowbrook", "Ignatius Zephyrine")


@dataclass
class Story:
    """An installation with staff, a creator, and the ids of all that the story left."""

    house: House
    staff: list[Principal] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)

    @property
    def planted(self) -> tuple[str, ...]:
        return (*PLANTED, *(person.id for person in self.staff))


def enrol(tx: Transaction, name: str, role: Role) -> Principal:
    identity = new_id("user")
    host = "home" if role is Role.CREATOR else "staff"
    add_person(tx, identity, role=role, name=name, email=f"{identity}@{host}.example")
    row = tx.one(tables.people, tables.people.c.id == identity)
    person = principal_of_person(row) if row is not None else None
    assert person is not None
    return person


class Client:
    """Calls the app of the installation in this process."""

    def __init__(self, house: House, **headers: str) -> None:
        self._house = house
        self._headers = headers

    def send(self, calls: list[tuple[str, str, Any]], **headers: str) -> list[httpx.Response]:
        async def all_of_them() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self._house.app, raise_app_exceptions=False)
            merged = {**self._headers, **headers}
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return [
                    await client.request(method, path, json=body, headers=merged)
                    for method, path, body in calls
                ]

        return asyncio.run(all_of_them())

    def get(self, path: str) -> Any:
        (answer,) = self.send([("GET", path, None)])
        return answer.raise_for_status().json()

    def post(self, path: str, body: Mapping[str, Any], **headers: str) -> httpx.Response:
        (answer,) = self.send([("POST", path, body)], **headers)
        return answer


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite only: what an answer contains does not depend on the database, and the crawl is long."""
    shutil.copyfile(sqlite_template, tmp_path / "db.sqlite3")
    return f"sqlite:///{tmp_path / 'db.sqlite3'}"


@pytest.fixture
def story(house: House) -> Story:
    house.container.videos = house.videos
    made = Story(house)
    with house.transaction() as tx:
        made.staff = [enrol(tx, name, Role.TRUST_LEAD) for name in NAMES]
    return made


def platform(house: House) -> Client:
    """A key as the platform's own server has it."""
    accounts = house.accounts
    scopes = frozenset({KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS, KeyScope.ADMIN})
    _record, token = accounts.create_key(house.who.tenant, "platform", by="a test", scopes=scopes)
    return Client(house, authorization=f"Bearer {token}")


def creator(house: House) -> Client:
    """A browser in which a person with the role creator is signed in."""
    with house.transaction() as tx:
        token = open_session(tx, enrol(tx, "A creator", Role.CREATOR))[1]
    return Client(house, cookie=f"{COOKIE}={token}", accept="text/html")


def open_cases(story: Story, who: Principal) -> Iterator[Case]:
    yield from story.house.reviews.list(who, state=CaseState.OPEN).items


#: What a decision against a person names.
GROUND = {"clause": "ha-2", "facts": "It shows what is not allowed."}


def decide_all(story: Story, who: Principal, **actions: str) -> None:
    reviews = story.house.reviews
    for case in list(open_cases(story, who)):
        if case.kind.value in actions:
            wanted = DecisionRequest(action=actions[case.kind.value], reason=NOTE, **GROUND)
            reviews.decide(who, case.id, wanted)


def blocked(client: Client, end_user: str) -> str:
    answer = client.post("/v1/videos", {"prompt": CARD, "safety_identifier": end_user})
    assert answer.status_code == 400
    return str(answer.json()["error"]["moderation_details"]["video_id"])


def delivered(story: Story, client: Client, end_user: str) -> Video:
    made = client.post("/v1/videos", {"prompt": "a quiet lake", "safety_identifier": end_user})
    return story.house.carry(story.house.videos.get(story.house.who, made.raise_for_status().json()["id"]))


def play(story: Story, client: Client) -> None:
    """Decisions of every kind, by three people, each with a note."""
    first, second, third = story.staff
    kept, removed, ended = (delivered(story, client, f"user-{number}") for number in range(3))
    client.post(f"/v1/videos/{kept.id}/report", {"reason": "rude", "safety_identifier": "reader"})
    decide_all(story, first, report="keep")
    client.post(f"/v1/videos/{removed.id}/report", {"reason": "rude", "safety_identifier": "reader"})
    decide_all(story, second, report="withdraw")
    story.house.withdraw(ended, actor=first.id, why=NOTE)
    won, lost = blocked(client, "user-3"), blocked(client, "user-4")
    for video, action in ((won, "overturn"), (lost, "uphold"), (removed.id, "overturn")):
        answer = client.post(f"/v1/videos/{video}/appeal", {"text": "It is a play."})
        assert answer.status_code == 200, answer.text
        decide_all(story, third, appeal=action)
    for video in (won, removed.id):
        again = story.house.videos.get(story.house.who, video).reinstated_as
        assert again is not None
        story.house.carry(story.house.videos.get(story.house.who, again))
        story.videos.append(again)
    story.videos += [kept.id, removed.id, ended.id, won, lost]


def assert_planted(story: Story) -> None:
    """The installation does know what the crawl must not find."""
    with story.house.read_transaction() as tx:
        kept = tx.select(tables.audit_log_contents)
        people = tx.select(tables.people)
        actors = {row.actor for row in tx.select(tables.audit_log)}
    assert any(b"Quillfeather" in row.content for row in kept if row.content)
    assert {person.id for person in story.staff} <= actors
    assert set(NAMES) <= {row.name for row in people}


def ids(story: Story) -> Mapping[str, list[str]]:
    """What can stand for each parameter of a path."""
    with story.house.read_transaction() as tx:
        return {
            "video_id": story.videos,
            "statement_id": [row.id for row in tx.select(tables.statements)],
            "case_id": [row.id for row in tx.select(tables.cases)],
            "variant": ["video"],
        }


def outward_paths(story: Story) -> list[str]:
    known = ids(story)
    found: list[str] = []
    for route in declared_routes(story.house.app):
        if route.method != "GET" or route.path.endswith(("/content", "/events", "/stream")):
            continue
        paths = [route.path]
        for name in re.findall(r"\{(\w+)[^}]*\}", route.path):
            values = known.get(name, ["nothing"])
            paths = [re.sub(rf"\{{{name}[^}}]*\}}", value, path) for path in paths for value in values]
        found += paths
    return found


def crawl(story: Story, client: Client) -> Iterator[tuple[str, httpx.Response]]:
    paths = outward_paths(story)
    assert len(paths) > 100
    paths += [f"/v1/safelight/statements?safety_identifier={who}" for who in ("user-0", "reader")]
    paths += [f"/v1/safelight/statements?video_id={video}" for video in story.videos]
    for caller in (client, creator(story.house)):
        yield from zip(paths, caller.send([("GET", path, None) for path in paths]), strict=True)


def test_no_answer_and_no_webhook_names_staff_and_every_decision_is_sent(story: Story) -> None:
    client = platform(story.house)
    with target() as to:
        listening(story.house, to, *EVERYTHING)
        play(story, client)
        tell(notifier(story.house.database, to))
        bodies = [got.body.decode() for got in to.got]
    kinds = [json.loads(body)["type"] for body in bodies]
    assert kinds.count("appeal.decided") == 3
    assert kinds.count("case.decided") == 5
    leaks = [f"webhook: {word}" for word in story.planted for body in bodies if word in body]
    read = 0
    for path, answer in crawl(story, client):
        read += answer.status_code == 200
        leaks += [f"{path}: {word}" for word in story.planted if word in answer.text]
        assert answer.status_code < 500, path
    assert read > 100
    assert_planted(story)
    assert leaks == []


def test_the_page_of_a_video_explains_each_decision_and_links_to_it(story: Story) -> None:
    client, browser = platform(story.house), creator(story.house)
    lost = blocked(client, "user-4")
    assert client.post(f"/v1/videos/{lost}/appeal", {"text": "It is a play."}).status_code == 200
    decide_all(story, story.staff[0], appeal="uphold")
    page, own = browser.send([("GET", f"/videos/{lost}", None), ("GET", f"/videos/{lost}/statements", None)])
    assert f"/videos/{lost}/statements" in page.text
    assert "An appeal against it was sent." in own.text
    assert "You can appeal free of charge until" not in own.text
    assert "The appeal was rejected." in own.text
    (chinese,) = browser.send([("GET", f"/videos/{lost}/statements", None)], **{"accept-language": "zh-Hant"})
    assert "申訴未獲接受" in chinese.text
    listed = client.get("/v1/safelight/statements?safety_identifier=user-4&language=zh-Hans")["data"]
    assert [each["kind"] for each in listed] == ["appeal_rejected", "blocked"]
    assert {each["rule"] for each in listed} == {None}
    assert "申诉未获接受" in listed[0]["text"]["decision"]


def test_a_platform_appeals_for_its_end_user_once_per_key(story: Story) -> None:
    client = platform(story.house)
    blocked(client, "user-9")
    (made,) = client.get("/v1/safelight/statements?safety_identifier=user-9")["data"]
    path, body = f"/v1/safelight/statements/{made['id']}/appeal", {"text": "It is a play."}
    assert client.post(path, {**body, "safety_identifier": "user-8"}).status_code == 404
    mine = {**body, "safety_identifier": "user-9"}
    first = client.post(path, mine, **{"idempotency-key": "a1"})
    assert (first.status_code, first.json()["statement_id"]) == (200, made["id"])
    assert client.post(path, mine, **{"idempotency-key": "a1"}).json() == first.json()
    assert client.post(path, {**mine, "text": "Other."}, **{"idempotency-key": "a1"}).status_code == 409
    assert client.post(path, mine).status_code == 409
    assert client.get(f"{path}?safety_identifier=user-9") == first.json()
