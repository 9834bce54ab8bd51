"""A stranger reports a video; its copies go, and after a decision a later upload is stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from safelight.accounts.models import Role
from safelight.core.i18n import load_messages
from safelight.providers.protocol import Derivation
from safelight.testing.generators import create as instant
from safelight.videos.models import Video, VideoState
from support.clips import Pixels, make_clip
from support.site import Site

pytestmark = pytest.mark.browser
HOUR_S = 3600.0
PLATFORM = "https://videos.example/watch?v=abc"
FRAMES, PICTURES = 36, 4
N = load_messages("notices", "en")


def picture(seed: int, width: int = 320, height: int = 192) -> Pixels:
    patches = np.random.default_rng(seed).integers(0, 255, (9, 15, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def scene(
    path: Path, seed: int, *, size: tuple[int, int] = (320, 192), crf: int = 23, gain: float = 1
) -> Path:
    """A clip of four pictures. Another size, quality or brightness is a re-encoded copy."""
    shown = [(picture(seed + number, *size) * gain).astype(np.uint8) for number in range(PICTURES)]
    odd = {frame: shown[frame * PICTURES // FRAMES] for frame in range(FRAMES)}
    return make_clip(path, width=size[0], height=size[1], crf=crf, odd=odd, frames=FRAMES)


def make_video(site: Site, clip: Path, **fields: object) -> Video:
    """A video for which the generator makes this clip."""
    site.house.container.core.generators["storyboard"] = instant(  # type: ignore[index]
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip), "operations": ["remix"]}
    )
    return site.house.carry(site.house.order("a quiet lake", **fields))


def follow_up(site: Site) -> None:
    follow_up = site.house.container.background.notice_follow_up
    for part in 2 * (follow_up.part, follow_up.lists):
        part.run_all()
        assert part.health().errors == 0, part.health()


def test_a_stranger_has_a_video_its_copies_and_later_uploads_stopped(
    furnish_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = furnish_site()
    reported = scene(tmp_path / "first.mp4", 10)
    video = make_video(site, reported)
    gone = [
        video,
        make_video(site, scene(tmp_path / "worse.mp4", 10, crf=33)),
        make_video(site, scene(tmp_path / "smaller.mp4", 10, size=(240, 144))),
        make_video(site, scene(tmp_path / "darker.mp4", 10, gain=0.9)),
        make_video(site, scene(tmp_path / "remix.mp4", 50), step=Derivation.REMIX, source=video.id),
    ]
    other = make_video(site, scene(tmp_path / "other.mp4", 90))
    assert {one.state for one in (*gone, other)} == {VideoState.DELIVERED}

    stranger = site.visit("/report/intimate", viewport={"width": 390, "height": 844})
    stranger.locator("[name=location]").fill(f"{site.address}/videos/{video.id}")
    for field, text in (("name", "Ann Lee"), ("contact", "ann@example.org")):
        stranger.locator(f"[name={field}]").fill(text)
    stranger.locator("[name=good_faith]").check()
    stranger.locator("main button.main").click()
    expect(stranger.get_by_role("heading", name=N("status.title"))).to_be_visible()
    expect(stranger.locator("main")).to_contain_text(N("status.hidden"))
    receipt = stranger.url

    # Nobody decides in 48 hours.
    site.ahead_s += 49 * HOUR_S
    follow_up(site)
    stranger.goto(receipt)
    expect(stranger.locator("main")).to_contain_text(N("status.removed_unattended"))
    states = [site.house.videos.get(site.house.who, one.id).state for one in (*gone, other)]
    assert states == [VideoState.WITHDRAWN] * len(gone) + [VideoState.DELIVERED]

    # Another stranger saw the same scene on a page. A reviewer finds its video there and removes it.
    again = make_video(site, scene(tmp_path / "again.mp4", 10, crf=28))
    witness = site.visit("/report/intimate")
    for field, text in (("location", PLATFORM), ("name", "Ben"), ("contact", "ben@example.org")):
        witness.locator(f"[name={field}]").fill(text)
    witness.locator("[name=good_faith]").check()
    witness.locator("main button.main").click()
    expect(witness.get_by_role("heading", name=N("status.title"))).to_be_visible()
    cleo, ada = site.enroll("cleo", Role.CREATOR), site.enroll("ada", Role.REVIEWER)
    reviewer = site.visit("/review", who=ada)
    expect(reviewer.locator("#pages")).to_contain_text(PLATFORM)
    reviewer.locator("#pages [name=video_id]").fill(again.id)
    reviewer.locator("#pages button[value=place]").click()
    expect(reviewer.locator("#pages")).to_have_count(0)
    reviewer.locator("[data-row]").click()
    reviewer.locator("#reason").fill("It is she.")
    reviewer.locator("#decide input[value=nc-3]").check()
    reviewer.locator("#facts").fill("It shows a person who did not agree.")
    reviewer.locator("#decide button[value=withdraw]").click()
    reviewer.wait_for_url(re.compile("decided="))
    site.carry_out_decisions()
    follow_up(site)
    witness.reload()
    expect(witness.locator("main")).to_contain_text(N("status.removed"))

    # A later upload of a picture of it is blocked.
    still = tmp_path / "still.png"
    Image.fromarray(picture(11)).save(still)
    stopped = site.request_video(site.visit(who=cleo), "a woman in a garden", still)
    assert stopped.state is VideoState.REJECTED
