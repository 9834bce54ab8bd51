from __future__ import annotations

import pytest

from safelight.cli.policy import _describe
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from support.commands import speaking


@pytest.mark.parametrize(("tag", "bracket"), [("en", " ("), ("zh-Hant", "（"), ("zh-Hans", "（")])
def test_a_shown_policy_has_the_ids_of_its_categories_before_the_names(tag: str, bracket: str) -> None:
    policy = load("starter", SHIPPED)
    with speaking(tag):
        lines = list(_describe(policy))
    assert any(f" sexual/minors{bracket}" in line for line in lines)
    for line, requirement in zip(lines[-len(policy.requirements) :], policy.requirements, strict=True):
        assert line.startswith(requirement.id)
        for category in requirement.categories:
            assert f"{category}{bracket}" in line
