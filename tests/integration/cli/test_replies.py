"""`safelight replies`."""

from __future__ import annotations

from support.commands import Run


def test_a_reply_is_saved_listed_and_removed(run: Run) -> None:
    made = run("replies", "save", "blow", "--en", "A blow was shown.", "--zh-hant", "出現了毆打畫面。")
    assert (made["name"], made["missing"]) == ("blow", ["zh-Hans"])
    run("replies", "save", "blow", "--en", "A blow.")
    [listed] = run("replies", "list")["data"]
    assert (listed["en"], listed["zh_hant"]) == ("A blow.", "")
    run("replies", "save", "blow", "--en", "<b>A blow</b>", code=1)
    assert run("replies", "remove", "blow")["deleted"]
    assert run("replies", "list")["data"] == []
    run("replies", "remove", "blow", code=1)
