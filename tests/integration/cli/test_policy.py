"""`safelight policy`, `waivers` and `coverage`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from safelight.app.container import load
from safelight.cli.coverage import _print_table
from safelight.cli.output import Exit
from safelight.policy.findings import SHIPPED
from safelight.policy.points import move_point
from safelight.policy.reference_cases import replay_records
from safelight.policy.replay import write_record
from support.commands import Run, Say, speaking

REFERENCE = ("--reference", "--fail-on-change")
FILE = ("policy", "replay", "starter", "--file")


def waive(run: Run, reason: str = "To look around.") -> None:
    run("waivers", "add", "demo", "--by", "Ada", "--reason", reason, "--category", "*")


def test_a_document_is_written_checked_compared_published_and_rolled_back(run: Run, folder: Path) -> None:
    run("policy", "init")
    assert run("policy", "init", code=Exit.ERROR)["error"]["code"] == "conflict"
    assert run("policy", "check", "policy.yaml")["problems"] == []

    path = folder / "policy.yaml"
    path.write_text(path.read_text("utf-8").replace("thresholds: {}", "thresholds: {sx-1: 0.7}"), "utf-8")
    made = run("policy", "publish", "policy.yaml", "--by", "Ada")
    assert made["published"]["version"] == 1
    for changes in (run("policy", "diff", "starter", "policy.yaml"), made["changes"]):
        assert [change["id"] for change in changes["rules"]] == ["sx-1"]
    assert run("policy", "show")["name"] == "house"
    persistence = load().persistence
    assert persistence.active_policy(persistence.tenant).name == "house"

    run("policy", "publish", "strict", "--by", "Ada")
    assert run("policy", "rollback", "--by", "Grace")["published"]["name"] == "house"
    versions = run("policy", "show", "--versions")["policies"]
    assert [(one["name"], one["active"]) for one in versions] == [("house", True), ("strict", False)]
    assert run("policy", "show", made["published"]["id"])["sha256"] == made["published"]["sha256"]


def test_a_policy_of_the_own_tenant_is_the_one_that_commands_replace(run: Run, say: Say) -> None:
    persistence = load().persistence
    run("policy", "publish", "strict", "--by", "Ada")
    own = move_point(persistence.active_policy(persistence.tenant), SHIPPED, "sx-1", 0.9)
    persistence.policies.publish(own, published_by="Ada", tenant=persistence.tenant)
    assert [one["name"] for one in run("policy", "show", "--versions")["policies"]] == ["house"]
    run("policy", "publish", "creative", "--by", "Ada")
    assert run("policy", "show")["name"] == "creative"
    assert run("policy", "rollback", "--by", "Ada")["published"]["name"] == "house"
    assert "for this tenant only" in say("policy", "show", "--versions").out
    assert "In force again: the policy of the installation" in say("policy", "rollback", "--by", "Ada").out
    assert run("policy", "show")["name"] == "strict"
    assert [one.name for one in persistence.policies.list()] == ["strict"]


def test_every_problem_of_a_document_is_printed_with_its_line(run: Run, say: Say, folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        "policy: bad\nextends: starter\nrules:\n  - {id: x, acton: hold}\nruls: 1\n"
    )
    error = run("policy", "check", "bad.yaml", code=Exit.CONFIGURATION)["error"]
    assert [(one["line"], one["remedy"]) for one in error["problems"]] == [
        (4, "Did you mean 'action'?"),
        (5, "Did you mean 'rules'?"),
    ]
    said = say("policy", "check", "bad.yaml", code=Exit.CONFIGURATION).err
    assert "bad.yaml:4: rules[x].acton" in said.replace("rules[0]", "rules[x]")


def test_reference_cases_a_file_and_an_empty_history_are_replayed_and_a_damaged_file_is_refused(
    run: Run, folder: Path
) -> None:
    report = run("policy", "replay", "starter", *REFERENCE)
    assert (report["changed"], report["unreadable"], report["records"] >= 500) == (0, 0, True)
    assert run("policy", "replay", "strict", *REFERENCE, code=Exit.ERROR)["changed"] > 0
    path = folder / "history.records"
    with path.open("wb") as file:
        for record in replay_records(SHIPPED):
            write_record(file, record)
    assert run(*FILE, path.name)["changed"] == 0
    path.write_bytes(path.read_bytes()[:-5])
    assert run(*FILE, path.name, code=Exit.ERROR)["error"]["param"] == "file"
    run(*FILE, "nothing.records", code=Exit.ERROR)
    report = run("policy", "replay")
    assert (report["records"], report["policy"]) == (0, "starter")


def test_waivers_are_added_listed_and_revoked_by_their_name(run: Run, say: Say) -> None:
    add = ("waivers", "add", "gore", "--by", "Ada", "--reason", "No model sees it yet.", "--category")
    added = run(*add, "violence/graphic", "--category", "sexual/minors", "--expires", "30d")
    assert added["categories"] == ["sexual/minors", "violence/graphic"]
    assert [one["name"] for one in run("waivers", "list", code=Exit.WAIVED)["data"]] == ["gore"]
    assert "Ada" in say("waivers", "list", code=Exit.WAIVED).out
    run("waivers", "revoke", "gore", "--by", "Grace")
    run("waivers", "list")
    assert run("waivers", "list", "--all")["data"][0]["revoked_by"] == "Grace"
    assert run(*add, "gore", code=Exit.ERROR)["error"]["param"] == "categories"


def test_coverage_lists_detectors_figures_and_waivers(run: Run, say: Say) -> None:
    table = run("coverage", code=Exit.NOT_COVERED)
    cells = {(cell["category"], cell["modality"]): cell for cell in table["cells"]}
    assert cells["violence/graphic", "frames"]["status"] == "not checked"
    assert cells["sexual", "text"]["detectors"]
    waive(run)
    run("coverage", code=Exit.WAIVED)
    said = say("coverage", code=Exit.WAIVED).out
    assert "accuracy not measured" in said
    assert "Waiver “demo”: allows that these are not checked: images (Violent extremism, " in said
    assert "Graphic violence). Created by: Ada." in said


def test_a_waiver_for_all_mandatory_categories_names_them_with_their_modalities(run: Run, say: Say) -> None:
    waive(run, "[red]To look\u202e around.")
    said = say("waivers", "list", code=Exit.WAIVED).out
    assert "frames (Violent extremism, A real person's likeness, " in said
    assert "Reason: [red]To look\ufffd around." in said
    said = say("waivers", "list", "--lang", "zh-Hant", code=Exit.WAIVED).out
    assert "影格（暴力極端主義、真實人物的肖像、" in said
    run("waivers", "revoke", "demo", "--by", "Grace")
    said = say("waivers", "list", "--all").out
    assert "Revoked on " in said
    assert "Categories that may be unchecked: Violent extremism, A real person's likeness, " in said


@pytest.mark.parametrize(("language", "word"), [("en", " instructions "), ("zh-Hant", " 真實人物的肖像 ")])
def test_the_coverage_table_of_60_columns_cuts_no_word(run: Run, language: str, word: str) -> None:
    waive(run)
    container, output = load(), io.StringIO()
    console = Console(width=60, force_terminal=True, color_system=None, file=output)
    with speaking(language):
        _print_table(console, container.coverage.describe(), container.core.taxonomy)
    rows = [line for line in output.getvalue().splitlines() if line.startswith("│")]
    assert max(map(cell_len, rows)) <= 60
    assert "…" not in "".join(rows)
    assert word in "".join(rows)


def test_a_rule_below_the_operating_points_of_the_classifiers_is_warned_about(run: Run, folder: Path) -> None:
    (folder / "low.yaml").write_text("policy: low\nextends: starter\nthresholds: {ha-2: 0.4}\n")
    for arguments in (("check", "low.yaml"), ("publish", "low.yaml", "--by", "Ada")):
        assert ["ha-2" in warning for warning in run("policy", *arguments)["warnings"]] == [True]
    assert run("policy", "check", "starter")["warnings"] == []


def test_the_coverage_table_is_computed_again_only_after_a_change(run: Run) -> None:
    waive(run)
    describe = load().coverage.describe
    first = describe()
    assert [waiver["name"] for waiver in first["waivers"]] == ["demo"]
    assert describe() is first
    run("waivers", "revoke", "demo", "--by", "Ada")
    assert describe()["waivers"] == []
