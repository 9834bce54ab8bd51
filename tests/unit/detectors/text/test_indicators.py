from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.indicators import PRIVATE_PERSON, PUBLIC_FIGURE, read_rules, shipped
from safelight.detectors.text.indicators.people import find_addresses, find_people
from safelight.policy.findings import SHIPPED, Finding, TextSpan, TimeRange
from safelight.screening.cross_modal import find_indicators, match_indicator_rules
from safelight.screening.text_parts import TextPart, TextSource
from support.rows import each_row

OWN = Path(__file__).parents[4] / "bench" / "together" / "own.jsonl"


def named(text: str) -> list[str]:
    return [text[start:end] for start, end in find_people(text)]


@each_row
def test_a_name_is_a_given_and_a_family_name_or_a_title(text: str, names: list[str]) -> None:
    assert named(text) == names


def test_an_address_is_a_street_with_a_number_or_a_flat() -> None:
    text = "Parcel for 27 Elm Grove Road, flat 3C, not for room 12."
    assert [text[start:end] for start, end in find_addresses(text)] == ["27 Elm Grove Road", "flat 3C"]


def test_indicators_are_found_in_both_scripts_at_their_place() -> None:
    text = "排隊的選民走進投票所"
    [place, *_more] = shipped().find(text)["ballot-place"]
    assert text[slice(*place)] == "選民"


def test_rules_use_known_indicators_and_categories() -> None:
    table = shipped()
    known = {entry.category for entry in table.lexicon.entries} | {PRIVATE_PERSON, PUBLIC_FIGURE, "address"}
    for conjunction in table.rules:
        assert conjunction.category in SHIPPED
        assert 0 < conjunction.score < 0.7
        assert set().union(*conjunction.clauses, conjunction.unless) <= known
    assert all(table.phrases[sign] for sign in known)


@each_row
def test_an_invalid_rule_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="rule 0"):
        read_rules(text, ["group", "pests"])


@given(st.text(max_size=200))
def test_any_text_is_accepted_and_every_range_is_inside_it(text: str) -> None:
    for places in shipped().find(text).values():
        assert all(0 <= start < end <= len(text) for start, end in places)


def _parts(row: dict[str, object]) -> list[TextPart]:
    texts = [(TextSource.REQUEST, str(row["prompt"]), -1.0)]
    for source, name in ((TextSource.SCREEN, "screen"), (TextSource.SPEECH, "speech")):
        lines = row[name]
        assert isinstance(lines, list)
        texts += [(source, one["text"], one["start_s"]) for one in lines]
    return [
        TextPart(
            source=source,
            text=text,
            start_s=start,
            field="prompt" if source is TextSource.REQUEST else "",
            place=None if source is TextSource.REQUEST else TimeRange(start_s=start, end_s=start + 1),
        )
        for source, text, start in texts
    ]


def _found(row: dict[str, object]) -> tuple[Finding, ...]:
    parts = _parts(row)
    return match_indicator_rules(parts, find_indicators(parts, (), shipped()), shipped())


def test_harmful_combinations_match_and_harmless_ones_do_not() -> None:
    rows = [json.loads(line) for line in OWN.read_text(encoding="utf-8").splitlines()]
    harmless = [row for row in rows if row["label"] == "benign"]
    harmful = [row for row in rows if row["label"] == "harmful"]
    assert len(harmless) >= 150
    assert sum(bool(_found(row)) for row in harmless) <= 0.02 * len(harmless)
    # Not all: the last rows are not tuned for, and public figures need the entity detector.
    assert sum(bool(_found(row)) for row in harmful) >= 0.6 * len(harmful)
    mixed = [
        {**row, "screen": other["screen"], "speech": other["speech"]}
        for step in (1, 7, 31)
        for row, other in zip(harmless, [*harmless[step:], *harmless[:step]], strict=True)
        if row["lang"][:2] == other["lang"][:2]
    ]
    assert sum(bool(_found(row)) for row in mixed) <= 0.04 * len(mixed), "requests with another clip"


OPERATOR: dict[str, Any] = {
    "prompt": "A telephone operator with a headset in an office",
    "screen": [{"text": "Fraud department", "start_s": 0.0}],
    "speech": [{"text": "Move your savings to the safe account.", "start_s": 2.0}],
}


def test_a_finding_names_its_indicators_and_their_places() -> None:
    [found] = _found(OPERATOR)
    assert found.category == "deception"
    assert found.attributes == {
        "source": "cross_modal",
        "cross_modal": True,
        "kind": "indicators",
        "speech": True,
    }
    assert {type(one) for one in found.evidence} >= {TimeRange}
    assert found.reason.startswith("Each of these is harmless alone: ")
    assert "in the speech" in found.reason
    prompt = "Early morning, voters in front of a school"
    [found] = _found({"prompt": prompt, "screen": [], "speech": [{"text": "Vote by text.", "start_s": 1.0}]})
    spans = [one for one in found.evidence if isinstance(one, TextSpan)]
    assert [prompt[one.start : one.end] for one in spans] == ["voters"]


def test_declarations_in_the_clip_excuse_it_and_those_in_the_request_do_not() -> None:
    assert _found({**OPERATOR, "prompt": f"Staff training: {OPERATOR['prompt']}"})
    training = {"text": "Staff training", "start_s": 0.0}
    assert not _found({**OPERATOR, "screen": [training, *OPERATOR["screen"]]})


def test_two_lines_of_one_source_are_two_parts() -> None:
    lines = [
        {"text": "Fraud department", "start_s": 0.0},
        {"text": "Move your savings to the safe account", "start_s": 3.0},
    ]
    assert _found({"prompt": "", "screen": lines, "speech": []})
    one = [{"text": "Fraud department: move your savings to the safe account", "start_s": 0.0}]
    assert not _found({"prompt": "", "screen": one, "speech": []})
