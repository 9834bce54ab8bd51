"""The slider of a point on the coverage page: live counts, one keyboard, nothing set before the button."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.console_server import ConsoleServer
from support.decided_videos import add_decided, add_judged, text_coverage
from support.verdicts import seen

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def history(console: ConsoleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.server.desk, "coverage", lambda: text_coverage("sexual"))
    with console.database.transaction(console.server.tenant) as tx:
        for action in ("approve", "refuse"):
            add_decided(tx, 0.9, action)
        add_judged(tx, seen("sexual", 0.93))
        add_judged(tx)


def test_the_slider_counts_while_it_moves_and_sets_a_point_with_the_button(
    staff: Page, console: ConsoleServer
) -> None:
    staff.goto(f"{console.server.url}/coverage")
    staff.locator(".coverage-map a").click()
    form = staff.locator("[data-point]:has([value='sx-1'])")
    slider, number = form.locator("[type=range]"), form.locator("[type=number]")
    expect(slider).to_be_visible()
    slider.fill("0.92")
    expect(number).to_have_value("0.92")
    expect(staff.locator("#tried")).to_contain_text("sx-1 from 0.92: 2 of the last")
    expect(staff.locator("#tried")).to_contain_text("1 would then be right, 1 would then be wrong")
    slider.press("End")
    expect(staff.locator("#tried")).to_contain_text("sx-1 from 0.95: 3 of the last")
    number.fill("7")
    expect(slider).to_have_value("0.95")
    expect(staff.locator("#tried")).to_contain_text("sx-1 from 0.95")
    number.fill("0.95")
    for width in (390, 1440):
        staff.set_viewport_size({"width": width, "height": 900})
        assert staff.evaluate("document.documentElement.scrollWidth") <= width
    assert console.policies.list(console.server.tenant) == ()
    staff.get_by_role("button", name="Set sx-1 to 0.95").click()
    expect(staff.locator("main [role=status]")).to_contain_text("Version 1 is now in force.")
    (published,) = console.policies.list(console.server.tenant)
    assert published.name == "house"


def test_the_points_are_accessible(staff: Page, console: ConsoleServer, axe: str) -> None:
    staff.goto(f"{console.server.url}/coverage?cell=sexual/text&rule=sx-1&score=0.95")
    expect(staff.locator("#tried")).to_contain_text("sx-1 from 0.95")
    staff.evaluate(axe)
    result: dict[str, Any] = staff.evaluate("() => axe.run(document)")
    assert [one["id"] for one in result["violations"] if one["impact"] in {"serious", "critical"}] == []
