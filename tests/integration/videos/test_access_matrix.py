"""Every route and page with every role, on own data and on that of a colleague and of another tenant. The
table is in `tests/data/access_matrix.txt`; each of its cells is a request.

Write it anew, and read what changed: SAFELIGHT_RECORD=1 .venv/bin/python -m pytest -q
tests/integration/videos/test_access_matrix.py
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from starlette.testclient import TestClient

from safelight.accounts import ROLES, KeyScope, Role
from safelight.accounts.sessions import open_session
from safelight.accounts.statements import (
    DecisionGround,
    GroundBasis,
    NewStatement,
    StatementKind,
    StatementSource,
    record_statement,
)
from safelight.accounts.store import principal_of_person
from safelight.core import canonical_json
from safelight.core.ids import new_id
from safelight.policy.findings import Coverage, Stage
from safelight.screening.evaluation import StageResult
from safelight.store.tables import people, videos
from safelight.videos.case_rows import CaseKind, NewCase, open_case
from safelight.videos.stage_records import record_stage
from safelight.web.auth import COOKIE
from support.access_objects import MAKERS, Owner, kind_of
from support.declared_routes import DeclaredRoute, declared_routes
from support.people import add_person
from support.verdicts import decided, seen
from support.videos import add_video

from .conftest import Furnish, House

#: One test of all routes takes minutes. A route stays in its part when others are added, because some routes
#: share limits.
PARTS = 6
TABLE = Path(__file__).parents[2] / "data" / "access_matrix.txt"
#: Whose the object of a path is. A route without an object is asked once.
RELATIONS = ("own", "colleague", "other")
HEAD = f"""\
# Each route with each role. Written by tests/integration/videos/test_access_matrix.py.
# + done   ~ reached, but refused for what was sent, or for the state   0 not found   - forbidden
# roles: {", ".join(Role)}
# {" ".join(f"{one:9}" for one in RELATIONS)}
"""
BODY = {"reason": "x"}
#: What a request needs so that it is not refused before its object is looked for.
BODIES: dict[str, dict[str, Any]] = {
    "POST /compliance/access/{request_id}": {"action": "decline", "reason": "x"},
    "POST /compliance/vault/{entry_id}": {"decision": "reported"},
    "POST /report/{token}": {"contact": "ann@example.org"},
    "POST /settings/webhooks/{endpoint_id}": {"action": "delete"},
    "POST /templates/{name}": {"slot.TIME": "dawn"},
    "POST /templates/{name}/{version}": {"action": "approve"},
    "POST /v1/safelight/access-requests/{request_id}/decision": {"action": "decline", "reason": "x"},
    "POST /v1/safelight/consents/{consent_id}/decision": {"confirm": False},
    "POST /v1/safelight/reports/{report_id}/video": {"video_id": None},
    "POST /review/pages/{report_id}": {"action": "none"},
    "POST /v1/safelight/templates/{name}/render": {"version": 1, "values": {"TIME": "dawn"}},
    "POST /v1/vault/{entry_id}/decision": {"decision": "reported"},
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}": {"name": "y"},
}
#: Ask for the password of a person who is signed in.
PROVES_AGAIN = frozenset({"/account/change"})
#: About this person and not about the case in the path: the switches, the end of a view or of a reservation.
NOT_ABOUT_ITS_OBJECT = frozenset({f"/review/{{case_id}}/{one}" for one in ("hide", "release", "switches")})
#: Paths to what belongs to no tenant: what stands for their parameters.
OF_NOBODY = {"/static/{version}/{name}": "console.css", "/v1/models/{model:path}": "instant-1"}
_PARAMETER = re.compile(r"\{(\w+)[^}]*\}")


@dataclass
class Matrix:
    house: House
    home: str
    other: str
    colleague: str
    #: The session of each role, and the person.
    people: dict[Role, str] = field(default_factory=dict)
    sessions: dict[Role, str] = field(default_factory=dict)
    shared: dict[tuple[str, str], str] = field(default_factory=dict)

    def sign_in(self, role: Role) -> None:
        with self.house.database.transaction(self.home) as tx:
            row = tx.one(people, people.c.id == self.people[role])
            assert row is not None
            principal = principal_of_person(row)
            assert principal is not None
            self.sessions[role] = open_session(tx, principal)[1]

    def object_of(self, kind: str, role: Role, relation: str, *, fresh: bool) -> str:
        """The id of what this person, or another one, has. `fresh`: for a request that may change it."""
        tenant = self.other if relation == "other" else self.home
        requester = {"own": self.people[role], "colleague": self.colleague, "other": "key_1"}[relation]
        if not fresh and (kind, requester) in self.shared:
            return self.shared[kind, requester]
        database, keys = self.house.database, self.house.container.persistence.people.keys
        with database.transaction(tenant) as tx:
            made = MAKERS[kind](Owner(database=database, tx=tx, id=requester, keys=keys))
        if not fresh:
            self.shared[kind, requester] = made
        return made


@pytest.fixture
def matrix(furnish: Furnish) -> Matrix:
    house = furnish(access={"requests": True}, server={"behind_proxy": True})
    home = house.who.tenant
    other = house.accounts.create_tenant("other").id
    made = Matrix(house=house, home=home, other=other, colleague=new_id("user"))
    with house.database.transaction(home) as tx:
        add_person(tx, made.colleague, role=Role.CREATOR)
        for role in Role:
            made.people[role] = new_id("user")
            add_person(tx, made.people[role], role=role)
    for role in Role:
        made.sign_in(role)
    return made


def kinds_in(route: DeclaredRoute) -> list[str]:
    return [kind_of(route.path, name) for name in _PARAMETER.findall(route.path)]


def has_object(route: DeclaredRoute) -> bool:
    kinds = kinds_in(route)
    return bool(kinds) and all(kind in MAKERS for kind in kinds)


def path_of(matrix: Matrix, route: DeclaredRoute, role: Role, relation: str, *, fresh: bool) -> str:
    def value(found: re.Match[str]) -> str:
        if not has_object(route):
            return OF_NOBODY[route.path]
        return matrix.object_of(kind_of(route.path, found[1]), role, relation, fresh=fresh)

    return _PARAMETER.sub(value, route.path)


def sign_of(route: DeclaredRoute, answer: Any) -> str:
    assert answer.status_code < 500, (route, answer.status_code, answer.text[:500])
    assert route.access is not None
    to_login = answer.headers.get("location", "").startswith("/login?back=")
    if route.access.needs_principal:
        assert answer.status_code != 401 or route.path in PROVES_AGAIN, route
        assert not to_login, route
    if answer.status_code < 400:
        return "+"
    return {403: "-", 404: "0"}.get(answer.status_code, "~")


def ask(matrix: Matrix, client: TestClient, route: DeclaredRoute, role: Role, relation: str) -> str:
    is_safe = route.method == "GET"
    assert route.access is not None
    may_change = not is_safe and route.access.allows(ROLES[role].scopes)
    path = path_of(matrix, route, role, relation, fresh=may_change)
    headers = {"cookie": f"{COOKIE}={matrix.sessions[role]}", "sec-fetch-site": "same-origin"}
    sent = BODIES.get(f"{route.method} {route.path}", BODY)
    body = {} if is_safe else {"json": sent} if route.path.startswith("/v1/") else {"data": sent}
    if not route.path.startswith("/v1/"):
        headers["accept"] = "text/html"
    answer = client.request(route.method, path, headers=headers, **body)  # type: ignore[arg-type]
    client.cookies.clear()
    if route.path == "/logout":
        matrix.sign_in(role)
    return sign_of(route, answer)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_route_answers_every_role_as_the_table_says(matrix: Matrix, part: int) -> None:
    routes = {f"{one.method} {one.path}": one for one in declared_routes(matrix.house.app)}
    found: dict[str, str] = {}
    wrong: list[str] = []
    with TestClient(matrix.house.app, follow_redirects=False) as client:
        for name, route in routes.items():
            if crc32(route.path.encode()) % PARTS != part:
                continue
            groups, made = [], has_object(route)
            for relation in RELATIONS:
                if not made and relation != "own":
                    groups.append(" " * len(Role))
                    continue
                groups.append("".join(ask(matrix, client, route, role, relation) for role in Role))
            found[name] = f"{'  '.join(groups)}   {name}"
            assert route.access is not None
            if made and route.access.needs_principal:
                # Nobody does anything with what another tenant has.
                done = "+" in groups[RELATIONS.index("other")]
                if done != (route.path in NOT_ABOUT_ITS_OBJECT):
                    wrong.append(found[name])
            if route.access.needs_principal:
                for role, sign in zip(Role, groups[0], strict=True):
                    if sign != "-" and not route.access.allows(ROLES[role].scopes):
                        wrong.append(f"{role}: {found[name]}")
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    recorded = {" ".join(line.split()[-2:]): line for line in lines}
    if os.environ.get("SAFELIGHT_RECORD"):
        both = recorded | found
        recorded = {name: both[name] for name in routes if name in both}
        TABLE.write_text(HEAD + "".join(f"{line}\n" for line in recorded.values()))
    assert wrong == []
    before = [recorded.get(name, "") for name in found]
    changes = unified_diff(before, list(found.values()), lineterm="", n=0)
    assert before == list(found.values()), "\n".join(changes)
    assert recorded.keys() <= routes.keys(), "The table has routes that do not exist."


def test_the_vault_is_for_the_vault_officer(matrix: Matrix) -> None:
    with matrix.house.database.transaction(matrix.home) as tx:
        video = add_video(tx, quarantined=True)
        hold = NewCase(
            video_id=video,
            kind=CaseKind.HOLD,
            stage=Stage.PROMPT,
            due_at=tx.now() + 900,
            category="sexual",
            quarantined=True,
        )
        case = open_case(tx, hold, actor="policy")
    with TestClient(matrix.house.app) as client:
        for role in Role:
            headers = {"cookie": f"{COOKIE}={matrix.sessions[role]}"}
            status = client.get(f"/review/{case.id}", headers=headers).status_code
            decides = KeyScope.REVIEW in ROLES[role].scopes
            assert status == (200 if role is Role.VAULT_OFFICER else 404 if decides else 403), role


#: What only the requester and the vault officer read: a word of the prompt, and what quotes it.
SECRET = "zanzibar"
#: Where the prompt or the evidence of a video can be read; `{id}` stands for the video.
READERS = (
    "/v1/videos",
    "/v1/videos/{id}",
    "/v1/videos/{id}/events",
    "/v1/videos/{id}/record",
    "/v1/safelight/attempts",
    "/v1/safelight/statements?video_id={id}",
    "/videos",
    "/videos/{id}",
    "/videos/{id}/appeal",
    "/videos/{id}/statements",
    "/?from={id}",
    "/advice?from={id}",
    "/advice/try/{id}",
)


@pytest.mark.parametrize("lock", ["quarantined", "vaulted", ""])
def test_a_locked_prompt_is_for_its_requester_and_the_vault_officer(matrix: Matrix, lock: str) -> None:
    creator = matrix.people[Role.CREATOR]
    found = seen("sexual", span=(0, 8), reason=f"It says {SECRET}.", word=SECRET)
    verdict = decided("prompt", found)
    with matrix.house.database.transaction(matrix.home) as tx:
        video = add_video(
            tx,
            principal_id=creator,
            prompt=f"a lake in {SECRET}",
            state="rejected",
            accepted_at=tx.now(),
            ended_at=tx.now(),
            error_code="sentinel_block",
            error_message=f"It says {SECRET}.",
            explanation=canonical_json.encode(
                {"stage": "prompt", "group": "sexual", "rule": "r-1", "reason": SECRET, "evidence": [SECRET]}
            ),
        )
        result = StageResult(stage=Stage.PROMPT, verdict=verdict, findings=(found,), coverage=Coverage())
        record_stage(tx, video, result)
        tx.update(videos, videos.c.id == video, **{one: one == lock for one in ("quarantined", "vaulted")})
        ground = DecisionGround(basis=GroundBasis.CATEGORY, reason=f"It says {SECRET}.")
        statement = NewStatement(
            kind=StatementKind.BLOCKED,
            source=StatementSource.POLICY,
            ground=ground,
            automated_detection=True,
            automated_decision=True,
            account=creator,
            video_id=video,
            stage=Stage.PROMPT,
        )
        record_statement(tx, statement)
    with TestClient(matrix.house.app, follow_redirects=False) as client:
        for role in Role:
            if KeyScope.VIDEOS_READ not in ROLES[role].scopes:
                continue
            headers = {"cookie": f"{COOKIE}={matrix.sessions[role]}"}
            texts = {path: client.get(path.format(id=video), headers=headers).text for path in READERS}
            may_read = not lock or role in (Role.CREATOR, Role.VAULT_OFFICER)
            shown = [path for path, text in texts.items() if SECRET in text]
            assert bool(shown) == may_read, (role, shown)
            assert ("/v1/videos/{id}" in shown) == may_read, role
            assert video in texts["/v1/videos/{id}"]
            search = client.get(f"/videos?q={SECRET}", headers=headers).text
            is_found = not lock or (lock == "quarantined" and may_read)
            assert (f"/videos/{video}" in search) == is_found, role
