"""The entries of the menu, by role and setting."""

from __future__ import annotations

import pytest

from safelight.accounts import ROLES, Principal, PrincipalKind, Role
from safelight.web.console.render import count_wide, nav_items

#: The roles whose work is review or audit.
_NEED_COMPLIANCE = {
    *(Role.TRUST_LEAD, Role.VAULT_OFFICER, Role.SENIOR_REVIEWER, Role.REVIEWER, Role.AUDITOR),
}


def person(role: Role) -> Principal:
    return Principal(
        tenant="tenant",
        id="user",
        kind=PrincipalKind.PERSON,
        name="Ada",
        scopes=ROLES[role].scopes,
        role=role,
    )


def keys(role: Role, **options: bool) -> list[str]:
    return [item.key for item in nav_items(person(role), "/", 0, **options)]


def test_the_owner_of_a_small_team_sees_five_pages_and_a_menu() -> None:
    items = nav_items(person(Role.OWNER), "/", 0)
    shown = [item.key for item in items[: count_wide(items)]]
    assert shown == ["studio", "videos", "review", "verify", "settings"]
    assert "compliance" not in keys(Role.OWNER)


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
def test_compliance_is_shown_to_roles_that_need_it_and_to_all_if_switched_on(role: Role) -> None:
    assert ("compliance" in keys(role)) == (role in _NEED_COMPLIANCE)
    assert "compliance" in keys(role, compliance_menu=True)
    items = nav_items(person(role), "/compliance/access", 0, compliance_menu=True)
    assert [item.key for item in items if item.current] == ["compliance"]
    assert "compliance" in [item.key for item in items[: count_wide(items)]]


def test_a_visitor_sees_the_public_pages_only() -> None:
    items = nav_items(None, "/verify", 0, compliance_menu=True)
    assert [item.key for item in items] == ["verify", "explain_error"]
