"""Reviews, reports and webhook endpoints on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from safelight.accounts import KeyScope, Principal, PrincipalKind, Role
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reviews import Reviews
from safelight.policy.findings import Stage
from safelight.store.database import Database
from safelight.videos.case_rows import CaseKind, NewCase, open_case
from safelight.videos.models import VideoState
from support.fake_api_server import Live, a_video
from support.rows import each_row

from .conftest import ClientWith

URL = "https://hooks.example/in"


@pytest.fixture
def reviewer(client_with: ClientWith) -> httpx.Client:
    return client_with(KeyScope.REVIEW)


@pytest.fixture
def admin(client_with: ClientWith) -> httpx.Client:
    return client_with(KeyScope.ADMIN)


@pytest.fixture
def stranger(server: Live, client_with: ClientWith) -> httpx.Client:
    scopes = (KeyScope.REVIEW, KeyScope.ADMIN, KeyScope.VIDEOS_READ)
    return client_with(*scopes, tenant=server.accounts.create_tenant("other").id)


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
    server: Live, reviewer: httpx.Client, admin: httpx.Client, stranger: httpx.Client, database: Database
) -> None:
    video, case = hold(server, database)
    page = reviewer.get("/v1/reviews").json()
    assert page["object"] == "list"
    (found,) = [each for each in page["data"] if each["id"] == case]
    assert (found["video_id"], found["kind"], found["stage"]) == (video, "hold", "output")
    assert (found["rule"], found["reason"]) == ("vi-2", "Blood over a large part of the picture")
    assert found["due_at"] > found["opened_at"]
    assert found["actions"] == ["approve", "refuse"]

    body = {"action": "approve", "reason": "Stage blood."}
    assert admin.get("/v1/reviews").status_code == 403
    assert stranger.get(f"/v1/reviews/{case}").status_code == 404
    foreign = stranger.post(f"/v1/reviews/{case}/decision", json=body)
    assert (foreign.status_code, foreign.json()["error"]["param"]) == (404, "case_id")
    done = reviewer.post(f"/v1/reviews/{case}/decision", json=body)
    assert done.status_code == 200
    assert (done.json()["state"], done.json()["decision"]["action"]) == ("decided", "approve")
    assert server.desk.videos[video].state is VideoState.SEALING

    again = reviewer.post(f"/v1/reviews/{case}/decision", json=body)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert again.headers["x-should-retry"] == "false"
    assert "was decided already: approve." in again.json()["error"]["message"]
    open_now = reviewer.get("/v1/reviews").json()["data"]
    assert case not in [each["id"] for each in open_now]
    everything = reviewer.get("/v1/reviews?state=all").json()["data"]
    assert case in [each["id"] for each in everything]


def test_the_stream_of_case_events_goes_on_after_a_number_and_a_decision_may_use_its_words(
    server: Live, reviewer: httpx.Client, admin: httpx.Client, stranger: httpx.Client, database: Database
) -> None:
    path = "/v1/safelight/cases/events"
    _, case = hold(server, database)
    before = reviewer.get(f"{path}?limit=1000").text.splitlines()
    last = json.loads(before[-1])
    assert (last["safelight"]["case_id"], last["createdBy"]) == (case, "policy")
    word = "tools.ozone.moderation.defs#modEventTakedown"
    wrong = {"action": "tools.ozone.moderation.defs#modEventResolveAppeal", "reason": "Blood."}
    answer = reviewer.post(f"/v1/reviews/{case}/decision", json=wrong)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "action")
    body = {"action": word, "reason": "Blood."}
    done = reviewer.post(f"/v1/reviews/{case}/decision", json=body)
    assert done.json()["decision"]["action"] == "refuse"
    after = reviewer.get(f"{path}?after={last['id']}").text.splitlines()
    assert [json.loads(line)["event"] for line in after] == [{"$type": word, "policies": ["vi-2"]}]
    assert stranger.get(path).text == ""
    assert admin.get(path).status_code == 403
    for query in ("after=-1", "after=x", "limit=0", "limit=1001", "after=99999999999999999999"):
        assert reviewer.get(f"{path}?{query}").status_code == 400, query


def test_a_reviewer_takes_keeps_skips_and_escalates_cases(
    server: Live, reviewer: httpx.Client, database: Database
) -> None:
    _, case = hold(server, database)
    taken = reviewer.post("/v1/reviews/next")
    assert (taken.status_code, taken.json()["severity"], taken.json()["members"]) == (200, 4, 0)
    case = taken.json()["id"]
    assert reviewer.post(f"/v1/reviews/{case}/lease").json()["id"] == case
    assert reviewer.delete(f"/v1/reviews/{case}/lease").status_code == 204
    stale = {"action": "approve", "reason": "x", "version": 99}
    refused = reviewer.post(f"/v1/reviews/{case}/decision", json=stale)
    assert (refused.status_code, refused.json()["error"]["param"]) == (409, "version")
    reason = {"reason": "Another person should see this."}
    assert reviewer.post(f"/v1/reviews/{case}/override", json=reason).status_code == 204
    assert reviewer.post(f"/v1/reviews/{case}/skip", json=reason).status_code == 204
    assert reviewer.post(f"/v1/reviews/{case}/skip", json={}).status_code == 400
    up = reviewer.post(f"/v1/reviews/{case}/escalate", json=reason)
    assert up.json()["version"] == taken.json()["version"] + 1
    body = {"action": "approve", "reason": "x"}
    decided = reviewer.post(f"/v1/reviews/{case}/decision", json=body)
    assert decided.status_code == 403
    while (following := reviewer.post("/v1/reviews/next")).status_code == 200:
        assert following.json()["id"] != case
        path = f"/v1/reviews/{following.json()['id']}/skip"
        assert reviewer.post(path, json=reason).status_code == 204
    assert following.status_code == 204


def test_a_reviewer_declines_categories_and_mails(reviewer: httpx.Client) -> None:
    path, chosen = "/v1/reviews/preferences", {"declined_categories": ["self-harm"]}
    covered = {"switched_off": [], "switched_until": None}
    assert reviewer.put(path, json=chosen).json() == {**chosen, "mails": True, **covered}
    without = {**chosen, "mails": False, **covered}
    assert reviewer.put(path, json={**chosen, "mails": False}).json() == without
    # Left out: unchanged.
    assert reviewer.put(path, json=chosen).json() == without
    assert reviewer.get(path).json() == without
    wrong = reviewer.put(path, json={"declined_categories": ["nothing"]})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "declined_categories")
    bare = reviewer.put(path, json={**chosen, "switched_off": ["grey"]}).json()
    assert (bare["switched_off"], bare["switched_until"] is not None) == (["grey"], True)
    wrong = reviewer.put(path, json={"switched_off": ["nothing"]})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "switched_off")
    assert reviewer.put(path, json={**chosen, "switched_off": []}).json() == without


def test_a_reviewer_does_not_see_the_name_of_another(
    server: Live, reviewer: httpx.Client, database: Database
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
    file = reviewer.get(f"/v1/reviews/{case}")
    again = {"action": "approve", "reason": "x"}
    late = reviewer.post(f"/v1/reviews/{case}/decision", json=again)
    assert file.json()["decision"]["decided_by"] == "senior_reviewer"
    assert "Planted Name" not in file.text + late.text


@pytest.mark.parametrize(
    ("body", "param"), [({}, "action"), ({"action": "withdraw", "reason": "x"}, "action")]
)
def test_a_wrong_decision_is_refused(
    server: Live, reviewer: httpx.Client, database: Database, body: dict[str, object], param: str
) -> None:
    _, case = hold(server, database)
    answer = reviewer.post(f"/v1/reviews/{case}/decision", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("query", ["state=closed", "kind=x", "limit=0", "limit=101", "after=nonsense"])
def test_an_invalid_list_query_is_refused(reviewer: httpx.Client, query: str) -> None:
    assert reviewer.get(f"/v1/reviews?{query}").status_code in (400, 404)


def test_a_block_is_appealed_once_and_decided_by_another_reviewer(
    client: httpx.Client, server: Live, reviewer: httpx.Client
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
    assert reviewer.post(path, json={"text": "x"}).status_code == 403
    (case,) = reviewer.get("/v1/reviews?kind=appeal").json()["data"]
    assert (case["video_id"], case["actions"]) == (video, ["overturn", "uphold"])
    assert "before generation" in reviewer.get(f"/v1/reviews/{case['id']}").json()["appealed"]
    decision = {"action": "overturn", "reason": "A play."}
    done = reviewer.post(f"/v1/reviews/{case['id']}/decision", json=decision)
    assert (done.status_code, done.json()["decision"]["action"]) == (200, "overturn")
    assert client.get(path).json()["state"] == "overturned"
    assert client.get("/v1/videos/video_" + "0" * 32 + "/appeal").status_code == 404
    old = client.get(f"/v1/videos/{video}").json()["safelight"]
    assert client.get(f"/v1/videos/{old['reinstated_as']}").json()["safelight"]["reinstated_from"] == video


def test_every_key_that_may_read_a_video_may_report_it(
    client: httpx.Client, server: Live, reviewer: httpx.Client
) -> None:
    video = server.desk.deliver(server.desk.put(a_video(tenant=server.tenant)).id, b"mp4")
    body = {"category": "likeness", "note": "That is me.", "safety_identifier": "user-9"}
    told = client.post(f"/v1/videos/{video.id}/report", json=body).json()
    assert (told["object"], told["video_id"], told["already_reported"]) == ("video.report", video.id, False)
    assert client.post(f"/v1/videos/{video.id}/report", json={"reason": "other"}).json()["already_reported"]
    cases = reviewer.get("/v1/reviews?kind=report").json()["data"]
    (case,) = [each for each in cases if each["video_id"] == video.id]
    file = reviewer.get(f"/v1/reviews/{case['id']}").json()
    assert (file["reports"], file["actions"]) == (2, ["keep", "withdraw"])
    assert file["notes"][-1]["note"] == "That is me."
    empty = client.post(f"/v1/videos/{video.id}/report", json={})
    assert (empty.status_code, empty.json()["error"]["param"]) == (400, "reason")
    unknown = client.post("/v1/videos/video_" + "0" * 32 + "/report", json={"reason": "other"})
    assert unknown.status_code == 404


def test_an_endpoint_is_created_changed_rotated_and_deleted(
    client: httpx.Client, admin: httpx.Client, stranger: httpx.Client
) -> None:
    body = {"name": "ours", "url": URL, "event_types": ["video.held"]}
    made = admin.post("/v1/webhook_endpoints", json=body).json()
    assert made["signing_secret"].startswith("whsec_")
    nothing = dict.fromkeys(("failing_since", "last_status", "last_error", "last_success_at"))
    assert made["safelight"] == {"failing": False, "failures": 0, **nothing}
    at = f"/v1/webhook_endpoints/{made['id']}"
    assert "signing_secret" not in admin.get(at).json()
    changed = admin.post(at, json={"event_types": ["video.failed"]}).json()
    assert (changed["event_types"], changed["url"]) == (["video.failed"], URL)
    rotated = admin.post(f"{at}/rotate_secret").json()
    assert rotated["signing_secret"] not in (made["signing_secret"], None)
    listed = admin.get("/v1/webhook_endpoints").json()
    assert made["id"] in [each["id"] for each in listed["data"]]
    assert client.get("/v1/webhook_endpoints").status_code == 403
    assert stranger.get(at).status_code == 404
    deleted = admin.delete(at).json()
    assert deleted == {"id": made["id"], "object": "webhook_endpoint.deleted", "deleted": True}
    assert admin.get(at).status_code == 404


def test_a_test_of_an_unreachable_target_reports_the_failure(admin: httpx.Client) -> None:
    body = {"url": "http://127.0.0.1:9/hook", "event_types": ["video.completed"]}
    made = admin.post("/v1/webhook_endpoints", json=body).json()
    path = f"/v1/webhook_endpoints/{made['id']}/test"
    assert admin.post(path, json={"event_type": ""}).status_code == 400
    told = admin.post(path, json={}).json()
    assert (told["success"], told["status_code"]) == (False, None)
    assert told["error"]


@each_row
def test_an_invalid_endpoint_is_refused_with_the_reason(
    admin: httpx.Client, body: dict[str, object], code: str
) -> None:
    answer = admin.post("/v1/webhook_endpoints", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert answer.json()["error"]["param"] in ("url", "event_types")
