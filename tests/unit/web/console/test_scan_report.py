from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import msgspec
import pytest

from safelight.media.probe import UnscannedKind, UnscannedPart
from safelight.policy.findings import SHIPPED, Modality
from safelight.policy.verdicts import Action
from safelight.screening.coverage_count import Check
from safelight.screening.file_scan import FileReport, TranscriptLine
from safelight.web.console.coverage import summarize
from safelight.web.console.scan_report import MAX_FULL_FILES, render_scan_report, strip_folders
from safelight.web.translations import load_languages
from support.rows import each_row
from support.scan_reports import INSTALLED, finding, report


def render(
    *reports: FileReport,
    lang: str = "en",
    not_scanned: int = 0,
    installed: Sequence[Check] = INSTALLED,
) -> str:
    return render_scan_report(
        reports,
        translations=load_languages()[lang],
        taxonomy=SHIPPED,
        installed=installed,
        not_scanned=not_scanned,
        at=1_800_000_100.0,
    )


class Outline(HTMLParser):
    """Collects URLs, and attributes that a strict Content-Security-Policy would block."""

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


def test_the_report_loads_runs_and_sends_nothing() -> None:
    html = render(report(finding("violence"), stills={"violence": b"RIFF0000WEBP"}))
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


def test_verdict_reason_and_text_are_shown_and_escaped() -> None:
    html = render(report(finding("violence"), name="<i>.mp4"))
    assert "Blocked: Violence" in html
    assert "It looks &lt;b&gt;odd&lt;/b&gt;." in html
    assert "<i>" not in html
    assert "Not checked: 1" in html
    assert "f" * 64 in html
    assert "a" * 64 in html
    assert "Speech was detected but not transcribed" in html
    hello = TranscriptLine(text="Hello <b>there", start_s=1.5, end_s=2.25)
    html = render(report(finding("violence"), transcript=(hello,), texts=(TranscriptLine(text="·"),)))
    assert "1.5 s to 2.25 s" in html
    assert "Hello &lt;b&gt;there" in html
    assert "Text in the image" not in html
    assert "a reviewer who may need it" not in html


def test_the_timeline_has_a_lane_per_category_and_modality() -> None:
    html = render(report(finding("violence"), finding("hate", modality=Modality.AUDIO)))
    lanes = re.findall(r'<svg class="bar".*?</svg>', html)
    assert len(lanes) == 2
    [sound] = [lane for lane in lanes if "Hate" in lane]
    [frames] = [lane for lane in lanes if "Violence" in lane]
    assert 'x="500"' in sound
    assert 'x="167"' in frames
    assert 'class="peak"' in frames
    assert 'class="peak"' not in sound


@each_row
def test_strip_folders_keeps_the_file_name(text: str, said: str) -> None:
    assert strip_folders(text) == said


def test_a_vaulted_file_shows_only_that_it_is_blocked() -> None:
    base = report(finding("sexual/minors"), texts=(TranscriptLine(text="secret words"),))
    assert base.verdict is not None
    html = render(msgspec.structs.replace(base, verdict=msgspec.structs.replace(base.verdict, vault=True)))
    for word in ("secret words", "minor", "violence-1", '<svg class="bar"', "Violence over"):
        assert word not in html


def test_hidden_findings_are_counted_and_their_text_is_withheld() -> None:
    html = render(
        report(
            finding("extremism"), texts=(TranscriptLine(text="secret words"),), stills={"extremism": b"WEBP"}
        )
    )
    assert "secret words" not in html
    assert "It looks" not in html
    assert "Findings without details: 1." in html
    assert "Text and speech are withheld" in html
    assert "Violence over several frames." not in html
    assert "data:image/webp" not in html


def test_every_clip_has_a_strip_of_frames_unless_its_images_are_withheld() -> None:
    assert 'class="strip"' in render(report(action=Action.ALLOW, sheet=b"RIFF0000WEBP"))
    assert 'class="strip"' in render(report(finding("violence"), sheet=b"RIFF0000WEBP"))
    withheld = render(report(finding("extremism"), sheet=b"RIFF0000WEBP"))
    assert 'class="strip"' not in withheld
    assert "Images are not included for findings of this kind." in withheld


class Folded(HTMLParser):
    """Collects the text of a page outside of everything that is folded away."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.open_text: list[str] = []
        self.strips = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag == "details"
        if ("class", "strip") in attrs:
            assert self.depth == 0
            self.strips += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "details"

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.open_text.append(data)


def test_verdict_reason_gaps_and_strip_are_never_folded_away() -> None:
    clips = [report(finding("violence"), name=f"{n}.mp4", sheet=b"RIFF0000WEBP") for n in range(3)]
    partly = msgspec.structs.replace(clips[0].coverage[0], complete=False)
    clips[2] = msgspec.structs.replace(clips[2], coverage=(partly, *clips[2].coverage[1:]))
    html = render(*clips)
    page = Folded()
    page.feed(html)
    text = " ".join(" ".join(page.open_text).split())
    assert page.strips == 3
    assert text.count("Blocked: Violence") == 3
    assert text.count("Violence over several frames.") == 3
    assert text.count("Checked: 1 of 3 · Not checked: 1 ") == 2
    assert text.count("Checked: 0 of 3 · Not checked: 1 · Partly checked: 1 ") == 1
    assert "violence-1" not in text


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("en", ("2 more sound tracks were not judged.", "12,345 bytes after the end of the image or video")),
        ("zh-Hant", ("另外 2 條音軌沒有檢查。", "12,345")),
        ("zh-Hans", ("另外 2 条音轨没有检查。", "12,345")),
    ],
)
def test_parts_that_were_not_judged_are_named_and_never_folded_away(
    lang: str, sentences: tuple[str, str]
) -> None:
    parts = (
        UnscannedPart(kind=UnscannedKind.AUDIO_TRACK, count=2),
        UnscannedPart(kind=UnscannedKind.TRAILING_BYTES, count=12_345),
    )
    page = Folded()
    page.feed(render(msgspec.structs.replace(report(), unscanned=parts), report(), lang=lang))
    text = " ".join(page.open_text)
    assert [text.count(sentence) for sentence in sentences] == [1, 1]
    assert lang == "en" or "not judged" not in text


def test_a_file_that_only_a_waiver_allows_is_amber() -> None:
    allowed = report(action=Action.ALLOW)
    assert allowed.verdict is not None
    waived = msgspec.structs.replace(allowed.verdict, waivers=("first-look",))
    html = render(msgspec.structs.replace(allowed, verdict=waived), allowed)
    assert html.count('class="tone verdict waived"') == 1
    assert html.count('class="tone verdict allow"') == 1


def test_a_missing_check_is_named_in_words_and_not_as_a_finding() -> None:
    held = report(action=Action.HOLD)
    assert held.verdict is not None
    gap = msgspec.structs.replace(
        held.verdict,
        category="violence/graphic",
        reason="Not checked: violence/graphic in frames.",
        gaps=held.coverage[1:],
    )
    html = render(msgspec.structs.replace(held, verdict=gap), report())
    assert "1 required check cannot run here, so the policy holds it. A reviewer must decide" in html
    assert "<li>frames (Graphic violence): " in html
    assert "A check was not completed" in html
    assert "Held: Graphic violence" not in html
    assert "violence/graphic in frames" not in html


def test_every_file_has_the_denominator_of_the_coverage_page() -> None:
    text = report().coverage[1]
    checked = msgspec.structs.replace(text, category="hate", available=True, ran=True, complete=True)
    off = msgspec.structs.replace(checked, required=False, available=False, ran=False, detectors=())
    files = [
        report(coverage=(*report().coverage, cell), name=f"{number}.mp4")
        for number, cell in enumerate((checked, checked, off))
    ]
    installed = [*INSTALLED, ("hate", "frames", "checked")]
    html = render(*files, installed=installed)
    assert html.count("Checked: 2 of 4") == 2
    assert html.count("Checked: 1 of 4") == 1
    assert "Not made (no such content, or not reached): 2" in html
    assert summarize(installed, load_languages()["en"]).sentence == "Checked: 3 of 4"


def test_checks_that_the_installation_does_not_count_are_named_and_not_in_the_total() -> None:
    made = msgspec.structs.replace(
        report().coverage[1], category="likeness", modality=Modality.AUDIO, available=True, ran=True
    )
    html = render(report(coverage=(*report().coverage, made)))
    assert "Checked: 1 of 3" in html
    assert "neither requires nor covers it: audio (A real person&#39;s likeness)." in html


def test_allowed_files_of_a_large_scan_are_only_listed() -> None:
    allowed = [
        report(action=Action.ALLOW, name=f"allowed-{number}.mp4") for number in range(MAX_FULL_FILES + 1)
    ]
    html = render(*allowed, report(finding("violence"), name="bad.mp4"), not_scanned=3)
    assert html.count("<article") == 1
    assert f"Allowed files that are listed only here: {MAX_FULL_FILES + 1}." in html
    assert "Files not scanned: 3." in html
    assert render(*allowed[:3]).count("<article") == 3


@pytest.mark.parametrize("lang", ["en", "zh-Hant", "zh-Hans"])
def test_every_language_has_all_words_no_empty_reason_and_no_local_path(lang: str) -> None:
    problem = report(name="b.mp4", verdict=None, problem="No /home/ada/x/b.mp4.")
    held = report(action=Action.HOLD)
    assert held.verdict is not None
    gap = msgspec.structs.replace(held.coverage[1], note="No file /opt/models/x.onnx.")
    held = msgspec.structs.replace(held, verdict=msgspec.structs.replace(held.verdict, gaps=(gap,)))
    html = render(report(finding("violence")), report(action=Action.ALLOW), problem, held, lang=lang)
    assert f'<html lang="{lang}">' in html
    assert lang == "en" or not re.search("Show blurred|Not checked", html)
    assert "/home/ada" not in html
    assert "/opt/models" not in html
    assert "…/x.onnx" in html
    assert "…/b.mp4." in html
