from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import InvalidField
from safelight.videos.templates.documents import read_document
from safelight.videos.templates.rendering import MARKER, render

SOURCE = """
template: product-on-table
about: A product and a person.
text: "A [POSITIVE_EMOTION] [ADULT_DESCRIPTOR] cook shows [DISH][ENDING]"
slots:
  POSITIVE_EMOTION: {type: positive_emotion}
  ADULT_DESCRIPTOR: {type: adult_descriptor, values: [adult, elderly]}
  DISH: {type: text, max_characters: 60}
  ENDING: {values: [", close-up.", ", wide shot."], required: false, default: ", wide shot."}
"""
DOCUMENT = read_document(SOURCE)
FITTING = {"POSITIVE_EMOTION": "calm", "ADULT_DESCRIPTOR": "adult", "DISH": "a soup"}
LINE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=60).filter(
    str.strip
)


def test_slots_are_filled_and_an_optional_one_has_its_default() -> None:
    assert render(DOCUMENT, FITTING) == "A calm adult cook shows a soup, wide shot."
    assert render(DOCUMENT, {**FITTING, "ENDING": ", close-up."}).endswith("a soup, close-up.")


@given(LINE)
def test_free_text_is_inserted_literally_and_once(value: str) -> None:
    """Also a value with brackets, backslashes or group references, unless it names a slot of the template."""
    values = {**FITTING, "DISH": value}
    if any(name in {slot.name for slot in DOCUMENT.slots} for name in MARKER.findall(value)):
        with pytest.raises(InvalidField):
            render(DOCUMENT, values)
    else:
        assert render(DOCUMENT, values) == f"A calm adult cook shows {value}, wide shot."


def test_a_value_that_names_a_slot_is_refused() -> None:
    with pytest.raises(InvalidField, match=r"\[DISH\] contains the slot \[ENDING\]") as caught:
        render(DOCUMENT, {**FITTING, "DISH": "soup [ENDING]"})
    assert caught.value.param == "safelight.template.values.DISH"
    assert "[OTHER]" in render(DOCUMENT, {**FITTING, "DISH": "soup [OTHER]"})


def test_all_missing_unknown_and_wrong_values_are_named_together() -> None:
    with pytest.raises(InvalidField) as caught:
        render(DOCUMENT, {"POSITIVE_EMOTION": "furious", "DISHES": "soup"})
    message = str(caught.value)
    assert "There is no slot [DISHES]." in message
    assert "'furious' is not allowed for [POSITIVE_EMOTION]" in message
    assert "[ADULT_DESCRIPTOR] needs a value." in message
    assert "[DISH] needs a value." in message
    assert "Its slots: [POSITIVE_EMOTION], [ADULT_DESCRIPTOR], [DISH], [ENDING]." in message


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "a\x00b", "a\u2028b", "\ud800", "x" * 61])
def test_free_text_is_one_visible_line_within_its_length(value: str) -> None:
    with pytest.raises(InvalidField):
        render(DOCUMENT, {**FITTING, "DISH": value})


@given(
    st.dictionaries(
        st.from_regex(re.compile(r"[A-Z][A-Z0-9_]{0,10}"), fullmatch=True), LINE, min_size=1, max_size=6
    )
)
def test_every_template_of_free_text_gives_the_text_with_its_values(values: dict[str, str]) -> None:
    values = {name: value.replace("[", "(") for name, value in values.items()}
    source = ["template: any", f'text: "{" ".join(f"<[{name}]>" for name in values)}"', "slots:"]
    source += [f"  {name}: {{type: text}}" for name in values]
    assert render(read_document("\n".join(source)), values) == " ".join(
        f"<{each}>" for each in values.values()
    )
