"""Which action a finding supports. `test_starter.py` has what a verdict makes of it."""

from __future__ import annotations

from typing import Any

from safelight.policy.grounding import Grounding, Support
from support.rows import each_row
from support.verdicts import finding_of


@each_row
def test_the_action_that_the_first_finding_supports(
    what: str, findings: list[dict[str, Any]], support: str
) -> None:
    found = [finding_of(row) for row in findings]
    assert Grounding(found).support(found[0]) is Support[support.upper()]
