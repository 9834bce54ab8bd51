"""The pages for reports without an account."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from support.console_server import ConsoleServer

pytestmark = pytest.mark.browser


def test_axe_finds_nothing_on_the_forms(stranger: Page, console: ConsoleServer, axe: str) -> None:
    for path in ("/report", "/report/intimate"):
        stranger.goto(console.server.url + path)
        stranger.evaluate(axe)
        for scheme, width in (("light", 1440), ("dark", 390)):
            stranger.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            stranger.set_viewport_size({"width": width, "height": 900})
            result = stranger.evaluate("() => axe.run(document)")
            assert [one["id"] for one in result["violations"]] == []
            assert stranger.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
