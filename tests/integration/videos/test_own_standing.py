"""Own quotas, what the tenant spent, and revisions of terms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope, Principal
from safelight.accounts.models import end_user_subject
from safelight.accounts.terms import Terms
from safelight.core.errors import Conflict, Forbidden
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.quota import Spent
from safelight.web.standing import StandingServices

from .conftest import Furnish, House
from .test_fair_standing import run_together
from .test_video_lifecycle import PAID

OURS = "/v1/safelight"


def services(house: House) -> StandingServices:
    return house.standing


def key(house: House, *scopes: KeyScope) -> tuple[Principal, dict[str, str]]:
    accounts = house.accounts
    token = accounts.create_key(house.who.tenant, "house", scopes)[1]
    return accounts.authenticate(token), {"authorization": f"Bearer {token}"}


def test_a_person_sees_own_quotas_and_those_of_an_end_user(furnish: Furnish) -> None:
    house = furnish(limits={"videos_per_day": 9})
    house.order(safety_identifier="ann", seconds="4")
    _, headers = key(house, KeyScope.VIDEOS_READ)
    with TestClient(house.app) as client:
        shown = client.get(f"{OURS}/standing?safety_identifier=ann", headers=headers).json()
    assert shown["quotas"]["videos"] == {"used": 1, "limit": None}
    assert house.standing.quotas.own(house.who).limits.videos == 9


def test_what_generators_charged_is_summed_by_day_and_month_for_the_tenant_alone(
    house: House, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
    times, quotas = iter((start, start + 86_400, start + 86_400)), house.standing.quotas
    for charge in (0.4, 0.2, None):
        now = next(times)
        monkeypatch.setattr(house.database, "clock", lambda now=now: now)
        upstream.play({"otherwise": {"polls": 0, "charge": charge}})
        house.make(**PAID)
    assert quotas.spent(house.who) == (
        Spent(currency="USD", today_micros=200_000, month_micros=600_000, unknown=1),
    )
    monkeypatch.setattr(house.database, "clock", lambda: start + 30 * 86_400)
    assert quotas.spent(house.who) == ()
    with pytest.raises(Forbidden):
        quotas.spent(key(house, KeyScope.VIDEOS_READ)[0])


def test_removed_addresses_name_the_way(house: House) -> None:
    with TestClient(house.app) as client:
        for path, way in (
            ("ledger/sums", "GET /v1/safelight/attempts"),
            ("invitations", "POST /v1/safelight/access-requests"),
            ("tenants", "safelight tenants list"),
        ):
            gone = client.get(f"{OURS}/{path}")
            assert gone.status_code == 404
            assert way in gone.json()["error"]["message"]


def test_of_two_changes_of_the_same_terms_one_is_refused(furnish: Furnish) -> None:
    house = furnish()
    terms, ann = services(house).terms, end_user_subject("ann")
    assert terms.get(house.who, ann).revision == 0
    assert terms.set(house.who, ann, Terms(videos_per_day=1), revision=0).revision == 1
    with pytest.raises(Conflict):
        terms.set(house.who, ann, Terms(videos_per_day=9), revision=0)
    saved = terms.get(house.who, ann)
    assert (saved.terms.videos_per_day, saved.revision) == (1, 1)
    outcomes: list[str] = []

    def change() -> None:
        try:
            terms.set(house.who, ann, Terms(videos_per_day=2), revision=1)
            outcomes.append("saved")
        except Conflict:
            outcomes.append("refused")

    run_together([change] * 3)
    assert sorted(outcomes) == ["refused", "refused", "saved"]
