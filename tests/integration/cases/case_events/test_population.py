"""The population of an auditor's draw, fixed by the audit log, and the read of one case."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from safelight.accounts import ROLES, KeyScope, Role
from safelight.accounts.audit import erase_contents
from safelight.cases.case_draw import draw_cases
from safelight.cases.case_events import CaseEvents, event_object
from safelight.core.errors import Forbidden, InvalidField, NotFound
from safelight.store.tables import audit_log, audit_log_contents
from safelight.videos.case_rows import CaseKind
from support.review_room import START, TENANT, ReviewRoom, reviewer

AUDITOR = reviewer("auditor", Role.AUDITOR, *ROLES[Role.AUDITOR].scopes)
OTHER = reviewer("other", Role.TRUST_LEAD)
OFFICER = reviewer("officer", Role.VAULT_OFFICER, KeyScope.REVIEW, KeyScope.VAULT)
DAY_S = 86_400
TODAY, TOMORROW = (datetime.fromtimestamp(START + days * DAY_S, UTC).date().isoformat() for days in (0, 1))


def export(room: ReviewRoom, since: str = TODAY, until: str = TOMORROW) -> tuple[str, list[dict[str, Any]]]:
    room.clock.now = max(room.clock.now, START + DAY_S)
    text = CaseEvents(room.database).export_population(AUDITOR, since, until)
    return text, [json.loads(line) for line in text.splitlines()]


@pytest.mark.both_databases
def test_the_population_has_each_decision_and_its_hash_is_in_the_log(room: ReviewRoom) -> None:
    kept, refused, open_ = (room.open_case(f"scene {number}") for number in range(3))
    appeal = room.open_case("", kind=CaseKind.APPEAL, video_id=refused.video_id)
    room.decide(OTHER, kept)
    room.decide(OTHER, refused, "refuse")
    room.decide(reviewer("lead", Role.TRUST_LEAD), appeal, "overturn")
    text, (head, *cases, end) = export(room)
    assert head == {"since": TODAY, "until": TOMORROW, "cases": 3}
    assert [(one["id"], one["kind"], one["outcome"], one["withheld"]) for one in cases] == [
        (kept.id, "hold", "approve", None),
        (refused.id, "hold", "refuse", None),
        (appeal.id, "appeal", "overturn", None),
    ]
    assert [word for word in ("scene", open_.id) if word in text] == []
    fixed = "".join(line + "\n" for line in text.splitlines()[:-1])
    assert hashlib.sha256(fixed.encode()).hexdigest() == end["sha256"]
    (entry,) = room.stored(audit_log, audit_log.c.event == "population.exported")
    assert (entry.seq, entry.subject, entry.actor) == (end["seq"], f"population:{end['sha256']}", "auditor")
    entries = {row.seq: row for row in room.stored(audit_log)}
    assert [entries[one["seq"]].event for one in cases] == [f"case.{one['outcome']}" for one in cases]
    # The same decisions again: another entry, the same list.
    again = export(room)[0]
    assert again.splitlines()[:-1] == text.splitlines()[:-1]
    assert again != text
    assert {one.id for one in draw_cases(text, seed="dice", count=3)[2]} == {kept.id, refused.id, appeal.id}


@pytest.mark.parametrize("column", ["case", "quarantined", "vaulted"])
def test_a_withheld_case_is_listed_without_its_kind_and_is_not_read(room: ReviewRoom, column: str) -> None:
    case = room.open_case("secret", quarantined=column == "case")
    room.decide(OFFICER, case, "refuse")
    if column != "case":
        room.change_video(case.video_id, **{column: True})
    _, (_, one, _) = export(room)
    assert (one["id"], one["kind"], one["outcome"], one["withheld"]) == (case.id, None, "refuse", "vault")
    with pytest.raises(Forbidden, match="Only the vault officer"):
        CaseEvents(room.database).read(AUDITOR, case.id)
    assert room.stored(audit_log, audit_log.c.event == "case.read") == []


def test_an_erased_decision_stays_in_the_population(room: ReviewRoom) -> None:
    room.decide(OTHER, room.open_case("one"))
    (entry,) = room.stored(audit_log, audit_log.c.event == "case.approve")
    with room.database.transaction(TENANT) as tx:
        erase_contents(tx, [entry.seq], actor="officer", reason="asked")
    _, (_, one, _) = export(room)
    assert (one["id"], one["kind"], one["withheld"]) == (f"log:{entry.seq}", None, "erased")


@pytest.mark.parametrize(
    ("since", "until", "param"),
    [
        (TOMORROW, TODAY, "until"),
        (TODAY, TODAY, "until"),
        (TODAY, "2999-01-01", "until"),
        ("yesterday", TODAY, "since"),
        (TODAY, "", "until"),
    ],
)
def test_a_period_that_is_empty_or_not_over_leaves_no_entry(
    room: ReviewRoom, since: str, until: str, param: str
) -> None:
    with pytest.raises(InvalidField) as raised:
        export(room, since, until)
    assert raised.value.param == param
    assert room.stored(audit_log) == []


def test_a_day_is_over_at_its_end(room: ReviewRoom) -> None:
    room.decide(OTHER, room.open_case("one"))
    with pytest.raises(InvalidField):
        CaseEvents(room.database).export_population(AUDITOR, TODAY, TOMORROW)
    assert [len(export(room, *period)[1]) for period in ((TODAY, TOMORROW), ("2001-01-01", TODAY))] == [3, 2]


def test_too_many_cases_for_one_list_are_refused(room: ReviewRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.cases.case_events.MAX_POPULATION", 1)
    room.decide(OTHER, room.open_case("one"))
    assert len(export(room)[1]) == 3
    room.clock.now = START
    room.decide(OTHER, room.open_case("two"))
    with pytest.raises(InvalidField, match="more than 1 cases"):
        export(room)


def test_an_auditor_reads_a_case_and_the_read_is_in_the_log(room: ReviewRoom) -> None:
    case, other = room.open_case("a secret scene"), room.open_case("another")
    room.open_case("", kind=CaseKind.APPEAL, video_id=case.video_id)
    room.decide(OTHER, case, "refuse")
    stream = CaseEvents(room.database)
    events = [event_object(event) for event in stream.read(AUDITOR, case.id)]
    assert [one["safelight"]["event"] for one in events] == ["case.opened", "case.refuse"]
    assert {one["safelight"]["case_id"] for one in events} == {case.id}
    assert [word for word in ("secret", "other", other.id) if word in str(events)] == []
    (entry,) = room.stored(audit_log, audit_log.c.event == "case.read")
    assert (entry.subject, entry.actor) == (case.id, "auditor")
    (content,) = room.stored(audit_log_contents, audit_log_contents.c.seq == entry.seq)
    assert content.content == b"{}"


def test_cases_of_other_tenants_and_quality_reviews_are_not_found_and_others_may_not_ask(
    room: ReviewRoom,
) -> None:
    case, blind = room.open_case("one"), room.open_case("two", kind=CaseKind.QUALITY)
    room.decide(OTHER, case)
    stream = CaseEvents(room.database)
    stranger = reviewer("stranger", Role.AUDITOR, *ROLES[Role.AUDITOR].scopes)
    object.__setattr__(stranger, "tenant", "other")
    for who, name in ((stranger, case.id), (AUDITOR, blind.id), (AUDITOR, "nothing")):
        with pytest.raises(NotFound):
            stream.read(who, name)
    room.clock.now = START + DAY_S
    assert json.loads(stream.export_population(stranger, TODAY, TOMORROW).splitlines()[0])["cases"] == 0
    with pytest.raises(Forbidden):
        stream.read(OTHER, case.id)
    with pytest.raises(Forbidden):
        stream.export_population(OTHER, TODAY, TOMORROW)
