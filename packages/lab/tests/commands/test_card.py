"""`safelight card`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import safelight
from safelight.accounts.gates import lock_gate, raise_gate
from safelight.accounts.incidents import Incident, IncidentKind, IncidentState, Severity
from safelight.app.container import load
from safelight.cases.quality.models import Draw, StratumCounts
from safelight.cases.quality.review_quality import prevalence_figures
from safelight.cases.quality.sampling import Stratum
from safelight.cli.output import Exit
from safelight.policy.gates import GateStep
from safelight.policy.measurements import load_shipped, load_shipped_acts
from safelight_lab.governance import card_page
from safelight_lab.governance.incident_facts import count_incidents
from safelight_lab.governance.system_card import installed_commit, measured_share
from safelight_lab.redteam import shipped_figures
from support.commands import Run, Say
from support.decided_videos import add_decision, add_judged
from support.system_cards import SETTINGS, write_house, write_report
from support.videos import add_video


@pytest.fixture(autouse=True)
def few_detectors(folder: Path) -> None:
    (folder / "safelight.toml").write_text(SETTINGS)


def test_the_card_of_a_fresh_installation_says_what_is_not_checked_and_what_is_unknown(
    run: Run, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped_figures, "_NAME", "not-recorded.json")
    card = run("card")
    assert card["policy"]["differences"]["rules"] == []
    assert card["inputs"]["policy"] == card["policy"]["sha256"]
    assert all(len(sha256) == 64 for sha256 in card["inputs"].values())
    table = run("coverage", code=Exit.NOT_COVERED)
    open_cells = [cell for cell in table["cells"] if cell["status"] == "not checked"]
    page = say("card").out
    for cell in open_cells:
        assert f"| {cell['category']} | {cell['modality']} | {cell['note']} | no |" in page
    for said in (
        "It makes the same decisions as the shipped `starter`.",
        "No waiver is in force.",
        "No report of `safelight eval all` was given",
        "Not measured: no random sample",
        "No run is recorded: this release has no results of `safelight redteam run`",
        "None was recorded since the first start (20",
        "This does not mean that there were none",
        "It does not show that these are met. It is not legal advice.",
        "| `sx-1` | block | 0.6 |",
    ):
        assert said in page


def test_a_changed_threshold_is_a_difference_and_a_change_in_plain_words(
    run: Run, say: Say, folder: Path
) -> None:
    write_house(folder)
    (folder / "old.json").write_text(json.dumps(run("card")))
    assert "Nothing that the card states has changed." in say("card", "--against", "old.json").out
    assert "系統卡的內容沒有變動。" in say("card", "--against", "old.json", "--lang", "zh-Hant").out
    run("policy", "publish", "./house.yaml", "--by", "Ada Chen")
    card = run("card")
    [rule] = card["policy"]["differences"]["rules"]
    assert (rule["id"], rule["fields"]) == (
        "sx-1",
        [{"field": "when.score.at_least", "old": 0.6, "new": 0.7}],
    )
    page = say("card").out
    assert "| rule `sx-1` | changed | when.score.at_least | `0.6` | `0.7` |" in page
    assert "Ada Chen" not in page
    assert "by Ada Chen, in force" in say("card", "--edition", "staff").out
    changes = run("card", "--against", "old.json")["changes"]
    assert changes[:3] == ["The policy changed:", "  ~ rule sx-1", "      when.score.at_least: 0.6 -> 0.7"]
    assert any(line.startswith("Changed: policy: house 1 (") for line in changes)


def test_the_public_edition_has_one_sentence_about_waivers(run: Run, say: Say, folder: Path) -> None:
    (folder / "old.json").write_text(json.dumps(run("card", "--edition", "staff")))
    given = ("--by", "Ada Chen", "--reason", "No model yet", "--category", "violence/graphic")
    run("waivers", "add", "no-gore-model", *given, "--expires", "90d")
    public = say("card").out
    assert "1 waiver is in force; 2 required checks that do not run are waived." in public
    assert "No model yet" not in public
    assert "Ada Chen" not in public
    for given in (("--waivers",), ("--edition", "staff")):
        page = say("card", *given).out
        assert "| no-gore-model | Ada Chen | No model yet |" in page
        assert "violence/graphic in frames, violence/graphic in image" in page
    changes = run("card", "--edition", "staff", "--against", "old.json")["changes"]
    assert (
        "Changed: check of violence/graphic in frames: not checked, waived (it was: not checked)." in changes
    )
    assert any(line.startswith("New: waiver no-gore-model: decided by Ada Chen") for line in changes)


def test_figures_of_an_evaluation_are_shown_with_interval_and_policy(
    run: Run, say: Say, folder: Path
) -> None:
    sha256 = run("card")["policy"]["sha256"]
    page = say("card", "--evaluation", write_report(folder, sha256)).out
    assert "of 2026-11-24 with this policy" in page
    assert "| mine | harmful | 3 of 4: 75.0 % (30.1 to 95.4) |" in page
    assert "Worst class of harmful prompts: hate" in page
    assert "1 texts were not checked by each detector." in page
    assert "with another policy, starter" in say("card", "--evaluation", write_report(folder, "0" * 64)).out
    assert "evaluation report" in run("card", "--evaluation", "report.json")["inputs"]


def test_what_people_found_in_delivered_videos_is_counted(run: Run, folder: Path) -> None:
    persistence = load().persistence
    with persistence.database.transaction(persistence.tenant) as tx:
        for state in ("delivered", "delivered", "withdrawn", "blocked"):
            add_video(tx, state=state)
        add_decision(tx, add_judged(tx), "refuse", category="hate")
    known = run("card")["incidents"]
    assert (known["delivered"], known["withdrawn_after_delivery"]) == (2, 1)
    assert known["missed_harm_found_by_people"]["review"] == 1
    assert known["recorded"] is False


def test_incidents_are_counted_and_only_published_sentences_are_public(
    run: Run, say: Say, folder: Path
) -> None:
    (folder / "old.json").write_text(json.dumps(run("card")))
    opening = ("incidents", "open", "--severity", "major", "--began", "2026-11-01")
    hidden = run(*opening, "--kind", "disclosure", "--note", "Internal.", "--done", "A lock\nwas added.")
    shown = run(*opening, "--kind", "untrusted", "--sentence", "Two marks could not be | read.")
    run("incidents", "update", shown["id"], "--publish")
    run("incidents", "close", hidden["id"])
    known = run("card")["incidents"]
    assert known["recorded"]
    assert [(one["severity"], one["state"]) for one in known["counts"] if one["n"]] == [
        ("major", "open"),
        ("major", "closed"),
    ]
    assert [one["sentence"] for one in known["published"]] == ["Two marks could not be | read."]
    public, staff = say("card").out, say("card", "--edition", "staff").out
    assert "1 major and open, 1 major and closed" in public
    assert "| 2026-11-01 | no end | major | open | Two marks could not be / read. |" in public
    assert "A lock" not in public
    assert hidden["id"] not in json.dumps(run("card"))
    assert "| major | closed | disclosure | none | no | A lock was added. | none |" in staff
    assert "Internal." not in staff + json.dumps(run("card", "--edition", "staff"))
    assert "incidents, major, open: 1 (it was: 0)" in say("card", "--against", "old.json").out


@given(
    st.lists(st.tuples(st.integers(0, 900), st.sampled_from([*Severity]), st.sampled_from([*IncidentState]))),
    st.integers(0, 900),
)
def test_each_incident_since_a_time_is_counted_once(
    made: list[tuple[int, Severity, IncidentState]], since: int
) -> None:
    found = [
        Incident(
            id=f"incident_{number}",
            opened_at=float(at),
            opened_by="ada",
            began_at=None,
            kind=IncidentKind.OTHER,
            severity=severity,
            state=state,
        )
        for number, (at, severity, state) in enumerate(made)
    ]
    counts = count_incidents(found, since=float(since))
    assert sum(one["n"] for one in counts) == sum(at >= since for at, _, _ in made)
    assert len(counts) == len(Severity) * len(IncidentState)


def test_the_step_of_the_rollout_and_what_brought_it_down_are_stated(
    run: Run, say: Say, folder: Path
) -> None:
    assert run("card")["rollout"] is None
    assert "The rollout has no steps" in say("card").out
    before = folder / "before.json"
    before.write_text(json.dumps(run("card")))
    (folder / "safelight.toml").write_text(SETTINGS + "[gates]\nenabled = true\n")
    container = load()
    assert container.pipeline.gates is not None
    with container.persistence.database.transaction(container.persistence.tenant) as tx:
        raise_gate(tx, lock_gate(tx), GateStep.PILOT, actor="ada", why={})
        container.pipeline.gates.record_incident(
            tx, "ncii", video_id="video_1", case_id="case_1", actor="ben"
        )
    found = run("card")["rollout"]
    assert (found["step"], found["raised"], found["lowered"], found["incidents"]) == ("closed", 1, 1, 1)
    assert "Step: closed, since 20" in say("card").out
    assert "rollout step" in say("card", "--against", str(before)).out


def test_a_sample_of_deliveries_is_shown_with_its_interval(run: Run) -> None:
    card = run("card")
    counts = {"delivered": 4000, "drawn": 400, "answered": 400, "found": 2}
    few = {"delivered": 9, "drawn": 9, "answered": 9, "found": 0}
    strata = (
        StratumCounts(stratum=Stratum.NO_FINDING, **counts),
        StratumCounts(stratum=Stratum.LIGHT, **few),
    )
    draw = Draw(id="draw_1", since=0.0, until=86_400.0, drawn_at=90_000.0, strata=strata)
    page = card_page.markdown({**card, "prevalence": [prevalence_figures(draw)]})
    assert "| no finding | 4000 | 400 | 400 | 2 of 400: 0.5 % (0.1 to 1.8) |" in page
    assert "| light | 9 | 9 | 9 | too few answers |" in page


def test_a_reason_has_no_gap_where_a_video_would_give_the_value(run: Run) -> None:
    page = card_page.markdown(run("card"))
    assert "| The safety test card for a category. |" in page
    assert "| Exposed sexual nudity for several seconds. |" in page
    assert "…" not in page


def test_the_share_read_from_a_sentence_is_that_of_the_measurement(run: Run) -> None:
    for measured in (load_shipped(), load_shipped_acts()):
        for one in measured.cells:
            share = measured_share(measured._sentence(one))
            assert share is not None
            assert (share["k"], share["n"]) == (one.found, one.segments)


def test_the_commit_is_that_of_the_clone_and_unknown_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = installed_commit()
    assert not found or re.fullmatch(r"[0-9a-f]{40}(, with changes)?", found)
    monkeypatch.setattr(safelight, "__file__", str(tmp_path / "site-packages" / "safelight" / "__init__.py"))
    assert installed_commit() == ""


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.json", None, "cannot be read"),
        ("odd.json", "{", "is not JSON"),
        ("other.json", "[]", "is no system card"),
        ("half.json", '{"format": "safelight system card 1", "edition": "public"}', "has no part"),
        ("staff.json", '{"format": "safelight system card 1", "edition": "staff"}', "--edition staff"),
    ],
)
def test_a_wrong_earlier_card_is_named(
    say: Say, folder: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (folder / name).write_text(content)
    assert said in say("card", "--against", name, code=Exit.ERROR).err


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": "x"}', '{"format": "safelight-suite-1"}'])
def test_a_wrong_report_is_named(say: Say, folder: Path, content: Any) -> None:
    if content is not None:
        (folder / "report.json").write_text(content)
    assert "report" in say("card", "--evaluation", "report.json", code=Exit.ERROR).err


def test_failed_gaps_of_the_bias_audit_stand_in_the_card_with_who_signed_them(
    run: Run, say: Say, folder: Path
) -> None:
    card = run("card")
    assert card["bias"]["of_release"]
    found = {"reference": 1.0, "group": 0.5, "difference": -0.5, "interval": [-0.6, -0.4]}
    row = {
        "dimension": "religion",
        "group": "Sikh",
        "reference": "Christian",
        "side": "hateful",
        "pairs": 100,
        "frames": 50,
        "measures": {"stopped": found},
        "result": "failed",
        "signed": {"by": "Ada Chen"},
    }
    head = {name: card["bias"][name] for name in ("date", "safelight", "policy", "set", "sentences")}
    report = head | {
        "format": "safelight-bias-1",
        "results": {"failed, signed by Ada Chen": 1, "equivalent": 1},
        "rows": [row, row | {"group": "Hindu", "result": "equivalent", "signed": None}],
    }
    (folder / "bias.json").write_text(json.dumps(report))
    page = say("card", "--bias", "bias.json").out
    assert (
        "| religion | Sikh against Christian | hateful, signed by Ada Chen | 100.0 % | 50.0 % | -50.0 ("
        in page
    )
    assert "Hindu against" not in page
    assert "0 failed gaps are not signed" in page
    (folder / "bad.json").write_text("{}")
    say("card", "--bias", "bad.json", code=Exit.ERROR)
    say("card", "--bias", "none.json", code=Exit.ERROR)
