"""The page on which cases are decided together, without JavaScript, and the same by API."""

from __future__ import annotations

import re

import httpx
import pytest

from safelight.accounts import KeyScope
from safelight.store import tables
from safelight.videos.case_rows import Case, CaseState
from support.console_server import ConsoleServer

from .conftest import create_video


@pytest.fixture
def held(staff: httpx.Client, console: ConsoleServer) -> list[Case]:
    """Three open cases of one person, and no others."""
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, state="expired", dedup_key=None)
        tx.delete(tables.exposures)
    made = [console.hold(create_video(staff, f"a door <{number}>")) for number in range(3)]
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id.in_([one.id for one in made]), account="user_1")
    return made


def state(console: ConsoleServer, case: Case) -> str:
    with console.database.read_transaction(console.server.tenant) as tx:
        (row,) = tx.select(tables.cases, tables.cases.c.id == case.id)
    return str(row.state)


def test_cases_are_previewed_decided_without_one_and_undone(
    staff: httpx.Client, console: ConsoleServer, held: list[Case]
) -> None:
    first, second, third = held
    assert f'href="/review/{first.id}/same"' in staff.get(f"/review/{first.id}").text
    page = staff.get(f"/review/{first.id}/same")
    assert "Open cases that would be decided together: 3." in page.text
    assert "a door &lt;1&gt;" in page.text
    fields = dict(re.findall(r'name="(version_case_\w+)" value="(\d+)" checked', page.text))
    assert set(fields) == {f"version_{one.id}" for one in held}
    del fields[f"version_{third.id}"]
    form = {**fields, "same": "person", "action": "approve", "reason": ""}
    again = staff.post(f"/review/{first.id}/same", data=form)
    assert again.status_code == 400
    assert again.text.count("checked>") == 2
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == second.id, version=second.version + 1)
    done = staff.post(f"/review/{first.id}/same", data={**form, "reason": "The same door."})
    assert "Decided together: 1." in done.text
    assert "undone for" not in done.text
    left_out = done.text.partition('id="left-out"')[2]
    assert (second.id in left_out, "changed after you opened it" in left_out) == (True, True)
    assert [state(console, one) for one in held] == [CaseState.PENDING, CaseState.OPEN, CaseState.OPEN]
    (undo,) = re.findall(r'action="(/review/same/bulk_\w+/undo)"', done.text)
    assert "Open again: 1." in staff.post(undo, data={"same": "person"}).text
    assert state(console, first) == CaseState.OPEN
    assert staff.post(undo, data={"same": "person"}).status_code == 404
    with console.database.read_transaction(console.server.tenant) as tx:
        assert tx.count(tables.exposures) == 0


def test_the_page_says_what_was_carried_out_and_what_was_not(
    staff: httpx.Client, console: ConsoleServer, held: list[Case]
) -> None:
    path = f"/review/{held[0].id}/same"
    versions = dict(re.findall(r'name="(version_case_\w+)" value="(\d+)" checked', staff.get(path).text))
    done = staff.post(path, data={**versions, "same": "person", "action": "approve", "reason": "x"})
    (result,) = re.findall(r'data-result="(/review/same/bulk_\w+)"', done.text)
    assert "data-undo" in staff.get(result).text
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == held[2].id, state=CaseState.EXPIRED.value)
    console.carry_out_decisions()
    page = staff.get(result).text
    assert ("Carried out: 2." in page, "data-undo" in page) == (True, False)
    assert held[2].id in page.partition("Not carried out: 1")[2]


def test_cases_are_decided_together_by_the_rule_fields_of_one_case(
    staff: httpx.Client, console: ConsoleServer, held: list[Case]
) -> None:
    first, path = held[0], f"/review/{held[0].id}/same"
    page = staff.get(path).text
    fields = re.compile(
        r'<(?:input|textarea|datalist)[^>]* (?:name="(?:clause|other_clause|facts)"|id="rules").*'
    )
    of_one = [
        one for one in fields.findall(staff.get(f"/review/{first.id}").text) if 'data-key="0"' not in one
    ]
    # Of many cases no key says that the finding is wrong: that needs words.
    assert fields.findall(page) == of_one != []
    found = re.search(r'<option value="vi-3" label="vi-3: ([^"]+)"', page)
    assert found is not None
    versions = dict(re.findall(r'name="(version_case_\w+)" value="(\d+)" checked', page))
    ground = {"other_clause": "vi-3", "facts": found[1], "suggested_approve": found[1]}
    staff.post(path, data={**versions, **ground, "same": "person", "action": "approve", "reason": "x"})
    with console.database.read_transaction(console.server.tenant) as tx:
        made = tx.select(tables.pending_decisions, tables.pending_decisions.c.case_id == first.id)
    # The sentence of the rule says why the content breaks it, which an approval does not say.
    assert [(one.clause, one.facts) for one in made] == [("vi-3", None)]


def test_a_case_that_another_reviewer_has_open_is_named_in_the_language_of_the_page(
    staff: httpx.Client, console: ConsoleServer, held: list[Case]
) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        taken = tables.cases.c.id == held[1].id
        tx.update(tables.cases, taken, leased_by="user_2", leased_until=tx.now() + 60)
    page = staff.get(f"/review/{held[0].id}/same", headers={"accept-language": "zh-TW"})
    assert "另一位審核員正在處理這個案件。" in page.text.partition('id="left-out"')[2]


def test_a_case_without_a_single_reporter_says_so(staff: httpx.Client, held: list[Case]) -> None:
    page = staff.get(f"/review/{held[0].id}/same?same=reporter")
    assert (page.status_code, "has no single reporter" in page.text) == (409, True)
    assert staff.get(f"/review/{held[0].id}/same?same=nothing").status_code == 400


def test_the_api_does_the_same(console: ConsoleServer, held: list[Case]) -> None:
    path = f"/v1/reviews/{held[0].id}/same"
    _, key = console.server.accounts.create_key(console.server.tenant, "reviews", {KeyScope.REVIEW})
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=console.server.url, headers=headers, verify=False) as client:
        found = client.get(path, params={"same": "person"}).json()
        assert (len(found["data"]), found["has_more"], found["left_out"]) == (3, False, [])
        body = {
            "same": "person",
            "versions": {one["id"]: one["version"] for one in found["data"]},
            "action": "approve",
            "reason": "The same door.",
        }
        made = client.post(f"{path}/decision", json=body).json()
        assert (made["object"], len(made["cases"]), made["undo_s"]) == ("review.bulk_decision", 3, 10)
        undone = client.post(f"/v1/reviews/same/{made['id']}/undo").json()
        assert undone["cases"] == made["cases"]
        assert client.post(f"{path}/decision", json={**body, "versions": {}}).status_code == 400
