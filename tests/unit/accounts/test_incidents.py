"""What an incident states is possible, and its public sentence is one plain line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.incidents import (
    Incident,
    IncidentKind,
    IncidentState,
    Severity,
    check_incident,
)
from safelight.cases.incident_inputs import MAX_SENTENCE_CHARACTERS
from safelight.cases.incidents import clean_sentence, parse_time
from safelight.core.errors import InvalidField

NOW = 1_800_000_000.0
TIMES = st.none() | st.integers(0, 2 * int(NOW)).map(float)


def incident(**fields: object) -> Incident:
    values: dict[str, object] = {
        "id": "incident_1",
        "opened_at": NOW,
        "opened_by": "ada",
        "began_at": NOW - 60,
        "kind": IncidentKind.OTHER,
        "severity": Severity.MINOR,
    }
    return Incident(**{**values, **fields})  # type: ignore[arg-type]


@given(began=TIMES, ended=TIMES, sentence=st.sampled_from(["", "A mark was lost."]), published=st.booleans())
def test_an_incident_that_is_accepted_ends_in_the_past_after_its_beginning(
    began: float | None, ended: float | None, sentence: str, published: bool
) -> None:
    made = incident(began_at=began, ended_at=ended, sentence=sentence, published=published)
    is_possible = all(at is None or at <= NOW for at in (began, ended)) and (
        ended is None or (began is not None and began <= ended)
    )
    try:
        check_incident(made, NOW)
    except InvalidField:
        assert not is_possible or (published and not sentence)
    else:
        assert is_possible
        assert sentence or not published


def test_a_closed_incident_states_what_was_done() -> None:
    with pytest.raises(InvalidField, match="what was done"):
        check_incident(incident(state=IncidentState.CLOSED), NOW)
    check_incident(incident(state=IncidentState.CLOSED, done="The key was replaced."), NOW)


@given(st.text(max_size=400))
def test_a_public_sentence_that_is_accepted_is_one_short_plain_line(text: str) -> None:
    try:
        found = clean_sentence(text)
    except InvalidField:
        return
    assert len(found) <= MAX_SENTENCE_CHARACTERS
    assert len(found.splitlines()) <= 1
    assert found == clean_sentence(found)


@pytest.mark.parametrize(
    "text",
    ["x" * 301, "<i>Sorry.</i>", "Ada \u202eis", "A\x00b", "Ask ada@example.org about it.", "\ud800"],
)
def test_a_public_sentence_with_an_address_a_tag_or_a_hidden_mark_is_refused(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        clean_sentence(text)
    assert refused.value.param == "sentence"


@given(st.integers(86_400, 4_000_000_000))
def test_a_time_in_utc_is_read_to_the_minute(at: int) -> None:
    text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M")
    assert parse_time(text, "began") == at - at % 60
    assert 0 <= parse_time(text, "began") - parse_time(text[:10], "began") < 86_400


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-11-01 14:30", "2026-11-01T14:30Z", "1"]
)
def test_another_text_is_not_a_time(text: str) -> None:
    with pytest.raises(InvalidField, match="is not a time"):
        parse_time(text, "began")
