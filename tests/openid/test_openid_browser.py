"""Sign-in and sign-out in Chromium, with the provider on another site than the gateway."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Route, sync_playwright

from support.openid_installation import Installation
from support.openid_server import BASE_URL


def test_a_browser_keeps_the_session_after_the_way_over_another_site(
    installation: Installation, chromium: Path
) -> None:
    # Sites do not differ by port: the gateway is `localhost`, the provider 127.0.0.1.
    own = installation.server.url.replace("127.0.0.1", "localhost")
    installation.openid.next(installation.invite()[1])

    def lead_to_the_test(route: Route) -> None:
        route.fulfill(status=302, headers={"location": route.request.url.replace(BASE_URL, own)})

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.route(f"{BASE_URL}/**", lead_to_the_test)
        page.goto(f"{own}/review")
        page.get_by_role("link", name="Sign in with Example account").click()
        page.wait_for_url(f"{own}/review", timeout=30_000)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{installation.openid.issuer}/session/end?**", timeout=30_000)
        page.get_by_role("button").first.click()
        page.wait_for_url(f"{own}/login", timeout=30_000)
        page.goto(f"{own}/review")
        page.wait_for_url(f"{own}/login?**", timeout=30_000)
        browser.close()
