"""Chromium, the real gateway (once per session), and a fake server with all console services."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

from safelight.detectors.protocol import DetectorPlugin
from safelight.media.sandbox.sandbox import Sandbox
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from support.console_server import ConsoleServer, run_console_server
from support.gateway_process import Running, running
from support.house import furnishing
from support.keyboard_user import KeyboardUser, translations_for
from support.optional_tools import leave_out
from support.site import Site, open_site

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
AXE = Path(__file__).with_name("node") / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    # Long timeout for a busy machine.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def gateway(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


@pytest.fixture(scope="session")
def signed_in(gateway: Running) -> StorageState:
    return sign_in(gateway)


def sign_in(gateway: Running) -> StorageState:
    """Cookies of a session; the one-time login link is used up."""
    token = gateway.login.rpartition("token=")[2]
    answer = httpx.post(
        f"{gateway.address}/login",
        data={"token": token},
        headers={"origin": gateway.address, "accept": "text/html"},
        # On a busy machine the first answer takes longer than the five seconds of httpx.
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 303
    ((name, value),) = answer.cookies.items()
    host, _, _ = gateway.address.rpartition("//")[2].partition(":")
    return {
        "cookies": [
            {
                "name": name,
                "value": value,
                "domain": host,
                "path": "/",
                "expires": -1,
                "httpOnly": True,
                "secure": False,
                "sameSite": "Strict",
            }
        ],
        "origins": [],
    }


@contextmanager
def expect_no_page_errors(page: Page) -> Iterator[None]:
    """Fails on page errors and Content-Security-Policy violations."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
    )
    yield
    page.context.close()
    assert problems == []


@pytest.fixture
def page(gateway: Running, browser: Browser, signed_in: StorageState) -> Iterator[Page]:
    """The studio of the real gateway, signed in."""
    opened = browser.new_context(storage_state=signed_in).new_page()
    with expect_no_page_errors(opened):
        opened.goto(gateway.address)
        yield opened


@pytest.fixture
def user(
    gateway: Running, browser: Browser, signed_in: StorageState, axe: str, request: pytest.FixtureRequest
) -> Iterator[KeyboardUser]:
    """A keyboard user in the studio of the real gateway; `request.param` is the browser's language."""
    locale = getattr(request, "param", "en")
    context = browser.new_context(storage_state=signed_in, locale=locale, reduced_motion="reduce")
    opened = context.new_page()
    with expect_no_page_errors(opened):
        opened.goto(gateway.address)
        yield KeyboardUser(page=opened, t=translations_for(locale), axe=axe)


@pytest.fixture(scope="module")
def console(
    chromium: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[ConsoleServer]:
    folder = tmp_path_factory.mktemp("console")
    database = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with run_console_server(folder, database) as running:
        yield running


@pytest.fixture
def staff(console: ConsoleServer, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the fake server, signed in as staff; `request.param` is the browser's language."""
    context = browser.new_context(locale=getattr(request, "param", "en"), reduced_motion="reduce")
    page = context.new_page()
    with expect_no_page_errors(page):
        page.goto(console.staff_login())
        page.locator("main button.main").click()
        page.wait_for_url(f"{console.server.url}/")
        yield page


@pytest.fixture
def stranger(console: ConsoleServer, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the fake server without a session; `request.param` is the browser's language."""
    context = browser.new_context(locale=getattr(request, "param", "en"), reduced_motion="reduce")
    page = context.new_page()
    with expect_no_page_errors(page):
        yield page


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe, the accessibility checker."""
    if not AXE.is_file():
        leave_out("axe-core", "run `npm ci` in tests/browser/node")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def furnish_site(
    sqlite_template: Path, tmp_path: Path, sandbox: Sandbox, browser: Browser
) -> Iterator[Callable[..., Site]]:
    """Open a house with these detectors and settings, and a waiver for what no model sees, to browsers."""
    shutil.copyfile(sqlite_template, tmp_path / "db.sqlite3")
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database(f"sqlite:///{tmp_path / 'db.sqlite3'}")))
        upstream = stack.enter_context(ScriptedUpstream({"otherwise": {"polls": 0}}))
        furnish = stack.enter_context(furnishing(database, tmp_path, upstream, sandbox, real_media=True))

        def make(*plugins: DetectorPlugin, **settings: Any) -> Site:
            house = furnish(*plugins, **settings)
            house.waive()
            stack.callback(house.container.likeness.close_embedder)
            return stack.enter_context(open_site(house, browser))

        yield make
