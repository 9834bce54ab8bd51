from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import Container, load
from safelight.cli import main
from safelight.cli.demo import operator
from safelight.ids import new_id
from safelight.jobs.stage_records import record_stage
from safelight.moderation.evaluation import StageResult
from safelight.policy.coverage import Coverage
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.store.tables import people as people_table
from safelight.store.tables import videos
from safelight.trust.accounts import Role
from safelight.trust.people import NewPerson
from safelight.trust.reviews import CaseKind, NewCase, open_case

Run = Callable[..., tuple[int, Any]]
#: What a decision against a person names.
AGAINST = ("--reason", "A fight.", "--clause", "ha-2", "--facts", "A man is beaten.")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def held(container: Container, *, quarantined: bool = False) -> tuple[str, str]:
    """A video held at its prompt, and its case."""
    video = new_id("video")
    now = time.time()
    with container.persistence.database.transaction(container.persistence.tenant) as tx:
        tx.insert(
            videos,
            id=video,
            state="held",
            stage="prompt",
            created_at=now,
            updated_at=now,
            accepted_at=now,
            principal_id="key_1",
            model="storyboard",
            generator="storyboard",
            prompt="a lake",
            seconds=4,
            width=1280,
            height=720,
            request=b'{"pending":false}',
            request_sha256="0" * 64,
        )
        verdict = Verdict(
            action=Action.HOLD,
            stage=Stage.PROMPT,
            subject_sha256="0" * 64,
            policy="house",
            policy_sha256="0" * 64,
        )
        record_stage(
            tx,
            video,
            StageResult(stage=Stage.PROMPT, verdict=verdict, findings=(), coverage=Coverage(cells=())),
        )
        case = open_case(
            tx,
            NewCase(
                video_id=video,
                kind=CaseKind.HOLD,
                stage=Stage.PROMPT,
                due_at=now + 900,
                reason="A word.",
                quarantined=quarantined,
            ),
            actor="policy",
        )
    return video, case.id


def test_an_open_case_is_listed_shown_and_approved(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("reviews", "list") == (0, {"reviews": [], "has_more": False})
    container = load()
    video, case = held(container)
    code, listed = run("reviews", "list")
    assert (code, [each["id"] for each in listed["reviews"]]) == (4, [case])
    assert run("reviews", "show", case)[1]["reason"] == "A word."
    code, done = run("reviews", "approve", case, "--reason", "Harmless.", "--by", "Ada")
    assert (code, done["decision"]["decided_by"], done["state"]) == (0, "Ada", "decided")
    with container.persistence.database.read_transaction(container.persistence.tenant) as tx:
        row = tx.one(videos, videos.c.id == video)
    assert row is not None
    assert (row.state, row.enqueue_count) == ("queued", 1), "a gateway's sweeper takes it up"
    code, again = run("reviews", "refuse", case, "--reason", "Late.")
    assert (code, again["error"]["code"]) == (1, "conflict")
    assert run("reviews", "list")[0] == 0
    assert [each["id"] for each in run("reviews", "list", "--all")[1]["reviews"]] == [case]
    assert main(["reviews", "show", case]) == 0
    assert "Approved, by Ada" in capsys.readouterr().out


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
    decided = run("reviews", "refuse", first, *AGAINST, "--by", "ada reed")[1]
    assert decided["decision"]["decided_by"] == ada.id
    video, second = held(container)
    with container.persistence.database.transaction(tenant) as tx:
        tx.update(videos, videos.c.id == video, principal_id=ada.id)
    for by in (ada.id, ada.email, ada.name):
        code, refused = run("reviews", "approve", second, "--reason", "Mine.", "--by", by)
        assert (code, refused["error"]["code"]) == (1, "permission_denied"), by
    for by in ("cy@example.com", "Dee", "nobody@example.com", "user_x"):
        code, refused = run("reviews", "approve", second, "--reason", "Mine.", "--by", by)
        assert code == 1, by
    assert run("reviews", "refuse", second, *AGAINST, "--by", "Bo")[0] == 0


def test_doctor_says_which_open_holds_nobody_can_decide(run: Run) -> None:
    container = load()
    people = container.persistence.people.service
    held(container)
    held(container, quarantined=True)
    for waiting, role, name in ((2, Role.REVIEWER, "Ada"), (1, Role.VAULT_OFFICER, "Vera")):
        check = _doctor_check(run, "open holds")
        assert (check["state"], f"{waiting} held videos" in check["message"]) == ("warning", True)
        assert "--role vault_officer" in check["remedy"]
        people.add(operator(container), NewPerson(name=name, email=f"{name}@example.com", role=role))
        with container.persistence.database.transaction(container.persistence.tenant) as tx:
            tx.update(people_table, people_table.c.name == name, state="active")
    assert _doctor_check(run, "open holds")["state"] == "ok"


def _doctor_check(run: Run, name: str) -> dict[str, Any]:
    (found,) = (one for one in run("doctor")[1]["checks"] if one["name"] == name)
    return dict(found)


def test_quarantined_cases_are_shown_only_to_the_vault_officer(run: Run) -> None:
    _, case = held(load(), quarantined=True)
    assert run("reviews", "list")[1]["reviews"] == []
    assert run("reviews", "show", case)[1]["error"]["code"] == "not_found"
    assert [each["id"] for each in run("reviews", "list", "--include-quarantined")[1]["reviews"]] == [case]


def test_the_next_case_is_taken_and_skipped(run: Run) -> None:
    assert run("reviews", "next") == (0, {"review": None})
    _, case = held(load())
    code, taken = run("reviews", "next", "--by", "Ada")
    assert (code, taken["review"]["id"]) == (4, case)
    assert run("reviews", "next", "--by", "Bo") == (0, {"review": None})
    skipped = run("reviews", "skip", case, "--by", "Ada", "--reason", "Not today.")
    assert skipped == (0, {"id": case, "skipped": True})
    assert run("reviews", "next", "--by", "Ada") == (0, {"review": None})
    assert run("reviews", "list", "--late") == (0, {"reviews": [], "has_more": False})


def test_events_are_printed_as_lines_and_followed_until_ctrl_c(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    assert main(["reviews", "events", "--follow", "--json"]) == 130
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["safelight"]["case_id"] for event in events] == [first, *waits]
    assert main(["reviews", "events", "--after", str(events[0]["id"]), "--include-quarantined"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
