"""Fields of small bodies: null is as good as leaving one out, a wrong type is named."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.core.errors import InvalidField
from safelight.web.api.moderations import read_input
from safelight.web.request_body import optional_flag, optional_text


@pytest.mark.parametrize("fields", [{}, {"keep": None}])
def test_null_is_the_default(fields: dict[str, Any]) -> None:
    assert optional_flag(fields, "keep", default=True) is True
    assert optional_text(fields, "keep") is None


@pytest.mark.parametrize("wrong", [0, 1, "", "true", [], {}])
def test_a_flag_is_true_or_false(wrong: Any) -> None:
    with pytest.raises(InvalidField):
        optional_flag({"keep": wrong}, "keep", default=True)


@pytest.mark.parametrize("wrong", [0, False, [], {}])
def test_the_model_of_a_moderation_is_a_string(wrong: Any) -> None:
    with pytest.raises(InvalidField) as refused:
        read_input({"input": "a lighthouse", "model": wrong}, max_chars=100)
    assert refused.value.param == "model"
