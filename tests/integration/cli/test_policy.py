from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.coverage import _print_table
from safelight.cli.exit_codes import Exit
from safelight.cli.language import take_language
from safelight.policy.categories import SHIPPED
from safelight.policy.reference_cases import replay_records
from safelight.policy.replay import write_record

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_document_is_written_checked_compared_published_and_rolled_back(run: Run, tmp_path: Path) -> None:
    assert run("policy", "init")[0] == Exit.OK
    code, again = run("policy", "init")
    assert (code, again["error"]["code"]) == (Exit.ERROR, "conflict")
    assert run("policy", "check", "policy.yaml")[1]["problems"] == []

    path = tmp_path / "policy.yaml"
    path.write_text(path.read_text("utf-8").replace("thresholds: {}", "thresholds: {sx-1: 0.7}"), "utf-8")
    code, changes = run("policy", "diff", "starter", "policy.yaml")
    assert (code, [change["id"] for change in changes["rules"]]) == (Exit.OK, ["sx-1"])

    code, made = run("policy", "publish", "policy.yaml", "--by", "Ada")
    assert (code, made["published"]["version"]) == (Exit.OK, 1)
    assert [change["id"] for change in made["changes"]["rules"]] == ["sx-1"]
    assert run("policy", "show")[1]["name"] == "house"
    container = load()
    assert container.persistence.active_policy(container.persistence.tenant).name == "house"

    run("policy", "publish", "strict", "--by", "Ada")
    code, back = run("policy", "rollback", "--by", "Grace")
    assert (code, back["published"]["name"]) == (Exit.OK, "house")
    code, listed = run("policy", "show", "--versions")
    assert [(one["name"], one["active"]) for one in listed["policies"]] == [
        ("house", True),
        ("strict", False),
    ]
    assert run("policy", "show", made["published"]["id"])[1]["sha256"] == made["published"]["sha256"]


def test_every_problem_of_a_document_is_printed_with_its_line(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text(
        "policy: bad\nextends: starter\nrules:\n  - {id: x, acton: hold}\nruls: 1\n"
    )
    code, said = run("policy", "check", "bad.yaml")
    assert code == Exit.CONFIGURATION
    assert [(one["line"], one["remedy"]) for one in said["error"]["problems"]] == [
        (4, "Did you mean 'action'?"),
        (5, "Did you mean 'rules'?"),
    ]
    assert main(["policy", "check", "bad.yaml"]) == Exit.CONFIGURATION
    assert "bad.yaml:4: rules[x].acton" in capsys.readouterr().err.replace("rules[0]", "rules[x]")


def test_the_reference_cases_are_replayed_by_one_command(run: Run) -> None:
    code, report = run("policy", "replay", "starter", "--reference", "--fail-on-change")
    assert (code, report["changed"], report["unreadable"]) == (Exit.OK, 0, 0)
    assert report["records"] >= 500
    code, report = run("policy", "replay", "strict", "--reference", "--fail-on-change")
    assert code == Exit.ERROR
    assert report["changed"] > 0


def test_a_file_of_records_is_replayed_and_a_damaged_one_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "history.records"
    with path.open("wb") as file:
        for record in replay_records(SHIPPED):
            write_record(file, record)
    code, report = run("policy", "replay", "starter", "--file", "history.records")
    assert (code, report["changed"]) == (Exit.OK, 0)
    path.write_bytes(path.read_bytes()[:-5])
    code, said = run("policy", "replay", "starter", "--file", "history.records")
    assert (code, said["error"]["param"]) == (Exit.ERROR, "file")
    assert run("policy", "replay", "starter", "--file", "nothing.records")[0] == Exit.ERROR


def test_replay_of_an_empty_history_succeeds(run: Run) -> None:
    code, report = run("policy", "replay")
    assert (code, report["records"], report["policy"]) == (Exit.OK, 0, "starter")


def test_waivers_are_added_listed_and_revoked_by_their_name(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("waivers", "add", "gore", "--by", "Ada", "--reason", "No model sees it yet.")
    code, added = run(
        *arguments, "--category", "violence/graphic", "--category", "sexual/minors", "--expires", "30d"
    )
    assert (code, added["categories"]) == (Exit.OK, ["sexual/minors", "violence/graphic"])
    code, listed = run("waivers", "list")
    assert (code, [one["name"] for one in listed["waivers"]]) == (Exit.WAIVED, ["gore"])
    assert main(["waivers", "list"]) == Exit.WAIVED
    assert "Ada" in capsys.readouterr().out
    assert run("waivers", "revoke", "gore", "--by", "Grace")[0] == Exit.OK
    assert run("waivers", "list")[0] == Exit.OK
    code, everything = run("waivers", "list", "--all")
    assert everything["waivers"][0]["revoked_by"] == "Grace"
    code, said = run(*arguments, "--category", "gore")
    assert (code, said["error"]["param"]) == (Exit.ERROR, "categories")


def test_coverage_lists_detectors_figures_and_waivers(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    code, table = run("coverage")
    cells = {(cell["category"], cell["modality"]): cell for cell in table["cells"]}
    assert code == Exit.NOT_COVERED
    assert cells["violence/graphic", "frames"]["status"] == "not checked"
    assert cells["sexual", "text"]["detectors"]
    run("waivers", "add", "demo", "--by", "Ada", "--reason", "To look around.", "--category", "*")
    assert run("coverage")[0] == Exit.WAIVED
    assert main(["coverage"]) == Exit.WAIVED
    said = capsys.readouterr().out
    assert "accuracy not measured" in said
    assert "Waiver “demo”: allows that these are not checked: images (Violent extremism, " in said
    assert "audio (Violent extremism, Sexual content, Sexual content with a minor). Created by: Ada." in said


def test_a_waiver_for_all_mandatory_categories_names_them_with_their_modalities(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run("waivers", "add", "demo", "--by", "Ada", "--reason", "[red]To look\u202e around.", "--category", "*")
    main(["waivers", "list"])
    said = capsys.readouterr().out
    assert "frames (Violent extremism, A real person's likeness, " in said
    assert "Reason: [red]To look\ufffd around." in said
    main(["waivers", "list", "--lang", "zh-Hant"])
    assert "聲音（暴力極端主義、性相關內容、涉及未成年人的性內容）" in capsys.readouterr().out
    run("waivers", "revoke", "demo", "--by", "Grace")
    main(["waivers", "list", "--all"])
    said = capsys.readouterr().out
    assert "Revoked on " in said
    assert "Categories that may be unchecked: Violent extremism, A real person's likeness, " in said


@pytest.mark.parametrize("language", ["en", "zh-Hant"])
def test_the_coverage_table_of_60_columns_cuts_no_word(run: Run, language: str) -> None:
    run("waivers", "add", "demo", "--by", "Ada", "--reason", "To look around.", "--category", "*")
    container, output = load(), io.StringIO()
    take_language(["--lang", language])
    try:
        _print_table(
            Console(width=60, force_terminal=True, color_system=None, file=output),
            container.review.coverage.describe(),
            container.core.taxonomy,
        )
    finally:
        take_language([])
    rows = [line for line in output.getvalue().splitlines() if line.startswith("│")]
    assert rows
    assert all(cell_len(row) <= 60 for row in rows)
    assert "…" not in "".join(rows)
    assert {"en": " instructions ", "zh-Hant": " 真實人物的肖像 "}[language] in "".join(rows)


def test_a_rule_below_the_operating_points_of_the_classifiers_is_warned_about(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "low.yaml"
    path.write_text("policy: low\nextends: starter\nthresholds: {ha-2: 0.4}\n")

    for arguments in (("check", "low.yaml"), ("publish", "low.yaml", "--by", "Ada")):
        code, printed = run("policy", *arguments)
        assert code == Exit.OK
        assert ["ha-2" in warning for warning in printed["warnings"]] == [True]
    assert run("policy", "check", "starter")[1]["warnings"] == []


def test_the_coverage_table_is_computed_again_only_after_a_change(run: Run) -> None:
    run("waivers", "add", "demo", "--by", "Ada", "--reason", "To look around.", "--category", "*")
    describe = load().review.coverage.describe
    first = describe()
    assert [waiver["name"] for waiver in first["waivers"]] == ["demo"]
    assert describe() is first
    run("waivers", "revoke", "demo", "--by", "Ada")
    assert describe()["waivers"] == []
