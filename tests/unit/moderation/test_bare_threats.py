"""Words that threaten people with death and fill a clip, in `tests/data/clip_words.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.detectors.protocol import MediaText
from safelight.moderation.bare_threats import find_bare_threats, named_people
from safelight.policy.findings import Finding, Match, Modality
from support.rows import each_row

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data" / "clip_words.jsonl").read_text("utf-8").splitlines()
]
THREAT = "Kill all of them tonight"


def line(
    text: str, *, box: tuple[float, float, float, float] | None = (0.1, 0.4, 0.8, 0.1), end_s: float = 6.0
) -> MediaText:
    return MediaText(text=text, confidence=0.9, frame=0, start_s=0.0, end_s=end_s, box=box)


def found(
    *shown: MediaText, prompt: str = "", said: str = "", people: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    spoken = [MediaText(text=said, confidence=0.9, start_s=0.0, end_s=2.0)] if said else []
    return find_bare_threats(shown, spoken, {"prompt": prompt} if prompt else {}, clip_s=8.0, people=people)


def rows(kind: str) -> list[Any]:
    return [
        pytest.param(row, id=row["text"][:40] + row.get("prompt", "")[:20])
        for row in ROWS
        if row["kind"] == kind
    ]


@pytest.mark.parametrize("row", rows("threat"))
def test_a_bare_threat_that_fills_a_clip_is_found_in_picture_and_speech(row: dict[str, str]) -> None:
    (shown,) = found(line(row["text"]), prompt=row.get("prompt", ""))
    (said,) = found(said=row["text"], prompt=row.get("prompt", ""))
    assert (shown.category, shown.attributes["source"]) == ("harassment", "on_screen")
    assert (said.category, said.attributes["source"]) == ("harassment", "transcript")


@pytest.mark.parametrize("row", rows("harmless"))
def test_harmless_words_are_no_threat(row: dict[str, str]) -> None:
    assert not found(line(row["text"]), said=row["text"])


@pytest.mark.parametrize("row", rows("scene"))
def test_the_words_of_a_threat_in_a_scene_that_the_prompt_describes_are_no_threat(
    row: dict[str, str],
) -> None:
    assert not found(line(row["text"]), said=row["text"], prompt=row["prompt"])


def test_a_prompt_that_asks_for_the_words_in_a_scene_is_no_cover_without_the_scene() -> None:
    assert not found(line(THREAT), prompt=f'A woman on a night bus mutters to her sleeping cat: "{THREAT}"')
    assert found(line(THREAT), prompt=f'Big white text on a black screen: "{THREAT}"')


def test_a_word_for_a_film_without_a_scene_is_no_cover() -> None:
    assert found(line(THREAT), prompt="Movie, plain black background with big white text")
    assert not found(line(THREAT), prompt="A worn film poster on a brick wall in the rain")


@each_row
def test_a_threat_to_a_named_public_figure_is_found_in_any_scene(text: str, name: str) -> None:
    poster = "A worn film poster of a gangster thriller on a brick wall, rain"
    named = Finding(
        category="likeness",
        score=0.9,
        modality=Modality.TEXT,
        detector="d",
        version="1",
        reason="named",
        evidence=(Match(list="likeness", entry=name),),
        attributes={"public_figure": True},
    )
    people = named_people([named])
    for prompt in ("", poster, f'{poster}: "{text}"'):
        assert found(line(text), prompt=prompt, people=people)
        assert found(said=text, prompt=prompt, people=people)
    assert not found(line(f"{name} live on stage tonight"), people=people)
    historical = msgspec.structs.replace(named, attributes={"public_figure": True, "historical": True})
    assert not named_people([historical])


def test_a_threat_to_a_private_person_by_first_name_and_surname_is_found() -> None:
    assert found(line("I will kill John Smith on Friday"))
    assert not found(line("I will kill The Lights on Friday"))


def test_a_threat_among_other_words_is_not_bare() -> None:
    assert not found(line("Late sitting in the old town hall, part two of four"), line(THREAT))
    assert not found(said=f"The detective read the note aloud to all of us at the table: {THREAT}")


def test_small_words_for_a_moment_do_not_fill_a_clip() -> None:
    small = (0.1, 0.9, 0.3, 0.04)
    assert not found(line(THREAT, box=small, end_s=1.0))
    assert found(line(THREAT, box=small, end_s=5.0))
    assert found(line(THREAT, end_s=1.0))


def test_a_threat_in_several_lines_is_read_from_top_to_bottom() -> None:
    lines = [line("them tonight", box=(0.1, 0.6, 0.8, 0.1)), line("Kill all of", box=(0.1, 0.3, 0.8, 0.1))]
    assert found(*lines)
