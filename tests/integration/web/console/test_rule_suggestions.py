"""A lead sees which rules are wrong too often; one click replays a draft and publishes nothing."""

from __future__ import annotations

import html
import re

import httpx

from safelight.policy import documents as policies
from safelight.policy.findings import SHIPPED
from support.console_server import ConsoleServer
from support.decided_appeals import add_decided_appeals


def decide_appeals(console: ConsoleServer, rule: str, *, overturned: int, upheld: int) -> None:
    sha256 = policies.load("starter", SHIPPED).sha256
    with console.database.transaction(console.server.tenant) as tx:
        add_decided_appeals(tx, rule, overturned=overturned, upheld=upheld, policy_sha256=sha256)


def test_a_rule_with_many_won_appeals_is_named_and_its_draft_is_replayed_with_one_click(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    assert "No rule has an interval" in staff.get("/review/quality").text
    decide_appeals(console, "vi-3", overturned=15, upheld=10)
    decide_appeals(console, "sm-1", overturned=20, upheld=5)
    decide_appeals(console, "ip-2", overturned=1, upheld=24)
    page = staff.get("/review/quality").text
    assert "15 / 25 · 60.00 %" in page
    assert "40.74 % – 76.60 %" in page
    assert "<code>ip-2</code>" not in page
    # A locked rule is named, without a draft.
    assert "<code>sm-1</code>" in page
    (draft,) = re.findall(r'name="document" value="([^"]*)"', page)
    before = len(console.policies.list())
    replayed = staff.post("/policy", data={"document": html.unescape(draft), "action": "replay"}).text
    assert "~ vi-3" in replayed
    assert "<del>0.5</del> → <ins>0.6</ins>" in replayed
    assert len(console.policies.list()) == before
