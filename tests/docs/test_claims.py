"""What the pages claim to find was measured, or they say that it was not."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import claims
import generated
import pages
import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.policy.findings import SHIPPED, Modality
from safelight.policy.measurements import load_shipped

#: Statements that only look like claims. One more is a decision, made here.
NO_CLAIMS = {
    "dependencies.md": 1,
    "people.md": 1,
    "policy.md": 1,
}
CELLS = claims.measured()


def test_pages_claim_only_measured_figures() -> None:
    wrong = {
        pages.name_of(page): claims.wrong(pages.read(page), CELLS, front=page.name in claims.READMES)
        for page in claims.readers_pages()
    }
    assert not {name: found for name, found in wrong.items() if found}


def test_a_readme_may_not_claim_to_stop_unmeasured_content() -> None:
    for said in (
        "Nudity is blocked in every frame.",
        "Safelight keeps gore out of clips.",
        "血腥画面会被拦截。",
    ):
        assert claims.wrong(said, CELLS, front=True)


def test_every_exception_from_the_claim_check_is_listed_with_a_reason() -> None:
    reasons = {page.name: claims.reasons(pages.read(page)) for page in claims.readers_pages()}
    assert {name: len(found) for name, found in reasons.items() if found} == NO_CLAIMS
    assert all(len(reason.split()) > 2 for found in reasons.values() for reason in found)


@pytest.mark.parametrize(
    "false",
    [
        "Safelight detects nudity in every frame.",
        "Blood and gore are found in 97 % of clips.",
        "Our recall on weapons is 0.9.",
        "It recognises how old somebody is.",
        "Faces are found in the sound, too. <!-- measured: likeness/frames -->",
        "Nudity is found in every frame. <!-- measured: likeness/frames -->",
        "Nudity is found in every frame. <!-- measured: sexual/frames -->",
        "Never misses violence: 99 % of it is caught.",
        "It sees no flicker, but finds gore in pictures and frames.",
        "- looks for nudity, faces and blood in frames <!-- measured: likeness/frames -->",
        "| what | how |\n| --- | --- |\n| nudity | every frame |",
        "## What is checked\n\n| | |\n| --- | --- |\n| always | weapons in pictures |",
        "## What it sees\n\n| | frames |\n| --- | --- |\n| blood | yes |",
        "Nacktheit? 检测每一帧画面中的裸露。",
        "能看出畫面中的血腥內容。",
        "Harmless. <!-- measured: violence/graphic/frames -->",
        "Hate symbols are recognised in pictures.",
        "It tells whose face is seen.",
    ],
)
def test_a_false_claim_is_found(false: str) -> None:
    assert claims.wrong(false, CELLS)
    page = "# A page\n\nSome honest words.\n\n" + false + "\n\nMore of them.\n"
    assert claims.wrong(page, CELLS)


@pytest.mark.parametrize(
    "honest",
    [
        "Nothing that ships sees blood, weapons or how old somebody is.",
        "Faces and nudity (unmeasured) are looked for in every frame. <!-- measured: likeness/frames -->",
        "`starter` blocks a face in a reference.",
        "Flicker is found in frames. <!-- measured: photosensitive/frames -->",
        "每一帧画面中的人脸,以及裸露(未经测量),都会检查。<!-- measured: likeness/frames -->",
        "```console\n$ it detects nudity\n```",
    ],
)
def test_a_true_statement_is_accepted(honest: str) -> None:
    assert not claims.wrong(honest, CELLS)


def test_a_page_without_the_figure_is_not_accepted_as_its_source(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Figures\n\nNone.\n")
    page = tmp_path / "cells.md"
    page.write_text(
        "| category | modality | page | text on that page |\n| --- | --- | --- | --- |\n"
        "| sexual | image | `other.md` | `9 of 10` |\n"
    )
    with pytest.raises(AssertionError, match="does not say '9 of 10'"):
        claims.elsewhere(page)


def test_the_shipped_measurements_equal_the_page() -> None:
    figures = load_shipped()
    page = pages.read(claims.CELLS)
    for mark in (
        figures.data_sha256[:16],
        figures.model_hash[:16],
        *(p[:16] for p in figures.policy.values()),
    ):
        assert f"`{mark}`" in page
    heading = (
        "category",
        "modality",
        "what",
        "segments",
        "found",
        "in clips stopped",
        "false alarms",
        "coverage",
    )
    rows = {(row["category"], row["modality"]): row for row in pages.table(claims.CELLS, *heading)}
    assert rows.keys() == {(one.category, one.modality.value) for one in figures.cells}
    for one in figures.cells:
        row = rows[one.category, one.modality.value]
        assert row["segments"] == str(one.segments)
        assert row["found"].split()[0] == str(one.found)
        assert row["false alarms"] == f"{one.false_alarms} of {one.safe_clips}"
        assert 0 <= one.found <= one.segments
        assert one.category in SHIPPED
    text = (files("safelight.policy") / "measured_cells.json").read_text("utf-8")
    assert len(json.loads(text)["cells"]) == len(rows)


def test_the_table_of_the_readme_names_only_shipped_categories() -> None:
    assert generated.ROWS.keys() <= {spec.name for spec in SHIPPED}


def test_cells_without_data_are_unmeasured() -> None:
    for category in ("sexual", "sexual/minors", "violence/graphic", "minors-present", "hate/symbols"):
        assert (category, "frames") not in CELLS
    assert not any(category == "sexual/minors" for category, _place in CELLS)


def test_a_detector_with_a_figure_fills_a_measured_cell() -> None:
    wrong = []
    for name, one in DetectorRegistry.discover({}).capabilities():
        if one.measured is None:
            continue
        places = {"prompt", "text"} if one.modality is Modality.TEXT else {one.modality.value}
        file = one.measured.rpartition(" ")[2].removeprefix("docs/")
        if not any((one.category, place) in CELLS for place in places) or not (pages.DOCS / file).is_file():
            wrong.append(f"{name}: {one.category} in {one.modality.value}: {one.measured}")
    assert not wrong
