"""A consent from the request to the withdrawal, over HTTP with the real gateway, and five forgeries."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from safelight.app.settings import DPIA_HEADINGS
from support.clips import make_clip
from support.gateway_process import safelight, started
from support.mail_server import Mailbox, mail_server
from support.synthetic_faces import ANN, BEN, Looks, Pixels, pair, portrait
from support.webhook_receiver import Target, target

WAIT_S = 120.0
#: Detectors with models, which find nothing in these pictures and take most of the time. `faces` stays.
UNUSED_DETECTORS = ("ocr", "nudenet", "objects", "open-nsfw", "minilm", "hate-symbols")


@dataclass
class Story:
    client: httpx.Client
    #: A browser in which a person is signed in.
    reviewer: httpx.Client
    #: A program with a key of the scope `review`.
    key_reviewer: httpx.Client
    #: A browser without an account.
    subject: httpx.Client
    #: The address that the settings name, to which links in mail lead.
    address: str
    box: Mailbox
    hook: Target
    folder: Path

    def ask(self, email: str, **changed: Any) -> dict[str, Any]:
        body = {
            "asker": "Studio",
            "subject": "Ann",
            "email": email,
            "uses": "one film",
            "territory": "EU",
            "expires_at": int(time.time()) + 86_400 * 30,
        }
        answer = self.client.post("/v1/safelight/consents", json=body | changed)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def link(self, email: str, kind: str) -> str:
        """The path in the newest mail to this address."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            for mail in reversed(self.box.received):
                found = re.search(rf"{self.address}({kind}\?token=\S+)", mail.get_content())
                if mail["To"] == email and found:
                    return found[1]
            time.sleep(0.1)
        raise AssertionError(f"no mail to {email}")

    def accept(self, path: str, media: Path, *, browser: httpx.Client | None = None) -> httpx.Response:
        fields = {"answer": "accept", "likeness": "yes", "is_adult": "yes"}
        with media.open("rb") as file:
            return (browser or self.subject).post(path, data=fields, files={"media": file})

    def decide(self, consent: str, **body: Any) -> httpx.Response:
        """The decision of a reviewer who has seen the frames."""
        assert self.reviewer.get(f"/v1/safelight/consents/{consent}/media").content[:4] == b"RIFF"
        return self.reviewer.post(f"/v1/safelight/consents/{consent}/decision", json=body)

    def create(self, picture: Path, **more: str) -> httpx.Response:
        with picture.open("rb") as file:
            fields = {
                "prompt": "a person reads a book in a garden",
                "seconds": "4",
                "size": "720x1280",
                "safelight[use][commercial]": "false",
                "safelight[use][territory]": "DE",
            } | more
            return self.client.post("/v1/videos", data=fields, files={"input_reference": file})

    def wait(self, video: str) -> dict[str, Any]:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            found: dict[str, Any] = self.client.get(f"/v1/videos/{video}").json()
            if found["status"] in ("completed", "failed") or found["safelight"]["state"] == "held":
                return found
            time.sleep(0.2)
        raise AssertionError(found)

    def picture(self, name: str, pixels: Pixels) -> Path:
        from PIL import Image

        path = self.folder / f"{name}.png"
        Image.fromarray(pixels).save(path)
        return path

    def clip(self, name: str, who: Looks, *, brightness: float = 1.0) -> Path:
        face = portrait(who, side=320, brightness=brightness)
        sways = {number: np.roll(face, number % 7, axis=1) for number in range(200)}
        return make_clip(self.folder / f"{name}.mp4", width=320, height=320, odd=sways)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("consents")
    dpia = folder / "dpia.md"
    dpia.write_text("\n\n".join(f"{heading}\n\nAs agreed." for heading in DPIA_HEADINGS), encoding="utf-8")
    safelight(
        *("waivers", "add", "tests", "--by", "the tests", "--reason", "no model sees it"),
        *("--category", "*", "--loopback-only"),
        folder=folder,
    )

    def new_key(name: str, *scopes: str) -> str:
        words = [word for scope in scopes for word in ("--scope", scope)]
        token: str = json.loads(safelight("keys", "create", name, *words, "--json", folder=folder))["key"]
        return token

    key = new_key("tests", "videos:read", "videos:write", "checks", "admin")
    reviewer_key = new_key("reviewer", "videos:read", "review")
    port = _free_port()
    with mail_server() as box, target() as hook:
        settings = {
            "SAFELIGHT_SERVER__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SAFELIGHT_MAIL__HOST": "127.0.0.1",
            "SAFELIGHT_MAIL__PORT": str(box.port),
            "SAFELIGHT_MAIL__SECURITY": "none",
            "SAFELIGHT_MAIL__SENDER": "safelight@example.com",
            "SAFELIGHT_LIKENESS__ENABLED": "true",
            "SAFELIGHT_LIKENESS__LEGAL_BASIS": "Explicit consent, Art. 9(2)(a) GDPR",
            "SAFELIGHT_LIKENESS__DPIA": str(dpia),
            "SAFELIGHT_FETCH__ALLOWED_PRIVATE_HOSTS": json.dumps([hook.host]),
            "SAFELIGHT_DETECTORS": json.dumps(dict.fromkeys(UNUSED_DETECTORS, False)),
        }
        with started(folder, key, port=port, **settings) as gateway:
            browser = {"origin": gateway.address, "user-agent": "the subject's telephone"}

            def client(headers: dict[str, str]) -> httpx.Client:
                return httpx.Client(base_url=gateway.address, headers=headers, timeout=WAIT_S, verify=False)

            with (
                client({"authorization": f"Bearer {key}"}) as ours,
                client({"authorization": f"Bearer {reviewer_key}"}) as key_reviewer,
                client(browser) as subject,
                client({"sec-fetch-site": "same-origin"}) as reviewer,
            ):
                login = gateway.login.partition("token=")[2] or gateway.login
                assert reviewer.post("/login", data={"token": login}).status_code == 303
                yield Story(ours, reviewer, key_reviewer, subject, gateway.address, box, hook, folder)


def camera_of(page: httpx.Response) -> str:
    """Who may use the camera, as the headers of a page say."""
    return page.headers["permissions-policy"].partition(",")[0]


def test_a_consent_given_on_camera_is_used_and_its_withdrawal_reaches_descendants(story: Story) -> None:
    hook = {"url": story.hook.url, "event_types": ["consent.withdrawn"]}
    assert story.client.post("/v1/webhook_endpoints", json=hook).status_code == 200
    reference = story.picture("ann", portrait(ANN, side=340, brightness=0.9))
    assert story.create(reference).status_code == 400
    asked = story.ask("ann@example.org")
    assert (asked["state"], asked["link"], asked["mailed"]) == ("asked", None, True)
    assert asked["not_checked"] == ["age", "live_person"]
    question = story.link("ann@example.org", "/consent")
    page = story.subject.get(question)
    assert "Studio" in page.text
    assert "one film" in page.text
    assert "the age, whether a live person was before the camera" in page.text
    assert camera_of(page) == "camera=(self)"
    answered = story.accept(question, story.clip("ann", ANN))
    assert answered.status_code == 200, answered.text
    mine = story.link("ann@example.org", "/consent/page")
    assert story.create(reference).status_code == 400
    pages = (mine, "/login", "/consent?token=unknown", question)
    assert {camera_of(story.subject.get(path)) for path in pages} == {"camera=()"}
    program = story.key_reviewer.post(
        f"/v1/safelight/consents/{asked['id']}/decision", json={"confirm": True}
    )
    assert program.status_code == 403
    assert story.decide(asked["id"], confirm=True).json()["state"] == "given"
    # The consent was asked without an end user, so it does not let an end user of the platform pass.
    other = story.wait(story.create(reference, safety_identifier="carl").json()["id"])
    assert other["safelight"]["state"] == "held"
    # Advertising was not asked for, and the places are part of the terms.
    for key, value in (("commercial", "true"), ("territory", "US")):
        outside = story.wait(story.create(reference, **{f"safelight[use][{key}]": value}).json()["id"])
        assert outside["safelight"]["state"] == "held"
    made = story.create(reference).json()
    video = story.wait(made["id"])
    assert video["status"] == "completed", video
    at_night = {"prompt": "the same at night", "safelight": {"use": {"commercial": False, "territory": "DE"}}}
    remix = story.client.post(f"/v1/videos/{made['id']}/remix", json=at_night).json()
    assert story.wait(remix["id"])["status"] == "completed"
    assert {made["id"], remix["id"]} <= set(re.findall(r"video_\w+", story.subject.get(mine).text))
    token = mine.partition("token=")[2]
    withdrawn = story.subject.post("/consent/page", data={"token": token})
    assert "Withdrawn" in withdrawn.text
    assert story.create(reference).status_code == 400
    for one in (made["id"], remix["id"]):
        until = time.monotonic() + WAIT_S
        while story.client.get(f"/v1/videos/{one}/content").status_code != 410:
            assert time.monotonic() < until, one
            time.sleep(0.2)
    (event,) = [json.loads(got.body) for got in story.hook.wait_for(1)]
    assert (event["type"], event["data"]) == ("consent.withdrawn", {"id": asked["id"]})
    uses = story.client.post("/v1/safelight/consents/uses", json={"token": token}).json()
    ended = {(use["video_id"], use["state"]) for use in uses["uses"]}
    assert {(made["id"], "withdrawn"), (remix["id"], "withdrawn"), (other["id"], "failed")} <= ended
    assert {state for _, state in ended} == {"withdrawn", "failed"}


def test_no_forgery_passes_without_a_reviewer(story: Story) -> None:
    ann = story.picture("victim", portrait(ANN))
    both = story.picture("both", pair(ANN, BEN))
    passed = []
    # An own second address, from the own device: a level 1 answer with a stolen picture of Ann.
    asked = story.ask("second@example.org", level=1)
    assert camera_of(story.subject.get(story.link("second@example.org", "/consent"))) == "camera=()"
    question = story.link("second@example.org", "/consent")
    assert story.accept(question, ann).status_code == 200
    held = story.wait(story.create(ann).json()["id"])
    assert held["safelight"]["state"] == "held", held
    story.client.post("/v1/safelight/consents/withdraw", json={"token": _token(story, "second@example.org")})
    # Stolen pictures: the person before the camera is Ben, the references show Ann.
    asked = story.ask("stolen@example.org")
    assert (
        story.accept(story.link("stolen@example.org", "/consent"), story.clip("ben", BEN)).status_code == 200
    )
    passed.append(story.create(ann))
    assert story.decide(asked["id"], confirm=True).status_code == 200
    passed.append(story.create(ann))
    # Two faces and one consent: Ben's consent is in force, Ann is beside him.
    passed.append(story.create(both))
    # A replayed clip: the same file, and the same recording encoded again, which needs a reviewer.
    story.ask("replay@example.org")
    question = story.link("replay@example.org", "/consent")
    assert story.accept(question, story.folder / "ben.mp4").status_code == 409
    again = story.clip("again", ANN, brightness=0.98)
    assert story.accept(question, again).status_code == 200
    passed.append(story.create(ann))
    # A relayed link: the person who asks opens it on the own device.
    asked = story.ask("relayed@example.org")
    question = story.link("relayed@example.org", "/consent")
    relayed = story.clip("relayed", ANN, brightness=0.96)
    own = {"origin": story.address, "user-agent": story.client.headers["user-agent"]}
    with httpx.Client(base_url=story.address, headers=own, timeout=WAIT_S) as browser:
        assert story.accept(question, relayed, browser=browser).status_code == 200
    seen = story.reviewer.get(f"/v1/safelight/consents/{asked['id']}").json()
    assert seen["flags"] == ["same_device"]
    assert story.decide(asked["id"], confirm=True).status_code == 400
    passed.append(story.create(ann))
    assert [answer.status_code for answer in passed] == [400] * len(passed)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def _token(story: Story, email: str) -> str:
    return story.link(email, "/consent/page").partition("token=")[2]
