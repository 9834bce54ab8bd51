"""`safelight keys`, and the roots that `safelight signing` exports."""

from __future__ import annotations

import json

import pytest

from safelight.accounts import KeyScope
from safelight.app.container import load
from safelight.core.errors import Unauthenticated
from safelight.store.database import Database
from support.commands import Run


def test_a_new_key_authenticates_until_it_is_revoked_and_is_never_listed(run: Run) -> None:
    made = run("keys", "create", "studio app")
    principal = load().persistence.accounts.authenticate(made["key"])
    assert principal.tenant == made["tenant"]["id"]
    listed = run("keys", "list")
    assert [key["id"] for key in listed["data"]] == [made["id"]]
    assert made["key"] not in json.dumps(listed)
    assert (listed["object"], listed["has_more"], listed["data"][0]["object"]) == ("list", False, "key")
    assert made["created_at"] == int(made["created_at"])

    run("keys", "revoke", made["id"])
    with pytest.raises(Unauthenticated):
        load().persistence.accounts.authenticate(made["key"])
    assert run("keys", "revoke", made["id"], code=1)["error"]["code"] == "conflict"
    assert run("keys", "revoke", "key_nowhere", code=1)["error"]["code"] == "not_found"
    assert "videos:write" in run("keys", "create", "x", "--scope", "everything", code=1)["error"]["remedy"]


def test_with_several_tenants_the_tenant_must_be_named(run: Run) -> None:
    run("keys", "create", "one")
    other = run("keys", "create", "two", "--new-tenant", "Other Films")["tenant"]
    assert other["id"] in run("keys", "create", "three", code=1)["error"]["remedy"]
    assert run("keys", "create", "three", "--tenant", "Other Films")["tenant"] == other
    listed = run("keys", "list", "--tenant", "Other Films")
    assert [key["name"] for key in listed["data"]] == ["two", "three"]


def test_the_owner_of_a_key_signs_in_with_its_scopes_until_it_is_revoked(run: Run) -> None:
    key = run("keys", "create", "bea", "--scope", "review", "--scope", "videos:read")["id"]
    link = run("keys", "login", key)["path"]
    accounts = load().persistence.accounts
    _, session = accounts.redeem_login_link(link.partition("token=")[2])
    owner = accounts.sessions.authenticate(session)
    assert (owner.id, owner.scopes) == (key, {KeyScope.REVIEW, KeyScope.VIDEOS_READ})
    run("keys", "revoke", key)
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(session)
    assert run("keys", "login", key, code=1)["error"]["code"] == "not_found"


def test_the_operator_gets_another_link_without_a_restart(run: Run) -> None:
    link = run("keys", "login")["path"]
    accounts = load().persistence.accounts
    _, session = accounts.redeem_login_link(link.partition("token=")[2])
    assert accounts.sessions.authenticate(session).scopes == frozenset(KeyScope) - {KeyScope.VAULT}


def test_the_exported_roots_are_the_trust_anchors_without_private_keys(run: Run) -> None:
    pem = run("signing", "export-roots")["pem"]
    assert pem == load().persistence.signing_keys.anchors_pem
    assert "PRIVATE" not in pem


def test_a_verb_closes_the_database_that_it_opened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Database] = []
    monkeypatch.setattr(Database, "close", lambda self: closed.append(self))
    run("keys", "create", "one")
    assert len(closed) == 1


def test_a_login_link_is_whole_if_the_settings_name_the_address(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for settings, address in (
        ({}, "http://127.0.0.1:8000"),
        ({"PORT": "8123"}, "http://127.0.0.1:8123"),
        ({"PUBLIC_URL": "https://films.example/"}, "https://films.example"),
    ):
        for name, value in settings.items():
            monkeypatch.setenv(f"SAFELIGHT_SERVER__{name}", value)
        made = run("keys", "login")
        assert made["link"] == address + made["path"]
    monkeypatch.delenv("SAFELIGHT_SERVER__PUBLIC_URL")
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "0")
    assert run("keys", "login")["link"] is None
