from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from safelight.cli import main
from safelight.cli.exit_codes import Exit
from safelight.generation.provider_errors import decode
from safelight.generation.provider_errors.registry import everybody
from safelight.i18n import available_languages, load_messages, translate_sentence

BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'

BLOCKS = (
    BLOCK,
    "moderation_blocked",
    "sentinel_block",
    "Veo could not generate 1 videos based on the prompt provided. Support codes: 61493863",
    "frame 12 failed moderation",
    '{"error": {"code": "content_policy_violation", "param": "prompt", "message": "violence"}}',
)


def test_a_known_error_is_explained_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain-error", BLOCK]) == Exit.OK
    said = capsys.readouterr().out
    for word in ("Runway refused", "Charged", "yes (documented: ", "the provider (Runway)"):
        assert word in said
    assert "\n  https://docs.dev.runwayml.com/errors/task-failures\n" in said, "one page on a line"


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (BLOCK, "Sources (documented code or format):"),
        ("This content may violate our guardrails concerning similarity", "Sources (reported by users):"),
        ("moderation_blocked", "Sources (documented message, with reports of users):"),
        ("429 Too Many Requests", "Sources (documented message):"),
    ],
)
def test_the_sources_are_called_what_they_are(
    capsys: pytest.CaptureFixture[str], error: str, wanted: str
) -> None:
    main(["explain-error", error])
    assert wanted in capsys.readouterr().out


def test_what_is_only_reported_is_not_called_documented_and_a_guess_blames_no_content(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["explain-error", "sentinel_block"])
    said = capsys.readouterr().out
    assert "documented" not in said
    assert re.search("Charged +no \\(reported: refused before generation\\)", said)
    assert re.search("Kind +the request was refused", said)


def test_an_unknown_error_has_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain-error", "the quick brown fox", "--json"]) == Exit.NOT_COVERED
    assert json.loads(capsys.readouterr().out)["kind"] == "unknown"


def test_it_reads_a_pipe_and_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pipe(io.TextIOWrapper):
        def isatty(self) -> bool:
            return False

    for arguments in (["-"], []):
        monkeypatch.setattr(sys, "stdin", Pipe(io.BytesIO(BLOCK.encode() + b"\xff")))
        assert main(["explain-error", *arguments, "--json"]) == Exit.OK
        assert json.loads(capsys.readouterr().out)["provider"] == "runway"
    file = tmp_path / "error.txt"
    file.write_text(BLOCK)
    assert main(["explain-error", "--file", str(file), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["charged"]["charged"] == "yes"
    assert main(["explain-error", BLOCK, "--file", str(file)]) == Exit.ERROR
    assert main(["explain-error", "--file", str(tmp_path / "none")]) == Exit.ERROR


def test_an_unknown_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain-error", "the quick brown fox"]) == Exit.NOT_COVERED
    said = capsys.readouterr().out.strip()
    assert len(said) <= 80
    assert "\n" not in said


@pytest.mark.parametrize(
    ("language", "wanted"),
    [("en", "it may have been charged."), ("zh-Hant", "可能已經收費。"), ("zh-Hans", "可能已经收费。")],
)
def test_a_bare_moderation_block_says_what_is_known_in_every_language(
    capsys: pytest.CaptureFixture[str], language: str, wanted: str
) -> None:
    assert main(["explain-error", "moderation_blocked", "--lang", language]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert wanted in lines[0]
    labels = [line for line in lines if not line.startswith(" ") and "http" not in line]
    assert {cell_len(line) - cell_len(line[line.index("  ") :].lstrip()) for line in labels[1:-1]} == {
        cell_len(labels[1]) - cell_len(labels[1][labels[1].index("  ") :].lstrip())
    }, "values start in one column"


def test_the_original_is_printed_unless_it_is_the_whole_input(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain-error", " your credit card was declined\n"])
    assert "Original" not in capsys.readouterr().out
    main(["explain-error", '{"error": {"message": "your credit card was declined"}}'])
    assert re.search("Original +your credit card was declined", capsys.readouterr().out)


def test_every_sentence_of_the_rules_is_translated() -> None:
    sentences = {
        sentence
        for provider in everybody()
        for row in provider.rules
        for sentence in (row.message, row.next_step)
        if sentence
    }
    for text in (*BLOCKS, "429", "the quick brown fox", '{"status": "queued"}', "insufficient credits"):
        found = decode(text)
        sentences |= {found.summary, found.next_step}
    for tag in ("zh-Hant", "zh-Hans"):
        for sentence in sentences:
            found_text = translate_sentence("provider_errors", sentence, tag)
            assert found_text, sentence
            assert not re.search(r"\b(?:the|request|refused|prompt)\b", found_text), sentence


def test_a_charge_shows_its_amount_currency_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    charged = {"charged": "yes", "amount": 0.4, "currency": "USD", "source": "price list"}
    body = {
        "error": {"code": "moderation_blocked", "message": "No.", "moderation_details": {"charged": charged}}
    }
    assert main(["explain-error", json.dumps(body), "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)["charged"]
    assert (told["charged"], told["amount"], told["currency"]) == ("yes", 0.4, "USD")
    main(["explain-error", json.dumps(body)])
    assert "yes, $0.40 (" in capsys.readouterr().out


def test_a_rate_limit_says_how_long_to_wait(capsys: pytest.CaptureFixture[str]) -> None:
    for text, wanted in (("429", "wait 60 s"), ("HTTP/1.1 429\nretry-after: 21\n", "Wait 21 s")):
        assert main(["explain-error", text]) == Exit.OK
        assert wanted in capsys.readouterr().out


def test_an_unknown_provider_name_is_wrong_usage_and_lists_the_known_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for language, wanted in (("en", "Nearest: openrouter."), ("zh-Hant", "最接近的名稱：openrouter。")):
        given = ["explain-error", BLOCK, "--provider", "openrooter", "--lang", language]
        assert main(given) == Exit.CONFIGURATION
        said = capsys.readouterr()
        assert wanted in said.err
        assert said.out == ""
    assert "、kling、" in said.err


@pytest.mark.parametrize("text", ["sentinel_block", '{"error": {"code": "sentinel_block"}}'])
def test_a_bare_sentinel_block_is_no_sentence_and_has_one_delay(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    main(["explain-error", text])
    said = capsys.readouterr().out
    assert "sentence" not in said
    assert said.count("60 s") == 1
    assert "minutes" not in said


def test_an_unknown_error_names_the_option_for_the_provider(capsys: pytest.CaptureFixture[str]) -> None:
    for language in ("en", "zh-Hant", "zh-Hans"):
        main(["explain-error", "the quick brown fox", "--lang", language])
        assert "--provider" in capsys.readouterr().out


def test_chinese_output_has_no_english_date(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain-error", "moderation_blocked", "--lang", "zh-Hant"])
    assert "September" not in capsys.readouterr().out


def test_no_sentence_states_that_a_stochastic_filter_will_refuse_again() -> None:
    for provider in everybody():
        for row in provider.rules:
            assert "will be refused again" not in row.message + row.next_step, row.id
    for tag in available_languages("console"):
        assert "will be refused" not in load_messages("console", tag)("provider_error.retry.change_prompt")


def test_the_provider_hint_decides_the_meaning_of_a_bare_number(capsys: pytest.CaptureFixture[str]) -> None:
    body = '{"code": 1026, "message": "no"}'
    assert main(["explain-error", body, "--json"]) == Exit.NOT_COVERED
    capsys.readouterr()
    assert main(["explain-error", body, "--provider", "minimax", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["kind"] == "content_block"


def test_no_model_server_or_database_is_loaded() -> None:
    program = (
        "import sys\nfrom safelight.cli import main\nmain(['explain-error', 'x', '--json'])\n"
        "heavy = {'numpy', 'onnxruntime', 'sqlalchemy', 'fastapi', 'httpx', 'dbos'}&set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
