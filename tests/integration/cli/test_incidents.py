"""`safelight incidents`."""

from __future__ import annotations

from support.commands import Run, Say


def test_an_incident_is_opened_changed_closed_and_listed_at_the_terminal(run: Run, say: Say) -> None:
    assert "No incident was recorded." in say("incidents", "list").out
    opening = ("--kind", "untrusted", "--severity", "major", "--began", "2026-11-01T09:15")
    made = run("incidents", "open", *opening, "--note", "The key lay in a chat.")
    assert (made["object"], made["state"], made["published"]) == ("incident", "open", False)
    name = made["id"]
    run("incidents", "update", name, "--publish", code=1)
    sentence = "A signing key had to be replaced."
    assert run("incidents", "update", name, "--publish", "--sentence", sentence)["published"]
    assert not run("incidents", "update", name, "--no-publish")["published"]
    run("incidents", "close", name, "--revision", "0", "--done", "Replaced.", code=1)
    assert run("incidents", "close", name, "--done", "Replaced.")["state"] == "closed"
    [listed] = run("incidents", "list")["data"]
    assert listed == run("incidents", "show", name)
    page = say("incidents", "show", name, "--lang", "zh-Hant").out
    assert "重大, 標記或金鑰不可信, 已結案" in page
    assert sentence in page
    assert "沒有事故" in say("incidents", "show", "incident_0", "--lang", "zh-Hant", code=1).err
    run("incidents", "open", *opening, "--video", "video_1", code=1)
