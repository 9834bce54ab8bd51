"""A stranger reports a video with hashes from the browser; its copies go, and a later upload is stopped."""

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
from safelight.store import tables
from safelight.testing.generators import create as instant
from safelight.videos.models import Video, VideoState
from support.clips import Pixels, make_clip
from support.site import Site

pytestmark = pytest.mark.browser
HOUR_S = 3600.0
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
    part = site.house.container.background.notice_follow_up.part
    for _ in range(2):
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

    # The browser sends hashes of the clip, and not the clip.
    sent: list[bytes] = []
    stranger = site.visit("/report/intimate", viewport={"width": 390, "height": 844})
    stranger.on("request", lambda one: sent.append(one.post_data_buffer or b""))
    stranger.locator("[name=location]").fill(f"{site.address}/videos/{video.id}")
    stranger.locator("#files").set_input_files(reported)
    expect(stranger.locator("#hash-status")).to_have_text(N("intimate.done"))
    for field, text in (("name", "Ann Lee"), ("contact", "ann@example.org")):
        stranger.locator(f"[name={field}]").fill(text)
    stranger.locator("[name=good_faith]").check()
    stranger.locator("main button.main").click()
    expect(stranger.get_by_role("heading", name=N("status.title"))).to_be_visible()
    assert max(len(one) for one in sent) < 8000
    assert not [one for one in sent if b"ftyp" in one]
    expect(stranger.locator("main")).to_contain_text(N("status.hidden"))
    receipt = stranger.url

    # Nobody decides in 48 hours.
    site.ahead_s += 49 * HOUR_S
    follow_up(site)
    stranger.goto(receipt)
    expect(stranger.locator("main")).to_contain_text(N("status.removed_unattended"))
    states = [site.house.videos.get(site.house.who, one.id).state for one in (*gone, other)]
    assert states == [VideoState.WITHDRAWN] * len(gone) + [VideoState.DELIVERED]

    # A later upload of a picture waits for a reviewer. After the decision the next one is blocked.
    still = tmp_path / "still.png"
    Image.fromarray(picture(11)).save(still)
    cleo, ada = site.enroll("cleo", Role.CREATOR), site.enroll("ada", Role.REVIEWER)
    creator = site.visit(who=cleo)
    held = site.request_video(creator, "a woman by a window", still)
    assert held.state is VideoState.HELD
    reviewer = site.visit("/review", who=ada)
    reviewer.locator("[data-row]", has_text=held.prompt).click()
    reviewer.locator("#reason").fill("It is she.")
    reviewer.locator("#decide button[value=refuse]").click()
    expect(reviewer.locator("#reason-missing")).to_be_visible()
    reviewer.locator("#decide input[value=kh-3]").check()
    reviewer.locator("#facts").fill("It shows a person who did not agree.")
    reviewer.locator("#decide button[value=refuse]").click()
    reviewer.wait_for_url(re.compile("decided="))
    site.carry_out_decisions()
    follow_up(site)
    again = site.request_video(creator, "a woman in a garden", still)
    assert again.state is VideoState.REJECTED


def test_a_strangers_hashes_hide_no_film(furnish_site: Callable[..., Site], tmp_path: Path) -> None:
    site = furnish_site()
    lead = site.visit("/review", who=site.enroll("lea", Role.TRUST_LEAD))
    film = scene(tmp_path / "film.mp4", 10)
    stranger = site.visit("/report/intimate")
    stranger.locator("#files").set_input_files(film)
    expect(stranger.locator("#hash-status")).to_have_text(N("intimate.done"))
    for field, text in (("name", "Ann Lee"), ("contact", "ann@example.org")):
        stranger.locator(f"[name={field}]").fill(text)
    stranger.locator("[name=good_faith]").check()
    stranger.locator("main button.main").click()
    expect(stranger.get_by_role("heading", name=N("status.title"))).to_be_visible()
    follow_up(site)

    held = [make_video(site, film), make_video(site, scene(tmp_path / "worse.mp4", 10, crf=33))]
    assert [one.state for one in held] == [VideoState.HELD] * 2
    lead.reload()
    expect(lead.locator("[data-row]")).to_have_count(2)
    expect(lead.locator("[data-row]").first).to_contain_text("Notice report_")
    # A quarantined hold is a row without content for everybody but the vault officer.
    persistence = site.house.container.persistence
    for quarantined in (True, False):
        with persistence.database.transaction(site.house.who.tenant) as tx:
            tx.update(tables.cases, tables.cases.c.video_id == held[1].id, quarantined=quarantined)
        lead.reload()
        if quarantined:
            expect(lead.locator("[data-row]")).to_have_count(1)
            expect(lead.locator("#withheld li")).to_contain_text("notice report_")
            expect(lead.locator("#withheld")).not_to_contain_text(held[1].prompt)
            expect(lead.locator("main")).to_contain_text("--role vault_officer")
    expect(lead.locator("#withheld")).to_have_count(0)
    lead.locator("[data-row]").first.click()
    expect(lead.locator("#held-by-notice")).to_contain_text("report_")
    lead.locator("#reason").fill("A film about a lake.")
    lead.locator("#decide button[value=approve]").click()
    lead.wait_for_url(re.compile("decided="))
    site.carry_out_decisions()
    follow_up(site)

    carried = [site.house.carry(site.house.videos.get(site.house.who, one.id)) for one in held]
    assert [one.state for one in carried] == [VideoState.DELIVERED] * 2
    assert make_video(site, scene(tmp_path / "next.mp4", 10, gain=0.9)).state is VideoState.DELIVERED
