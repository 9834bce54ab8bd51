"""The pages for reports without an account: hashes are computed in the browser, and no file is sent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect

from safelight.detectors.image.pdq import distances, pdq
from support.clips import make_clip
from support.console_server import ConsoleServer

pytestmark = pytest.mark.browser
#: Bits in which a hash of the browser may differ from ours: decoders and drawing differ a little.
MAX_DIFFERENCE_BITS = 10

#: Weights of red, green and blue in BT.709.
BT709 = np.array([0.2126, 0.7152, 0.0722])


def drawn(seed: int) -> np.ndarray:  # type: ignore[type-arg]
    patches = np.random.default_rng(seed).integers(0, 255, (9, 15, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(patches).resize((480, 288), Image.Resampling.BICUBIC))


def test_a_notice_sends_hashes_and_no_file(stranger: Page, console: ConsoleServer, tmp_path: Path) -> None:
    picture, clip = tmp_path / "a.png", tmp_path / "b.mp4"
    Image.fromarray(drawn(1)).save(picture)
    odd = {frame: drawn(2 + frame // 12)[::2, ::2] for frame in range(36)}
    make_clip(clip, width=240, height=144, odd=odd)
    sent: list[Request] = []
    stranger.on("request", lambda request: sent.append(request))
    stranger.goto(f"{console.server.url}/report/intimate")
    # A clip that does not fit into one notice is left out, and the page says so.
    most = stranger.locator("#hash-status").get_attribute("data-most")
    stranger.locator("#hash-status").evaluate("one => { one.dataset.most = 20; }")
    stranger.locator("#files").set_input_files(clip)
    expect(stranger.locator("#hash-status")).to_contain_text("another notice")
    assert stranger.locator("#hashes").input_value() == ""
    stranger.locator("#hash-status").evaluate("(one, most) => { one.dataset.most = most; }", most)
    stranger.locator("#files").set_input_files([picture, clip])
    expect(stranger.locator("#hash-status")).to_contain_text("not your files")
    found = json.loads(stranger.locator("#hashes").input_value())
    # Each frame of the clip is hashed with the weights of two standards.
    assert [one["clip"] for one in found] == [None, *[2] * 12, *[3] * 12]
    frame = np.frombuffer(bytes.fromhex(found[1]["hash"]), np.uint8)
    assert distances(pdq(odd[0])[0][None], frame)[0] <= MAX_DIFFERENCE_BITS
    other = np.frombuffer(bytes.fromhex(found[13]["hash"]), np.uint8)
    brightness = np.rint(odd[0] @ BT709).astype(np.uint8)
    assert distances(pdq(np.stack([brightness] * 3, axis=-1))[0][None], other)[0] <= MAX_DIFFERENCE_BITS
    assert distances(frame[None], other)[0] > 0
    known, quality = pdq(drawn(1))
    browser = np.frombuffer(bytes.fromhex(found[0]["hash"]), np.uint8)
    assert distances(known[None], browser)[0] <= MAX_DIFFERENCE_BITS
    assert abs(found[0]["quality"] - quality) <= 2
    for name, text in (("name", "Ada"), ("contact", "ada@example.com")):
        stranger.locator(f"[name={name}]").fill(text)
    stranger.locator("[name=good_faith]").check()
    assert not [one for one in sent if one.method == "POST"]
    stranger.locator("main button.main").click()
    stranger.wait_for_load_state()
    posts = [one for one in sent if one.method == "POST"]
    assert [one.url for one in posts] == [f"{console.server.url}/report/intimate"]
    body = posts[0].post_data_buffer or b""
    assert len(body) < 8000
    assert b"PNG" not in body
    assert b"ftyp" not in body


def test_axe_finds_nothing_on_the_forms(stranger: Page, console: ConsoleServer, axe: str) -> None:
    for path in ("/report", "/report/intimate"):
        stranger.goto(console.server.url + path)
        stranger.evaluate(axe)
        for scheme, width in (("light", 1440), ("dark", 390)):
            stranger.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            stranger.set_viewport_size({"width": width, "height": 900})
            result = stranger.evaluate("() => axe.run(document)")
            assert [one["id"] for one in result["violations"]] == []
            assert stranger.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
