"""A team's way from a template to a proven prompt, in Chromium against a real gateway and a paid upstream."""

from __future__ import annotations

import csv
import io
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from safelight.cli.output import Exit
from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, running, safelight

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[2] / "examples" / "templates" / "landscape.yaml"
NAME = "landscape"
ROWS = 24
PRICE = 0.1
#: The rows that the ceiling allows: each video is screened frame by frame, which takes seconds.
MADE_ROWS = 2
#: 2 drafts of 4 s and 2 videos of 8 s at 0.1 dollars per second cost 2.40 dollars.
CEILING = 2.5
SETTINGS = """
[generation]
default_generator = "film"

[generators.film]
kind = "videos_api"
url = "{url}"
models = ["film-1"]
seconds = [4, 8]
billing = "paid"
usd_per_second = {price}

# The models are not what is tested here, and take most of the time of a small clip.
[detectors]
ocr = false
nudenet = false
open-nsfw = false
minilm = false
faces = false
hate-symbols = false
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream({"models": ["film-1"], "otherwise": {"polls": 0}}) as server:
        yield server


@pytest.fixture(scope="module")
def team(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("team")
    (folder / "safelight.toml").write_text(SETTINGS.format(url=upstream.url, price=PRICE))
    with running(folder) as gateway:
        yield gateway


def sign_in(browser: Browser, gateway: Running, link: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(gateway.address + link)
    page.locator("main button.main").click()
    expect(page.locator(".top nav")).to_be_visible()
    return page


def draft_and_approve(author: Page, approver: Page, gateway: Running) -> None:
    """The author drafts the template on its page; only the other person has a button to approve it."""
    author.goto(f"{gateway.address}/templates")
    author.locator("#source").fill(EXAMPLE.read_text(encoding="utf-8"))
    author.get_by_role("button", name="Add draft").click()
    expect(author.locator("h1")).to_contain_text(NAME)
    author.get_by_role("button", name="Preview").click()
    expect(author.locator("#preview")).to_contain_text("A mountain lake at sunrise, clear sky")
    author.get_by_role("button", name="Submit for review").click()
    expect(author.get_by_text("another person has to approve it")).to_be_visible()
    expect(author.get_by_role("button", name="Approve")).to_have_count(0)
    approver.goto(f"{gateway.address}/templates/{NAME}")
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_text("Approved by Bea.")).to_be_visible()


def write_rows(client: httpx.Client) -> str:
    """Rows that name the approved template, each with other values."""
    slots = {
        slot["name"]: slot["values"] for slot in client.get(f"/v1/safelight/templates/{NAME}").json()["slots"]
    }
    fixed = {"CAMERA_MOVE": "static camera", "FILM_STYLE": "nature film"}
    columns = ["LANDSCAPE", "TIME_OF_DAY", "WEATHER", *fixed]
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["id", "template", "model", "seconds", "size", *(f"slot.{name}" for name in columns)])
    chosen = itertools.product(slots["LANDSCAPE"], slots["TIME_OF_DAY"], slots["WEATHER"][:2])
    for number, values in enumerate(itertools.islice(chosen, ROWS)):
        row = [f"shot-{number}", NAME, "film-1", 8, "1280x720", *values, *fixed.values()]
        writer.writerow(row)
    return stream.getvalue()


def run_batch(gateway: Running, file: Path) -> None:
    """Run all rows in two phases until the ceiling stops the batch."""
    options = ("--url", f"{gateway.address}/v1", "--two-phase", "--max-usd", str(CEILING), "--yes", "--json")
    command = [sys.executable, "-m", "safelight", "batch", "run", str(file), *options]
    done = subprocess.run(command, cwd=gateway.folder, capture_output=True, text=True, timeout=180)
    assert done.returncode == Exit.BLOCKED, done.stderr
    report = json.loads(done.stdout)
    assert report["stopped"] == f"The ceiling does not allow {ROWS - MADE_ROWS} more rows."
    assert report["states"]["delivered"] == MADE_ROWS


def find_batch(page: Page, gateway: Running, name: str, axe: str) -> None:
    """Choose the batch on the page of videos, which then has its drafts and videos alone."""
    page.goto(f"{gateway.address}/videos")
    expect(page.locator("#grid li")).to_have_count(2 * MADE_ROWS + 2)
    page.get_by_label("Batch").select_option(name)
    expect(page.locator("#grid li")).to_have_count(2 * MADE_ROWS)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.evaluate(axe)
    found = page.evaluate("() => axe.run()")
    assert [one["id"] for one in found["violations"] if one["impact"] in ("serious", "critical")] == []
    page.set_viewport_size({"width": 1440, "height": 900})


def wait_for_failure(client: httpx.Client, prompt: str) -> None:
    video = client.post("/v1/videos", json={"prompt": prompt, "model": "film-1"}).json()["id"]
    until = time.monotonic() + 60
    while client.get(f"/v1/videos/{video}").json()["status"] != "failed":
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_template_is_approved_made_into_a_batch_and_its_best_prompt_is_kept_and_marked(
    browser: Browser,
    team: Running,
    upstream: ScriptedUpstream,
    axe: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAFELIGHT_API_KEY", team.key)
    monkeypatch.setenv("SAFELIGHT_DATA", str(team.folder / "data"))
    key = json.loads(
        safelight(
            *("keys", "create", "Bea", "--json"),
            *("--scope", "review", "--scope", "videos:read"),
            folder=team.folder,
        )
    )
    link = json.loads(safelight("keys", "login", key["id"], "--json", folder=team.folder))["path"]
    author = sign_in(browser, team, team.login.removeprefix(team.address))
    draft_and_approve(author, sign_in(browser, team, link), team)

    headers = {"authorization": f"Bearer {team.key}"}
    with httpx.Client(base_url=team.address, headers=headers, timeout=30, verify=False) as client:
        file = tmp_path / "shots.csv"
        file.write_text(write_rows(client))
        url = ("--url", f"{team.address}/v1")
        plan = json.loads(safelight("batch", "plan", str(file), *url, "--json", folder=team.folder))
        assert plan["totals"]["to_send"] == ROWS
        run_batch(team, file)
        assert upstream.counts["accepted"] == 2 * MADE_ROWS

        videos = client.get("/v1/videos", params={"limit": 100}).json()["data"]
        video = next(one for one in reversed(videos) if one["seconds"] == "8")
        assert video["safelight"]["template"]["name"] == NAME
        prompt = video["prompt"]
        author.goto(f"{team.address}/library?video={video['id']}")
        author.get_by_label("Category").last.fill("landscape")
        author.get_by_label("Notes").fill("The horizon stays level.")
        author.get_by_role("button", name="Add to the library").click()
        expect(author.locator("h1")).to_contain_text("proven")
        author.goto(f"{team.address}/library?q=mountain+level")
        expect(author.locator(".cards li")).to_have_count(1)
        expect(author.locator(".cards img")).to_have_js_property("complete", True)

        error = {"code": "moderation_blocked", "message": "The output was blocked."}
        upstream.play({"models": ["film-1"], "otherwise": {"polls": 0, "ends": "failed", "error": error}})
        for _ in range(2):
            wait_for_failure(client, prompt)
        find_batch(author, team, file.stem, axe)
        author.goto(f"{team.address}/library?marked=1")
        expect(author.locator(".cards li")).to_contain_text("validate again: two blocks")
