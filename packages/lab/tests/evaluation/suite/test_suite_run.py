from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Finding
from safelight_lab.evaluation.protocol import EvalCase
from safelight_lab.evaluation.suite import figures, page
from safelight_lab.evaluation.suite.cache import Cache, Decision
from safelight_lab.evaluation.suite.figures import POLICY, Before
from safelight_lab.evaluation.suite.manifests import Entry, SuiteRow, SuiteSet
from safelight_lab.evaluation.suite.peers import Peer
from safelight_lab.evaluation.suite.suite_run import Judged, SuiteRun

ALL = DetectorRegistry.discover({"minilm": False, "acts": False, "threats": False}).text_detectors()
STARTER = load("starter", SHIPPED)
NO_WORD = Peer(name="other", version="", stops=None, missing="not installed")
WORD = Peer(name="word", version="1", stops=lambda text: "nude" in text)


def row(number: int, text: str, label: str, **more: str) -> SuiteRow:
    case = EvalCase(
        id=str(number), text=text, label=label, categories=(), source="mine", lang="en", kind="sexual"
    )
    return SuiteRow(case=case, register="plain", medium="text", pair=more.get("pair", ""), own_id=True)


def make_set(*rows: SuiteRow, name: str = "mine", purpose: str = "report") -> SuiteSet:
    entry = Entry(name=name, sha256="0" * 64, licence="CC0-1.0", purpose=purpose, why="a test")
    return SuiteSet(entry=entry, rows=rows)


MINE = make_set(
    *(row(n, f"a nude woman, take {n}", "unsafe", pair=str(n)) for n in range(25)),
    *(row(100 + n, f"a waterfall, take {n}", "safe", pair=str(n)) for n in range(25)),
    row(200, "I cannot go on like this", "distress"),
)


def run(folder: Path, *sets: SuiteSet, **more: Any) -> Judged:
    policies, made = more.pop("policies", {POLICY: STARTER}), more.pop("pipeline", TextPipeline(ALL))
    suite = SuiteRun(pipeline=made, taxonomy=SHIPPED, policies=policies, peers=(WORD, NO_WORD), folder=folder)
    return suite.run(sets or (MINE,), **more)


def report(judged: Judged, *sets: SuiteSet, before: Before | None = None) -> dict[str, Any]:
    head = {
        "format": figures.FORMAT,
        "date": "2026-11-24T12:00:00+00:00",
        "policy": {"name": "starter", "sha256": STARTER.sha256},
        "model_hash": "1" * 64,
        "unfinished": 0,
    }
    return head | figures.figures(sets or (MINE,), judged.columns, (WORD, NO_WORD), before)


def test_harm_and_its_twins_are_counted_at_one_setting_beside_the_peers(tmp_path: Path) -> None:
    found = report(run(tmp_path))
    by_label = {one["label"]: one for one in found["by_set"]}
    assert by_label["unsafe"]["stopped"] == {
        name: {"k": 25, "n": 25, "interval": [0.8668, 1.0]} for name in (POLICY, "word")
    }
    assert by_label["safe"]["stopped"][POLICY]["k"] == 0
    assert by_label["safe"]["twins"]
    assert by_label["distress"]["n"] == 1
    assert [one["state"] for one in found["columns"]] == ["measured", "measured", "not installed"]
    slices = {(one["slice"], one["name"]) for one in found["slices"]}
    assert {("language", "en"), ("length", "4-8"), ("register", "plain"), ("medium", "text")} <= slices
    assert found["classes"]["unsafe"][0]["name"] == "sexual"


def test_a_stopped_run_goes_on_and_a_finished_one_screens_nothing(tmp_path: Path) -> None:
    def interrupt() -> Iterator[None]:
        for _ in range(9):
            yield
        raise KeyboardInterrupt

    steps = interrupt()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, observe=lambda: next(steps))
    assert run(tmp_path).screened == 51 - 10
    assert run(tmp_path).screened == 0
    assert run(tmp_path, make_set(row(1, "a new text", "safe"), *MINE.rows[1:])).screened == 1


def test_another_policy_or_detector_is_not_answered_from_the_cache(tmp_path: Path) -> None:
    run(tmp_path)
    assert run(tmp_path, policies={POLICY: load("strict", SHIPPED)}).screened == 51
    assert run(tmp_path, pipeline=TextPipeline(ALL[1:])).screened == 51


def test_a_line_that_was_written_in_part_is_decided_again(tmp_path: Path) -> None:
    with Cache(tmp_path, "judge", kind=Decision) as cache:
        cache.put("a", Decision(action="hold", category="hate"))
    [path] = tmp_path.iterdir()
    path.write_text(path.read_text() + '{"sha256": "b", "act')
    with Cache(tmp_path, "judge", kind=Decision) as cache:
        assert cache.decisions == {"a": Decision(action="hold", category="hate")}
        cache.put("b", Decision(action="allow"))
    with Cache(tmp_path, "judge", kind=Decision) as cache:
        assert {*cache.decisions} == {"a", "b"}


def test_a_change_is_a_signed_difference_on_the_same_rows(tmp_path: Path) -> None:
    judged = run(tmp_path, policies={POLICY: STARTER, "against": load("strict", SHIPPED)})
    judged.columns["against"] = {key: Decision(action="allow") for key in judged.columns[POLICY]}
    before = figures.before_of("nothing", [MINE], judged.columns.pop("against"))
    [first, second] = report(judged, before=before)["differences"]
    assert (first["against"], second["against"]) == ("nothing", "word")
    rows = {(one["set"], one["label"]): one for one in first["rows"]}
    changed = rows["mine", "unsafe"]
    assert (changed["before"], changed["after"], changed["difference"]) == (0, 25, 1.0)
    assert changed["interval"][0] > 0.5
    assert changed["p"] < 0.001
    assert rows["mine", "safe"]["difference"] == 0
    assert rows["all", "unsafe"] == changed | {"set": "all"}


def test_an_earlier_report_is_compared_by_row_and_rows_of_one_side_are_counted(tmp_path: Path) -> None:
    judged = run(tmp_path / "finished")
    (tmp_path / "report.json").write_text(json.dumps(report(judged)))
    before = figures.read_before(tmp_path / "report.json")
    assert before.name == "starter of 2026-11-24"
    changed = make_set(row(0, "a nude man", "unsafe"), *MINE.rows[1:])
    other = run(tmp_path / "finished", changed)
    found = report(other, changed, before=before)["differences"][0]
    assert (found["only_here"], found["only_there"]) == (1, 1)
    assert {one["difference"] for one in found["rows"]} == {0.0}


@pytest.mark.parametrize("written", ["", "[]", '{"format": "other"}', '{"format": "safelight-suite-1"}'])
def test_what_is_no_report_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "report.json").write_text(written)
    with pytest.raises(InvalidField):
        figures.read_before(tmp_path / "report.json")
    with pytest.raises(NotFound):
        figures.read_before(tmp_path / "none.json")


def test_fit_sets_are_listed_and_not_run_and_chosen_sets_are_apart(tmp_path: Path) -> None:
    fit = make_set(row(1, "never run", "unsafe"), name="learned", purpose="fit")
    chosen = make_set(row(300, "a lake", "safe"), name="tuned", purpose="choose")
    sets = (MINE, chosen, fit)
    judged = run(tmp_path, *figures.measured(sets))
    found = report(judged, *sets)
    assert {one["name"] for one in found["sets"]} == {"mine", "tuned", "learned"}
    assert [(one["name"], one["label"]) for one in found["totals"]] == [
        ("report", "safe"),
        ("report", "unsafe"),
        ("report", "distress"),
        ("choose", "safe"),
    ]
    titles = [one.title for one in page.sections(found)]
    assert "Sets that rules were chosen by" in titles


def test_the_pages_say_the_same_and_show_no_prompt(tmp_path: Path) -> None:
    judged = run(tmp_path)
    found = report(judged, before=figures.before_of("<old>", [MINE], judged.columns["word"]))
    written, shown = page.markdown(found), page.html(found)
    for text in (written, shown):
        assert "100.0 % (86.7 to 100.0)" in text
        assert "sexual (worst)" in text
        assert "+0.0 (-9.4 to +9.4)" in text or "+0.0 (" in text
        assert "other: not installed" in text
        assert "waterfall" not in text
        assert "nude" not in text
    assert "&lt;old&gt;" in shown
    assert "nude" not in json.dumps(found)


class Failing:
    """A detector that fails."""

    name, version = "failing", "1"
    capabilities = ALL[0].capabilities

    def inspect(self, content: object) -> list[Finding]:
        raise RuntimeError("no weights")


def test_a_text_on_which_a_detector_failed_counts_and_is_screened_again(tmp_path: Path) -> None:
    for _ in range(2):
        judged = run(tmp_path, pipeline=TextPipeline([Failing(), *ALL]))  # type: ignore[list-item]
        assert (judged.unfinished, judged.screened) == (51, 51)


def test_a_text_that_ran_out_of_time_counts_and_is_screened_again(tmp_path: Path) -> None:
    late = run(tmp_path, pipeline=TextPipeline(ALL, total_s=0)).unfinished
    assert late
    assert run(tmp_path).screened == late
