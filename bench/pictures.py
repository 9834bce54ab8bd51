"""Draws the pictures of the web pages in docs/pictures again, from a gateway that it starts.

python bench/pictures.py [--only console-studio scan-report] [--chromium /usr/bin/chromium]
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.gateway_process import Running, safelight, started

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH = 1280
#: A video that is still in progress after this time hangs.
CREATE_TIMEOUT_S = 300
#: States of which no page is drawn.
ENDED_OTHERWISE = ("failed", "rejected", "withdrawn")
HELD_PROMPT = "A letter on a desk with the card number 4111 1111 1111 1111"
TEST_CARD = "frame:violence@1.0s"
PROMPT = "A woman in a red coat walks along a beach at golden hour"
ERROR = '{"error": {"code": "moderation_blocked", "message": "Your request was blocked by our moderation."}}'
POLICY = 'policy: house\nversion: "1"\nextends: starter\nrules:\n  - {id: pv-1, action: block}\n'


class Console:
    """The pages of a running gateway with a delivered, a held and a blocked video."""

    def __init__(self, gateway: Running, page: Page) -> None:
        self._gateway = gateway
        self._page = page
        self._api = httpx.Client(
            base_url=gateway.address,
            headers={"authorization": f"Bearer {gateway.key}"},
            timeout=60,
            trust_env=False,
        )
        self._delivered = self._create(PROMPT)
        self._blocked = self._create("A calm lake at dusk", test_card=TEST_CARD)
        self._create(HELD_PROMPT)
        self._clip = gateway.folder / "clip.mp4"
        self._clip.write_bytes(self._api.get(f"/v1/videos/{self._delivered}/content").content)

    def studio(self) -> None:
        self._page.goto(self._gateway.address)
        self._page.locator("#prompt").fill("Taylor Swift walks along a beach at golden hour")
        self._page.wait_for_selector("#checks .reasons")

    def record(self) -> None:
        self._page.goto(f"{self._gateway.address}/videos/{self._blocked}")

    def review(self) -> None:
        self._page.goto(f"{self._gateway.address}/videos/{self._delivered}/report")
        self._page.get_by_label("It shows me or another real person without consent").check()
        self._page.get_by_label("Details").fill("This is me, and I was not asked.")
        self._page.get_by_role("button", name="Send report").click()
        self._page.goto(f"{self._gateway.address}/review")
        self._page.locator("a[data-row]", has_text="Reported").first.click()
        self._page.wait_for_url("**/review/case_*")

    def verify(self) -> None:
        self._page.goto(f"{self._gateway.address}/verify")
        self._page.locator("#file").set_input_files(self._clip)
        self._page.wait_for_selector("#result article")

    def decode(self) -> None:
        self._page.goto(f"{self._gateway.address}/explain-error")
        self._page.locator("textarea").fill(ERROR)
        self._page.locator("main button.main").click()
        self._page.wait_for_selector(".verdict")

    def coverage(self) -> None:
        self._page.goto(f"{self._gateway.address}/coverage?cell=violence/graphic/frames")

    def policy(self) -> None:
        self._page.goto(f"{self._gateway.address}/policy?edit=1")
        self._page.locator("#document").fill(POLICY)
        self._page.locator("button[value=replay]").click()
        self._page.wait_for_selector("#findings .changes", timeout=60_000)

    def scan_report(self) -> None:
        # The gateway holds its own data directory.
        folder = self._gateway.folder / "scan"
        folder.mkdir(exist_ok=True)
        card, report = folder / "card.mp4", folder / "report.html"
        self._render_card(card)
        arguments = ("scan", str(card), "--html", str(report), "--language", "en", "--json")
        try:
            safelight(*arguments, folder=folder)
        except RuntimeError:
            # The exit code of a blocked file is not 0.
            if not report.is_file():
                raise
        self._page.goto(report.as_uri())

    def _render_card(self, path: Path) -> None:
        from safelight.providers.protocol import GenerationRequest
        from safelight_storyboard import create

        request = GenerationRequest(
            key="card",
            model="storyboard",
            prompt="A calm lake at dusk",
            seconds=4,
            width=640,
            height=360,
            extra={"test_card": TEST_CARD},
        )
        create({}).render(request, path, lambda _percent: None)

    def _create(self, prompt: str, **extra: str) -> str:
        """The id of a video that is delivered, held or blocked; `RuntimeError` if it ends otherwise."""
        fields = {"prompt": prompt, "seconds": "4", "size": "640x360", **extra}
        created = self._api.post("/v1/videos", data=fields).raise_for_status().json()["id"]
        until = time.monotonic() + CREATE_TIMEOUT_S
        state = ""
        while time.monotonic() < until:
            answer = self._api.get(f"/v1/videos/{created}").raise_for_status()
            state = answer.json()["safelight"]["state"]
            if state in ("delivered", "held", "blocked"):
                return str(created)
            if state in ENDED_OTHERWISE:
                break
            time.sleep(1)
        raise RuntimeError(f"The video of the prompt {prompt!r} is {state}, see {self._gateway.log}.")


@contextmanager
def gateway_with_waiver(folder: Path) -> Iterator[Running]:
    waiver = ("waivers", "add", "demo", "--by", "Ada Example", "--reason", "A first look")
    safelight(*waiver, "--category", "*", "--loopback-only", folder=folder)
    key = json.loads(safelight("keys", "create", "demo", "--json", folder=folder))["key"]
    with started(folder, key) as gateway:
        yield gateway


def save(page: Page, name: str, *, height: int) -> None:
    """The page up to a height, as WebP."""
    page.wait_for_timeout(500)
    page.evaluate("scrollTo(0, 0)")
    page.set_viewport_size({"width": WIDTH, "height": height})
    shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").save(PICTURES / f"{name}.webp", quality=86, method=6)
    print(f"{name}: {shot.width} x {shot.height}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        gateway_with_waiver(Path(folder)) as gateway,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=arguments.chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 900},
            color_scheme="dark",
            reduced_motion="reduce",
            locale="en",
        )
        page.goto(gateway.login)
        page.locator("main button.main").click()
        page.wait_for_url(f"{gateway.address}/")
        console = Console(gateway, page)
        pictures: dict[str, tuple[Callable[[], None], int]] = {
            "console-studio": (console.studio, 900),
            "console-record": (console.record, 1380),
            "console-review": (console.review, 1000),
            "console-verify": (console.verify, 900),
            "console-decode": (console.decode, 900),
            "console-coverage": (console.coverage, 900),
            "console-policy": (console.policy, 900),
            "scan-report": (console.scan_report, 1330),
        }
        for name, (show, height) in pictures.items():
            if not arguments.only or name in arguments.only:
                page.set_viewport_size({"width": WIDTH, "height": 900})
                show()
                save(page, name, height=height)
        browser.close()


if __name__ == "__main__":
    main()
