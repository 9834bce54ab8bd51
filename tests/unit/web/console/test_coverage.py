from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from safelight.cli.demo import WAIVER_REASON
from safelight.policy.findings import SHIPPED, Cell, Modality
from safelight.policy.measurements import (
    ACTS_WITHOUT_E5,
    load_shipped,
    load_shipped_acts,
    load_shipped_prompts,
)
from safelight.policy.statistics import format_percent, wilson
from safelight.screening.coverage_count import NOT_MADE, Check, checks_of_video
from safelight.screening.text_figures import describe_installed_text, describe_text_checks
from safelight.web.console.coverage import VideoCoverage, summarize, summarize_video
from safelight.web.console.coverage_pages import _category_rows
from safelight.web.console.measured_text import describe_measured
from safelight.web.translations import (
    load_languages,
    name_waiver_decider,
    translate_category,
    translate_note,
)

EN = load_languages()["en"]
CELLS = [
    ("sexual", "frames", "checked"),
    ("sexual", "text", "checked"),
    ("hate", "text", "checked"),
    ("violence/graphic", "frames", "not checked"),
    ("likeness", "image", "partly"),
    ("privacy", "audio", "off"),
]


def video(*made: Check, **values: Any) -> VideoCoverage:
    return VideoCoverage(made=made, **values)


def test_missing_checks_come_first_and_checks_that_are_off_are_not_counted() -> None:
    found = summarize(CELLS, EN)
    assert found.sentence == "Checked: 3 of 5"
    assert [(row.label, row.modalities) for row in found.groups] == [
        ("Not checked", (("frames", ("Graphic violence",)),)),
        ("Partly checked", (("images", ("A real person's likeness",)),)),
        ("Checked", (("text", ("Hate", "Sexual content")), ("frames", ("Sexual content",)))),
        ("Off", (("audio", ("Private data",)),)),
    ]
    assert [row.count for row in found.groups] == [1, 1, 3, 1]
    assert found.total == "Done 3 + not done 2 + off 1 = 6"
    assert summarize([], EN).groups == ()


def test_a_video_has_the_denominator_of_its_installation() -> None:
    made = [("hate", "text", "checked"), ("sexual", "text", "partly"), ("privacy", "audio", "off")]
    assert ("sexual", "frames", NOT_MADE) in checks_of_video(made, CELLS)
    assert summarize_video(video(*made), CELLS, EN).sentence == "Checked: 1 of 5"
    assert summarize(CELLS, EN).sentence.endswith("of 5")
    whole = [cell for cell in CELLS if cell[2] != "off"]
    assert summarize_video(video(*whole), CELLS, EN).notes == ()
    assert summarize_video(video(*made), CELLS, EN).notes == (
        "This installation can make 3 of the 5. Not made this time, because there is no such content or the "
        "checks did not get that far: 2, namely frames (Sexual content); text (Sexual content).",
    )


def test_a_gap_that_the_installation_does_not_count_is_named_beside_the_same_total() -> None:
    made = [("hate", "text", "checked"), ("hate", "audio", "checked"), ("likeness", "audio", "partly")]
    found = summarize_video(video(*made), CELLS, EN)
    assert found.sentence == "Checked: 1 of 5"
    late = summarize_video(video(("sexual", "text", "partly"), causes=("It ended late.",)), CELLS, EN)
    assert [group.hint for group in late.groups if group.status == "partly"] == ["It ended late."]
    assert found.notes[1:] == (
        "Incomplete, and not counted, because this installation neither requires nor covers it: "
        "audio (A real person's likeness).",
    )


def test_each_check_of_a_video_has_one_status_and_all_add_up_to_the_total() -> None:
    made = [
        ("violence/graphic", "frames", "checked"),
        ("hate", "text", "checked"),
        ("likeness", "image", "partly"),
    ]
    found = summarize_video(
        video(*made, waived=frozenset({("likeness", "image")}), waivers=("tests",)), CELLS, EN
    )
    assert found.sentence == "Checked: 1 of 5"
    assert [(group.label, group.count, group.is_gap) for group in found.groups] == [
        ("Not checked, and allowed under the waiver “tests”", 1, True),
        ("Checked", 1, False),
        ("Complete without a detector", 1, False),
        ("Not made (no such content, or not reached)", 2, False),
        ("Off", 1, False),
    ]
    assert found.total == "Done 1 + Complete without a detector 1 + not done 3 + off 1 = 6"
    assert "nothing to check" in found.groups[2].hint


@given(
    installed=st.dictionaries(
        st.tuples(st.sampled_from(["hate", "sexual", "privacy"]), st.sampled_from(["text", "frames"])),
        st.sampled_from(["checked", "not checked", "off"]),
        min_size=1,
    ),
    made=st.dictionaries(
        st.tuples(st.sampled_from(["hate", "sexual", "privacy"]), st.sampled_from(["text", "frames"])),
        st.sampled_from(["checked", "partly", "not checked", "off"]),
    ),
    waived=st.booleans(),
)
def test_the_checks_of_a_record_add_up_to_those_of_the_installation(
    installed: dict[tuple[str, str], str], made: dict[tuple[str, str], str], waived: bool
) -> None:
    cells = [(*key, status) for key, status in installed.items()]
    checked = video(
        *((*key, status) for key, status in made.items()),
        waived=frozenset(installed) if waived else frozenset(),
        waivers=("pilot",) if waived else (),
    )
    found = summarize_video(checked, cells, EN)
    terms, _, total = found.total.partition(" = ")
    assert sum(group.count for group in found.groups) == len(installed) == int(total)
    assert sum(int(term.rpartition(" ")[2]) for term in terms.split(" + ")) == len(installed)


def test_a_measured_quality_is_a_figure_and_never_the_name_of_a_file() -> None:
    run = load_shipped()
    one = next(cell for cell in run.cells if cell.modality is Modality.FRAMES)
    own = f"{one.what}: {one.found} of {one.segments} found, 0 false alarms, benchmarks/cells.md"
    [figure] = describe_measured(own, one.category, Modality.FRAMES, EN)
    assert f"{one.found} of {one.segments} found (" in figure
    assert "95 % interval" in figure
    assert figure.endswith("Measured on 22 Nov 2026.")
    assert describe_measured(None, one.category, Modality.FRAMES, EN) == ("accuracy not measured",)
    for sentence in (
        own,
        "docs/benchmarks/prompts.md",
        "enrolled logos only: 132 of 164 found, false alarms in 1 of 155 scenes, benchmarks/pictures.md",
    ):
        assert ".md" not in "".join(describe_measured(sentence, "none", Modality.TEXT, EN))
    assert describe_measured(None, "none", Modality.TEXT, EN) == ("accuracy not measured",)


def test_a_check_of_text_has_the_figure_of_all_text_checks_for_prompts() -> None:
    [prompts] = describe_measured("docs/benchmarks/prompts.md", "violence", Modality.TEXT, EN)
    run = load_shipped_prompts()
    low, high = wilson(run.found, run.harmful)
    day = date.fromisoformat(run.made)
    assert prompts == (
        f"All text checks together with all models, in prompts: {run.found:,} of {run.harmful:,} found under "
        f"the right category ({100 * low:.0f} to {100 * high:.0f} %, 95 % interval); "
        f"false alarms: {run.false_alarms} of {run.harmless}. Measured on {day.day} {day:%b} {day.year}."
    )


def test_reason_and_decider_of_the_waiver_that_make_run_records_are_shown_in_words() -> None:
    for t in load_languages().values():
        assert "make run" not in name_waiver_decider("demo", "make run", t)
        assert name_waiver_decider("pilot", "Ada Reed", t) == "Ada Reed"
    for tag in ("zh-Hant", "zh-Hans"):
        assert "Safelight" in translate_note(WAIVER_REASON, load_languages()[tag])
        assert "first look" not in translate_note(WAIVER_REASON, load_languages()[tag])
    assert (
        translate_note("A pilot with ten people.", load_languages()["zh-Hant"]) == "A pilot with ten people."
    )


def test_the_map_names_every_category_and_shows_which_checks_were_measured() -> None:
    flashes = load_shipped().add_figures(
        [Cell(category="photosensitive", modality=Modality.FRAMES, available=True, detectors=("flicker",))],
        load_shipped().detectors,
    )
    cells = [
        {"category": "sexual", "modality": "text", "status": "checked", "detectors": ["word-lists"]},
        {"category": "sexual", "modality": "image", "status": "checked", "detectors": ["nudenet"]},
        *({**msgspec.to_builtins(cell), "status": "checked"} for cell in flashes),
        {"category": "violence/graphic", "modality": "frames", "status": "not checked", "required": True},
    ]
    rows = {row.name: row for row in _category_rows(cells, SHIPPED, "", EN)}
    assert len(rows) == len(SHIPPED)
    text, image, frames, _ = rows["Sexual content"].cells
    assert (text.share, image.share, frames.share) == ("", "", "")
    assert text.figure == image.figure == "accuracy not measured"
    flicker = rows["Flicker"].cells[2]
    assert (flicker.share, "12 of 12 found (76 to 100 %)" in flicker.figure) == ("100 %", True)
    assert (frames.status, frames.label) == ("", "Neither required nor covered")
    assert rows["Torture"].is_unknown
    assert not rows["Graphic violence"].is_unknown
    assert next(iter(rows)) == "Graphic violence"


def test_text_checks_have_a_figure_only_if_all_of_them_run() -> None:
    run = load_shipped_prompts()
    share = f"find about {format_percent(run.found, run.harmful)} of harmful prompts"
    checks = [("hate", "text", "checked"), ("violence", "text", "checked"), ("hate", "frames", "not checked")]
    for t in load_languages().values():
        measured = describe_text_checks(checks, {"minilm", "acts", "ngrams"}, t)
        assert "T2VSafetyBench" in measured
        assert format_percent(run.found, run.harmful) in measured
    worst = min(load_shipped_acts().cells, key=lambda one: one.found / one.segments)
    assert translate_category(worst.category, EN) in describe_text_checks(checks, {"minilm", "acts"}, EN)
    unmeasured = "Text: 2 of 2 checks ran; how much this set of checks and models finds is not measured."
    assert describe_text_checks(checks, {"ngrams"}, EN) == unmeasured
    cells = [
        {
            "category": "hate",
            "modality": "text",
            "status": "checked",
            "detectors": ["minilm"],
            "measured": None,
        },
        {
            "category": "violence/assault",
            "modality": "text",
            "status": "checked",
            "detectors": ["acts"],
            "measured": ACTS_WITHOUT_E5,
        },
    ]
    assert describe_installed_text({"cells": cells}, EN) == unmeasured
    assert "not measured without E5" in " ".join(
        describe_measured(ACTS_WITHOUT_E5, "violence/assault", Modality.TEXT, EN)
    )
    cells[1]["measured"] = None
    assert share in describe_installed_text({"cells": cells}, EN)
    missing = [*checks, ("privacy", "text", "not checked")]
    assert "2 of 3 checks ran" in describe_text_checks(missing, {"minilm", "acts"}, EN)


def test_an_installation_without_models_has_the_figures_that_were_measured_without_them() -> None:
    run, acts = load_shipped_prompts(), [one.category for one in load_shipped_acts().cells]
    no_e5, lists = run.without
    others = [("hate", "text", "checked"), ("hate", "frames", "not checked")]
    gaps = [*others, *((category, "text", "not checked") for category in acts)]
    whole = [*others, *((category, "text", "checked") for category in acts)]
    for t in load_languages().values():
        found = describe_text_checks(gaps, {"ngrams", "word-lists"}, t)
        for part in ("minilm", "e5-small", format_percent(lists.found, run.harmful)):
            assert part in found
    assert describe_text_checks(others, {"ngrams", "word-lists"}, EN) == (
        "Text: 1 of 1 checks ran; missing models: minilm, e5-small. They find about "
        f"{format_percent(lists.found, run.harmful)} of harmful prompts (T2VSafetyBench; "
        f"{format_percent(run.found, run.harmful)} with all models), and stop "
        f"{format_percent(lists.stopped, run.harmless)} of harmless ones."
    )
    found = describe_text_checks(whole, {"ngrams", "word-lists", "minilm"}, EN)
    assert "missing models: e5-small. " in found
    assert f"about {format_percent(no_e5.found, run.harmful)} of" in found
    for checks, detectors in (
        (gaps, {"ngrams", "word-lists", "minilm"}),
        (gaps, {"ngrams"}),
        ([*gaps, ("privacy", "text", "not checked")], {"ngrams", "word-lists"}),
        (whole, {"ngrams", "word-lists"}),
    ):
        assert describe_text_checks(checks, detectors, EN).endswith("is not measured.")
