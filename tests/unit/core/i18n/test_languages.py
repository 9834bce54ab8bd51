from __future__ import annotations

from safelight.core.i18n import language_of_environment, match_language
from support.rows import each_row


@each_row
def test_a_locale_name_selects_a_language(name: str, tag: str | None) -> None:
    assert match_language(name) == tag


@each_row
def test_the_variable_of_safelight_comes_before_the_locale(environment: dict[str, str], tag: str) -> None:
    assert language_of_environment(environment) == tag
