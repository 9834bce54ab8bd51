"""The stream of case events over a whole installation: reports, hidden videos, appeals, and the API."""

from __future__ import annotations

import json
import time
from typing import Any

from safelight.accounts import ROLES, KeyScope, Role
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reviews.ozone import ModerationEventType
from safelight.store.tables import CASE_EVENTS
from safelight.videos.case_rows import CaseKind

from .conftest import House
from .test_notices import HOUR_S, follow_up, notify
from .test_staff_unseen import CARD, NOTE, Client, enrol, open_cases, platform
from .test_staff_unseen import Story as StaffStory

PATH = "/v1/safelight/cases/events"
#: What a reporter gave: name, address, and words that repeat both.
REPORTER = ("Planted Name", "planted@example.com")
WORDS = "I am Planted Name (planted@example.com). That is me."


def reader(house: House, *scopes: KeyScope) -> Client:
    accounts = house.accounts
    _record, token = accounts.create_key(house.who.tenant, "stream", by="a test", scopes=frozenset(scopes))
    return Client(house, authorization=f"Bearer {token}")


def lines(client: Client, query: str = "") -> list[dict[str, Any]]:
    (answer,) = client.send([("GET", f"{PATH}?limit=1000{query}", None)])
    assert answer.headers["content-type"] == "application/jsonl; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    return [json.loads(line) for line in answer.raise_for_status().text.splitlines()]


def test_reports_and_appeals_are_streamed_without_reporters_or_staff(house: House) -> None:
    house.container.videos = house.videos
    story = StaffStory(house)
    with house.transaction() as tx:
        story.staff = [enrol(tx, name, Role.TRUST_LEAD) for name in ("Zephyrine", "Ignatius")]
    first, second = story.staff
    reviews = house.reviews
    kept, removed, unattended = (house.make(f"a quiet lake {n}") for n in range(3))
    notify(house, kept, note=WORDS)
    (case,) = open_cases(story, first)
    reviews.decide(first, case.id, DecisionRequest(action=ModerationEventType.ACKNOWLEDGE, reason=NOTE))
    follow_up(house)
    house.report(removed, reason="violence", note="x")
    (case,) = open_cases(story, first)
    reviews.decide(first, case.id, DecisionRequest(action="withdraw", reason=NOTE, **house.ground()))
    client = platform(house)
    answer = client.post("/v1/videos", {"prompt": CARD, "safety_identifier": "user-3"})
    blocked = answer.json()["error"]["moderation_details"]["video_id"]
    client.post(f"/v1/videos/{blocked}/appeal", {"text": "It is a play."})
    (case,) = open_cases(story, second)
    assert case.kind is CaseKind.APPEAL
    reviews.decide(second, case.id, DecisionRequest(action="uphold", reason=NOTE, **house.ground()))
    notify(house, unattended, network="192.0.2.9", note="Planted Name again")
    house.database.clock = lambda: time.time() + 48 * HOUR_S + 60
    follow_up(house)

    events = lines(reader(house, KeyScope.REVIEW))
    types = [
        (event["safelight"]["event"], event["event"]["$type"].rpartition("modEvent")[2]) for event in events
    ]
    assert {
        ("report.received", "Report"),
        ("case.keep", "Acknowledge"),
        ("case.withdraw", "Takedown"),
        ("appeal.received", "Report"),
        ("case.uphold", "ResolveAppeal"),
        ("report.unattended", "Takedown"),
        ("video.hidden", "safelight.videoHidden"),
        ("video.restored", "safelight.videoRestored"),
        ("case.closed", "safelight.caseClosed"),
    } <= set(types)
    assert {event for event, _ in types} <= set(CASE_EVENTS)
    first_report = next(event for event in events if event["safelight"]["event"] == "report.received")
    assert first_report["event"]["reportType"] == "tools.ozone.report.defs#reasonSexualNCII"
    assert first_report["event"]["comment"] == "I am [removed] ([removed]). That is me."
    assert first_report["subject"] == {"$type": "safelight.video", "id": kept.id}
    appeal = next(event for event in events if event["safelight"]["event"] == "appeal.received")
    assert (appeal["event"]["reportType"], appeal["event"]["comment"]) == (
        "tools.ozone.report.defs#reasonAppeal",
        "It is a play.",
    )
    written = json.dumps(events)
    planted = (*REPORTER, "192.0.2", "Quillfeather", "Zephyrine", "Ignatius", first.id, second.id)
    assert [word for word in (*planted, house.who.id, "user-3") if word in written] == []
    assert lines(reader(house, KeyScope.REVIEW), f"&after={events[3]['id']}") == events[4:]
    audited = lines(reader(house, *ROLES[Role.AUDITOR].scopes))
    without_words = [
        {**one, "event": {**one["event"], **({"comment": ""} if "comment" in one["event"] else {})}}
        for one in events
    ]
    assert audited == without_words
    assert [word for word in ("a quiet lake", "It is a play.", "That is me") if word in str(audited)] == []
    assert [answer.status_code for answer in client.send([("GET", PATH, None)])] == [403]


def test_the_words_of_a_report_about_a_locked_video_are_left_out(house: House) -> None:
    video = house.make()
    notify(house, video, note="The words of the report.")
    client = reader(house, KeyScope.REVIEW)
    assert "The words of the report." in json.dumps(lines(client))
    for column in ("vaulted", "quarantined"):
        house.change(video, **{column: True})
        assert "The words of the report." not in json.dumps(lines(client))
        house.change(video, **{column: False})
