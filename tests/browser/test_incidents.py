"""The pages of incidents in a browser: a narrow screen, and the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from support.console_server import ConsoleServer
from support.videos import add_video


@pytest.mark.parametrize("width", [1440, 390])
def test_an_incident_is_opened_and_closed_by_keyboard(
    staff: Page, console: ConsoleServer, width: int
) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        video = add_video(tx)
    staff.set_viewport_size({"width": width, "height": 844})
    staff.goto(f"{console.server.url}/compliance/incidents")
    staff.locator("select[name=kind]").focus()
    staff.keyboard.press("c")  # checks that did not run
    staff.locator("input[name=began]").fill("2026-11-01T09:15")
    staff.locator("input[name=videos]").fill(video)
    staff.locator("textarea[name=done]").focus()
    staff.keyboard.type("The model was installed.")
    staff.keyboard.press("Tab")
    staff.keyboard.press("Enter")
    expect(staff.get_by_role("heading", level=1)).to_have_text("checks that did not run")
    assert staff.evaluate("document.documentElement.scrollWidth") <= width
    close = staff.locator("button[value=close]")
    close.focus()
    staff.keyboard.press("Enter")
    expect(close).to_have_count(0)
    staff.goto(f"{console.server.url}/compliance/incidents")
    expect(staff.locator("tbody tr").first).to_contain_text("closed")
    assert staff.evaluate("document.documentElement.scrollWidth") <= width
