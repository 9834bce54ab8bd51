"""Own quotas and charges, filters of the ledger, revisions of terms, and invitations that are revoked."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope, Principal
from safelight.accounts.invitations import InvitationState
from safelight.accounts.ledger import EntryKind, LedgerFilter, SumBy
from safelight.accounts.managed_tenants import TenantChoice
from safelight.accounts.models import end_user_subject
from safelight.accounts.terms import Terms
from safelight.core.errors import Conflict, Forbidden, NotFound
from safelight.videos.models import VideoState
from safelight.web.standing import StandingServices

from .conftest import Furnish, House
from .test_fair_standing import run_together

OURS = "/v1/safelight"


def services(house: House) -> StandingServices:
    return house.standing


def key(house: House, *scopes: KeyScope) -> tuple[Principal, dict[str, str]]:
    accounts = house.accounts
    token = accounts.create_key(house.who.tenant, "house", scopes)[1]
    return accounts.authenticate(token), {"authorization": f"Bearer {token}"}


def test_a_person_sees_own_charges_and_credits_and_never_what_the_generator_cost(
    furnish: Furnish,
) -> None:
    house = furnish(ledger={"prices": {"paid-1": "0.10"}}, limits={"videos_per_day": 9})
    house.waive()
    made = house.make(model="paid-1", safety_identifier="ann", seconds="4")
    assert made.state is VideoState.DELIVERED
    house.order(model="paid-1", safety_identifier="bob", seconds="8")
    other, headers = key(house, KeyScope.VIDEOS_READ)
    ours = services(house)
    assert EntryKind.COST in {one.kind for one in ours.ledger.list(house.who)[0]}
    ann, _ = ours.ledger.list_own(other, "ann")
    assert [(one.kind, one.amount_micros) for one in ann] == [(EntryKind.CHARGE, 400_000)]
    assert ours.ledger.list_own(other) == ((), False)
    (own,) = ours.ledger.sums_own(house.who)
    assert (own.charged_micros, own.cost_micros) == (1_200_000, 0)
    with TestClient(house.app) as client:
        shown = client.get(f"{OURS}/standing?safety_identifier=ann", headers=headers).json()
        listed = client.get(f"{OURS}/ledger/own?safety_identifier=ann", headers=headers).json()
    assert shown["charges"] == [
        {"currency": "USD", "charged_micros": 400_000, "credited_micros": 0, "due_micros": 400_000}
    ]
    assert shown["quotas"]["videos"] == {"used": 1, "limit": None}
    assert [one["kind"] for one in listed["data"]] == ["charge"]
    assert ours.quotas.own(house.who).limits.videos == 9


def test_the_ledger_is_filtered_by_account_end_user_kind_and_time(furnish: Furnish) -> None:
    house = furnish(ledger={"price_per_second": "0.10"})
    first, second = house.order(safety_identifier="ann"), house.order(safety_identifier="bob")
    ledger = services(house).ledger

    def found(wanted: LedgerFilter) -> list[str]:
        return [one.work.video_id for one in ledger.read_all(house.who, wanted)]

    assert found(LedgerFilter(end_user="ann")) == [first.id]
    assert found(LedgerFilter(video_id=second.id, account=house.who.id)) == [second.id]
    assert found(LedgerFilter(kinds=(EntryKind.COST,))) == []
    assert found(LedgerFilter(until=1.0)) == []
    (ann,) = ledger.sums(house.who, SumBy.END_USER, LedgerFilter(end_user="ann"))
    assert ann.group == "ann"
    entries, more = ledger.list(house.who, limit=1, newest_first=True)
    assert (entries[0].work.video_id, more) == (second.id, True)
    entries, more = ledger.list(house.who, limit=1, newest_first=True, after=entries[0].id)
    assert (entries[0].work.video_id, more) == (first.id, False)
    with pytest.raises(NotFound):
        ledger.list_own(key(house, KeyScope.VIDEOS_READ)[0], after=entries[0].id)
    with pytest.raises(Forbidden):
        ledger.list(key(house, KeyScope.VIDEOS_READ)[0])


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


def test_a_revoked_invitation_makes_no_key_and_can_be_given_again(furnish: Furnish) -> None:
    house = furnish(access={"invitations": 1})
    invitations = services(house).invitations
    inviting, headers = key(house, KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE)
    token, made = invitations.invite(inviting, TenantChoice.SHARED)
    stranger, _ = key(house, KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE)
    with pytest.raises(NotFound):
        invitations.revoke(stranger, made.id)
    with TestClient(house.app) as client:
        revoked = client.delete(f"{OURS}/invitations/{made.id}", headers=headers)
        assert revoked.json()["state"] == "revoked"
        listed = client.get(f"{OURS}/invitations", headers=headers).json()["data"]
        assert client.get(f"{OURS}/invitations/all", headers=headers).status_code == 403
    assert [(one["id"], one["state"]) for one in listed] == [(made.id, "revoked")]
    with pytest.raises(NotFound):
        invitations.accept(token, name="Ben")
    token, again = invitations.invite(inviting, TenantChoice.SHARED)
    invitations.accept(token, name="Ben")
    with pytest.raises(Conflict):
        invitations.revoke(inviting, again.id)
    states = {one.state for one in invitations.list(house.who, everyone=True)}
    assert states == {InvitationState.REVOKED, InvitationState.ACCEPTED}
    assert invitations.left(inviting) == 0
