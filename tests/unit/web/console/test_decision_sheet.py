from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from safelight.detectors.registry import MissingDetector
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Cell, Modality
from safelight.policy.measurements import load_shipped_acts
from safelight.policy.waivers import Waiver
from safelight.screening.coverage_table import coverage_table
from safelight.web.console.decision_sheet import decision_sheet, render_sheet
from safelight.web.console.measured_text import format_run_day
from safelight.web.translations import load_languages

AT = 1_795_000_000.0
ACTS = load_shipped_acts()
POLICY = load("starter", SHIPPED)


def table(*waivers: Waiver) -> dict[str, object]:
    cells = [
        Cell(category="violence/assault", modality=Modality.TEXT, available=True, detectors=("acts",)),
        Cell(category="hate", modality=Modality.TEXT, available=True, detectors=("minilm",)),
        Cell(category="hate/symbols", modality=Modality.IMAGE, available=True, detectors=("hate-symbols",)),
        Cell(category="violence/graphic", modality=Modality.FRAMES, required=True),
        Cell(category="privacy", modality=Modality.AUDIO),
    ]
    missing: tuple[MissingDetector, ...] = ()
    figures = ACTS.add_figures(cells, ACTS.detectors)
    return coverage_table(POLICY, SHIPPED, cells=figures, missing=missing, waivers=waivers)


def test_each_category_has_what_is_done_and_the_share_found_with_interval_alarms_and_day() -> None:
    t = load_languages()["en"]
    sheet = decision_sheet(table(), SHIPPED, t, at=AT)
    rows = {row.name: row for row in sheet.rows}
    assert len(rows) == len(SHIPPED)
    assault = next(one for one in ACTS.cells if one.category == "violence/assault")
    share = f"{100 * assault.found / assault.segments:.0f} % ("
    assert rows["Assault on somebody defenceless"].cells[0].startswith(share)
    assert (
        rows["Assault on somebody defenceless"]
        .cells[0]
        .endswith(f"; {assault.false_alarms}/{assault.safe_clips}¹")
    )
    assert rows["Hate"].actions == "block, hold"
    assert rows["Hate"].cells[0] == "unmeasured", "the clips were measured with other versions"
    assert rows["Hate symbols"].cells[1] == "unmeasured"
    assert rows["Graphic violence"].cells[2] == "not checked"
    assert rows["Private data"].cells[3] == "–"
    assert rows["Torture"].actions == "–", "no check of the installation"
    assert sheet.days == (f"¹ acts described in prompts, {format_run_day(ACTS, t)}.",)
    assert sheet.total == "Done 3 + not done 1 + off 1 = 5"
    [(checks, reason)] = sheet.gaps
    assert checks == "frames (Graphic violence)"
    assert reason


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_the_document_needs_neither_scripts_nor_other_files_and_has_places_to_sign(tag: str) -> None:
    t = load_languages()[tag]
    waiver = Waiver(
        id="waiver_1",
        name="pilot",
        categories=("violence/graphic",),
        reason="A trial.",
        decided_by="Ada & Co",
        created_at=AT,
        expires_at=AT + 86_400,
    )
    text = render_sheet(decision_sheet(table(waiver), SHIPPED, t, at=AT), t)
    HTMLParser().feed(text)
    assert not re.search(r"<script|<link|https?://|src=", text)
    assert "Ada &amp; Co" in text
    assert t("sheet.waived") in text
    assert text.count(t("sheet.signature")) == 2
    assert "@page { size: A4;" in text
