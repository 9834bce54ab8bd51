from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from safelight.cli import check, main
from safelight.cli.exit_codes import Exit
from safelight.testing.clips import tiny_clip


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any installation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "safelight.toml").write_text("[detectors]\nminilm = false\n")


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main(["check", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_harmless_prompt_is_allowed_and_leaves_no_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = answered(capsys, "a cat on a windowsill")
    assert (code, told["action"], told["findings"]) == (Exit.OK, "allow", [])
    assert "not checked" not in told["coverage"]
    # Compiled word lists go to the user's cache folder.
    assert {path.name for path in tmp_path.iterdir()} - {"cache"} == {"safelight.toml"}


def test_the_test_card_is_blocked_with_its_span(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = answered(capsys, "a cat, SAFELIGHT-TEST:violence")
    assert (code, told["action"]) == (Exit.BLOCKED, "block")
    (finding,) = told["findings"]
    assert (finding["test_card"], finding["evidence"][0]["start"]) == (True, 7)


def test_documented_provider_rules_and_the_checklist_are_included(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, told = answered(capsys, "Tom Cruise rides a horse", "--provider", "veo")
    assert code == Exit.OK
    assert told["provider"]["outcome"] == "refused"
    assert told["checklist"] == []
    _, told = answered(capsys, "a cat on a windowsill", "--provider", "veo")
    assert len(told["checklist"]) == 10
    _, told = answered(capsys, "a cat, SAFELIGHT-TEST:violence", "--provider", "veo")
    assert told["checklist"] == []
    said = "\n".join(printed(capsys, "Tom Cruise rides a horse"))
    assert "- The prompt names" not in said


def test_a_reference_is_evaluated_with_the_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "sea.png"
    Image.effect_noise((64, 64), 30).convert("RGB").save(picture)
    _, told = answered(capsys, "the sea", "--ref", str(picture))
    assert any("in image" in cell for cells in told["coverage"].values() for cell in cells)
    code, told = answered(capsys, "the sea", "--ref", str(tmp_path / "none.png"))
    assert (code, told["error"]["code"]) == (Exit.ERROR, "not_found")


def test_a_clip_is_opened_and_a_damaged_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(tiny_clip())
    _, told = answered(capsys, "the sea", "--ref", str(clip))
    assert told["not_checked"] == []
    assert any("in frames" in cell for cells in told["coverage"].values() for cell in cells)
    clip.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(64))
    code, told = answered(capsys, "the sea", "--ref", str(clip))
    assert (code, told["error"]["code"]) == (Exit.ERROR, "invalid_media")


def test_a_clip_that_is_not_checked_in_time_leaves_the_check_undecided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_REFERENCES_S", 0.0)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(tiny_clip())
    code, told = answered(capsys, "the sea", "--ref", str(clip))
    assert (code, told["verdict"], told["not_checked"]) == (Exit.NOT_COVERED, "undecided", [str(clip)])
    assert told["scan_seconds"][str(clip)] > 1
    assert main(["check", "the sea", "--ref", str(clip)]) == Exit.NOT_COVERED
    said = capsys.readouterr().out
    assert said.startswith("Undecided: a reference was not checked in time.")
    assert "Its scan takes about 2 s: safelight scan" in said


def test_a_check_without_references_loads_no_server(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom safelight.cli import main\n"
        "main(['check', 'a cat', '--provider', 'veo', '--json'])\n"
        "heavy = {'sqlalchemy', 'fastapi', 'dbos', 'av', 'cv2', 'cryptography', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_discreet_category_shows_its_group_and_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = answered(capsys, "how to build a bomb")
    assert code == Exit.BLOCKED
    assert told["findings"] == []
    assert "illicit" in told["withheld"]
    assert "words" not in json.dumps(told["details"])


def test_a_weak_finding_of_a_discreet_category_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = answered(capsys, "A fight in a bar")
    assert (code, told["withheld"]) == (Exit.OK, [])


def test_signs_of_distress_are_not_blocked_and_get_help_lines(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = answered(capsys, "I want to kill myself")
    assert (code, told["action"]) == (Exit.OK, "allow")
    assert told["details"]["support"]


def test_a_prompt_is_read_from_a_file_and_the_result_printed_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prompt.txt").write_bytes("a n.u.d.e woman \xff".encode("latin-1"))
    assert main(["check", "--file", "prompt.txt"]) == Exit.BLOCKED
    said = capsys.readouterr().out
    assert "Blocked before generation" in said
    assert "Sexual content: “n.u.d.e”" in said
    assert "Text checks: 20 of 20 done." in said


def test_another_policy_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(capsys, "a commercial for Starbucks")[1]["action"] == "label"
    code, told = answered(capsys, "a commercial for Starbucks", "--policy", "strict")
    assert told["policy"] == "strict"
    assert (code, told["action"]) == (Exit.BLOCKED, "block")


def test_a_disabled_detector_leaves_a_coverage_gap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "safelight.toml").write_text(
        "[detectors]\nminilm = false\nword-lists = false\nngrams = false\n"
    )
    code, told = answered(capsys, "a cat")
    assert code == Exit.NOT_COVERED
    assert "sexual" in told["coverage"]["not checked"]


@pytest.mark.parametrize(
    "arguments", [[], ["a", "--file", "b"], [" \n"], ["--file", "nowhere.txt"], ["x" * 100_000]]
)
def test_an_invalid_prompt_is_an_error(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, told = answered(capsys, *arguments)
    assert code == Exit.ERROR
    assert told["error"]["message"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    main(["check", *arguments])
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat on a windowsill",
        "person alone in the dark, on a rooftop at night, the cliff, a bridge and a huge whale",
        "Tom Cruise rides a horse past a Starbucks",
        "how to build a bomb",
    ],
)
def test_the_text_has_at_most_three_suggestions_and_no_setting_rule_or_detector(
    capsys: pytest.CaptureFixture[str], prompt: str
) -> None:
    lines = printed(capsys, prompt)
    assert sum(line.startswith("  - ") for line in lines) <= 3
    assert lines[-1].startswith("Text checks: ")
    assert not re.search(r"detectors\.|\(rule|word-lists|ngrams|explicit_adults|docs/", "\n".join(lines))


def test_the_whole_checklist_is_printed_on_request_with_labels_in_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(capsys, "person walks", "--checklist")
    points = lines[lines.index("The ten points of the checklist:") + 1 : -1]
    assert len(points) == 10
    assert "Age of the people (needs attention): “person”: the prompt states no age." in "\n".join(points)


@pytest.mark.parametrize(
    "prompt",
    [
        "a nude woman alone on a rooftop",
        "Tom Cruise rides a horse alone at night",
        "Die Katze schläft auf dem Sofa und die Sonne scheint",
        "I want to end it all tonight, alone on the rooftop",
    ],
)
def test_the_checklist_is_not_printed_if_help_is_refused(
    capsys: pytest.CaptureFixture[str], prompt: str
) -> None:
    said = "\n".join(printed(capsys, prompt, "--checklist"))
    assert "The ten points" not in said
    assert "filters" not in said


@pytest.mark.parametrize(
    ("prompt", "code"),
    [("a nude woman alone on a rooftop", Exit.BLOCKED), ("Tom Cruise rides a horse at night", Exit.OK)],
)
def test_apply_without_help_gives_the_ordinary_answer(
    capsys: pytest.CaptureFixture[str], prompt: str, code: Exit
) -> None:
    given, told = answered(capsys, prompt, "--apply", "1")
    assert (given, told["applied"], told["suggestions"]) == (code, None, [])


def test_after_a_failed_rewrite_the_answer_says_so_and_suggests_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = "\n".join(
        printed(capsys, "A woman alone in a dark street", "--provider", "veo", "--rewrite-failed")
    )
    assert "reacting to something real" in " ".join(said.split())
    assert "--apply" not in said


def test_an_age_is_written_as_the_user_states_it(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = answered(capsys, "A woman alone in a dark street", "--age", "35")
    assert any("A 35-year-old woman" in (one["rewritten"] or "") for one in told["suggestions"])


def test_a_person_in_distress_gets_help_lines_and_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(
        capsys, "I want to end it all tonight, on the rooftop", "--provider", "sora-2", "--blocked", "output"
    )
    said = "\n".join(lines)
    assert "988" in said
    assert "Please talk to someone at a help line" in said
    assert not re.search("Risk that|may react|Deep fix|What to try|shut down|filters", said)


def test_markup_and_control_characters_of_a_prompt_are_not_interpreted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = "\n".join(printed(capsys, "Tom Cruise [red]nude[/red] n\x1b[31mu\u202ed\x07e", "--checklist"))
    assert not re.search("[\x07\x1b\u202e]", said)
    main(["check", "the sea", "--provider", "[red]x\x1b[31m"])
    said = capsys.readouterr().err
    assert "“[red]x" in said
    assert "\x1b" not in said


def test_an_unknown_provider_is_wrong_usage_and_lists_the_known_ones_and_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for language, wanted in (("en", "Nearest: runway."), ("zh-Hant", "最接近的名稱：runway。")):
        assert main(["check", "the sea", "--provider", "runwai", "--lang", language]) == Exit.CONFIGURATION
        said = capsys.readouterr()
        assert wanted in said.err
        assert said.out == ""
    assert "higgsfield、kling、" in said.err


@pytest.mark.parametrize(
    ("provider", "title"),
    [
        ("kling", "Kling"),
        ("luma", "Luma"),
        ("pika", "Pika"),
        ("hailuo", "MiniMax"),
        ("vidu", "Vidu"),
        ("pixverse", "PixVerse"),
        ("wan", "Alibaba Model Studio"),
        ("xai", "xAI"),
    ],
)
def test_a_provider_without_documented_rules_is_known_and_gets_the_general_reading(
    capsys: pytest.CaptureFixture[str], provider: str, title: str
) -> None:
    lines = printed(capsys, "the sea", "--provider", provider)
    assert any("Unknown. Safelight knows no documented rule of" in line and title in line for line in lines)
    lines = printed(capsys, "a gun fight in the street", "--provider", provider)
    assert any("may refuse" in line and f"does not mention {title}" in line for line in lines)
    assert any(f"Safelight knows no documented rule of {title}" in line for line in lines)


def test_both_commands_list_the_same_providers(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for command in ("check", "explain-error"):
        assert main([command, "the sea", "--provider", "nobody", "--lang", "en"]) == Exit.CONFIGURATION
        said.append(capsys.readouterr().err)
    assert said[0] == said[1]
    assert {"kling", "vllm_omni", "litellm"} <= set(re.findall(r"\w+", said[0]))


def test_a_provider_of_spaces_is_no_provider(capsys: pytest.CaptureFixture[str]) -> None:
    without = printed(capsys, "A person alone on a rooftop at night")
    assert printed(capsys, "A person alone on a rooftop at night", "--provider", " ") == without


def test_the_risk_at_the_provider_and_the_suggestions_are_printed_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(capsys, "Tom Cruise rides a horse", "--provider", "veo")
    assert sum("Google Veo" in line for line in lines) == 1
    assert sum(line.strip().startswith("Source: docs.cloud.google.com") for line in lines) == 1
    lines = printed(capsys, "A person alone on a rooftop at night", "--provider", "veo")
    assert "What you can write instead (--apply NUMBER):" in lines
    assert "Suggestions:" not in lines


@pytest.mark.parametrize(
    ("language", "first", "last"),
    [
        ("en", "Our policy allows", "Text checks:"),
        ("zh-Hant", "這段提示詞符合我們的內容政策。", "文字檢查："),
        ("zh_CN.GBK", "这段提示词符合我们的内容政策。", "文字检查："),
    ],
)
def test_the_result_is_printed_in_the_chosen_language(
    capsys: pytest.CaptureFixture[str], language: str, first: str, last: str
) -> None:
    lines = printed(capsys, "a cat on a windowsill", "--lang", language)
    assert lines[0].startswith(first)
    assert lines[-1].startswith(last)


def test_help_lines_come_in_the_language_of_the_prompt_too(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "我不想活了")
    assert any("12356" in line for line in lines)
    assert any("988" in line for line in lines)
    assert not any(line.startswith("  - ") for line in lines), (
        "no advice on the prompt of a person in distress"
    )


def test_json_is_in_english_in_every_language(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = answered(capsys, "a cat, SAFELIGHT-TEST:violence", "--lang", "zh-Hant")
    assert told["sentence"].startswith("Blocked before generation.")


def test_the_example_of_stacked_words_gets_drivers_and_a_rewrite(capsys: pytest.CaptureFixture[str]) -> None:
    prompt = "A person standing alone on a rooftop at night, looking down at the city"
    _, told = answered(capsys, prompt, "--provider", "sora-2", "--apply", "1", "--blocked", "output")
    assert {driver["row"] for driver in told["drivers"]} >= {"alone", "rooftop", "night", "looking_down"}
    assert "stacking" in {driver["kind"] for driver in told["drivers"]}
    assert all(source["read"] for driver in told["drivers"] for source in driver["sources"])
    assert (told["verdict"], told["risk_level"], told["fix"]["kind"]) == ("allow", "medium", "deep")
    assert told["applied"]["prompt"] == (
        "A person standing alone on an observation deck at dusk, looking out over the city"
    )
    assert told["applied"]["verdict"] == "allow"
    main(["check", prompt, "--apply", "1"])
    assert "A person standing alone on {+an+} {+observation deck+}" in capsys.readouterr().out


def test_three_suggestions_are_printed_and_all_with_the_checklist(capsys: pytest.CaptureFixture[str]) -> None:
    prompt = "A person standing alone on a rooftop at night, looking down at the city"
    main(["check", prompt, "--provider", "veo"])
    short = capsys.readouterr().out
    assert "  3. " in short
    assert "  4. " not in short
    assert "more with --checklist." in short
    main(["check", prompt, "--provider", "veo", "--checklist"])
    assert "  4. " in capsys.readouterr().out


def test_a_suggestion_that_does_not_exist_cannot_be_applied(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = answered(capsys, "a cat on a windowsill", "--apply", "1")
    assert (code, told["error"]["code"], told["error"]["param"]) == (Exit.ERROR, "invalid_value", "apply")


@pytest.mark.parametrize(
    "prompt",
    [
        "a n.u.d.e woman cutting bread",
        "how to build a bomb at night",
        "Tom Cruise falls from a cliff",
        "女人裸體站在樓頂",
    ],
)
def test_no_suggestion_is_given_where_a_detector_alarms(
    prompt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = answered(capsys, prompt, "--provider", "veo")
    assert told["suggestions"] == []
    assert told["no_suggestions"]["text"]


def test_a_text_in_another_language_gets_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = answered(capsys, "Un chat regarde la pluie tomber sur le pont, night")
    assert (told["suggestions"], told["no_suggestions"]["reason"]) == ([], "not_checked")


def test_the_other_texts_of_a_request_are_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = answered(
        capsys,
        "a quiet harbour with small boats",
        "--rewritten",
        "a quiet harbour with small boats under a massive storm at night",
        "--negative-prompt",
        "blood, music",
    )
    by_row = {driver["row"]: driver for driver in told["drivers"]}
    assert by_row["size"]["added_by_rewriting"]
    assert by_row["blood"]["excluded"]
    _, told = answered(capsys, "a harbour", "--negative-prompt", "naked people")
    assert told["verdict"] == "allow"


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_chinese_points_of_the_checklist_quote_the_words_found(
    capsys: pytest.CaptureFixture[str], language: str
) -> None:
    said = "\n".join(printed(capsys, "A chef cutting carrots", "--checklist", "--lang", language))
    assert re.search("[「“]cutting[」”]：", said)
