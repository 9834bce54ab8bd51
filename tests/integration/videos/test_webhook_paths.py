"""Each fact about a case, report, appeal, standing or consent is sent once, whichever path led to it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from safelight.accounts import OPERATOR, KeyScope
from safelight.accounts.webhooks import signature
from safelight.cases.appeals import NewAppeal
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reports import NewReport
from safelight.cases.reviews.ozone import ModerationEventType
from safelight.core.errors import NotFound
from safelight.core.ids import new_id
from safelight.store import tables
from safelight.videos.case_rows.models import UNDO_S
from support.webhook_receiver import target

from .conftest import House
from .test_appeals import refused
from .test_appeals_by_statement import statements_to
from .test_case_event_story import reader
from .test_decisions import delivered, only_case, reviewer
from .test_notices import HOUR_S, follow_up, later, notify
from .test_notifier import listening, notifier, tell
from .test_standing import BLOCKED, blocked

EVENTS = ("case.decided", "report.decided", "appeal.decided", "standing.changed", "consent.withdrawn")
#: Of staff, reporters and prompts.
PLANTED = ("ada-quill", "ben-quill", "planted", "reader-7", "Quillfeather", "lake", "gladiator", "192.0.2")


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite only: concurrent senders on PostgreSQL are in `test_notifier`."""
    shutil.copyfile(sqlite_template, tmp_path / "db.sqlite3")
    return f"sqlite:///{tmp_path / 'db.sqlite3'}"


def wanted(action: str) -> DecisionRequest:
    return DecisionRequest(
        action=action, reason="Quillfeather looked at it.", clause="ha-2", facts="It is shown."
    )


def report(house: House) -> str:
    """The id of the case of a report by an end user."""
    new = NewReport(video_id=delivered(house).id, reason="rude", note="planted", end_user="reader-7")
    house.container.correspondence.reports.add(house.who, new)
    return str(only_case(house).id)


def decide(house: House, action: str, name: str = "ada-quill") -> None:
    house.reviews.decide(reviewer(house, name), only_case(house).id, wanted(action))


def by_a_service(house: House) -> None:
    report(house)
    decide(house, "withdraw")
    follow_up(house)


def on_the_page(house: House) -> None:
    case = report(house)
    house.reviews.decide_with_undo(reviewer(house, "ada-quill"), case, wanted("keep"))
    later(house, UNDO_S + 1)
    for _round in range(2):
        house.container.background.decision_executor.carry_out_due()
    follow_up(house)


def undone(house: House) -> None:
    case, who = report(house), reviewer(house, "ada-quill")
    house.reviews.decide_with_undo(who, case, wanted("keep"))
    house.reviews.undo(who, case)
    later(house, UNDO_S + 1)
    house.container.background.decision_executor.carry_out_due()
    follow_up(house)


def in_ozones_words_by_api(house: House) -> None:
    body = {
        "action": ModerationEventType.TAKEDOWN.value,
        "reason": "Quillfeather looked at it.",
        "clause": "ha-2",
        "facts": "It is shown.",
    }
    client = reader(house, KeyScope.REVIEW)
    case = report(house)
    client.post(f"/v1/reviews/{case}/decision", body).raise_for_status()
    assert client.post(f"/v1/reviews/{case}/decision", body).status_code == 409
    follow_up(house)


def without_a_person(house: House) -> None:
    notify(house, delivered(house))
    later(house, 49 * HOUR_S)
    for _round in range(2):
        follow_up(house)


def by_appeal_of_the_requester(house: House) -> None:
    video = refused(house)
    house.appeals.add(house.who, video.id, text="planted words")
    decide(house, "uphold", "ben-quill")


def by_appeal_of_the_reporter(house: House) -> None:
    report(house)
    decide(house, "keep")
    follow_up(house)
    (told,) = statements_to(house, "reader-7")
    new = NewAppeal(statement_id=told.id, end_user="reader-7", text="planted words")
    house.appeals.send(house.who, new)
    decide(house, "overturn", "ben-quill")
    follow_up(house)


def by_a_machine_block(house: House) -> None:
    blocked(house, BLOCKED[0])


def by_a_won_appeal_against_a_block(house: House) -> None:
    video = blocked(house, BLOCKED[0])
    house.appeals.add(house.who, video.id, text="planted words")
    decide(house, "overturn", "ben-quill")


def by_the_operator(house: House) -> None:
    tenant, consent = house.who.tenant, new_id("consent")
    with house.transaction() as tx:
        tx.insert(
            tables.consents,
            id=consent,
            subject="planted",
            scope=["likeness"],
            recorded_by="ada-quill",
            evidence="planted",
            created_at=tx.now(),
        )
    consents = house.container.likeness.consents
    consents.revoke(tenant, consent, revoked_by="ada-quill", by=OPERATOR)
    with pytest.raises(NotFound):
        consents.revoke(tenant, consent, revoked_by="ada-quill", by=OPERATOR)


CASE, REPORT, APPEAL, STANDING, CONSENT = EVENTS
PATHS: Mapping[Callable[[House], None], Mapping[str, int]] = {
    by_a_service: {CASE: 1, REPORT: 1},
    on_the_page: {CASE: 1, REPORT: 1},
    undone: {},
    in_ozones_words_by_api: {CASE: 1, REPORT: 1},
    without_a_person: {REPORT: 1},
    by_appeal_of_the_requester: {CASE: 1, APPEAL: 1},
    by_appeal_of_the_reporter: {CASE: 2, REPORT: 1, APPEAL: 1},
    by_a_machine_block: {STANDING: 1},
    by_a_won_appeal_against_a_block: {STANDING: 2, CASE: 1, APPEAL: 1},
    by_the_operator: {CONSENT: 1},
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_a_fact_is_sent_once_signed_and_without_staff_reporters_and_prompts(
    house: House, path: Callable[[House], None]
) -> None:
    database = house.database
    with target() as to:
        secret = listening(house, to, *EVENTS)
        path(house)
        to.status = 500
        tell(notifier(database, to))
        failed, to.status = len(to.got), 200
        now = database.clock() + 400
        database.clock = lambda: now
        for _restart in range(2):
            tell(notifier(database, to))
        got = to.got[failed:]
    assert Counter(json.loads(one.body)["type"] for one in got) == PATHS[path]
    ids = {one.headers["webhook-id"] for one in got}
    assert len(ids) == len(got)
    assert bool(failed) == bool(got), "the first try failed, and the message was sent again"
    for one in got:
        stamp = int(one.headers["webhook-timestamp"])
        signed = signature(secret, one.headers["webhook-id"], stamp, one.body)
        assert one.headers["webhook-signature"] == signed
        assert [word for word in PLANTED if word in one.body.decode()] == []
