"""Help and results of the commands for files, keys, webhooks and measurements in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.cli import main
from safelight.cli.commands import COMMANDS, GROUPS, build_command
from safelight.cli.language import take_language
from safelight.i18n import translate_sentence
from safelight.provenance import messages
from safelight.provenance.models import NO_REVOCATIONS, ManifestReport, ManifestState

TAGS = ("zh-Hant", "zh-Hans")
TRANSLATED = ("scan", "verify", "keys", "webhooks", "eval")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def help_texts(command: Any) -> Iterator[str]:
    texts = [command.help, *(getattr(one, "help", None) for one in command.params)]
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
    for name in TRANSLATED:
        with root.make_context("safelight", [name]) as context:
            texts |= set(help_texts(root.resolve_command(context, [name])[1]))
    missing = {text for text in texts if translate_sentence("commands", text, tag) is None}
    assert missing == set()


def test_the_help_of_a_command_is_printed_in_the_chosen_language(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--lang", "zh-Hant", "keys", "create", "--help"])
    assert "建立金鑰並顯示一次。" in capsys.readouterr().out
    main(["--lang", "zh-Hans", "--help"])
    assert "扫描视频或图片文件" in capsys.readouterr().out
    main(["keys", "create", "--help"])
    assert "Create a key and print it once." in capsys.readouterr().out


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


@pytest.mark.parametrize("tag", TAGS)
def test_keys_and_webhooks_print_their_results_in_the_chosen_language(
    capsys: pytest.CaptureFixture[str], tag: str
) -> None:
    for arguments in (
        ["keys", "list"],
        ["keys", "create", "studio"],
        ["keys", "list"],
        ["webhooks", "list"],
        ["webhooks", "add", "https://example.com/hook", "--event", "video.completed"],
        ["webhooks", "list"],
    ):
        main([*arguments, "--lang", tag])
        for line in capsys.readouterr().out.splitlines():
            known = r"sk-\S+|whsec\S+|\w+_\w+|https?://\S+?(?=[（(])|video\.\w+|safelight keys create NAME"
            words = re.sub(rf"{known}|studio|default|webhook|example\.com|videos:\w+|checks", "", line)
            assert not re.search("[A-Za-z]{3}", words), line


@pytest.mark.parametrize("tag", TAGS)
def test_policies_waivers_logs_and_cases_print_their_results_in_the_chosen_language(
    capsys: pytest.CaptureFixture[str], tag: str, tmp_path: Path
) -> None:
    (tmp_path / "hashes.txt").write_text("00" * 32 + "\n")
    (tmp_path / "low.yaml").write_text(
        'policy: low\nversion: "1"\nextends: starter\nthresholds: {sx-1: 0.1}\n'
    )
    english = []
    for arguments in (
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
        main([*arguments, "--lang", tag])
        said = capsys.readouterr()
        for line in (said.out + said.err).removeprefix("safelight: ").splitlines():
            # Ids, names, commands, fields of a document and hashes are not words. `policy show` prints an id
            # with its name in brackets.
            known = r"\w+-\w+|[\w.]+_\w+|[0-9a-f]{8,}|safelight [a-z -]+|[\w/]+\.(yaml|score|md)|sha256|{\w+}"
            words = re.sub(rf"[a-z/-]+(?=（)|{known}|creative|starter|strict|low|one|two", "", line)
            if re.search("[A-Za-z]{4}", words):
                english.append(line)
    assert english == []
