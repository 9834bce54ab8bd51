"""The page of the audit log: the entries of one tenant without their content."""

from __future__ import annotations

import httpx

from safelight.accounts import KeyScope, Role
from support.console_server import ConsoleServer
from support.people import add_person


def test_the_page_shows_who_did_what_and_no_content(staff: httpx.Client, console: ConsoleServer) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        for number in range(101):
            tx.append_audit(
                "media.shown", subject=f"video_<{number}>", actor="ada", content={"sha256": "a secret"}
            )
        add_person(tx, "ada", role=Role.REVIEWER, name="Ada <Reed>")
    assert 'href="/compliance/log"' in staff.get("/compliance").text
    page = staff.get("/compliance/log?event=reads&person=ada").text
    assert ("video_&lt;100&gt;" in page, "a secret" in page) == (True, False)
    assert "Ada &lt;Reed&gt;" in page
    assert "video_&lt;0&gt;" not in page
    more = page.rpartition('" rel="next"')[0].rpartition('href="')[2].replace("&amp;", "&")
    assert "video_&lt;0&gt;" in staff.get(more).text
    assert "No entry matches." in staff.get("/compliance/log?event=nothing&before=x").text


def test_the_api_has_the_same_entries_in_pages_for_auditors_and_the_reads_for_leads(
    console: ConsoleServer,
) -> None:
    path, accounts, tenant = "/v1/safelight/audit_log", console.server.accounts, console.server.tenant
    with console.database.transaction(tenant) as tx:
        for number in range(3):
            tx.append_audit("case.undone", subject=f"video_{number}", actor="lin", content={"a": "secret"})
    other = accounts.create_tenant("other").id
    keys = {
        "lead": accounts.create_key(tenant, "l", {KeyScope.POLICY})[1],
        "auditor": accounts.create_key(tenant, "a", {KeyScope.AUDIT})[1],
        "reviewer": accounts.create_key(tenant, "r", {KeyScope.REVIEW})[1],
        "other": accounts.create_key(other, "o", {KeyScope.AUDIT})[1],
    }

    def read(who: str, **query: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {keys[who]}"}
        return httpx.get(f"{console.server.url}{path}", params=query, headers=headers, verify=False)

    first = read("auditor", event="case.undone", person="lin", limit="2").json()
    assert ([one["subject"] for one in first["data"]], first["has_more"]) == (["video_2", "video_1"], True)
    assert set(first["data"][0]) == {"seq", "at", "event", "subject", "actor", "name"}
    assert first["data"][0]["name"] is None
    before = str(first["data"][-1]["seq"])
    rest = read("auditor", event="case.undone", person="lin", before=before).json()
    assert ([one["subject"] for one in rest["data"]], rest["has_more"]) == (["video_0"], False)
    assert [one["subject"] for one in read("auditor", subject="video_1").json()["data"]] == ["video_1"]
    lead_and_more = read("lead", event="case.undone")
    assert read("reviewer", event="reads").status_code == lead_and_more.status_code == 403
    assert read("lead").json() == read("lead", event="reads").json()
    assert read("other", event="case.undone").json()["data"] == []
    for query in ({"limit": "101"}, {"before": "x"}, {"person": "x" * 201}):
        assert read("auditor", **query).status_code == 400
