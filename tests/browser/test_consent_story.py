"""A person is asked for a consent, gives it before the camera, sees its use and withdraws it, in browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from safelight.accounts.models import Role
from safelight.app.settings import DPIA_HEADINGS
from safelight.core.i18n import load_messages
from safelight.detectors.registry import load_plugin
from safelight.videos.models import VideoState
from safelight.web.translations import load_languages
from support.site import Site
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


def test_a_consent_is_given_on_camera_used_and_withdrawn(
    furnish_site: Callable[..., Site], axe: str, tmp_path: Path
) -> None:
    dpia = tmp_path / "dpia.md"
    dpia.write_text("\n\n".join(f"{heading}\n\nAs agreed." for heading in DPIA_HEADINGS), encoding="utf-8")
    likeness = {"enabled": True, "legal_basis": "Explicit consent, Art. 9(2)(a) GDPR", "dpia": str(dpia)}
    site = furnish_site(load_plugin("faces"), likeness=likeness)
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
    asker.locator("form[action='/consents'] button.main").click()
    question = asker.locator("code.secret").inner_text()

    # Ann records the clip on the page, on a telephone of her own.
    phone = {"viewport": {"width": 390, "height": 844}, "permissions": ["camera"]}
    ann = site.visit(question.removeprefix(site.address), **phone)
    ann.get_by_role("button", name=C("camera.record")).click()
    expect(ann.locator("#camera [role=status]")).to_have_text(C("camera.done"))
    assert ann.locator("[name=media]").evaluate("one => one.files[0].size") > 1000
    ann.evaluate(axe)
    assert ann.evaluate("async () => (await axe.run(document)).violations.map((one) => one.id)") == []
    ann.locator("[name=likeness]").check()
    ann.locator("[name=is_adult]").check()
    ann.locator("button[value=accept]").click()
    own_page = ann.locator("main a code.secret").inner_text()

    # Nothing is allowed before a reviewer has seen the frames.
    assert site.request_video(asker, "a person reads", reference).state is VideoState.REJECTED
    reviewer = site.visit("/consents", who=ben)
    reviewer.get_by_role("link", name="Ann").click()
    reviewer.locator("button[value=reveal]").click()
    expect(reviewer.locator("main img")).to_be_visible()
    for flag in reviewer.locator("[name^=clear_]").all():
        flag.check()
    reviewer.locator("button[value=confirm]").click()
    expect(reviewer.locator("main")).to_contain_text(C("state.given"))
    # The consent covers nothing that may be sold, so a request has to state that.
    assert site.request_video(asker, "a person reads at sea", reference).state is VideoState.HELD
    use = {"safelight[use][commercial]": "false"}
    made = site.request_video(asker, "a person reads in a garden", reference, use=use)
    assert made.state is VideoState.DELIVERED

    # Ann sees the use, and withdraws without an account.
    ann.goto(own_page)
    expect(ann.locator("main")).to_contain_text(made.id)
    ann.get_by_role("button", name=C("page.withdraw")).click()
    expect(ann.locator("main [role=status]")).to_have_text(C("state.withdrawn"))
    site.house.container.background.withdrawals.part.run_all()
    asker.goto(f"{site.address}/videos/{made.id}")
    expect(asker.get_by_role("heading", name=T("state.withdrawn"))).to_be_visible()
    assert site.request_video(asker, "a person reads again", reference).state is VideoState.REJECTED
