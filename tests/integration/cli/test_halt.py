"""`safelight halt`, and what `safelight doctor` says while it is in force."""

from __future__ import annotations

from support.commands import FAILED, Run, Say


def test_a_category_and_a_tenant_are_halted_listed_and_ended(run: Run, say: Say) -> None:
    assert "Nothing is halted." in say("halt", "list").out
    made = run("halt", "category", "hate", "--reason", "Seen at night.", "--expires", "8h")
    assert (made["object"], made["kind"], made["target"], made["tenant"]) == (
        "halt",
        "category",
        "hate",
        None,
    )
    assert (
        "已經停用" in say("halt", "category", "hate", "--reason", "x", "--lang", "zh-Hant", code=FAILED).err
    )
    run("keys", "create", "app", "--new-tenant", "acme")
    other = run("halt", "tenant", "acme", "--reason", "A flood.")
    assert other["target"].startswith("tenant_")
    assert [one["id"] for one in run("halt", "list")["data"]] == [made["id"], other["id"]]
    assert f"{made['id']}  category hate" in say("halt", "list").out
    checks = {one["name"]: one for one in run("doctor", code=None)["checks"]}
    assert checks["halts"]["state"] == "warning"
    assert "category hate" in checks["halts"]["message"]
    assert run("halt", "end", made["id"]) == made
    assert "has ended already" in say("halt", "end", made["id"], code=FAILED).err
    run("halt", "end", other["id"])
    assert "目前沒有停用" in say("halt", "list", "--lang", "zh-Hant").out


def test_what_is_not_known_is_refused_with_what_is(say: Say) -> None:
    assert "acme" not in say("halt", "tenant", "nobody", "--reason", "x", code=FAILED).err
    assert "Did you mean 'hate'?" in say("halt", "category", "hatee", "--reason", "x", code=FAILED).err
    assert "Use one of" in say("halt", "model", "x9", "--reason", "x", code=FAILED).err
    assert "--reason" in say("halt", "model", "x9", code=FAILED).err
