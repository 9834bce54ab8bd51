from __future__ import annotations

import pytest

from safelight.i18n import language_of_environment, match_language


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("en", "en"),
        ("en_GB.UTF-8", "en"),
        ("zh_TW.UTF-8", "zh-Hant"),
        ("zh_HK", "zh-Hant"),
        ("zh_HK.Big5-HKSCS", "zh-Hant"),
        ("zh-Hant-CN", "zh-Hant"),
        ("yue_HK", "zh-Hant"),
        ("zh_CN.GBK", "zh-Hans"),
        ("zh_SG@pinyin", "zh-Hans"),
        ("ZH", "zh-Hans"),
        ("zh-hans", "zh-Hans"),
        ("C", None),
        ("de_DE.UTF-8", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_locale_name_selects_a_language(name: str, tag: str | None) -> None:
    assert match_language(name) == tag


@pytest.mark.parametrize(
    ("environment", "tag"),
    [
        ({}, "en"),
        ({"LANG": "zh_HK"}, "zh-Hant"),
        ({"LANG": "zh_TW", "LC_ALL": "zh_CN.GBK"}, "zh-Hans"),
        ({"LANG": "zh_TW", "LC_ALL": "", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "zh_TW", "LC_ALL": "C"}, "en"),
        ({"LANG": "nonsense"}, "en"),
        ({"LANG": "zh_CN", "SAFELIGHT_LANG": "zh-Hant"}, "zh-Hant"),
        ({"LANG": "zh_CN", "SAFELIGHT_LANG": "nonsense"}, "zh-Hans"),
    ],
)
def test_the_variable_of_safelight_comes_before_the_locale(environment: dict[str, str], tag: str) -> None:
    assert language_of_environment(environment) == tag
