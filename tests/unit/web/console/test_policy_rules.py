"""Every rule of every shipped policy is a sentence, in three languages."""

from __future__ import annotations

import re

import pytest

from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.web.console.policy_pages import RuleRow, rule_groups
from safelight.web.translations import load_languages
from support.rows import each_row


@pytest.mark.parametrize("policy", SHIPPED_NAMES)
@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_each_rule_of_a_shipped_policy_is_a_sentence_in_the_readers_language(policy: str, tag: str) -> None:
    loaded = load(policy, SHIPPED)
    rows = [row for group in rule_groups(loaded, load_languages()[tag]) for row in group.rules]
    assert sorted(row.id for row in rows) == sorted(rule.id for rule in loaded.rules)
    for row in rows:
        assert not row.in_english, row.id
        assert re.search(r"[.。]$", row.text), row.text
        assert not re.search(r"[{}_]|policy\\.", row.text + row.action), row.text


def starter(name: str) -> RuleRow:
    groups = rule_groups(load("starter", SHIPPED), load_languages()["en"])
    return next(row for group in groups for row in group.rules if row.id == name)


@each_row
def test_a_rule_says_what_where_and_what_happens(name: str, action: str, text: str) -> None:
    row = starter(name)
    assert (row.action, row.text) == (action, text)


def test_rules_of_one_category_are_together() -> None:
    names = [group.name for group in rule_groups(load("starter", SHIPPED), load_languages()["en"])]
    assert len(names) == len(set(names))
    assert all(name[0].isupper() for name in names), names
    assert {"Sexual content", "Sexual content with a minor", "Several categories"} <= set(names)
