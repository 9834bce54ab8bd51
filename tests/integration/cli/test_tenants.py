"""`safelight tenants`."""

from __future__ import annotations

import pytest

from safelight.app.container import load
from safelight.cli.demo import operator
from safelight.cli.output import Exit
from support.commands import Run, Say


def test_tenants_are_listed_with_their_keys_and_reviewers(run: Run) -> None:
    accounts = load().persistence.accounts
    first = operator(load()).tenant
    run("keys", "create", "app", "--new-tenant", "Ada Films")
    run("keys", "create", "review", "--tenant", "Ada Films", "--scope", "review")
    listed = [(one["name"], one["keys"], one["has_reviewer"]) for one in run("tenants", "list")["data"]]
    (name,) = (one.name for one in accounts.list_tenants() if one.id == first)
    assert listed == [(name, 0, False), ("Ada Films", 2, True)]


@pytest.mark.parametrize(
    ("command", "instead"), [("close", "keys revoke KEY"), ("reopen", "keys create NAME --tenant TENANT")]
)
def test_removed_commands_name_the_way(say: Say, command: str, instead: str) -> None:
    assert f"Use safelight {instead} instead." in say("tenants", command, "x", code=Exit.CONFIGURATION).err
