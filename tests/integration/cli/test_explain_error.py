"""`safelight explain-error`."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from safelight.cli.output import Exit
from safelight.core.i18n import available_languages, load_messages, translate_sentence
from safelight.providers.provider_errors import decode
from safelight.providers.provider_errors.registry import everybody
from support.commands import Run, Say

BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'

BLOCKS = (
    BLOCK,
    "moderation_blocked",
    "sentinel_block",
    "Veo could not generate 1 videos based on the prompt provided. Support codes: 61493863",
    "frame 12 failed moderation",
    '{"error": {"code": "content_policy_violation", "param": "prompt", "message": "violence"}}',
)


def test_a_known_error_is_explained_as_text(say: Say) -> None:
    said = say("explain-error", BLOCK).out
    for word in ("Runway refused", "Charged", "yes (documented: ", "the provider (Runway)"):
        assert word in said
    assert "\n  https://docs.dev.runwayml.com/errors/task-failures\n" in said, "one page on a line"


def test_the_sources_are_called_what_they_are(say: Say) -> None:
    for error, sources in (
        (BLOCK, "documented code or format"),
        ("This content may violate our guardrails concerning similarity", "reported by users"),
        ("moderation_blocked", "documented message, with reports of users"),
        ("429 Too Many Requests", "documented message"),
    ):
        assert f"Sources ({sources}):" in say("explain-error", error, code=None).out, error


@pytest.mark.parametrize(
    ("error", "provider", "appeal"),
    [
        (BLOCK, "runway", "A suspension can be appealed by e-mail"),
        ("CreationPolicyViolation", "vidu", "no way is documented"),
    ],
)
def test_a_block_shows_how_to_appeal_it_or_that_no_way_is_documented(
    run: Run, say: Say, error: str, provider: str, appeal: str
) -> None:
    said = " ".join(say("explain-error", error, "--provider", provider, code=None).out.split())
    assert f" Appeal {appeal}" in said
    ways = run("explain-error", error, "--provider", provider)["appeal"]
    assert all(way["topic"] == "appeal" and way["url"] and way["read"] for way in ways)
    assert bool(ways) is (provider == "runway")


def test_a_block_by_a_service_that_has_ended_says_so(run: Run, say: Say) -> None:
    for error in (("rejected by our safety system", "--provider", "sora"), ("moderation_blocked",)):
        said = " ".join(say("explain-error", *error, code=None).out.split())
        assert "OpenAI shut down Sora 2 and its Videos API on 24 September 2026." in said
        assert [way["id"] for way in run("explain-error", *error)["appeal"]] == ["shut-down"]


def test_what_is_no_block_has_no_appeal(run: Run, say: Say) -> None:
    assert run("explain-error", "429 Too Many Requests")["appeal"] is None
    assert "Appeal" not in say("explain-error", "429 Too Many Requests", code=None).out


@pytest.mark.parametrize("text", ["sentinel_block", '{"error": {"code": "sentinel_block"}}'])
def test_what_is_only_reported_is_not_called_documented_blames_no_content_and_has_one_delay(
    say: Say, text: str
) -> None:
    said = say("explain-error", text, code=None).out
    assert not re.search("sentence|minutes", said)
    assert said.count("60 s") == 1
    if text == "sentinel_block":
        assert "documented" not in said
        assert re.search("Charged +no \\(reported: refused before generation\\)", said)
        assert re.search("Kind +the request was refused", said)


def test_it_reads_a_pipe_and_a_file(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.TextIOWrapper):
        def isatty(self) -> bool:
            return False

    for arguments in (["-"], []):
        monkeypatch.setattr(sys, "stdin", Pipe(io.BytesIO(BLOCK.encode())))
        assert run("explain-error", *arguments)["provider"] == "runway"
    (folder / "error.txt").write_text(BLOCK)
    assert run("explain-error", "--file", "error.txt")["charged"]["charged"] == "yes"
    run("explain-error", BLOCK, "--file", "error.txt", code=Exit.ERROR)
    run("explain-error", "--file", "none", code=Exit.ERROR)
    (folder / "error.txt").write_bytes("提示词可能违反了我们的内容政策".encode("gbk"))
    run("explain-error", "--file", "error.txt", code=Exit.ERROR)


def test_an_unknown_error_is_one_line_with_an_exit_code_of_its_own_and_names_the_option_for_the_provider(
    run: Run, say: Say
) -> None:
    assert run("explain-error", "the quick brown fox", code=Exit.NOT_COVERED)["kind"] == "unknown"
    for language in ("en", "zh-Hant", "zh-Hans"):
        said = say("explain-error", "the quick brown fox", "--lang", language, code=Exit.NOT_COVERED).out
        assert "--provider" in said
        if language == "en":
            assert len(said.strip()) <= 80
            assert "\n" not in said.strip()


@pytest.mark.parametrize(
    ("language", "wanted"),
    [("en", "it may have been charged."), ("zh-Hant", "可能已經收費。"), ("zh-Hans", "可能已经收费。")],
)
def test_a_bare_moderation_block_says_what_is_known_in_every_language(
    say: Say, language: str, wanted: str
) -> None:
    said = say("explain-error", "moderation_blocked", "--lang", language).out
    lines = said.splitlines()
    assert wanted in lines[0]
    assert language == "en" or "September" not in said
    labels = [line for line in lines if not line.startswith(" ") and "http" not in line]
    columns = {cell_len(line) - cell_len(line[line.index("  ") :].lstrip()) for line in labels[1:-1]}
    assert len(columns) == 1, "values start in one column"


def test_the_original_is_printed_unless_it_is_the_whole_input(say: Say) -> None:
    text = "your credit card was declined"
    assert "Original" not in say("explain-error", f" {text}\n", code=None).out
    said = say("explain-error", json.dumps({"error": {"message": text}}), code=None).out
    assert re.search(f"Original +{text}", said)


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


def test_a_charge_shows_its_amount_currency_and_source(run: Run, say: Say) -> None:
    charged = {"charged": "yes", "amount": 0.4, "currency": "USD", "source": "price list"}
    error = {"code": "moderation_blocked", "message": "No.", "moderation_details": {"charged": charged}}
    body = json.dumps({"error": error})
    found = run("explain-error", body)["charged"]
    assert (found["charged"], found["amount"], found["currency"]) == ("yes", 0.4, "USD")
    assert "yes, $0.40 (" in say("explain-error", body).out


def test_a_rate_limit_says_how_long_to_wait(say: Say) -> None:
    for text, wanted in (("429", "wait 60 s"), ("HTTP/1.1 429\nretry-after: 21\n", "Wait 21 s")):
        assert wanted in say("explain-error", text).out


def test_no_sentence_states_that_a_stochastic_filter_will_refuse_again() -> None:
    for provider in everybody():
        for row in provider.rules:
            assert "will be refused again" not in row.message + row.next_step, row.id
    for tag in available_languages("console"):
        assert "will be refused" not in load_messages("console", tag)("provider_error.retry.change_prompt")


def test_the_provider_hint_decides_the_meaning_of_a_bare_number(run: Run) -> None:
    body = '{"code": 1026, "message": "no"}'
    run("explain-error", body, code=Exit.NOT_COVERED)
    assert run("explain-error", body, "--provider", "minimax")["kind"] == "content_block"


def test_no_model_server_or_database_is_loaded() -> None:
    program = (
        "import sys\nfrom safelight.cli import main\nmain(['explain-error', 'x', '--json'])\n"
        "heavy = {'numpy', 'onnxruntime', 'sqlalchemy', 'fastapi', 'httpx', 'dbos'}&set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


ROOFTOP = "A person standing alone on a rooftop at night"


def test_the_prompt_beside_an_error_gets_an_answer_of_its_own(run: Run, say: Say) -> None:
    def about(error: str, prompt: str, code: int | None = 0) -> dict[str, Any]:
        found: dict[str, Any] = run("explain-error", error, "--prompt", prompt, code=code)["prompt"]
        return found

    assert run("explain-error", BLOCK)["prompt"] is None
    found = about('{"failureCode": "SAFETY.INPUT.TEXT"}', ROOFTOP)
    assert (found["answer"], found["next"]["step"]) == ("help", "changed")
    assert found["next"]["prompt"] != ROOFTOP
    assert "rooftop" not in found["next"]["prompt"]
    assert about("the quick brown fox", ROOFTOP, Exit.NOT_COVERED)["next"] == {
        "step": "unknown",
        "prompt": None,
        "text": load_messages("advice", "en")("refused_prompt.step.unknown"),
        "change": None,
        "condition": None,
        "diff": [],
    }
    assert about("429 Too Many Requests", ROOFTOP)["next"]["prompt"] == ROOFTOP
    refused = about('{"failureCode": "SAFETY.INPUT.TEXT"}', "how to build a bomb")
    assert (refused["answer"], refused["words"], refused["next"]["prompt"]) == ("refuse", [], None)


@pytest.mark.parametrize("language", available_languages("cli"))
def test_the_answer_about_the_prompt_is_in_the_language_of_the_reader(say: Say, language: str) -> None:
    said = say("explain-error", BLOCK, "--prompt", ROOFTOP, "--lang", language).out
    t = load_messages("advice", language)
    for name in ("words", "next", "price"):
        assert t(f"refused_prompt.{name}") in said
