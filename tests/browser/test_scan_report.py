from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from safelight.policy.findings import SHIPPED, Modality
from safelight.policy.verdicts import Action
from safelight.screening.file_scan import TranscriptLine
from safelight.web.console.scan_report import render_scan_report
from safelight.web.translations import load_languages
from support.scan_reports import INSTALLED, finding, report

pytestmark = pytest.mark.browser


def still() -> bytes:
    made = BytesIO()
    Image.new("RGB", (320, 192), (120, 90, 60)).save(made, "WEBP")
    return made.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    reports = [
        report(
            finding("violence"),
            finding("hate", modality=Modality.AUDIO, score=0.4),
            stills={"violence": still()},
            transcript=(TranscriptLine(text="Hello there", start_s=1, end_s=2),),
        ),
        report(action=Action.ALLOW, name="allowed.mp4", sheet=still()),
        report(name="broken.mp4", verdict=None, problem="It is damaged."),
    ]
    path = tmp_path / "report.html"
    path.write_text(
        render_scan_report(
            reports,
            translations=load_languages()["en"],
            taxonomy=SHIPPED,
            installed=INSTALLED,
            not_scanned=1,
        ),
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(("width", "colours"), [(1180, "light"), (390, "dark")])
def test_the_report_is_self_contained_readable_and_fits(
    browser: Browser, file: Path, width: int, colours: str, axe: str
) -> None:
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if colours == "dark" else "light"
    )
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.locator(".previews img").first.is_visible()
    assert page.locator(".verdict, .lead, .file-report > p").evaluate_all(
        "all => all.every(one => one.checkVisibility())"
    )
    for summary in (".more > summary", ".more details > summary"):
        page.locator(summary).first.focus()
        page.keyboard.press("Enter")
    assert page.locator(".previews img").first.is_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    assert page.evaluate(Path(__file__).with_name("contrast.js").read_text()) == []
    context.close()
    # axe needs a context that bypasses the page's Content-Security-Policy.
    context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(file.as_uri())
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    context.close()


def test_the_report_of_twenty_clips_has_a_strip_for_each_and_is_at_most_9000_pixels_high(
    browser: Browser, tmp_path: Path
) -> None:
    clips = [report(finding("violence"), name=f"{number}.mp4", sheet=still()) for number in range(20)]
    path = tmp_path / "twenty.html"
    path.write_text(
        render_scan_report(clips, translations=load_languages()["en"], taxonomy=SHIPPED, installed=INSTALLED),
        encoding="utf-8",
    )
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollHeight") <= 9000
    assert (
        page.locator("svg.strip").evaluate_all("all => all.filter(one => one.checkVisibility()).length") == 20
    )
    context.close()


def test_the_report_prints_in_light_colours(browser: Browser, file: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(file.as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert len(page.pdf()) > 10_000
    context.close()
