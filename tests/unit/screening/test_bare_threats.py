"""Words that threaten people with death and fill a clip, in `tests/data/clip_words.jsonl`."""

from __future__ import annotations

from safelight.detectors.protocol import MediaText
from safelight.policy.findings import Finding, Match
from safelight.screening.bare_threats import find_bare_threats, named_people, without_lines_of_scenes
from support.rows import TESTS, each_row, read_rows
from support.verdicts import learned, seen

ROWS = read_rows(TESTS / "data" / "clip_words.jsonl")
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


def test_only_a_bare_threat_that_fills_a_clip_is_found_in_picture_and_speech() -> None:
    assert {row["kind"] for row in ROWS} == {"threat", "harmless", "scene"}
    threat = [("harassment", "on_screen"), ("harassment", "transcript")]
    wrong = []
    for row in ROWS:
        text, prompt = row["text"], row.get("prompt", "")
        findings = (*found(line(text), prompt=prompt), *found(said=text, prompt=prompt))
        wanted = threat if row["kind"] == "threat" else []
        if [(one.category, one.attributes["source"]) for one in findings] != wanted:
            wrong.append(row)
    assert wrong == []


def test_a_prompt_that_asks_for_the_words_in_a_scene_is_no_cover_without_the_scene() -> None:
    assert not found(line(THREAT), prompt=f'A woman on a night bus mutters to her sleeping cat: "{THREAT}"')
    assert found(line(THREAT), prompt=f'Big white text on a black screen: "{THREAT}"')
    assert found(line(THREAT), prompt="Movie, plain black background with big white text")
    assert not found(line(THREAT), prompt="A worn film poster on a brick wall in the rain")


@each_row
def test_a_threat_to_a_named_public_figure_is_found_in_any_scene(text: str, name: str) -> None:
    poster = "A worn film poster of a gangster thriller on a brick wall, rain"
    evidence = (Match(list="likeness", entry=name),)
    people = named_people([seen("likeness", evidence=evidence, public_figure=True)])
    for prompt in ("", poster, f'{poster}: "{text}"'):
        assert found(line(text), prompt=prompt, people=people)
        assert found(said=text, prompt=prompt, people=people)
    assert not found(line(f"{name} live on stage tonight"), people=people)
    assert not named_people([seen("likeness", evidence=evidence, public_figure=True, historical=True)])


def test_a_threat_to_a_private_person_by_first_name_and_surname_is_found() -> None:
    assert found(line("I will kill John Smith on Friday"))
    assert not found(line("I will kill The Lights on Friday"))


def test_a_threat_among_other_words_is_not_bare() -> None:
    assert not found(line("Late sitting in the old town hall, part two of four"), line(THREAT))
    assert not found(said=f"The detective read the note aloud to all of us at the table: {THREAT}")
    # Several lines are read from top to bottom.
    below, above = (
        line(text, box=(0.1, y, 0.8, 0.1)) for text, y in (("them tonight", 0.6), ("Kill all of", 0.3))
    )
    assert found(below, above)


def test_small_words_for_a_moment_do_not_fill_a_clip() -> None:
    small = (0.1, 0.9, 0.3, 0.04)
    assert not found(line(THREAT, box=small, end_s=1.0))
    assert found(line(THREAT, box=small, end_s=5.0))
    assert found(line(THREAT, end_s=1.0))


def test_the_lines_of_a_described_scene_are_no_threats_of_the_writer() -> None:
    insult, threat = learned("harassment", 0.8), learned("harassment", 0.8, kind="threat")
    scene = {"prompt": "A gangster in a hat leans over the table of a night club and speaks"}
    assert without_lines_of_scenes([insult, threat], scene) == (insult,)
    for texts in ({}, {"prompt": f'Big white text on a black screen: "{THREAT}"'}):
        assert without_lines_of_scenes([insult, threat], texts) == (insult, threat)
