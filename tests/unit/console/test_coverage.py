from __future__ import annotations

from typing import Any

from safelight.cli.demo import WAIVER_REASON
from safelight.console.coverage import VideoCoverage, summarize, summarize_video
from safelight.console.measured_text import describe_measured
from safelight.console.translations import load_languages, name_waiver_decider, translate_note
from safelight.moderation.coverage_count import NOT_MADE, Check, checks_of_video
from safelight.policy.findings import Modality
from safelight.policy.measurements import load_shipped

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
    ]
    assert [row.count for row in found.groups] == [1, 1, 3]
    assert summarize([], EN).groups == ()


def test_a_video_has_the_denominator_of_its_installation() -> None:
    made = [("hate", "text", "checked"), ("sexual", "text", "partly"), ("privacy", "audio", "off")]
    assert ("sexual", "frames", NOT_MADE) in checks_of_video(made, CELLS)
    assert summarize_video(video(*made), CELLS, EN).sentence == "Checked: 1 of 5"
    assert summarize(CELLS, EN).sentence.endswith("of 5")
    whole = [cell for cell in CELLS if cell[2] != "off"]
    assert summarize_video(video(*whole), CELLS, EN).notes == ()
    assert summarize_video(video(*made), CELLS, EN).notes == (
        "This installation can make 3 of the 5. Not made for this video, because it has no such content or "
        "did not get that far: 2, namely frames (Sexual content); text (Sexual content).",
    )


def test_a_gap_that_the_installation_does_not_count_is_named_beside_the_same_total() -> None:
    made = [("hate", "text", "checked"), ("hate", "audio", "checked"), ("likeness", "audio", "partly")]
    found = summarize_video(video(*made), CELLS, EN)
    assert found.sentence == "Checked: 1 of 5"
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
    ]
    assert "nothing to check" in found.groups[2].hint


def test_a_measured_quality_is_a_figure_and_never_the_name_of_a_file() -> None:
    run = load_shipped()
    one = next(cell for cell in run.cells if cell.modality is Modality.FRAMES)
    own = f"{one.what}: {one.found} of {one.segments} found, 0 false alarms, benchmarks/cells.md"
    [figure] = describe_measured(own, one.category, Modality.FRAMES, EN)
    assert f"{one.found} of {one.segments} found (" in figure
    assert "95 % interval" in figure
    assert figure.endswith("Measured on 22 Nov 2026.")
    [earlier] = describe_measured(None, one.category, Modality.FRAMES, EN)
    assert earlier.endswith("Measured on 22 Nov 2026 with earlier versions of the detectors.")
    for sentence in (
        own,
        "docs/benchmarks/prompts.md",
        "enrolled logos only: 132 of 164 found, false alarms in 1 of 155 scenes, benchmarks/pictures.md",
    ):
        assert ".md" not in "".join(describe_measured(sentence, "none", Modality.TEXT, EN))
    assert describe_measured(None, "none", Modality.TEXT, EN) == ("accuracy not measured",)


def test_a_check_of_text_has_its_figure_for_clips_and_that_of_all_text_checks_for_prompts() -> None:
    assert describe_measured("docs/benchmarks/prompts.md", "violence", Modality.TEXT, EN) == (
        "words in the picture: 7 of 10 found (40 to 89 %); false alarms: 0 of 72 harmless clips (95 % "
        "interval). Measured on 22 Nov 2026 with earlier versions of the detectors.",
        "All text checks together, in prompts: 994 of 2,307 found under the right category "
        "(41 to 45 %, 95 % interval); "
        "false alarms: 5 of 814. Measured on 21 Nov 2026.",
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
