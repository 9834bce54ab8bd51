"""`safelight templates` and `safelight library` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.demo import operator
from safelight.errors import Unavailable
from safelight.ids import new_id
from safelight.store.tables import videos
from safelight.trust.accounts import KeyScope
from safelight.trust.library import EntryImport, ImportOutcome, Library

EXAMPLES = Path(__file__).parents[3] / "examples" / "templates"
SURROGATE = r'{"prompt": "a \ud800 lake", "category": "x"}'
Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, *(() if arguments[1] == "export" else ("--json",))])
        captured = capsys.readouterr()
        return code, json.loads(captured.out or captured.err)

    return call


def test_a_template_is_drafted_here_and_approved_with_the_key_of_another_person(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, added = run("templates", "add", str(EXAMPLES / "product-on-table.yaml"))
    assert (code, added["state"], added["author"]) == (0, "draft", "operator")
    code, submitted = run("templates", "submit", "product-on-table", "1")
    assert (submitted["state"], submitted["no_eligible_approver"]) == ("review", True)
    code, refused = run("templates", "approve", "product-on-table", "1")
    assert code != 0
    assert "stays in review" in refused["error"]["message"] + str(refused["error"])
    container = load()
    accounts = container.persistence.accounts
    _, token = accounts.create_key(
        container.persistence.tenant, "bea", scopes={KeyScope.REVIEW, KeyScope.VIDEOS_READ}
    )
    monkeypatch.setenv("SAFELIGHT_API_KEY", token)
    code, approved = run("templates", "approve", "product-on-table", "1", "--use-key")
    assert (code, approved["state"], approved["approver"]) == (0, "approved", "bea")
    values = (
        "--set",
        "PRODUCT=blue mug",
        "--set",
        "SURFACE=linen cloth",
        "--set",
        "LIGHTING_STYLE=soft daylight",
    )
    code, rendered = run("templates", "render", "product-on-table", *values)
    assert rendered["prompt"] == "A blue mug turns slowly on a linen cloth, soft daylight, studio commercial."
    code, listed = run("templates", "list")
    assert [each["name"] for each in listed["templates"]] == ["product-on-table"]
    assert main(["templates", "show", "product-on-table"]) == 0
    shown = capsys.readouterr().out
    assert "[CAMERA] (optional)" in shown
    assert "Videos made from this version: 0" in shown
    assert run("templates", "retire", "product-on-table", "1")[1]["state"] == "retired"


def test_a_key_that_is_wrong_or_missing_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAFELIGHT_API_KEY", raising=False)
    code, refused = run("templates", "add", str(EXAMPLES / "landscape.yaml"), "--use-key")
    assert (code != 0, refused["error"]["code"]) == (True, "invalid_api_key")
    assert run("templates", "list")[1] == {"templates": []}


def test_wrong_values_name_the_slots(run: Run) -> None:
    run("templates", "add", str(EXAMPLES / "landscape.yaml"))
    code, refused = run("templates", "render", "landscape", "--version", "1", "--set", "WEATHER=hail")
    assert code != 0
    assert "[LANDSCAPE] needs a value" in refused["error"]["message"]
    assert run("templates", "render", "landscape", "--version", "1", "--set", "WEATHER")[0] != 0


def test_a_prompt_is_added_exported_and_imported_elsewhere(run: Run, tmp_path: Path) -> None:
    container = load()
    video = new_id("video")
    with container.persistence.database.transaction(container.persistence.tenant) as tx:
        tx.insert(
            videos,
            id=video,
            state="delivered",
            stage="delivery",
            created_at=1.0,
            updated_at=1.0,
            principal_id="key_1",
            model="storyboard",
            generator="storyboard",
            prompt="a quiet lake",
            seconds=4,
            width=1280,
            height=720,
            request=b"{}",
            request_sha256="0" * 64,
            verdict_action="allow",
        )
    code, added = run("library", "add", video, "--category", "landscape", "--notes", "still water")
    assert (code, added["prompt"], added["proofs"]) == (0, "a quiet lake", 1)
    assert [one["id"] for one in run("library", "search", "LAKE")[1]["entries"]] == [added["id"]]
    code, exported = run("library", "export")
    assert [one["notes"] for one in exported["data"]] == ["still water"]
    assert run("library", "remove", added["id"])[1]["deleted"] is True
    assert run("library", "list")[1] == {"entries": []}
    file = tmp_path / "entries.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in exported["data"]) + "\n", encoding="utf-8-sig")
    code, imported = run("library", "import", str(file))
    assert (code, imported["added"]) == (0, 1)
    assert run("library", "list")[1]["entries"][0]["status"] == "unproven"
    code, again = run("library", "import", str(file))
    assert (code, again["results"][0]["outcome"]) == (0, "known")


def test_an_error_in_a_later_part_of_an_import_does_not_hide_what_was_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = [(EntryImport(number=1, outcome=ImportOutcome.ADDED),)]

    def import_entries(*_: object) -> tuple[EntryImport, ...]:
        if not parts:
            raise Unavailable("The database is busy.")
        return parts.pop()

    monkeypatch.setattr(Library, "import_entries", import_entries)
    line = json.dumps({"prompt": "a quiet lake", "category": "x"})
    (tmp_path / "many.jsonl").write_text("\n".join([line] * 201))
    assert main(["library", "import", "many.jsonl", "--json"]) != 0
    found = json.loads(capsys.readouterr().out)
    assert (found["added"], len(found["results"])) == (1, 2)
    assert found["results"][1] == {
        "number": 201,
        "outcome": "not_checked",
        "reason": "The database is busy.",
    }


@pytest.mark.parametrize("text", ["", "[]", "{not json", '{"prompt": "a"}', '[{"category": "a"}]', SURROGATE])
def test_a_file_without_valid_entries_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "entries.json"
    file.write_text(text)
    code, refused = run("library", "import", str(file))
    assert code != 0
    assert refused["error"]["param"] in {"file", "entries"}


@pytest.fixture
def approved(run: Run, tmp_path: Path) -> Path:
    """A folder whose policy demands a template, with the approved template `lake`."""
    (tmp_path / "team.yaml").write_text("policy: team\nextends: starter\ntemplates: required\n")
    (tmp_path / "safelight.toml").write_text('[policy]\ndocument = "team.yaml"\n')
    (tmp_path / "lake.yaml").write_text(
        "template: lake\ntext: 'a quiet lake at [TIME]'\nslots: {TIME: {values: [dawn, noon]}}\n"
    )
    run("templates", "add", "lake.yaml")
    run("templates", "submit", "lake", "1")
    container = load(tmp_path / "safelight.toml")
    someone = replace(operator(container), id="bea", scopes=frozenset(KeyScope))
    container.prompts.templates.approve(someone, "lake", 1)
    return tmp_path


def test_a_plan_without_a_gateway_makes_the_prompts_of_local_templates(run: Run, approved: Path) -> None:
    rows = "template,slot.TIME,seconds,model,prompt\nlake,dawn,4,wan,\nlake,dusk,4,wan,\n,,4,wan,A lake\n"
    (approved / "shots.csv").write_text(rows)
    code, plan = run("batch", "plan", "shots.csv", "--price", "wan=0.1")
    assert code == 3
    first, second, third = plan["rows"]
    assert (first["sent"], first["worst_usd"]) == (True, 0.4)
    assert "'dusk' is not allowed for [TIME]" in second["reason"]
    assert "demands a template" in third["reason"]


def test_a_check_and_a_lint_say_that_a_template_is_demanded(
    run: Run, approved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checked = run("check", "A paper boat on a pond")
    assert (checked["verdict"], checked["template_required"]) == ("allow", True)
    assert main(["check", "A paper boat on a pond"]) is not None
    assert "demands a template" in capsys.readouterr().out
    (approved / "prompts.txt").write_text("A paper boat on a pond\nA red kite\n")
    _, linted = run("lint", "prompts.txt")
    found = [each for each in linted["findings"] if each["rule"] == "template-required"]
    assert [(each["level"], each["line"]) for each in found] == [("warning", 1)]
    (approved / "team.yaml").write_text("policy: team\nextends: starter\n")
    _, linted = run("lint", "prompts.txt")
    assert not any(each["rule"] == "template-required" for each in linted["findings"])
