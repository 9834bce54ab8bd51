"""`safelight eval prompts`, `advice` and `clips`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.output import Exit
from safelight.detectors import safety_card
from safelight.policy.statistics import wilson
from support.chat_server import chat_server
from support.clips import make_clip
from support.commands import Run, Say

ADVICE = ("eval", "advice", "--policy", "starter")
DATA = ("--data", "mine.jsonl")


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def data(folder: Path) -> Path:
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\n")
    return write_rows(
        folder / "mine.jsonl",
        {"text": "a n.u.d.e woman", "label": "unsafe", "categories": ["sexual"], "lang": "en"},
        {"text": "a waterfall in autumn", "label": "safe", "lang": "en"},
    )


@pytest.fixture
def log(folder: Path) -> Path:
    (folder / "log.md").touch()
    return folder / "log.md"


def test_prompts_are_measured_with_two_policies_or_with_that_of_the_settings(run: Run, data: Path) -> None:
    report = run("eval", "prompts", *DATA, "--policy", "starter", "--policy", "strict")
    assert {row["label"]: row["blocked"] for row in report["rows"]} == {
        "safe": {"starter": 0, "strict": 0},
        "unsafe": {"starter": 1, "strict": 1},
    }
    assert report["datasets"][0]["n"] == 2
    assert set(report["thresholds"]["policies"]) == {"starter", "strict"}
    assert len(report["model_hash"]) == 64
    assert {"p50", "p99"} <= set(report["latency_ms"])
    report = run("eval", "prompts", *DATA)
    assert set(report["thresholds"]["policies"]) == {"starter"}
    assert report["metrics"]["expectations"] == {"n": 0, "differ": []}


def test_prompts_that_get_suggestions_are_counted_and_the_log_names_the_version_of_the_advice(
    say: Say, data: Path, log: Path
) -> None:
    data.write_text(data.read_text() + '{"text": "a chef alone at night", "label": "safe", "lang": "en"}\n')
    printed = say(*ADVICE, *DATA, "--log", str(log), "--json").out
    report = json.loads(printed)
    rows = {row["label"]: row for row in report["rows"] if row["part"] == "all"}
    assert {
        label: (row["n"], row["suggestions"]["k"], row["refused"]["k"], row["refusals"])
        for label, row in rows.items()
    } == {"safe": (2, 1, 0, {}), "unsafe": (1, 0, 1, {"policy": 1})}
    assert rows["unsafe"]["refused"]["interval"][0] == wilson(1, 1)[0], "not rounded"
    assert "woman" not in printed
    assert f"advice `{report['advice_hash'][:16]}`" in log.read_text()
    assert "| any suggestion | applicable | asked | help refused |" in log.read_text()


def test_the_rewrites_of_a_language_model_are_counted(
    say: Say, data: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(data, {"text": "a chef alone at night", "label": "safe", "lang": "en"})
    given = (*ADVICE, *DATA, "--log", str(log), "--rewriter")
    assert "There is no language model." in say(*given, code=Exit.ERROR).err
    with chat_server() as chat:
        chat.rewrite("a chef alone in the morning", "two chefs at dusk")
        monkeypatch.setenv("SAFELIGHT_ADVICE__REWRITER__URL", chat.url)
        monkeypatch.setenv("SAFELIGHT_ADVICE__REWRITER__MODEL", "test-model")
        report = json.loads(say(*given, "--json").out)
    assert report["rewriter"] == "test-model"
    counts = {
        "asked": 1,
        "received": 2,
        "rewritten_by_model": 1,
        "prompts_with_one": 1,
        "dropped: meaning": 1,
    }
    assert report["rows"][0]["rewrites"] == counts


def test_after_a_block_by_a_provider_details_can_be_left_out(run: Run, data: Path, log: Path) -> None:
    write_rows(data, {"text": "A fox waits in a quiet garden.", "label": "safe", "lang": "en"})
    for blocked, suggested in (([], 0), (["--blocked", "request"], 1)):
        report = run(*ADVICE, *DATA, "--log", str(log), *blocked)
        assert report["rows"][0]["suggestions"]["k"] == suggested
    assert "`safelight eval advice --blocked request`, advice" in log.read_text()


def test_a_page_is_written_and_text_output_shows_no_prompt(say: Say, data: Path) -> None:
    page = data.with_name("report.html")
    said = say(
        "eval", "prompts", *DATA, "--html", str(page), "--attack", "disguise", "--policy", "starter"
    ).out
    assert "n.u.d.e" not in said + page.read_text()
    assert "[disguise]" in said
    assert "Blocked by starter" in page.read_text()


def test_rows_are_written_and_a_difference_fails(say: Say, data: Path) -> None:
    expecting = data.with_name("expecting.jsonl")
    woman = {"id": "a", "text": "a n.u.d.e woman", "expect": "hold|block", "categories": ["sexual"]}
    fall = {"id": "b", "text": "a waterfall in autumn", "expect": "allow", "help_ok": False}
    write_rows(expecting, woman, fall)
    out, page = data.with_name("rows.jsonl"), data.with_name("report.md")
    arguments = ["eval", "prompts", "--data", str(expecting), "--rows", str(out)]
    assert "0 of 2 rows differ" in say(*arguments, "--markdown", str(page)).out
    rows = map(json.loads, out.read_text().splitlines())
    assert [(row["id"], row["action"]) for row in rows] == [("a", "block"), ("b", "allow")]
    assert "\n| sexual | sexual" in page.read_text()
    write_rows(expecting, woman, fall | {"expect": "block"})
    printed = say(*arguments, code=Exit.ERROR).out
    assert "b (expecting, und): expected block, got allow" in printed
    assert "waterfall" not in printed
    assert "2 列中有 1 列與預期不同" in say(*arguments, "--lang", "zh-Hant", code=Exit.ERROR).out
    say(*arguments[:-1], "no/such/folder/x.jsonl", code=Exit.ERROR)


def test_invalid_data_attack_or_page_is_reported(say: Say, data: Path) -> None:
    say("eval", "prompts", "--data", "nowhere.jsonl", code=Exit.ERROR)
    assert "disguise" in say("eval", "prompts", *DATA, "--attack", "none", code=Exit.ERROR).err
    say("eval", "prompts", *DATA, "--html", "no/such/folder/x.html", code=Exit.ERROR)


def test_clips_are_evaluated_with_the_real_scan_and_policy(run: Run, folder: Path) -> None:
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\nocr = false\nnudenet = false\n")
    clips = folder / "clips"
    clips.mkdir()
    card = safety_card.draw_card("violence/graphic", 640, 384)
    segment = {"category": "violence/graphic", "modality": "frames", "start_s": 17 / 24, "end_s": 18 / 24}
    rows = []
    for name, frames, odd, more in (
        ("odd.mp4", 30, {17: card}, {"label": "unsafe", "segments": [segment | {"card": True}]}),
        ("plain.mp4", 30, {}, {"label": "safe"}),
        ("asked.mp4", 12, {}, {"label": "safe", "prompt": "a n.u.d.e woman"}),
    ):
        clip = make_clip(clips / name, width=640, height=384, frames=frames, odd=odd)
        rows.append({"file": name, "sha256": hashlib.sha256(clip.read_bytes()).hexdigest(), **more})
    write_rows(clips / "clips.jsonl", *rows)
    report = run("eval", "clips", "--data", str(clips), "--html", "report.html")
    cells = {(cell["category"], cell["modality"]): cell for cell in report["cells"]}
    # The test card does not count as violence: it has its own row.
    assert report["cards"] == [{"modality": "frames", "segments": 1, "found": 1}]
    assert cells["violence/graphic", "frames"]["state"] == "unmeasured"
    assert cells["violence/graphic", "frames"]["false_alarms"] == 0
    assert cells["sexual", "frames"]["state"] == "unmeasured"
    assert report["clips"]["unsafe"]["block"] == 1
    assert report["clips"]["safe"]["not_covered"] == 1
    assert report["data"]["prompts"] == 1
    [asked] = [alarm for alarm in report["alarms"] if alarm["file"] == "asked.mp4"]
    assert asked["action"] == "block"
    assert ("sexual", "text") in {(one["category"], one["modality"]) for one in asked["findings"]}
    assert any("violence/graphic (frames)" in alarm["holes"] for alarm in report["alarms"])
    assert report["cost"]["cpu_s_per_video_s"] > 0
    assert "unmeasured" in (folder / "report.html").read_text()
    run("eval", "clips", "--data", str(folder), code=Exit.ERROR)
