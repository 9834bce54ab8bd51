"""The pages of a console with an empty database, in Chromium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from safelight.store.database import Database
from safelight.store.migrations import migrate

from .console_server import ConsoleServer, run_console_server


@contextmanager
def open_console(chromium: str) -> Iterator[tuple[ConsoleServer, Page]]:
    """A running console and an empty page. `chromium` is the path of the browser."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        database = Database(f"sqlite:///{folder / 'db.sqlite3'}")
        migrate(database)
        database.close()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with run_console_server(folder, folder / "db.sqlite3") as console:
            yield console, browser.new_page()
        browser.close()
