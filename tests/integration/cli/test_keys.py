from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.errors import Unauthenticated
from safelight.trust.accounts import KeyScope

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_new_key_authenticates_until_it_is_revoked(run: Run) -> None:
    code, made = run("keys", "create", "studio app")
    assert code == 0
    principal = load().persistence.accounts.authenticate(made["token"])
    assert principal.tenant == made["tenant"]["id"]

    assert run("keys", "revoke", made["id"])[0] == 0
    with pytest.raises(Unauthenticated):
        load().persistence.accounts.authenticate(made["token"])
    code, again = run("keys", "revoke", made["id"])
    assert (code, again["error"]["code"]) == (1, "conflict")


def test_a_list_never_shows_a_key_itself(run: Run) -> None:
    _, made = run("keys", "create", "studio app")
    code, listed = run("keys", "list")
    assert code == 0
    assert [key["id"] for key in listed["keys"]] == [made["id"]]
    assert made["token"] not in json.dumps(listed)


def test_with_several_tenants_the_tenant_must_be_named(run: Run) -> None:
    run("keys", "create", "one")
    _, second = run("keys", "create", "two", "--new-tenant", "Other Films")
    code, answer = run("keys", "create", "three")
    assert code == 1
    assert second["tenant"]["id"] in answer["error"]["remedy"]
    code, third = run("keys", "create", "three", "--tenant", "Other Films")
    assert code == 0
    assert third["tenant"] == second["tenant"]
    _, listed = run("keys", "list", "--tenant", "Other Films")
    assert [key["name"] for key in listed["keys"]] == ["two", "three"]


def test_an_unknown_scope_gets_the_list_of_scopes(run: Run) -> None:
    code, answer = run("keys", "create", "x", "--scope", "everything")
    assert code == 1
    assert "videos:write" in answer["error"]["remedy"]


def test_the_owner_of_a_key_signs_in_with_its_scopes_until_it_is_revoked(run: Run) -> None:
    _, key = run("keys", "create", "bea", "--scope", "review", "--scope", "videos:read")
    _, link = run("keys", "login", key["id"])
    accounts = load().persistence.accounts
    _, session = accounts.redeem_login_link(link["path"].partition("token=")[2])
    owner = accounts.sessions.authenticate(session)
    assert (owner.id, owner.scopes) == (key["id"], {KeyScope.REVIEW, KeyScope.VIDEOS_READ})
    run("keys", "revoke", key["id"])
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(session)
    assert run("keys", "login", key["id"])[1]["error"]["code"] == "not_found"


def test_an_unknown_key_is_reported(run: Run) -> None:
    code, answer = run("keys", "revoke", "key_nowhere")
    assert (code, answer["error"]["code"]) == (1, "not_found")


def test_the_exported_roots_are_the_trust_anchors_without_private_keys(run: Run) -> None:
    code, answer = run("signing", "export-roots")
    assert code == 0
    assert answer["pem"] == load().persistence.signing_keys.anchors_pem
    assert "PRIVATE" not in answer["pem"]
