"""A person is asked for a consent, gives it before the camera, sees its use and withdraws it, in browsers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from safelight.console.translations import load_languages
from safelight.detectors.registry import load_plugin
from safelight.i18n import load_messages
from safelight.jobs.models import Video
from safelight.jobs.states import VideoState
from safelight.sandbox.sandbox import Sandbox
from safelight.settings import DPIA_HEADINGS
from safelight.store.database import Database
from safelight.testing.upstream import ScriptedUpstream
from safelight.trust.accounts.permissions import Role
from support.house import furnishing
from support.site import Site, open_site
from support.synthetic_faces import ANN, portrait

pytestmark = pytest.mark.browser
T, C = load_languages()["en"], load_messages("consents", "en")


@pytest.fixture
def browser(chromium: Path, tmp_path: Path) -> Iterator[Browser]:
    """Chromium with a camera that shows Ann."""
    camera = tmp_path / "camera.mjpeg"
    Image.fromarray(portrait(ANN, side=320)).save(camera, "JPEG", quality=95)
    arguments = [
        *("--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"),
        f"--use-file-for-fake-video-capture={camera}",
    ]
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture
def site(
    sqlite_database: Database,
    tmp_path: Path,
    upstream: ScriptedUpstream,
    forking_sandbox: Sandbox,
    browser: Browser,
) -> Iterator[Site]:
    dpia = tmp_path / "dpia.md"
    dpia.write_text("\n\n".join(f"{heading}\n\nAs agreed." for heading in DPIA_HEADINGS), encoding="utf-8")
    likeness = {"enabled": True, "legal_basis": "Explicit consent, Art. 9(2)(a) GDPR", "dpia": str(dpia)}
    with furnishing(sqlite_database, tmp_path, upstream, forking_sandbox) as furnish:
        house = furnish(load_plugin("faces"), likeness=likeness)
        house.waive()
        with open_site(house, browser) as opened:
            yield opened
        house.container.pipeline.likeness.close_embedders()


def request_video(site: Site, page: Page, picture: Path, prompt: str) -> Video:
    """Request a video from this picture in the Studio."""
    page.goto(site.address)
    page.locator("[name=input_reference]").set_input_files(picture)
    page.locator("#prompt").fill(prompt)
    page.locator("#prompt").press("Control+Enter")
    expect(page.locator("#outcome .prompt")).to_contain_text(prompt)
    video_id = page.locator("#outcome article").get_attribute("data-video")
    # If the picture was not screened within the time of the request, the next step does it.
    return site.house.carry(site.house.videos.get(site.house.who, str(video_id)))


def test_a_consent_is_given_on_camera_used_and_withdrawn(site: Site, tmp_path: Path) -> None:
    cleo, ben = site.enroll("cleo", Role.CREATOR), site.enroll("ben", Role.REVIEWER)
    reference = tmp_path / "ann.png"
    Image.fromarray(portrait(ANN, side=340, brightness=0.9)).save(reference)
    asker = site.visit("/consents", who=cleo)
    for field, text in {
        "subject": "Ann",
        "email": "ann@example.org",
        "asker": "Studio North",
        "uses": "one film",
        "territory": "world",
    }.items():
        asker.locator(f"[name={field}]").fill(text)
    # The Studio does not state whether a video is for sale, so the consent must cover that.
    asker.locator("[name=commercial]").check()
    asker.locator("form[action='/consents'] button.main").click()
    question = asker.locator("code.secret").inner_text()

    # Ann records the clip on the page, on a telephone of her own.
    phone = {"viewport": {"width": 390, "height": 844}, "permissions": ["camera"]}
    ann = site.visit(question.removeprefix(site.address), **phone)
    ann.get_by_role("button", name=C("camera.record")).click()
    expect(ann.locator("#camera [role=status]")).to_have_text(C("camera.done"))
    assert ann.locator("[name=media]").evaluate("one => one.files[0].size") > 1000
    ann.locator("[name=likeness]").check()
    ann.locator("[name=is_adult]").check()
    ann.locator("button[value=accept]").click()
    own_page = ann.locator("main a code.secret").inner_text()

    # Nothing is allowed before a reviewer has seen the frames.
    assert request_video(site, asker, reference, "a person reads").state is VideoState.REJECTED
    reviewer = site.visit("/consents", who=ben)
    reviewer.get_by_role("link", name="Ann").click()
    reviewer.locator("button[value=reveal]").click()
    expect(reviewer.locator("main img")).to_be_visible()
    for flag in reviewer.locator("[name^=clear_]").all():
        flag.check()
    reviewer.locator("button[value=confirm]").click()
    expect(reviewer.locator("main")).to_contain_text(C("state.given"))
    made = request_video(site, asker, reference, "a person reads in a garden")
    assert made.state is VideoState.DELIVERED

    # Ann sees the use, and withdraws without an account.
    ann.goto(own_page)
    expect(ann.locator("main")).to_contain_text(made.id)
    ann.get_by_role("button", name=C("page.withdraw")).click()
    expect(ann.locator("main [role=status]")).to_have_text(C("state.withdrawn"))
    site.house.container.review.consents.withdrawals.part.run_all()
    asker.goto(f"{site.address}/videos/{made.id}")
    expect(asker.get_by_role("heading", name=T("state.withdrawn"))).to_be_visible()
    assert request_video(site, asker, reference, "a person reads again").state is VideoState.REJECTED
