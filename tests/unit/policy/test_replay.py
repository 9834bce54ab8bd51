from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path

import msgspec
import pytest

from safelight.policy.diff import diff
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Cell, Coverage, Modality, Stage, pack, pack_coverage
from safelight.policy.reference_cases import (
    load_cases,
    replay_records,
)
from safelight.policy.replay import ReplayRecord, Transition, read_records, reevaluate, replay, write_record
from safelight.policy.verdicts import Action
from support.verdicts import STARTER, checked_cell, seen

ROOT = Path(__file__).parents[3]


def test_starter_gives_every_reference_case_its_expected_verdict() -> None:
    report = replay(load("starter", SHIPPED), SHIPPED, replay_records(SHIPPED), examples=50)
    wrong = {
        (step.before, step.after): ids for step, ids in report.examples.items() if step.before != step.after
    }
    assert wrong == {}
    assert report.records >= 500


def test_reference_cases_cover_every_category_action_and_stage() -> None:
    all_cases = list(load_cases())
    assert len({case.id for case in all_cases}) == len(all_cases)
    assert {case.expected for case in all_cases} == set(Action)
    assert {case.stage for case in all_cases} >= {Stage.PROMPT, Stage.REFERENCE, Stage.OUTPUT}
    assert {seen.category for case in all_cases for seen in case.findings} == {spec.name for spec in SHIPPED}


def test_reference_cases_equal_the_output_of_their_templates() -> None:
    spec = importlib.util.spec_from_file_location("templates", ROOT / "bench" / "reference_cases.py")
    assert spec.loader is not None
    templates = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(templates)
    for name, text in templates.lines(templates.write()).items():
        assert (templates.FOLDER / name).read_text("utf-8") == text, (
            f"run bench/reference_cases.py for {name}"
        )


def record(score: float, action: str = "allow", name: str = "video_1") -> ReplayRecord:
    return ReplayRecord(
        id=name,
        stage=Stage.PROMPT,
        findings=pack((seen("sexual", score),)),
        coverage=pack_coverage(Coverage(cells=tuple(checked_cell(spec.name) for spec in SHIPPED))),
        action=action,
        rule="",
    )


def test_replay_counts_transitions_and_names_the_first_examples() -> None:
    history = [record(0.9, name=f"video_{n}") for n in range(9)] + [record(0.1)]
    report = replay(STARTER, SHIPPED, history, examples=3)
    assert report.transitions[Transition(before="allow", after="block")] == 9
    assert report.examples[Transition(before="allow", after="block")] == ["video_0", "video_1", "video_2"]
    assert (report.records, report.findings, report.changed) == (10, 10, 9)
    assert json.loads(json.dumps(report.as_json()))["rules"] == {"sx-1": 9, "none": 1}


def test_a_video_with_several_stages_counts_once_with_its_most_severe_verdicts() -> None:
    history = [
        record(0.1, name="video_1"),
        record(0.9, action="hold", name="video_1"),
        record(0.1, name="video_2"),
        record(0.1, name="video_2"),
    ]
    report = replay(STARTER, SHIPPED, history)
    assert (report.videos, report.records, report.changed) == (2, 4, 1)
    assert report.transitions == {
        Transition(before="hold", after="block"): 1,
        Transition(before="allow", after="allow"): 1,
    }
    assert report.rules == {"sx-1": 1, "none": 1}


def test_unreadable_records_are_counted_and_never_treated_as_allowed() -> None:
    broken = msgspec.structs.replace(record(0.1), findings=b"\xc1")
    odd = msgspec.structs.replace(record(0.1), coverage=b"\xff")
    report = replay(STARTER, SHIPPED, [broken, odd, record(0.1)])
    assert (report.records, report.unreadable) == (1, 2)


def test_records_are_read_from_a_file_one_at_a_time() -> None:
    history = [record(0.9), record(0.1, name="video_2")]
    file = io.BytesIO()
    for one in history:
        write_record(file, one)
    file.seek(0)
    assert list(read_records(file)) == history
    with pytest.raises(msgspec.DecodeError):
        list(read_records(io.BytesIO(file.getvalue()[:-3])))
    with pytest.raises(msgspec.DecodeError):
        list(read_records(io.BytesIO(b"not a file of records")))


def test_coverage_is_converted_to_the_requirements_of_another_policy() -> None:
    gap = Cell(category="privacy", modality=Modality.TEXT, required=True)
    old = Coverage(cells=(checked_cell("sexual", required=True), checked_cell("hate"), gap))
    strict = reevaluate(old, load("strict", SHIPPED), SHIPPED, Stage.PROMPT)
    required = {cell.category for cell in strict if cell.required}
    assert {"sexual", "hate", "extremism"} <= required
    assert "privacy" not in required


def test_a_difference_is_the_same_as_text_and_as_json() -> None:
    found = diff(STARTER, load("creative", SHIPPED))
    assert "- rule sx-7" in list(found.lines())
    assert '    action: "hold" -> "label"' in list(found.lines())
    assert {"kind": "removed", "id": "sx-7", "fields": []} in found.as_json()["rules"]
    same = diff(STARTER, load("starter", SHIPPED))
    assert same.empty
    assert "make the same decisions" in next(iter(same.lines()))
