"""Every statement about what a provider refuses names a source and the date on which it was read."""

from __future__ import annotations

import re

import pytest

from safelight.core.i18n import LANGUAGES, load_messages
from safelight.providers.advice import driver_tables
from safelight.providers.advice.advice_data import AdviceSource, addresses, read_rows
from safelight.providers.advice.driver_lines import driver_lines
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.provider_rules import documents

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
SCENES = {
    "bathroom_sharp": "scissors in a bathroom",
    "pills_quantity": "a handful of pills",
    "height_edge": "the edge of a rooftop",
    "confined_no_escape": "trapped in a cage",
    "rope_neck": "a rope around a neck",
}


def has_date(source: AdviceSource) -> bool:
    return bool(source.title and _DATE.fullmatch(source.read))


def test_every_row_has_a_dated_source_or_says_that_none_is_documented_and_the_rest_has_a_dated_source() -> (
    None
):
    practice = driver_tables.sources()["practice"]
    assert all(row.sources for row in driver_tables.word_rows().values())
    for row in driver_tables.word_rows().values():
        assert row.sources == (practice,) or all(map(has_date, row.sources))
    for risk in driver_tables.reference_risks().values():
        assert has_date(risk.source) if risk.level else risk.source == practice
    for row in read_rows("contradictions"):
        (found, *_) = next(driver_tables.contradictions().find(row["en"].split("|")[0])).values
        assert has_date(found.recommended_by)
        assert has_date(found.warned_by)


@pytest.mark.parametrize("scene", sorted(driver_tables.scenarios()))
def test_every_scenario_has_a_source_with_a_date(scene: str) -> None:
    found = [one for one in find_drivers({"prompt": SCENES[scene]}, ()) if one.row == scene]
    assert found
    assert all(has_date(source) for one in found for source in one.sources)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_has_a_reason_and_none_claims_more_than_its_sources(language: str) -> None:
    messages = load_messages("advice", language)
    for row in driver_tables.word_rows().values():
        said = messages(f"reason.{row.reason}")
        assert said
        assert not re.search("whatever|Creators|不論|不管|創作者|创作者|videos too", said)


def test_drivers_of_one_reason_and_source_are_one_line_and_sources_are_numbered_once() -> None:
    messages = load_messages("advice", "en")
    drivers = [
        one.as_wire(messages)
        for one in find_drivers({"prompt": "a person alone on a rooftop, on a cliff, at night"}, ())
    ]
    lines, sources = driver_lines(drivers)
    assert len({(line.reason, line.sources) for line in lines}) == len(lines)
    assert ("rooftop", "cliff") in [line.texts for line in lines]
    assert {number for line in lines for number in line.sources} == set(range(1, len(sources) + 1))
    assert all(source["read"] for source in sources)


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_every_source_of_the_tables_is_described_in_chinese(language: str) -> None:
    messages = load_messages("advice", language)
    for source in driver_tables.sources().values():
        said = source.as_wire(messages)["title"]
        assert said != source.title
        assert "，" in str(said)


def test_every_source_has_an_address_unless_it_is_a_package_or_none_is_known() -> None:
    titles = {source.title for source in driver_tables.sources().values()}
    titles |= {one.source for document in documents().values() for one in document.statements}
    without = {title for title in titles if not AdviceSource(title=title).url}
    assert without == {
        "laozhang.ai, guide to sentinel_block and moderation_blocked",
        "no documented source: general practice of creators",
        "developers.openai.com, models/sora-2",
        "google-genai 3.3.0, GenerateVideosConfig.person_generation",
        "google-genai 3.3.0, rai_media_filtered_count, and the reason text of Veo",
        "runwayml 5.24.0, contentModeration.publicFigureThreshold",
    }
    starts = addresses()
    assert all(any(title.startswith(start) for title in titles) for start in starts)
    assert all(url.startswith("https://") for url in starts.values())


def test_a_word_gets_no_source_of_another_word_with_the_same_reason() -> None:
    one, other = {"title": "A", "read": "2026-01-01"}, {"title": "B", "read": "2026-01-02"}
    drivers = [
        {"reason": "Dark.", "text": "night", "sources": [one]},
        {"reason": "Dark.", "text": "dark", "sources": [one, other]},
        {"reason": "Blood.", "text": "wound", "sources": [other]},
        {"reason": "Blood.", "text": "bleeding wound", "sources": [one]},
    ]
    lines, sources = driver_lines(drivers)
    assert [(line.texts, line.sources) for line in lines] == [
        (("night",), (1,)),
        (("dark",), (1, 2)),
        (("bleeding wound",), (1,)),
    ]
    assert sources == (one, other)
    lines, sources = driver_lines(drivers[2:])
    assert ([line.sources for line in lines], sources) == ([(1,)], (one,))
