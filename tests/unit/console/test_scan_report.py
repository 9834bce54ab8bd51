from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import msgspec
import pytest

from safelight.console.scan_report import IN_FULL, page
from safelight.console.scan_report_view import without_paths
from safelight.console.translations import languages
from safelight.moderation.file_scan import FileReport, TranscriptLine
from safelight.policy.categories import SHIPPED
from safelight.policy.findings import Modality
from safelight.policy.verdicts import Action
from support.scan_reports import finding, report


def shown(*reports: FileReport, lang: str = "en", left: int = 0) -> str:
    return page(reports, words=languages()[lang], taxonomy=SHIPPED, left=left, at=1_800_000_100.0)


class Outline(HTMLParser):
    """Every address and every attribute that a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "action"):
                self.addresses.append(value or "")
            if name == "style" or name.startswith("on") or tag == "script":
                self.inline.append(f"{tag} {name}")
            if name == "id":
                self.ids.append(value or "")


def test_nothing_is_loaded_run_or_sent() -> None:
    html = shown(report(finding("violence"), stills={"violence": b"RIFF0000WEBP"}))
    outline = Outline()
    outline.feed(html)
    assert all(address.startswith(("#", "data:image/")) for address in outline.addresses)
    assert outline.inline == []
    assert len(outline.ids) == len(set(outline.ids))
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in html
    assert "default-src &#39;none&#39;" in html
    assert not re.search(r"url\(|@import|https?://", style[1])


def test_the_verdict_the_reason_and_what_no_model_sees_are_said() -> None:
    html = shown(report(finding("violence")))
    assert "Blocked: Violence" in html
    assert "Violence over several frames." in html
    assert "No model installed here sees blood or wounds, weapons, anybody’s age." in html
    assert "It looks &lt;b&gt;odd&lt;/b&gt;." in html
    assert "Not checked" in html
    assert "f" * 64 in html
    assert "a" * 64 in html
    assert "Saw 9 of 144 frames" in html


def test_the_timeline_has_a_lane_for_each_category_and_sense() -> None:
    html = shown(report(finding("violence"), finding("hate", modality=Modality.AUDIO)))
    lanes = re.findall(r'<svg class="bar".*?</svg>', html)
    assert len(lanes) == 2
    [sound] = [lane for lane in lanes if "Hate" in lane]
    [frames] = [lane for lane in lanes if "Violence" in lane]
    assert 'x="500"' in sound
    assert 'x="167"' in frames
    assert 'class="peak"' in frames
    assert 'class="peak"' not in sound


@pytest.mark.parametrize("lang", ["en", "zh-Hant", "zh-Hans"])
def test_every_language_has_a_whole_page(lang: str) -> None:
    html = shown(report(finding("violence")), report(action=Action.ALLOW, name="calm.mp4"), lang=lang)
    assert f'<html lang="{lang}">' in html
    if lang != "en":
        assert "Show blurred" not in html
        assert "Not checked" not in html


def test_no_path_of_this_machine_is_told() -> None:
    html = shown(
        report(finding("violence")), report(name="b.mp4", verdict=None, problem="No /home/ada/x/b.mp4.")
    )
    assert "/opt/models" not in html
    assert "/home/ada" not in html
    assert "…/x.onnx" in html


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("No such file: '/home/ada/clips/a.mp4'", "No such file: '…/a.mp4'"),
        ("C:\\Users\\ada\\a.mp4 is damaged", "…/a.mp4 is damaged"),
        (
            "hate and/or violence, 3/4, docs/benchmarks/x.md",
            "hate and/or violence, 3/4, docs/benchmarks/x.md",
        ),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
    ],
)
def test_of_a_path_only_the_last_name_is_left(text: str, said: str) -> None:
    assert without_paths(text) == said


def test_of_a_vaulted_file_nothing_is_told_but_that() -> None:
    base = report(finding("sexual/minors"), texts=(TranscriptLine(text="secret words"),))
    assert base.verdict is not None
    html = shown(msgspec.structs.replace(base, verdict=msgspec.structs.replace(base.verdict, vault=True)))
    for word in ("secret words", "minor", "violence-1", '<svg class="bar"', "Violence over"):
        assert word not in html.replace("anybody", "")


def test_discreet_findings_are_counted_and_their_words_kept_back() -> None:
    html = shown(
        report(
            finding("extremism"), texts=(TranscriptLine(text="secret words"),), stills={"extremism": b"WEBP"}
        )
    )
    assert "secret words" not in html
    assert "It looks" not in html
    assert "1 findings are told by their group only" in html
    assert "Violence over several frames." not in html
    assert "data:image/webp" not in html


def test_a_transcript_stands_with_its_times() -> None:
    html = shown(
        report(finding("violence"), transcript=(TranscriptLine(text="Hello there", start_s=1.5, end_s=2.25),))
    )
    assert "1.5 s to 2.25 s" in html
    assert "Hello there" in html
    assert "Nothing that may be said in it was written down" in shown(report(finding("violence")))


def test_the_strip_of_frames_is_there_only_where_nothing_was_found() -> None:
    calm = report(action=Action.ALLOW, sheet=b"RIFF0000WEBP")
    assert 'class="strip"' in shown(calm)
    assert 'class="strip"' not in shown(report(finding("violence"), sheet=b"RIFF0000WEBP"))


def test_many_files_have_a_table_and_the_calm_ones_are_brief() -> None:
    calm = [report(action=Action.ALLOW, name=f"calm-{number}.mp4") for number in range(IN_FULL + 1)]
    html = shown(*calm, report(finding("violence"), name="bad.mp4"), left=3)
    assert html.count("<article") == 1
    assert f"{IN_FULL + 1} files that were plainly allowed are only listed here." in html
    assert "3 files were not looked at" in html
    assert shown(*calm[:3]).count("<article") == 3
