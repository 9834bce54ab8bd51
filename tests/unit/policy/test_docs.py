"""The examples in docs/policy.md are loaded, and its tables say all there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from safelight.cli import policy as verbs
from safelight.core.errors import PolicyError
from safelight.policy.conditions import KNOWN_ATTRIBUTES
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from support.verdicts import STARTER

DOCS = (Path(__file__).parents[3] / "docs" / "policy.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: str(re.findall(r"policy: (.*)", text)[0]))
def test_every_example_loads_or_is_refused_as_documented(example: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(example, "utf-8")
    if example.startswith("# refused"):
        with pytest.raises(PolicyError) as error:
            load(path, SHIPPED)
        assert "waiver" in str(error.value.problems[0])
    else:
        load(path, SHIPPED)


def test_the_lists_of_starter_equal_the_shipped_policy() -> None:
    rules = {}
    for action, rows in re.findall(r"^[A-Z][a-z ]+ \(`(\w+)`\):\n\n((?:- .*\n)+)", DOCS, re.MULTILINE):
        for name, reason in re.findall(r"^- `([a-z]+-\d+)`(?: \(vaulted\))? (.*)$", rows, re.MULTILINE):
            rules[name] = (action, reason)
    assert rules == {rule.id: (rule.action.value, rule.reason) for rule in STARTER.rules}


def test_every_attribute_and_verb_is_documented() -> None:
    for name in KNOWN_ATTRIBUTES:
        assert f"`{name}`" in DOCS
    for command in verbs.app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        assert f"safelight policy {name}" in DOCS
