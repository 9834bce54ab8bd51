"""Reviews, reports and webhook endpoints on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from safelight.jobs.states import VideoState
from safelight.policy.findings import Stage
from safelight.store.database import Database
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind, Role
from safelight.trust.reviews import CaseKind, DecisionRequest, NewCase, Reviews, open_case
from support.fake_api_server import Live, a_video

URL = "https://hooks.example/in"


@dataclass(frozen=True, kw_only=True)
class Keys:
    reviewer: dict[str, str]
    admin: dict[str, str]
    stranger: dict[str, str]


@pytest.fixture(scope="module")
def keys(server: Live) -> Keys:
    def bearer(tenant: str, *scopes: KeyScope) -> dict[str, str]:
        _, token = server.accounts.create_key(tenant, "k", scopes)
        return {"authorization": f"Bearer {token}"}

    other = server.accounts.create_tenant("other").id
    return Keys(
        reviewer=bearer(server.tenant, KeyScope.REVIEW),
        admin=bearer(server.tenant, KeyScope.ADMIN),
        stranger=bearer(other, KeyScope.REVIEW, KeyScope.ADMIN, KeyScope.VIDEOS_READ),
    )


@pytest.fixture
def database(server: Live) -> Iterator[Database]:
    database = Database(f"sqlite:///{server.scratch.parent / 'db.sqlite3'}")
    yield database
    database.close()


def hold(server: Live, database: Database) -> tuple[str, str]:
    """A held video and its case."""
    video = server.desk.put(a_video(tenant=server.tenant), state=VideoState.HELD)
    with database.transaction(server.tenant) as tx:
        case = open_case(
            tx,
            NewCase(
                video_id=video.id,
                kind=CaseKind.HOLD,
                stage=Stage.OUTPUT,
                due_at=time.time() + 900,
                category="violence",
                rule="vi-2",
                reason="Blood over a large part of the picture",
            ),
            actor="policy",
        )
    return video.id, case.id


def test_a_hold_is_listed_with_reason_and_due_time_and_decided_once(
    client: httpx.Client, server: Live, keys: Keys, database: Database
) -> None:
    video, case = hold(server, database)
    page = client.get("/v1/reviews", headers=keys.reviewer).json()
    assert page["object"] == "list"
    (found,) = [each for each in page["data"] if each["id"] == case]
    assert (found["video_id"], found["kind"], found["stage"]) == (video, "hold", "output")
    assert (found["rule"], found["reason"]) == ("vi-2", "Blood over a large part of the picture")
    assert found["due_at"] > found["opened_at"]
    assert found["actions"] == ["approve", "refuse"]

    body = {"action": "approve", "reason": "Stage blood."}
    done = client.post(f"/v1/reviews/{case}/decision", json=body, headers=keys.reviewer)
    assert done.status_code == 200
    assert (done.json()["state"], done.json()["decision"]["action"]) == ("decided", "approve")
    assert server.desk.videos[video].state is VideoState.SEALING

    again = client.post(f"/v1/reviews/{case}/decision", json=body, headers=keys.reviewer)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert again.headers["x-should-retry"] == "false"
    assert "was decided already: approve." in again.json()["error"]["message"]
    open_now = client.get("/v1/reviews", headers=keys.reviewer).json()["data"]
    assert case not in [each["id"] for each in open_now]
    everything = client.get("/v1/reviews?state=all", headers=keys.reviewer).json()["data"]
    assert case in [each["id"] for each in everything]


def test_the_stream_of_case_events_goes_on_after_a_number_and_a_decision_may_use_its_words(
    client: httpx.Client, server: Live, keys: Keys, database: Database
) -> None:
    path = "/v1/safelight/cases/events"
    _, case = hold(server, database)
    before = client.get(f"{path}?limit=1000", headers=keys.reviewer).text.splitlines()
    last = json.loads(before[-1])
    assert (last["safelight"]["case_id"], last["createdBy"]) == (case, "policy")
    word = "tools.ozone.moderation.defs#modEventTakedown"
    wrong = {"action": "tools.ozone.moderation.defs#modEventResolveAppeal", "reason": "Blood."}
    answer = client.post(f"/v1/reviews/{case}/decision", json=wrong, headers=keys.reviewer)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "action")
    body = {"action": word, "reason": "Blood."}
    done = client.post(f"/v1/reviews/{case}/decision", json=body, headers=keys.reviewer)
    assert done.json()["decision"]["action"] == "refuse"
    after = client.get(f"{path}?after={last['id']}", headers=keys.reviewer).text.splitlines()
    assert [json.loads(line)["event"] for line in after] == [{"$type": word, "policies": ["vi-2"]}]
    assert client.get(path, headers=keys.stranger).text == ""
    assert client.get(path, headers=keys.admin).status_code == 403
    for query in ("after=-1", "after=x", "limit=0", "limit=1001", "after=99999999999999999999"):
        assert client.get(f"{path}?{query}", headers=keys.reviewer).status_code == 400, query


def test_a_reviewer_takes_keeps_skips_and_escalates_cases(
    client: httpx.Client, server: Live, keys: Keys, database: Database
) -> None:
    _, case = hold(server, database)
    taken = client.post("/v1/reviews/next", headers=keys.reviewer)
    assert (taken.status_code, taken.json()["severity"], taken.json()["members"]) == (200, 4, 0)
    case = taken.json()["id"]
    assert client.post(f"/v1/reviews/{case}/lease", headers=keys.reviewer).json()["id"] == case
    assert client.delete(f"/v1/reviews/{case}/lease", headers=keys.reviewer).status_code == 204
    stale = {"action": "approve", "reason": "x", "version": 99}
    refused = client.post(f"/v1/reviews/{case}/decision", json=stale, headers=keys.reviewer)
    assert (refused.status_code, refused.json()["error"]["param"]) == (409, "version")
    reason = {"reason": "Another person should see this."}
    assert client.post(f"/v1/reviews/{case}/skip", json=reason, headers=keys.reviewer).status_code == 204
    assert client.post(f"/v1/reviews/{case}/skip", json={}, headers=keys.reviewer).status_code == 400
    up = client.post(f"/v1/reviews/{case}/escalate", json=reason, headers=keys.reviewer)
    assert up.json()["version"] == taken.json()["version"] + 1
    body = {"action": "approve", "reason": "x"}
    decided = client.post(f"/v1/reviews/{case}/decision", json=body, headers=keys.reviewer)
    assert decided.status_code == 403
    while (following := client.post("/v1/reviews/next", headers=keys.reviewer)).status_code == 200:
        assert following.json()["id"] != case
        path = f"/v1/reviews/{following.json()['id']}/skip"
        assert client.post(path, json=reason, headers=keys.reviewer).status_code == 204
    assert following.status_code == 204


def test_a_reviewer_declines_categories_and_mails(client: httpx.Client, keys: Keys) -> None:
    path, chosen = "/v1/reviews/preferences", {"declined_categories": ["self-harm"]}
    assert client.put(path, json=chosen, headers=keys.reviewer).json() == {**chosen, "mails": True}
    without = {**chosen, "mails": False}
    assert client.put(path, json=without, headers=keys.reviewer).json() == without
    # Left out: unchanged.
    assert client.put(path, json=chosen, headers=keys.reviewer).json() == without
    assert client.get(path, headers=keys.reviewer).json() == without
    wrong = client.put(path, json={"declined_categories": ["nothing"]}, headers=keys.reviewer)
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "declined_categories")


def test_a_reviewer_does_not_see_the_name_of_another(
    client: httpx.Client, server: Live, keys: Keys, database: Database
) -> None:
    _, case = hold(server, database)
    named = Principal(
        tenant=server.tenant,
        id="Planted Name",
        kind=PrincipalKind.PERSON,
        name="Planted Name",
        scopes=frozenset({KeyScope.REVIEW}),
        role=Role.SENIOR_REVIEWER,
    )
    Reviews(database, server.desk).decide(named, case, DecisionRequest(action="approve", reason="Fine."))
    file = client.get(f"/v1/reviews/{case}", headers=keys.reviewer)
    again = {"action": "approve", "reason": "x"}
    late = client.post(f"/v1/reviews/{case}/decision", json=again, headers=keys.reviewer)
    assert file.json()["decision"]["decided_by"] == "senior_reviewer"
    assert "Planted Name" not in file.text + late.text


def test_reviews_are_visible_to_reviewers_of_the_tenant_only(
    client: httpx.Client, server: Live, keys: Keys, database: Database
) -> None:
    _, case = hold(server, database)
    assert client.get("/v1/reviews").status_code == 403
    assert client.get("/v1/reviews", headers=keys.admin).status_code == 403
    assert client.get(f"/v1/reviews/{case}", headers=keys.stranger).status_code == 404
    body = {"action": "approve", "reason": "x"}
    foreign = client.post(f"/v1/reviews/{case}/decision", json=body, headers=keys.stranger)
    assert (foreign.status_code, foreign.json()["error"]["param"]) == (404, "case_id")
    assert client.get(f"/v1/reviews/{case}", headers=keys.reviewer).json()["state"] == "open"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "action"),
        ({"action": "approve"}, "reason"),
        ({"action": "approve", "reason": 7}, "reason"),
        ({"action": "approve", "reason": "x" * 2001}, "reason"),
        ({"action": "withdraw", "reason": "x"}, "action"),
        ({"action": ["approve"], "reason": "x"}, "action"),
        ({"action": "approve", "reason": "x", "clause": "y" * 201}, "clause"),
    ],
)
def test_a_decision_needs_an_action_and_a_reason(
    client: httpx.Client,
    server: Live,
    keys: Keys,
    database: Database,
    body: dict[str, object],
    param: str,
) -> None:
    _, case = hold(server, database)
    answer = client.post(f"/v1/reviews/{case}/decision", json=body, headers=keys.reviewer)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("query", ["state=closed", "kind=x", "limit=0", "limit=101", "after=nonsense"])
def test_an_invalid_list_query_is_refused(client: httpx.Client, keys: Keys, query: str) -> None:
    assert client.get(f"/v1/reviews?{query}", headers=keys.reviewer).status_code in (400, 404)


def test_a_block_is_appealed_once_and_decided_by_another_reviewer(
    client: httpx.Client, server: Live, keys: Keys
) -> None:
    made = client.post("/v1/videos", json={"prompt": "SAFELIGHT-TEST:violence"}).json()["error"]
    details = made["moderation_details"]
    video = details["video_id"]
    assert details["appeal"] == f"/videos/{video}/appeal"
    path = f"/v1/videos/{video}/appeal"
    for body in ({}, {"text": " "}, {"text": 7}, {"text": "x" * 4001}):
        wrong = client.post(path, json=body)
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "text")
    told = client.post(path, json={"text": "It is a play."}).json()
    assert (told["object"], told["video_id"]) == ("video.appeal", video)
    assert (told["state"], told["no_eligible_reviewer"]) == ("waiting", False)
    assert client.get(path).json() == told
    again = client.post(path, json={"text": "Once more."})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert client.post(path, json={"text": "x"}, headers=keys.reviewer).status_code == 403
    (case,) = client.get("/v1/reviews?kind=appeal", headers=keys.reviewer).json()["data"]
    assert (case["video_id"], case["actions"]) == (video, ["overturn", "uphold"])
    decision = {"action": "overturn", "reason": "A play."}
    done = client.post(f"/v1/reviews/{case['id']}/decision", json=decision, headers=keys.reviewer)
    assert (done.status_code, done.json()["decision"]["action"]) == (200, "overturn")
    assert client.get(path).json()["state"] == "overturned"
    assert client.get("/v1/videos/video_" + "0" * 32 + "/appeal").status_code == 404
    old = client.get(f"/v1/videos/{video}").json()["safelight"]
    assert client.get(f"/v1/videos/{old['reinstated_as']}").json()["safelight"]["reinstated_from"] == video


def test_every_key_that_may_read_a_video_may_report_it(
    client: httpx.Client, server: Live, keys: Keys
) -> None:
    video = server.desk.deliver(server.desk.put(a_video(tenant=server.tenant)).id, b"mp4")
    body = {"category": "likeness", "note": "That is me.", "safety_identifier": "user-9"}
    told = client.post(f"/v1/videos/{video.id}/report", json=body).json()
    assert (told["object"], told["video_id"], told["already_reported"]) == ("video.report", video.id, False)
    assert client.post(f"/v1/videos/{video.id}/report", json={"reason": "other"}).json()["already_reported"]
    cases = client.get("/v1/reviews?kind=report", headers=keys.reviewer).json()["data"]
    (case,) = [each for each in cases if each["video_id"] == video.id]
    file = client.get(f"/v1/reviews/{case['id']}", headers=keys.reviewer).json()
    assert (file["reports"], file["actions"]) == (2, ["keep", "withdraw"])
    assert file["notes"][-1]["note"] == "That is me."
    empty = client.post(f"/v1/videos/{video.id}/report", json={})
    assert (empty.status_code, empty.json()["error"]["param"]) == (400, "reason")
    unknown = client.post("/v1/videos/video_" + "0" * 32 + "/report", json={"reason": "other"})
    assert unknown.status_code == 404


def test_an_endpoint_is_created_changed_rotated_and_deleted(client: httpx.Client, keys: Keys) -> None:
    body = {"name": "ours", "url": URL, "event_types": ["video.held"]}
    made = client.post("/v1/webhook_endpoints", json=body, headers=keys.admin).json()
    assert made["signing_secret"].startswith("whsec_")
    assert made["safelight"] == {
        "failing": False,
        "failing_since": None,
        "failures": 0,
        "last_status": None,
        "last_error": None,
        "last_success_at": None,
    }
    at = f"/v1/webhook_endpoints/{made['id']}"
    assert "signing_secret" not in client.get(at, headers=keys.admin).json()
    changed = client.post(at, json={"event_types": ["video.failed"]}, headers=keys.admin).json()
    assert (changed["event_types"], changed["url"]) == (["video.failed"], URL)
    rotated = client.post(f"{at}/rotate_secret", headers=keys.admin).json()
    assert rotated["signing_secret"] not in (made["signing_secret"], None)
    listed = client.get("/v1/webhook_endpoints", headers=keys.admin).json()
    assert made["id"] in [each["id"] for each in listed["data"]]
    assert client.get("/v1/webhook_endpoints").status_code == 403
    assert client.get(at, headers=keys.stranger).status_code == 404
    assert client.delete(at, headers=keys.admin).json() == {
        "id": made["id"],
        "object": "webhook_endpoint.deleted",
        "deleted": True,
    }
    assert client.get(at, headers=keys.admin).status_code == 404


def test_a_test_of_an_unreachable_target_reports_the_failure(client: httpx.Client, keys: Keys) -> None:
    body = {"url": "http://127.0.0.1:9/hook", "event_types": ["video.completed"]}
    made = client.post("/v1/webhook_endpoints", json=body, headers=keys.admin).json()
    empty = {"event_type": ""}
    assert (
        client.post(f"/v1/webhook_endpoints/{made['id']}/test", json=empty, headers=keys.admin).status_code
        == 400
    )
    told = client.post(f"/v1/webhook_endpoints/{made['id']}/test", json={}, headers=keys.admin).json()
    assert (told["success"], told["status_code"]) == (False, None)
    assert told["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://192.168.1.1/x", "event_types": ["video.held"]}, "forbidden_url"),
        ({"url": "http://hooks.example/x", "event_types": ["video.held"]}, "forbidden_url"),
        ({"url": "file:///etc/passwd", "event_types": ["video.held"]}, "forbidden_url"),
        ({"url": URL, "event_types": ["batch.opened"]}, "invalid_value"),
        ({"url": URL, "event_types": "video.held"}, "invalid_value"),
        ({"url": URL, "event_types": []}, "invalid_value"),
        ({"url": URL}, "invalid_value"),
        ({"event_types": ["video.held"]}, "invalid_value"),
    ],
)
def test_an_invalid_endpoint_is_refused_with_the_reason(
    client: httpx.Client, keys: Keys, body: dict[str, object], code: str
) -> None:
    answer = client.post("/v1/webhook_endpoints", json=body, headers=keys.admin)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert answer.json()["error"]["param"] in ("url", "event_types")
