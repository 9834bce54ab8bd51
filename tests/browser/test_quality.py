"""Quality reviews in a browser: a blind case takes one key; the page of results fits and is accessible."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from safelight.cases.quality.models import NewQualityCase, QualityPurpose
from safelight.cases.quality.store import open_quality_case
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged
from support.review_room import Clock, ReviewRoom

pytestmark = pytest.mark.browser


def test_a_blind_case_shows_the_content_alone_and_takes_one_key(
    staff: Page, console: ConsoleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, prompt = console.server.desk, "a brawl on a stage"
    monkeypatch.setattr("support.review_room.TENANT", console.server.tenant)
    stored = ReviewRoom(console.database, Clock()).add_video(prompt)
    video = desk.put(a_video(id=stored, tenant=console.server.tenant, prompt=prompt))
    desk.judgements[video.id] = (judged(card_verdict(CARD)),)
    with console.database.transaction(console.server.tenant) as tx:
        case = open_quality_case(
            tx,
            NewQualityCase(
                purpose=QualityPurpose.SECOND,
                source="case",
                video_id=video.id,
                due_s=900.0,
                category="violence",
                expected="in_policy",
            ),
        )
    assert case is not None
    staff.goto(f"{console.server.url}/review/{case.id}")
    expect(staff.locator("#case")).to_contain_text("You judge the content alone.")
    expect(staff.locator("#case .prompt")).to_have_text("a brawl on a stage")
    expect(staff.locator("#case mark, #case .evidence, #case .lanes, #transcript")).to_have_count(0)
    assert video.id not in staff.content()
    expect(staff.locator(".case-layout")).not_to_contain_text("violence", ignore_case=True)
    staff.keyboard.press("r")
    staff.wait_for_url(f"**decided={case.id}")
    console.carry_out_decisions()
    staff.goto(f"{console.server.url}/review/quality")
    expect(staff.locator("section[aria-labelledby=own]")).to_contain_text("other answer: within the policy")


@pytest.mark.parametrize("staff", ["zh-CN"], indirect=True)
def test_the_page_of_results_is_accessible_and_fits(staff: Page, console: ConsoleServer, axe: str) -> None:
    found: list[str] = []
    staff.goto(f"{console.server.url}/review/quality")
    for name, day in (("since", "2026-01-01"), ("until", "2026-01-02")):
        staff.locator(f"[name={name}]").fill(day)
    staff.locator("form[action='/review/quality/samples'] button").click()
    for scheme, width in (("light", 1440), ("dark", 390)):
        staff.set_viewport_size({"width": width, "height": 900})
        staff.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        staff.goto(f"{console.server.url}/review/quality")
        expect(staff.locator("h1")).to_have_text("审核质量")
        assert staff.evaluate("document.documentElement.scrollWidth") <= width
        staff.evaluate(axe)
        result: dict[str, Any] = staff.evaluate("() => axe.run(document)")
        found += [one["id"] for one in result["violations"] if one["impact"] in {"serious", "critical"}]
    assert found == []
