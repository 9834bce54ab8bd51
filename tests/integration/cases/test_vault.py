"""The lane of the vault officer, on both databases: its readers, what a decision does, who is alerted."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest

from safelight.accounts import ROLES, Accounts, KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.mail import MailQueue
from safelight.cases.vault import Vault, count_unattended
from safelight.cases.vault_alerts import VaultAlerts
from safelight.cases.vault_inputs import VaultDecisionRequest, VaultQuery
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.policy.findings import Coverage, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.screening.evaluation import StageResult
from safelight.store.database import Database
from safelight.store.tables import audit_log, cases, outbox, people, vault_entries, videos
from safelight.videos.case_rows import CaseKind, Decision, DecisionAction, NewCase, open_case
from safelight.videos.case_rows.store import add_decision
from safelight.videos.stage_records import record_stage
from safelight.videos.vault_entries import VaultDecision, VaultEntry, VaultKind, open_entry
from support.people import add_person
from support.review_room import Clock
from support.videos import add_video

pytestmark = pytest.mark.both_databases
OPEN, CLOSED = VaultQuery(), VaultQuery(closed=True)
DAY_S = 86_400.0


class FakeMails(MailQueue):
    """Remembers the mails."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def enqueue(self, _tx: Any, new: Any) -> bool:
        self.sent.append((new.kind.value, new.to.partition("@")[0]))
        return True


class Office:
    """Two tenants and the lane."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        accounts = Accounts(database)
        self.tenant, self.other = (accounts.create_tenant(name).id for name in ("office", "other"))
        self.lane, self.mails = Vault(database), FakeMails()
        self.alerts = VaultAlerts(database, self.mails, base_url="", stopping=threading.Event())

    def person(self, role: Role = Role.VAULT_OFFICER, tenant: str = "", name: str = "") -> Principal:
        return Principal(
            tenant=tenant or self.tenant,
            id=name or role.value,
            kind=PrincipalKind.PERSON,
            name=role.value,
            scopes=ROLES[role].scopes,
            role=role,
        )

    def enrol(self, role: Role = Role.VAULT_OFFICER, tenant: str = "") -> None:
        with self.database.transaction(tenant or self.tenant) as tx:
            add_person(tx, f"{role.value}", role=role)

    def add(
        self,
        kind: VaultKind = VaultKind.VAULTED,
        tenant: str = "",
        *,
        stops: str | None = None,
        **columns: Any,
    ) -> VaultEntry:
        tenant = tenant or self.tenant
        with self.database.transaction(tenant) as tx:
            flags = {"vaulted": kind is VaultKind.VAULTED, "quarantined": kind is VaultKind.QUARANTINED}
            open_entry(tx, video := add_video(tx, **flags, **columns), kind, stops=stops)
        (made,) = (
            one for one in self.lane.list(self.person(tenant=tenant), OPEN).items if one.video_id == video
        )
        return made

    def hold(self, video: str) -> str:
        new = NewCase(
            video_id=video,
            kind=CaseKind.HOLD,
            stage=Stage.OUTPUT,
            due_at=self.clock() + 900,
            category="sexual",
        )
        with self.database.transaction(self.tenant) as tx:
            return open_case(tx, new, actor="policy").id

    def decide(
        self, entry: VaultEntry, decision: str, who: Principal | None = None, note: str = ""
    ) -> VaultEntry:
        asked = VaultDecisionRequest(decision=decision, note=note)
        return self.lane.decide(who or self.person(), entry.id, asked)

    def stored(self, table: Any, *where: Any) -> list[Any]:
        with self.database.read_transaction(self.tenant) as tx:
            return tx.select(table, *where)

    def unattended(self) -> dict[VaultKind, int]:
        with self.database.across_tenants("a test", readonly=True) as tx:
            return dict(count_unattended(tx))


@pytest.fixture
def office(database: Database, clock: Clock) -> Office:
    return Office(database, clock)


def test_only_an_enrolled_officer_reads_entries_and_a_lead_the_counts(office: Office) -> None:
    entry = office.add()
    assert office.lane.list(office.person(), OPEN).items == (entry,)
    assert office.lane.list(office.person(tenant=office.other), OPEN).items == ()
    for role in set(Role) - {Role.VAULT_OFFICER}:
        with pytest.raises(Forbidden):
            office.lane.list(office.person(role), OPEN)
        with pytest.raises(Forbidden):
            office.decide(entry, "reported", office.person(role))
    key = Principal(
        tenant=office.tenant, id="key_1", kind=PrincipalKind.KEY, name="k", scopes=frozenset({KeyScope.VAULT})
    )
    with pytest.raises(Forbidden, match="enrolled person"):
        office.lane.list(key, OPEN)
    office.clock.now += 2 * DAY_S
    for role in (Role.TRUST_LEAD, Role.OWNER):
        counted = office.lane.count(office.person(role))
        assert (counted.open, counted.overdue, counted.has_officer) == (1, 1, False)
    with pytest.raises(Forbidden):
        office.lane.count(office.person(Role.REVIEWER))


def test_an_entry_is_decided_once_and_the_second_officer_is_told(office: Office) -> None:
    entry = office.add()
    with pytest.raises(InvalidField):
        office.decide(entry, "confirmed")
    with pytest.raises(NotFound):
        office.decide(entry, "reported", office.person(tenant=office.other))
    made = office.decide(entry, "reported", note="No. 12")
    assert (made.decision, made.note, made.decided_by) == (VaultDecision.REPORTED, "No. 12", "vault_officer")
    with pytest.raises(Conflict, match="decided already"):
        office.decide(entry, "dismissed", office.person(name="user_2"))
    assert office.lane.list(office.person(), OPEN).items == ()
    assert office.lane.list(office.person(), CLOSED).items == (made,)
    (logged,) = office.stored(audit_log, audit_log.c.event == "vault.decided")
    assert (logged.subject, logged.actor) == (entry.id, "vault_officer")
    assert [row.vaulted for row in office.stored(videos)] == [True]


def test_what_is_vaulted_stops_its_end_user_or_person_but_no_key_and_the_test_card_stops_nobody(
    office: Office,
) -> None:
    office.enrol(Role.CREATOR)
    verdict = Verdict(
        action=Action.BLOCK, stage=Stage.PROMPT, subject_sha256="0", policy="p", policy_sha256="0", vault=True
    )

    def stopped(verdict: Verdict, **requester: Any) -> str | None:
        result = StageResult(stage=Stage.PROMPT, verdict=verdict, findings=(), coverage=Coverage(cells=()))
        with office.database.transaction(office.tenant) as tx:
            video = add_video(tx, vaulted=True, **requester)
            record_stage(tx, video, result)
        found: str | None = office.stored(vault_entries, vault_entries.c.video_id == video)[0].stops
        return found

    card = msgspec.structs.replace(verdict, test_card_only=True)
    assert stopped(verdict, end_user="kim") == "end_user:kim"
    assert stopped(verdict, principal_id=Role.CREATOR.value) == f"account:{Role.CREATOR.value}"
    assert stopped(verdict) is stopped(card, end_user="kim") is None


def test_a_stop_ends_when_the_entry_is_dismissed_and_stays_when_it_is_reported(office: Office) -> None:
    reported, dismissed = office.add(stops="end_user:kim"), office.add(stops="end_user:kim")
    assert office.decide(reported, "reported").stops == "end_user:kim"
    assert office.decide(dismissed, "dismissed").stops is None


def test_an_officer_does_not_decide_about_an_own_request(office: Office) -> None:
    entry = office.add(principal_id=office.person().id)
    with pytest.raises(Forbidden, match="Another officer"):
        office.decide(entry, "dismissed")
    assert office.decide(entry, "dismissed", office.person(name="user_2")).decided_at


def test_the_entry_of_a_deleted_video_is_decided_like_any_other(office: Office) -> None:
    entry = office.add(VaultKind.QUARANTINED, deleted_at=1.0)
    assert office.decide(entry, "dismissed").decision is VaultDecision.DISMISSED
    with office.database.transaction(office.tenant) as tx:
        open_entry(tx, new_id("character"), VaultKind.VAULTED)
    assert office.decide(office.lane.list(office.person(), OPEN).items[0], "dismissed").decided_at


def test_a_dismissed_quarantine_hands_the_case_to_the_ordinary_reviewers(office: Office) -> None:
    entry = office.add(VaultKind.QUARANTINED)
    case = office.hold(entry.video_id)
    assert [row.quarantined for row in office.stored(cases)] == [True]
    with pytest.raises(Conflict, match=case):
        office.decide(entry, "confirmed")
    office.decide(entry, "dismissed")
    assert [row.quarantined for row in office.stored(cases) + office.stored(videos)] == [False, False]
    announced = office.stored(outbox, outbox.c.topic == "case.opened")
    assert [row.subject for row in announced] == [case, case]


def test_the_decision_of_its_case_closes_the_entry(office: Office) -> None:
    entry, other = office.add(VaultKind.QUARANTINED), office.add()
    made = Decision(
        id=new_id("decision"),
        case_id=office.hold(entry.video_id),
        video_id=entry.video_id,
        action=DecisionAction.APPROVE,
        reason="Adults.",
        decided_by="user_9",
        at=1.0,
        clause=None,
        verdict_ids=(),
    )
    with office.database.transaction(office.tenant) as tx:
        add_decision(tx, made)
    (closed,) = office.lane.list(office.person(), CLOSED).items
    assert (closed.id, closed.decision, closed.decided_by) == (entry.id, VaultDecision.BY_CASE, "user_9")
    assert office.lane.list(office.person(), OPEN).items == (other,)
    # The release does not lift the quarantine.
    assert [row.quarantined for row in office.stored(videos, videos.c.id == entry.video_id)] == [True]


def test_a_video_has_one_open_entry_of_a_kind(office: Office) -> None:
    entry = office.add(VaultKind.QUARANTINED)
    with office.database.transaction(office.tenant) as tx:
        open_entry(tx, entry.video_id, VaultKind.QUARANTINED)
        open_entry(tx, entry.video_id, VaultKind.VAULTED)
    kinds = {one.kind for one in office.lane.list(office.person(), OPEN).items}
    assert kinds == {VaultKind.QUARANTINED, VaultKind.VAULTED}
    office.decide(entry, "confirmed")
    with office.database.transaction(office.tenant) as tx:
        open_entry(tx, entry.video_id, VaultKind.QUARANTINED)
    first, second = office.lane.list(office.person(), OPEN).items
    assert office.lane.list(office.person(), VaultQuery(after=first.id)).items == (second,)
    with pytest.raises(InvalidField):
        office.lane.list(office.person(), VaultQuery(after="x"))


def test_each_tenant_without_an_officer_counts_as_unattended(office: Office) -> None:
    assert office.unattended() == {}
    office.add()
    office.add(VaultKind.QUARANTINED, office.other)
    office.enrol(Role.OWNER)
    assert office.unattended() == {VaultKind.VAULTED: 1, VaultKind.QUARANTINED: 1}
    office.enrol()
    assert office.unattended() == {VaultKind.QUARANTINED: 1}
    assert office.lane.count(office.person(Role.OWNER)).has_officer
    with office.database.transaction(office.tenant) as tx:
        tx.update(people, people.c.role == Role.VAULT_OFFICER.value, state="disabled")
    assert office.unattended() == {VaultKind.VAULTED: 1, VaultKind.QUARANTINED: 1}


def test_the_officer_hears_of_an_entry_and_the_owner_of_an_overdue_one_once(office: Office) -> None:
    for role in (Role.VAULT_OFFICER, Role.OWNER, Role.REVIEWER):
        office.enrol(role)
    first, second = office.add(), office.add(VaultKind.QUARANTINED)
    for _ in range(2):
        office.alerts.send_due()
    assert office.mails.sent == [("vault_opened", "vault_officer")]
    office.decide(second, "confirmed")
    office.clock.now += DAY_S + 1
    for _ in range(2):
        office.alerts.send_due()
    assert office.mails.sent[1:] == [("vault_overdue", "owner"), ("vault_overdue", "vault_officer")]
    published = [row for row in office.stored(outbox) if row.topic.startswith("vault.")]
    assert sorted((row.topic, row.subject) for row in published) == [
        ("vault.opened", first.id),
        ("vault.opened", second.id),
        ("vault.overdue", first.id),
    ]
    data = msgspec.json.decode(next(row.body for row in published if row.topic == "vault.overdue"))
    assert data == {
        "id": first.id,
        "kind": "vaulted",
        "due_at": int(first.due_at),
        "path": "/compliance/vault",
    }
    assert [row.subject for row in office.stored(audit_log, audit_log.c.event == "vault.overdue")] == [
        first.id
    ]
    assert office.stored(vault_entries, vault_entries.c.alerts == 2)[0].id == first.id
