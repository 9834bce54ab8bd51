"""Quality reviews on the wire: blind, and only leads read the figures of the team."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from safelight.accounts import KeyScope, Role
from safelight.cases.quality import QualitySampler, SamplingRule
from safelight.store.database import Database
from safelight.videos.models import VideoState
from support.decided_videos import add_decided
from support.fake_api_server import Live, a_video
from support.people import add_person
from support.review_room import Clock, ReviewRoom, reviewer

from .conftest import ClientWith

REVIEW, POLICY = KeyScope.REVIEW, KeyScope.POLICY


@pytest.fixture
def database(server: Live) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{server.scratch.parent / 'db.sqlite3'}")) as opened:
        yield opened


def test_a_second_review_shows_neither_decision_nor_findings_and_changes_nothing(
    client_with: ClientWith, server: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.review_room.TENANT", server.tenant)
    clock = Clock()
    clock.now = database.clock()
    room = ReviewRoom(database, clock)
    first, second, lead = client_with(REVIEW), client_with(REVIEW), client_with(REVIEW, POLICY)
    with database.transaction(server.tenant) as tx:
        for name in ("ann", "ben"):
            who = replace(reviewer(name), tenant=server.tenant)
            add_person(tx, who.id, role=Role.REVIEWER, name=who.name, email=f"{name}@example.com")
    case = room.open_case("a brawl on a stage")
    server.desk.put(a_video(id=case.video_id, tenant=server.tenant), state=VideoState.HELD)
    decision = {"action": "refuse", "reason": "Too much blood."}
    answer = first.post(f"/v1/reviews/{case.id}/decision", json=decision)
    assert answer.status_code == 200
    QualitySampler(database, SamplingRule(second_review_rate=1.0)).open_second_reviews()

    assert first.post("/v1/reviews/next").status_code == 204
    taken = second.post("/v1/reviews/next").json()
    assert (taken["kind"], taken["actions"]) == ("quality", ["in_policy", "against_policy"])
    hidden = ("video_id", "category", "rule", "reason", "decision", "severity")
    assert {taken[name] for name in hidden} == {None}
    assert case.video_id not in str(taken)
    mine = f"/v1/reviews/{taken['id']}"
    assert first.get(mine).status_code == 404
    wrong = second.post(f"{mine}/decision", json={"action": "approve", "reason": "Fine."})
    assert wrong.status_code == 400
    given = second.post(f"{mine}/decision", json={"action": "in_policy", "reason": "Fine."})
    assert given.json()["state"] == "decided"

    for reader in (first, second):
        own = reader.get("/v1/safelight/quality/own").json()
        assert (own["second"]["n"], own["second"]["same"], own["second"]["rate"]) == (1, 0, None)
    assert first.get("/v1/safelight/quality/team").status_code == 403
    team = lead.get("/v1/safelight/quality/team").json()
    assert (team["enough_people"], team["second"], team["alpha"]) == (False, None, None)


def test_golden_cases_and_samples_on_the_wire(
    client_with: ClientWith, server: Live, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.review_room.TENANT", server.tenant)
    clock = Clock()
    clock.now = database.clock()
    video = ReviewRoom(database, clock).add_video("a scene")
    lead, other = client_with(POLICY), client_with(REVIEW)
    new = {"video_id": video, "answer": "in_policy", "note": "A toy sword."}
    assert other.post("/v1/safelight/quality/golden", json=new).status_code == 403
    golden = lead.post("/v1/safelight/quality/golden", json=new).json()
    assert lead.post("/v1/safelight/quality/golden", json=new).status_code == 409
    retired = lead.post(f"/v1/safelight/quality/golden/{golden['id']}/retire").json()
    assert retired["retired_at"] is not None
    listed = lead.get("/v1/safelight/quality/golden").json()["data"]
    assert [one["id"] for one in listed] == [golden["id"]]

    samples = "/v1/safelight/quality/samples"
    window = {"since": clock.now - 86_400, "until": clock.now - 1, "per_stratum": 300}
    drawn = lead.post(samples, json=window).json()
    assert {row["stratum"] for row in drawn["strata"]} == {"no_finding", "light", "moderate", "severe"}
    assert not any(row["enough"] for row in drawn["strata"])
    late = {**window, "until": clock.now + 3600}
    assert lead.post(samples, json=late).status_code == 400
    for wrong in ({"since": "x"}, {"per_stratum": 2.7}, {"per_stratum": True}):
        assert lead.post(samples, json={**window, **wrong}).status_code == 400
    assert lead.get(samples).json()["data"][0]["id"] == drawn["id"]


def test_figures_of_the_checks_need_the_scope_policy_and_name_nobody(
    client_with: ClientWith, server: Live, database: Database
) -> None:
    with database.transaction(server.tenant) as tx:
        for number in range(40):
            add_decided(tx, 0.9 if number < 30 else 0.6, "refuse" if number < 30 else "approve")
    figures = "/v1/quality/figures"
    assert client_with(REVIEW).get(figures).status_code == 403
    lead = client_with(POLICY)
    found = lead.get(figures).json()
    assert (found["object"], found["share"], found["min_decisions"]) == ("quality_figures", 0.9, 30)
    assert (found["stopped"], found["allowed"]) == (40, 0)
    (category,) = found["categories"]
    rate = {"count": 30, "n": 40, "enough": True, "rate": 0.75, "interval": [0.5981, 0.8581]}
    assert category["right"] == rate
    (point,) = found["points"]
    assert (point["state"], point["score"], point["right"]["n"]) == ("proposed", 0.9, 30)
    assert point["rules"][0].keys() == {"rule", "action", "score"}
    (milder,) = lead.get(figures, params={"share": 0.75}).json()["points"]
    assert milder["score"] == 0.6
    for share in ("0.2", "x", "nan"):
        assert lead.get(figures, params={"share": share}).status_code in {400, 422}
    assert "ada" not in str(found)
