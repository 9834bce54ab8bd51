"""A server with the pages, once per file of tests, and browsers without JavaScript."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from safelight.accounts import OPERATOR, KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.people import NewPerson, Person
from safelight.core.ids import new_id
from safelight.web.auth import COOKIE
from support.console_server import STAFF, ConsoleServer, run_console_server
from support.fake_api_server import Live
from support.people import PASSWORD, one_time_code

NUMBERS = count()
#: Enrols a new person with this role, who is signed in.
SignIn = Callable[[Role], httpx.Client]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[ConsoleServer]:
    """A server with all console services."""
    folder = tmp_path_factory.mktemp("console")
    database = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with run_console_server(folder, database) as running:
        yield running


def browser(url: str, **options: bool) -> httpx.Client:
    """A browser without JavaScript and without a session. It follows redirects."""
    headers = {
        "accept": "text/html,application/xhtml+xml",
        "origin": url,
        "user-agent": "Test <b>browser</b>",
    }
    options = {"follow_redirects": True, **options}
    return httpx.Client(base_url=url, headers=headers, timeout=30, verify=False, **options)


@contextmanager
def sign_in_as(
    server: Live, name: str = "Ada", *, tenant: str = "", scopes: frozenset[KeyScope] = STAFF
) -> Iterator[httpx.Client]:
    """The browser of a new person, who is signed in with a link."""
    person = Principal(
        tenant=tenant or server.tenant,
        id=new_id("user"),
        kind=PrincipalKind.PERSON,
        name=name,
        scopes=scopes,
    )
    with browser(server.url) as client:
        answer = client.post("/login", data={"token": server.accounts.create_login_link(person)})
        assert COOKIE in client.cookies, answer.text
        yield client


@pytest.fixture
def stranger(console: ConsoleServer) -> Iterator[httpx.Client]:
    with browser(console.server.url) as client:
        yield client


@pytest.fixture
def staff(console: ConsoleServer, stranger: httpx.Client) -> httpx.Client:
    assert stranger.post("/login", data={"token": console.staff_login()}).url.path == "/"
    return stranger


def create_video(client: httpx.Client, prompt: str) -> str:
    """The id of a video that is requested on the page."""
    page = client.post("/", files={"prompt": (None, prompt), "provider": (None, "veo")})
    return page.url.path.rpartition("/")[2]


@pytest.fixture
def operator(console: ConsoleServer) -> Principal:
    return Principal(
        tenant=console.server.tenant,
        id=OPERATOR,
        kind=PrincipalKind.PERSON,
        name="operator",
        scopes=frozenset(KeyScope),
    )


@pytest.fixture
def open_browser(console: ConsoleServer) -> Iterator[Callable[[], httpx.Client]]:
    """Makes browsers that follow no redirects, each with its own cookies."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(browser(console.server.url, follow_redirects=False))


def accept(client: httpx.Client, path: str) -> tuple[httpx.Response, str]:
    """Accept an invitation as a person would. Returns the page of recovery codes, and the TOTP secret."""
    shown = client.get(path).text
    (secret,) = re.findall(r'<code class="long">([A-Z2-7 ]{39})</code>', shown)
    (sealed,) = re.findall(r'name="secret" value="([0-9a-f]+)"', shown)
    secret = secret.replace(" ", "")
    form = {"secret": sealed, "password": PASSWORD, "code": one_time_code(secret)}
    return client.post("/invitation", data={"token": path.partition("token=")[2], **form}), secret


#: Enrols a person with a role, an owner unless it is given. Returns the browser in which the person is signed
#: in, the person, and the recovery codes, with which they can sign in again at once.
Enrol = Callable[..., tuple[httpx.Client, Person, list[str]]]


@pytest.fixture
def enrol(console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]) -> Enrol:
    def make(role: Role = Role.OWNER) -> tuple[httpx.Client, Person, list[str]]:
        client, email = open_browser(), f"person{next(NUMBERS)}@example.com"
        invitation = console.people.add(operator, NewPerson(name="Ada <b>", email=email, role=role))
        page, _ = accept(client, invitation.path)
        codes = re.findall(r"<li><code>([-a-z0-9]{19})</code></li>", page.text)
        assert (page.status_code, len(codes)) == (200, 10)
        return client, invitation.person, codes

    return make


@pytest.fixture
def sign_in(enrol: Enrol) -> SignIn:
    return lambda role: enrol(role)[0]
