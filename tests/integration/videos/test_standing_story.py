"""By the API only: access, quotas, strikes up to a suspension, and the ways back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope, Role
from safelight.store.database import Database
from safelight.videos.models import VideoState

from .conftest import Furnish, House
from .test_decisions import decide, only_case
from .test_standing import BLOCKED, DAY, SECOND_VOICE, Clock, person

OURS = "/v1/safelight"


@pytest.fixture
def clock(database: Database) -> Clock:
    return Clock(database)


class Api:
    """The HTTP API with one key."""

    def __init__(self, client: TestClient, key: str = "") -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def __call__(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        answer: httpx.Response = self._client.request(method, path, json=body, headers=self._headers)
        assert answer.status_code == expect, answer.text
        if expect >= 400:
            assert answer.headers["x-should-retry"] == "false"
        return answer.json()

    def request_video(self, prompt: str, *, expect: int = 200) -> Any:
        body = {"prompt": prompt, "safety_identifier": "ann"}
        return self("POST", "/v1/videos", body, expect=expect)

    def standing(self) -> Any:
        return self("GET", f"{OURS}/standing?safety_identifier=ann")


def key_for(house: House, *scopes: KeyScope) -> str:
    accounts = house.accounts
    return accounts.create_key(house.who.tenant, "staff", scopes)[1]


def test_from_the_request_for_access_to_a_suspension_and_back(furnish: Furnish, clock: Clock) -> None:
    house = furnish(
        SECOND_VOICE,
        access={"requests": True},
        limits={"end_user_videos_per_day": 2},
        review={"first_outputs": 1},
    )
    house.waive()
    with TestClient(house.app) as client:
        stranger = Api(client)
        staff = Api(client, key_for(house, KeyScope.ADMIN, KeyScope.REVIEW))

        # Access: a request, a decision, a key, once.
        asked = {"name": "Ada Reed", "contact": "ada@example.com", "purpose": "School films."}
        made = stranger("POST", f"{OURS}/access-requests", asked)
        token = {"token": made["token"]}
        assert stranger("POST", f"{OURS}/access-requests/collect", token)["state"] == "waiting"
        (waiting,) = staff("GET", f"{OURS}/access-requests?state=waiting")["data"]
        assert waiting["purpose"] == "School films."
        decision = {"action": "approve", "reason": "Welcome.", "terms": {"videos_per_day": 9}}
        own = staff(
            "POST",
            f"{OURS}/access-requests/{made['id']}/decision",
            {**decision, "tenant": "own"},
            expect=400,
        )
        assert "--new-tenant" in own["error"]["message"]
        staff("POST", f"{OURS}/access-requests/{made['id']}/decision", decision)
        staff("POST", f"{OURS}/access-requests/{made['id']}/decision", decision, expect=409)
        collected = stranger("POST", f"{OURS}/access-requests/collect", token)
        assert (collected["state"], collected["reason"]) == ("collected", "Welcome.")
        assert stranger("POST", f"{OURS}/access-requests/collect", token)["key"] is None
        ben = Api(client, collected["key"])
        assert ben("GET", f"{OURS}/standing")["quotas"]["videos"]["limit"] == 9

        # The first output of the tenant waits for a person; the quota of the end user is two videos.
        first = ben.request_video("a quiet lake")["id"]
        video = house.carry(house.videos.get(house.who, first))
        assert video.state is VideoState.HELD
        decide(house, only_case(house), "approve")
        assert house.carry(video).state is VideoState.DELIVERED
        second = ben.request_video("a red balloon")["id"]
        assert house.carry(house.videos.get(house.who, second)).state is VideoState.DELIVERED
        over = ben.request_video("a paper boat", expect=429)
        assert over["error"]["code"] == "quota_exceeded"

        # Strikes: warning, cool-down, suspension, each with its own answer.
        struck = [ben.request_video(BLOCKED[0], expect=400)]
        assert ben.standing()["level"] == "warning"
        struck.append(ben.request_video(BLOCKED[1], expect=400))
        assert ben.request_video("a paper boat", expect=429)["error"]["code"] == "cool_down"
        clock.now += DAY
        struck.append(ben.request_video(BLOCKED[2], expect=400))
        suspended = ben.request_video("a paper boat", expect=403)["error"]
        assert suspended["code"] == "account_suspended"
        assert ben.standing()["level"] == "suspension"
        assert [one["points"] for one in staff("GET", f"{OURS}/standings")["data"]] == [9]

        # Back by an appeal: two strikes are left, and the released video takes no quota.
        wrong = struck[-1]["error"]["moderation_details"]["video_id"]
        appeal = ben("POST", f"/v1/videos/{wrong}/appeal", {"text": "It is a history lesson."})
        assert appeal["state"] == "waiting"
        decide(house, only_case(house), "overturn", "ben")
        assert (ben.standing()["level"], ben.standing()["points"]) == ("warning", 6)
        ben.request_video("a paper boat")

        # And by expiry.
        clock.now += 91 * DAY
        assert ben.standing()["level"] == "good"
        for name in ("ada@example.com", "staff"):
            assert name not in str(ben.standing())


def test_bad_input_has_plain_answers_and_changes_nothing(furnish: Furnish) -> None:
    house = furnish()
    with TestClient(house.app) as client:
        stranger, staff = Api(client), Api(client, key_for(house, *KeyScope))
        stranger("POST", f"{OURS}/access-requests", {"name": "a", "contact": "b", "purpose": "c"}, expect=404)
        stranger("POST", f"{OURS}/access-requests/collect", {"token": "' OR 1=1"}, expect=404)
        terms = f"{OURS}/terms?subject=end_user:kim"
        for body in (
            {"audience": "toddlers"},
            {"review_first": -1},
            {"videos_per_day": True},
            {"colour": 1},
            {"seconds_per_day": 10**16},
        ):
            staff("PUT", terms, body, expect=400)
        staff("PUT", f"{OURS}/terms?subject=everybody", {}, expect=400)
        staff("PUT", f"{OURS}/terms?subject=account:key_1", {}, expect=404)
        assert staff("PUT", terms, {"audience": "minors"})["audience"] == "minors"
        assert staff("GET", terms)["audience"] == "minors"
        # A key shows no person, so it cannot ban.
        ban = {"safety_identifier": "kim", "reason": "Threats.", "threat_to_life": True}
        staff("POST", f"{OURS}/bans", ban, expect=403)


def test_a_ban_is_shown_without_its_reason_and_its_people(furnish: Furnish) -> None:
    house = furnish()
    bans = house.standing.bans
    made = bans.propose(
        person(house, "user_secret", Role.TRUST_LEAD),
        "end_user:ann",
        reason="A note for staff.",
        threat_to_life=True,
    )
    with TestClient(house.app) as client:
        staff = Api(client, key_for(house, KeyScope.ADMIN, KeyScope.REVIEW, KeyScope.VIDEOS_READ))
        listed = staff("GET", f"{OURS}/standings")
        assert [one["id"] for one in listed["bans"]] == [made.id]
        for hidden in ("A note for staff", "user_secret"):
            assert hidden not in str(listed) + str(staff.standing())


def test_a_character_that_no_database_stores_is_a_wrong_request(house: House) -> None:
    with TestClient(house.app) as client:
        staff = Api(client, key_for(house, KeyScope.ADMIN, KeyScope.VIDEOS_READ))
        staff("GET", f"{OURS}/standing?safety_identifier=%00", expect=400)
        for subject in ("end_user:%00", "account:%00"):
            staff("GET", f"{OURS}/terms?subject={subject}", expect=400)
