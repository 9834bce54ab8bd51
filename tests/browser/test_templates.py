"""A team's way from a template to a proven prompt, in Chromium against a real gateway and a paid upstream."""

from __future__ import annotations

import csv
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from safelight.testing.upstream import ScriptedUpstream
from support.gateway_process import Running, running, safelight

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[2] / "examples" / "templates" / "landscape.yaml"
NAME = "landscape"
ROWS = 24
PRICE = 0.1
#: The rows that are made of the planned ones: each video is screened frame by frame, which takes seconds.
MADE_ROWS = 6
#: 6 drafts of 4 s and 6 videos of 8 s at 0.1 dollars per second cost 7.20 dollars.
CEILING = 7.5
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
    page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
    page.goto(gateway.address + link)
    page.locator("main button.main").click()
    expect(page.locator(".top nav")).to_be_visible()
    return page


def draft_and_approve(author: Page, approver: Page, gateway: Running, pictures: Path) -> None:
    """The author drafts the template on its page; only the other person has a button to approve it."""
    author.goto(f"{gateway.address}/templates")
    author.locator("#source").fill(EXAMPLE.read_text(encoding="utf-8"))
    author.get_by_role("button", name="Add draft").click()
    expect(author.locator("h1")).to_contain_text(NAME)
    author.get_by_role("button", name="Preview").click()
    expect(author.locator("#preview")).to_contain_text("A mountain lake at sunrise, clear sky")
    author.screenshot(path=pictures / "preview.png", full_page=True)
    author.get_by_role("button", name="Submit for review").click()
    expect(author.get_by_text("another person has to approve it")).to_be_visible()
    expect(author.get_by_role("button", name="Approve")).to_have_count(0)
    approver.goto(f"{gateway.address}/templates/{NAME}")
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_text("Approved by Bea.")).to_be_visible()
    approver.screenshot(path=pictures / "approved.png", full_page=True)


def render_prompts(client: httpx.Client) -> list[str]:
    """Prompts of the approved version, each with other values."""
    slots = {
        slot["name"]: slot["values"] for slot in client.get(f"/v1/safelight/templates/{NAME}").json()["slots"]
    }
    chosen = itertools.product(slots["LANDSCAPE"], slots["TIME_OF_DAY"], slots["WEATHER"][:2])
    fixed = {"CAMERA_MOVE": "static camera", "FILM_STYLE": "nature film"}
    prompts = []
    for landscape, hour, weather in itertools.islice(chosen, ROWS):
        values = {"LANDSCAPE": landscape, "TIME_OF_DAY": hour, "WEATHER": weather, **fixed}
        answer = client.post(f"/v1/safelight/templates/{NAME}/render", json={"values": values})
        assert answer.json()["approved"] is True
        prompts.append(answer.json()["prompt"])
    return prompts


def write_rows(file: Path, prompts: list[str]) -> Path:
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "prompt", "model", "seconds", "size"])
        writer.writerows([f"shot-{n}", prompt, "film-1", 8, "1280x720"] for n, prompt in enumerate(prompts))
    return file


def run_batch(gateway: Running, prompts: list[str]) -> Path:
    """Plan all rows, then run the first ones with two phases and a ceiling. Returns the folder of the run."""
    planned = write_rows(gateway.folder / "all.csv", prompts)
    file = write_rows(gateway.folder / "shots.csv", prompts[:MADE_ROWS])
    phases = ("--two-phase", "--draft-seconds", "4", "--url", f"{gateway.address}/v1")
    plan = json.loads(safelight("batch", "plan", str(planned), *phases, "--json", folder=gateway.folder))
    assert len(plan["rows"]) == ROWS
    run = ("--max-usd", str(CEILING), "--concurrency", "8", "--yes")
    safelight("batch", "run", str(file), *phases, *run, folder=gateway.folder)
    return file.with_suffix(".batch")


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
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAFELIGHT_API_KEY", team.key)
    key = json.loads(
        safelight(
            *("keys", "create", "Bea", "--json"),
            *("--scope", "review", "--scope", "videos:read"),
            folder=team.folder,
        )
    )
    link = json.loads(safelight("keys", "login", key["id"], "--json", folder=team.folder))["path"]
    author = sign_in(browser, team, team.login.removeprefix(team.address))
    draft_and_approve(author, sign_in(browser, team, link), team, tmp_path)

    headers = {"authorization": f"Bearer {team.key}"}
    with httpx.Client(base_url=team.address, headers=headers, timeout=30, verify=False) as client:
        prompts = render_prompts(client)
        folder = run_batch(team, prompts)
        report = json.loads((folder / "report.json").read_text())
        assert [row["state"] for row in report["rows"]] == ["delivered"] * MADE_ROWS
        assert upstream.counts["accepted"] == 2 * MADE_ROWS
        author.goto((folder / "report.html").as_uri())
        expect(author.locator("tbody tr")).to_have_count(MADE_ROWS)
        author.screenshot(path=tmp_path / "report.png")

        videos = client.get("/v1/videos", params={"limit": 100}).json()["data"]
        video = next(one for one in videos if one["prompt"] == prompts[0] and one["seconds"] == "8")
        author.goto(f"{team.address}/library?video={video['id']}")
        author.get_by_label("Category").last.fill("landscape")
        author.get_by_label("Notes").fill("The horizon stays level.")
        author.get_by_role("button", name="Add to the library").click()
        expect(author.locator("h1")).to_contain_text("proven")
        author.screenshot(path=tmp_path / "entry.png")
        author.goto(f"{team.address}/library?q=mountain+level")
        expect(author.locator(".cards li")).to_have_count(1)
        expect(author.locator(".cards img")).to_have_js_property("complete", True)
        author.screenshot(path=tmp_path / "found.png")

        error = {"code": "moderation_blocked", "message": "The output was blocked."}
        upstream.play({"models": ["film-1"], "otherwise": {"polls": 0, "ends": "failed", "error": error}})
        for _ in range(2):
            wait_for_failure(client, prompts[0])
        author.goto(f"{team.address}/library?marked=1")
        expect(author.locator(".cards li")).to_contain_text("validate again: two blocks")
        author.screenshot(path=tmp_path / "marked.png")
