"""Browser tests of what the pages show: the grid, the coverage map, the palette and the menu of a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from safelight.videos.models import VideoState
from safelight.web.console.render import BACKGROUND_HEADER
from support.console_server import ConsoleServer
from support.fake_api_server import a_video

pytestmark = pytest.mark.browser


def add_video(console: ConsoleServer, prompt: str, **changes: object) -> str:
    video = a_video(tenant=console.server.tenant, prompt=prompt)
    return console.server.desk.put(video, **changes).id


def test_a_card_follows_its_video_and_a_missing_thumbnail_leaves_the_icon(
    staff: Page, console: ConsoleServer
) -> None:
    video = add_video(console, "a grid of cranes", state=VideoState.GENERATING, progress=10)
    staff.goto(f"{console.server.url}/videos?q=cranes")
    card = staff.locator(f"#{video}")
    expect(card).to_contain_text("Generating 10 %")
    card.locator("a").focus()
    with staff.expect_request(lambda asked: asked.headers["accept"] == "text/x-fragment") as refreshed:
        console.server.desk.deliver(video, b"clip")
    # An unattended page does not keep the session open.
    assert BACKGROUND_HEADER in refreshed.value.headers
    expect(card).to_contain_text("Allowed")
    expect(card.locator("a")).to_be_focused()
    # The fake server has no thumbnail.
    expect(card.locator("img")).to_have_js_property("naturalWidth", 0)
    expect(card.locator(".thumb .icon")).to_be_visible()


def test_nothing_below_the_answer_moves_while_the_user_types(staff: Page, console: ConsoleServer) -> None:
    create = staff.locator("#request button.main")
    field, answer = staff.locator("#prompt"), staff.locator("#checks")
    staff.set_viewport_size({"width": 390, "height": 844})
    before, preview = create.bounding_box(), staff.locator("#outcome").bounding_box()
    assert before
    assert preview
    assert preview["y"] > before["y"], "one column on a phone"
    staff.locator("select[name=provider]").select_option("veo")
    for prompt, text in (
        ("A paper boat", "Our policy: allowed"),
        ("A man alone on a rooftop at night, looking down at the city", "provider risk"),
        ("A street with SAFELIGHT-TEST:violence " + "and more words " * 30, "would be blocked"),
    ):
        field.fill(prompt)
        expect(answer).to_contain_text(text)
        assert create.bounding_box() == before
    answer.get_by_role("button", name="All advice").click()
    staff.wait_for_url("**/advice")
    expect(staff.locator("#advice textarea")).to_have_value(re.compile("^A street"))
    expect(staff.locator("#answer")).to_contain_text("Our policy: would be blocked")


def test_a_cell_of_the_coverage_map_shows_its_details(staff: Page, console: ConsoleServer) -> None:
    staff.goto(f"{console.server.url}/coverage")
    detail = staff.locator("#detail")
    expect(detail).to_contain_text("Choose a cell")
    cell = staff.locator("a[href*='cell=violence/graphic/frames']")
    cell.focus()
    staff.keyboard.press("Enter")
    expect(detail.get_by_role("heading", level=2)).to_have_text("Graphic violence: frames")
    expect(detail).to_contain_text("No installed detector")
    expect(cell).to_have_attribute("aria-current", "true")
    assert "cell=violence/graphic/frames" in staff.url
    staff.reload()
    expect(detail).to_contain_text("No installed detector")


def test_the_palette_finds_videos_and_actions(staff: Page, console: ConsoleServer) -> None:
    video = add_video(console, "an umbrella vendor [red] <b>")
    staff.keyboard.press("Control+k")
    staff.keyboard.type("umbrella")
    found = staff.get_by_role("option", name="an umbrella vendor [red] <b>")
    expect(found).to_contain_text("Video")
    staff.keyboard.press("Enter")
    staff.wait_for_url(f"**/videos/{video}")
    staff.keyboard.press("Control+k")
    staff.keyboard.type("held videos")
    expect(staff.get_by_role("option").first).to_contain_text("Action")
    staff.keyboard.press("Enter")
    staff.wait_for_url("**/videos?state=held")


def test_a_phone_has_every_page_in_its_menu(staff: Page, console: ConsoleServer) -> None:
    staff.set_viewport_size({"width": 390, "height": 844})
    staff.goto(f"{console.server.url}/videos")
    navigation = staff.get_by_role("navigation", name="Pages")
    expect(navigation.get_by_role("link", name="Settings")).to_be_hidden()
    menu = navigation.locator("summary")
    menu.focus()
    staff.keyboard.press("Enter")
    navigation.get_by_role("link", name="Settings").click()
    staff.wait_for_url("**/settings")
    expect(menu).to_have_text("Settings", use_inner_text=True)
    assert staff.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_decision_without_a_reason_is_explained_in_the_form(staff: Page, console: ConsoleServer) -> None:
    case = console.hold(add_video(console, "a case without a reason"))
    staff.goto(f"{console.server.url}/review/{case.id}")
    expect(staff.get_by_role("alert")).to_be_hidden()
    staff.keyboard.press("a")
    expect(staff.get_by_role("alert")).to_have_text("Choose a rule or write a reason before you decide.")
    expect(staff.locator("#reason")).to_be_focused()
    staff.keyboard.type("Seen.")
    expect(staff.get_by_role("alert")).to_be_hidden()


def test_only_sizes_of_the_selected_model_can_be_chosen_and_the_waiver_is_in_the_header(staff: Page) -> None:
    expect(staff.get_by_role("radio", name="Landscape, HD 1280 × 720")).to_be_checked()
    staff.get_by_role("radio", name="Landscape, HD 1280 × 720").focus()
    staff.keyboard.press("ArrowRight")
    expect(staff.get_by_role("radio", name="Portrait, HD 720 × 1280")).to_be_checked()
    staff.locator(".waivers summary").click()
    expect(staff.locator(".waivers")).to_contain_text("allowed this service to run without full checks")
