"""Sentences about wrong fields: null is as good as leaving one out, a wrong type is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from safelight.core.errors import InvalidField
from safelight.web.field_errors import invalid_field
from safelight.web.operation_routes import body_of


@dataclass(frozen=True, kw_only=True)
class Asked:
    text: str
    number: int | None = None
    names: list[str] | None = None
    flag: bool | None = None


read = TypeAdapter[Asked](body_of(Asked)).validate_python


def refuse(**fields: Any) -> InvalidField:
    with pytest.raises(ValidationError) as wrong:
        read(fields)
    return invalid_field([{**one, "loc": ("body", *one["loc"])} for one in wrong.value.errors()])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "text is missing."),
        ({"text": None}, "text is missing."),
        ({"text": 7}, "`text` must be a text."),
        ({"text": "a", "number": True}, "number must be an integer."),
        ({"text": "a", "number": "3"}, "number must be an integer."),
        ({"text": "a", "number": 1.0}, "number must be an integer."),
        ({"text": "a", "names": "b"}, "`names` must be a list of texts."),
        ({"text": "a", "names": ["b", 3]}, "`names` must be a list of texts."),
        ({"text": "a", "flag": 1}, "`flag` must be true or false."),
        ({"text": "a", "flag": "true"}, "`flag` must be true or false."),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], sentence: str) -> None:
    error = refuse(**fields)
    assert (error.message, error.param) == (sentence, sentence.replace("`", "").split(" ")[0])


def test_null_is_the_default_and_unknown_fields_are_ignored() -> None:
    asked = read({"text": "a", "number": None, "other": 1})
    assert asked == Asked(text="a")
