"""Chromium, and the desk's server with every part the pages need."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from left_out import leave_out
from paged import Paged, paged

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
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def rooms(chromium: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Paged]:
    folder = tmp_path_factory.mktemp("rooms")
    database = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with paged(folder, database) as running:
        yield running


@pytest.fixture
def staff(rooms: Paged, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of somebody signed in; `request.param` is the browser's language. It must not complain."""
    problems: list[str] = []
    context = browser.new_context(locale=getattr(request, "param", "en"), reduced_motion="reduce")
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
    )
    page.goto(rooms.staff_login())
    page.locator("main button.main").click()
    page.wait_for_url(f"{rooms.server.url}/")
    yield page
    context.close()
    assert problems == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker."""
    if not AXE.is_file():
        leave_out("axe-core", "run `npm ci` in tests/browser/node")
    return AXE.read_text(encoding="utf-8")
