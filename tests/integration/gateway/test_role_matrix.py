"""Every route with every role: the table of permissions and what routes declare decide, and nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from safelight.accounts import ROLES, KeyScope, Role
from safelight.accounts.sessions import open_session
from safelight.accounts.store import principal_of_person
from safelight.core.ids import new_id
from safelight.store.tables import people
from safelight.web.auth import COOKIE, PUBLIC
from safelight.web.console.services import ConsoleServices
from support.declared_routes import DeclaredRoute, declared_routes
from support.fake_api_server import Live, live
from support.people import add_person

ENDS_SESSION = frozenset({"/logout"})
OWN_PAGE = {"sec-fetch-site": "same-origin", "accept": "text/html"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("roles")
    shutil.copyfile(sqlite_template, folder / "db.sqlite3")
    with live(folder, folder / "db.sqlite3", pages=ConsoleServices(), metrics_are_open=False) as running:
        yield running


@pytest.fixture(scope="module")
def routes(server: Live) -> tuple[DeclaredRoute, ...]:
    return declared_routes(server.app)


def enrol(server: Live, role: Role) -> str:
    """The id of a new active person with this role."""
    identity = new_id("user")
    with server.database.transaction(server.tenant) as tx:
        add_person(tx, identity, role=role, name="Ada")
    return identity


def sign_in(server: Live, identity: str) -> str:
    """The token of a new session of this person."""
    with server.database.transaction(server.tenant) as tx:
        row = tx.one(people, people.c.id == identity)
        principal = principal_of_person(row) if row is not None else None
        assert principal is not None
        return open_session(tx, principal)[1]


def example(route: DeclaredRoute) -> str:
    """A path of this route with ids of nothing."""
    return re.sub(r"\{[^}]+\}", "nothing", route.path)


def test_every_route_declares_what_it_needs(routes: tuple[DeclaredRoute, ...]) -> None:
    assert len(routes) > 100
    assert [route.path for route in routes if route.access is None] == []


@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_exactly_the_routes_of_its_scopes(
    server: Live, routes: tuple[DeclaredRoute, ...], role: Role
) -> None:
    identity, scopes, wrong = enrol(server, role), ROLES[role].scopes, []
    token = sign_in(server, identity)
    with httpx.Client(base_url=server.url, headers=OWN_PAGE, timeout=60) as client:
        for route in routes:
            assert route.access is not None
            cookies = {"cookie": f"{COOKIE}={token}"}
            status = client.request(route.method, example(route), headers=cookies).status_code
            if route.path in ENDS_SESSION:
                token = sign_in(server, identity)
            reached = status not in (401, 403)
            if reached != route.access.allows(scopes) or status >= 500:
                wrong.append(f"{route.method} {route.path}: {status}")
    assert wrong == []


def test_without_an_account_only_public_routes_answer(
    server: Live, routes: tuple[DeclaredRoute, ...]
) -> None:
    wrong = []
    with httpx.Client(base_url=server.url, headers=OWN_PAGE, timeout=60) as client:
        for route in routes:
            answer = client.request(route.method, example(route))
            to_login = answer.headers.get("location", "").startswith("/login?back=")
            if (answer.status_code == 401 or to_login) == (route.access == PUBLIC):
                wrong.append(f"{route.method} {route.path}: {answer.status_code}")
    assert wrong == []


def test_only_the_owner_manages_people_and_only_the_vault_officer_sees_the_vault() -> None:
    assert {role for role in Role if KeyScope.PEOPLE in ROLES[role].scopes} == {Role.OWNER}
    assert {role for role in Role if KeyScope.VAULT in ROLES[role].scopes} == {Role.VAULT_OFFICER}
    assert set(ROLES) == set(Role)
    for permissions in ROLES.values():
        decides = bool(permissions.scopes & {KeyScope.REVIEW, KeyScope.VAULT})
        assert decides == bool(permissions.review_rank)
