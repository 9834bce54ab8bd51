from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from safelight.cli import main
from safelight.cli.check import highlight_spans
from safelight.cli.exit_codes import Exit
from safelight.policy.findings import Finding, Modality, TextSpan


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
    assert len(told["checklist"]) == 10
    _, told = answered(capsys, "a cat on a windowsill", "--provider", "nobody-7")
    assert (told["provider"]["outcome"], told["provider"]["provider"]) == ("unknown", None)
    _, told = answered(capsys, "a cat, SAFELIGHT-TEST:violence", "--provider", "veo")
    assert told["checklist"] == []
    main(["check", "Tom Cruise rides a horse", "--provider", "veo"])
    said = capsys.readouterr().out
    assert "At veo: refused." in said
    assert "names: The prompt names “Tom Cruise”." in said


def test_a_reference_is_evaluated_with_the_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "sea.png"
    Image.effect_noise((64, 64), 30).convert("RGB").save(picture)
    _, told = answered(capsys, "the sea", "--ref", str(picture))
    assert any("in image" in cell for cells in told["coverage"].values() for cell in cells)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(64))
    _, told = answered(capsys, "the sea", "--ref", str(clip))
    assert told["not_checked"] == [str(clip)]
    code, told = answered(capsys, "the sea", "--ref", str(tmp_path / "none.png"))
    assert (code, told["error"]["code"]) == (Exit.ERROR, "not_found")


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
    assert "“n.u.d.e”" in said
    assert "20 checked" in said


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


def test_highlights_cover_the_words_and_not_the_whole_text() -> None:
    def finding(start: int, end: int) -> Finding:
        span = TextSpan(field="prompt", start=start, end=end)
        return Finding(
            category="hate",
            score=0.9,
            modality=Modality.TEXT,
            detector="d",
            version="1",
            reason="r",
            evidence=(span,),
        )

    line = highlight_spans("a bad word", [finding(2, 5), finding(0, 10)])
    assert [(span.start, span.end) for span in line.spans] == [(2, 5)]
