"""`safelight reviews`."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from safelight.accounts import Role
from safelight.accounts.people import NewPerson
from safelight.app.container import Container, load
from safelight.cli.demo import operator
from safelight.policy.findings import Coverage, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.screening.evaluation import StageResult
from safelight.store.tables import people as people_table
from safelight.store.tables import videos
from safelight.videos.case_rows import CaseKind, NewCase, open_case
from safelight.videos.stage_records import record_stage
from support.commands import Run, Say
from support.videos import add_video

#: What a decision against a person names.
AGAINST = ("--reason", "A fight.", "--clause", "ha-2", "--facts", "A man is beaten.")
NO_CASES: dict[str, Any] = {
    "object": "list",
    "data": [],
    "first_id": None,
    "last_id": None,
    "has_more": False,
    "pages": [],
}
HELD = Verdict(
    action=Action.HOLD, stage=Stage.PROMPT, subject_sha256="0" * 64, policy="house", policy_sha256="0" * 64
)


def held(container: Container, *, quarantined: bool = False) -> tuple[str, str]:
    """A video held at its prompt, and its case."""
    now = time.time()
    with container.persistence.database.transaction(container.persistence.tenant) as tx:
        video = add_video(tx, accepted_at=now)
        result = StageResult(stage=Stage.PROMPT, verdict=HELD, findings=(), coverage=Coverage(cells=()))
        record_stage(tx, video, result)
        new = NewCase(
            video_id=video,
            kind=CaseKind.HOLD,
            stage=Stage.PROMPT,
            due_at=now + 900,
            reason="A word.",
            quarantined=quarantined,
        )
        return video, open_case(tx, new, actor="policy").id


def ids(listed: dict[str, Any]) -> list[str]:
    return [each["id"] for each in listed["data"]]


def test_an_open_case_is_listed_shown_and_approved(run: Run, say: Say) -> None:
    assert run("reviews", "list") == NO_CASES
    container = load()
    video, case = held(container)
    assert ids(run("reviews", "list", code=4)) == [case]
    assert run("reviews", "show", case)["reason"] == "A word."
    done = run("reviews", "approve", case, "--reason", "Harmless.", "--by", "Ada")
    assert (done["decision"]["decided_by"], done["state"]) == ("Ada", "decided")
    with container.persistence.database.read_transaction(container.persistence.tenant) as tx:
        row = tx.one(videos, videos.c.id == video)
    assert row is not None
    assert (row.state, row.enqueue_count) == ("queued", 1), "a gateway's sweeper takes it up"
    assert run("reviews", "refuse", case, "--reason", "Late.", code=1)["error"]["code"] == "conflict"
    assert run("reviews", "list") == NO_CASES
    assert ids(run("reviews", "list", "--all")) == [case]
    assert "Approved, by Ada" in say("reviews", "show", case).out


def test_an_enrolled_person_is_the_same_at_the_terminal_as_on_the_pages(run: Run) -> None:
    container = load()
    people, tenant = container.persistence.people.service, container.persistence.tenant
    enrolled = {}
    for name, role in (("Ada Reed", "reviewer"), ("Bo", "reviewer"), ("Cy", "creator"), ("Dee", "owner")):
        new = NewPerson(name=name, email=f"{name[:2].lower()}@example.com", role=Role(role))
        enrolled[name] = people.add(operator(container), new).person
    with container.persistence.database.transaction(tenant) as tx:
        tx.update(people_table, people_table.c.name != "Dee", state="active")
    ada = enrolled["Ada Reed"]

    _, first = held(container)
    decided = run("reviews", "refuse", first, *AGAINST, "--by", "ada reed")
    assert decided["decision"]["decided_by"] == ada.id
    video, second = held(container)
    with container.persistence.database.transaction(tenant) as tx:
        tx.update(videos, videos.c.id == video, principal_id=ada.id)
    approve = ("reviews", "approve", second, "--reason", "Mine.", "--by")
    for by in (ada.id, ada.email, ada.name):
        assert run(*approve, by, code=1)["error"]["code"] == "permission_denied", by
    for by in ("cy@example.com", "Dee", "nobody@example.com", "user_x"):
        run(*approve, by, code=1)
    run("reviews", "refuse", second, *AGAINST, "--by", "Bo")


def test_doctor_says_which_open_holds_nobody_can_decide(run: Run) -> None:
    container = load()
    people = container.persistence.people.service
    held(container)
    held(container, quarantined=True)

    def check() -> dict[str, Any]:
        (found,) = (one for one in run("doctor", code=None)["checks"] if one["name"] == "open holds")
        return dict(found)

    for waiting, role, name in ((2, Role.REVIEWER, "Ada"), (1, Role.VAULT_OFFICER, "Vera")):
        found = check()
        assert (found["state"], f"{waiting} held videos" in found["message"]) == ("warning", True)
        assert "--role vault_officer" in found["remedy"]
        people.add(operator(container), NewPerson(name=name, email=f"{name}@example.com", role=role))
        with container.persistence.database.transaction(container.persistence.tenant) as tx:
            tx.update(people_table, people_table.c.name == name, state="active")
    assert check()["state"] == "ok"


def test_quarantined_cases_are_shown_only_to_the_vault_officer(run: Run) -> None:
    _, case = held(load(), quarantined=True)
    assert ids(run("reviews", "list")) == []
    assert run("reviews", "show", case, code=1)["error"]["code"] == "not_found"
    assert ids(run("reviews", "list", "--include-quarantined", code=4)) == [case]


def test_the_next_case_is_taken_and_skipped(run: Run) -> None:
    assert run("reviews", "next") is None
    _, case = held(load())
    assert run("reviews", "next", "--by", "Ada", code=4)["id"] == case
    assert run("reviews", "next", "--by", "Bo") is None
    skipped = run("reviews", "skip", case, "--by", "Ada", "--reason", "Not today.")
    assert skipped == {"id": case, "skipped": True}
    assert run("reviews", "next", "--by", "Ada") is None
    assert run("reviews", "list", "--late") == NO_CASES


def test_events_are_printed_as_lines_and_followed_until_ctrl_c(
    run: Run, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")
    container = load()
    _, first = held(container)
    held(container, quarantined=True)
    waits: list[str] = []

    def open_another(_seconds: float) -> None:
        if waits:
            raise KeyboardInterrupt
        waits.append(held(container)[1])

    monkeypatch.setattr("safelight.cli.reviews.time.sleep", open_another)
    said = say("reviews", "events", "--follow", "--json", code=130).out
    events = [json.loads(line) for line in said.splitlines()]
    assert [event["safelight"]["case_id"] for event in events] == [first, *waits]
    said = say("reviews", "events", "--after", str(events[0]["id"]), "--include-quarantined").out
    assert len(said.splitlines()) == 2
