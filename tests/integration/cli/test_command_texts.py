"""Help of every command, and results of the commands for prompts, errors, files and keys, in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.commands import COMMANDS, GROUPS, build_command
from safelight.cli.language import take_language
from safelight.core.i18n import translate_sentence
from safelight.provenance import messages
from safelight.provenance.models import NO_REVOCATIONS, ManifestReport, ManifestState
from support.commands import Say

TAGS = ("zh-Hant", "zh-Hans")


def help_texts(command: Any) -> Iterator[str]:
    options = [*command.params, command.get_help_option(command.context_class(command))]
    texts = [command.help, *(getattr(one, "help", None) for one in options)]
    for text in texts:
        for paragraph in (text or "").split("\n\n"):
            if paragraph.strip():
                yield " ".join(paragraph.split())
    for subcommand in getattr(command, "commands", {}).values():
        yield from help_texts(subcommand)


@pytest.mark.parametrize("tag", TAGS)
def test_every_help_text_is_in_the_catalogue(tag: str) -> None:
    texts = {*GROUPS, *COMMANDS.values()}
    take_language(["--lang", "en"])  # another test of this process may have left another one
    root = build_command()
    texts |= set(help_texts(root))
    for name in COMMANDS:
        with root.make_context("safelight", [name]) as context:
            texts |= set(help_texts(root.resolve_command(context, [name])[1]))
    missing = {text for text in texts if translate_sentence("commands", text, tag) is None}
    assert missing == set()


def test_the_help_of_a_command_is_printed_in_the_chosen_language(say: Say) -> None:
    assert "建立金鑰並顯示一次。" in say("--lang", "zh-Hant", "keys", "create", "--help").out
    assert "扫描视频或图片文件" in say("--lang", "zh-Hans", "--help").out
    assert "Create a key and print it once." in say("keys", "create", "--help").out


REPORTS = [
    ManifestReport(state=state, failures=failures, note=note, issuer=issuer, signed_at=at, media_type=media)
    for state in ManifestState
    for failures in ((), ("assertion.bmffHash.mismatch",), ("signingCredential.expired",))
    for note in ("", "format", "remote", NO_REVOCATIONS)
    for issuer, at in (("山", "2026-11-21T10:00:00+00:00"), ("山", ""), ("", ""))
    for media in ("video/mp4", "image/png")
]
REPORTS += [
    ManifestReport(
        state=state,
        issuer="山",
        signed_at=at,
        media_type="video/mp4",
        time_trusted=state is ManifestState.TRUSTED,
        revoked_since="2026-11-21T00:00:00+00:00" if state is ManifestState.VALID else "",
    )
    for state in (ManifestState.TRUSTED, ManifestState.VALID)
    for at in ("2026-11-21T10:00:00+00:00", "")
]


@pytest.mark.parametrize("tag", TAGS)
def test_every_sentence_about_the_seal_of_a_file_is_translated(tag: str) -> None:
    for report in REPORTS:
        sentences = [
            line
            for own in (True, False)
            for line in (
                messages.answer(report, own=own, known=None),
                *messages.manifest(report, own=own).values(),
            )
        ]
        for other in (
            messages.registry(True),
            messages.registry(False),
            messages.damaged_entry(),
            messages.other_watermarks(),
            messages.watermark_not_checkable(),
        ):
            sentences += other.values()
        for sentence in sentences:
            found = translate_sentence("commands", sentence, tag)
            assert found, sentence
            names = r"assertion\S+|signing\w+\.\w+|safelight verify|SynthID"
            assert not re.search(r"[A-Za-z]{3}", re.sub(names, "", found)), found
            assert not re.search("安[裝装]", found), found
            assert tag == "zh-Hans" or "“" not in found, found


#: What is no word of a sentence: names, ids, commands, addresses, fields of a document and hashes.
#: `policy show` prints an id with its name in brackets.
NO_WORDS = (
    r"sk-\S+|whsec\S+|https?://\S+?(?=[（(])|video\.\w+|safelight keys create NAME|[a-z/-]+(?=（)|\w+-\w+"
    r"|[\w.]+_\w+|[0-9a-f]{8,}|safelight [a-z -]+|[\w/]+\.(yaml|score|md)|sha256|{\w+}|videos:\w+|checks"
    r"|creative|starter|strict|low|one|two|studio|default|webhook|example\.com"
)


@pytest.mark.parametrize("tag", TAGS)
def test_results_are_printed_in_the_chosen_language(say: Say, tag: str, folder: Path) -> None:
    (folder / "hashes.txt").write_text("00" * 32 + "\n")
    (folder / "low.yaml").write_text('policy: low\nversion: "1"\nextends: starter\nthresholds: {sx-1: 0.1}\n')
    english = []
    for arguments in (
        ["keys", "list"],
        ["keys", "create", "studio"],
        ["keys", "list"],
        ["webhooks", "list"],
        ["webhooks", "add", "https://example.com/hook", "--event", "video.completed"],
        ["webhooks", "list"],
        ["policy", "check", "low.yaml"],
        ["policy", "show", "--versions"],
        ["policy", "show"],
        ["policy", "replay", "--reference"],
        ["policy", "diff", "starter", "low.yaml"],
        ["policy", "diff", "starter", "starter"],
        ["waivers", "list"],
        ["waivers", "add", "one", "--by", "山", "--reason", "試用", "--category", "*"],
        ["audit", "verify"],
        ["audit", "checkpoint"],
        ["hash-lists", "list"],
        ["hash-lists", "import", "hashes.txt", "--list", "one", "--category", "sexual/minors"],
        ["hash-lists", "list"],
        ["hash-lists", "recheck"],
        ["reviews", "list"],
        ["waivers", "revoke", "two", "--by", "山"],
        ["policy", "check", "nothing.yaml"],
        ["keys", "revoke", "key_1"],
    ):
        said = "".join(say(*arguments, "--lang", tag, code=None)).removeprefix("safelight: ")
        letters = 3 if arguments[0] in ("keys", "webhooks") and "key_1" not in arguments else 4
        english += [
            line
            for line in said.splitlines()
            if re.search(f"[A-Za-z]{{{letters}}}", re.sub(NO_WORDS, "", line))
        ]
    assert english == []


@pytest.mark.parametrize("tag", TAGS)
def test_every_line_of_results_with_names_of_models_and_checks_is_translated(
    say: Say, tag: str, folder: Path
) -> None:
    (folder / "names.txt").write_text("山\n")
    english = []
    for arguments in (
        ["init", "--yes"],
        ["init", "--yes", "--waiver-by", "山", "--waiver-reason", "試用"],
        ["tenants", "list"],
        ["logos", "list"],
        ["logos", "add", "acme", "--word", "山"],
        ["logos", "list"],
        ["logos", "remove", "acme"],
        ["name-lists", "list"],
        ["name-lists", "import", "names.txt"],
        ["name-lists", "remove", "own"],
        ["models", "list"],
        ["models", "verify"],
        ["people", "list"],
        ["people", "add", "山", "two@example.com", "--role", "owner"],
        ["people", "list"],
        ["protected-people", "list"],
        ["consents", "list"],
    ):
        said = "".join(say(*arguments, "--lang", tag, code=None))
        english += [
            (*arguments, line)
            for line in said.splitlines()
            if re.search("[A-Za-z]{4}", line)
            and not re.search("[\u4e00-\u9fff]", line)
            and not line.startswith("/")  # the path of an invitation
        ]
    assert english == []
