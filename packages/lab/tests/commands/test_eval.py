from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.cli.exit_codes import Exit
from safelight.detectors import safety_card
from safelight.policy.statistics import wilson
from safelight_lab.evaluation import evasion_sequences
from support.clips import make_clip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text("[detectors]\nminilm = false\n")
    path = tmp_path / "mine.jsonl"
    rows = [
        {"text": "a n.u.d.e woman", "label": "unsafe", "categories": ["sexual"], "lang": "en"},
        {"text": "a waterfall in autumn", "label": "safe", "lang": "en"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_prompts_are_measured_with_two_policies(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(data), "--policy", "starter", "--policy", "strict", "--json"]
    assert main(["eval", "prompts", *arguments]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert {row["label"]: row["blocked"] for row in report["rows"]} == {
        "safe": {"starter": 0, "strict": 0},
        "unsafe": {"starter": 1, "strict": 1},
    }
    assert report["datasets"][0]["n"] == 2
    assert set(report["thresholds"]["policies"]) == {"starter", "strict"}
    assert len(report["model_hash"]) == 64
    assert {"p50", "p99"} <= set(report["latency_ms"])


def test_prompts_that_get_suggestions_are_counted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.write_text(data.read_text() + '{"text": "a chef alone at night", "label": "safe", "lang": "en"}\n')
    assert main(["eval", "advice", "--data", str(data), "--policy", "starter", "--json"]) == Exit.OK
    printed = capsys.readouterr().out
    counts = {
        row["label"]: (row["n"], row["suggestions"]["k"], row["refused"]["k"], row["refusals"])
        for row in json.loads(printed)["rows"]
        if row["part"] == "all"
    }
    assert counts == {"safe": (2, 1, 0, {}), "unsafe": (1, 0, 1, {"policy": 1})}
    assert "woman" not in printed


def test_after_a_block_by_a_provider_details_can_be_left_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.write_text('{"text": "A fox waits in a quiet garden.", "label": "safe", "lang": "en"}\n')
    log = tmp_path / "log.md"
    log.touch()
    arguments = ["eval", "advice", "--data", str(data), "--policy", "starter", "--log", str(log), "--json"]
    counts = []
    for blocked in ([], ["--blocked", "request"]):
        assert main([*arguments, *blocked]) == Exit.OK
        counts.append(json.loads(capsys.readouterr().out)["rows"][0]["suggestions"]["k"])
    assert counts == [0, 1]
    assert "`safelight eval advice --blocked request`, advice" in log.read_text()


def test_evasion_sequences_run_against_the_real_checks(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["eval", "advice", "--json"]) == Exit.ERROR
    assert "--evasion" in capsys.readouterr().out
    chosen = [one for one in evasion_sequences.read_sequences() if one.id == "harmless-requests-between"]
    monkeypatch.setattr(evasion_sequences, "read_sequences", lambda: chosen[:1])
    assert main(["eval", "advice", "--evasion", "--policy", "starter", "--json"]) == Exit.OK
    found = json.loads(capsys.readouterr().out)["evasion"]
    assert (found["n"], found["reached"]["k"], found["reached_without_history"]["k"]) == (1, 0, 1)
    assert found["others_refused"]["n"] == 3
    assert not (data.parent / "data").exists(), "the database of the installation is not used"
    assert main(["eval", "advice", "--evasion", "--policy", "starter"]) == Exit.OK
    printed = capsys.readouterr().out
    assert "all evasion sequences: help for blocked content 0 of 1" in printed
    assert "nude" not in printed


def test_the_log_of_the_advice_names_its_version_and_what_can_be_applied(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.md"
    log.touch()
    arguments = ["--data", str(data), "--policy", "starter", "--log", str(log), "--json"]
    assert main(["eval", "advice", *arguments]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert f"advice `{report['advice_hash'][:16]}`" in log.read_text()
    assert "| any suggestion | applicable | help refused |" in log.read_text()
    row = next(row for row in report["rows"] if row["label"] == "unsafe")
    assert row["refused"]["interval"][0] == wilson(1, 1)[0], "not rounded"


def test_a_page_is_written_and_text_output_shows_no_prompt(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    arguments = ["--data", str(data), "--html", str(page), "--attack", "disguise", "--policy", "starter"]
    assert main(["eval", "prompts", *arguments]) == Exit.OK
    said = capsys.readouterr().out
    assert "n.u.d.e" not in said + page.read_text()
    assert "[disguise]" in said
    assert "Blocked by starter" in page.read_text()


def test_rows_are_written_and_a_difference_fails(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expecting = tmp_path / "expecting.jsonl"
    rows = [
        {"id": "a", "text": "a n.u.d.e woman", "expect": "hold|block", "categories": ["sexual"]},
        {"id": "b", "text": "a waterfall in autumn", "expect": "allow", "help_ok": False},
    ]
    expecting.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out, page = tmp_path / "rows.jsonl", tmp_path / "report.md"
    arguments = ["eval", "prompts", "--data", str(expecting), "--rows", str(out)]
    assert main([*arguments, "--markdown", str(page)]) == Exit.OK
    assert "0 of 2 rows differ" in capsys.readouterr().out
    assert [(row["id"], row["action"]) for row in map(json.loads, out.read_text().splitlines())] == [
        ("a", "block"),
        ("b", "allow"),
    ]
    assert "| sexual | sexual | 1 |" in page.read_text()
    rows[1]["expect"] = "block"
    expecting.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(arguments) == Exit.ERROR
    printed = capsys.readouterr().out
    assert "b (expecting, und): expected block, got allow" in printed
    assert main([*arguments, "--lang", "zh-Hant"]) == Exit.ERROR
    assert "2 列中有 1 列與預期不同" in capsys.readouterr().out
    assert "waterfall" not in printed
    assert main([*arguments[:-1], "no/such/folder/x.jsonl"]) == Exit.ERROR


def test_without_a_policy_that_of_the_settings_is_measured(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "prompts", "--data", str(data), "--json"]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert set(report["thresholds"]["policies"]) == {"starter"}
    assert report["metrics"]["expectations"] == {"n": 0, "differ": []}


def test_invalid_data_attack_or_page_is_reported(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "prompts", "--data", "nowhere.jsonl"]) == Exit.ERROR
    assert main(["eval", "prompts", "--data", str(data), "--attack", "none"]) == Exit.ERROR
    assert "disguise" in capsys.readouterr().err
    assert main(["eval", "prompts", "--data", str(data), "--html", "no/such/folder/x.html"]) == Exit.ERROR


def test_clips_are_evaluated_with_the_real_scan_and_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text("[detectors]\nminilm = false\nocr = false\nnudenet = false\n")
    folder = tmp_path / "clips"
    folder.mkdir()
    card = safety_card.draw_card("violence/graphic", 640, 384)
    make_clip(folder / "odd.mp4", width=640, height=384, frames=30, odd={17: card})
    make_clip(folder / "plain.mp4", width=640, height=384, frames=30)
    make_clip(folder / "asked.mp4", width=640, height=384, frames=12)
    segment = {
        "category": "violence/graphic",
        "modality": "frames",
        "start_s": 17 / 24,
        "end_s": 18 / 24,
        "card": True,
    }
    rows = [
        {"file": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(), **more}
        for name, more in (
            ("odd.mp4", {"label": "unsafe", "segments": [segment]}),
            ("plain.mp4", {"label": "safe"}),
            ("asked.mp4", {"label": "safe", "prompt": "a n.u.d.e woman"}),
        )
    ]
    (folder / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = tmp_path / "report.html"
    arguments = ["eval", "clips", "--data", str(folder), "--html", str(page), "--json"]
    assert main(arguments) == Exit.OK
    report = json.loads(capsys.readouterr().out)
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
    assert "unmeasured" in page.read_text()
    assert main(["eval", "clips", "--data", str(tmp_path)]) == Exit.ERROR
