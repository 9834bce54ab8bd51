"""An innocent prompt that a provider refuses: why, a suggestion, a try with its price, the video, the loss.

The provider is simulated: its filter refuses a rooftop at night, and it charges for what it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from safelight_lab.simulation.hidden_filter import HiddenFilter
from safelight_lab.simulation.simulated_provider import ProviderBehaviour, SimulatedProvider, make_upstream
from support.gateway_process import Running, safelight, started

from .conftest import expect_no_page_errors, sign_in

pytestmark = pytest.mark.browser

MODEL = "simulated-1"
PROMPT = "A person standing alone on a rooftop at night, looking down at the city"
#: Longest time for a video on a busy machine.
MADE_MS = 90_000


def refuses(prompt: str) -> float:
    return 20.0 if "rooftop" in prompt and "night" in prompt else -20.0


@pytest.fixture(scope="module")
def refusing_gateway(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    safelight(
        *("waivers", "add", "tests", "--by", "the tests", "--reason", "no model sees it"),
        *("--category", "*", "--loopback-only"),
        folder=folder,
    )
    hidden = HiddenFilter(score=refuses, mean=0.0, spread=1.0, threshold=0.0, noise=0.0)
    behaviour = ProviderBehaviour(price=0.1, output_share=1.0, refund_share=0.0)
    provider = SimulatedProvider(hidden=hidden, behaviour=behaviour, clock=lambda: 0.0)
    with make_upstream(provider, MODEL, host="127.0.0.1", port=0) as upstream:
        generator = {
            "kind": "videos_api",
            "url": upstream.url,
            "models": [MODEL],
            "billing": "paid",
            "seconds": [4, 8],
            "sizes": ["640x360"],
            "usd_per_second": 0.1,
        }
        settings = {
            "SAFELIGHT_GENERATORS": json.dumps({"simulated": generator}),
            "SAFELIGHT_GENERATION__DEFAULT_GENERATOR": "simulated",
        }
        with started(folder, "", **settings) as gateway:
            yield gateway


@pytest.fixture
def page(refusing_gateway: Running, browser: Browser) -> Iterator[Page]:
    """The studio, signed in."""
    context = browser.new_context(storage_state=sign_in(refusing_gateway), reduced_motion="reduce")
    opened = context.new_page()
    with expect_no_page_errors(opened):
        opened.goto(refusing_gateway.address)
        yield opened


def test_a_refused_prompt_is_changed_tried_made_in_full_and_its_charge_is_a_loss(page: Page) -> None:
    page.locator("#prompt").fill(PROMPT)
    page.locator("#request button.main").click()
    expect(page.locator("#outcome h2")).to_have_text("Blocked by the provider.", timeout=MADE_MS)
    page.goto(
        f"{page.url.partition('/?')[0]}/videos/{page.locator('#outcome article').get_attribute('data-video')}"
    )
    rows = page.locator("#outcome dl.rows").first
    expect(rows).to_contain_text("the provider's filter")
    expect(rows).to_contain_text("The generator charged $0.40.")
    page.get_by_role("link", name="Why, and what to change").click()
    page.locator("#advice button.main").click()
    expect(page.locator("#answer")).to_contain_text("rooftop")
    page.get_by_role("button", name="Apply and check").first.click()
    expect(page.locator("#applied del").first).to_be_visible()
    expect(page.locator("#try")).to_contain_text(f"4 s with {MODEL}: about $0.40.")
    page.get_by_role("button", name="Try it once").click()
    page.wait_for_url("**/advice/try/*")
    expect(page.locator("#outcome")).not_to_contain_text("rooftop at night")
    full = page.get_by_role("button", name="Make the full video")
    full.wait_for(timeout=MADE_MS)
    expect(page.locator("select[name=seconds]")).to_contain_text("8 s: about $0.80")
    full.click()
    page.wait_for_url("**/videos/*")
    delivered = page.locator("#outcome video")
    delivered.wait_for(timeout=MADE_MS)
    page.goto("/".join([*page.url.split("/")[:3], "attempts"]))
    expect(page.get_by_role("row").filter(has_text="refused by the provider")).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="passed")).to_have_count(2)
    expect(page.locator(".losses dd")).to_have_text("$0.40")
