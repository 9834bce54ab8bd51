"""`safelight templates` and `safelight library` on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from safelight.accounts import KeyScope
from safelight.app.container import load
from safelight.cli.demo import operator
from safelight.core.errors import Unavailable
from safelight.videos.library import EntryImport, ImportOutcome, Library
from support.commands import Run, Say
from support.videos import add_video

EXAMPLES = Path(__file__).parents[3] / "examples" / "templates"
SURROGATE = r'{"prompt": "a \ud800 lake", "category": "x"}'
MUG = ("templates", "render", "product-on-table", "--set", "PRODUCT=blue mug", "--set", "SURFACE=linen cloth")
LAKE = ("templates", "render", "landscape", "--version", "1", "--set")


def test_a_template_is_drafted_here_and_approved_with_the_key_of_another_person(
    run: Run, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = run("templates", "add", str(EXAMPLES / "product-on-table.yaml"))
    assert (added["state"], added["author"]) == ("draft", "operator")
    submitted = run("templates", "submit", "product-on-table", "1")
    assert (submitted["state"], submitted["no_eligible_approver"]) == ("review", True)
    assert "stays in review" in str(run("templates", "approve", "product-on-table", "1", code=1)["error"])
    persistence = load().persistence
    scopes = {KeyScope.REVIEW, KeyScope.VIDEOS_READ}
    _, token = persistence.accounts.create_key(persistence.tenant, "bea", scopes=scopes)
    monkeypatch.setenv("SAFELIGHT_API_KEY", token)
    approved = run("templates", "approve", "product-on-table", "1", "--use-key")
    assert (approved["state"], approved["approver"]) == ("approved", "bea")
    rendered = run(*MUG, "--set", "LIGHTING_STYLE=soft daylight")
    assert rendered["prompt"] == "A blue mug turns slowly on a linen cloth, soft daylight, studio commercial."
    assert [each["name"] for each in run("templates", "list")["data"]] == ["product-on-table"]
    shown = say("templates", "show", "product-on-table").out
    assert "[CAMERA] (optional)" in shown
    assert "Videos made from this version: 0" in shown
    assert run("templates", "retire", "product-on-table", "1")["state"] == "retired"


def test_a_missing_key_changes_nothing_and_wrong_values_name_the_slots(run: Run) -> None:
    landscape = str(EXAMPLES / "landscape.yaml")
    refused = run("templates", "add", landscape, "--use-key", code=1)
    assert refused["error"]["code"] == "invalid_api_key"
    assert run("templates", "list") == {"object": "list", "data": [], "has_more": False}
    run("templates", "add", landscape)
    assert "[LANDSCAPE] needs a value" in run(*LAKE, "WEATHER=hail", code=1)["error"]["message"]
    run(*LAKE, "WEATHER", code=1)


def test_a_prompt_is_added_exported_and_imported_elsewhere(run: Run, say: Say, folder: Path) -> None:
    persistence = load().persistence
    with persistence.database.transaction(persistence.tenant) as tx:
        video = add_video(
            tx, state="delivered", stage="delivery", prompt="a quiet lake", verdict_action="allow"
        )
    added = run("library", "add", video, "--category", "landscape", "--notes", "still water")
    assert (added["prompt"], added["proofs"]) == ("a quiet lake", 1)
    assert [one["id"] for one in run("library", "search", "LAKE")["data"]] == [added["id"]]
    exported = json.loads(say("library", "export").out)["data"]
    assert [one["notes"] for one in exported] == ["still water"]
    assert run("library", "remove", added["id"])["object"] == "library.entry.deleted"
    assert run("library", "list")["data"] == []
    file = folder / "entries.jsonl"
    file.write_text("\n".join(map(json.dumps, exported)) + "\n", encoding="utf-8-sig")
    assert run("library", "import", str(file))["added"] == 1
    assert run("library", "list")["data"][0]["status"] == "unproven"
    assert run("library", "import", str(file))["results"][0]["outcome"] == "known"


def test_an_error_in_a_later_part_of_an_import_does_not_hide_what_was_added(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [(EntryImport(number=1, outcome=ImportOutcome.ADDED),)]

    def import_entries(*_: object) -> tuple[EntryImport, ...]:
        if not parts:
            raise Unavailable("The database is busy.")
        return parts.pop()

    monkeypatch.setattr(Library, "import_entries", import_entries)
    line = json.dumps({"prompt": "a quiet lake", "category": "x"})
    (folder / "many.jsonl").write_text("\n".join([line] * 201))
    found = run("library", "import", "many.jsonl", code=1)
    assert (found["added"], len(found["results"])) == (1, 2)
    assert found["results"][1] == {
        "number": 201,
        "outcome": "not_checked",
        "reason": "The database is busy.",
    }


def test_a_file_without_valid_entries_is_refused(run: Run, folder: Path) -> None:
    for text in ("", "[]", "{not json", '{"prompt": "a"}', '[{"category": "a"}]', SURROGATE):
        (folder / "entries.json").write_text(text)
        error = run("library", "import", "entries.json", code=1)["error"]
        assert error["param"] in {"file", "entries"}, text


def test_where_the_policy_demands_a_template_a_plan_and_a_check_say_so(
    run: Run, say: Say, folder: Path
) -> None:
    (folder / "team.yaml").write_text("policy: team\nextends: starter\ntemplates: required\n")
    (folder / "safelight.toml").write_text('[policy]\ndocument = "team.yaml"\n')
    (folder / "lake.yaml").write_text(
        "template: lake\ntext: 'a quiet lake at [TIME]'\nslots: {TIME: {values: [dawn, noon]}}\n"
    )
    run("templates", "add", "lake.yaml")
    run("templates", "submit", "lake", "1")
    container = load(folder / "safelight.toml")
    someone = replace(operator(container), id="bea", scopes=frozenset(KeyScope))
    container.templates.approve(someone, "lake", 1)

    rows = "template,slot.TIME,seconds,model,prompt\nlake,dawn,4,wan,\nlake,dusk,4,wan,\n,,4,wan,A lake\n"
    (folder / "shots.csv").write_text(rows)
    first, second, third = run("batch", "plan", "shots.csv", "--price", "wan=0.1", code=3)["rows"]
    assert (first["sent"], first["worst_usd"]) == (True, 0.4)
    assert "'dusk' is not allowed for [TIME]" in second["reason"]
    assert "demands a template" in third["reason"]

    checked = run("check", "A paper boat on a pond", code=None)
    assert (checked["verdict"], checked["template_required"]) == ("allow", True)
    assert "demands a template" in say("check", "A paper boat on a pond", code=None).out
    (folder / "prompts.txt").write_text("A paper boat on a pond\nA red kite\n")
    assert say("check", "--rows", "prompts.txt", code=None).out.count("demands a template") == 1
    (folder / "team.yaml").write_text("policy: team\nextends: starter\n")
    assert "demands a template" not in say("check", "--rows", "prompts.txt", code=None).out
