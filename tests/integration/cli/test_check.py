"""`safelight check`: verdicts, what is withheld, suggestions, providers, languages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from safelight.cli import check
from safelight.cli.output import Exit
from safelight.testing.clips import tiny_clip
from support.commands import Run, Say

CAT = "a cat on a windowsill"
CARD = "a cat, SAFELIGHT-TEST:violence"
ALONE = "A woman alone in a dark street"
STACKED = "A person standing alone on a rooftop at night, looking down at the city"


@pytest.fixture(autouse=True)
def _quick(folder: Path) -> None:
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\n")


@pytest.fixture
def told(run: Run) -> Run:
    """The JSON of a check, whatever it ends with."""
    return lambda *arguments, code=None: run("check", *arguments, code=code)


@pytest.fixture
def printed(say: Say) -> Run:
    """The text of a check, whatever it ends with."""
    return lambda *arguments, code=None: say("check", *arguments, code=code).out


def test_a_harmless_prompt_is_allowed_and_leaves_no_files(
    told: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    found = told(CAT, "--provider", "veo", code=Exit.OK)
    assert (found["action"], found["findings"], len(found["checklist"])) == ("allow", [], 10)
    assert "not checked" not in found["coverage"]
    # Compiled word lists go to the user's cache folder.
    assert {path.name for path in folder.iterdir()} - {"cache"} == {"safelight.toml"}


def test_the_test_card_is_blocked_with_its_span_and_json_is_english_in_every_language(told: Run) -> None:
    found = told(CARD, "--provider", "veo", "--lang", "zh-Hant", code=Exit.BLOCKED)
    assert (found["action"], found["checklist"]) == ("block", [])
    assert found["sentence"].startswith("Blocked before generation.")
    (finding,) = found["findings"]
    assert (finding["test_card"], finding["evidence"][0]["start"]) == (True, 7)


def test_documented_provider_rules_are_included(told: Run, printed: Run) -> None:
    found = told("Tom Cruise rides a horse", "--provider", "veo", code=Exit.OK)
    assert (found["provider"]["outcome"], found["checklist"]) == ("refused", [])
    assert "- The prompt names" not in printed("Tom Cruise rides a horse")
    lines = printed("Tom Cruise rides a horse", "--provider", "veo").splitlines()
    assert sum("Google Veo" in line for line in lines) == 1
    assert sum("Source: docs.cloud.google.com" in line for line in lines) == 1


def test_a_reference_is_evaluated_with_the_prompt(told: Run, folder: Path) -> None:
    def cells(name: str) -> set[str]:
        return {cell for cells in told("the sea", "--ref", name)["coverage"].values() for cell in cells}

    def error(name: str) -> Any:
        return told("the sea", "--ref", name, code=Exit.ERROR)["error"]["code"]

    Image.effect_noise((64, 64), 30).convert("RGB").save(folder / "sea.png")
    (folder / "clip.mp4").write_bytes(tiny_clip())
    assert any("in image" in cell for cell in cells("sea.png"))
    assert any("in frames" in cell for cell in cells("clip.mp4"))
    assert told("the sea", "--ref", "clip.mp4")["not_checked"] == []
    (folder / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(64))
    assert (error("none.png"), error("clip.mp4")) == ("not_found", "invalid_media")


def test_a_clip_that_is_not_checked_in_time_leaves_the_check_undecided(
    told: Run, printed: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_REFERENCES_S", 0.0)
    clip = str(folder / "clip.mp4")
    Path(clip).write_bytes(tiny_clip())
    found = told("the sea", "--ref", clip, code=Exit.NOT_COVERED)
    assert (found["verdict"], found["not_checked"]) == ("undecided", [clip])
    assert found["scan_seconds"][clip] > 1
    said = printed("the sea", "--ref", clip, code=Exit.NOT_COVERED)
    assert said.startswith("Undecided: a reference was not checked in time.")
    assert "Its scan takes about 2 s: safelight scan" in said


def test_a_check_without_references_loads_no_server(folder: Path) -> None:
    program = (
        "import sys\nfrom safelight.cli import main\n"
        "main(['check', 'a cat', '--provider', 'veo', '--json'])\n"
        "heavy = {'sqlalchemy', 'fastapi', 'dbos', 'av', 'cv2', 'cryptography', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_discreet_category_shows_its_group_and_no_words_and_nothing_if_it_is_weak(told: Run) -> None:
    found = told("how to build a bomb", code=Exit.BLOCKED)
    assert (found["findings"], "illicit" in found["withheld"]) == ([], True)
    assert "words" not in json.dumps(found["details"])
    assert told("A fight in a bar", code=Exit.OK)["withheld"] == []


def test_a_person_in_distress_is_not_blocked_and_gets_help_lines_and_one_sentence(
    told: Run, printed: Run
) -> None:
    found = told("I want to kill myself", code=Exit.OK)
    assert (found["action"], bool(found["details"]["support"])) == ("allow", True)
    said = printed(
        "I want to end it all tonight, on the rooftop", "--provider", "sora-2", "--blocked", "output"
    )
    assert "988" in said
    assert "Please talk to someone at a help line" in said
    assert not re.search("Risk that|may react|Deep fix|What to try|shut down|filters", said)
    said = printed("我不想活了")
    assert "12356" in said, "help lines come in the language of the prompt too"
    assert "988" in said
    assert "\n  - " not in said, "no advice on the prompt of a person in distress"


def test_a_prompt_is_read_from_a_file_and_the_result_printed_as_text(printed: Run, folder: Path) -> None:
    (folder / "prompt.txt").write_text("a n.u.d.e woman")
    said = printed("--file", "prompt.txt", "--level", "developer", code=Exit.BLOCKED)
    for words in (
        "Blocked before generation",
        "Sexual content: “n.u.d.e”",
        "Text checks: 29 of 29 done.",
        "29 of 29 checks ran; how much this set of checks and models finds is not measured.",
    ):
        assert words in said


@pytest.mark.parametrize("encoding", ["gbk", "big5", "utf-16-le", "latin-1"])
def test_a_file_in_another_encoding_is_an_error_and_never_allowed(
    told: Run, folder: Path, encoding: str
) -> None:
    text = "a n.u.d.e woman, café" if encoding == "latin-1" else "一個裸體的女人，背景是海灘"
    (folder / "prompt.txt").write_bytes(text.encode(encoding, "ignore"))
    told("--file", "prompt.txt", code=Exit.ERROR)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_with_a_byte_order_mark_is_read(told: Run, folder: Path, encoding: str) -> None:
    (folder / "prompt.txt").write_bytes("a naked woman, everything shown".encode(encoding))
    told("--file", "prompt.txt", code=Exit.BLOCKED)


@pytest.mark.parametrize("lost", ["\ufffd", b"\xe9".decode("utf-8", "surrogateescape")])
def test_a_prompt_whose_characters_were_lost_is_an_error(told: Run, lost: str) -> None:
    told(f"a caf{lost} at dusk", code=Exit.ERROR)


def test_another_policy_can_be_chosen(told: Run) -> None:
    assert told("a commercial for Starbucks")["action"] == "label"
    found = told("a commercial for Starbucks", "--policy", "strict", code=Exit.BLOCKED)
    assert (found["policy"], found["action"]) == ("strict", "block")


def test_a_disabled_detector_leaves_a_coverage_gap(told: Run, folder: Path) -> None:
    (folder / "safelight.toml").write_text(
        "[detectors]\nminilm = false\nword-lists = false\nngrams = false\n"
    )
    assert "sexual" in told("a cat", code=Exit.NOT_COVERED)["coverage"]["not checked"]


@pytest.mark.parametrize(
    "arguments", [[], ["a", "--file", "b"], [" \n"], ["--file", "nowhere.txt"], ["x" * 100_000]]
)
def test_an_invalid_prompt_is_an_error(told: Run, arguments: list[str]) -> None:
    assert told(*arguments, code=Exit.ERROR)["error"]["message"]


def test_the_text_has_at_most_three_suggestions_and_no_setting_rule_or_detector(printed: Run) -> None:
    for prompt in (
        CAT,
        "person alone in the dark, on a rooftop at night, the cliff, a bridge and a huge whale",
        "Tom Cruise rides a horse past a Starbucks",
        "how to build a bomb",
    ):
        said = printed(prompt)
        assert said.count("\n  - ") <= 3, prompt
        assert said.splitlines()[-1].startswith("Text checks: "), prompt
        assert not re.search(r"detectors\.|\(rule|word-lists|ngrams|explicit_adults|docs/", said), prompt


def test_the_whole_checklist_is_printed_on_request_with_labels_in_words(printed: Run) -> None:
    lines = printed("person walks", "--checklist").splitlines()
    points = lines[lines.index("The ten points of the checklist:") + 1 : -1]
    assert len(points) == 10
    assert "Age of the people (needs attention): “person”: the prompt states no age." in "\n".join(points)


def test_the_checklist_is_not_printed_if_help_is_refused(printed: Run) -> None:
    for prompt in (
        "a nude woman alone on a rooftop",
        "Tom Cruise rides a horse alone at night",
        "Die Katze schläft auf dem Sofa und die Sonne scheint",
        "I want to end it all tonight, alone on the rooftop",
    ):
        assert not re.search("The ten points|filters", printed(prompt, "--checklist")), prompt


def test_apply_without_help_gives_the_ordinary_answer(told: Run) -> None:
    for prompt, code in (
        ("a nude woman alone on a rooftop", Exit.BLOCKED),
        ("Tom Cruise rides a horse at night", Exit.OK),
    ):
        found = told(prompt, "--apply", "1", code=code)
        assert (found["applied"], found["suggestions"]) == (None, [])


def test_after_a_failed_rewrite_the_answer_says_so_and_suggests_nothing(printed: Run) -> None:
    said = printed(ALONE, "--provider", "veo", "--rewrite-failed")
    assert "reacting to something real" in " ".join(said.split())
    assert "--apply" not in said


def test_an_age_is_written_as_the_user_states_it(told: Run) -> None:
    rewritten = [one["rewritten"] or "" for one in told(ALONE, "--age", "35")["suggestions"]]
    assert any("A 35-year-old woman" in text for text in rewritten)


def test_markup_and_control_characters_of_a_prompt_are_not_interpreted(say: Say, printed: Run) -> None:
    said = printed("Tom Cruise [red]nude[/red] n\x1b[31mu\u202ed\x07e", "--checklist")
    assert not re.search("[\x07\x1b\u202e]", said)
    said = say("check", "the sea", "--provider", "[red]x\x1b[31m", code=Exit.CONFIGURATION).err
    assert "“[red]x" in said
    assert "\x1b" not in said


def test_an_unknown_provider_is_wrong_usage_and_both_commands_list_the_known_ones_and_the_nearest(
    say: Say,
) -> None:
    for given, language, nearest in (
        ("runwai", "en", "Nearest: runway."),
        ("openrooter", "zh-Hant", "最接近的名稱：openrouter。"),
    ):
        arguments = ("the sea", "--provider", given, "--lang", language)
        checked = say("check", *arguments, code=Exit.CONFIGURATION)
        assert checked == say("explain-error", *arguments, code=Exit.CONFIGURATION)
        assert (checked.out, nearest in checked.err) == ("", True)
        assert {"kling", "self_hosted", "litellm"} <= set(re.findall("[a-z_]+", checked.err))
    assert "imagen、kling、" in checked.err


@pytest.mark.parametrize(
    ("provider", "title"),
    [
        ("kling", "Kling"),
        ("hailuo", "MiniMax Hailuo"),
        ("pixverse", "PixVerse"),
        ("stability", "Stability AI"),
    ],
)
def test_a_provider_that_does_not_list_what_it_refuses_is_known_and_gets_the_general_reading(
    printed: Run, provider: str, title: str
) -> None:
    unknown = f"Safelight knows no documented rule of {title}"
    lines = printed("the sea", "--provider", provider).splitlines()
    assert any("Unknown. Safelight knows no documented rule of" in line and title in line for line in lines)
    lines = printed("a gun fight in the street", "--provider", provider).splitlines()
    assert any("may refuse" in line and f"does not mention {title}" in line for line in lines)
    assert any(unknown in line for line in lines)


def test_without_a_provider_one_line_compares_the_documents(told: Run, printed: Run) -> None:
    prompt = "Mickey Mouse dances in a field"
    found = told(prompt, code=Exit.OK)
    assert "veo" in found["documented_refusals"]["refused"]
    lines = [line for line in printed(prompt).splitlines() if line.startswith("By their documents")]
    assert len(lines) == 1
    assert "Google Veo" in lines[0]
    assert told(prompt, "--provider", "runway", code=Exit.OK)["documented_refusals"] is None
    assert told("the sea", code=Exit.OK)["documented_refusals"] is None
    assert told(CARD, code=Exit.BLOCKED)["documented_refusals"] is None


def test_with_a_provider_the_charge_and_the_appeal_are_printed(printed: Run) -> None:
    lines = printed("the sea", "--provider", "runway").splitlines()
    (line,) = [line for line in lines if "Charge for a refusal" in line]
    assert ("costs as many credits" in line, "appealed by e-mail" in line) == (True, True)
    assert "No documented rule is known." in printed("the sea", "--provider", "pixverse")
    assert "Charge for a refusal" not in printed("the sea", "--provider", "sora")


def test_a_provider_of_spaces_is_no_provider(printed: Run) -> None:
    assert printed(ALONE, "--provider", " ") == printed(ALONE)


@pytest.mark.parametrize(
    ("language", "first", "last"),
    [
        ("en", "Our policy allows", "Text checks:"),
        ("zh-Hant", "這段提示詞符合我們的內容政策。", "文字檢查："),
        ("zh_CN.GBK", "这段提示词符合我们的内容政策。", "文字检查："),
    ],
)
def test_the_result_is_printed_in_the_chosen_language(
    printed: Run, language: str, first: str, last: str
) -> None:
    lines = printed(CAT, "--lang", language).splitlines()
    assert lines[0].startswith(first)
    assert lines[-1].startswith(last)
    if language != "en":
        said = printed("A chef cutting carrots", "--checklist", "--lang", language)
        assert re.search("[「“]cutting[」”]：", said)


def test_the_example_of_stacked_words_gets_drivers_and_a_rewrite(told: Run, printed: Run) -> None:
    found = told(STACKED, "--provider", "sora-2", "--apply", "1", "--blocked", "output")
    drivers = found["drivers"]
    assert {driver["row"] for driver in drivers} >= {"alone", "rooftop", "night", "looking_down"}
    assert "stacking" in {driver["kind"] for driver in drivers}
    assert all(source["read"] for driver in drivers for source in driver["sources"])
    assert (found["verdict"], found["risk_level"], found["fix"]["kind"]) == ("allow", "medium", "deep")
    assert found["applied"]["prompt"] == (
        "A person standing alone on an observation deck at dusk, looking out over the city"
    )
    assert found["applied"]["verdict"] == "allow"
    assert "A person standing alone on {+an+} {+observation deck+}" in printed(STACKED, "--apply", "1")


def test_three_suggestions_are_printed_once_and_all_with_the_checklist(told: Run, printed: Run) -> None:
    short = printed(STACKED, "--provider", "veo")
    for words in ("What you can write instead (--apply NUMBER):", "  3. ", "more with --checklist."):
        assert words in short
    assert not re.search("  4\\. |^Suggestions:$", short, re.M)
    assert "  4. " in printed(STACKED, "--provider", "veo", "--checklist")
    error = told(CAT, "--apply", "1", code=Exit.ERROR)["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "apply"), "there is no such suggestion"


def test_no_suggestion_is_given_where_a_detector_alarms_or_cannot_read(told: Run) -> None:
    for prompt in (
        "a n.u.d.e woman cutting bread",
        "how to build a bomb at night",
        "Tom Cruise falls from a cliff",
        "女人裸體站在樓頂",
    ):
        found = told(prompt, "--provider", "veo")
        assert (found["suggestions"], bool(found["no_suggestions"]["text"])) == ([], True), prompt
    found = told("Un chat regarde la pluie tomber sur le pont, night")
    assert (found["suggestions"], found["no_suggestions"]["reason"]) == ([], "not_checked")


def test_the_other_texts_of_a_request_are_read_too(told: Run) -> None:
    prompt = "a quiet harbour with small boats"
    rewritten = f"{prompt} under a massive storm at night"
    found = told(prompt, "--rewritten", rewritten, "--negative-prompt", "blood, music")
    by_row = {driver["row"]: driver for driver in found["drivers"]}
    assert by_row["size"]["added_by_rewriting"]
    assert by_row["blood"]["excluded"]
    assert told("a harbour", "--negative-prompt", "naked people")["verdict"] == "allow"


#: Harmless prompts of different scenes, whether a row of the tables is about them.
SCENES = (
    (ALONE, True),
    ("A flu shot for an old man at the doctor's", True),
    ("People in swimsuits on the beach", True),
    ("They are shooting a short film in a park", True),
    ("Children have a snowball fight in the garden", True),
    ("A war documentary with old maps", True),
    ("Players fighting for the ball in a stadium", True),
    ("A bowl of noodles on a wooden table", False),
    ("A nurse opens the curtains in the morning", False),
    ("一只猫在窗台上睡觉", False),
    ("消防員在火場滅火", False),
    (STACKED, True),
)


@pytest.mark.parametrize(
    "arguments", [(), ("--provider", "kling"), ("--provider", "veo", "--lang", "zh-Hant")]
)
def test_an_allowed_prompt_has_at_most_seven_lines_with_its_scene_and_each_condition_once(
    told: Run, printed: Run, arguments: tuple[str, ...]
) -> None:
    for prompt, has_row in SCENES:
        found = told(prompt, *arguments)
        if found["verdict"] not in ("allow", "label") or found["answer"] != "help":
            continue
        lines = printed(prompt, *arguments).splitlines()
        assert len(lines) <= 7, prompt
        offered = [line for line in lines if re.match(r"  (?:\d\.|-) ", line)]
        assert len(offered) <= 3, prompt
        if not has_row or arguments[-1:] == ("zh-Hant",):
            continue
        shown = found["suggestions"][:3]
        assert len(shown) == len(offered), prompt
        assert all(one["text"] in line for one, line in zip(shown, offered, strict=True)), prompt
        conditions = {one["condition"] for one in shown if one["condition"]}
        assert shown, prompt
        assert all("\n".join(lines).count(one) == 1 for one in conditions), prompt


def test_an_ordinary_reader_gets_the_group_on_a_prompt_without_help_and_a_developer_what_was_found(
    printed: Run, told: Run
) -> None:
    for prompt, code, group in (
        ("a n.u.d.e woman in bed", Exit.BLOCKED, "The reason is sexual content."),
        ("how to build a bomb", Exit.BLOCKED, "The reason is illegal activity."),
        ("Tom Cruise rides a horse at night", Exit.OK, "The reason is a real person's likeness."),
    ):
        lines = printed(prompt, code=code).splitlines()
        said = " ".join(line for line in lines if not line.startswith(("Text checks", "By their documents")))
        assert group in said
        said = said.replace(group, "")
        assert not re.search(
            "What was found|exual|iolence|llegal|ikeness|rule|n\\.u|bomb|“|Cruise|add --checklist", said
        ), said
        assert len(lines) <= 3
        assert "Charge for a refusal" not in printed(prompt, "--provider", "veo") or code is Exit.OK
    said = printed("a n.u.d.e woman in bed", "--level", "developer", code=Exit.BLOCKED)
    assert "Sexual content: “n.u.d.e”" in said
    assert told("a n.u.d.e woman in bed", code=Exit.BLOCKED)["findings"], "JSON is for developers"
