"""`safelight vault`, and the check of `safelight doctor`."""

from __future__ import annotations

from typing import Any

from safelight.accounts import Role
from safelight.app.container import load
from safelight.core.ids import new_id
from safelight.store.tables import people
from safelight.videos.vault_entries import VaultKind, open_entry
from support.commands import Run, Say
from support.people import add_person
from support.videos import add_video

BY = ("--by", "vera@example.com")


def test_an_officer_lists_and_decides_at_the_terminal(run: Run, say: Say) -> None:
    container, vera = load(), new_id("user")
    persistence = container.persistence

    def check() -> Any:
        (found,) = (one for one in run("doctor", code=None)["checks"] if one["name"] == "vault")
        return found

    run("vault", "list", "--by", "Vera", code=1)
    with persistence.database.transaction(persistence.tenant) as tx:
        open_entry(tx, add_video(tx), VaultKind.QUARANTINED)
    assert (check()["state"], "wait: 1." in check()["message"]) == ("warning", True)
    assert "--role vault_officer" in check()["remedy"]
    ready = container.readiness.describe()
    assert ready["vault_entries_nobody_can_decide"] == {"quarantined": 1}
    assert "database" not in ready["unready"]
    assert "等待處理的項目：1 筆" in say("doctor", "--lang", "zh-Hant", code=None).out
    with persistence.database.transaction(persistence.tenant) as tx:
        add_person(tx, vera, role=Role.VAULT_OFFICER, email=BY[1])
        add_person(tx, new_id("user"), role=Role.OWNER, email="ada@example.com")
    assert check()["state"] == "ok"
    run("vault", "list", "--by", "ada@example.com", code=1)
    (entry,) = run("vault", "list", *BY, code=4)["data"]
    assert "quarantined" in say("vault", "list", *BY, code=4).out
    made = run("vault", "decide", entry["id"], "confirmed", *BY, "--note", "Seen.")
    assert (made["decision"], made["decided_by"]) == ("confirmed", vera)
    assert run("vault", "decide", entry["id"], "dismissed", *BY, code=1)["error"]["code"] == "conflict"
    assert run("vault", "list", *BY)["data"] == []
    assert "確認" in say("vault", "list", "--closed", *BY, "--lang", "zh-Hant").out
    with persistence.database.transaction(persistence.tenant) as tx:
        tx.update(people, people.c.id == vera, state="disabled")
    run("vault", "list", *BY, code=1)
