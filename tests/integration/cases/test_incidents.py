"""The record of incidents, on both databases: doors, readers, revisions, and what a withdrawal opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete

from safelight.accounts import ROLES, Accounts, Principal, PrincipalKind, Role
from safelight.accounts.gates import Gates
from safelight.accounts.incidents import Incident, IncidentKind, IncidentState, Severity
from safelight.cases.incident_inputs import IncidentChange, IncidentClosing, IncidentOpening, IncidentQuery
from safelight.cases.incidents import MAX_IDS, Incidents
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.policy.findings import SHIPPED, Stage
from safelight.policy.gates import load_gates
from safelight.store.database import Database
from safelight.store.tables import audit_log, audit_log_contents, incidents, videos
from safelight.videos.case_rows import CaseKind, NewCase, open_case
from support.review_room import Clock
from support.videos import add_video

pytestmark = pytest.mark.both_databases
EVERYTHING = IncidentQuery()
DOCUMENT = load_gates(None, [spec.name for spec in SHIPPED])


class Office:
    """A tenant with a video and a case, another tenant, and the record."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        accounts = Accounts(database)
        self.tenant, self.other = (accounts.create_tenant(name).id for name in ("office", "other"))
        self.record = Incidents(database, SHIPPED)
        self.video, self.case = self.add_case(self.tenant)

    def add_case(self, tenant: str, *, quarantined: bool = False) -> tuple[str, str]:
        with self.database.transaction(tenant) as tx:
            video = add_video(tx, quarantined=quarantined)
            report = NewCase(
                video_id=video,
                kind=CaseKind.REPORT,
                stage=Stage.OUTPUT,
                due_at=tx.now() + 900,
                category="violence/graphic",
                quarantined=quarantined,
            )
            return video, open_case(tx, report, actor="reporter").id

    def person(self, role: Role = Role.TRUST_LEAD, tenant: str = "") -> Principal:
        return Principal(
            tenant=tenant or self.tenant,
            id=role.value,
            kind=PrincipalKind.PERSON,
            name=role.value,
            scopes=ROLES[role].scopes,
            role=role,
        )

    def open(self, tenant: str = "", **asked: Any) -> Incident:
        given = {"kind": "unchecked", "severity": "minor", "began": "2026-11-01", **asked}
        return self.record.open(self.person(tenant=tenant), IncidentOpening(**given))

    def withdraw(self, video: str, case: str, category: str = "violence/graphic") -> None:
        with self.database.transaction(self.tenant) as tx:
            Gates(document=DOCUMENT).record_incident(tx, category, video_id=video, case_id=case, actor="rev")

    def listed(self) -> tuple[Incident, ...]:
        return self.record.list(self.person(), EVERYTHING).items

    def log(self) -> list[tuple[str, Mapping[str, Any]]]:
        with self.database.read_transaction(self.tenant) as tx:
            rows = tx.select(audit_log, audit_log.c.event.like("incident.%"), order_by=(audit_log.c.seq,))
            stored = {
                row.seq: row.content
                for row in tx.select(audit_log_contents, audit_log_contents.c.seq.in_([r.seq for r in rows]))
            }
        return [(row.event, msgspec.json.decode(stored[row.seq])) for row in rows]


@pytest.fixture
def office(database: Database, clock: Clock) -> Office:
    return Office(database, clock)


def test_an_incident_is_opened_changed_published_and_closed(office: Office) -> None:
    lead = office.person()
    made = office.open(
        videos=[office.video, office.video], cases=[office.case], category="hate", note="Ada saw it first."
    )
    assert (made.videos, made.cases, made.state, made.revision) == (
        (office.video,),
        (office.case,),
        IncidentState.OPEN,
        0,
    )
    change = IncidentChange(
        sentence="A check of sound\n did not run.", published=True, ended="2026-11-02T10:30"
    )
    changed = office.record.update(lead, made.id, change)
    assert (changed.sentence, changed.published) == ("A check of sound did not run.", True)
    with pytest.raises(InvalidField, match="what was done"):
        office.record.close(lead, made.id, IncidentClosing())
    closed = office.record.close(lead, made.id, IncidentClosing(done="The model was installed.", revision=1))
    assert (closed.state, closed.closed_at, closed.revision) == (IncidentState.CLOSED, office.clock.now, 2)
    with pytest.raises(Conflict, match="closed already"):
        office.record.close(lead, made.id, IncidentClosing())
    # What is known later is written down later.
    late = office.record.update(lead, made.id, IncidentChange(severity="major", category="", videos=[]))
    assert (late.severity, late.category, late.videos, late.state) == (
        Severity.MAJOR,
        None,
        (),
        IncidentState.CLOSED,
    )
    assert office.record.update(lead, made.id, IncidentChange(severity="major")).revision == late.revision
    assert office.record.read(lead, made.id) == late


def test_the_log_has_each_change_without_the_text_of_the_note(office: Office) -> None:
    made = office.open(note="A secret remark.", done="Nothing yet.")
    office.record.update(office.person(), made.id, IncidentChange(note="Another secret.", ended="2026-11-03"))
    office.record.close(office.person(), made.id, IncidentClosing())
    entries = office.log()
    assert [event for event, _ in entries] == ["incident.opened", "incident.updated", "incident.closed"]
    assert "secret" not in str(entries)
    assert entries[0][1]["done"] == "Nothing yet."
    assert entries[1][1].keys() == {"note", "ended_at"}
    assert entries[2][1]["state"] == "closed"


def test_an_auditor_reads_everything_but_the_note_and_changes_nothing(office: Office) -> None:
    made = office.open(note="For staff.", done="Asked the vendor.")
    auditor = office.person(Role.AUDITOR)
    assert office.record.read(auditor, made.id).note == ""
    (listed,) = office.record.list(auditor, EVERYTHING).items
    assert (listed.note, listed.done) == ("", "Asked the vendor.")
    assert office.record.read(office.person(Role.OWNER), made.id).note == "For staff."
    for refused in (
        lambda: office.record.open(
            auditor, IncidentOpening(kind="other", severity="minor", began="2026-11-01")
        ),
        lambda: office.record.update(auditor, made.id, IncidentChange(note="x")),
        lambda: office.record.close(auditor, made.id, IncidentClosing(done="x")),
        lambda: office.record.read(office.person(Role.REVIEWER), made.id),
        lambda: office.record.list(office.person(Role.CREATOR), EVERYTHING),
    ):
        with pytest.raises(Forbidden):
            refused()


def test_another_tenant_finds_nothing(office: Office) -> None:
    made = office.open()
    stranger = office.person(tenant=office.other)
    for call in (
        lambda: office.record.read(stranger, made.id),
        lambda: office.record.update(stranger, made.id, IncidentChange(note="x")),
        lambda: office.record.close(stranger, made.id, IncidentClosing(done="x")),
        lambda: office.open(office.other, videos=[office.video]),
        lambda: office.open(office.other, cases=[office.case]),
    ):
        with pytest.raises(NotFound):
            call()
    assert office.record.list(stranger, EVERYTHING).items == ()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"videos": ["video_1"]}, NotFound),
        ({"videos": ["a\x00b", "\ud800"]}, NotFound),
        ({"cases": [new_id("case")]}, NotFound),
        ({"videos": [new_id("video") for _ in range(MAX_IDS + 1)]}, InvalidField),
        ({"began": "2026-11-03", "ended": "2026-11-02"}, InvalidField),
        ({"began": "2127-01-01"}, InvalidField),
        ({"ended": "2127-01-01"}, InvalidField),
        ({"began": ""}, InvalidField),
        ({"sentence": "x" * 301}, InvalidField),
        ({"note": "x" * 2001}, InvalidField),
        ({"kind": "meteor"}, InvalidField),
        ({"severity": "tiny"}, InvalidField),
        ({"category": "no/such"}, InvalidField),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    office: Office, asked: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        office.open(**asked)
    assert office.listed() == ()


def test_the_second_of_two_people_who_read_the_same_revision_is_refused(office: Office) -> None:
    made = office.open()
    office.record.update(office.person(), made.id, IncidentChange(done="First.", revision=0))
    for late in (
        lambda: office.record.update(office.person(), made.id, IncidentChange(done="Second.", revision=0)),
        lambda: office.record.close(office.person(), made.id, IncidentClosing(done="Second.", revision=0)),
    ):
        with pytest.raises(Conflict, match="changed meanwhile"):
            late()
    assert office.record.read(office.person(), made.id).done == "First."


def test_a_withdrawal_in_a_grave_category_opens_one_incident(office: Office) -> None:
    office.withdraw(office.video, office.case, "deception")
    assert office.listed() == ()
    office.withdraw(office.video, office.case)
    office.withdraw(office.video, office.case)
    (made,) = office.listed()
    assert (made.kind, made.severity, made.category) == (
        IncidentKind.HARM,
        Severity.SERIOUS,
        "violence/graphic",
    )
    assert (made.videos, made.cases, made.opened_by) == ((office.video,), (office.case,), "rev")
    assert (made.began_at, made.sentence, made.published) == (None, "", False)
    assert [event for event, _ in office.log()] == ["incident.opened"]
    with pytest.raises(InvalidField, match="public sentence"):
        office.record.update(office.person(), made.id, IncidentChange(published=True))


def test_a_withdrawal_of_a_quarantined_video_does_not_tell_its_category(office: Office) -> None:
    video, case = office.add_case(office.tenant, quarantined=True)
    office.withdraw(video, case)
    (made,) = office.listed()
    assert (made.category, made.cases) == (None, (case,))
    assert office.log()[0][1]["category"] is None


def test_an_incident_outlives_its_video(office: Office) -> None:
    made = office.open(videos=[office.video])
    with office.database.raw_connection() as connection:
        connection.execute(delete(videos).where(videos.c.id == office.video))
    again = office.record.update(
        office.person(), made.id, IncidentChange(videos=[office.video], note="Gone.")
    )
    assert again.videos == (office.video,)


def test_a_list_has_pages(office: Office) -> None:
    with office.database.transaction(office.tenant) as tx:
        for _ in range(101):
            office_row = {"kind": "other", "severity": "minor", "state": "open", "published": False}
            texts = {"sentence": "", "note": "", "done": "", "videos": [], "cases": []}
            made = {"id": new_id("incident"), "opened_at": tx.now(), "opened_by": "ada"}
            tx.insert(incidents, **office_row, **texts, **made)
    first = office.record.list(office.person(), EVERYTHING)
    assert (len(first.items), first.has_more) == (100, True)
    rest = office.record.list(office.person(), IncidentQuery(after=first.items[-1].id))
    assert (len(rest.items), rest.has_more) == (1, False)
    with pytest.raises(InvalidField, match="after"):
        office.record.list(office.person(), IncidentQuery(after="x"))
