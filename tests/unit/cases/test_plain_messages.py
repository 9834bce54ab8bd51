"""Texts for other people: what is refused, and what is not."""

from __future__ import annotations

import pytest

from safelight.cases.plain_messages import plain_message
from safelight.core.errors import InvalidField

REPORTERS = ("Jane  Will", "+886 2 1234 5678", "王小明", "ab")


@pytest.mark.parametrize(
    "text",
    [
        "<b>A blow.</b>",
        "A\u200bblow.",
        "A bl\u200cow.",
        "\u200dA blow.",
        "A blow\u202e.",
        "A blow\U000e0041.",
        "Write to help@example.com.",
        "jane\nwill says so.",
        "Jane\u00a0Will says so.",
        "Call +886 2 1234 5678.",
        "這是王小明說的。",
    ],
)
def test_tags_unseen_characters_addresses_and_reporters_are_refused(text: str) -> None:
    with pytest.raises(InvalidField) as caught:
        plain_message(text, "facts", 100, REPORTERS)
    assert caught.value.param == "facts"


@pytest.mark.parametrize(
    "text", ["It will fall < 2 m.\nAbout a jane.", "家族 \U0001f468\u200d\U0001f469", "می\u200cشود", "@ noon"]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert plain_message(f" {text}\n", "facts", 100, REPORTERS) == text
