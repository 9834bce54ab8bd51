"""A lead sees which rules are wrong too often; one click replays a draft and publishes nothing."""

from __future__ import annotations

import html
import re
import time

import httpx

from safelight.ids import new_id
from safelight.policy import documents as policies
from safelight.policy.categories import SHIPPED
from safelight.policy.findings import Stage
from safelight.store.tables import decisions, verdicts
from safelight.trust.reviews import CaseKind, CaseState, NewCase, open_case
from safelight.trust.reviews.store import close_case
from support.console_server import ConsoleServer

from .test_pages_without_js import staff, stranger

__all__ = ["staff", "stranger"]


def decide_appeals(console: ConsoleServer, rule: str, *, overturned: int, upheld: int) -> None:
    policy = policies.load("starter", SHIPPED)
    for number in range(overturned + upheld):
        new = NewCase(
            video_id=new_id("video"),
            kind=CaseKind.APPEAL,
            stage=Stage.PROMPT,
            due_at=time.time() + 900,
            category="violence",
            rule=rule,
        )
        with console.database.transaction(console.server.tenant) as tx:
            case = open_case(tx, new, actor="policy")
            close_case(tx, case.id, state=CaseState.OPEN)
            tx.insert(
                verdicts,
                id=new_id("verdict"),
                video_id=case.video_id,
                stage="prompt",
                action="block",
                category="violence",
                rule=rule,
                subject_sha256="",
                policy="starter",
                policy_sha256=policy.sha256,
                body=b"",
                created_at=tx.now(),
            )
            tx.insert(
                decisions,
                id=new_id("decision"),
                case_id=case.id,
                video_id=case.video_id,
                action="overturn" if number < overturned else "uphold",
                reason="Seen.",
                decided_by="ada",
                at=tx.now(),
                verdict_ids=[],
            )


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
